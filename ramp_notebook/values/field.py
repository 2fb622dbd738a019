"""Owns local arithmetic in the prime field of p = 2**61 - 1 on uint64 arrays: sums, products, linear combinations, matrices.

It knows arrays, never parties. Elements are canonical: 0 <= x < p. p is a Mersenne number, so 2**61 counts one and
a product by 2**k is a rotation of 61 bits. Long arrays are worked in cache-sized blocks. Arrays without data give shapes.
"""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import shaped

Elements = NDArray[np.uint64]

BITS = 61
P = (1 << BITS) - 1
BLOCK = 8192  # elements worked at a time: with some eight temporaries of 64 KiB each it stays in the L2 cache
LONGEST_SUM = 512  # so many sums of three products of two limbs, 2**42 each, stay exact in a float64
FEW_ROWS = 4  # a matrix product of fewer rows or columns goes product by product
_LIMB = 21  # 21 + 21 + 19 bits make an element
_P, _61, _31, _30, _1 = (np.uint64(k) for k in (P, BITS, 31, 30, 1))
_LOW31, _LOW30, _LOW32 = (np.uint64((1 << k) - 1) for k in (31, 30, 32))


def canonical(x: Any) -> Any:
    """The element that any uint64 stands for."""
    if shaped.is_shaped(x):
        return x
    folded = x & _P
    folded += x >> _61
    return np.minimum(folded, folded - _P)  # the difference wraps to a huge number unless folded >= p


def add(x: Any, y: Any) -> Any:
    """x + y, with numpy's broadcasting."""
    total = x + y
    return total if shaped.is_shaped(total) else np.minimum(total, total - _P)


def negate(x: Any) -> Any:
    return x if shaped.is_shaped(x) else np.minimum(_P - x, -x)  # for x = 0 the second


def subtract(x: Any, y: Any) -> Any:
    return add(x, negate(y))


def shift(x: Any, bits: int) -> Any:
    """x * 2**bits: a rotation. `bits` may be negative."""
    bits %= BITS
    if shaped.is_shaped(x) or not bits:
        return x
    return ((x << np.uint64(bits)) & _P) | (x >> np.uint64(BITS - bits))


def multiply(x: Any, y: Any) -> Any:
    """x * y, with numpy's broadcasting."""
    shape = np.broadcast_shapes(np.shape(x), np.shape(y))
    if shaped.is_shaped(x, y):
        return shaped.ShapedArray(shape)
    x, y = np.asarray(x), np.asarray(y)
    size = math.prod(shape)
    if size == 1:
        return _one(x.item() * y.item(), shape)
    if size <= BLOCK:
        return _product(x, y)
    x, y = (np.broadcast_to(v, shape).reshape(-1) if v.size > 1 else v.reshape(1) for v in (x, y))
    out = np.empty(size, np.uint64)
    for start in range(0, size, BLOCK):
        part = slice(start, start + BLOCK)
        out[part] = _product(x[part] if x.size > 1 else x, y[part] if y.size > 1 else y)
    return out.reshape(shape)


def _one(number: int, shape: tuple[int, ...]) -> Elements:
    """The element that an integer stands for: for a single one Python's integers are many times faster than numpy's calls."""
    return np.array(number % P, np.uint64).reshape(shape)


def _product(x: Elements, y: Elements) -> Elements:
    """x = 2**31 x1 + x0 and y alike: x1 y1 counts 2**62 = 2 times; of (x1 y0 + x0 y1) 2**31, what passes 2**61 counts one."""
    x0, x1, y0, y1 = x & _LOW31, x >> _31, y & _LOW31, y >> _31
    middle = x1 * y0 + x0 * y1  # below 2**62
    total = x0 * y0 + ((x1 * y1) << _1)  # below 2**62 + 2**61
    total += middle >> _30
    total += (middle & _LOW30) << _31
    return np.asarray(canonical(total))


def combine(coefficients: Sequence[int], arrays: Sequence[Any]) -> Any:
    """The sum of coefficient * array over equally shaped arrays."""
    if shaped.is_shaped(*arrays):
        return shaped.ShapedArray(arrays[0].shape)
    shape = arrays[0].shape
    if arrays[0].size == 1:
        return _one(sum(map(operator.mul, coefficients, [array.item() for array in arrays])), shape)
    flat = [np.ascontiguousarray(array).reshape(-1) for array in arrays]
    out = np.empty(flat[0].size, np.uint64)
    for start in range(0, out.size, BLOCK):
        out[start : start + BLOCK] = _combination(coefficients, [array[start : start + BLOCK] for array in flat])
    return out.reshape(shape)


