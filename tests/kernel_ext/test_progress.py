"""Progress in a terminal: nothing for a second, then one line that says where the parties are, and nothing left at the end."""

import threading

import pytest
from ramp_notebook.kernel_ext import progress
from ramp_notebook.kernel_ext.progress import Progress

from ramp_notebook.runtime.run import Whereabouts


def test_short_cells_show_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    line = Progress(in_notebook=False)
    line(Whereabouts("alice", ("sort",), 3, 1000))
    line.close()
    assert ("", "") == capsys.readouterr()


def test_a_line_says_gadget_round_and_bytes_of_all_parties(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "SHOW_AFTER_SECONDS", 0.0)
    threads = threading.active_count()
    line = Progress(in_notebook=False)
    line(Whereabouts("alice", ("sort", "less_than"), 1200, 1_500_000))
    line(Whereabouts("bob", ("sort",), 1201, 2_000_000))
    line(Whereabouts("carol", silent_seconds=4.2))
    line.close()
    out, shown = capsys.readouterr()
    assert "" == out
    assert "sort › less_than · round 1,200 · 1.5 MB" in shown
    assert "sort · round 1,201 · 3.5 MB" in shown
    assert "carol has not answered for 4 s" in shown
    assert "" == shown.rsplit("\r", 1)[-1].strip(), "the line is wiped"
    assert threads == threading.active_count()
