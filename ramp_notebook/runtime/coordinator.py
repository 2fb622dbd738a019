"""The notebook side of one group of parties: sends cells, commits what all agree on, merges traces into a Run."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import MisuseValueError, PartyFailed, RampError
from ..protocols.security import Label
from ..trace.events import Trace
from ..trace.recorder import merge_records
from .cell import Cell, Description, Outcome
from .failures import failure_of
from .run import Peek, Run
from .supervisor import ENGINE, SILENCE_SECONDS, Progress, Supervisor


class Coordinator:
    """Starts parties once and runs cells on them, one at a time.

    `launcher` is "local" (a process per party) or "inline" (a thread per party). Usable as a context manager.
    """

    def __init__(self, names: Sequence[str], launcher: str = "local", *, engine: str = ENGINE, silence_seconds: float = SILENCE_SECONDS):
        check_names(names)
        self.names, self.launcher = tuple(names), launcher
        self._supervisor = Supervisor(names, launcher, engine, silence_seconds)
        self.epoch = 0  # of the last run; never goes back, so that no random stream is used twice
        self.directory: list[dict[str, Description]] = [{} for _ in names]
        self.public: dict[str, Any] = {}  # plain values that all parties hold, for plans

    def __enter__(self) -> "Coordinator":
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the parties that do not live yet; new ones begin with an empty namespace."""
        for i in self._supervisor.start():
            self._forget(i)

    def stop(self) -> None:
        """End all parties; their namespaces are gone. Idempotent."""
        self._supervisor.stop()
        for i in range(len(self.names)):
            self._forget(i)

    def pids(self) -> dict[str, int]:
        """Process numbers of the living parties by name."""
        return self._supervisor.pids()

    def run(self, cell: Cell, *, timeout: float | None = None, progress: Progress | None = None) -> Run:
        """Run a cell at its parties. On any failure nothing is bound anywhere and the first cause is raised."""
        self.start()
        self.epoch += 1
        targets = range(len(self.names)) if cell.targets is None else cell.targets
        directory = self._known(cell)
        started = time.monotonic()
        commands = {i: ("run", self.epoch, _for_party(cell, i), directory) for i in targets}
        outcomes, failure, lost = self._supervisor.run(self.epoch, commands, timeout=timeout, progress=progress)
        seconds = time.monotonic() - started
        for i in lost:
            self._forget(i)
        if failure is None and any(o.status != "ok" for o in outcomes.values()):
            failure = failure_of(outcomes, self.names)
        if failure is not None:
            raise self._told(failure, lost, outcomes)
        trace = merge_records(self.names, [_record(outcomes.get(i)) for i in range(len(self.names))], source=cell.source, seconds=seconds)
        try:
            self._check_agreement(outcomes, trace)
        except RampError:
            self._supervisor.settle(self.epoch, {i: ("rollback", self.epoch) for i in outcomes})
            raise
        outputs = self._commit(cell, outcomes)
        return self._result(cell, outcomes, outputs, trace)

    # -- what everyone may know ----------------------------------------------------------------------------------------

    def _known(self, cell: Cell) -> list[dict[str, Description]]:
        from .engine import describe

        return [
            {**self.directory[i], **{name: describe(value) for name, value in cell.inputs.get(i, {}).items()}} for i in range(len(self.names))
        ]

    def _forget(self, i: int) -> None:
        self.directory[i] = {}
        self.public.clear()

    # -- ending a run --------------------------------------------------------------------------------------------------

    def _told(self, failure: BaseException, lost: set[int], outcomes: Mapping[int, Outcome]) -> BaseException:
        if lost and isinstance(failure, RampError) and "namespace is lost" not in str(failure):
            failure.add_note(f"{', '.join(self.names[i] for i in sorted(lost))} did not stop when told and was replaced: its namespace is lost.")
        if isinstance(failure, PartyFailed | RampError):
            failure.printed = merged_prints(self.names, outcomes)  # type: ignore[union-attr]
        return failure

    def _check_agreement(self, outcomes: Mapping[int, Outcome], trace: Trace) -> None:
        if len({outcome.revealed_digest for outcome in outcomes.values()}) > 1:
            raise RampError("the parties do not agree on what was revealed to all of them: a protocol is at fault, please report it")
        told: dict[tuple[int, int], int] = {}
        for message in trace.messages:
            pair = (message.sender, message.receiver)
            told[pair] = told.get(pair, 0) + message.payload_bytes + message.framing_bytes
        carried = {(i, j): count for i, outcome in outcomes.items() for j, count in outcome.carried_bytes.items() if count}
        if told != carried:
            raise RampError(f"the trace accounts for {sum(told.values())} bytes, the links carried {sum(carried.values())}: please report it")

    def _commit(self, cell: Cell, outcomes: Mapping[int, Outcome]) -> dict[str, Any]:
        """Bind everywhere what everyone agrees on; fetch it once."""
        agreed: list[str] = []
        if cell.kind == "mpc":
            first, *others = [outcome.digests for outcome in outcomes.values()]
            agreed = [name for name, digest in first.items() if all(digest == other.get(name) for other in others)]
        speaker = min(outcomes)
        commands = {i: ("commit", self.epoch, agreed if i == speaker else []) for i in outcomes}
        answers, lost = self._supervisor.settle(self.epoch, commands)
        for i in lost:
            self._forget(i)
        if speaker not in answers:
            raise RampError(f"{self.names[speaker]} was lost while the cell's results were bound; run the cell again")
        values, problem = answers[speaker]
        if problem:
            raise RampError(f"a result cannot come to the notebook: {problem}")
        for i, outcome in outcomes.items():
            if i not in lost:
                self.directory[i] = outcome.directory
        changed = {name for outcome in outcomes.values() for name in (*outcome.digests, *outcome.secrets)}
        for name in changed:
            self.public.pop(name, None)
        self.public.update(values)
        return dict(values)

    def _result(self, cell: Cell, outcomes: Mapping[int, Outcome], outputs: dict[str, Any], trace: Trace) -> Run:
        secrets = [outcome.secrets for outcome in outcomes.values()]
        everywhere = {name: text for name, text in secrets[0].items() if all(name in other for other in secrets)}
        labels = [label_of(outcome.label) for outcome in outcomes.values() if outcome.label]
        label = labels[0] if labels else Label("cleartext reference", 0, len(self.names)).with_flags(self._supervisor.flags)
        for other in labels[1:]:
            label = label.join(other)
        pairs = zip(*(outcome.peeks for outcome in outcomes.values()), strict=True) if cell.kind == "mpc" else ()
        return Run(
            trace=trace,
            label=label,
            outputs=outputs,
            secrets=everywhere,
            printed=merged_prints(self.names, outcomes),
            peeks=[Peek(same[0][0], same[0][1], tuple(share for _, _, share in same)) for same in pairs],
            reveals=next(iter(outcomes.values())).reveals,
        )


