"""All leaves but one follow from the sums off its path, and that one does not."""

import numpy as np
import pytest

from ramp_notebook.protocols.preprocessing.trees import grow, puncture
from ramp_notebook.values.streams import Stream

ROOTS = Stream(b"roots of 16 tree").words((16, 2))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_puncturing_gives_every_leaf_but_the_missing_one(depth: int) -> None:
    leaves, sums = grow(ROOTS, depth)
    missing = np.arange(16) * 37 % (1 << depth)
    sides = 1 - (missing[:, None] >> np.arange(depth)[::-1] & 1)
    known = np.take_along_axis(sums, sides[..., None, None], axis=2)[:, :, 0]
    expected = leaves.copy()
    expected[np.arange(16), missing] = 0
    assert np.array_equal(expected, puncture(missing, known))


def test_leaves_of_all_trees_differ() -> None:
    leaves, _ = grow(ROOTS, 8)
    assert 16 * 256 == len(np.unique(leaves.reshape(-1, 2), axis=0))


def test_the_last_level_sums_the_leaves() -> None:
    leaves, sums = grow(ROOTS, 5)
    assert np.array_equal(sums[:, -1, 1], np.bitwise_xor.reduce(leaves[:, 1::2], axis=1))
