"""Turns what went wrong in a run into the one exception that the notebook sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import errors
from ..errors import PartyDied, PartyFailed, PartyOutOfMemory, ProgramMismatch, RampError
from ..wire.waiting import WaitStatus
from .cell import ErrorReport, Outcome

CHEATING = {"CheatingDetected", "CheatingReported"}
CONSEQUENCES = {"ProgramMismatch", "CheatingReported"}  # errors that follow from another party's
OUT_OF_MEMORY = {"MemoryError", "_ArrayMemoryError", "ArrayMemoryError"}


@dataclass
class Place:
    """Where a party was when it last said so."""

    gadget: tuple[str, ...] = ()
    round: int = 0
    waits: WaitStatus | None = None

    def text(self) -> str:
        parts = [f"gadget {' › '.join(self.gadget)}"] if self.gadget else []
        if self.round:
            parts.append(f"round {self.round}")
        if self.waits is not None and self.waits.line:
            parts.append(f"line {self.waits.line}")
        return ", ".join(parts)


def from_outcomes(names: Sequence[str], outcomes: Mapping[int, Outcome], targets: Sequence[int]) -> RampError:
    """The error of a run in which at least one party's cell raised.

    A failed check comes before all else: whoever cheats could raise something of its own to hide it. Then, among parties that
    failed together, errors that follow from another party's (unequal programs, a check that failed there) come last,
    and those of a party that cheats on purpose; then the first party in order: the same cell gives the same message each time.
    """
    failed = [(party, outcome.error) for party, outcome in sorted(outcomes.items()) if outcome.status == "error" and outcome.error]
    _, report = min(failed, key=lambda each: (each[1].kind not in CHEATING, each[1].kind in CONSEQUENCES, bool(outcomes[each[0]].cheated)))
    same = [p for p, other in failed if (other.kind, other.message, other.line) == (report.kind, report.message, report.line)]
    same = [p for p in same if not outcomes[p].cheated] or same  # a cheater's own copy of the program notices too
    everyone = len(same) == len(targets) and len(same) > 1
    who = "all parties" if everyone else " and ".join(names[p] for p in same)
    return from_report(who, report)


def from_report(who: str, report: ErrorReport) -> RampError:
    """An exception of the family's own class where the party raised one; PartyFailed for everything else."""
    place = f"in {who}" + (f" at line {report.line}" if report.line else "")
    if report.gadget:
        place += f" (gadgets: {' › '.join(report.gadget)})"
    message = f"{report.kind} {place}: {report.message}" if report.message else f"{report.kind} {place}"
    if report.kind in OUT_OF_MEMORY:
        return _placed(PartyOutOfMemory(f"out of memory {place}: {report.message or 'an allocation failed'}"), who, report)
    if report.kind == "SystemExit":
        message = f"SystemExit {place}: the cell called sys.exit({report.message}). The party lives on; raise an error instead."
    kind = getattr(errors, report.kind, None) if report.module == errors.__name__ else None
    if isinstance(kind, type) and issubclass(kind, RampError) and kind is not PartyFailed:
        return _placed(kind(f"{report.message} [{place}]"), who, report)
    return PartyFailed(message, party=who, kind=report.kind, line=report.line, gadget=" › ".join(report.gadget), remote=report.traceback)


def _placed(error: RampError, who: str, report: ErrorReport) -> RampError:
    """Give any family error the facts that PartyFailed has."""
    facts = {"party": who, "kind": report.kind, "line": report.line, "gadget": " › ".join(report.gadget), "remote": report.traceback}
    error.__dict__.update(facts)
    return error


def died(name: str, reason: str, place: Place) -> PartyDied:
    where = f" in {place.text()}" if place.text() else ""
    hint = ""
    if "SIGKILL" in reason:
        hint = " If nobody did that on purpose, the system was probably out of memory."
    return PartyDied(f"{name}'s process {reason}{where}.{hint}")


def dealer_lost(reason: str) -> PartyDied:
    return PartyDied(
        f"the dealer's process {reason}, and this cell needs correlated randomness that is not in stock. "
        "Run it again: a new dealer starts when it is asked. --preprocessing ot needs none."
    )


def at_standstill(names: Sequence[str], states: Mapping[int, WaitStatus], finished: set[int], found: tuple[int, int]) -> ProgramMismatch:
    """Nobody can go on: name the party that waits, the one it waits for, and where both are."""
    party, peer = found
    tag, line = states[party].awaits.get(peer, ("", states[party].line))
    if peer in states[party].sending and not tag:
        wait = f"{names[party]} sends at line {line} to {names[peer]}, who never takes it"
    else:
        wait = f"{names[party]} waits at line {line} ({tag}) for {names[peer]}, who never sends it"
    if peer in finished:
        other = f"{names[peer]} has already finished the cell"
    else:
        theirs = states[peer]
        whom = ", ".join(f"{names[p]} ({t}, line {n})" for p, (t, n) in sorted(theirs.awaits.items())) or "its peers to read"
        other = f"{names[peer]} waits at line {theirs.line} for {whom}"
    return ProgramMismatch(
        f"{wait}; {other}. All parties must run the same steps: look for an `if` or a loop that differs between parties."
    )


def lost(names: Sequence[str], parties: Sequence[int]) -> str:
    """What replaced parties mean to the user."""
    if not parties:
        return ""
    who = " and ".join(names[p] for p in parties)
    verb, new = ("has", "it is") if len(parties) == 1 else ("have", "they are")
    return f" {who} {verb} been started anew: {new} empty, so run again the cells that gave {who} data."
