"""Owns arithmetic modulo 2**128 on arrays of words: axis 0 alternates the low and the high word of one number or of several.

A single number is (2, …); several side by side, (2 k, …), go with one for all of them, by broadcasting. It knows arrays,
never parties. Elementwise work on many numbers runs in cache-sized blocks. Functions answer arrays without data as well.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import ring, shaped

Wide = Any  # uint64 ndarray or ShapedArray, (2 k, …)

BLOCK = 8192  # numbers, so that the dozen temporaries of a product stay in the L2 cache
LIMB_BITS = 22  # 22 + 22 + 20 bits make a word
LONGEST_SUM = 1 << 20  # so many products of two limbs fit a word
_LIMB = np.uint64((1 << LIMB_BITS) - 1)
_HALF = np.uint64((1 << 32) - 1)
_32 = np.uint64(32)
_WORD = (1 << 64) - 1


def of_int(value: int) -> Wide:
    """A number modulo 2**128, of shape ()."""
    return np.array([value & _WORD, value >> 64 & _WORD], np.uint64)


def to_int(number: Wide) -> int:
    """The number of shape () as an integer from 0 on."""
    return int(number[0]) | int(number[1]) << 64


def of_words(words: Any) -> Wide:
    """Numbers below 2**64."""
    return np.stack([words, shaped.zeros(words.shape, like=words)])


def _blockwise(kernel: Callable[[Any, Any, Any, Any], tuple[Any, Any]]) -> Callable[[Wide, Wide], Wide]:
    """A function of two arrays from one of (low, high, low, high) that returns (low, high)."""

    def run(x: Wide, y: Wide) -> Wide:
        numbers, shape = max(x.shape[0], y.shape[0]), np.broadcast_shapes(x.shape[1:], y.shape[1:])
        if shaped.is_shaped(x, y):
            return shaped.ShapedArray((numbers, *shape))
        out = np.empty((numbers, *shape), np.uint64)
        if out[0].size <= BLOCK or x.shape[1:] != y.shape[1:] or not shape:
            out[0::2], out[1::2] = kernel(x[0::2], x[1::2], y[0::2], y[1::2])
            return out
        x, y, flat = x.reshape(x.shape[0], -1), y.reshape(y.shape[0], -1), out.reshape(numbers, -1)
        for start in range(0, flat.shape[1], BLOCK):
            part = slice(start, start + BLOCK)
            flat[0::2, part], flat[1::2, part] = kernel(x[0::2, part], x[1::2, part], y[0::2, part], y[1::2, part])
        return out

    return run


@_blockwise
def add(xl: Any, xh: Any, yl: Any, yh: Any) -> tuple[Any, Any]:
    low = xl + yl
    return low, xh + yh + (low < yl)


@_blockwise
def subtract(xl: Any, xh: Any, yl: Any, yh: Any) -> tuple[Any, Any]:
    return xl - yl, xh - yh - (xl < yl)


@_blockwise
def multiply(xl: Any, xh: Any, yl: Any, yh: Any) -> tuple[Any, Any]:
    low, high = product_of_words(xl, yl)
    high += xl * yh
    high += xh * yl
    return low, high


def product_of_words(x: Any, y: Any) -> tuple[Any, Any]:
    """Low and high words of the products of words, by halves."""
    x0, x1, y0, y1 = x & _HALF, x >> _32, y & _HALF, y >> _32
    middle = x1 * y0
    carried = (x0 * y0 >> _32) + (middle & _HALF)
    carried += x0 * y1  # at most (2**32 - 1) * (2**32 + 1): no carry is lost
    return x * y, x1 * y1 + (middle >> _32) + (carried >> _32)


def negate(x: Wide) -> Wide:
    return subtract(shaped.zeros((2, *(1,) * (x.ndim - 1)), like=x), x)


def scale(x: Wide, factor: Any) -> Wide:
    """x times an integer, or words whose shape broadcasts with x's behind its first axis."""
    if isinstance(factor, int):
        return multiply(x, of_int(factor).reshape(2, *(1,) * (x.ndim - 1)))
    shape = np.broadcast_shapes(x.shape[1:], np.shape(factor))
    if shaped.is_shaped(x, factor):
        return shaped.ShapedArray((x.shape[0], *shape))
    return _scale(x, np.broadcast_to(factor, shape)[None])


