"""Owns local arithmetic on uint64 words: exact matrix products mod 2**64 and the fused products of two shared factors.

It knows arrays, never parties. A word is an element of Z_2^64 (add, multiply) or 64 bits (xor, and); both have the
same fused kernels. Elementwise work runs in cache-sized blocks, into arrays of the caller.
"""

import functools
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ramp_notebook.errors import MisuseValueError

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]
Draw = Callable[[Words], None]  # fills its argument with mask words, e.g. Stream.words_into

BLOCK = 32768  # words, 256 KiB: smaller blocks pay more for numpy's calls than they save in cache misses
LIMB_BITS = 22  # 22 + 22 + 20 bits make a word
LONGEST_SUM = 512  # so many products of two sums of two limbs, 2**44 each, stay exact in a float64
TILE = 1024  # rows and columns of one BLAS product
LIMB_WORK = 1 << 22  # scalar products; below, splitting into limbs costs more than BLAS saves
PROBE = 160  # its cube is just below LIMB_WORK
SHORT_ROW = 32  # below, starting a dot product costs more than its multiplications
FEW_ROWS = 8
_LIMB_BLOCK = 8192  # words split at a time; 64 KiB
_WIDTHS = (LIMB_BITS, LIMB_BITS, 64 - 2 * LIMB_BITS)
_ALL_HALVES = np.uint64((1 << 21) + (1 << 43) + (1 << 63))  # half the range of every limb, at its place in the word
_MANTISSA = np.uint64(0x433 << 52)  # the float64 2**52: its mantissa's lowest bit counts one
TINY = 64  # up to here the block machinery costs more than it saves


def cross_product(x0: Words, x1: Words, y0: Words, y1: Words, mask: Words, out: Words) -> None:
    """Set `out` to x0 * (y0 + y1) + x1 * y0 + mask, elementwise; `out` may be any of the inputs."""
    _cross(np.add, np.multiply, (x0, x1, y0, y1), mask, out)


def and_cross(x0: Words, x1: Words, y0: Words, y1: Words, mask: Words, out: Words) -> None:
    """Set `out` to x0 & (y0 ^ y1) ^ x1 & y0 ^ mask, elementwise; `out` may be any of the inputs."""
    _cross(np.bitwise_xor, np.bitwise_and, (x0, x1, y0, y1), mask, out)


def cross_product_blocks(x0: Words, x1: Words, y0: Words, y1: Words, draw: Draw, out: Words) -> Iterator[int]:
    """Do `cross_product` block by block with masks from `draw`; yield how many leading elements of `out` are final.

    `draw` is called once per block, in order, with a slice of `out`; so `out` must not overlap an input.
    """
    return _cross_blocks(np.add, np.multiply, (x0, x1, y0, y1), draw, out)


def and_cross_blocks(x0: Words, x1: Words, y0: Words, y1: Words, draw: Draw, out: Words) -> Iterator[int]:
    """Do `and_cross` block by block, as `cross_product_blocks` does."""
    return _cross_blocks(np.bitwise_xor, np.bitwise_and, (x0, x1, y0, y1), draw, out)


def matmul(x: Words, y: Words) -> Words:
    """Return x @ y mod 2**64, exactly, with the shapes of numpy's matmul (0-d where numpy returns a scalar).

    numpy's own loop over integer matrices strides through memory. Short rows stay with it; otherwise rows meet columns
    as contiguous integer dot products, or, for large matrices, exact float64 BLAS products of limbs: see `_limbs_pay`.
    """
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] < SHORT_ROW or x.shape[-1] != y.shape[-2]:
        return np.asarray(np.matmul(x, y))  # numpy refuses shapes that do not fit
    if y.ndim == 2 and x.ndim > 2:
        return matmul(x.reshape(-1, x.shape[-1]), y).reshape(*x.shape[:-1], y.shape[-1])
    rows, inner, columns = *x.shape[-2:], y.shape[-1]
    if min(rows, columns) < SHORT_ROW or rows * inner * columns < LIMB_WORK or not _limbs_pay():
        return _dot_products(x, y)
    lead = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    x, y = np.broadcast_to(x, (*lead, rows, inner)), np.broadcast_to(y, (*lead, inner, columns))
    product = np.zeros((*lead, rows, columns), dtype=np.uint64)
    for index in np.ndindex(*lead):
        _add_limb_products(x[index], y[index], product[index])
    return product


def matmul_sum(pairs: Sequence[tuple[Words, Words]]) -> Words:
    """Return the sum of x @ y over `pairs`, mod 2**64; factors of one and the same left array are added up first."""
    if not pairs:
        raise MisuseValueError("matmul_sum needs at least one pair of factors; got none.")
    factors: dict[int, tuple[Words, Words]] = {}
    for x, y in pairs:
        factors[id(x)] = (x, factors[id(x)][1] + y if id(x) in factors else y)
    (x, y), *others = factors.values()
    total = matmul(x, y)
    for x, y in others:
        total += matmul(x, y)
    return total


def _dot_products(x: Words, y: Words) -> Words:
    """Integer dot products; einsum's inner loop over two contiguous rows is numpy's fastest for uint64."""
    if x.shape[-2] < FEW_ROWS:
        return np.asarray(np.einsum("...ik,...kj->...ij", x, y))  # transposing y would cost more than it saves
    return np.asarray(np.einsum("...ik,...jk->...ij", x, np.ascontiguousarray(np.swapaxes(y, -1, -2))))


