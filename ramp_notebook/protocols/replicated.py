"""`replicated`: three parties, one may be curious. x = x_0 + x_1 + x_2 (or XOR); party i holds (x_i, x_{i+1}).

Araki, Furukawa, Lindell, Nof, Ohara 2016 (eprint 2016/768). Parties i and i+1 also share a key stream, from which masks
that cancel (zero sharings) come for free. Letters as in the paper: α is a share of zero.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ..registry import protocol
from ..values import ring, shaped
from . import circuits
from . import planes as packed
from .base import Protocol, Share
from .permutations import random_permutation
from .security import Security

WORD = 64
SENT_WORDS = 16384  # 128 KiB: a system call for fewer costs more than the peer gains by having them early
SMALL = 512  # words of a share up to which one pass of plain numpy beats streaming in blocks


@protocol("replicated")
class Replicated(Protocol):
    """Replicated secret sharing modulo 2^64 and on bits: a product costs each party one element and one round."""

    security = Security("semi-honest", 1, "3", "Araki et al. 2016/768; conversions after ABY3 2018/403; shuffle 2022/1595")
    arithmetic_components = binary_components = 2

    takes = "exactly three parties"

    @classmethod
    def fits(cls, count: int) -> bool:
        return count == 3

    def __init__(self, context: Any, kept: dict[str, Any] | None = None):
        super().__init__(context, kept)
        self.me = context.index
        self.next, self.previous = (self.me + 1) % 3, (self.me + 2) % 3

    def constant_components(self, *, binary: bool) -> tuple[int, ...]:
        """Constants live in component 0: party 0 holds it first, party 2 second, party 1 not at all."""
        return {0: (0,), 1: (), 2: (1,)}[self.me]

    # -- sharing -------------------------------------------------------------------------------------------------------

    def input(self, owner: int, value: Any, shape: tuple[int, ...], *, binary: bool) -> Share:
        """The owner i draws x_{i+1} with its next party, sets x_{i+2} = 0 and sends x_i = x - x_{i+1} to its previous.

        One element in total, one round: the party that misses a component sees uniform values only.
        """
        share = self.zeros(shape, binary=binary)
        if self.me == owner:
            self._draw(self.next, share[1, ...])
            operation = np.bitwise_xor if binary else np.subtract
            operation(value, share[1], out=share[0, ...])
            self.context.exchange("input", {self.previous: share[0, ...]}, {})
        elif self.previous == owner:
            self._draw(owner, share[0, ...])
            self.context.exchange("input", {}, {})
        else:
            self.context.exchange("input", {}, {owner: shape}, out=share[1, ...])
        return share

    def reveal(self, x: Share, to: Sequence[int], *, binary: bool) -> Any:
        """Party i misses x_{i+2} and gets it from its previous party, whose first component it is."""
        sends = {self.next: x[0]} if self.next in to else {}
        receives = {self.previous: x.shape[1:]} if self.me in to else {}
        reply = self.context.exchange("reveal", sends, receives)
        if self.me not in to:
            return None
        missing = reply[self.previous]
        return x[0] ^ x[1] ^ missing if binary else x[0] + x[1] + missing

    def random(self, shape: tuple[int, ...], *, binary: bool) -> Share:
        """Local: component j comes from the stream that its two holders share."""
        own = self.context.stream(self.previous).words(shape)
        return np.stack([own, self.context.stream(self.next).words(shape)])

    def pieces(self, x: Share, *, binary: bool) -> dict[int, Any]:
        """x_i of every party i."""
        return {party: x[0] if party == self.me else None for party in range(3)}

    # -- products ------------------------------------------------------------------------------------------------------

    def multiply(self, x: Share, y: Share) -> Share:
        """z_i = x_i y_i + x_i y_{i+1} + x_{i+1} y_i + α_i, sent to the previous party: 3 elements in total, 1 round."""
        if x.size <= SMALL and not shaped.is_shaped(x, y):
            return self._send_back("multiply", x[0] * (y[0] + y[1]) + x[1] * y[0] + self._zero_sum(x.shape[1:]))
        return self._product("multiply", [(x, y)], x.shape[1:], ring.cross_product_blocks, self._draw_zero_sum)

    def conjunction(self, x: Share, y: Share) -> Share:
        if x.size <= SMALL and not shaped.is_shaped(x, y):
            mask = self.context.stream(self.next).words(x.shape[1:]) ^ self.context.stream(self.previous).words(x.shape[1:])
            return self._send_back("and", x[0] & (y[0] ^ y[1]) ^ x[1] & y[0] ^ mask)
        return self._product("and", [(x, y)], x.shape[1:], ring.and_cross_blocks, self._draw_zero_xor)

    def conjunctions(self, factors: Iterable[circuits.Factors], shapes: Sequence[circuits.Shape]) -> list[Share]:
        """A pair is asked for when those before it are masked and on their way."""
        words = sum(planes * width for planes, width in shapes)
        if len(shapes) == 1 or 2 * words <= SMALL or self.context.planned:
            return super().conjunctions(factors, shapes)
        return list(circuits.split(self._product("and", factors, (words,), ring.and_cross_blocks, self._draw_zero_xor), shapes))

    def _send_back(self, tag: str, z: Any) -> Share:
        """Give z_i to the previous party and take z_{i+1} from the next."""
        share = np.empty((2, *z.shape), np.uint64)
        share[0] = z
        self.context.exchange(tag, {self.previous: share[0, ...]}, {self.next: z.shape}, out=share[1, ...])
        return share

    def _product(self, tag: str, factors: Iterable[tuple[Share, Share]], shape: tuple[int, ...], kernel: Any, draw: ring.Draw) -> Share:
        """Send z_i of one pair of factors after the other while it is computed."""
        z = self._empty(shape)
        fill = None if self.context.planned else _masked_products(factors, kernel, draw, z[0].reshape(-1))
        self.context.exchange(tag, {self.previous: z[0, ...]}, {self.next: shape}, fill=fill, out=z[1, ...])
        return z

    def matmul(self, x: Share, y: Share) -> Share:
        """A matrix product costs one element per *output* element: local products are summed before they are masked."""
        shape = shaped.matmul_shape(x.shape[1:], y.shape[1:])
        z = shaped.empty((2, *shape), like=x if shaped.is_shaped(x) else y)
        if not shaped.is_shaped(z):
            z[0, ...] = ring.matmul_sum([(x[0], y[0] + y[1]), (x[1], y[0])])
            z[0, ...] += self._zero_sum(shape)
        self.context.exchange("matmul", {self.previous: z[0, ...]}, {self.next: shape}, out=z[1, ...])
        return z

    def _zero_sum(self, shape: tuple[int, ...]) -> Any:
        return self.context.stream(self.next).words(shape) - self.context.stream(self.previous).words(shape)

    def _draw_zero_sum(self, out: Any) -> None:
        """Write α_i = F(i, i+1) - F(i-1, i): the three parties' α add up to zero."""
        self.context.stream(self.next).words_into(out)
        self.context.stream(self.previous).combine_into(np.subtract, out)

    def _draw_zero_xor(self, out: Any) -> None:
        self.context.stream(self.next).words_into(out)
        self.context.stream(self.previous).combine_into(np.bitwise_xor, out)

    # -- between the domains: the local share split --------------------------------------------------------------------
    # Party 0 knows s = x_0 + x_1, parties 1 and 2 know t = x_2. One adder of s and t, each private to someone, replaces
    # the two adders that a sum of three unknown numbers would need.

    def sign(self, x: Share) -> Share:
        """The carry into bit 63 by a tree over the lower 63 positions, then p_63 ^ carry. 7 rounds, about 142 bits each."""
        s, p = self._split_sum(x)
        low, top = slice(0, WORD - 1), p[:, WORD - 1].copy()
        blocks = [circuits.Block(s[:, low, columns], p[:, low, columns], carry_known=True) for columns in circuits.pieces(s)]
        del s, p  # the blocks let go of them as they fold
        return top ^ self.carries_of(blocks)

    def to_binary(self, x: Share) -> Share:
        """The whole sum, by a prefix tree. 7 rounds."""
        return packed.from_planes(circuits.add_planes(*self._split_sum(x), self.conjunctions), x.shape[1])

    def is_zero(self, x: Share) -> Share:
        """s + t = 0 exactly if all bits of ~(s ^ -t) are one: no adder. 7 rounds, 63 ANDs."""
        shape = (WORD, packed.word_count(x.shape[1]))
        s = self.input(0, packed.to_planes(x[0] + x[1], WORD) if self.me == 0 else None, shape, binary=True)
        if self.me:
            self._third(s)[...] ^= packed.to_planes(-self._third(x), WORD)
        for component in self.constant_components(binary=True):
            s[component] = ~s[component]
        return circuits.fold_and(s, self.conjunction)[:, 0]

    def bits_to_ring(self, bits: Share, n: int) -> Share:
        """b = s ^ t = s (1 - 2t) + t with s = b_0 ^ b_1 at party 0 and t = b_2 at parties 1 and 2.

        Party 0 splits s into s_0 + s_1 (one element to party 2), parties 1 and 2 multiply locally and reshare: 3 elements
        in total, 2 rounds.
        """
        s = self.input(0, unpack_to_ring(bits[0] ^ bits[1], n) if self.me == 0 else None, (n,), binary=False)
        piece = None
        if self.me:
            t = unpack_to_ring(self._third(bits), n)
            mine = s[self.me - 1]
            mine ^= -t  # where t is 1, s turns into -s - 1
            piece = mine + (t if self.me == 1 else t + t)
        return self._reshare_pair(1, piece, (n,), binary=False)

    def to_arithmetic(self, x: Share) -> Share:
        """x_0 and x_1 are drawn, x_2 = x - x_0 - x_1 comes out of a binary adder and is revealed to its two holders."""
        n = x.shape[1]
        shape = (WORD, packed.word_count(n))
        drawn = self.zeros((n,), binary=False)
        minus_r = None
        if self.me in (0, 2):
            drawn[1 if self.me == 2 else 0] = self.context.stream(2 - self.me).words((n,))  # x_0, of parties 2 and 0
        if self.me in (0, 1):
            drawn[1 if self.me == 0 else 0] = self.context.stream(1 - self.me).words((n,))  # x_1, of parties 0 and 1
        if self.me == 0:
            minus_r = packed.to_planes(-(drawn[0] + drawn[1]), WORD)
        minus_r = self.input(0, minus_r, shape, binary=True)
        total = circuits.add_planes(minus_r, packed.to_planes(x, WORD) ^ minus_r, self.conjunctions)
        third = self.reveal(total, (1, 2), binary=True)
        if self.me:
            drawn[2 - self.me] = packed.from_planes(third, n)
        return drawn

    def truncate(self, x: Share, bits: int) -> Share:
        """floor(x / 2**bits), exactly.

        x + 2^63 = s + t - 2^64 w as integers, so its quotient is (s >> b) + (t >> b) + c - w 2^(64-b), where c is the
        carry out of the low b bits and w the carry out of bit 63: one tree yields both. 10 rounds.
        """
        n = x.shape[1]
        x = self.add_public(x, np.uint64(1 << 63))
        s, p = self._split_sum(x)
        blocks = [circuits.Block(s[:, :bits], p[:, :bits], carry_known=True), circuits.Block(s[:, bits:], p[:, bits:])]
        low, high = circuits.reduce_carries(blocks, self.conjunctions)
        wrap = high[0] ^ self.conjunction(high[1], high[0] ^ low[0])
        lanes = packed.word_count(n) * packed.WORD_BITS
        both = self.bits_to_ring(np.concatenate([low[0], wrap], axis=1).reshape(2, -1), 2 * lanes)
        c, w = both[:, :n], both[:, lanes : lanes + n]

        s = self.input(0, (x[0] + x[1]) >> np.uint64(bits) if self.me == 0 else None, (n,), binary=False)
        t = self._known_to_1_and_2(self._third(x) >> np.uint64(bits) if self.me else None, (n,))
        quotient = s + t + c - (w << np.uint64(64 - bits))
        return self.add_public(quotient, np.uint64((1 << 64) - (1 << (63 - bits))))

    def truncate_probabilistic(self, x: Share, bits: int) -> Share:
        """x / 2**bits rounded down or up (up with the probability of the fraction) for |x| < 2^62: 3 rounds, 5 elements.

        After Dalskov, Escudero, Keller 2019/131: party 1 alone learns c = x + 2^62 + r. Parties 0 and 2 both hold x_0 and draw
        r from their common stream, so that sharing it is free. One element more than the 4 counted elsewhere for that paper:
        c's top bit travels too, and with r's says whether the low 63 bits borrow, so that no |x| < 2^62 fails.
        """
        n, shift, top, low63 = x.shape[1], np.uint64(bits), np.uint64(63), np.uint64((1 << 63) - 1)
        weight = np.uint64(63 - bits)  # of the borrow, after the shift
        x = self.add_public(x, np.uint64(1 << 62))
        piece = None
        if self.me == 1:
            c = self.context.exchange("open masked", {}, {0: (n,)})[0] + x[0] + x[1]

            known = np.stack([((c & low63) >> shift) + ((c >> top) << weight), c >> top])
            self.context.exchange("share masked", {0: known - self.context.stream(2).words((2, n))}, {})
        else:
            r = self.context.stream(2 - self.me).words((n,))
            self.context.exchange("open masked", {1: x[0] + r} if self.me == 0 else {}, {})

            received = self.context.exchange("share masked", {}, {1: (2, n)} if self.me == 0 else {})
            known = received[1] if self.me == 0 else self.context.stream(1).words((2, n))
            r_top = r >> top
            piece = known[0] - ((r_top * known[1]) << (weight + np.uint64(1)))  # borrow = c_63 + r_63 - 2 c_63 r_63
            if self.me == 0:
                piece = piece + (r_top << weight) - ((r & low63) >> shift)

        quotient = self._reshare_pair(2, piece, (n,), binary=False)
        return self.add_public(quotient, np.uint64((1 << 64) - (1 << (62 - bits))))

    # -- comparing words -----------------------------------------------------------------------------------------------

    def rows_are_less(self, words: Sequence[Share], bits: Sequence[int], at: np.ndarray, y: Share) -> Share:
        """As inherited, but only one piece of the numbers is ever gathered and sliced."""

        def x(columns: slice) -> Share:
            places = at[packed.numbers_in(columns)]
            return self.planes_of([np.take(word, places, axis=1) for word in words], bits)

        return self.pieces_are_less(x, y)

    # -- permutations --------------------------------------------------------------------------------------------------

    def shuffle(self, columns: list[tuple[Share, bool]]) -> list[Share]:
        """Three hops (2022/1595): each pair permutes by a permutation that the third party does not know.

        6 elements per row and column in total, 3 rounds; any single party misses one of the three permutations.
        """
        for a in (0, 1, 2):
            self._permute_by_pair(a, columns)
        return [share for share, _ in columns]

    def _permute_by_pair(self, a: int, columns: list[tuple[Share, bool]]) -> None:
        """Parties a and a + 1 permute; the columns are taken out of the list, and come back permuted."""
        shapes, kinds = [share.shape[1:] for share, _ in columns], [binary for _, binary in columns]
        if self.me == (a + 2) % 3:
            columns.clear()
            shares = self._reshare_pairs_idle(a, shapes)
        else:
            shares = self._reshare_pairs(a, self._permuted_pieces(a, columns), shapes, kinds)
        columns += zip(shares, kinds, strict=True)

    def _permuted_pieces(self, a: int, columns: list[tuple[Share, bool]]) -> Iterator[Any]:
        """This party's piece of every column, taken out of the list, by a permutation that it shares with the other one."""
        b = (a + 1) % 3
        order = random_permutation(self.context.stream(b if self.me == a else a), columns[0][0].shape[1])
        while columns:
            share, binary = columns.pop(0)
            piece = share[1] if self.me == b else share[0] ^ share[1] if binary else share[0] + share[1]
            del share
            yield np.take(piece, order, axis=0)
            del piece

    # -- two parties hold a value in two pieces, three shall hold it replicated ----------------------------------------

    def _reshare_pair(self, a: int, piece: Any, shape: tuple[int, ...], *, binary: bool) -> Share:
        if self.me == (a + 2) % 3:
            return self._reshare_pairs_idle(a, [shape])[0]
        return self._reshare_pairs(a, [piece], [shape], [binary])[0]

    def _reshare_pairs_idle(self, a: int, shapes: Sequence[tuple[int, ...]]) -> list[Share]:
        """The third party c only draws: its components are the masks of b and of a."""
        b = (a + 1) % 3
        self.context.exchange("reshare", {}, {})
        shares = [self._empty(shape) for shape in shapes]
        for share in shares:
            self._draw(b, share[0, ...])
            self._draw(a, share[1, ...])
        return shares

    def _reshare_pairs(self, a: int, pieces: Iterable[Any], shapes: Sequence[tuple[int, ...]], binary: Sequence[bool]) -> list[Share]:
        """Parties a and b = a+1 mask their pieces with what they share with c, and swap: 2 elements per value, 1 round."""
        b, c = (a + 1) % 3, (a + 2) % 3
        other, kept, joint = (b, 0, 1) if self.me == a else (a, 1, 0)  # components: the mask that c knows, the rest
        shares: list[Share] = []
        spans = [slice(*ends) for ends in pairwise(accumulate(map(math.prod, shapes), initial=0))]  # of each column in the message
        message = shaped.empty((spans[-1].stop,), like=self._empty(())) if len(shapes) > 1 else None
        for piece, shape, span, xor in zip(pieces, shapes, spans, binary, strict=True):
            shares.append(self._empty(shape))
            self._draw(c, shares[-1][kept, ...])
            ours = shares[-1][joint, ...] if message is None else message[span].reshape(shape)
            (np.bitwise_xor if xor else np.subtract)(piece, shares[-1][kept], out=ours)
            del piece
        outgoing = ours if message is None else message
        incoming = self.context.exchange("reshare", {other: outgoing}, {other: outgoing.shape})[other].reshape(-1)

        for share, shape, span, xor in zip(shares, shapes, spans, binary, strict=True):
            ours = share[joint, ...] if message is None else message[span].reshape(shape)
            (np.bitwise_xor if xor else np.add)(ours, incoming[span].reshape(shape), out=share[joint, ...])
        return shares

    # -- small helpers -------------------------------------------------------------------------------------------------

    def _split_sum(self, x: Share) -> tuple[Share, Share]:
        """Planes of s, input by party 0, and of p = s ^ t: what an adder of s and t needs. One word per element, 1 round."""
        shape = (WORD, packed.word_count(x.shape[1]))
        s = self.input(0, packed.to_planes(x[0] + x[1], WORD) if self.me == 0 else None, shape, binary=True)
        p = s.copy()
        if self.me:
            self._third(p)[...] ^= packed.to_planes(self._third(x), WORD)
        return s, p

    def _empty(self, shape: tuple[int, ...]) -> Share:
        return shaped.ShapedArray((2, *shape)) if self.context.planned else np.empty((2, *shape), np.uint64)

    def _draw(self, peer: int, out: Any) -> None:
        """The next words that only this party and `peer` know."""
        if not self.context.planned:
            self.context.stream(peer).words_into(out)

    def _third(self, x: Share) -> Any:
        """Component 2, which parties 1 and 2 hold."""
        return x[1] if self.me == 1 else x[0]

    def _known_to_1_and_2(self, value: Any, shape: tuple[int, ...]) -> Share:
        """The share of a value that parties 1 and 2 both know: it is component 2. Local."""
        share = self.zeros(shape, binary=True)
        if self.me:
            share[1 if self.me == 1 else 0] = value
        return share


def _masked_products(factors: Iterable[tuple[Share, Share]], kernel: Any, draw: ring.Draw, out: Any) -> Iterator[int]:
    """Write the masked products of all pairs; yield how many leading words are final, now and then: each time they are sent."""
    start = said = 0
    for x, y in factors:
        parts = [np.ascontiguousarray(part).reshape(-1) for part in (*x, *y)]
        for done in kernel(*parts, draw, out[start : start + parts[0].size]):
            if start + done - said >= SENT_WORDS:
                said = start + done
                yield said
        start += parts[0].size


def unpack_to_ring(words: Any, n: int) -> Any:
    """0 or 1 in the ring for each of n packed bits."""
    return packed.unpack(words, n).astype(np.uint64)
