"""Truncation: exact to the last unit everywhere, and by name at random, without bias and at the stated cost."""

import numpy as np
import pytest

from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.testing import assert_same_events

NAMES = ["alice", "bob", "carol"]
TEXT = """from ramp_notebook import primitives
x = mpc.input("x", owner="alice")
y = primitives.truncate(x, {bits}, probabilistic={probabilistic})
z = mpc.reveal(y)"""
EXTREMES = np.array([0, 1, -1, 2**62 - 1, -(2**62), 5, -5, 2**40 + 3, -(2**40) - 3])


@pytest.fixture(scope="module")
def parties():
    with Coordinator(NAMES, launcher="inline") as coordinator:
        yield coordinator


def truncated(parties, x, bits, probabilistic, protocol="replicated"):
    cell = Cell(TEXT.format(bits=bits, probabilistic=probabilistic), protocol=protocol, inputs={0: {"x": x}})
    return cell, parties.run(cell)


@pytest.mark.parametrize("bits", [1, 2, 16, 31, 61, 62])
@pytest.mark.parametrize("protocol", ["clear", "replicated"])
def test_exact_is_floor(bits, protocol, parties):
    np.testing.assert_array_equal(EXTREMES >> bits, truncated(parties, EXTREMES, bits, False, protocol)[1].outputs["z"])


@pytest.mark.parametrize("bits", [1, 2, 16, 31, 61, 62])
def test_at_random_is_floor_or_one_more_at_the_extremes_too(bits, parties):
    x = np.tile(EXTREMES, 300)
    over = truncated(parties, x, bits, True)[1].outputs["z"] - (x >> bits)
    assert {0, 1} >= set(over.tolist())
    assert not over[x % 2**bits == 0].any(), "what divides evenly is not rounded"


def test_at_random_rounds_up_as_often_as_the_fraction_says(parties):
    count, bits = 40_000, 4
    for fraction in (1, 5, 8, 15):
        x = np.full(count, -(2**30) * 16 + fraction)
        ups = int((truncated(parties, x, bits, True)[1].outputs["z"] - (x >> bits)).sum())
        expected, spread = count * fraction / 16, np.sqrt(count * fraction / 16 * (1 - fraction / 16))
        assert abs(ups - expected) < 5 * spread


def test_at_random_costs_five_elements_and_three_rounds_and_the_label_says_so(parties):
    before = list(parties.directory)
    cell, result = truncated(parties, np.arange(100), 16, True)
    run = Run.of(result)
    assert 5 * 8 * 100 == run.cost.gadget("truncate").sent_bytes
    assert 3 == len({message.round for message in result.trace.messages if message.line == 3})
    assert "probabilistic truncation" in run.label.flags
    assert "probabilistic truncation" not in Run.of(truncated(parties, np.arange(3), 16, False)[1]).label.flags
    assert_same_events(plan_cell(cell, NAMES, before).trace, result.trace)
