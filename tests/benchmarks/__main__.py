"""One table: seconds (median), ratio to this machine's floor, bytes, rounds and memory beside the time; rivals with --peers.

python -m tests.benchmarks
python -m tests.benchmarks --peers .build/peers/bin/python sort
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run

from . import feeds
from .floor import Floor, measure
from .memory import TRIM, Peaks
from .tasks import DATA, PROGRAM, TASKS, Task

PARTIES = ["alice", "bob", "carol"]
COLUMNS = "task                       seconds   floor  ratio    goal   rival  faster  MB/party rounds peak MB /shares"
LEGEND = """seconds: median, cell sent until all parties have committed.  floor: wire, rounds and local work of the leanest protocol we know, from
the rates above.  rival: the best of those measured beside us (compute only), and how many times faster we are.  goal: seconds aimed at
on the machine where all rivals were measured; beside a rival it is scaled by the rival's time here.  peak MB: the most that a party
came to hold, shares given included, and how many times its shares of the operands and the result that is."""


class Rivals:
    """Answers of another Python; none without one."""

    def __init__(self, python: str | None):
        command = [python, str(Path(__file__).with_name("peers.py"))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) if python else None

    def best(self, task: str) -> tuple[float, str] | None:
        """Seconds and name of the fastest on this task, if any can do it."""
        if self._process is None:
            return None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(task + "\n")
        self._process.stdin.flush()
        answer = next(line for line in self._process.stdout if line.startswith("{"))  # others' libraries log on stdout
        return min(((seconds, system) for system, seconds in json.loads(answer).items()), default=None)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=LEGEND)
    parser.add_argument("--peers", metavar="PYTHON", help="a Python with spu and mpyc installed, timed on the same machine")
    parser.add_argument("only", nargs="?", default="", help="tasks whose name has this in it")
    given = parser.parse_args()
    floor = measure()
    print(f"floor: {floor}\n{LEGEND}\n{COLUMNS}", flush=True)
    rivals = Rivals(given.peers)
    for name, seconds in ((START, start_seconds), (PROGRAM, program_seconds)):
        if given.only in name:
            line(name, timed(seconds), rivals.best(name))
    for task in TASKS:
        if given.only in task.name:
            measured(task, floor, rivals)
    if given.only in "eight feeds":
        blocklists(floor)


START = "start three parties"


def start_seconds() -> None:
    with Coordinator(PARTIES) as parties:
        parties.start()


def program_seconds() -> None:
    """The smallest program as a user runs it, interpreter and imports included."""
    with tempfile.NamedTemporaryFile("w", suffix=".mpc") as cell:
        cell.write("s = mpc.random_bits(3)\nz = mpc.reveal(s & s)\n")
        cell.flush()
        subprocess.run([sys.executable, "-m", "ramp_notebook.cli", "run", cell.name, "--quiet"], check=True)


def timed(work: Callable[[], None], runs: int = 5) -> float:
    seconds = []
    for _ in range(runs + 1):  # the first one warms up
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def measured(task: Task, floor: Floor, rivals: Rivals) -> None:
    """One line, with parties of its own, so that no other task's memory counts."""
    with Coordinator(PARTIES) as parties:
        inputs: dict[int, dict[str, object]] = {0: {}, 1: {}, 2: {}}
        for k, name in enumerate(task.needs.split()):
            inputs[k % 3][name] = DATA[name](np.random.default_rng(0))
        share = "\n".join(f'{name} = mpc.input("{name}", owner="{PARTIES[k % 3]}")' for k, name in enumerate(task.needs.split()))
        parties.run(Cell(share, inputs=inputs))
        given = 16 * sum(np.size(array) for part in inputs.values() for array in part.values())
        cell(parties, task, floor, given, rivals.best(task.name))


def cell(parties: Coordinator, task: Task, floor: Floor, given_bytes: int, rival: tuple[float, str] | None) -> None:
    parties.run(Cell(task.cell))  # warms up: from here on memory grows by data, not by code that is read for the first time
    parties.run(Cell(TRIM))
    peaks = Peaks([party.pid for party in parties.status()])
    run = Run.of(parties.run(Cell(task.cell)))
    growth = peaks.highest_bytes()
    seconds = [Run.of(parties.run(Cell(task.cell))).seconds for _ in range(task.runs)]
    sent = max(tally.wire_bytes for tally in run.cost.by_party.values())
    least = floor.seconds(task, rounds=run.cost.rounds, sent_bytes=sent)
    line(task.name, statistics.median(seconds), rival, task, least, f"{sent / 1e6:>10.2f}{run.cost.rounds:>7}", growth, given_bytes)


def line(
    name: str,
    seconds: float,
    rival: tuple[float, str] | None,
    task: Task | None = None,
    least: float | None = None,
    wire: str = "",
    growth: int | None = None,
    given_bytes: int = 0,
) -> None:
    goal = task.goal if task else None
    if rival and task and goal and task.rival_seconds:
        goal *= rival[0] / task.rival_seconds
    cells = [f"{name:<26}{seconds:>8.4f}", f"{least:>8.4f}{seconds / least:>7.1f}" if least else " " * 15]
    cells.append(f"{goal:>8.4f}" if goal else " " * 8)
    cells.append(f"{rival[0]:>8.4f}{rival[0] / seconds:>7.1f}x" if rival else " " * 16)
    if wire:
        cells.append(wire)
    if growth is not None and task and task.shares:
        peak = given_bytes + growth
        cells.append(f"{peak / 1e6:>8.1f}{peak / (16 * task.shares):>8.1f}")
    print("".join(cells).rstrip() + (f"  {rival[1]}" if rival else ""), flush=True)


def blocklists(floor: Floor) -> None:
    place = feeds.folder()
    if place is None:
        print("eight feeds: skipped, RAMP_DATA is not set to a folder with blocklists/")
        return
    lists = feeds.read(place)
    with Coordinator(PARTIES) as parties:
        text, inputs = feeds.share(parties.names, lists)
        parties.run(Cell(text, inputs=inputs))
        count = sum(map(len, lists))
        cell(parties, Task("eight feeds, 3 of 8", feeds.CELL, shares=2 * count, runs=2), floor, 16 * count, None)
        found = parties.run(Cell(feeds.CELL)).outputs["found"]
    assert len(found) == feeds.expected_count(lists)
    print(f"eight feeds: {count:,} lines, {len(found)} addresses on at least three, as in the clear")


if __name__ == "__main__":
    main()