def _for_party(cell: Cell, index: int) -> Cell:
    """The cell with this party's inputs alone: nobody is sent another's."""
    return replace(cell, inputs={index: cell.inputs[index]} if index in cell.inputs else {})


def _record(outcome: Outcome | None) -> dict[str, Any]:
    return outcome.record if outcome is not None else {"spans": [], "exchanges": [], "sent": [], "received": []}


def label_of(facts: Mapping[str, Any]) -> Label:
    return Label(
        facts["adversary"], facts["threshold"], facts["party_count"], facts["statistical_bits"], frozenset(facts["flags"]), tuple(facts["reveals"])
    )


def merged_prints(names: Sequence[str], outcomes: Mapping[int, Outcome]) -> list[tuple[str | None, str]]:
    """Printed text: once if everyone printed the same, else by party, in party order."""
    texts = {i: outcome.printed + (outcome.last_value + "\n" if outcome.last_value else "") for i, outcome in sorted(outcomes.items())}
    distinct = set(texts.values())
    if len(texts) == len(names) and len(distinct) == 1:
        text = distinct.pop()
        return [(None, text)] if text else []
    return [(names[i], text) for i, text in texts.items() if text]


def check_names(names: Sequence[str]) -> None:
    """Party names are identifiers, all different."""
    bad = [name for name in names if not name.isidentifier()]
    if bad or not names:
        raise MisuseValueError(f"a party's name is a word like alice or org_1; got {bad[0]!r}" if bad else "name at least one party")
    if len(set(names)) != len(names):
        raise MisuseValueError(f"party names must differ; got {', '.join(names)}")
