"""Uniform permutations from a key stream that two parties share, fast enough for millions of rows."""

from typing import Any

import numpy as np

from ..values.shaped import ShapedArray


def random_permutation(stream: Any, n: int) -> Any:
    """An exactly uniform permutation of range(n), equal for both holders of the stream.

    Sorting random numbers with the index in the low bits gives the order in one pass; rows whose random parts tie are
    ordered again by fresh numbers, so that no bias is left.
    """
    index_bits = max(1, (n - 1).bit_length())
    low = np.uint64((1 << index_bits) - 1)
    keys = stream.words((n,))
    if isinstance(keys, ShapedArray):
        return ShapedArray((n,), np.int64)
    keys &= ~low
    keys |= np.arange(n, dtype=np.uint64)
    keys.sort()
    tied = (keys[1:] ^ keys[:-1]) <= low
    order = np.bitwise_and(keys, low, out=keys).view(np.int64)
    if tied.any():
        _reorder_ties(stream, order, tied)
    return order


def _reorder_ties(stream: Any, order: np.ndarray, tied: np.ndarray) -> None:
    """Put each run of tied rows in a uniformly random order, in place."""
    starts = np.flatnonzero(tied & ~np.concatenate([[False], tied[:-1]]))
    for start in starts.tolist():
        stop = start + 1
        while stop < len(order) and tied[stop - 1]:
            stop += 1
        order[start:stop] = order[start:stop][random_permutation(stream, stop - start)]
