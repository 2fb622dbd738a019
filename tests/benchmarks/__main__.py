"""One table: seconds (median), ratio to this machine's floor, bytes beside the time; other frameworks with --peers.

python -m tests.benchmarks
python -m tests.benchmarks --peers .build/peers/bin/python
"""

import argparse
import os
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run

from .floor import Floor, measure
from .tasks import SHARE, TASKS

FEEDS = ["sans", "cps-collected-iocs", "avanzato_c2", "abuse-ch-ipblocklist", "binarydefense", "cobaltstrike_ips", "threatfox", "tor-exit"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", metavar="PYTHON", help="a Python with spu and mpyc installed, timed on the same machine")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    floor = measure()
    print(
        f"floor: {floor.round_seconds * 1e6:.0f} us a round, {floor.bytes_per_second / 1e9:.2f} GB/s a party, "
        f"keystream {floor.stream_words_per_second * 8 / 1e9:.1f} GB/s, multiply {floor.multiply_words_per_second / 1e9:.2f} G words/s"
    )
    print(f"{'task':<26}{'seconds':>9}{'floor':>9}{'ratio':>7}{'goal':>9}{'MB/party':>10}{'rounds':>8}")
    began = time.perf_counter()
    with Coordinator(["alice", "bob", "carol"]) as parties:
        parties.start()
        print(f"{'start three parties':<26}{time.perf_counter() - began:>9.3f}")
        numbers = np.random.default_rng(0)
        shared = {0: {"a": numbers.integers(-(2**61), 2**61, 10**6)}, 1: {"b": numbers.integers(-(2**61), 2**61, 10**6)}}
        shared[2] = {"m": numbers.integers(0, 2**61, (512, 512)), "s": 3, "q": np.array([5]), "k": numbers.integers(0, 2**32, 10**5)}
        parties.run(Cell(SHARE, inputs=shared))
        for task in TASKS:
            line(parties, task.name, task.cell, floor, given.runs, task.goal, task.stream_words, task.passes)
        blocklists(parties, floor)
    if given.peers:
        subprocess.run([given.peers, str(Path(__file__).with_name("peers.py"))], check=True)


def line(
    parties: Coordinator, name: str, text: str, floor: Floor, runs: int, goal: float | None, stream_words: float = 0, passes: float = 0
) -> None:
    seconds, run = [], None
    for _ in range(runs + 1):  # the first one warms up
        run = Run.of(parties.run(Cell(text)))
        seconds.append(run.seconds)
    assert run is not None
    cost, median = run.cost, statistics.median(seconds[1:])
    sent = max(tally.wire_bytes for tally in cost.by_party.values())
    least = floor.seconds(rounds=cost.rounds, sent_bytes=sent, stream_words=stream_words, passes=passes)
    goal_text = f"{goal:9.3f}" if goal is not None else f"{'':>9}"
    print(f"{name:<26}{median:>9.4f}{least:>9.4f}{median / least:>7.1f}{goal_text}{sent / 1e6:>10.2f}{cost.rounds:>8}", flush=True)


def blocklists(parties: Coordinator, floor: Floor) -> None:
    """Addresses on at least three of the eight real feeds, if RAMP_DATA names a folder that has them."""
    folder = Path(os.environ.get("RAMP_DATA", "../shared/data")) / "blocklists"
    if not folder.is_dir():
        print("eight feeds: skipped, RAMP_DATA names no folder with blocklists/")
        return
    lists = {
        name: [t.strip() for t in (folder / f"{name}.txt").read_text().splitlines() if t.strip() and t[0] != "#" and ":" not in t]
        for name in FEEDS
    }
    inputs: dict[int, dict[str, object]] = {0: {}, 1: {}, 2: {}}
    for k, name in enumerate(FEEDS):
        inputs[k % 3][f"feed{k}"] = np.array(lists[name])
    share = (
        "feeds = [" + ", ".join(f'mpc.input("feed{k}", owner="{parties.names[k % 3]}", encode=gadgets.ipv4_to_int)' for k in range(8)) + "]"
    )
    parties.run(Cell(share, inputs=inputs))
    line(parties, "eight feeds, 3 of 8", "found = mpc.reveal(gadgets.over_threshold(feeds, 3, bits=32))", floor, 2, None)
    found = parties.run(Cell("found = mpc.reveal(gadgets.over_threshold(feeds, 3, bits=32))")).outputs["found"]
    counts: dict[str, int] = {}
    for addresses in lists.values():
        for address in set(addresses):
            counts[address] = counts.get(address, 0) + 1
    assert sum(count >= 3 for count in counts.values()) == len(found)
    print(f"eight feeds: {sum(map(len, lists.values())):,} lines, {len(found)} addresses on at least three, as in the clear")


if __name__ == "__main__":
    main()
