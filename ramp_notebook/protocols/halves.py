"""Between numbers and bits for `fantastic-four`: signs, equality, words, truncation.

A secret is the sum of two halves, each known to two parties: s = x_0 + x_1 and t = x_2 + x_3. These share the bits of theirs
jointly, and one adder replaces the three that a sum of four unknown numbers would need (2020/1330, section 4).
"""

from typing import Any

import numpy as np

from . import circuits
from . import planes as packed
from .base import Share
from .joint_messages import PARTIES, Route
from .joint_sharing import BITS, RING, Gates, JointSharing, gates_of

WORD = 64
LOW, HIGH = frozenset((2, 3)), frozenset((0, 1))  # who knows x_0 + x_1, and who x_2 + x_3


class Halves(JointSharing):
    """The conversions."""

    def _low_and_high(self, x: Share, *, binary: bool = False) -> tuple[Any, Any]:
        """s = x_0 + x_1 and t = x_2 + x_3, where known: together they are the secret."""
        add = gates_of(binary).add
        s = add(x[self.at(0)], x[self.at(1)]) if self.me in LOW else None
        t = add(x[self.at(2)], x[self.at(3)]) if self.me in HIGH else None
        return s, t

    # -- between the domains: an adder of s and t, each of which two parties know and share bit by bit -------------------

    def sign(self, x: Share) -> Share:
        """The carry into bit 63 by a tree over the lower 63 positions, then p_63 ^ carry. 7 rounds, 2 + 6 * 120 / 64 elements in total."""
        s, p = self._planes_of_sum(x)
        low, top = slice(0, WORD - 1), p[:, WORD - 1].copy()
        blocks = [circuits.Block(s[:, low, columns], p[:, low, columns], carry_known=True) for columns in circuits.pieces(s)]
        del s, p  # the blocks let go of them as they fold
        return top ^ self.carries_of(blocks)

    def to_binary(self, x: Share) -> Share:
        """The whole sum, by a prefix tree. 7 rounds."""
        return packed.from_planes(circuits.add_planes(*self._planes_of_sum(x), self.conjunctions), x.shape[1])

    def is_zero(self, x: Share) -> Share:
        """s + t = 0 exactly if all bits of ~(s ^ -t) are one: no adder. 7 rounds, 63 ANDs."""
        s, t = self._low_and_high(x)
        s, minus_t = self._share_planes(s, None if t is None else -t, x.shape[1])
        return self.planes_are_zero(s ^ minus_t)

    def _planes_of_sum(self, x: Share) -> tuple[Share, Share]:
        """Planes of s and of p = s ^ t: what an adder of s and t needs. Two elements in total, one round."""
        s, t = self._share_planes(*self._low_and_high(x), x.shape[1])
        return s, np.bitwise_xor(s, t, out=t)

    def _share_planes(self, s: Any, t: Any, n: int) -> list[Share]:
        s, t = (None if v is None else packed.to_planes(v, WORD) for v in (s, t))
        return self.share_jointly([(LOW, s), (HIGH, t)], (WORD, packed.word_count(n)), binary=True)

    def bits_to_ring(self, bits: Share, n: int) -> Share:
        """b = s ^ t = s + t - 2 s t, with s and t shared as numbers: 6 elements in total, 2 rounds."""
        s, t = self._low_and_high(bits, binary=True)
        s, t = (None if v is None else unpack_to_ring(v, n) for v in (s, t))
        s, t = self.share_jointly([(LOW, s), (HIGH, t)], (n,), binary=False)
        return s + t - (self._low_by_high(s, t) << np.uint64(1))

    def _low_by_high(self, s: Share, t: Share) -> Share:
        """s t where s consists of components 0 and 1 and t of components 2 and 3: only four products are left. 4 elements, one round."""
        product = self.zeros(s.shape[1:], binary=False)
        known = []
        for i, j in ((0, 2), (0, 3), (1, 2), (1, 3)):
            pair = frozenset(range(PARTIES)) - {i, j}
            known.append((pair, s[self.at(i)] * t[self.at(j)] if self.me in pair else None, product))
        self.add_jointly("multiply", known, binary=False)
        return product

    def to_arithmetic(self, x: Share) -> Share:
        """y_0 and y_1 are drawn, d = x - y_0 - y_1 comes out of a binary adder and is told to parties 0 and 1, who share it jointly.

        Everything is checked before that: d is uniform to each of them only if the adder really subtracted. Cost: 4 elements in
        total beside the adder; 11 rounds.
        """
        self.agree()
        n = x.shape[1]
        y = self.zeros((n,), binary=False)
        for component in (0, 1):
            if self.me != component:
                y[self.at(component)] = self.stream_without(component).words((n,))
        minus_r = packed.to_planes(-(y[self.at(0)] + y[self.at(1)]), WORD) if self.me in LOW else None
        [s] = self.share_jointly([(LOW, minus_r)], (WORD, packed.word_count(n)), binary=True)
        total = circuits.add_planes(s, packed.to_planes(x, WORD) ^ s, self.conjunctions)

        self.verify()
        d = self._open_to_0_and_1(total, BITS)
        d = None if d is None else packed.from_planes(d, n)
        self.add_jointly("joint input", [(HIGH, d, y)], binary=False)
        return y

    def _open_to_0_and_1(self, x: Share, gates: Gates) -> Any:
        """The value of a share that nothing can be read from: to parties 0 and 1, who miss one component each. One round."""
        routes = [Route(2, 3, 0), Route(3, 2, 1)]
        known = [x[self.at(route.receiver)] if self.me in LOW else None for route in routes]
        came = self.checks.deliver("open masked", routes, known, [x.shape[1:]] * 2)
        if self.me in LOW:
            return None
        return gates.add(gates.add(x[0], x[1]), gates.add(x[2], came[self.me]))

    # -- truncation ------------------------------------------------------------------------------------------------------

    def truncate(self, x: Share, bits: int) -> Share:
        """floor(x / 2**bits), exactly.

        x + 2^63 = s + t - 2^64 w as integers, so its quotient is (s >> b) + (t >> b) + c - w 2^(64-b), where c is the
        carry out of the low b bits and w the carry out of bit 63: one tree yields both. 10 rounds for up to 32 bits.
        """
        n = x.shape[1]
        x = self.add_public(x, np.uint64(1 << 63))
        self.agree()
        quotient, (c, w) = self.context.parallel([lambda: self._sum_of_quotients(x, bits), lambda: self._carries(x, bits)])
        quotient = quotient + c[:, :n] - (w[:, :n] << np.uint64(64 - bits))
        return self.add_public(quotient, np.uint64((1 << 64) - (1 << (63 - bits))))

    def _sum_of_quotients(self, x: Share, bits: int) -> Share:
        s, t = (None if v is None else v >> np.uint64(bits) for v in self._low_and_high(x))
        quotient = self.zeros(x.shape[1:], binary=False)
        self.add_jointly("joint input", [(LOW, s, quotient), (HIGH, t, quotient)], binary=False)
        return quotient

    def _carries(self, x: Share, bits: int) -> tuple[Share, Share]:
        """Of s + t the carries, as numbers, out of the low bits and out of all."""
        s, p = self._planes_of_sum(x)
        blocks = [circuits.Block(s[:, :bits], p[:, :bits], carry_known=True), circuits.Block(s[:, bits:], p[:, bits:])]
        low, high = circuits.reduce_carries(blocks, self.conjunctions)
        wrap = high[0] ^ self.conjunction(high[1], high[0] ^ low[0])
        lanes = packed.word_count(x.shape[1]) * WORD
        both = self.bits_to_ring(np.concatenate([low[0], wrap], axis=1).reshape(3, -1), 2 * lanes)
        return both[:, :lanes], both[:, lanes:]

    def truncate_probabilistic(self, x: Share, bits: int) -> Share:
        """x / 2**bits rounded down or up (up with the probability of the fraction) for |x| < 2^62: 2 rounds, 10 elements.

        Parties 2 and 3 know a random r = r_0 + r_1; parties 0 and 1 alone learn c = x + 2^62 + r, which is uniform to each of
        them whatever x became: r enters nothing before. Both pairs share the quotient and the top bit of theirs. The top
        bits' XOR says whether the low 63 bits borrow, so that no |x| < 2^62 fails. Its product needs of c's top bit only what
        its senders drew, and so no round of its own.
        """
        n, shift, top, low63 = x.shape[1], np.uint64(bits), np.uint64(63), np.uint64((1 << 63) - 1)
        weight = np.uint64(63 - bits)  # of the borrow, after the shift
        self.agree()
        x = self.add_public(x, np.uint64(1 << 62))
        r = self.zeros((n,), binary=False)
        for component in (0, 1):
            if self.me != component:
                r[self.at(component)] = self.stream_without(component).words((n,))
        c = self._open_to_0_and_1(x + r, RING)

        known = r[self.at(0)] + r[self.at(1)] if self.me in LOW else c
        both = np.stack([(known & low63) >> shift, known >> top])
        told = [(LOW, both if self.me in LOW else None), (HIGH, both if self.me in HIGH else None)]
        of_r, of_c = self.share_jointly(told, (2, n), binary=False)

        borrow = of_c[:, 1] + of_r[:, 1] - (self._low_by_high(of_r[:, 1], of_c[:, 1]) << np.uint64(1))
        return self.add_public(of_c[:, 0] - of_r[:, 0] + (borrow << weight), np.uint64((1 << 64) - (1 << (62 - bits))))


def unpack_to_ring(words: Any, n: int) -> Any:
    """0 or 1 in the ring for each of n packed bits."""
    return packed.unpack(words, n).astype(np.uint64)
