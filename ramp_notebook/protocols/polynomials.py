"""Sharing by polynomials: party i holds f(i + 1) of a polynomial f of degree t whose value at 0 is the secret.

Dealing, revealing and resharing, once for every field; `PrimeSharing` for numbers modulo 2^61 - 1, `BitSharing` for bits
as 0 and 1 of a field of 2^m > n elements, bit-sliced. A *piece* is a party's share weighted by its Lagrange coefficient:
pieces of t + 1 parties add up to the secret, those of 2t + 1 parties to a secret of degree 2t. Knows no conversions.
"""

import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from ..values import bitfield, field
from .context import Context


class Sharing(ABC):
    """One party's side of sharings of degree t among all parties. Shares: (components, *shape); values and pieces: (*shape)."""

    components: int

    def __init__(self, context: Context, threshold: int):
        self.context, self.me, self.count, self.t = context, context.index, context.count, threshold

    # -- the field -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def scalar(self, a: int, b: int) -> int:
        """a * b of two numbers that stand for elements."""

    @abstractmethod
    def scalar_difference(self, a: int, b: int) -> int: ...

    @abstractmethod
    def scalar_inverse(self, a: int) -> int: ...

    @abstractmethod
    def draw(self, stream: Any, shape: tuple[int, ...]) -> Any:
        """A uniform share from a stream."""

    @abstractmethod
    def combine(self, coefficients: Sequence[int], shares: Sequence[Any], coefficient: int = 0, value: Any = None) -> Any:
        """The sum of coefficient * share, and of coefficient * value."""

    @abstractmethod
    def add_up(self, shares: Sequence[Any]) -> Any: ...

    @abstractmethod
    def weighted(self, coefficient: int, share: Any) -> Any:
        """coefficient * share as a piece."""

    @abstractmethod
    def weighted_product(self, coefficient: int, x: Any, y: Any) -> Any:
        """coefficient * x * y as a piece."""

    @abstractmethod
    def add_pieces(self, pieces: Sequence[Any]) -> Any: ...

    def lagrange(self, parties: Sequence[int], at: int, *, zero: bool = False) -> list[int]:
        """Coefficients that give f at the point `at` from f at the parties' points, and at 0 (then first) if `zero`."""
        return self._lagrange((*([0] if zero else []), *(party + 1 for party in parties)), at)

    @functools.cache  # noqa: B019 - a protocol lives as long as its cell
    def _lagrange(self, points: tuple[int, ...], at: int) -> list[int]:
        coefficients = []
        for own in points:
            above, below = 1, 1
            for other in points:
                if other != own:
                    above = self.scalar(above, self.scalar_difference(at, other))
                    below = self.scalar(below, self.scalar_difference(own, other))
            coefficients.append(self.scalar(above, self.scalar_inverse(below)))
        return coefficients

    # -- dealing -------------------------------------------------------------------------------------------------------

    def deal(self, tag: str, dealers: Sequence[int], value: Any, shape: tuple[int, ...]) -> list[Any]:
        """Each dealer shares its own `value` (None at all others); the shares, in the dealers' order. One round.

        The polynomial is fixed by the value and by what the dealer's streams with its next t parties give at their points;
        the n - 1 - t other parties are sent their shares. Any t parties see uniform values.
        """
        return self._deal(tag, dealers, value, shape, self.t)

    def random(self, shape: tuple[int, ...]) -> Any:
        """The share of a uniform element that no t parties know: the sum of what t + 1 parties deal.

        A polynomial nobody chose: t + 1 streams fix it, the value at 0 included. So n = 3 needs no message.
        """
        return self.add_up(self._deal("random", range(self.t + 1), None, shape, self.t + 1))

    def _deal(self, tag: str, dealers: Sequence[int], value: Any, shape: tuple[int, ...], drawn: int) -> list[Any]:
        shares: dict[int, Any] = {}
        sends: dict[int, Any] = {}
        receives: dict[int, tuple[int, ...]] = {}
        with_value = drawn == self.t
        for dealer in dealers:
            by_stream = [(dealer + k) % self.count for k in range(1, drawn + 1)]
            if self.me == dealer:
                streams = [self.draw(self.context.stream(party), shape) for party in by_stream]
                for party in set(range(self.count)) - set(by_stream):
                    first, *rest = [0] * (not with_value) + self.lagrange(by_stream, party + 1, zero=with_value)
                    share = self.combine(rest, streams, first, value)
                    if party == dealer:
                        shares[dealer] = share
                    else:
                        sends[party] = share
            elif self.me in by_stream:
                shares[dealer] = self.draw(self.context.stream(dealer), shape)
            else:
                receives[dealer] = (self.components, *shape)
        shares.update(self.context.exchange(tag, sends, receives))
        return [shares[dealer] for dealer in dealers]

    # -- pieces --------------------------------------------------------------------------------------------------------

    def piece(self, share: Any, parties: Sequence[int]) -> Any:
        """This party's piece of a secret of which these t + 1 parties have all pieces; None at others."""
        if self.me not in parties:
            return None
        return self.weighted(self.lagrange(parties, 0)[list(parties).index(self.me)], share)

    def product(self, tag: str, x: Any, y: Any) -> Any:
        """x * y elementwise: 2t + 1 parties deal the pieces of the product of the polynomials, of degree 2t. One round."""
        dealers = range(2 * self.t + 1)
        piece = self.weighted_product(self.lagrange(dealers, 0)[self.me], x, y) if self.me in dealers else None
        return self.reduce_degree(tag, piece, x.shape[1:])

    def reduce_degree(self, tag: str, piece: Any, shape: tuple[int, ...]) -> Any:
        return self.add_up(self.deal(tag, range(2 * self.t + 1), piece, shape))

    def reveal(self, share: Any, to: Sequence[int]) -> Any:
        """The value at each receiver, from its own piece and those of the t parties after it; None elsewhere."""
        shape = share.shape[1:]
        sends, receives = {}, {}
        for receiver in to:
            having = [(receiver + k) % self.count for k in range(self.t + 1)]
            if self.me == receiver:
                receives = dict.fromkeys(having[1:], shape)
            elif self.me in having:
                sends[receiver] = self.piece(share, having)
        reply = self.context.exchange("reveal", sends, receives)
        if self.me not in to:
            return None
        having = [(self.me + k) % self.count for k in range(self.t + 1)]
        return self.add_pieces([self.piece(share, having), *(reply[party] for party in having[1:])])


