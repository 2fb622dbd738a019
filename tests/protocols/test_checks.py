"""Checks against active parties: joint coins, comparing views, one answer for all, and what a failed check leaves behind."""

import hashlib

import numpy as np
import pytest

import ramp_notebook.protocols.checks as module
from ramp_notebook import registry
from ramp_notebook.errors import CheatingDetected, CheatingReported, MisuseError
from ramp_notebook.protocols.checks import LEAST_BITS, Checks
from ramp_notebook.protocols.replicated import Replicated
from ramp_notebook.protocols.security import Security
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.testing.checked import unchecked
from tests.parties_in_threads import Group, messages, plan


def checking(name, fine):
    """A body that checks `name`: `fine(checks)` says whether it passes."""

    def body(context):
        checks = Checks(context)
        checks.owe()
        passed = fine(checks)
        try:
            checks.confirm(name, passed)
        except CheatingDetected as problem:
            return type(problem)
        return None

    return body


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_coin_is_the_same_for_all_and_new_each_time(count):
    def body(context):
        checks = Checks(context)
        words = [checks.coin().words(4) for _ in range(2)]
        checks.confirm("coins", checks.compare())
        return words

    results, trace = Group(count).run(body)
    assert all(np.array_equal(result, results[0]) for result in results)
    assert not np.array_equal(*results[0])
    assert messages(plan(count, body)[1]) == messages(trace)


def test_views_that_differ_are_noticed_by_both_holders_and_stop_everyone():
    def fine(checks):
        me = checks.context.index
        if me < 2:
            checks.alike(1 - me, np.array([7, 8 + me], np.uint64))
        return checks.compare()

    results, _ = Group(3).run(checking("views", fine))
    assert results == [CheatingDetected, CheatingDetected, CheatingReported]


def test_equal_views_pass():
    def fine(checks):
        for peer in checks.peers:
            checks.alike(peer, np.arange(5, dtype=np.uint64))
        return checks.compare()

    assert Group(3).run(checking("views", fine))[0] == [None, None, None]


def joint_of(first, opened):
    """What parties compare of a coin: a hash of all keys, of which party 0's is given."""
    content = first + b"".join(opened[peer][:2].tobytes() for peer in sorted(opened))
    return np.frombuffer(hashlib.blake2b(content, digest_size=32, person=b"ramp coin").digest(), np.uint64)


class TwoStories(Checks):
    """Party 0 opens another key, properly committed, to each of the others."""

    def coin(self):
        if self.context.index:
            return super().coin()
        keys, nonce = {1: bytes(16), 2: bytes([1] * 16)}, bytes(16)
        everyone = dict.fromkeys(self.peers, (4,))
        committed = {peer: self._words(module._committed(0, keys[peer], nonce)) for peer in keys}
        self.context.exchange("commit", committed, everyone)
        opened = self.context.exchange("open", {peer: self._words(keys[peer] + nonce) for peer in keys}, everyone)
        for peer in keys:  # to each what it expects: only the two others can tell
            self.alike(peer, joint_of(keys[peer], opened))
        return None


class Copycat(Checks):
    """Party 0 commits to what party 1 committed to, and opens what it opened: its coin would cancel the other's."""

    def coin(self):
        if self.context.index:
            return super().coin()
        everyone = dict.fromkeys(self.peers, (4,))
        heard = self.context.exchange("commit", {}, everyone)  # a rushing party listens first
        self.context.exchange("commit", dict.fromkeys(self.peers, heard[1]), {})
        opened = self.context.exchange("open", {}, everyone)
        self.context.exchange("open", dict.fromkeys(self.peers, opened[1]), {})
        self._heard(joint_of(opened[1][:2].tobytes(), opened))
        return None


@pytest.mark.parametrize("cheater", [TwoStories, Copycat])
def test_a_coin_that_somebody_bends_is_noticed_by_all_others(cheater):
    def body(context):
        checks = cheater(context)
        checks.coin()
        try:
            checks.confirm("coin", checks.compare())
        except CheatingDetected as problem:
            return type(problem)
        return None

    assert Group(3).run(body)[0][1:] == [CheatingDetected, CheatingDetected]


