"""What a finished cell gives back, put together from the parties' outcomes; and the checks that it adds up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import RampError
from ..trace.events import Trace
from ..trace.recorder import merge_records
from ..wire.channel import DEALER, framing_bytes
from .cell import Cell, Outcome

EMPTY_RECORD: dict[str, Any] = {"spans": [], "exchanges": [], "sent": [], "received": []}


@dataclass
class CellResult:
    """One cell that succeeded everywhere it ran.

    `outcomes` has None for parties outside the cell's targets. `printed` pairs a text with its party, or with None if all
    parties printed the same. `outputs` are the plain values that every party has and that are equal; `secrets` maps a name
    to what its handle shows.
    """

    cell: Cell
    epoch: int
    parties: tuple[str, ...]
    outcomes: list[Outcome | None]
    trace: Trace
    seconds: float
    outputs: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    printed: list[tuple[str | None, str]] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    cheated: list[str] = field(default_factory=list)  # what parties changed on purpose, a line each

    @property
    def last_values(self) -> dict[str, str]:
        """Party name to the repr of a `%%party` cell's last expression."""
        return {
            name: outcome.last_value for name, outcome in zip(self.parties, self.outcomes, strict=True) if outcome and outcome.last_value
        }


def with_dealer(names: Sequence[str], records: list[Any], dealer: Any) -> tuple[Sequence[str], list[Any]]:
    """Who a trace is about, and their records: the dealer is the last of them if it was asked for anything."""
    return ((*names, DEALER), [*records, dealer]) if dealer["exchanges"] else (names, records)


def assemble(
    cell: Cell, epoch: int, names: Sequence[str], outcomes: Mapping[int, Outcome], seconds: float, dealt: Outcome | None = None
) -> CellResult:
    """Everything but the outputs' values, which the commit brings. `dealt` is the dealer's outcome if it took part."""
    records = [outcomes[p].record or EMPTY_RECORD if p in outcomes else EMPTY_RECORD for p in range(len(names))]
    participants, records = with_dealer(names, records, dealt.record if dealt is not None else EMPTY_RECORD)
    everyone = [outcomes[p] for p in sorted(outcomes)]
    return CellResult(
        cell,
        epoch,
        tuple(names),
        [outcomes.get(p) for p in range(len(names))],
        merge_records(participants, records, source=cell.source, seconds=seconds),
        seconds,
        secrets={name: text for name, text in everyone[0].secrets.items() if all(name in other.secrets for other in everyone)},
        printed=merge_printed(names, outcomes),
        labels=[outcome.label for outcome in everyone],
        cheated=told_of_cheating(outcomes),
    )


def told_of_cheating(outcomes: Mapping[int, Outcome]) -> list[str]:
    """What parties changed on purpose, a line each, in party order."""
    return [line for party in sorted(outcomes) for line in outcomes[party].cheated]


def honest(outcomes: Mapping[int, Outcome]) -> dict[int, Outcome]:
    """Those of the parties that were not asked to cheat: what the others believe is of no interest. All, if there are none."""
    return {p: outcome for p, outcome in sorted(outcomes.items()) if not outcome.cheated} or dict(outcomes)


def common_names(parties: int, outcomes: Mapping[int, Outcome]) -> list[str]:
    """Plain bindings that all parties made and that are equal at all honest ones."""
    if len(outcomes) < parties:
        return []
    first, *others = honest(outcomes).values()
    return [name for name, digest in first.digests.items() if all(other.digests.get(name) == digest for other in others)]


def merge_printed(names: Sequence[str], outcomes: Mapping[int, Outcome]) -> list[tuple[str | None, str]]:
    texts = {p: outcomes[p].printed for p in sorted(outcomes)}
    if len(texts) == len(names) and len(set(texts.values())) == 1:
        text = next(iter(texts.values()))
        return [(None, text)] if text else []
    return [(names[p], text) for p, text in texts.items() if text]


def check(names: Sequence[str], outcomes: Mapping[int, Outcome]) -> None:
    """Raise if parties disagree on what was revealed, or if the trace does not account for every byte on the wire."""
    if len({outcome.revealed_digest for outcome in honest(outcomes).values()}) > 1:
        reason = "this is a fault of the protocol; please report it"
        if told_of_cheating(outcomes):
            reason = "a party cheated on purpose, and only this look at all of them tells"
        raise RampError(f"the parties revealed different values in one cell, so no result is shown: {reason}.")
    for party, outcome in outcomes.items():
        recorded: dict[int, int] = {}
        for receiver, _, payload, _, _, _, _, _ in outcome.record.get("sent", ()):
            recorded[receiver] = recorded.get(receiver, 0) + payload + framing_bytes(payload)
        carried = {peer: count for peer, count in outcome.carried_bytes.items() if count}
        if recorded != carried:
            raise RampError(
                f"{names[party]}'s trace has {_by_name(names, recorded)} but the wire carried {_by_name(names, carried)}: please report it"
            )


def _by_name(names: Sequence[str], counts: Mapping[int, int]) -> str:
    return ", ".join(f"{count} bytes to {names[peer]}" for peer, count in sorted(counts.items())) or "no bytes"
