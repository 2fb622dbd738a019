"""The order of shuffled, distinct keys by comparisons whose outcomes everyone sees: few rounds, close to n log2 n of them.

Sample sort by levels, all segments at once: of every segment, the first rows (after a shuffle, a random sample) are ordered
by comparing all pairs; the others find their place among them by binary search; then every gap is a segment of its own.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ramp_notebook import MisuseValueError

SMALL = 7  # rows of a segment up to which all pairs are compared in one round
LARGEST_PLAN = 1 << 22

Compare = Callable[[np.ndarray, np.ndarray], Any]  # positions a, b -> secret bits a < b


def open_order(session: Any, n: int, compare: Compare) -> np.ndarray:
    """Positions of the rows in ascending order of their keys. The pattern depends on the shuffle's coins alone."""
    if session.planned and n > LARGEST_PLAN:
        raise MisuseValueError(
            f"the cost of comparing {n:,} rows openly depends on coins and is planned by playing them, up to {LARGEST_PLAN:,} rows; "
            'plan algorithm="radix", whose pattern is fixed'
        )
    typical = _scramble(np.arange(n, dtype=np.uint64)) if session.planned else None

    def less(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if not len(a):
            return np.zeros(0, bool)
        bits: np.ndarray = session.reveal_pattern(compare(a, b), lambda: typical[a] < typical[b])  # type: ignore[index]
        return bits

    rows = np.arange(n)  # rows in the order known so far; unresolved segments are runs of it
    starts, sizes = np.array([0]), np.array([n])
    while len(starts):
        depth = np.where(sizes <= SMALL, 0, np.maximum(1, np.log2(np.sqrt(2.0 * sizes)).astype(int)))
        pivots = np.where(sizes <= SMALL, sizes, (1 << depth) - 1)
        _order_heads(rows, starts, pivots, less)
        large = sizes > SMALL
        starts, sizes = _split(rows, starts[large], sizes[large], depth[large], less)
    return rows


def _order_heads(rows: np.ndarray, starts: np.ndarray, counts: np.ndarray, less: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    """Order the first counts[i] rows of every segment, by all pairs, in one round; in place."""
    groups = [(k, starts[counts == k][:, None] + np.arange(k)) for k in np.unique(counts) if k > 1]
    pairs = [(k, heads, *np.triu_indices(k, 1)) for k, heads in groups]
    lefts = [rows[heads[:, i]].reshape(-1) for _, heads, i, _ in pairs]
    rights = [rows[heads[:, j]].reshape(-1) for _, heads, _, j in pairs]
    if not pairs:
        return
    outcome = less(np.concatenate(lefts), np.concatenate(rights))
    used = 0
    for k, heads, i, j in pairs:
        count = len(heads) * len(i)
        left_is_less = outcome[used : used + count].reshape(len(heads), len(i))
        used += count
        rank = np.zeros((len(heads), k), int)
        for pair in range(len(i)) if len(i) <= len(heads) else ():
            rank[:, j[pair]] += left_is_less[:, pair]
            rank[:, i[pair]] += ~left_is_less[:, pair]
        if len(i) > len(heads):
            for segment in range(len(heads)):
                rank[segment] = np.bincount(j, left_is_less[segment], k) + np.bincount(i, ~left_is_less[segment], k)
        ordered = np.empty_like(heads)
        np.put_along_axis(ordered, rank, rows[heads], axis=1)
        rows[heads] = ordered


def _split(
    rows: np.ndarray, starts: np.ndarray, sizes: np.ndarray, depth: np.ndarray, less: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Binary search of all other rows among their segment's ordered pivots; the gaps, as segments, that need more."""
    if not len(starts):
        return starts, sizes
    pivots = (1 << depth) - 1
    others = sizes - pivots
    segment = np.repeat(np.arange(len(starts)), others)
    at = np.arange(others.sum()) - np.repeat(np.cumsum(others) - others, others) + (starts + pivots)[segment]
    gap = np.zeros(len(at), int)  # the number of pivots known to be smaller
    for level in range(int(depth.max())):
        step = (1 << depth[segment]) >> (level + 1)
        active = np.flatnonzero(step > 0)
        probe = gap[active] + step[active] - 1
        larger = less(rows[starts[segment[active]] + probe], rows[at[active]])
        gap[active] += step[active] * larger

    whole = np.concatenate([starts[i] + np.arange(n) for i, n in enumerate(sizes)])
    width = int(2 << depth.max()) + 2
    owner = np.repeat(np.arange(len(starts)), sizes)
    key = owner * width
    offset = np.arange(len(whole)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    is_pivot = offset < pivots[owner]
    key[is_pivot] += 2 * offset[is_pivot] + 1
    key[~is_pivot] += 2 * gap
    order = np.argsort(key, kind="stable")
    rows[whole] = rows[whole[order]]

    _, first, count = np.unique(key[order], return_index=True, return_counts=True)
    again = count > 1
    return whole[first[again]], count[again]


def _scramble(x: np.ndarray) -> np.ndarray:
    """A fixed, well mixed ranking of positions (the finaliser of splitmix64): a typical shuffle for plans."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = x ^ (x >> np.uint64(31))
    return mixed
