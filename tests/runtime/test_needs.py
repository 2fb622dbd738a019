"""What a cell will use of correlated randomness is known before it runs, unless its text does more than compute."""

from dataclasses import replace

import numpy as np
import pytest

from ramp_notebook.report.page import page
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.needs import needs_of, only_computes
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.runtime.workspace import Workspace
from ramp_notebook.testing.events import assert_same_events

NAMES = ["alice", "bob"]
TWO = 'x, y = mpc.input("x", owner="alice"), mpc.input("y", owner="bob")\n'
INPUTS = {0: {"x": np.arange(10)}, 1: {"y": np.arange(10)[::-1]}}


def needs(text, **facts):
    return needs_of(Cell(TWO + text, protocol="additive", inputs=INPUTS), NAMES, **facts)


def test_products_are_counted():
    assert {("triples",): 13, ("matrix_triples", 1, 10, 1): 1} == needs("z = (x * y)[:3] * y[:3] + x @ y")


@pytest.mark.parametrize(
    "body",
    [
        "z = x < y",
        "z = gadgets.sort(x, algorithm='radix')",
        "z = gadgets.shuffle(x)",
        "z = gadgets.sum(x == y) * x",
        "z = (x * 0.5 + y * 1.5) @ y",
    ],
)
def test_a_cell_that_is_prepared_leaves_nothing_over_and_its_plan_is_true(body):
    with Coordinator(NAMES, launcher="inline") as parties:
        cell = Cell(TWO + body, protocol="additive", inputs=INPUTS)
        cell = replace(cell, needs=needs_of(cell, NAMES))
        result = parties.run(cell)
        plan = plan_cell(cell, NAMES)
        assert_same_events(plan.trace, result.trace)
        assert plan.supplies == result.outcomes[0].supplies != {}
        assert all(made == used and not left for made, used, left in plan.supplies.values())
        rounds = {phase: [m.round for m in result.trace.messages if m.phase == phase] for phase in ("preprocessing", "online")}
        assert max(rounds["preprocessing"]) < min(rounds["online"])


GARBLED = {"z = x < y": 10, "z = gadgets.shuffle(x)": 11, "z = mpc.parallel(lambda: gadgets.shuffle(x), lambda: gadgets.shuffle(y))": 12}


@pytest.mark.parametrize("source", ["ot", "silent"])
@pytest.mark.parametrize(("body", "words"), GARBLED.items())
def test_a_cell_of_garbled_circuits_has_its_inputs_transfers_made_before(body, words, source):
    with Coordinator(NAMES, launcher="inline") as parties:
        cell = Cell(TWO + body + "\nw = mpc.reveal(x + y)", protocol="garbled", preprocessing=source, inputs=INPUTS)
        cell = replace(cell, needs=needs_of(cell, NAMES))
        assert {("transfers",): words} == cell.needs
        result = parties.run(cell)
        assert [9] * 10 == list(result.outputs["w"])
        plan = plan_cell(cell, NAMES)
        assert_same_events(plan.trace, result.trace)
        assert plan.supplies == result.outcomes[0].supplies == {"transfers": (64 * words, 64 * words, 0)}
        before, online = ([m for m in result.trace.messages if m.phase == phase] for phase in ("preprocessing", "online"))
        assert max(m.round for m in before) <= min(m.round for m in online)
        assert not {m.line for m in before} & {m.line for m in online}  # none of it was made when it was asked for


def test_values_that_all_parties_know_may_decide_how_much():
    assert {("triples",): 40} == needs("for _ in range(rounds): z = x * y", public={"rounds": 4, "unused": object()})
    assert {} == needs("for _ in range(rounds): z = x * y")


def test_a_public_value_is_not_changed_by_looking_ahead():
    seen = [1]
    assert {("triples",): 10} == needs("seen.append(2)\nz = x * y", public={"seen": seen})
    assert [1] == seen


@pytest.mark.parametrize(
    "body",
    ["if mpc.reveal(x)[0] > 3: z = x * y", "z = x * nothing", "z = (", "raise ValueError(x * y)", "z = x * y\nlog.write('x')"],
)
def test_what_cannot_be_known_before_is_made_when_asked_for(body):
    assert {} == needs(body)


def test_protocols_without_preprocessing_are_not_looked_at():
    assert {} == needs_of(Cell(TWO + "z = x * y", protocol="replicated", inputs=INPUTS), ["alice", "bob", "carol"])


@pytest.mark.parametrize(
    "text",
    [
        "import os", "open('f')", "np.random.seed(1)", "np.save('f', 1)", "while True: pass", "with mpc.span('a'): pass", "with mpc.using('garbled'), open('f'): pass", "with mpc.using: pass", "x.__class__",
        "class A: pass", "exec('1')", "try: z = 1\nexcept ValueError: pass", "def f(): yield 1", "global z",
    ],
)  # fmt: skip
def test_a_text_that_does_more_than_compute_is_told(text):
    assert not only_computes(text, {"x"})


@pytest.mark.parametrize(
    "text",
    [
        "z = x + 1",
        "def f(a):\n    return a * 2\nz = f(x)",
        "z = [v for v in x if len(x) > 2]",
        "z = gadgets.sort(np.concatenate([x, x]))",
        "print(z := x)",
        "with mpc.using('garbled'):\n    z = mpc.convert(x)",
    ],
)
def test_a_text_that_computes_is_told(text):
    assert only_computes(text, {"x"})


def test_a_notebook_says_what_was_used_and_what_is_left():
    workspace = Workspace()
    options = workspace.options({"parties": "alice,bob", "protocol": "additive", "launcher": "inline"})
    data = [("x", "alice", np.arange(10)), ("y", "bob", np.arange(10))]
    try:
        exact = workspace.run(options, TWO + "z = x * y", {}, "<mpc cell 1>", data=data)
        assert "used of correlated randomness: 10 triples\n" in exact.report + "\n"
        loose = workspace.run(options, TWO + "for _ in [1, 2, 3]:\n  try: z = x * y\n  finally: z = 0", {}, "<mpc cell 2>", data=data)
        assert "used of correlated randomness: 30 triples; made and not used yet: 10 triples" in loose.report
        assert "used of correlated randomness: 30 triples" in page(loose)
    finally:
        workspace.stop()
