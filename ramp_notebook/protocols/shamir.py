"""`shamir`: any number of parties from three on, t < n/2 of them curious. Numbers modulo 2^61 - 1, and bits.

Shamir 1979; products by resharing (Ben-Or, Goldwasser, Wigderson 1988; Gennaro, Rabin, Rabin 1998) with polynomials that
pairwise streams fix as far as they can, which leaves n - 1 - t elements to send.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, ClassVar

import numpy as np

from ..errors import MisuseValueError
from ..registry import protocol
from ..values import bitfield, encoding, field, shaped
from ..values.encoding import DType
from ..values.streams import Stream
from . import circuits
from . import planes as packed
from .base import Protocol, Share, wrong_count
from .permutations import random_permutation
from .polynomials import BitSharing, PrimeSharing, Sharing
from .security import Security

BITS = field.BITS
HALF = 1 << (BITS - 1)  # numbers from here on stand for negative ones
MOST_PARTIES = 63  # the largest field of bits here has 64 elements
MOST_GROUPS = 260  # groups that permute in turn when rows are shuffled


def threshold(count: int) -> int:
    return (count - 1) // 2


@protocol("shamir")
class Shamir(Protocol):
    """Shamir's sharing modulo 2^61 - 1 and, for bits, in a field of 2^m elements."""

    security = Security(
        "semi-honest", threshold, "n ≥ 3", "Shamir 1979; GRR 1998; conversions after Rabbit 2021/119", threshold_text="t < n/2"
    )
    value_range = "integers in (-2^60, 2^60), modulo the prime 2^61 - 1"
    smallest: ClassVar[int] = 1 - HALF
    largest: ClassVar[int] = HALF - 1

    @classmethod
    def check_parties(cls, count: int) -> None:
        if not 3 <= count <= MOST_PARTIES:
            instead = "Name three or more (--parties alice,bob,carol), or choose --protocol clear, which takes any number but protects nothing."
            raise wrong_count("shamir", f"3 to {MOST_PARTIES} parties, of which less than half may be curious", count, instead)

    @classmethod
    def components(cls, count: int, *, binary: bool) -> int:
        return bitfield.degree_above(count) if binary else 1

    def __init__(self, context: Any, kept: dict[str, Any] | None = None):
        super().__init__(context, kept)
        self.me, self.t = context.index, threshold(context.count)
        self.numbers, self.bits = PrimeSharing(context, self.t), BitSharing(context, self.t)
        self.holders = range(self.t + 1)  # whose pieces make up a secret

    def _sharing(self, binary: bool) -> Sharing:
        return self.bits if binary else self.numbers

    # -- numbers: signed integers modulo p -----------------------------------------------------------------------------

    @classmethod
    def encode(cls, value: Any, dtype: DType, name: str = "value") -> Any:
        ring = encoding.encode(value, dtype, name)
        if shaped.is_shaped(ring):
            return ring
        signed = np.asarray(ring).view(np.int64)
        if signed.size and (int(signed.max()) > cls.largest or int(signed.min()) < cls.smallest):
            unit = "" if dtype.name == "int64" else f", which is ±2**{BITS - 1 - dtype.fraction_bits} for {dtype}"
            raise MisuseValueError(
                f"`{name}` holds a number beyond the range of `shamir`, {cls.value_range}{unit}; "
                "scale it down, or choose a protocol with 64 bits"
            )
        return np.where(signed < 0, signed + field.P, signed).view(np.uint64)

    @classmethod
    def decode(cls, numbers: Any, dtype: DType) -> Any:
        if shaped.is_shaped(numbers):
            return encoding.decode(numbers, dtype)
        signed = np.asarray(numbers).view(np.int64)
        return encoding.decode(np.where(signed >= HALF, signed - field.P, signed), dtype)

    def add(self, x: Share, y: Share) -> Share:
        return field.add(x, y)

    def negate(self, x: Share) -> Share:
        return field.negate(x)

    def add_public(self, x: Share, value: Any) -> Share:
        return self._with_constant(x, value, field.add, binary=False)

    def scale(self, x: Share, value: Any) -> Share:
        return field.multiply(x, value)

    def total(self, x: Share, axes: tuple[int, ...]) -> Share:
        return field.total(x, axes)

    def running_total(self, x: Share, axis: int) -> Share:
        return field.running_total(x, axis)

    def matmul_public(self, x: Share, value: Any, *, secret_left: bool) -> Share:
        product = field.matmul(x[0, ...], value) if secret_left else field.matmul(value, x[0, ...])
        return product.reshape(1, *product.shape)

    def shift_left(self, x: Share, bits: int) -> Share:
        return field.shift(x, bits)

    # -- sharing and products ------------------------------------------------------------------------------------------

    def input(self, owner: int, value: Any, shape: tuple[int, ...], *, binary: bool) -> Share:
        """The owner deals: n - 1 - t elements, one round."""
        return self._sharing(binary).deal("input", [owner], value, shape)[0]

    def reveal(self, x: Share, to: Sequence[int], *, binary: bool) -> Any:
        """Every receiver gets t pieces: one element each, or one bit."""
        return self._sharing(binary).reveal(x, to)

    def random(self, shape: tuple[int, ...], *, binary: bool) -> Share:
        if not binary:
            return self.numbers.random(shape)
        words = self.context.stream(self.me).words(shape) if self.me in self.holders else None  # bits, not elements of the field
        return self.bits.add_up(self.bits.deal("random", self.holders, words, shape))

    def multiply(self, x: Share, y: Share) -> Share:
        return self.numbers.product("multiply", x, y)

    def conjunction(self, x: Share, y: Share) -> Share:
        return self.bits.product("and", x, y)

    def matmul(self, x: Share, y: Share) -> Share:
        """One product's price per *output* element: products are summed before they are reshared."""
        product = field.matmul(x[0, ...], y[0, ...])
        return self.numbers.reduce_degree("matmul", product.reshape(1, *product.shape))

    # -- between the domains -------------------------------------------------------------------------------------------
    # A number is the sum modulo p of t + 1 pieces, each known to one party. These share the bits of their pieces; carry-save
    # adders, whose top carry counts one, leave two numbers S and C with S + C = x modulo p. The first party writes its
    # piece as 1 to p, the others as 0 to p - 1: then S and C are never both 0 and never both p, so that nothing is ambiguous.

    def sign(self, x: Share) -> Share:
        """x is negative exactly if 2x modulo p is odd: if S_0 + C_0 + [S + C >= p] is, which a carry tree with carry 1 tells."""
        s, c = self._two_summands(field.shift(x, 1))
        ones = self.invert(self.zeros((1, s.shape[2]), binary=True))
        propagate = s ^ c
        [(wraps, _)] = circuits.reduce_carries([(np.concatenate([ones, s], axis=1), propagate)], self.conjunction)
        return propagate[:, 0] ^ wraps[:, 0]

    def is_zero(self, x: Share) -> Share:
        """S + C = p exactly if all bits of S and C differ: no adder."""
        s, c = self._two_summands(x)
        return circuits.fold_and(s ^ c, self.conjunction)[:, 0]

    def to_binary(self, x: Share) -> Share:
        """x + 2^60 lies in 1 to p; its bit 60 tells that x is not negative."""
        low, top = self._planes_above_smallest(x)
        return packed.from_planes(np.concatenate([low, *[self.invert(top)] * (64 - BITS + 1)], axis=1), x.shape[1])

    def to_arithmetic(self, x: Share) -> Share:
        """Words must hold numbers of the protocol's range."""
        planes = packed.to_planes(x, BITS)
        planes = np.concatenate([planes[:, : BITS - 1], self.invert(planes[:, BITS - 1 :])], axis=1)
        return self.add_public(self._number_of(planes, x.shape[1]), np.uint64(field.P - HALF))

    def truncate(self, x: Share, bits: int) -> Share:
        """floor(x / 2**bits) exactly: the pieces' quotients, and every carry that passes bit `bits` or bit 61 on the way to their sum.

        y = x + 2^60 is the pieces' sum, less 2^61 - 1 for each carry beyond bit 61, of which carry-save adders put one in again.
        The last carries, with S and C: w = [S + C >= 2^61] as y > 0, and c out of the low bits of S + C + w.
        """
        n, bits = x.shape[1], min(bits, BITS - 1)  # beyond that the sign alone is left
        x = self.add_public(x, np.uint64(HALF))
        quotient = self._sum_of_quotients(x, bits)
        s, c, *others = self._shared_pieces(x)
        low, high = [], []
        for piece in others:
            s, c = self._carry_save(s, c, piece)
            low.append(c[:, bits])
            high.append(c[:, 0])
        last_low, last_high = self._last_carries(s, c, bits)
        return self._with_carries(quotient, [*low, last_low], [*high, last_high], bits, n)

    def _last_carries(self, s: Share, c: Share, bits: int) -> tuple[Share, Share]:
        """The carry out of the low bits of S + C + w, and w. With (g, p) of the low and of the high bits: two rounds."""
        p = s ^ c
        (g0, p0), (g1, p1) = circuits.reduce_carries([(s[:, :bits], p[:, :bits]), (s[:, bits:], p[:, bits:])], self.conjunction)
        left, right = [p0, p1, p1, p0], [g0, g0 ^ g1, p0, g1]
        products = self.conjunction(np.concatenate(left, axis=1), np.concatenate(right, axis=1))
        a, b, d, e = (products[:, k : k + 1] for k in range(4))
        last = self.conjunction(np.concatenate([p1, p0, d], axis=1), np.concatenate([a, b, a], axis=1))
        w = g1 ^ b ^ last[:, :1]
        return (g0 ^ a ^ e ^ last[:, 1:2] ^ last[:, 2:])[:, 0], w[:, 0]

    def _sum_of_quotients(self, x: Share, bits: int) -> Share:
        piece = self._unambiguous_piece(x)
        return self.numbers.add_up(self.numbers.deal("quotients", self.holders, piece if piece is None else piece >> np.uint64(bits), (x.shape[1],)))

    def _with_carries(self, quotient: Share, low: Sequence[Share], high: Sequence[Share], bits: int, n: int) -> Share:
        lanes = low[0].shape[1] * 64
        carries = self.bits_to_ring(np.concatenate([*low, *high], axis=1), 2 * len(low) * lanes).reshape(1, 2, len(low), lanes)
        up, down = (field.total(carries[:, k, :, :n], 1) for k in (0, 1))
        quotient = self.add(quotient, field.subtract(up, field.shift(down, BITS - bits)))
        return self.add_public(quotient, np.uint64(field.P - (HALF >> bits)))

    def truncate_probabilistic(self, x: Share, bits: int) -> Share:
        """x / 2**bits rounded up with the probability of its fraction, else down, for |x| < 2^59: 2 rounds if t = 1, else exact.

        y = x + 2^59 < 2^60 is S + C, less p exactly if S or C has bit 60: each known to one party. The carry out of the low
        bits is one exactly if those of S exceed those of y, a coin; one is put for it, which rounds up where none was.
        """
        if self.t > 1:
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
        """A bit is the XOR of t + 1 bits b_i, each known to one party; 1 - 2 b, their sign, is the product of theirs."""
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

    # -- permutations --------------------------------------------------------------------------------------------------

    def shuffle(self, columns: Sequence[tuple[Share, bool]]) -> list[Share]:
        """Groups of t + 1 parties permute in turn, by orders that only they know; every t parties miss one group's.

        A group holds the rows in pieces, permutes them and deals them anew: (t + 1)(n - 1 - t) elements per row and column.
        """
        groups = covering_groups(self.context.count, self.t)
        for group, stream in zip(groups, self._group_streams(groups), strict=True):
            columns = self._permute_by(group, stream, columns)
        return [share for share, _ in columns]

    def _permute_by(self, group: tuple[int, ...], stream: Any, columns: Sequence[tuple[Share, bool]]) -> list[tuple[Share, bool]]:
        order = random_permutation(stream, columns[0][0].shape[1]) if self.me in group else None
        shares = self.context.parallel([lambda column=column: self._permuted(group, order, *column) for column in columns])
        return [(share, binary) for share, (_, binary) in zip(shares, columns, strict=True)]

    def _permuted(self, group: tuple[int, ...], order: Any, share: Share, binary: bool) -> Share:
        sharing = self._sharing(binary)
        piece = sharing.piece(share, group)
        if piece is not None:
            piece = np.take(piece, order, axis=0)
        return sharing.add_up(sharing.deal("permute", group, piece, share.shape[1:]))

    def _group_streams(self, groups: Sequence[tuple[int, ...]]) -> Iterator[Any]:
        """A stream for every group, known to its members: two have one; of more, the first sends the others a key."""
        if self.t == 1:
            return (self.context.stream(sum(group) - self.me) if self.me in group else None for group in groups)
        led = [group for group in groups if group[0] == self.me]
        keys = {group: self.context.stream(self.me).words((2,)) for group in led}
        sends, receives = {}, {}
        for peer in range(self.context.count):
            shared = [group for group in groups if self.me in group and peer in group and peer != self.me]
            from_me, from_peer = [g for g in shared if g[0] == self.me], [g for g in shared if g[0] == peer]
            if from_me:
                sends[peer] = np.concatenate([keys[group] for group in from_me])
            if from_peer:
                receives[peer] = (2 * len(from_peer),)
        reply = self.context.exchange("group keys", sends, receives)
        for peer, words in reply.items():
            members = [group for group in groups if group[0] == peer and self.me in group]
            keys.update({group: words[2 * k : 2 * k + 2] for k, group in enumerate(members)})
        return (self._stream_of(keys.get(group)) for group in groups)

    def _stream_of(self, key: Any) -> Any:
        if key is None or shaped.is_shaped(key):
            return self.context.stream(self.me) if key is not None else None
        return Stream(key.tobytes())


def covering_groups(count: int, t: int) -> list[tuple[int, ...]]:
    """Groups of t + 1 parties, of which every t parties leave one untouched.

    >>> covering_groups(4, 1)
    [(0, 1), (2, 3)]
    """
    coalitions = set(combinations(range(count), t))
    if len(coalitions) > MOST_GROUPS:
        raise MisuseValueError(f"shamir shuffles rows among up to 10 parties; this cell has {count}. Sort with algorithm=\"network\".")
    groups = []
    for group in combinations(range(count), t + 1):
        met = {coalition for coalition in coalitions if set(coalition).isdisjoint(group)}
        if met:
            groups.append(group)
            coalitions -= met
    return groups
