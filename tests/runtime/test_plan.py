"""Plans: the same code on shapes gives the same events as a run, at any size, and says what it cannot know."""

from collections.abc import Iterator

import numpy as np
import pytest

from ramp_notebook.errors import NoDataError, PartyFailed, ProgramMismatch
from ramp_notebook.runtime.cell import Cell, Description
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.testing import assert_same_events

NAMES = ["alice", "bob", "carol"]


@pytest.fixture(scope="module")
def parties() -> Iterator[Coordinator]:
    with Coordinator(NAMES, "inline") as coordinator:
        yield coordinator


@pytest.mark.parametrize(
    ("value", "dtype", "source"),
    [
        (np.arange(9), "int64", "r = mpc.reveal(gadgets.sort(mpc.input('x', owner='alice')))"),
        (np.linspace(-1, 1, 9), "fixed", "r = mpc.reveal(mpc.input('x', owner='alice') * mpc.input('x', owner='alice'))"),
        (np.arange(9) % 2 == 0, "bool", "x = mpc.input('x', owner='alice')\nr = mpc.reveal(x & ~x)"),
        (np.array([f"10.0.0.{k}" for k in range(9)]), "text", "r = mpc.reveal(mpc.input('x', owner='alice', encode=gadgets.ipv4_to_int) < 5)"),
    ],
)
def test_an_imagined_input_costs_what_a_real_one_costs(parties: Coordinator, value: np.ndarray, dtype: str, source: str) -> None:
    measured = parties.run(Cell(source, inputs={0: {"x": value}}))
    plan = plan_cell(Cell(source), NAMES, shapes={0: {"x": Description("private", dtype, value.shape)}})
    assert_same_events(plan.trace, measured.trace)


def test_a_size_alone_keeps_the_type_that_is_known(parties: Coordinator) -> None:
    parties.run(Cell("x = np.linspace(0, 1, 3)", kind="party", targets=(0,)))
    cell = Cell("y = mpc.input('x', owner='alice')\nz = mpc.reveal(y * y)")
    larger = plan_cell(cell, NAMES, parties.directory, shapes={0: {"x": (1000,)}})
    typed = plan_cell(cell, NAMES, shapes={0: {"x": Description("private", "fixed", (1000,))}})
    assert_same_events(typed.trace, larger.trace)


def test_earlier_secrets_are_known_by_shape(parties: Coordinator) -> None:
    parties.run(Cell("kept = mpc.random(7)\nbits = mpc.random_bits(7)"))
    cell = Cell("z = mpc.reveal(kept * kept)\nb = mpc.reveal(bits)")
    assert_same_events(plan_cell(cell, NAMES, parties.directory).trace, parties.run(cell).trace)


def test_plans_run_nothing_for_real(capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_cell(Cell("print('planned')\nx = mpc.reveal(mpc.random(10**9))"), NAMES)
    assert "" == capsys.readouterr().out
    assert plan.trace.planned


@pytest.mark.parametrize(
    ("source", "kind", "said"),
    [
        ("x = mpc.reveal(mpc.random(3))\nif x[0] > 0:\n    pass", NoDataError, "in bob at line 2"),
        ("x = mpc.random(3)\nx.shape[1]", PartyFailed, "IndexError in alice at line 2"),
        ("x = 1\nx = = 2", PartyFailed, "SyntaxError in alice at line 2"),
    ],
)
def test_what_fails_is_told_as_in_a_run(source: str, kind: type, said: str) -> None:
    with pytest.raises(kind, match=said) as caught:
        plan_cell(Cell(source), NAMES)
    assert 2 == caught.value.line
    assert ["while planning: on shapes, without data"] == caught.value.__notes__


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x = mpc.random(3)\nif mpc.party == 'carol':\n    mpc.reveal(x)", "at line 3, which .* never sends"),
        ("x = mpc.random(3 if mpc.party == 'bob' else 4)\nmpc.reveal(x)", "expects .* of shape .* at line 2, .* sends .* at line 2"),
    ],
)
def test_unequal_programs_are_found_without_running_them(source: str, complaint: str) -> None:
    with pytest.raises(ProgramMismatch, match=complaint):
        plan_cell(Cell(source), NAMES)
