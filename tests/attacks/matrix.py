"""The attack matrix: every message of one party, in every way to change it, and what became of the honest parties.

An attack is a setting, a program and some cheats of one party, and reads as the command that runs it alone. It ends well if every
honest party saw right values only, and either all of them finished or one noticed and none of the others went on to a wrong one.
"""

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from ramp_notebook.protocols.checks import CONFIRM
from ramp_notebook.wire.cheats import ANY, Cheat
from ramp_notebook.wire.mutations import HOWS

from .parties import CRASHED, DONE, NOTICED, STUCK, End, Steps, run_cell, same
from .programs import BY_NAME, PROGRAMS, Program, cell_of, parties_of, programs_for

RIGHT = "right"  # all honest parties finished with right results
CAUGHT = "caught"  # no honest party finished: one noticed, and the others noticed, were told or are ended
# One noticed when others had finished with right results: a cheater who lies in the last confirmation only, to some, stops these alone.
# That is no result: a session withholds from all what any party aborted, and gives out nothing until every party has finished.
UNEVEN = "uneven"
SILENT = "silent"  # nobody noticed, but all that had not finished wait in vain, which a session takes for cheating
WRONG, FOREIGN = "WRONG", "FOREIGN"  # an honest party saw something wrong, or stumbled over it
FAILURES = (WRONG, FOREIGN)
STEADY = ("add one", "add one to the first", "flip", "flip the first", "negate", "add random")
REVEAL = "reveal"
OUTCOMES = (RIGHT, CAUGHT, UNEVEN, SILENT, *FAILURES)


@dataclass(frozen=True)
class Attack:
    """One case."""

    setting: str  # a protocol, and a source if it is not the quickest
    program: str
    cheats: tuple[Cheat, ...]
    point: str = ""  # what step it is, for the table

    def __str__(self) -> str:
        """The command that runs it."""
        cheats = " ".join(cheat.text() for cheat in self.cheats)
        return f"python -m tests.attacks {self.setting} {self.program!r} {cheats}"

    @property
    def cheater(self) -> int:
        return parties_of(self.setting).index(self.cheats[0].party)


@functools.cache
def honest(setting: str, program: str, cheater: int) -> tuple[list[End], dict[Any, Any], Steps]:
    """What everyone sees if all are honest, all that the party says then, and the tag and receivers of each step in which it does."""
    name, recording, steps = parties_of(setting)[cheater], {}, Steps()  # type: ignore[var-annotated]
    cell = replace(cell_of(BY_NAME[program], setting, cheater), cheats=(Cheat(name, ANY, "replay"),))
    ends = run_cell(parties_of(setting), cell, recording, (cheater, steps))
    assert all(end.how == DONE for end in ends), [end.problem for end in ends]
    return ends, recording, steps


def steps_of(setting: str, program: str, cheater: int) -> Steps:
    """(tag, receivers) of every step in which this party sends, in order, in an honest run."""
    return honest(setting, program, cheater)[2]


def attacks(setting: str, programs: Sequence[Program] = PROGRAMS, cheaters: Sequence[int] | None = None) -> Iterator[Attack]:
    """The whole matrix: programs × cheaters × steps × ways × receivers."""
    names = parties_of(setting)
    for program, cheater in itertools.product(programs, range(len(names)) if cheaters is None else cheaters):
        for n, (tag, receivers) in enumerate(steps_of(setting, program.name, cheater), 1):
            for how, to in itertools.product(HOWS, (None, *(receivers if len(receivers) > 1 else ()))):
                if how != "rush" or to is None:
                    yield Attack(setting, program.name, (Cheat(names[cheater], ANY, how, n, to),), tag)
            for how, covers in itertools.product(STEADY, (False, True)):
                yield Attack(setting, program.name, _steady(names[cheater], how, n, covers), tag)


def sample(setting: str, count: int, random: Random) -> list[Attack]:
    """Some attacks: kinds of steps and ways alike often, dear programs less. Of five two are steady, one changes two messages anyhow."""
    names, programs, found = parties_of(setting), programs_for(setting), []
    offset = random.randrange(len(programs))
    for k in range(count):
        program, cheater = programs[(offset + k) % len(programs)], random.randrange(len(names))
        steps = steps_of(setting, program.name, cheater)
        if not steps:
            continue
        tag = random.choice(sorted({tag for tag, _ in steps}))
        if k % 5 in (1, 2):
            n = random.choice([n for n, (each, _) in enumerate(steps, 1) if each == tag])
            found.append(Attack(setting, program.name, _steady(names[cheater], random.choice(STEADY), n, k % 5 == 1), tag))
            continue
        cheats = []
        for _ in range(2 if k % 5 == 0 else 1):
            n = random.choice([n for n, (each, _) in enumerate(steps, 1) if each == tag or cheats])
            to = random.choice([None, None, *steps[n - 1][1]])
            cheats.append(Cheat(names[cheater], ANY, random.choice(list(HOWS)), n, to))
        found.append(Attack(setting, program.name, tuple(cheats), tag))
    return found


def _steady(party: str, how: str, n: int, covers: bool) -> tuple[Cheat, ...]:
    """A liar who sticks to it: what was changed on the way is changed alike when it is revealed, so that pieces fit together.

    One who covers up besides tells everyone, of what is compared, what they say themselves, and that all is fine.
    """
    cover = (Cheat(party, "compare", "echo"), Cheat(party, CONFIRM, "zero"))
    return (Cheat(party, ANY, how, n), Cheat(party, REVEAL, how), *(cover if covers else ()))


def outcome(attack: Attack) -> tuple[str, list[End]]:
    """Run one attack and judge it."""
    program, cheater = BY_NAME[attack.program], attack.cheater
    expected, recording, _ = honest(attack.setting, attack.program, cheater)
    cell = replace(cell_of(program, attack.setting, cheater), cheats=attack.cheats)
    ends = run_cell(parties_of(attack.setting), cell, dict(recording))
    others = [index for index in range(len(ends)) if index != cheater]
    return judged(program, [ends[k] for k in others], [expected[k] for k in others]), ends


def judged(program: Program, ends: Sequence[End], expected: Sequence[End]) -> str:
    """What became of the honest parties."""
    if not all(_right(program, end.seen, right.seen) for end, right in zip(ends, expected, strict=True)):
        return WRONG
    ways = {end.how for end in ends}
    if CRASHED in ways:
        return FOREIGN
    if ways == {DONE}:
        return RIGHT
    if NOTICED in ways:
        return UNEVEN if DONE in ways else CAUGHT
    assert STUCK in ways
    return SILENT


def _right(program: Program, seen: Sequence[Any], expected: Sequence[Any]) -> bool:
    if program.holds is not None:
        return program.holds(seen)
    pairs = zip(seen, expected, strict=False)
    return len(seen) <= len(expected) and all(same(one, other, unordered=program.unordered) for one, other in pairs)
