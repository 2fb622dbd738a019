"""`python -m tests.attacks` runs the whole matrix on all cores and writes its table; with a setting, a program and cheats, that one attack.

The table, `.build/attacks.txt`, grows as parts are done, so that a run that is interrupted leaves what it has. Options: --settings
A,B (protocols, or PROTOCOL/SOURCE); --share X, so much of each part of the matrix, drawn at random; --seed N; --workers N.
"""

import argparse
import itertools
import os
import sys
import time
from collections import Counter
from pathlib import Path

from ramp_notebook.wire.cheats import parse

from .matrix import FAILURES, Attack, outcome
from .programs import parties_of
from .whole import Counts, in_processes, parts, run_part, settings, table

REPORT = Path(".build") / "attacks.txt"


def one(setting: str, program: str, cheats: list[str]) -> int:
    attack = Attack(setting, program, tuple(parse(text, parties_of(setting)) for text in cheats))
    found, ends = outcome(attack)
    print(f"{attack}\n{found}")
    for name, end in zip(parties_of(setting), ends, strict=True):
        print(f"  {name}: {end.how}; saw {end.seen}{f'; {end.problem}' if end.problem else ''}")
        for line in end.cheated:
            print(f"    {line}")
    return int(found in FAILURES)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("case", nargs="*", help="SETTING PROGRAM CHEAT…")
    parser.add_argument("--settings", default="")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    given = parser.parse_args()
    if given.case:
        return one(given.case[0], given.case[1], given.case[2:])
    chosen = given.settings.split(",") if given.settings else settings()
    todo = [(part, given.share, given.seed) for part in itertools.chain(*map(parts, chosen))]
    print(f"{len(todo)} parts, seed {given.seed}", flush=True)
    began, counts, failures = time.monotonic(), Counts(), list[str]()
    for done, ((part, *_), (more, wrong)) in enumerate(in_processes(run_part, todo, given.workers), 1):
        for key, count in more.items():
            counts[key] = counts.get(key, Counter()) + count
        failures += wrong
        summary = (
            f"{sum(map(Counter.total, counts.values())):,} attacks, {len(failures)} failures; {done} of {len(todo)} parts, "
            f"share {given.share:g}, seed {given.seed}, {time.monotonic() - began:.0f} s"
        )
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text("\n".join([table(counts), *failures, summary]) + "\n", encoding="utf-8")
        print(f"{' '.join(map(str, part))}: {sum(map(Counter.total, more.values())):,} attacks", *wrong, sep="\n", flush=True)
    print(REPORT.read_text(encoding="utf-8"), end="")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