def _combination(coefficients: Sequence[int], arrays: Sequence[Elements]) -> Elements:
    """Like `_product` term by term, and two terms at a time before they are reduced: more would overflow 64 bits."""
    total: Any = None
    for start in range(0, len(arrays), 2):
        low: Any = np.uint64(0)
        middle: Any = np.uint64(0)
        for coefficient, array in zip(coefficients[start : start + 2], arrays[start : start + 2], strict=True):
            c0, c1 = np.uint64(coefficient & ((1 << 31) - 1)), np.uint64(coefficient >> 31)
            x0, x1 = array & _LOW31, array >> _31
            low = low + x0 * c0 + ((x1 * c1) << _1)
            middle = middle + x1 * c0 + x0 * c1
        low = low + (middle >> _30)
        low += (middle & _LOW30) << _31
        total = canonical(low) if total is None else add(total, canonical(low))
    return np.asarray(total)


def add_up(arrays: Sequence[Any]) -> Any:
    """The sum of equally shaped arrays."""
    if shaped.is_shaped(*arrays) or len(arrays) == 1:
        return arrays[0]
    if arrays[0].size == 1:
        return _one(sum(array.item() for array in arrays), arrays[0].shape)
    flat = [np.ascontiguousarray(array).reshape(-1) for array in arrays]
    out = np.empty(flat[0].size, np.uint64)
    for start in range(0, out.size, BLOCK):
        blocks = [array[start : start + BLOCK] for array in flat]
        sum_ = blocks[0]
        for k in range(1, len(blocks), 6):  # seven elements fit in a word before it must be reduced
            sum_ = canonical(sum(blocks[k : k + 6], sum_))
        out[start : start + BLOCK] = sum_
    return out.reshape(arrays[0].shape)


def total(x: Any, axes: int | tuple[int, ...]) -> Any:
    """Sum over axes, of fewer than 2**32 elements."""
    return _halves(x, lambda half: np.sum(half, axis=axes))


def running_total(x: Any, axis: int) -> Any:
    return _halves(x, lambda half: np.cumsum(half, axis=axis))


def _halves(x: Any, summed: Callable[[Any], Any]) -> Any:
    """Sum the low 32 bits and the rest apart, so that neither overflows."""
    if shaped.is_shaped(x):
        return summed(x)
    return add(canonical(summed(x & _LOW32)), shift(canonical(summed(x >> np.uint64(32))), 32))


def matmul(x: Any, y: Any) -> Any:
    """x @ y by numpy's rules, exactly."""
    shape = shaped.matmul_shape(x.shape, y.shape)
    if shaped.is_shaped(x, y):
        return shaped.ShapedArray(shape)
    if not x.size or not y.size:
        return np.zeros(shape, np.uint64)
    left, right = (x if x.ndim > 1 else x[None, :]), (y if y.ndim > 1 else y[:, None])
    few = min(left.shape[-2], right.shape[-1]) < FEW_ROWS
    return (_one_by_one(left, right) if few else _by_limbs(left, right)).reshape(shape)


def _one_by_one(x: Elements, y: Elements) -> Elements:
    """One row, or one column, after the other: elementwise products, summed."""
    if x.shape[-2] <= y.shape[-1]:
        return np.stack([total(multiply(x[..., i, :, None], y), -2) for i in range(x.shape[-2])], axis=-2)
    return np.stack([total(multiply(x, y[..., None, :, j]), -1) for j in range(y.shape[-1])], axis=-1)


def _by_limbs(x: Elements, y: Elements) -> Elements:
    """Nine float64 products of three limbs each; those of equal weight are summed as floats, exactly, then rotated to it."""
    result: Any = np.zeros(shaped.matmul_shape(x.shape, y.shape), np.uint64)
    for start in range(0, x.shape[-1], LONGEST_SUM):
        a, b = _limbs(x[..., start : start + LONGEST_SUM]), _limbs(y[..., start : start + LONGEST_SUM, :])
        for weight in range(5):
            part: Any = sum(a[i] @ b[weight - i] for i in range(3) if 0 <= weight - i < 3)
            result = add(result, shift(canonical(part.astype(np.uint64)), weight * _LIMB))
    return np.asarray(result)


def _limbs(x: Elements) -> list[NDArray[np.float64]]:
    mask = np.uint64((1 << _LIMB) - 1)
    return [((x >> np.uint64(k * _LIMB)) & mask).astype(np.float64) for k in range(3)]


def draw(stream: Any, shape: tuple[int, ...]) -> Any:
    """Uniform elements from a stream of words: 61 bits of each; where they make p, another word is drawn."""
    words = stream.words(shape)
    if shaped.is_shaped(words):
        return words
    if words.size == 1:
        while (number := words.item() & P) == P:
            words = stream.words(shape)
        return _one(number, shape)
    words &= _P
    flat = words.reshape(-1)
    while flat.size and int(flat.max()) == P:
        for place in np.flatnonzero(flat == _P):
            flat[place] = stream.words(1)[0] & _P
    return words
