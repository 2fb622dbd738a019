"""Ctrl-C while parties work: an event to be read, counted, and raised once at the end."""

import os
import select
import signal
import threading

import pytest
from census import unchanged

from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.interrupts import Interrupts


def test_a_press_is_counted_and_wakes_who_waits() -> None:
    with unchanged(), Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        assert [interrupts.fileno()] == select.select([interrupts.fileno()], [], [], 1)[0]
        interrupts.clear()
        assert [] == select.select([interrupts.fileno()], [], [], 0)[0]
        assert 1 == interrupts.count


def test_afterwards_ctrl_c_raises_again() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert before != signal.getsignal(signal.SIGINT)
    assert before is signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_other_threads_hear_presses_and_leave_the_signal_alone() -> None:
    before, counts = signal.getsignal(signal.SIGINT), []

    def elsewhere() -> None:
        with Interrupts() as interrupts:
            interrupts.press()
            counts.append(interrupts.count)
            assert before is signal.getsignal(signal.SIGINT)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert [1] == counts


def test_presses_beyond_what_the_descriptor_holds_are_counted() -> None:
    with Interrupts() as interrupts:
        for _ in range(5000):
            interrupts.press()
        assert 5000 == interrupts.count


def test_a_press_in_the_very_moment_before_a_run_leaves_the_parties_free(monkeypatch: pytest.MonkeyPatch) -> None:
    def struck(self: Interrupts) -> Interrupts:
        raise KeyboardInterrupt

    with unchanged(), Coordinator(["alice"], "inline") as parties:
        with monkeypatch.context() as patch:
            patch.setattr(Interrupts, "__enter__", struck)
            with pytest.raises(KeyboardInterrupt):
                parties.run(Cell("x = 1"))
        assert {"x": 1} == parties.run(Cell("x = 1", protocol="clear")).outputs