class PrimeSharing(Sharing):
    """Numbers modulo 2^61 - 1."""

    components = 1

    def scalar(self, a: int, b: int) -> int:
        return a * b % field.P

    def scalar_difference(self, a: int, b: int) -> int:
        return (a - b) % field.P

    def scalar_inverse(self, a: int) -> int:
        return pow(a, -1, field.P)

    def draw(self, stream: Any, shape: tuple[int, ...]) -> Any:
        return field.draw(stream, (1, *shape))

    def combine(self, coefficients: Sequence[int], shares: Sequence[Any], coefficient: int = 0, value: Any = None) -> Any:
        if value is None:
            return field.combine(coefficients, shares)
        return field.combine([coefficient, *coefficients], [value.reshape(1, *value.shape), *shares])

    def add_up(self, shares: Sequence[Any]) -> Any:
        return field.add_up(shares)

    def weighted(self, coefficient: int, share: Any) -> Any:
        return field.combine([coefficient], [share[0, ...]])

    def weighted_product(self, coefficient: int, x: Any, y: Any) -> Any:
        return field.combine([coefficient], [field.multiply(x[0, ...], y[0, ...])])

    def add_pieces(self, pieces: Sequence[Any]) -> Any:
        return field.add_up(pieces)


class BitSharing(Sharing):
    """Words of bits, each bit shared in the field of 2^m elements.

    Of a piece only the coefficient of w^0 counts: that map is linear and the secret is 0 or 1. So pieces are one bit each,
    and a product takes m ANDs.
    """

    def __init__(self, context: Context, threshold: int):
        super().__init__(context, threshold)
        self.m = self.components = bitfield.degree_above(context.count)

    def scalar(self, a: int, b: int) -> int:
        return bitfield.multiply(self.m, a, b)

    def scalar_difference(self, a: int, b: int) -> int:
        return a ^ b

    def scalar_inverse(self, a: int) -> int:
        return bitfield.invert(self.m, a)

    def draw(self, stream: Any, shape: tuple[int, ...]) -> Any:
        return stream.words((self.m, *shape))

    def combine(self, coefficients: Sequence[int], shares: Sequence[Any], coefficient: int = 0, value: Any = None) -> Any:
        return bitfield.combine(self.m, coefficients, shares, coefficient, value)

    def add_up(self, shares: Sequence[Any]) -> Any:
        return functools.reduce(lambda a, b: a ^ b, shares)

    def weighted(self, coefficient: int, share: Any) -> Any:
        return bitfield.bit_of(self.m, coefficient, share)

    def weighted_product(self, coefficient: int, x: Any, y: Any) -> Any:
        return bitfield.bit_of_product(self.m, coefficient, x, y)

    def add_pieces(self, pieces: Sequence[Any]) -> Any:
        return self.add_up(pieces)
