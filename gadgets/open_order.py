"""The order of shuffled, distinct keys by comparisons whose outcomes everyone sees: few rounds, close to n log2 n of them.

Sample sort by levels, all segments at once: of every segment, the first rows (after a shuffle, a random sample) are ordered
by comparing all pairs; the others find their place among them by binary search; then every gap is a segment of its own.
Knows positions and revealed bits, never keys.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ramp_notebook import MisuseValueError

SMALL = 6  # rows of a segment up to which all pairs are compared in one round
LARGEST_PLAN = 1 << 22
PLACE = np.int32  # half the memory of numpy's own; a share of 2^31 rows is 32 GiB
MANY_PAIRS = 64  # rows from which a table of pairs against rows is larger than the pairs themselves

# Positions b, which are met again and again, then positions a -> secret bits a < b; fewer a meet the first of b.
Compare = Callable[[np.ndarray], Callable[[np.ndarray], Any]]
Less = Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray]]  # the same, revealed


def open_order(session: Any, n: int, compare: Compare) -> np.ndarray:
    """Positions of the rows in ascending order of their keys. The pattern depends on the shuffle's coins alone.

    A plan plays one typical shuffle: positions ranked by a fixed mixing function stand for shuffled keys.
    """
    if session.planned and n > LARGEST_PLAN:
        raise MisuseValueError(
            f"the cost of comparing {n:,} rows openly depends on coins and is planned by playing them, up to {LARGEST_PLAN:,} rows; "
            'plan algorithm="radix", whose pattern is fixed'
        )
    typical = _scramble(np.arange(n, dtype=np.uint64)) if session.planned else None

    def less_than(b: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        met = compare(b)

        def less(a: np.ndarray) -> np.ndarray:
            bits: np.ndarray = session.reveal_pattern(met(a), lambda: typical[a] < typical[b[: len(a)]])  # type: ignore[index]
            return bits

        return less

    rows = np.arange(n, dtype=PLACE)  # rows in the order known so far; unresolved segments are runs of it
    starts, sizes = (np.array([0], PLACE), np.array([n], PLACE)) if n > 1 else (np.zeros(0, PLACE), np.zeros(0, PLACE))
    while len(starts):
        small = sizes <= SMALL
        depths = np.where(small, 0, np.maximum(1, np.log2(np.sqrt(2.0 * sizes)).astype(int)))
        _order_heads(rows, starts, np.where(small, sizes, (1 << depths) - 1), less_than)
        starts, sizes = _split(rows, starts[~small], sizes[~small], depths[~small], less_than)
    return rows


def _order_heads(rows: np.ndarray, starts: np.ndarray, counts: np.ndarray, less_than: Less) -> None:
    """Order the first counts[i] rows of every segment, by all pairs, in one round; in place."""
    groups = [(int(k), starts[counts == k][:, None] + np.arange(k)) for k in np.unique(counts) if k > 1]
    if not groups:
        return
    pairs = [(k, heads, *np.triu_indices(k, 1)) for k, heads in groups]
    lefts = [rows[heads[:, i]].reshape(-1) for _, heads, i, _ in pairs]
    rights = [rows[heads[:, j]].reshape(-1) for _, heads, _, j in pairs]
    outcome = less_than(np.concatenate(rights))(np.concatenate(lefts))
    used = 0
    for k, heads, i, j in pairs:
        count = len(heads) * len(i)
        rank = _ranks(outcome[used : used + count].reshape(len(heads), len(i)), i, j, k)
        used += count
        ordered = np.empty_like(heads)
        np.put_along_axis(ordered, rank, rows[heads], axis=1)
        rows[heads] = ordered


def _ranks(left_is_less: np.ndarray, i: np.ndarray, j: np.ndarray, k: int) -> np.ndarray:
    """Of each segment's k rows, how many are smaller: row j counts where i < j, row i where not."""
    if k < MANY_PAIRS:
        table = np.zeros((len(i), k), np.float32)
        table[np.arange(len(i)), j], table[np.arange(len(i)), i] = 1, -1
        return (left_is_less.astype(np.float32) @ table).astype(int) + np.arange(k)[::-1]
    return np.stack([np.bincount(j, bits, k) + np.bincount(i, ~bits, k) for bits in left_is_less]).astype(int)


def _split(rows: np.ndarray, starts: np.ndarray, sizes: np.ndarray, depths: np.ndarray, less_than: Less) -> tuple[np.ndarray, np.ndarray]:
    """Binary search of all other rows among their segment's ordered pivots; the gaps, as segments, that need more."""
    if not len(starts):
        return starts, sizes
    deepest_first = np.argsort(-depths, kind="stable")  # so that whoever still searches is a prefix
    starts, sizes, depths = starts[deepest_first], sizes[deepest_first], depths[deepest_first]
    pivots = (1 << depths) - 1
    others = sizes - pivots
    ends = np.cumsum(others)
    place = starts + pivots - ends + others  # where a segment's others start, less how many come before them in this list
    mine = rows[_repeated(place, others) + np.arange(ends[-1], dtype=PLACE)]
    smaller = _repeated(starts - 1, others)  # the last pivot known to be smaller
    less = less_than(mine)
    for level in range(int(depths[0])):
        searching = depths > level
        step = _repeated(1 << (depths - level)[searching] >> 1, others[searching])
        found = less(rows[smaller[: len(step)] + step])
        smaller[: len(step)] += step * found
    del less, step, found  # and the keys that `less` holds

    # Gap j of a segment starts after j pivots and after the rows in smaller gaps; gaps of all segments are counted as one list.
    gaps = 1 << depths
    gap_base = np.cumsum(gaps) - gaps
    smaller -= _repeated(starts - 1, others)
    key = smaller + _repeated(gap_base, others)
    order, count = _stable_order(key), np.bincount(key, minlength=int(gaps.sum()))
    index = np.arange(len(count)) - np.repeat(gap_base, gaps)
    before = np.cumsum(count) - count
    gap_start = index + before - np.repeat(before[gap_base], gaps) + np.repeat(starts, gaps)
    has_pivot = index > 0  # the pivot that ends the gap before
    heads = rows[np.repeat(starts, gaps) + index - 1][has_pivot]
    rows[_repeated(place - pivots, others) + np.arange(ends[-1], dtype=PLACE) + smaller[order]] = mine[order]
    rows[gap_start[has_pivot] - 1] = heads
    unresolved = count > 1
    return gap_start[unresolved].astype(PLACE), count[unresolved].astype(PLACE)


def _repeated(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.repeat(values.astype(PLACE), counts)


def _stable_order(key: np.ndarray) -> np.ndarray:
    """np.argsort(key, kind="stable") of non-negative numbers below 2**32, by numpy's radix sort of 16-bit numbers."""
    order = np.argsort(key.astype(np.uint16), kind="stable")
    high = (key >> 16).astype(np.uint16)
    return order if not high.any() else order[np.argsort(high[order], kind="stable")]


def _scramble(x: np.ndarray) -> np.ndarray:
    """A fixed, well mixed ranking of positions (the finaliser of splitmix64): a typical shuffle for plans."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = x ^ (x >> np.uint64(31))
    return mixed
