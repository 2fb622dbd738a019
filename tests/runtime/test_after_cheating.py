"""What a cheater could try around the checks: hide them, break them off, come back with what it learned, or just look on."""

import numpy as np
import pytest

from ramp_notebook import registry
from ramp_notebook.errors import CheatingDetected, PartyFailed
from ramp_notebook.protocols.context import Context
from ramp_notebook.protocols.security import Label
from ramp_notebook.protocols.spdz2k import Spdz2k
from ramp_notebook.runtime.cell import Cell, ErrorReport, Outcome
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.failures import from_outcomes
from ramp_notebook.wire.cheats import Cheat
from tests.parties_in_threads import Group

ACTIVE = {"spdz2k": 2, "replicated-malicious": 3, "fantastic-four": 4}
NAMES = ["alice", "bob", "carol", "dave"]
DEALT = {"protocol": "spdz2k", "preprocessing": "dealer"}


def group(count):
    return Coordinator(NAMES[:count], launcher="inline")


def test_the_protocols_against_active_parties_are_all_here():
    assert set(ACTIVE) == {name for name, protocol in registry.protocols.items() if protocol.security.withstands_cheating}


@pytest.mark.parametrize("protocol", ACTIVE)
def test_a_failed_check_is_final_whatever_the_cell_catches(protocol):
    text = 'x = mpc.input("x", "alice")\nz = x * x\ntry:\n    mpc.reveal(z)\nexcept Exception:\n    pass\nprint(mpc.reveal(z))'
    source = "dealer" if protocol == "spdz2k" else ""
    cell = Cell(text, protocol=protocol, preprocessing=source, inputs={0: {"x": 7}}, cheats=(Cheat("bob", "multiply", "add one"),))
    with group(ACTIVE[protocol]) as parties:
        with pytest.raises(CheatingDetected):
            parties.run(cell)
        assert parties.printed == []


@pytest.mark.parametrize("protocol", ACTIVE)
def test_nor_does_an_error_of_the_cells_own_take_its_place(protocol):
    text = 'x = mpc.input("x", "alice")\nz = x * x\ntry:\n    mpc.reveal(z)\nexcept Exception:\n    raise ValueError("my own")'
    source = "dealer" if protocol == "spdz2k" else ""
    cell = Cell(text, protocol=protocol, preprocessing=source, inputs={0: {"x": 7}}, cheats=(Cheat("bob", "multiply", "add one"),))
    with group(ACTIVE[protocol]) as parties:
        with pytest.raises(CheatingDetected):
            parties.run(cell)
        assert parties.ended_by_cheating


@pytest.mark.parametrize("others", ["ValueError", "RuntimeError", "ProgramMismatch"])
def test_no_other_error_hides_a_failed_check(others):
    outcomes = {
        0: Outcome("error", error=ErrorReport(others, "out of battery", 1, (), "")),
        1: Outcome("error", error=ErrorReport("CheatingDetected", "the check failed", 1, (), "", "ramp_notebook.errors")),
    }
    assert isinstance(from_outcomes(NAMES[:2], outcomes, (0, 1)), CheatingDetected)


def test_mac_keys_do_not_outlive_a_cell_that_failed():
    """A party that breaks a check off may have learned the others' key: what was shared under it is gone with it."""
    with group(2) as parties:
        parties.run(Cell('x = mpc.input("x", "alice")', inputs={0: {"x": 7}}, **DEALT))
        with pytest.raises(PartyFailed) as told:
            parties.run(Cell("1 / 0", **DEALT))
        assert any("no key outlives" in note for note in told.value.__notes__)
        assert "x" not in parties.directory[0]
        assert parties.run(Cell('y = mpc.reveal(mpc.input("x", "alice"))', inputs={0: {"x": 8}}, **DEALT)).outputs["y"] == 8


def test_the_dealer_refuses_a_second_key_of_a_party():
    text = """x, y = mpc.input("x", "alice"), mpc.input("y", "bob")
if mpc.party == "bob":
    exchange = mpc.context.exchange
    def other_keys(tag, sends, receives, **options):
        changed = {peer: keys + np.array([1, 0], np.uint64) for peer, keys in sends.items()} if tag == "keys" else sends
        return exchange(tag, changed, receives, **options)
    mpc.context.exchange = other_keys
z = mpc.reveal(x * y)"""
    with group(2) as parties, pytest.raises(CheatingDetected, match="other MAC keys than before"):
        parties.run(Cell(text, inputs={0: {"x": 123456789}, 1: {"y": 11}}, **DEALT))


class Listening(Context):
    """Remembers what a party heard."""

    def __init__(self, *args):
        super().__init__(*args, preprocessing="ot")
        self.heard = []

    def exchange(self, tag, sends, receives, **options):
        reply = super().exchange(tag, sends, receives, **options)
        self.heard += [(tag, peer, np.array(words)) for peer, words in reply.items()]
        return reply


@pytest.mark.parametrize("binary", [False, True])
def test_who_only_looks_on_when_others_learn_a_result_sees_masked_shares(binary):
    """Masks made by transfers are their owner's alone: a share that is sent as it is would be somebody's input less what it said."""

    def body(context):
        protocol = Spdz2k(context, {})
        mine = np.array([31337, 42], np.uint64)
        shared = protocol.input(2, mine if context.index == 2 else None, (2,), binary=binary)
        other = protocol.input(0, np.array([5, 6], np.uint64) if context.index == 0 else None, (2,), binary=binary)
        total = shared ^ other if binary else protocol.add(shared, other)
        result = protocol.reveal(total, (0,), binary=binary)
        if context.index != 1:
            return result
        said = next(words for tag, peer, words in context.heard if tag == "input" and peer == 2).reshape(-1)[:2]
        shown = next(words for tag, peer, words in context.heard if tag == "reveal" and peer == 2).reshape(-1)[:2]
        return (said ^ shown if binary else said + shown).tolist()

    with np.errstate(over="ignore"):
        results, _ = Group(3, Listening).run(body)
    assert results[0].tolist() == ([31337 ^ 5, 42 ^ 6] if binary else [31342, 48])
    assert results[1] != [31337, 42]


def test_peeking_shows_no_mac():
    with group(2) as parties:
        outcomes = parties.run(Cell('mpc.peek(mpc.input("x", "alice"))', inputs={0: {"x": 7}}, **DEALT)).outcomes
    assert [outcome.peeks[0][2].shape for outcome in outcomes] == [(2,), (2,)]
    assert sum(int(outcome.peeks[0][2][0]) for outcome in outcomes) % 2**64 == 7


def test_labels_add_up_what_is_missed():
    one = Label("malicious with abort", 1, 3).with_missed(42)
    assert "2^-42" in one.text()
    assert "2^-41" in one.join(one).text()
    assert "2^-40" in one.join(one).join(one).join(one).text()
