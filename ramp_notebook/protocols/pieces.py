"""Between numbers modulo p = 2^61 - 1 and bits, both shared by polynomials: signs, equality, words, truncation.

A number is the sum modulo p of t + 1 pieces, each known to one party. These share the bits of their pieces; carry-save
adders, whose top carry counts one, leave two numbers S and C with S + C = x modulo p. No masks with slack, no statistical
error: where Rabbit (2021/119) compares a revealed masked value with a shared mask, here pieces are compared themselves, which
saves making masks ahead (edaBits) and one reveal; for t = 1 it is one carry tree. Stated rounds hold while products take one
round (see `Sharing.many`).

The first party writes its piece as 1 to p, the others as 0 to p - 1: then S and C are never both 0 and never both p (a
carry-save adder makes both 0, or both p, only of three such numbers), so that nothing is ambiguous.
"""

from typing import Any

import numpy as np

from ..values import field, shaped
from . import circuits
from . import planes as packed
from .base import Protocol, Share
from .polynomial_fields import BitSharing, PrimeSharing

BITS = field.BITS
HALF = 1 << (BITS - 1)  # numbers from here on stand for negative ones


class Pieces(Protocol):
    """The conversions of a protocol that shares `numbers` and `bits` by polynomials among the same parties."""

    numbers: PrimeSharing
    bits: BitSharing
    me: int
    holders: range  # the t + 1 parties whose pieces make up a secret

    def sign(self, x: Share) -> Share:
        """x is negative exactly if 2x modulo p is odd: if S_0 + C_0 + [S + C >= p] is.

        S + C + 1 passes 2^61 exactly if the complements' sum does not: one carry tree.
        Cost: t + 6 rounds; among three 61 bits of two pieces and 116 ANDs, 470 bits in total.
        """
        s, c = self._two_summands(field.shift(x, 1))
        differ = s ^ c
        below = self.carries_of([circuits.Block(self.invert(s), differ, carry_known=True)])
        return self.invert(differ[:, 0] ^ below)

    def is_zero(self, x: Share) -> Share:
        """S + C = p exactly if all bits of S and C differ: no adder. Cost: t + 6 rounds; among three 302 bits in total."""
        s, c = self._two_summands(x)
        return circuits.fold_and(s ^ c, self.conjunction)[:, 0]

    def to_binary(self, x: Share) -> Share:
        """x + 2^60 lies in 1 to p; its bit 60 tells that x is not negative. Cost: t + 7 rounds."""
        low, top = self._planes_above_smallest(x)
        return packed.from_planes(np.concatenate([low, *[self.invert(top)] * (64 - BITS + 1)], axis=1), x.shape[1])

    def to_arithmetic(self, x: Share) -> Share:
        """Words must hold numbers of the protocol's range. Cost: t + 9 rounds, and one if n > 3 for a random number."""
        planes = packed.to_planes(x, BITS)
        planes = np.concatenate([planes[:, : BITS - 1], self.invert(planes[:, BITS - 1 :])], axis=1)
        return self.add_public(self._number_of(planes, x.shape[1]), np.uint64(field.P - HALF))

    def truncate(self, x: Share, bits: int) -> Share:
        """floor(x / 2**bits) exactly: the pieces' quotients, and every carry that passes bit `bits` or bit 61 on the way to their sum.

        y = x + 2^60 is the pieces' sum, less 2^61 - 1 for each carry beyond bit 61, of which carry-save adders put one in again.
        The last carries, with S and C: w = [S + C >= 2^61] as y > 0, and c out of the low bits of S + C + w.
        Cost: t + 8 rounds, and those of `bits_to_ring`, for up to 32 bits.
        """
        bits = min(bits, BITS - 1)  # beyond that the sign alone is left
        x = self.add_public(x, np.uint64(HALF))
        quotient, carries = self.context.parallel([lambda: self._sum_of_quotients(x, bits), lambda: self._carries(x, bits)])
        quotient = self.add(quotient, field.subtract(carries[:, 0], field.shift(carries[:, 1], BITS - bits)))
        return self.add_public(quotient, np.uint64(field.P - (HALF >> bits)))

    def _sum_of_quotients(self, x: Share, bits: int) -> Share:
        piece = self._unambiguous_piece(x)
        quotient = None if piece is None else piece >> np.uint64(bits)
        return self.numbers.add_up(self.numbers.deal("quotients", self.holders, quotient, (x.shape[1],)))

    def _carries(self, x: Share, bits: int) -> Share:
        """How many carries pass bit `bits`, and how many bit 61: a share of shape (1, 2, n)."""
        s, c, *others = self._shared_pieces(x)
        low, high = [], []
        for piece in others:
            s, c = self._carry_save(s, c, piece)
            low.append(c[:, bits])
            high.append(c[:, 0])
        last_low, last_high = self._last_carries(s, c, bits)
        places = np.concatenate([*low, last_low, *high, last_high], axis=1)
        counted = self.bits_to_ring(places, 64 * places.shape[1]).reshape(1, 2, len(low) + 1, 64 * s.shape[2])
        return field.total(counted, 2)[:, :, : x.shape[1]]

    def _last_carries(self, s: Share, c: Share, bits: int) -> tuple[Share, Share]:
        """The carry out of the low bits of S + C + w, and w. With (g, p) of the low and of the high bits: two rounds."""
        p = s ^ c
        blocks = [circuits.Block(s[:, :bits], p[:, :bits]), circuits.Block(s[:, bits:], p[:, bits:])]
        (g0, p0), (g1, p1) = circuits.reduce_carries(blocks, self.conjunctions)
        left, right = [p0, p1, p1, p0], [g0, g0 ^ g1, p0, g1]
        products = self.conjunction(np.concatenate(left, axis=1), np.concatenate(right, axis=1))
        a, b, d, e = (products[:, k : k + 1] for k in range(4))
        last = self.conjunction(np.concatenate([p1, p0, d], axis=1), np.concatenate([a, b, a], axis=1))
        w = g1 ^ b ^ last[:, :1]
        return (g0 ^ a ^ e ^ last[:, 1:2] ^ last[:, 2:])[:, 0], w[:, 0]

    def truncate_probabilistic(self, x: Share, bits: int) -> Share:
        """x / 2**bits rounded up with the probability of its fraction, else down, for |x| < 2^59: 2 rounds if t = 1, else exactly.

        y = x + 2^59 < 2^60 is S + C, less p exactly if S or C has bit 60: each known to one party. The carry out of the low
        bits is one exactly if those of S exceed those of y, a coin; one is put for it, which rounds up where none was.
        """
        if len(self.holders) > 2:
            return self.truncate(x, bits)
        bits = min(bits, BITS - 1)
        x = self.add_public(x, np.uint64(HALF >> 1))
        piece, known = self._unambiguous_piece(x), None
        if piece is not None:
            known = np.stack([piece >> np.uint64(bits), np.uint64(1) - (piece >> np.uint64(BITS - 1))])
        s, c = self.numbers.deal("quotients", self.holders, known, (2, x.shape[1]))
        not_above = self.multiply(s[:, 1], c[:, 1])
        quotient = self.add(self.add(s[:, 0], c[:, 0]), field.shift(not_above, BITS - bits))
        return self.add_public(quotient, np.uint64((field.P + 1 - (1 << (BITS - bits)) - (HALF >> 1 >> bits)) % field.P))

    def bits_to_ring(self, bits: Share, n: int) -> Share:
        """A bit is the XOR of t + 1 bits b_i, each known to one party; 1 - 2 b, its sign, is the product of theirs.

        Cost: 1 + ceil(log2(t + 1)) rounds; t + 1 numbers dealt and t products, among three 5 elements in total.
        """
        piece = self.bits.piece(bits, self.holders)
        if piece is not None:
            odd = packed.unpack(piece, n).astype(np.uint64)
            piece = field.subtract(np.uint64(1) if not shaped.is_shaped(odd) else odd, odd + odd)
        signs = self.numbers.deal("signs", self.holders, piece, (n,))
        while len(signs) > 1:
            pairs = len(signs) // 2
            left, right = np.concatenate(signs[:pairs], axis=1), np.concatenate(signs[pairs : 2 * pairs], axis=1)
            joined = self.multiply(left, right).reshape(1, pairs, n)
            signs = [joined[:, k] for k in range(pairs)] + signs[2 * pairs :]
        return field.shift(self.add_public(self.negate(signs[0]), np.uint64(1)), -1)

    def _two_summands(self, x: Share) -> tuple[Share, Share]:
        """Planes of S and C. One round to share the pieces, t - 1 to add all but two of them up."""
        s, c, *others = self._shared_pieces(x)
        for piece in others:
            s, c = self._carry_save(s, c, piece)
        return s, c

    def _shared_pieces(self, x: Share) -> list[Share]:
        piece = self._unambiguous_piece(x)
        planes = None if piece is None else packed.to_planes(piece, BITS)
        return self.bits.deal("pieces", self.holders, planes, (BITS, packed.word_count(x.shape[1])))

    def _unambiguous_piece(self, x: Share) -> Any:
        """This party's piece, from 1 to p at party 0; None if it holds none."""
        piece = self.numbers.piece(x, self.holders)
        return piece if piece is None or self.me or shaped.is_shaped(piece) else np.where(piece == 0, np.uint64(field.P), piece)

    def _carry_save(self, a: Share, b: Share, c: Share) -> tuple[Share, Share]:
        """Two numbers with the sum of three modulo p. One round."""
        differs = a ^ b
        carry = a ^ self.conjunction(differs, a ^ c)
        return differs ^ c, np.roll(carry, 1, axis=1)

    def _sum(self, s: Share, c: Share) -> Share:
        """Planes of S + C modulo p, as 1 to p."""
        return s ^ c ^ circuits.end_around_carries(s, c, self.conjunction)

    def _planes_above_smallest(self, x: Share) -> tuple[Share, Share]:
        """Bits 0 to 59 and bit 60 of x + 2^60."""
        planes = self._sum(*self._two_summands(self.add_public(x, np.uint64(HALF))))
        return planes[:, : BITS - 1], planes[:, BITS - 1 :]

    def _number_of(self, planes: Share, n: int) -> Share:
        """The number modulo p that up to 61 planes make: a random r, whose pieces' bits are shared, hides it; the sum is revealed."""
        r = self.numbers.random((n,))
        s, c, *others = self._shared_pieces(r)
        above = self.zeros((BITS - planes.shape[1], planes.shape[2]), binary=True)
        for number in (np.concatenate([planes, above], axis=1), *others):
            s, c = self._carry_save(s, c, number)
        masked = self.bits.reveal(self._sum(s, c), range(self.context.count))
        return self.add_public(self.negate(r), field.canonical(packed.from_planes(masked, n)))
