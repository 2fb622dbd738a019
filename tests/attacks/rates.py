"""How often attacks are noticed, and whether that says anything of honest inputs: counts over many runs, and what they may be.

`python -m tests.attacks.rates [PROTOCOL…]` makes them at full length, on all cores: for each protocol 100,000 lies, alike many at every
kind of step of a product, and 10,000 runs each of two inputs.
"""

import functools
import math
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ramp_notebook.wire.cheats import ANY, Cheat

from .matrix import CAUGHT, REVEAL, SILENT, UNEVEN, Attack, outcome, steps_of
from .parties import DONE, NOTICED, run_cell
from .programs import BY_NAME, cell_of, parties_of
from .whole import against_active_parties, in_processes

LIES, RUNS, PARTS = 100_000, 10_000, 10


def missed(attack: Attack, times: int) -> int:
    """Of so many runs of one attack that changes a result, those that nobody noticed."""
    return sum(outcome(attack)[0] not in (CAUGHT, UNEVEN, SILENT) for _ in range(times))


def aborts(protocol: str, program: str, cheats: Sequence[Cheat], inputs: Mapping[str, Any], times: int) -> Counter[tuple[str, ...]]:
    """How the cell ended at the honest parties, counted over many runs on these honest inputs (x and y of the program)."""
    names = parties_of(protocol)
    cheater = names.index(cheats[0].party)
    cell = replace(cell_of(BY_NAME[program], protocol, cheater), cheats=tuple(cheats))
    given = {party: {name: inputs.get(name, value) for name, value in held.items()} for party, held in cell.inputs.items()}
    cell = replace(cell, inputs=given)
    ended: Counter[tuple[str, ...]] = Counter()
    for _ in range(times):
        ends = run_cell(names, cell)
        ended["".join("n" if end.how == NOTICED else "d" if end.how == DONE else "s" for k, end in enumerate(ends) if k != cheater),] += 1
    return ended


def chi_square(one: Counter[Any], other: Counter[Any]) -> tuple[float, float]:
    """The statistic of two rows of counts, and what equal distributions exceed once in a million tests."""
    kinds, total = sorted(one | other), one.total() + other.total()
    value = 0.0
    for kind, row in ((kind, row) for kind in kinds for row in (one, other)):
        expected = (one[kind] + other[kind]) * row.total() / total
        value += (row[kind] - expected) ** 2 / expected
    return value, _quantile(len(kinds) - 1)


@functools.cache
def _quantile(freedom: int) -> float:
    """Wilson and Hilferty's approximation at 1 - 10^-6; infinite where there is nothing to compare."""
    normal = 4.753  # of 1 - 10^-6
    if not freedom:
        return math.inf
    spread = 2 / (9 * freedom)
    return freedom * (1 - spread + normal * math.sqrt(spread)) ** 3


def independent_of_inputs(protocol: str, program: str, cheats: Sequence[Cheat], one: Mapping[str, Any], other: Mapping[str, Any], times: int) -> list[Counter[tuple[str, ...]]]:
    """How runs ended on two choices of honest inputs; raise unless equally often in the same way."""
    counts = [aborts(protocol, program, cheats, inputs, times) for inputs in (one, other)]
    value, limit = chi_square(*counts)
    text = ", ".join(cheat.text() for cheat in cheats)
    assert value <= limit, f"{protocol}, {program}, {text}: whether it aborts depends on honest inputs: {counts[0]} and {counts[1]}"
    return counts


def lies(protocol: str) -> list[Attack]:
    """One for each kind of step by which a party takes part in a product, told again when it is revealed."""
    names, steps, found = parties_of(protocol), steps_of(protocol, "multiply", 1), {}
    for n, (tag, _) in enumerate(steps, 1):
        if tag != REVEAL:
            found.setdefault(tag, Attack(protocol, "multiply", (Cheat(names[1], ANY, "add random", n), Cheat(names[1], REVEAL)), tag))
    return list(found.values())


def a_lie_about_a_product(protocol: str) -> Attack:
    return next(attack for attack in lies(protocol) if attack.point == "multiply")


def main(protocols: Sequence[str]) -> int:
    chosen = protocols or against_active_parties()
    zeros, large = ({name: np.full(2, value) for name in "xy"} for value in (0, 2**40))
    pairs = [(attack.setting, "multiply", attack.cheats[:1], zeros, large, RUNS) for attack in map(a_lie_about_a_product, chosen)]
    for (protocol, _, (cheat,), *_), counts in in_processes(independent_of_inputs, pairs, os.cpu_count() or 1):
        print(f"{protocol}: {cheat.text()} ends {RUNS:,} runs each of two inputs alike: {counts}", flush=True)
    told = [(attack, LIES // len(lies(protocol)) // PARTS) for protocol in chosen for attack in lies(protocol) for _ in range(PARTS)]
    missing, total = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for (attack, times), count in in_processes(missed, told, os.cpu_count() or 1):
        missing[attack.setting, attack.point] += count
        total[attack.setting, attack.point] += times
        if total[attack.setting, attack.point] == times * PARTS:
            print(f"{attack.setting}: {times * PARTS:,} lies at `{attack.point}`, {missing[attack.setting, attack.point]} missed", flush=True)
    return int(missing.total() > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