@_blockwise
def _scale(xl: Any, xh: Any, factor: Any, _: Any) -> tuple[Any, Any]:
    low, high = product_of_words(xl, factor)
    high += xh * factor
    return low, high


def total(x: Wide, axes: tuple[int, ...]) -> Wide:
    """Sum over axes of the array, of which 0 is that of the words; of up to 2**32 numbers."""
    return _summed(x, lambda words: np.sum(words, axis=axes))


def running_total(x: Wide, axis: int) -> Wide:
    """Partial sums along an axis of the array; of up to 2**32 numbers."""
    return _summed(x, lambda words: np.cumsum(words, axis=axis))


def _summed(x: Wide, added: Callable[[Any], Any]) -> Wide:
    """Halves of low words are added apart, so that the carry is known."""
    if shaped.is_shaped(x):
        return added(x)
    low, middle = added(x[0::2] & _HALF), added(x[0::2] >> _32)
    middle += low >> _32
    out = np.empty((x.shape[0], *low.shape[1:]), np.uint64)
    out[0::2] = (middle << _32) | (low & _HALF)
    out[1::2] = added(x[1::2]) + (middle >> _32)
    return out


def matmul(x: Wide, y: Wide) -> Wide:
    """Matrix products by numpy's rules on the axes behind the first: each number of x with the one of y, or the other way round."""
    shape = shaped.matmul_shape(x.shape[1:], y.shape[1:])
    numbers = max(x.shape[0], y.shape[0])
    if shaped.is_shaped(x, y):
        return shaped.ShapedArray((numbers, *shape))
    pairs = [(x[i % x.shape[0] : i % x.shape[0] + 2], y[i % y.shape[0] : i % y.shape[0] + 2]) for i in range(0, numbers, 2)]
    return np.concatenate([_matrix_product(a, b).reshape(2, *shape) for a, b in pairs])


def _matrix_product(x: Wide, y: Wide) -> Wide:
    """Limbs of the low words are multiplied exactly; what one high word has a part in counts modulo 2**64."""
    inner = x.shape[-1]
    if inner > LONGEST_SUM:
        parts = [(x[..., k : k + LONGEST_SUM], _rows(y, slice(k, k + LONGEST_SUM))) for k in range(0, inner, LONGEST_SUM)]
        sums = [_matrix_product(*part) for part in parts]
        return total(np.stack(sums, axis=1), (1,))
    (a, b), high = (_limbs(x[0]), _limbs(y[0])), np.asarray(ring.matmul(x[0], y[1]) + ring.matmul(x[1], y[0]))
    out = np.stack([np.zeros_like(high), high])
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            out = add(out, shift_left(of_words(np.asarray(ring.matmul(left, right))), LIMB_BITS * (i + j)))
    return out


def _rows(y: Wide, rows: slice) -> Wide:
    return y[:, rows] if y.ndim == 2 else y[..., rows, :]


def _limbs(words: Any) -> Sequence[Any]:
    return [words & _LIMB, words >> np.uint64(LIMB_BITS) & _LIMB, words >> np.uint64(2 * LIMB_BITS)]


def shift_left(x: Wide, bits: int) -> Wide:
    """x times 2**bits, for 0 to 127 bits."""
    if shaped.is_shaped(x) or not bits:
        return x
    out = np.zeros_like(x)
    if bits >= 64:
        out[1::2] = x[0::2] << np.uint64(bits - 64)
        return out
    out[0::2] = x[0::2] << np.uint64(bits)
    out[1::2] = (x[1::2] << np.uint64(bits)) | (x[0::2] >> np.uint64(64 - bits))
    return out
