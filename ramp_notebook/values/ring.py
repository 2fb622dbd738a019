"""Owns local arithmetic on uint64 words: exact matrix products mod 2**64 and the fused products of two shared factors.

It knows arrays, never parties. A word is an element of Z_2^64 (add, multiply) or 64 bits (xor, and); both have the
same fused kernels. Elementwise work runs in blocks that stay in the L2 cache, into arrays of the caller.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ramp_notebook.errors import MisuseValueError

Words = NDArray[np.uint64]
Draw = Callable[[Words], None]  # fills its argument with mask words, e.g. Stream.words_into

BLOCK = 8192  # words; the six arrays of a fused product are then 64 KiB each
TINY = 64  # up to here the block machinery costs more than it saves


def multiply_add(x: Words, y: Words, out: Words) -> None:
    """Add x * y to `out`, elementwise."""
    if out.size <= TINY:
        np.add(out, x * y, out=out)
        return
    x, y, out = _flat(x), _flat(y), _flat_out(out)
    product = np.empty(min(BLOCK, out.size), dtype=np.uint64)
    for start in range(0, out.size, BLOCK):
        part = out[start : start + BLOCK]
        term = np.multiply(x[start : start + BLOCK], y[start : start + BLOCK], out=product[: part.size])
        np.add(part, term, out=part)


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
    """Return x @ y mod 2**64, exactly, with the shapes of numpy's matmul."""
    product: Words = np.matmul(x, y)
    return product


def matmul_sum(pairs: Sequence[tuple[Words, Words]]) -> Words:
    """Return the sum of x @ y over `pairs`, mod 2**64; left factors that are the same array are multiplied once."""
    if not pairs:
        raise MisuseValueError("matmul_sum needs at least one pair of factors; got none.")
    rights: dict[int, tuple[Words, Words]] = {}
    for x, y in pairs:
        rights[id(x)] = (x, rights[id(x)][1] + y if id(x) in rights else y)
    (x, y), *others = rights.values()
    total = np.atleast_1d(matmul(x, y))
    for x, y in others:
        total += matmul(x, y)
    return total


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
