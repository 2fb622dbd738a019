"""Adders and folds on bit planes, for any protocol with XOR-linear binary shares and a bitwise AND.

A stack of planes is a share of shape (components, k, W): plane b packs bit b of every element. Each level of a tree is one
exchange, in which all its ANDs travel together.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Planes = Any
And = Callable[[Planes, Planes], Planes]


def reduce_carries(blocks: Sequence[tuple[Planes, Planes]], conjunction: And) -> list[tuple[Planes, Planes]]:
    """Fold each block of (generate, propagate) planes, lowest bit first, to one (generate, propagate) pair.

    The carry operator (g, p) ∘ (g', p') = (g ^ p g', p p') is associative, so neighbours combine pairwise:
    ceil(log2 k) rounds for the largest block, about 2 k ANDs a block (Brent & Kung 1982; ABY3 2018/403 for the MPC use).
    """
    blocks = list(blocks)
    while any(g.shape[1] > 1 for g, _ in blocks):
        left, right, layout = [], [], []
        for g, p in blocks:
            pairs = g.shape[1] // 2
            layout.append(pairs)
            if pairs:
                g_low, p_low = g[:, 0 : 2 * pairs : 2], p[:, 0 : 2 * pairs : 2]
                p_high = p[:, 1 : 2 * pairs : 2]
                left += [p_high, p_high]
                right += [g_low, p_low]
        products = conjunction(np.concatenate(left, axis=1), np.concatenate(right, axis=1))

        start, folded = 0, []
        for (g, p), pairs in zip(blocks, layout, strict=True):
            if not pairs:
                folded.append((g, p))
                continue
            g_new = g[:, 1 : 2 * pairs : 2] ^ products[:, start : start + pairs]
            p_new = products[:, start + pairs : start + 2 * pairs]
            start += 2 * pairs
            if g.shape[1] % 2:
                g_new, p_new = np.concatenate([g_new, g[:, -1:]], axis=1), np.concatenate([p_new, p[:, -1:]], axis=1)
            folded.append((g_new, p_new))
        blocks = folded
    return blocks


def prefix_carries(generate: Planes, propagate: Planes, conjunction: And) -> Planes:
    """Carry *out of* every position, by Sklansky's prefix tree: log2 k rounds, at most k ANDs a level for each of g and p."""
    g, p = generate, propagate
    k, step = g.shape[1], 1
    while step < k:
        high = np.array([i for i in range(k) if i & step])
        low = (high & ~(2 * step - 1)) | (step - 1)
        # p is needed only where a later level reads it: never in the lowest block of this level's result
        needs_p = high >= 2 * step
        left = np.concatenate([p[:, high], p[:, high[needs_p]]], axis=1)
        right = np.concatenate([g[:, low], p[:, low[needs_p]]], axis=1)
        products = conjunction(left, right)
        g = replace_planes(g, high, g[:, high] ^ products[:, : len(high)])
        p = replace_planes(p, high[needs_p], products[:, len(high) :])
        step *= 2
    return g


def add_planes(x: Planes, y: Planes, conjunction: And) -> Planes:
    """x + y modulo 2^k on k planes."""
    propagate = x ^ y
    k = x.shape[1]
    if k == 1:
        return propagate
    generate = conjunction(x[:, : k - 1], y[:, : k - 1])
    carries = prefix_carries(generate, propagate[:, : k - 1], conjunction)
    return np.concatenate([propagate[:, :1], propagate[:, 1:] ^ carries], axis=1)


def fold_and(planes: Planes, conjunction: And) -> Planes:
    """AND of all planes: halves against halves, ceil(log2 k) rounds, k - 1 ANDs. Result (components, 1, W)."""
    while planes.shape[1] > 1:
        half = planes.shape[1] // 2
        folded = conjunction(planes[:, :half], planes[:, half : 2 * half])
        planes = np.concatenate([folded, planes[:, 2 * half :]], axis=1) if planes.shape[1] % 2 else folded
    return planes


def replace_planes(planes: Planes, positions: np.ndarray, values: Planes) -> Planes:
    out = planes.copy()
    out[:, positions] = values
    return out
