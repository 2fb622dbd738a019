"""Adders and folds on bit planes, for any protocol with XOR-linear binary shares and a bitwise AND.

A stack of planes is a share of shape (components, k, W): plane b packs bit b of every element. Each level of a tree is one
exchange, in which all its ANDs travel together.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..values import shaped

Planes = Any
And = Callable[[Planes, Planes], Planes]


def reduce_carries(blocks: Sequence[tuple[Planes, Planes]], conjunction: And) -> list[tuple[Planes, Planes]]:
    """Fold each block of planes (g, p), lowest first, to one such pair: the carry out is p ? carry in : g.

    For a sum of s and t that is p = s ^ t and g = s: where p = 0 both are the carry, so no AND of s and t is needed. Pairs
    join by a multiplexer, g_high ^ p_high (g_high ^ g_low), associatively: ceil(log2 k) rounds for the largest block, 2
    ANDs a plane (Brent & Kung 1982; ABY3 2018/403 for the MPC use). A block that starts with a known carry has no p in its
    lowest plane: see `known_carry`.
    """
    blocks = list(blocks)
    while any(g.shape[1] > 1 for g, _ in blocks):
        left, right = [], []
        for g, p in blocks:
            pairs, lack = g.shape[1] // 2, g.shape[1] - p.shape[1]
            p_high = p[:, 1 - lack : 2 * pairs - lack : 2]
            left += [p_high, p_high[:, lack:]]
            right += [g[:, 0 : 2 * pairs : 2] ^ g[:, 1 : 2 * pairs : 2], p[:, lack : 2 * pairs - lack : 2]]
        products = conjunction(np.concatenate(left, axis=1), np.concatenate(right, axis=1))

        start, folded = 0, []
        for g, p in blocks:
            pairs, lack = g.shape[1] // 2, g.shape[1] - p.shape[1]
            stop = start + 2 * pairs - (lack if pairs else 0)
            g_new = g[:, 1 : 2 * pairs : 2] ^ products[:, start : start + pairs]
            p_new = products[:, start + pairs : stop]
            if g.shape[1] % 2:
                g_new = np.concatenate([g_new, g[:, -1:]], axis=1)
                p_new = np.concatenate([p_new, p[:, p.shape[1] - (1 if pairs else 1 - lack) :]], axis=1)
            start = stop
            folded.append((g_new, p_new))
        blocks = folded
    return blocks


def known_carry(g: Planes) -> Planes:
    """`g` above a plane of zeros: the block then starts with carry 0 and needs no p in that lowest plane."""
    return np.concatenate([shaped.zeros((g.shape[0], 1, g.shape[2]), like=g), g], axis=1)


def prefix_carries(g: Planes, p: Planes, conjunction: And) -> Planes:
    """Carry *out of* every plane of one block that starts with a known carry, so that p[:, i] belongs to g[:, i + 1].

    Sklansky's prefix tree with the multiplexer above: log2 k rounds, at most k ANDs a level.
    """
    k, step = g.shape[1], 1
    while step < k:
        high = np.array([i for i in range(k) if i & step])
        low = (high & ~(2 * step - 1)) | (step - 1)
        # p is needed only where a later level reads it: never in the lowest block of this level's result
        needs_p = high >= 2 * step
        g_high = g[:, high]
        left = np.concatenate([p[:, high - 1], p[:, high[needs_p] - 1]], axis=1)
        right = np.concatenate([g[:, low] ^ g_high, p[:, low[needs_p] - 1]], axis=1)
        products = conjunction(left, right)
        g = replace_planes(g, high, g_high ^ products[:, : len(high)])
        p = replace_planes(p, high[needs_p] - 1, products[:, len(high) :])
        step *= 2
    return g


def add_planes(x: Planes, y: Planes, conjunction: And) -> Planes:
    """x + y modulo 2^k on k planes."""
    propagate = x ^ y
    k = x.shape[1]
    return propagate ^ prefix_carries(known_carry(y[:, : k - 1]), propagate[:, : k - 1], conjunction)


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
