"""Carries on bit planes against Python's integers, for every width; exact truncation by every shift."""

import numpy as np
import pytest

from ramp_notebook.protocols import circuits, planes
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator

LANES = 64


def share(numbers, width):
    """One-component shares, so that AND is numpy's."""
    return planes.to_planes(numbers[None].astype(np.uint64), width)


def ands(factors, shapes):
    products = [left & right for left, right in factors]
    assert shapes == [product.shape[1:] for product in products]
    return products


def plain(shares):
    return planes.unpack(shares[0, 0], LANES)


@pytest.mark.parametrize("width", [*range(1, 20), 31, 32, 33, 63, 64])
def test_carries_and_sums_of_every_width(width):
    rng = np.random.default_rng(width)
    top = 2 ** min(width, 62)
    s, t = rng.integers(0, top, LANES), rng.integers(0, top, LANES)
    s[:3], t[:3] = (0, top - 1, top - 1), (0, top - 1, 1)
    a, b = share(s, width), share(t, width)
    [(carry, _)] = circuits.reduce_carries([circuits.Block(a, a ^ b, carry_known=True)], ands)
    np.testing.assert_array_equal([(int(x) + int(y)) >> width > 0 for x, y in zip(s, t, strict=True)], plain(carry))
    total = planes.from_planes(circuits.add_planes(b.copy(), a ^ b, ands), LANES)[0]
    assert [(int(x) + int(y)) % 2**width for x, y in zip(s, t, strict=True)] == [int(x) for x in total]


@pytest.mark.parametrize("widths", [(1, 63), (16, 48), (32, 32), (63, 1), (5, 2)])
def test_two_blocks_fold_side_by_side(widths):
    rng = np.random.default_rng(widths[0])
    numbers = [(rng.integers(0, 2 ** min(w, 62), LANES), rng.integers(0, 2 ** min(w, 62), LANES)) for w in widths]
    (a, b), (c, d) = [(share(s, w), share(t, w)) for (s, t), w in zip(numbers, widths, strict=True)]
    low, high = circuits.reduce_carries([circuits.Block(a, a ^ b, carry_known=True), circuits.Block(c, c ^ d)], ands)
    (s, t), (u, v) = numbers
    carry = (s.astype(object) + t) >> widths[0]
    np.testing.assert_array_equal(carry > 0, plain(low[0]))
    through = plain(high[0]) ^ (plain(high[1]) & (plain(high[0]) ^ plain(low[0])))
    np.testing.assert_array_equal((u.astype(object) + v + carry) >> widths[1] > 0, through)


def test_truncation_is_exact_by_every_shift_at_the_extremes():
    x = np.array([2**63 - 1, -(2**63), 2**62, -(2**62) - 1, -1, 0, 1, 12345, -12345])
    text = 'x = mpc.input("x", owner="alice", full_range=True)\ny = mpc.reveal(np.stack([x >> k for k in range(64)]))'
    with Coordinator(["alice", "bob", "carol"], launcher="inline") as parties:
        shifted = parties.run(Cell(text, inputs={0: {"x": x}})).outputs["y"]
    np.testing.assert_array_equal(np.stack([x >> k for k in range(64)]), shifted)
