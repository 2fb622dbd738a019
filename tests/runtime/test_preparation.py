"""Correlated randomness is made ahead by name or for a cell, in memory or in a store, and a plan knows of it."""

import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from ramp_notebook.errors import MisuseError, OptionError
from ramp_notebook.protocols.preprocessing.supply import MOST_PREPARED_BYTES
from ramp_notebook.runtime.preparation import asked_for
from ramp_notebook.runtime.workspace import Workspace
from ramp_notebook.testing.events import assert_same_events

BODY = 'x, y = mpc.input("x", owner="alice"), mpc.input("y", owner="bob")\nz = mpc.reveal(x * y)\nless = mpc.reveal(x < y)'
DATA = [("x", "alice", np.arange(70)), ("y", "bob", np.arange(70)[::-1])]
SHAPES = ["x@alice=70", "y@bob=70"]


class Notebook:
    """A workspace with options that stay."""

    def __init__(self, **given):
        self.workspace = Workspace()
        self.given = {"parties": "alice,bob", "protocol": "additive", "launcher": "inline", "preprocessing": "dealer", **given}

    def run(self, body=BODY, **given):
        options = self.workspace.options({**self.given, **given})
        data = () if options.plan or options.prepare else DATA
        return self.workspace.run(options, body, {}, self.workspace.new_filename(), data=data)

    def prepare(self, *words):
        return self.workspace.prepare(self.workspace.options(self.given), asked_for(words))

    @property
    def stock(self):
        [group] = self.workspace.groups.values()
        return group.kept[self.given["protocol"]][self.given["preprocessing"]]["stock"]


@pytest.fixture
def notebook():
    notebook = Notebook()
    yield notebook
    notebook.workspace.stop()


@pytest.fixture(params=["ot", "silent"])
def garbling(request):
    notebook = Notebook(protocol="garbled", preprocessing=request.param)
    yield notebook
    notebook.workspace.stop()


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    notebook = Notebook(store=str(tmp_path / "stock"))
    yield notebook
    notebook.workspace.stop()


def test_what_is_asked_for_is_there_and_no_more(notebook):
    run = notebook.prepare("triples=100", "bit_triples=65", "dabits=1", "matrix_triples=2x3x4", "matrix_triples=2x3x4")
    assert {("triples",): 100, ("bit_triples",): 2, ("dabits",): 1, ("matrix_triples", 2, 3, 4): 2} == notebook.stock
    assert {} == run.outputs
    notebook.prepare("triples=150", "bit_triples=1")
    assert 150 == notebook.stock[("triples",)]


def test_a_cell_that_was_prepared_for_sends_nothing_but_its_own(notebook):
    ahead = notebook.run(prepare=True, shape=SHAPES)
    assert not ahead.cost.by_phase["online"].messages
    assert (70, 0, 70) == ahead.supplies["triples"]
    run = notebook.run()
    assert list(run.outputs["z"]) == [n * (69 - n) for n in range(70)]
    assert set(run.cost.by_phase) == {"online"} or not run.cost.by_phase["preprocessing"].messages
    assert {} == notebook.stock  # exactly as much


def test_transfers_for_garbled_circuits_are_made_ahead_and_serve_several_cells(garbling):
    run = garbling.prepare("transfers=10_000")
    assert {("transfers",): 157} == garbling.stock
    assert {"preprocessing"} == {m.phase for m in run.trace.messages}
    assert "made and not used yet: 10,048 transfers" in run.report
    for left in (87, 17):
        plan = garbling.run(plan=True, shape=SHAPES)
        run = garbling.run()
        assert_same_events(plan.trace, run.trace)
        assert plan.supplies == run.supplies == {"transfers": (0, 64 * 70, 64 * left)}
        assert {"online"} == {m.phase for m in run.trace.messages}
        assert list(run.outputs["z"]) == [n * (69 - n) for n in range(70)]
        assert "used of correlated randomness: 4,480 transfers; made and not used yet" in run.report
    assert (64 * 53, 64 * 70, 0) == garbling.run().supplies["transfers"]


def test_what_a_failed_cell_leaves_of_transfers_is_thrown_away(garbling):
    garbling.prepare("transfers=10_000")
    with pytest.raises(Exception, match="ZeroDivisionError"):
        garbling.run(BODY + "\n1 / 0")
    run = garbling.run()
    assert list(run.outputs["z"]) == [n * (69 - n) for n in range(70)]
    assert (64 * 70, 64 * 70, 0) == run.supplies["transfers"]


def test_a_cell_of_garbled_circuits_is_prepared_for(garbling):
    ahead = garbling.run(prepare=True, shape=SHAPES)
    assert {("transfers",): 70} == garbling.stock
    assert ("regular learning parity with noise" in ahead.label.text()) == (garbling.given["preprocessing"] == "silent")
    assert (0, 64 * 70, 0) == garbling.run().supplies["transfers"]