def test_what_checks_miss_adds_up_and_must_stay_small():
    class Nobody:
        count, index, planned = 2, 0, False

    checks = Checks(Nobody())
    assert checks.bits is None
    checks.note_missed(LEAST_BITS + 1)
    assert checks.bits == LEAST_BITS + 1
    checks.note_missed(LEAST_BITS + 1)
    assert checks.bits == LEAST_BITS
    with pytest.raises(AssertionError, match=f"one cheater in 2\\^{LEAST_BITS}"):
        checks.note_missed(LEAST_BITS + 1)


class Late(Replicated):
    """Claims to withstand cheating; checks products, or forgets to."""

    security = Security("malicious with abort", 1, "3", "a test")
    owing = frozenset({"multiply"})
    forgets, fails = False, False

    def __init__(self, context, kept=None):
        super().__init__(context, kept)
        self.checks = Checks(context)

    def multiply(self, x, y):
        self.checks.owe()
        return super().multiply(x, y)

    def verify(self):
        if self.checks.pending and not self.forgets:
            self.checks.confirm("products", not (self.fails and self.me == 1))


@pytest.fixture
def late(monkeypatch):
    monkeypatch.setattr(Late, "name", "late", raising=False)
    monkeypatch.setitem(registry.protocols._entries, "late", Late)
    with Coordinator(["alice", "bob", "carol"], launcher="inline") as coordinator:
        yield coordinator


SQUARE = Cell('x = mpc.input("x", owner="alice")\ny = x * x\nz = mpc.reveal(y)\nw = y * y', protocol="late", inputs={0: {"x": 3}})


def test_what_was_computed_is_checked_before_it_is_revealed_and_at_the_end(late):
    result = late.run(SQUARE)
    assert result.outputs["z"] == 9
    assert unchecked(result.trace, "late") == []


def test_the_linter_sees_a_check_that_comes_too_late_or_not_at_all(late, monkeypatch):
    monkeypatch.setattr(Late, "forgets", True)
    faults = unchecked(late.run(SQUARE).trace, "late")
    assert "alice revealed at line 3 before `multiply` of line 2 was checked" in faults
    assert "carol ended the cell before `multiply` of line 4 was checked" in faults


def test_after_a_failed_check_nothing_runs_until_parties_are_started_anew(late, monkeypatch):
    late.run(Cell('kept = mpc.input("x", owner="alice")', protocol="late", inputs={0: {"x": 3}}))
    with monkeypatch.context() as failing:
        failing.setattr(Late, "fails", True)
        with pytest.raises(CheatingDetected) as told:
            late.run(SQUARE)
    text = str(told.value)
    for part in ("check of products", "covers line 2", "in bob at line 3", "Nothing was revealed since", "were ended", "keys", "%mpc start"):
        assert part in text
    assert [line.partition(":")[0] for line in text.splitlines()[1:]] == ["What it means", "What is gone", "How to go on"]
    assert late.ended_by_cheating
    with pytest.raises(MisuseError, match="cheating was noticed.*%mpc start"):
        late.run(SQUARE)
    late.start()
    assert not late.ended_by_cheating
    assert late.run(SQUARE).outputs["z"] == 9
    assert "kept" not in late.directory[0]


def test_a_party_that_sends_something_of_another_shape_is_treated_as_a_cheater(late, monkeypatch):
    multiply = Late.multiply

    def other_shape(self, x, y):
        return multiply(self, x[:, :1], y[:, :1]) if self.me == 1 else multiply(self, x, y)

    monkeypatch.setattr(Late, "multiply", other_shape)
    with pytest.raises(CheatingDetected, match="not what its step allows"):
        late.run(Cell('x = mpc.input("x", owner="alice")\ny = x * x', protocol="late", inputs={0: {"x": [3, 4]}}))
