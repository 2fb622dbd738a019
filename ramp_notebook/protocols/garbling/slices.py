"""Owns the two layouts of labels: a row of two words for each wire, which gates take, and bit slices, which shares are.

In slices, word k of a wire's 128 holds bit k of the labels of 64 wires. A label of planes is one of `lanes` bits packed in
words; one of numbers is one of the 64 bits of a word. Labels have shape (rows, lanes, 2): a row is a plane or a bit.
"""

from typing import Any

import numpy as np

from .. import planes as packed

LABEL_BITS = 128
WORD_BITS = 64

Slices = Any  # uint64 ndarray or ShapedArray, (128, …)
Labels = Any  # the same, (rows, lanes, 2)


def of_planes(share: Slices, lanes: int) -> Labels:
    """Labels (k, lanes, 2) of k planes, (128, k, words), of which the first `lanes` bits count."""
    _, k, words = share.shape
    bits = packed.transpose(share.reshape(2, WORD_BITS, k * words)).reshape(2, WORD_BITS, k, words)
    return np.transpose(bits, (2, 3, 1, 0)).reshape(k, words * WORD_BITS, 2)[:, :lanes].copy()


def to_planes(labels: Labels) -> Slices:
    """The way back: (128, k, ceil(lanes / 64)). Padding has labels of zeros: a constant false."""
    k, lanes, _ = labels.shape
    words = packed.word_count(lanes)
    if lanes % WORD_BITS:
        labels = np.concatenate([labels, np.zeros((k, words * WORD_BITS - lanes, 2), np.uint64)], axis=1)
    bits = np.transpose(labels.reshape(k, words, WORD_BITS, 2), (3, 2, 0, 1)).reshape(2, WORD_BITS, k * words)
    return packed.transpose(bits).reshape(LABEL_BITS, k, words)


def of_numbers(share: Slices) -> Labels:
    """Labels (64, n, 2) of the bits of n numbers, (128, n)."""
    return np.transpose(packed.transpose(share.reshape(2, WORD_BITS, share.shape[1])), (1, 2, 0)).copy()


def to_numbers(labels: Labels) -> Slices:
    """The way back: (128, n)."""
    return packed.transpose(np.transpose(labels, (2, 0, 1))).reshape(LABEL_BITS, labels.shape[1])
