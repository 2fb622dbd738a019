"""`shamir`: any number of parties from three on, t < n/2 of them curious. Numbers modulo 2^61 - 1, and bits.

Shamir 1979; products by resharing (Ben-Or, Goldwasser, Wigderson 1988; Gennaro, Rabin, Rabin 1998) with polynomials that
pairwise streams fix as far as they can, which leaves n - 1 - t elements to send.
"""

import functools
import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any, ClassVar

import numpy as np

from ..errors import MisuseValueError
from ..registry import protocol
from ..values import bitfield, encoding, field, shaped
from ..values.encoding import DType
from ..values.streams import Stream
from .base import Share
from .permutations import random_permutation
from .pieces import BITS, HALF, Pieces
from .polynomial_fields import BitSharing, BitsOfThree, PrimeSharing
from .polynomials import Sharing
from .security import Security

MOST_PARTIES = 63  # the largest field of bits here has 64 elements
MOST_COALITIONS = 260  # each of which must miss a group that permutes when rows are shuffled


def threshold(count: int) -> int:
    return (count - 1) // 2


@protocol("shamir")
class Shamir(Pieces):
    """Shamir's sharing modulo 2^61 - 1 and, for bits, in a field of 2^m elements."""

    security = Security(
        "semi-honest", threshold, "n ≥ 3", "Shamir 1979; products of GRR 1998 and, in bulk, ATLAS 2021/833", threshold_text="t < n/2"
    )
    pieces_add_up = False
    value_range = "numbers in (-2^60, 2^60), fixed-point products up to about 2^28 (nothing detects results beyond)"
    smallest: ClassVar[int] = 1 - HALF
    largest: ClassVar[int] = HALF - 1

    takes = f"3 to {MOST_PARTIES} parties"

    @classmethod
    def fits(cls, count: int) -> bool:
        return 3 <= count <= MOST_PARTIES

    @classmethod
    def components(cls, count: int, *, binary: bool) -> int:
        return bitfield.degree_above(count) if binary else 1

    def __init__(self, context: Any, kept: dict[str, Any] | None = None):
        super().__init__(context, kept)
        self.me, self.t = context.index, threshold(context.count)
        self.numbers = PrimeSharing(context, self.t)
        self.bits = (BitsOfThree if context.count == 3 else BitSharing)(context, self.t)
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
                f"`{name}` holds a number beyond the range of `shamir`, (-2**{BITS - 1}, 2**{BITS - 1}){unit}; "
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

    def pieces(self, x: Share, *, binary: bool) -> dict[int, Any]:
        """Shares of t + 1 parties, weighted by their Lagrange coefficients; those of numbers add up modulo the prime."""
        own = self._sharing(binary).piece(x, self.holders) if self.me in self.holders else None
        return {party: own if party == self.me else None for party in self.holders}

    def random(self, shape: tuple[int, ...], *, binary: bool) -> Share:
        return self._sharing(binary).random(shape)

    def multiply(self, x: Share, y: Share) -> Share:
        return self.numbers.product("multiply", x, y)

    def conjunction(self, x: Share, y: Share) -> Share:
        return self.bits.product("and", x, y)

    def matmul(self, x: Share, y: Share) -> Share:
        """One product's price per *output* element: products are summed before they are reshared."""
        product = field.matmul(x[0, ...], y[0, ...])
        return self.numbers.reduce_degree("matmul", product.reshape(1, *product.shape))

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
        order: Any = random_permutation(stream, columns[0][0].shape[1]) if self.me in group else None

        def permuted(share: Share, binary: bool) -> Share:
            sharing = self._sharing(binary)
            piece = sharing.piece(share, group)
            if piece is not None:
                piece = np.take(piece, order, axis=0)
            return sharing.add_up(sharing.deal("permute", group, piece, share.shape[1:]))

        shares = self.context.parallel([functools.partial(permuted, *column) for column in columns])
        return [(share, binary) for share, (_, binary) in zip(shares, columns, strict=True)]

    def _group_streams(self, groups: Sequence[tuple[int, ...]]) -> list[Any]:
        """A stream for every group, known to its members alone: two have one; of more, the first sends the others a key."""
        if self.t == 1:
            return [self.context.stream(sum(group) - self.me) if self.me in group else None for group in groups]
        own, mine = self.context.stream(self.me), [group for group in groups if self.me in group]
        led = {party: [group for group in mine if group[0] == party] for party in range(self.context.count)}
        keys = {group: own.words((2,)) for group in led[self.me]}
        sends = {}
        for peer in range(self.context.count):
            told = [keys[group] for group in led[self.me] if peer in group]
            if told and peer != self.me:
                sends[peer] = np.concatenate(told)
        receives = {party: (2 * len(theirs),) for party, theirs in led.items() if theirs and party != self.me}
        for party, words in self.context.exchange("group keys", sends, receives).items():
            keys.update({group: words[2 * k : 2 * k + 2] for k, group in enumerate(led[party])})
        if self.context.planned:
            return [own if group in keys else None for group in groups]
        return [Stream(keys[group].tobytes()) if group in keys else None for group in groups]


@functools.cache
def covering_groups(count: int, t: int) -> list[tuple[int, ...]]:
    """Groups of t + 1 parties, of which every t parties leave one untouched.

    >>> covering_groups(4, 1)
    [(0, 1), (2, 3)]
    """
    if math.comb(count, t) > MOST_COALITIONS:
        raise MisuseValueError(
            f"shamir shuffles rows among at most 10 parties, as every {t} of {count} would have to miss a group; "
            'sort with algorithm="network", which does not shuffle, or let 10 or fewer parties compute for all'
        )
    coalitions = [set(coalition) for coalition in combinations(range(count), t)]
    untouched = {group: {k for k, c in enumerate(coalitions) if c.isdisjoint(group)} for group in combinations(range(count), t + 1)}
    groups, left = [], set(range(len(coalitions)))
    while left:
        groups.append(max(untouched, key=lambda group: len(untouched[group] & left)))
        left -= untouched[groups[-1]]
    return groups
