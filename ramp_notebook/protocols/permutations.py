"""Permutations: uniform ones from a key stream, and networks of switches that can be set to any, for millions of rows."""

import functools
from dataclasses import dataclass
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


# -- switching networks ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """Switches that act side by side, and how the rows go on: each switch may swap row `first` and the row after it.

    `then` is the order in which the rows enter the next layer. All of it is public: it depends on the number of rows alone.
    """

    first: Any
    then: Any


@functools.lru_cache(maxsize=16)
def network(n: int) -> tuple[Layer, ...]:
    """A network of n rows whose switches can be set to any permutation: about n log2 n - n / 2 switches.

    Beneš 1964, for any n by Chang and Melhem 1997: switches, then a network of the upper rows of all switches beside one of
    the lower rows (and of the row without a switch, if n is odd), then switches again.
    """
    front, back = [], []
    sizes = np.array([n])
    while sizes.max() > 2:
        first, then = _switches(sizes), _split(sizes)
        front.append(Layer(first, then))
        back.append((first, np.argsort(then)))
        sizes = _halves(sizes)
    layers = [*front, Layer(_switches(sizes), np.arange(n))]
    for first, joined in reversed(back):
        layers[-1] = Layer(layers[-1].first, joined)
        layers.append(Layer(first, np.arange(n)))
    return tuple(layers)


def layer_sizes(n: int) -> list[int]:
    """How many switches each layer of `network` has, without making it."""
    blocks, front = {n: 1}, []  # size of a block: how many there are
    while max(blocks) > 2:
        front.append(sum(size // 2 * count for size, count in blocks.items()))
        halves: dict[int, int] = {}
        for size, count in blocks.items():
            for half in (size // 2, (size + 1) // 2):
                halves[half] = halves.get(half, 0) + count
        blocks = halves
    return [*front, sum(size // 2 * count for size, count in blocks.items()), *reversed(front)]


def route(order: Any) -> list[Any]:
    """Settings (bool, one for each switch) of every layer of `network`, so that row order[i] comes out as row i.

    Which half a row passes is a colouring: rows of one switch, in front or behind, differ. The constraints form cycles, and
    all cycles of all blocks of a level are coloured at once, by the least row of each, found by doubling steps.
    """
    n = len(order)
    goal = np.empty(n, np.int64)  # where the row at a place has to come out
    goal[order] = np.arange(n)
    sizes, front, back = np.array([n]), [], []
    while sizes.max() > 2:
        start = np.cumsum(sizes) - sizes
        first = _switches(sizes)
        lower = _colour(goal, sizes)
        front.append(lower[first])
        came = np.empty(n, np.int64)
        came[goal] = np.arange(n)
        back.append(lower[came[first]])

        block = np.repeat(np.arange(len(sizes)), sizes)
        halves = _halves(sizes)
        half_start = np.cumsum(halves) - halves
        base = half_start[2 * block + lower]
        place, next_goal = base + (np.arange(n) - start[block]) // 2, base + (goal - start[block]) // 2
        goal = np.empty(n, np.int64)
        goal[place] = next_goal
        sizes = halves
    first = _switches(sizes)
    return [*front, goal[first] != first, *reversed(back)]


def _colour(goal: np.ndarray, sizes: np.ndarray) -> Any:
    """For every row of blocks of `sizes`, whether it passes the lower half. The odd row of a block passes it at both ends."""
    odd = sizes & 1
    shift = np.repeat(np.cumsum(odd) - odd, sizes)  # a virtual row after every odd block makes all rows paired
    place, padded = np.arange(len(goal)) + shift, len(goal) + int(odd.sum())
    wide = np.arange(padded)
    virtual = np.delete(wide, place)
    wide[place] = goal + shift
    came = np.empty(padded, np.int64)
    came[wide] = np.arange(padded)

    onward = came[wide[np.arange(padded) ^ 1] ^ 1]  # partner in front, then its partner behind: a row of the same colour
    least = np.arange(padded)
    least[virtual] = -1  # passes the upper half, where there is room for it
    steps = int(sizes.max() // 2 + 1).bit_length()
    for _ in range(steps):
        np.minimum(least, least[onward], out=least)
        onward = onward[onward]
    return (least > least[np.arange(padded) ^ 1])[place]


def _switches(sizes: np.ndarray) -> Any:
    """The first row of every switch: blocks pair their rows from the start."""
    counts = sizes // 2
    block_start = np.cumsum(sizes) - sizes
    index = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(block_start, counts) + 2 * index


def _halves(sizes: np.ndarray) -> Any:
    return np.stack([sizes // 2, (sizes + 1) // 2], axis=1).reshape(-1)


def _split(sizes: np.ndarray) -> Any:
    """The order in which the rows of every block enter its upper half, then its lower half."""
    halves, start = _halves(sizes), np.cumsum(sizes) - sizes
    index = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(halves) - halves, halves)
    lower = np.repeat(np.arange(len(halves)) & 1, halves)
    row = np.minimum(2 * index + lower, np.repeat(sizes - 1, sizes))  # the odd row has no partner before it
    return np.repeat(start, sizes) + row
