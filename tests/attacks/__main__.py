"""`python -m tests.attacks` runs the whole matrix and writes its table; with a protocol, a program and cheats, that one attack.

Options: --protocols A,B; --sample N (so many attacks of each protocol instead of all); --seed N.
"""

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

import ramp_notebook.gadgets  # noqa: F401  fills the registry

from ramp_notebook import registry
from ramp_notebook.wire.cheats import parse

from .matrix import FAILURES, OUTCOMES, Attack, attacks, outcome, sample
from .programs import parties_of

REPORT = Path(".build") / "attacks.txt"
SEVERAL = {2: "two messages", 4: "covered up"}
Counts = dict[tuple[str, str, str], Counter[str]]  # by protocol, step and way


def against_active_parties() -> list[str]:
    return [name for name, cls in registry.protocols.items() if cls.security.withstands_cheating]


def run(cases: list[Attack]) -> tuple[Counts, list[str]]:
    """Outcomes counted, and a line for every failure."""
    counts: Counts = {}
    failures = []
    for attack in cases:
        found, ends = outcome(attack)
        how = attack.cheats[0].how if len(attack.cheats) == 1 else SEVERAL[len(attack.cheats)]
        counts.setdefault((attack.protocol, attack.point, how), Counter())[found] += 1
        if found in FAILURES:
            problems = "; ".join(f"{type(end.problem).__name__}: {end.problem}" for end in ends if end.how == "crashed")
            failures.append(f"{found}  {attack}  {problems}".rstrip())
    return counts, failures


def table(counts: Counts) -> str:
    """A row for every protocol, kind of step and way to cheat."""
    rows = [("protocol", "step", "way", *OUTCOMES)]
    rows += [(*key, *(str(count[each] or "·") for each in OUTCOMES)) for key, count in sorted(counts.items())]
    total = sum(counts.values(), Counter())
    rows.append(("all", "", "", *(str(total[each]) for each in OUTCOMES)))
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def one(protocol: str, program: str, cheats: list[str]) -> int:
    attack = Attack(protocol, program, tuple(parse(text, parties_of(protocol)) for text in cheats))
    found, ends = outcome(attack)
    print(f"{attack}\n{found}")
    for name, end in zip(parties_of(protocol), ends, strict=True):
        print(f"  {name}: {end.how}; saw {end.seen}{f'; {end.problem}' if end.problem else ''}")
        for line in end.cheated:
            print(f"    {line}")
    return int(found in FAILURES)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("case", nargs="*", help="PROTOCOL PROGRAM CHEAT…")
    parser.add_argument("--protocols", default="")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    given = parser.parse_args()
    if given.case:
        return one(given.case[0], given.case[1], given.case[2:])
    began, counts, failures = time.monotonic(), {}, []  # type: ignore[var-annotated]
    for protocol in given.protocols.split(",") if given.protocols else against_active_parties():
        cases = sample(protocol, given.sample, Random(given.seed)) if given.sample else list(attacks(protocol))
        print(f"{protocol}: {len(cases):,} attacks" + (f", seed {given.seed}" if given.sample else ""), flush=True)
        more, wrong = run(cases)
        counts |= more
        failures += wrong
    text = "\n".join([table(counts), *failures, f"{sum(map(Counter.total, counts.values())):,} attacks, {len(failures)} failures"])
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(text + "\n", encoding="utf-8")
    print(f"{text}, {time.monotonic() - began:.0f} s; also in {REPORT}")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
