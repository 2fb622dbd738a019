"""A long day: a thousand cells in a row, of which many fail or are interrupted; many parties; many notebooks at once."""

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from census import unchanged

from ramp_notebook.errors import PartyFailed
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.workspace import Workspace

pytestmark = [pytest.mark.process, pytest.mark.slow]
CELLS = (
    "r = mpc.reveal(gadgets.sort(mpc.input('v', owner='alice')))",
    "r = mpc.reveal(mpc.input('v', owner='alice') * mpc.input('v', owner='bob'))",
    "r = mpc.reveal(gadgets.less_than(mpc.input('v', owner='alice'), mpc.input('v', owner='carol')))",
    "r = mpc.reveal(gadgets.max(mpc.input('v', owner='carol')))",
    "r = mpc.reveal(mpc.input('v', owner='bob').sum())",
)
VALUES = np.arange(20)
EXPECTED = (VALUES, VALUES * VALUES, np.zeros(20, dtype=bool), 19, 190)
FAILS = "\nif mpc.party == 'bob': 1 / 0\nmpc.reveal(mpc.random(1))"


def test_a_thousand_cells_leave_nothing_behind_and_get_no_slower(capsys: pytest.CaptureFixture[str]) -> None:
    cells = 1000
    with Coordinator(["alice", "bob", "carol"]) as parties:  # the server that stays is there before the census
        parties.start()
    kernel, seconds, kilobytes = psutil.Process(), [], []
    with unchanged():
        workspace = Workspace()
        options = workspace.options({})
        workspace.run_at(options, options.parties, "v = np.arange(20)", workspace.new_filename())
        for number in range(cells):
            source = CELLS[number % 5]
            if number % 20 == 19:
                _interrupted(workspace, source)
            elif number % 10 == 9:
                with pytest.raises(PartyFailed, match="ZeroDivisionError in bob at line 2"):
                    workspace.run(options, source + FAILS, {}, workspace.new_filename())
            else:
                start = time.monotonic()
                run = workspace.run(options, source, {}, workspace.new_filename())
                seconds.append(time.monotonic() - start)
                assert np.array_equal(EXPECTED[number % 5], run.outputs["r"])
            if number >= cells // 5:
                kilobytes.append(kernel.memory_info().rss / 1000)
        old, new = _side_by_side(workspace)
        workspace.stop()
    slope = np.polyfit(range(len(kilobytes)), kilobytes, 1)[0]
    first, last, both = seconds[:100], seconds[-100:], (statistics.median(old), statistics.median(new))
    with capsys.disabled():
        print(
            f"\n{cells} cells: median {statistics.median(first):.4f} s of the first hundred, {statistics.median(last):.4f} s of the last; "
            f"then {both[0]:.4f} s on these parties and {both[1]:.4f} s on new ones; "
            f"kernel {kilobytes[-1] - kilobytes[0]:+.0f} kB over the last {len(kilobytes)}, {slope:.2f} kB a cell"
        )
    assert statistics.median(old) <= 1.2 * statistics.median(new), "compared at the same time: a busy machine slows down both"
    assert kilobytes[-1] - kilobytes[0] <= 20_000
    assert slope <= 5, "kilobytes a cell"


def _side_by_side(workspace: Workspace) -> tuple[list[float], list[float]]:
    """Seconds that the same cells take on these parties and on new ones, in turns."""
    groups = [workspace.options({}), workspace.options({"parties": "ann,ben,cleo"})]
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(120):
        for options, taken in zip(groups, seconds, strict=True):
            start = time.monotonic()
            workspace.run(options, "r = mpc.reveal(gadgets.max(mpc.random(20)))", {}, workspace.new_filename())
            if number >= 20:
                taken.append(time.monotonic() - start)
    return seconds


def _interrupted(workspace: Workspace, source: str) -> None:
    timer = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        while True:
            workspace.run(workspace.options({}), source, {}, workspace.new_filename())
    timer.join()


@pytest.mark.parametrize(("parties", "limit_seconds"), [(50, 30), pytest.param(100, 60, marks=pytest.mark.soak)])
def test_many_parties_add(parties: int, limit_seconds: float) -> None:
    workspace = Workspace()
    options = workspace.options({"parties": str(parties), "protocol": "clear"})
    with unchanged(5.0):
        start = time.monotonic()
        workspace.run_at(options, options.parties, "x = np.arange(1000)", workspace.new_filename())
        run = workspace.run(options, "total = mpc.reveal(sum(x.sum() for x in mpc.inputs('x')))", {}, workspace.new_filename())
        assert time.monotonic() - start < limit_seconds
        assert parties * 499_500 == run.outputs["total"]
        workspace.stop()


@pytest.mark.parametrize("notebooks", [6, pytest.param(50, marks=pytest.mark.soak)])
def test_many_notebooks_start_at_once(notebooks: int, tmp_path: Path) -> None:
    (tmp_path / "cell.py").write_text("r = mpc.reveal(mpc.input('x', owner='alice') * 7)\n")
    (tmp_path / "x.txt").write_text("6\n")
    words = [sys.executable, "-m", "ramp_notebook.cli", "run", "cell.py", "-i", "x@alice=x.txt", "--quiet", "--json", "-"]
    places = {**os.environ, "RAMP_TRANSPORT": "tcp", "TMPDIR": str(tmp_path / "own")}
    (tmp_path / "own").mkdir()
    with unchanged():
        started = [subprocess.Popen(words, cwd=tmp_path, env=places, stdout=-1, stderr=-1, text=True) for _ in range(notebooks)]
        for process in started:
            shown, complaints = process.communicate(timeout=300)
            assert (0, "") == (process.returncode, complaints)
            assert '"r": 42' in shown
    assert [] == list((tmp_path / "own").iterdir()), "no private folder stays"
