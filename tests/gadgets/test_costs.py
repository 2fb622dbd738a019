"""The rounds and bytes that docstrings state for `replicated`, against a plan of 1,024 rows."""

import pytest

from ramp_notebook import registry
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.plan import plan_cell

ROWS = 1024
SETUP = 'x, y = mpc.input("x", owner="alice"), mpc.input("y", owner="bob")\n'


def cost(call):
    """(rounds beyond the input's, bytes a party and row)."""
    cell = Cell(f"{SETUP}z = {call}")
    run = Run.of_plan(plan_cell(cell, ["alice", "bob", "carol"], shapes={0: {"x": (ROWS,)}, 1: {"y": (ROWS,)}}))
    return run.cost.rounds - 1, run.cost.by_line[2].sent_bytes / ROWS / 3


@pytest.mark.parametrize(
    ("call", "rounds", "row_bytes"),
    [
        ("gadgets.less_than(x, y)", 7, 18),
        ("gadgets.equal(x, y)", 7, 11),
        ("gadgets.to_bits(x)", 7, None),
        ("gadgets.shuffle(x)", 3, 16),
        ("gadgets.mean(x)", 35, None),
        ("gadgets.variance(x)", 90, None),
        ("gadgets.variance(x * 0.5)", 92, None),
        ("gadgets.histogram(x, [0, 5, 10])", 8, None),
    ],
)
def test_a_gadget_costs_what_its_docstring_states(call, rounds, row_bytes):
    came, came_bytes = cost(call)
    assert rounds == came
    text = registry.gadgets[call.split("(")[0].removeprefix("gadgets.")].__doc__
    assert f"{rounds} rounds" in text
    if row_bytes is not None:
        assert row_bytes == pytest.approx(came_bytes, abs=0.6)
