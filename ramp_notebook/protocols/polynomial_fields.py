"""The two fields in which secrets are shared by polynomials: numbers modulo 2^61 - 1, and bits in a field of 2^m elements."""

import functools
from collections.abc import Sequence
from typing import Any

from ..values import bitfield, field
from .context import Context
from .polynomials import Sharing


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

    def element_product(self, x: Any, y: Any) -> Any:
        return field.multiply(x, y)

    def subtract(self, x: Any, y: Any) -> Any:
        return field.subtract(x, y)


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

    def random(self, shape: tuple[int, ...]) -> Any:
        """Bits, not any elements of the field: t + 1 parties deal what they draw."""
        holders = range(self.t + 1)
        words = self.context.stream(self.me).words(shape) if self.me in holders else None
        return self.add_up(self.deal("random", holders, words, shape))

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

    def element_product(self, x: Any, y: Any) -> Any:
        return bitfield.product(self.m, x, y)

    def subtract(self, x: Any, y: Any) -> Any:
        return x ^ y


class BitsOfThree(BitSharing):
    """Bits among three parties, of which a bit travels as one bit and not as an element of the field.

    With b = x_0 ^ x_1 ^ x_2, of which party i knows x_i and x_{i+1}, its share is a linear map of these two: x_j times the line
    that is 1 at 0 and 0 at the party that misses x_j (Cramer, Damgård, Ishai 2005). Products are those of `replicated`.
    """

    def __init__(self, context: Context, threshold: int):
        super().__init__(context, threshold)
        self.next, self.previous = (self.me + 1) % 3, (self.me + 2) % 3
        self._lines = [self.lagrange([missing], self.me + 1, zero=True)[0] for missing in (self.next, self.previous)]

    def deal(self, tag: str, dealers: Sequence[int], value: Any, shape: tuple[int, ...]) -> list[Any]:
        """Dealer i draws x_{i+1} with its next party, sets x_{i+2} = 0 and sends x_i to its previous one."""
        known: dict[int, tuple[Any, Any]] = {}
        sends: dict[int, Any] = {}
        for dealer in dealers:
            if self.me == dealer:
                drawn = self.context.stream(self.next).words(shape)
                sends[self.previous] = value ^ drawn
                known[dealer] = sends[self.previous], drawn
            elif self.previous == dealer:
                known[dealer] = self.context.stream(dealer).words(shape), None
        sent = self.context.exchange(tag, sends, {dealer: shape for dealer in dealers if self.next == dealer})
        known.update({dealer: (None, words) for dealer, words in sent.items()})
        return [self._share(*known[dealer]) for dealer in dealers]

    def reshare(self, tag: str, piece: Any, shape: tuple[int, ...]) -> Any:
        """Each party adds its part of a zero that the streams give, and tells its previous party. One round, one bit each."""
        masked = piece ^ self.context.stream(self.next).words(shape) ^ self.context.stream(self.previous).words(shape)
        return self._share(masked, self.context.exchange(tag, {self.previous: masked}, {self.next: shape})[self.next])

    def random(self, shape: tuple[int, ...]) -> Any:
        return self._share(self.context.stream(self.previous).words(shape), self.context.stream(self.next).words(shape))

    def _share(self, first: Any, second: Any) -> Any:
        """The share of b, of whose parts this party knows x_i and x_{i+1}; None stands for zero."""
        parts = [self.combine([], [], line, part) for line, part in zip(self._lines, (first, second), strict=True) if part is not None]
        return self.add_up(parts)
