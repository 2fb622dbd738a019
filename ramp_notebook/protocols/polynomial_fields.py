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
