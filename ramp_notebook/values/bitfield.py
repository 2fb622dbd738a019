"""Owns the fields of 2**m elements: their numbers, and arrays of them bit-sliced in m words, of which word b holds coefficients of w**b.

It knows arrays, never parties. An element is a polynomial over the bits in w, modulo an irreducible one; as a number its
bit b is the coefficient of w**b. Adding is XOR. `Bit` arrays have one word where arrays of elements have m; the map that
takes an element to its coefficient of w**0 is linear over the bits and leaves 0 and 1 as they are.
"""

import functools
from collections.abc import Sequence
from typing import Any

from . import shaped

IRREDUCIBLE = {2: 0b111, 3: 0b1011, 4: 0b10011, 5: 0b100101, 6: 0b1000011, 7: 0b10000011, 8: 0b100011011}


def degree_above(count: int) -> int:
    """The smallest m of at least 2 with more than `count` elements in the field."""
    return max(2, count.bit_length())


@functools.cache
def multiply(m: int, a: int, b: int) -> int:
    """The product of two elements as numbers."""
    result = 0
    for position in range(m):
        if b >> position & 1:
            result ^= a << position
    for position in range(2 * m - 2, m - 1, -1):
        if result >> position & 1:
            result ^= IRREDUCIBLE[m] << (position - m)
    return result


def invert(m: int, a: int) -> int:
    """1 / a: the power 2**m - 2."""
    result = 1
    for _ in range((1 << m) - 2):
        result = multiply(m, result, a)
    return result


def combine(m: int, coefficients: Sequence[int], arrays: Sequence[Any], bit_coefficient: int = 0, bits: Any = None) -> Any:
    """The sum of coefficient * array over arrays of elements, and of bit_coefficient * bits. Arrays: (m, …), bits: (…)."""
    shape = bits.shape if bits is not None else arrays[0].shape[1:]
    like = bits if bits is not None else arrays[0]
    out = shaped.zeros((m, *shape), like=like)
    if shaped.is_shaped(out):
        return out
    for a in range(m):
        if bit_coefficient >> a & 1:
            out[a] ^= bits
    for coefficient, array in zip(coefficients, arrays, strict=True):
        for b in range(m):
            product = multiply(m, coefficient, 1 << b)
            for a in range(m):
                if product >> a & 1:
                    out[a] ^= array[b]
    return out


def product(m: int, x: Any, y: Any) -> Any:
    """x * y of arrays of elements: m * m ANDs, and each power of w from m on written in lower ones."""
    out = shaped.zeros(x.shape, like=x)
    if shaped.is_shaped(out):
        return out
    for k in range(2 * m - 1):
        power = _xor([x[a] & y[k - a] for a in range(m) if 0 <= k - a < m], x)
        low = functools.reduce(lambda element, _: multiply(m, element, 2), range(k), 1)
        for a in range(m):
            if low >> a & 1:
                out[a] ^= power
    return out


def bit_of(m: int, coefficient: int, array: Any) -> Any:
    """The coefficient of w**0 of coefficient * array: words (…)."""
    return _xor([array[b] for b in range(m) if multiply(m, coefficient, 1 << b) & 1], array)


def bit_of_product(m: int, coefficient: int, x: Any, y: Any) -> Any:
    """The coefficient of w**0 of coefficient * x * y, elementwise: a bilinear form in the words, of m ANDs."""
    powers = [1]
    for _ in range(2 * m - 2):
        powers.append(multiply(m, powers[-1], 2))
    counts = [multiply(m, coefficient, power) & 1 for power in powers]  # does w**k count?
    return _xor([x[a] & _xor([y[b] for b in range(m) if counts[a + b]], y) for a in range(m)], x)


def _xor(words: Sequence[Any], like: Any) -> Any:
    if not words:
        return shaped.zeros(like.shape[1:], like=like)
    result = words[0]
    for word in words[1:]:
        result = result ^ word
    return result
