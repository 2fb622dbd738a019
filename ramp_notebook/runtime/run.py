"""One cell on its way through the parties: sent, awaited, and then committed everywhere or rolled back everywhere."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import registry
from ..errors import CellTimeout, CheatingDetected, PartyUnresponsive, RampError
from ..wire.waiting import WaitStatus, standstill
from .cell import Cell, Outcome
from .failures import CHEATING, Place, at_standstill, dealer_lost, died, from_outcomes, from_report
from .interrupts import Interrupts
from .results import CellResult, assemble, check, common_names, honest
from .supervisor import Supervisor

SETTLE_SECONDS = 0.25  # after a first error: time for the others to raise the same one
REMIND_SECONDS = 0.4  # an abort is repeated once: the cell may have caught the first
GRACE_SECONDS = 0.7  # after an abort, or for the end of a commit; whoever takes longer is replaced
ORPHAN_SECONDS = 1.0  # a party whose link closed waits this long for the cause to show


@dataclass(frozen=True)
class Whereabouts:
    """How far one party is, told while a cell runs. `silent_seconds` is 0 for a party that answers."""

    party: str
    gadget: tuple[str, ...] = ()
    round: int = 0
    sent_bytes: int = 0
    silent_seconds: float = 0.0


Progress = Callable[[Whereabouts], None]


class RunningCell:
    """The state of one run. `gone` are the parties that have to be replaced afterwards."""

    def __init__(
        self,
        supervisor: Supervisor,
        cell: Cell,
        epoch: int,
        targets: Sequence[int],
        timeout: float | None,
        progress: Progress | None,
        interrupts: Interrupts,
    ):
        self.supervisor, self.cell, self.epoch, self.targets = supervisor, cell, epoch, tuple(targets)
        self.names = supervisor.names  # the dealer's is the last
        self.dealer = len(self.names) - 1
        self.dealt: Outcome | None = None
        self.summoned = self.released = False
        self.progress, self.interrupts, self.timeout = progress, interrupts, timeout
        self.outcomes: dict[int, Outcome] = {}
        self.gone: set[int] = set()
        self.places = {party: Place() for party in targets}
        self.states: dict[int, WaitStatus] = {}
        self.done: dict[int, tuple[Any, str]] = {}
        self.cause: BaseException | None = None  # an error other than those in the outcomes
        self.began = time.monotonic()

    def go(self, messages: Mapping[int, bytes]) -> CellResult:
        self.supervisor.open(self.epoch)
        try:
            for party in self.targets:
                self.supervisor.post(party, messages[party])
            self._await_outcomes()
            seconds = time.monotonic() - self.began
            check(self.names, self.outcomes)
            if self.dealt is not None:
                check(self.names, {self.dealer: self.dealt})
            result = assemble(self.cell, self.epoch, self.names[: self.dealer], self.outcomes, seconds, self.dealt)
            self._raise_if_interrupted()
        except BaseException:
            self._roll_back()
            raise
        result.outputs = self._commit(common_names(self.dealer, self.outcomes))
        if result.cheated:
            self.done.clear()
            self._roll_back()  # bindings stay; messages that nobody awaited and randomness that may be false must not meet a later cell
        return result

    # -- first phase ---------------------------------------------------------------------------------------------------

    def _await_outcomes(self) -> None:
        """Return when all targets succeeded; raise the first error otherwise, when all others have stopped."""
        deadline = self.began + self.timeout if self.timeout is not None else float("inf")
        orphaned = 0.0
        while self.cause is None and not self._failed():
            if len(self.outcomes) == len(self.targets):
                succeeded = all(outcome.status == "ok" for outcome in self.outcomes.values())
                if succeeded and (not self.summoned or self.dealt is not None):
                    return
                if succeeded:
                    self._release_dealer()
                else:
                    orphaned = orphaned or time.monotonic() + ORPHAN_SECONDS
                if orphaned and time.monotonic() > orphaned:
                    self.cause = RampError("a party stopped because its link closed, and no party says why: please report it.")
                    break
            self._hear(min(deadline, orphaned or deadline) - time.monotonic())
            if self.interrupts.count and self.cause is None:
                self.cause = self._interrupted()
            elif time.monotonic() > deadline and self.cause is None:
                self.cause = CellTimeout(
                    f"the cell took longer than {self.timeout:g} s: {'; '.join(self._whereabouts())}. "
                    "Give it a longer --timeout, or see with --plan what it costs."
                )
        if self.cause is None:
            self._settle()
        self._abort()
        noticed = any(outcome.error is not None and outcome.error.kind in CHEATING for outcome in self.outcomes.values())
        if self.cause is not None and not noticed:
            raise self.cause
        raise from_outcomes(self.names, self.outcomes, self.targets)

    def _failed(self) -> bool:
        return any(outcome.status == "error" for outcome in self.outcomes.values())

    def _settle(self) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        while self._unfinished() and self.cause is None and not self.interrupts.count and (left := deadline - time.monotonic()) > 0:
            self._hear(left)
        self.cause = None  # whatever happened after the first error follows from it

    def _abort(self) -> None:
        """Tell the others to stop, remind them once, and give up on those that do not."""
        start, pressed = time.monotonic(), self.interrupts.count
        cause = self.cause
        for party in self._unfinished():
            self.supervisor.post(party, ("abort", self.epoch))
        reminded = False
        while self._unfinished() and (elapsed := time.monotonic() - start) < GRACE_SECONDS and self.interrupts.count <= max(pressed, 1):
            if elapsed > REMIND_SECONDS and not reminded:
                reminded = True
                for party in self._unfinished():
                    self.supervisor.post(party, ("abort", self.epoch))
            self._hear((GRACE_SECONDS if reminded else REMIND_SECONDS) - elapsed + 0.001)
            if self.interrupts.count and not pressed:
                pressed, cause = self.interrupts.count, self._interrupted()
        self.gone |= self._unfinished()
        self.cause = cause

    def _unfinished(self) -> set[int]:
        dealing = {self.dealer} if self.summoned and self.dealt is None else set()
        return (set(self.targets) - set(self.outcomes) | dealing) - self.gone

    # -- the dealer ----------------------------------------------------------------------------------------------------

    def _summon_dealer(self) -> None:
        """Have it listen in this run; it learns nothing of the cell."""
        reason = self.supervisor.take_lost(self.dealer)
        if reason:
            self.cause = self.cause or dealer_lost(reason)
            return
        if self.supervisor.parties[self.dealer] is None:
            self.supervisor.start(self.dealer)
        self.summoned, self.places[self.dealer] = True, Place()
        request = ("run", self.epoch, Cell("", "", "deal", checksums=self.cell.checksums), ())
        self.supervisor.post(self.dealer, request)

    def _release_dealer(self) -> None:
        """All parties have finished."""
        if not self.released:
            self.released = True
            self.supervisor.post(self.dealer, ("finish", self.epoch))

    # -- second phase --------------------------------------------------------------------------------------------------

    def _commit(self, wanted: Sequence[str]) -> dict[str, Any]:
        """Make the bindings permanent everywhere. From here on the cell has succeeded, whatever else is pressed."""
        teller = min(honest(self.outcomes), default=0)
        for party in self.targets:
            self.supervisor.post(party, ("commit", self.epoch, list(wanted) if party == teller else []))
        self._await_done(set(self.targets))
        if self.cause is not None:
            raise self.cause
        values, problem = self.done.get(teller, ({}, ""))
        if problem:
            raise RampError(f"a value that all parties hold could not be brought to the notebook: {problem}")
        return values or {}

    def _roll_back(self) -> None:
        """Nothing of this run remains: bindings are forgotten, links closed. Whoever does not answer is replaced."""
        living = set(range(self.dealer)) | ({self.dealer} if self.supervisor.parties[self.dealer] is not None else set())
        for party in sorted(living - self.gone):
            self.supervisor.post(party, ("rollback", self.epoch))
        self.supervisor.unlink()
        self._await_done(living - self.gone)

    def _await_done(self, parties: set[int]) -> None:
        """Until all have answered; an interrupt, or the death of one, shortens the wait to the grace time."""
        limit = self.supervisor.silence_seconds
        start = time.monotonic()
        while (left := parties - set(self.done) - self.gone) and (rest := start + limit - time.monotonic()) > 0:
            if self.interrupts.count or self.cause is not None or self._failed():
                limit = min(limit, GRACE_SECONDS)
            self._hear(min(rest, GRACE_SECONDS))
        if not self.interrupts.count or self._failed() or self.cause is not None:
            self.gone |= left

    # -- hearing -------------------------------------------------------------------------------------------------------

    def _hear(self, timeout: float) -> None:
        for party, message in self.supervisor.events(timeout, self.interrupts):
            kind = message[0]
            if kind == "died":
                self._on_death(party, message[1])
            elif kind == "silent":
                self.gone.add(party)
                where = self.places[party].text() if party in self.places else ""
                text = f"{self.names[party]} did not answer for {message[1]:.0f} s{' in ' + where if where else ''}; its process was ended."
                self.cause = self.cause or PartyUnresponsive(text)
            elif kind == "outcome" and message[1] in (self.epoch, -1):
                if party == self.dealer:
                    self._on_dealt(message[2])
                else:
                    self.outcomes[party] = message[2]
                self.states[party] = message[3]
                self._look_for_standstill()
            elif kind == "summon" and message[1] == self.epoch:
                self._summon_dealer()
            elif kind == "done" and message[1] == self.epoch:
                self.done[party] = message[2:4]
            elif kind == "waiting" and message[1] == self.epoch and party in self.places:
                self.states[party] = self.places[party].waits = message[2]
                self._look_for_standstill()
            elif kind == "progress" and message[1] == self.epoch:
                gadget, round, sent_bytes = message[2]
                self.places[party].gadget, self.places[party].round = gadget, round
                self._tell(Whereabouts(self.names[party], gadget, round, sent_bytes))
            elif kind == "quiet" and party in self.places:
                self._tell(Whereabouts(self.names[party], silent_seconds=message[1]))

    def _tell(self, whereabouts: Whereabouts) -> None:
        if self.progress is not None:
            self.progress(whereabouts)

    def _on_death(self, party: int, reason: str) -> None:
        if party == self.dealer:
            if self.summoned and self.dealt is None:
                self.gone.add(party)
                self.cause = self.cause or dealer_lost(self.supervisor.take_lost(party))
            return  # otherwise nobody needs it now
        self.gone.add(party)
        self.outcomes.pop(party, None)
        self.cause = self.cause or died(self.names[party], reason, self.places.get(party, Place()))

    def _on_dealt(self, outcome: Outcome) -> None:
        self.dealt = outcome
        if outcome.status == "error" and outcome.error is not None:
            self.cause = self.cause or from_report("the dealer", outcome.error)

    def _look_for_standstill(self) -> None:
        if self.cell.kind != "mpc" or self.cause is not None or self._failed() or len(self.states) < len(self.targets):
            return
        idle, active = WaitStatus(), {*self.targets, *([self.dealer] if self.summoned else [])}
        found = standstill([self.states.get(party, idle if party not in active else None) for party in range(len(self.names))])
        aborted = any(outcome.status == "aborted" for outcome in self.outcomes.values())
        if found is not None and not aborted and found[0] != self.dealer:  # it may wait in vain for a request
            self.cause = at_standstill(self.names, self.states, set(self.outcomes), found)
            if registry.protocols[self.cell.protocol].security.withstands_cheating:
                self.cause = CheatingDetected(f"a message that a step awaits never came: {self.cause}")

    def _interrupted(self) -> KeyboardInterrupt:
        problem = KeyboardInterrupt()
        for text in self._whereabouts():
            problem.add_note(text)
        return problem

    def _whereabouts(self) -> list[str]:
        """Where each party was, a line each, for an end that nobody in particular caused."""
        texts = []
        for party in self.targets:
            waits = self.places[party].waits
            if party in self.outcomes:
                where = "had finished"
            elif waits is not None and waits.awaits:
                peer, (tag, line) = next(iter(waits.awaits.items()))
                where = f"waited at line {line} for {self.names[peer]} ({tag})"
            else:
                where = "was computing" + (f" in {self.places[party].text()}" if self.places[party].text() else "")
            texts.append(f"{self.names[party]} {where}")
        return texts

    def _raise_if_interrupted(self) -> None:
        if self.interrupts.count:
            raise KeyboardInterrupt
