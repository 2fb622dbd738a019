"""The dealer is a participant of its own: seen in traces and labels, not needed once it has dealt, missed with one clear error."""

import os
import signal

import numpy as np
import pytest

from ramp_notebook.errors import CellTimeout, MisuseValueError, OptionError, PartyDied
from ramp_notebook.protocols.preprocessing.sources import SOURCES
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.runtime.separation import verify_separation
from ramp_notebook.runtime.workspace import Workspace
from ramp_notebook.testing.events import assert_same_events

INPUTS = {0: {"x": np.arange(6)}, 1: {"y": np.array([3, 3, 3, 3, 3, 3])}}
SHARED = 'x, y = mpc.input("x", owner="alice"), mpc.input("y", owner="bob")\n'
BODIES = ["z = mpc.reveal(x * y)", "z = mpc.reveal(x < y)", "z = gadgets.shuffle(x)", "z = x @ y", "z = mpc.parallel(lambda: x * y, lambda: x == y)"]


def cell(body, **facts):
    return Cell(SHARED + body, protocol="additive", inputs=INPUTS, preprocessing="dealer", **facts)


@pytest.fixture(scope="module")
def parties():
    with Coordinator(["alice", "bob", "carol"], launcher="inline") as parties:
        yield parties


@pytest.mark.parametrize("body", BODIES)
def test_a_cell_runs_as_planned_with_the_dealer_as_last_lane(parties, body):
    kept = dict(parties.kept)
    result = parties.run(cell(body))
    assert ("alice", "bob", "carol", "dealer") == result.trace.parties
    assert_same_events(plan_cell(cell(body), parties.names, kept=kept).trace, result.trace)
    assert all("trusted dealer" in label["flags"] for label in result.labels)


def test_it_is_no_party(parties):
    result = parties.run(cell("everyone, me = mpc.parties, mpc.party\nz = x * y"))
    assert ("alice", "bob", "carol") == result.outputs["everyone"]
    assert ["alice", "bob", "carol"] == [state.name for state in parties.status()]


def test_a_cell_that_asks_for_nothing_has_no_dealer_in_its_trace_but_in_its_label(parties):
    result = parties.run(cell("z = mpc.reveal(x + y)"))
    assert ("alice", "bob", "carol") == result.trace.parties
    assert "trusted dealer" in result.labels[0]["flags"]


def test_secrets_made_with_it_keep_its_label_and_nothing_else_has_it(parties):
    parties.run(cell("kept = x * y"))
    plain = Cell("z = mpc.reveal(kept)", protocol="additive")
    assert "trusted dealer" in parties.run(plain).labels[0]["flags"]
    assert "trusted dealer" not in parties.run(Cell("z = mpc.reveal(mpc.public(3))", protocol="additive")).labels[0]["flags"]
    assert "dealer" not in (Workspace().options({}).preprocessing, next(iter(SOURCES)))


def test_a_party_that_fails_leaves_it_ready_for_the_next_cell(parties):
    with pytest.raises(Exception, match="ZeroDivisionError in bob"):
        parties.run(cell("z = x * y\nif mpc.party == 'bob': 1 / 0\nz = mpc.reveal(z * z)"))
    assert [0, 3, 6, 9, 12, 15] == list(parties.run(cell("z = mpc.reveal(x * y)")).outputs["z"])


def test_unequal_programs_are_told_although_it_listens(parties):
    with pytest.raises(Exception, match="bob.*never sends|has already finished"):
        parties.run(cell("z = x * y\nif mpc.party != 'bob': mpc.reveal(z)"))


def test_no_party_can_have_its_name():
    with pytest.raises(MisuseValueError, match="`dealer` is what the process is called"):
        Coordinator(["alice", "dealer"])
    with pytest.raises(OptionError, match="name the party otherwise"):
        Workspace().options({"parties": "alice,dealer"})


def test_the_report_counts_it_apart(parties):
    workspace = Workspace()
    options = workspace.options({"parties": "alice,bob", "protocol": "additive", "launcher": "inline", "preprocessing": "dealer"})
    try:
        run = workspace.run(options, 'x = mpc.input("x", owner="alice")\nz = x * x', {}, "<mpc cell 1>", data=[("x", "alice", [1, 2])])
    finally:
        workspace.stop()
    assert "2 parties and a dealer · " in run.report
    assert "dealer 16 B" in run.report
    assert "trusted dealer" in run.report


def test_the_online_phase_needs_no_dealer_and_a_dead_one_is_missed_with_one_clear_error():
    with Coordinator(["alice", "bob"]) as parties:
        stock = Cell("", protocol="additive", preprocessing="dealer", needs={("triples",): 6}, stocking=True)
        parties.run(stock)
        os.kill(parties.dealer_pid, signal.SIGKILL)
        result = parties.run(cell("z = mpc.reveal(x * y)"))
        assert [0, 3, 6, 9, 12, 15] == list(result.outputs["z"])
        assert ("alice", "bob") == result.trace.parties
        assert parties.dealer_pid is None
        with pytest.raises(PartyDied, match=r"the dealer's process killed by signal 9 .*not in stock.*Run it again"):
            parties.run(cell("z = mpc.reveal(x * y)"))
        again = parties.run(cell("z = mpc.reveal(x * y)"))
        assert [0, 3, 6, 9, 12, 15] == list(again.outputs["z"])
        assert ("alice", "bob", "dealer") == again.trace.parties
        with pytest.raises(Exception, match="ZeroDivisionError in bob"):
            parties.run(cell("z = x * y\nif mpc.party == 'bob': 1 / 0\nz = mpc.reveal(z * z)"))
        pid = parties.dealer_pid
        assert [0, 3, 6, 9, 12, 15] == list(parties.run(cell("z = mpc.reveal(x * y)")).outputs["z"])
        assert pid == parties.dealer_pid is not None
        with pytest.raises(CellTimeout):
            parties.run(cell("z = x * y\nwhile True: pass"), timeout=0.5)
        assert [0, 3, 6, 9, 12, 15] == list(parties.run(cell("z = mpc.reveal(x * y)")).outputs["z"])


def test_its_memory_holds_no_input():
    found = verify_separation(["alice", "bob"], "additive", "dealer")
    assert {"alice": 0, "bob": 0} == found.found["dealer"]
    assert found.separate
    assert "dealer: holds none of any party's" in found.text()
    leaky = {**found.found, "dealer": {"alice": 1, "bob": 0}}
    assert not type(found)(found.parties, leaky, 1).separate
    assert "dealer: holds 1 of alice's" in type(found)(found.parties, leaky, 1).text()