@functools.cache
def _limbs_pay() -> bool:
    """Whether this machine's BLAS, threads included, does five float64 products faster than einsum one of integers.

    The results are equal either way, and the winner differs by machine: wide vectors and free cores favour BLAS. It is
    timed once per process, for about 10 ms, before the first product large enough to earn that back.
    """
    x = np.arange(PROBE * PROBE, dtype=np.uint64).reshape(PROBE, PROBE)
    return _shortest(lambda: _add_limb_products(x, x, np.zeros_like(x))) < _shortest(lambda: _dot_products(x, x))


def _shortest(action: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _add_limb_products(x: Words, y: Words, out: Words) -> None:
    """Add x @ y to `out`, tile by tile, so that memory beyond the result stays at some 30 MB whatever the sizes."""
    for k in range(0, x.shape[1], LONGEST_SUM):
        for column in range(0, y.shape[1], TILE):
            right = _limbs(y[k : k + LONGEST_SUM, column : column + TILE])
            for row in range(0, x.shape[0], TILE):
                left = _limbs(x[row : row + TILE, k : k + LONGEST_SUM])
                _add_tile(left, right, out[row : row + TILE, column : column + TILE])


def _add_tile(a: Floats, b: Floats, out: Words) -> None:
    """Five BLAS products: of the nine of limbs three vanish mod 2**64, and Karatsuba's identity joins a0 b1 + a1 b0."""
    low, high = a[0] @ b[0], a[1] @ b[1]
    middle = (a[0] + a[1]) @ (b[0] + b[1])  # at most 512 * 2**22 * 2**22 = 2**53: exact
    middle -= low
    middle -= high
    high += a[0] @ b[2]
    high += a[2] @ b[0]
    for shift, part in enumerate((low, middle, high)):
        words = part.astype(np.int64).view(np.uint64)
        words <<= np.uint64(LIMB_BITS * shift)
        out += words


def _limbs(words: Words) -> Floats:
    """Three balanced limbs (-2**21 <= limb < 2**21) whose sum weighted by 2**(22 i) is the word mod 2**64.

    Adding half of each limb's range makes all limbs non-negative; put into the mantissa of 2**52, a limb becomes a
    float without a conversion, and one subtraction takes 2**52 and the half off again.
    """
    limbs = np.empty((3, *words.shape), dtype=np.float64)
    step = max(1, _LIMB_BLOCK // max(1, words.shape[1]))
    for start in range(0, words.shape[0], step):
        rest = words[start : start + step] + _ALL_HALVES
        for limb, bits in zip(limbs[:, start : start + step], _WIDTHS, strict=True):
            pattern = limb.view(np.uint64)
            np.bitwise_and(rest, np.uint64((1 << bits) - 1), out=pattern)
            np.bitwise_or(pattern, _MANTISSA, out=pattern)
            np.subtract(limb, float((1 << 52) + (1 << (bits - 1))), out=limb)
            np.right_shift(rest, np.uint64(bits), out=rest)
    return limbs


def _cross(add: np.ufunc, mul: np.ufunc, factors: tuple[Words, ...], mask: Words, out: Words) -> None:
    if out.size <= TINY:
        x0, x1, y0, y1 = factors
        sum_ = mul(add(y0, y1), x0)
        add(add(sum_, mask), mul(x1, y0), out=out)
        return
    x0, x1, y0, y1 = (_flat(factor) for factor in factors)
    mask, out = _flat(mask), _flat_out(out)
    left, right = np.empty((2, min(BLOCK, out.size)), dtype=np.uint64)
    for start in range(0, out.size, BLOCK):
        block = slice(start, start + BLOCK)
        part = out[block]
        if part.size < left.size:
            left, right = left[: part.size], right[: part.size]
        add(y0[block], y1[block], out=left)
        mul(left, x0[block], out=left)
        mul(x1[block], y0[block], out=right)
        add(left, right, out=left)
        add(left, mask[block], out=part)


def _cross_blocks(add: np.ufunc, mul: np.ufunc, factors: tuple[Words, ...], draw: Draw, out: Words) -> Iterator[int]:
    x0, x1, y0, y1 = (_flat(factor) for factor in factors)
    out = _flat_out(out)
    if 0 < out.size <= TINY:
        draw(out)
        add(out, add(mul(add(y0, y1), x0), mul(x1, y0)), out=out)
        yield out.size
        return
    scratch = np.empty(min(BLOCK, out.size), dtype=np.uint64)
    for start in range(0, out.size, BLOCK):
        block = slice(start, start + BLOCK)
        part = out[block]
        term = scratch[: part.size]
        draw(part)
        add(y0[block], y1[block], out=term)
        mul(term, x0[block], out=term)
        add(part, term, out=part)
        mul(x1[block], y0[block], out=term)
        add(part, term, out=part)
        yield start + part.size


def _flat(array: Words) -> Words:
    return array if array.ndim == 1 else array.reshape(-1)


def _flat_out(array: Words) -> Words:
    if array.ndim == 1:
        return array
    if not array.flags.c_contiguous:
        raise MisuseValueError(f"the result array must be C-contiguous; got shape {array.shape} with strides {array.strides}.")
    return array.reshape(-1)