def test_a_cell_that_does_more_than_compute_can_be_prepared_for_too(notebook):
    body = BODY + "\nimport math\nwhile False:\n    pass"
    notebook.run(body, prepare=True, shape=SHAPES)
    assert ("alice", "bob") == notebook.run(body).trace.parties


def test_preparing_for_a_cell_that_cannot_be_planned_says_why(notebook):
    with pytest.raises(Exception, match="nothing_here"):
        notebook.run("z = nothing_here", prepare=True)


def test_all_that_is_asked_for_is_made_and_a_cell_makes_what_fits_memory(notebook):
    assert 24 * 12_000_000 > MOST_PREPARED_BYTES
    plan = notebook.run("x = mpc.random(12_000_000)\nz = x * x", plan=True)
    phases = [m.phase for m in plan.trace.messages]
    assert phases.index("online") < len(phases) - phases[::-1].index("preprocessing")  # the rest when it is asked for


@pytest.mark.parametrize("word", ["triples", "triples=", "triples=-1", "triples=1x2", "matrix_triples=3", "octets=4"])
def test_a_wrong_word_is_refused(word):
    with pytest.raises(OptionError, match="%mpc prepare"):
        asked_for([word])


def test_protocols_that_spend_nothing_have_nothing_to_prepare():
    with pytest.raises(MisuseError, match="--preprocessing means nothing under --protocol replicated"):
        Notebook(parties="alice,bob,carol", protocol="replicated").prepare("triples=1")


@pytest.mark.parametrize(
    ("protocol", "words", "fitting"), [("additive", "transfers=1", "triples, .*translations"), ("garbled", "triples=1", "transfers")]
)
def test_what_a_protocol_does_not_spend_is_refused(protocol, words, fitting):
    with pytest.raises(MisuseError, match=f"`{protocol}` spends no {words[:-2]}; what can be made ahead for it: {fitting}"):
        Notebook(protocol=protocol, preprocessing="ot").prepare(words)


def test_a_store_serves_the_next_notebook_and_its_plan_is_true(stored, tmp_path):
    stored.prepare("triples=100", "bit_triples=64_000")
    stored.workspace.stop()
    later = Notebook(store=str(tmp_path / "stock"))
    try:
        plan = later.run("z = 1", plan=True)
        assert_same_events(plan.trace, later.run("z = 1").trace)  # opening alone
        plan = later.run(plan=True, shape=SHAPES)
        run = later.run()
        assert_same_events(plan.trace, run.trace)
        assert plan.supplies == run.supplies
        assert (0, 70, 30) == run.supplies["triples"]
    finally:
        later.workspace.stop()


def test_a_failed_cell_leaves_a_store_as_it_was(stored):
    stored.prepare("triples=100")
    with pytest.raises(Exception, match="ZeroDivisionError"):
        stored.run(BODY + "\n1 / 0")
    run = stored.run()
    assert list(run.outputs["z"]) == [n * (69 - n) for n in range(70)]


def test_two_notebooks_do_not_share_a_store(stored, tmp_path):
    stored.prepare("triples=10")
    other = Notebook(store=str(tmp_path / "stock"))
    try:
        with pytest.raises(MisuseError, match="alice's .* is in use by another process.*%mpc config store="):
            other.run()
    finally:
        other.workspace.stop()


KILLED = """
    import os, signal, sys
    import numpy as np
    from tests.runtime.test_preparation import BODY, Notebook
    notebook = Notebook(launcher="local", store=sys.argv[1])
    if len(sys.argv) > 2:
        notebook.prepare("triples=10_000")
        [group] = notebook.workspace.groups.values()
        notebook.run(BODY)
        pids = [state.pid for state in group.status()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    run = notebook.run(BODY)
    print(*run.supplies["triples"], sum(run.outputs["z"]))
    notebook.workspace.stop()
"""


def test_processes_that_are_killed_find_the_rest_when_they_come_back(tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(textwrap.dedent(KILLED))
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "PYTHONPATH": os.getcwd()}
    first, second = (
        subprocess.run([sys.executable, script, tmp_path / "stock", *more], env=environment, capture_output=True, text=True, timeout=60)
        for more in (["kill"], [])
    )
    assert -9 == first.returncode, first.stderr
    made, used, left, total = map(int, re.match(r"(\d+) (\d+) (\d+) (\d+)", second.stdout).groups())
    assert (0, 70, 54_740) == (made, used, total)
    assert 10_000 - 2 * 1024 <= left <= 10_000 - 2 * 70


def test_a_large_preparation_is_one_line_of_report(notebook):
    assert "correlated randomness made and not used yet: 200,000 triples" in notebook.prepare("triples=200_000").report
