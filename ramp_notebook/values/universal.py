"""Owns universal hashing of rows of words, linear over the bits: a polynomial whose coefficients are the words, at a secret or late point.

Words are elements of GF(2^64), polynomials in w modulo w^64 + w^4 + w^3 + w + 1. Two rows of n words that differ have the same
value at a random point with probability n / 2^64 at most. It knows words, never parties.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .shaped import shape_rule

Words = NDArray[np.uint64]
DEGREE, LOW_TERMS = 64, 0b11011
_LOW_TERMS_AT = [k for k in range(DEGREE) if LOW_TERMS >> k & 1]
_ALL = (1 << DEGREE) - 1


@shape_rule(lambda shape, points: (*shape[:-1], len(points)))
def polynomial_hash(rows: Words, points: Sequence[int]) -> Words:
    """Values (r, points) of rows (r, n): the sum of words[i] · point^(n - i), by Horner's rule on many columns at a time."""
    count, n = rows.shape
    columns = max(1, int(np.sqrt(n)))
    padded = np.zeros((count, columns * -(-n // columns)), np.uint64)
    padded[:, padded.shape[1] - n :] = rows
    return np.stack([_evaluate(padded, columns, point) for point in points], axis=1)


def _evaluate(rows: Words, columns: int, point: int) -> Words:
    sums, step = np.zeros((rows.shape[0], columns), np.uint64), _Multiplier(_power(point, columns))
    for start in range(0, rows.shape[1], columns):
        sums = step(sums) ^ rows[:, start : start + columns]
    value, times_point = np.zeros(rows.shape[0], np.uint64), _Multiplier(point)
    for column in range(columns):
        value = times_point(value ^ sums[:, column])
    return value


class _Multiplier:
    """Multiplies words by one element: a table for each byte."""

    def __init__(self, factor: int):
        self._tables = np.zeros((8, 256), np.uint64)
        for bit in range(DEGREE):
            size = 1 << bit % 8
            table = self._tables[bit // 8]
            table[size : 2 * size] = table[:size] ^ np.uint64(factor)
            factor = _times_w(factor)

    def __call__(self, words: Words) -> Words:
        octets = np.ascontiguousarray(words).view(np.uint8).reshape(*words.shape, 8)
        product: Words = self._tables[0][octets[..., 0]]
        for position in range(1, 8):
            product ^= self._tables[position][octets[..., position]]
        return product


def multiply(x: int, y: int) -> int:
    """The product of two elements."""
    product = 0
    while y:
        if y & 1:
            product ^= x
        x, y = _times_w(x), y >> 1
    return product


def multiply_planes(x: Words, y: Words) -> Words:
    """Products of many elements at a time, whose bits are planes (64, n): plane k holds bit k of all."""
    product = np.zeros((2 * DEGREE, x.shape[1]), np.uint64)
    for k in range(DEGREE):
        product[k : k + DEGREE] ^= x[k] & y
    for planes in (DEGREE, max(_LOW_TERMS_AT)):  # w^64 is the sum of the low terms, the highest of which overflow once more
        high = product[DEGREE : DEGREE + planes].copy()
        product[DEGREE : DEGREE + planes] = 0
        for k in _LOW_TERMS_AT:
            product[k : k + planes] ^= high
    return product[:DEGREE]


def _times_w(x: int) -> int:
    return x << 1 & _ALL ^ (LOW_TERMS if x >> (DEGREE - 1) else 0)


def _power(x: int, exponent: int) -> int:
    result = 1
    for _ in range(exponent):
        result = multiply(result, x)
    return result
