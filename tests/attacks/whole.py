"""The whole matrix in parts that processes run side by side, what a part's attacks came to, and a table of all."""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from random import Random
from typing import Any

import ramp_notebook.gadgets  # noqa: F401  fills the registry

from ramp_notebook import registry

from .matrix import FAILURES, OUTCOMES, Attack, attacks, outcome, sample
from .programs import BY_NAME, PROGRAMS, parties_of

SEVERAL = {2: "two messages", 4: "covered up"}
PAIRS = "sample"  # the part of a setting that is no program: attacks as the sample draws them, with two messages among them
SAMPLE, SAMPLES = 500, 4  # so many of these, so many times
PREPARED_SAMPLE = 125  # where a run takes a second and there is nothing but samples
Counts = dict[tuple[str, str, str], Counter[str]]  # by setting, step and way
Part = tuple[str, str, int]  # of the matrix: a setting, a program and a cheater, or PAIRS and a number


def against_active_parties() -> list[str]:
    return [name for name, cls in registry.protocols.items() if cls.security.withstands_cheating]


def settings() -> list[str]:
    """Protocols against active parties, and those with correlated randomness that they make themselves."""
    own = [f"{name}/{next(iter(registry.protocols[name].sources))}" for name in against_active_parties() if registry.protocols[name].sources]
    return [*own, *against_active_parties()]


def parts(setting: str) -> Iterator[Part]:
    """The dearest first."""
    yield from ((setting, PAIRS, k) for k in range(SAMPLES * (2 if "/" in setting else 1)))
    if "/" not in setting:
        programs = sorted(PROGRAMS, key=lambda program: not program.dear)
        yield from ((setting, program.name, cheater) for program in programs for cheater in range(len(parties_of(setting))))


def cases_of(part: Part, share: float, seed: int) -> list[Attack]:
    setting, program, number = part
    random = Random(f"{seed} {part}")
    if program == PAIRS:
        return sample(setting, round(share * (PREPARED_SAMPLE if "/" in setting else SAMPLE)), random)
    return [attack for attack in attacks(setting, [BY_NAME[program]], [number]) if random.random() < share]


def run(cases: Iterable[Attack]) -> tuple[Counts, list[str]]:
    """Outcomes counted, and a line for every failure."""
    counts: Counts = {}
    failures = []
    for attack in cases:
        found, ends = outcome(attack)
        how = attack.cheats[0].how if len(attack.cheats) == 1 else SEVERAL[len(attack.cheats)]
        counts.setdefault((attack.setting, attack.point, how), Counter())[found] += 1
        if found in FAILURES:
            problems = "; ".join(f"{type(end.problem).__name__}: {end.problem}" for end in ends if end.how == "crashed")
            failures.append(f"{found}  {attack}  {problems}".rstrip())
    return counts, failures


def run_part(part: Part, share: float, seed: int) -> tuple[Counts, list[str]]:
    return run(cases_of(part, share, seed))


def in_processes(work: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], workers: int) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Each call's arguments and what it returned, as they are done."""
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        calls = {pool.submit(work, *each): each for each in arguments}
        try:
            for call in as_completed(calls):
                yield calls[call], call.result()
        finally:
            pool.shutdown(cancel_futures=True)


def table(counts: Counts) -> str:
    """A row for every setting, kind of step and way to cheat."""
    rows = [("setting", "step", "way", *OUTCOMES)]
    rows += [(*key, *(str(count[each] or "·") for each in OUTCOMES)) for key, count in sorted(counts.items())]
    for setting in sorted({setting for setting, _, _ in counts}):
        total = sum((count for key, count in counts.items() if key[0] == setting), Counter())
        rows.append((setting, "all", "", *(str(total[each]) for each in OUTCOMES)))
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows)
