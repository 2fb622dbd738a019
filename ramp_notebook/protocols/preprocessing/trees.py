"""Owns the trees of Goldreich, Goldwasser and Micali: one root gives 2^depth leaves, and all but one can be handed over.

Many trees grow side by side. Level 0 is below the root; the bits of a leaf's number, highest first, are its path.
"""

import numpy as np

from .hashing import Blocks, double


def grow(roots: Blocks, depth: int) -> tuple[Blocks, Blocks]:
    """Return the leaves (trees, 2^depth, 2) of roots (trees, 2), and the XOR of all left and all right nodes per level.

    Whoever holds, on every level, the sum (trees, depth, 2 sides, 2) of the side that a path does not take can compute
    every leaf but the path's own.
    """
    nodes = roots[:, None]
    sums = np.empty((len(roots), depth, 2, 2), np.uint64)
    for level in range(depth):
        children = double(nodes)
        sums[:, level] = np.bitwise_xor.reduce(children, axis=1)
        nodes = children.reshape(len(roots), -1, 2)
    return nodes, sums


def puncture(missing: np.ndarray, known_sums: Blocks) -> Blocks:
    """Return the leaves (trees, 2^depth, 2) with zeros at the leaf `missing` (trees,), from sums (trees, depth, 2) off its path."""
    trees, depth = known_sums.shape[:2]
    row = np.arange(trees)
    nodes = np.zeros((trees, 1, 2), np.uint64)
    for level in range(depth):
        children = double(nodes)
        parent = missing >> (depth - level)
        side = missing >> (depth - level - 1) & 1
        children[row, parent] = 0  # children of the node that is not known
        others = np.bitwise_xor.reduce(children[row, :, 1 - side], axis=1)
        children[row, parent, 1 - side] = known_sums[:, level] ^ others
        nodes = children.reshape(trees, -1, 2)
    return nodes
