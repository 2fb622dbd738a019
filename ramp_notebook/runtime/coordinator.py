"""The notebook's side of a joint run: starts the parties, sends cells in two phases, and gives back one result or one error."""

import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .. import registry
from ..errors import CheatingDetected, MisuseError, MisuseValueError, PartyDied, PartyUnresponsive, RampError
from ..wire.channel import DEALER
from .cell import Cell, Description, Outcome
from .control import encode
from .engine import describe
from .failures import lost
from .interrupts import Interrupts
from .results import CellResult, merge_printed, told_of_cheating
from .run import Progress, RunningCell
from .supervisor import Supervisor

ENGINE = "ramp_notebook.runtime.engine:Engine"
SILENCE_SECONDS = 10.0
START_SECONDS = 60.0
MEANING = (
    "What it means: a party, or a link, does not do what the protocol says; which one cannot be told. "
    "Nothing was revealed since the last check that passed."
)
LOST_KEYS = (
    "The parties were ended: under `{}` no key outlives a cell that failed, and without the keys their secrets are worth nothing. "
    "The next cell starts new ones; run again the cells that gave them data."
)
DESTROYED = (
    "What is gone: the parties were ended, and with them their secrets, keys and unused correlated randomness, "
    "because what a cheater learns from trying again would add up."
)
NEXT = "How to go on: start new ones with %mpc start, and run again the cells that gave them data."


@dataclass(frozen=True)
class PartyState:
    """One line of a status display."""

    name: str
    pid: int
    alive: bool
    preloaded: bool
    names: tuple[str, ...]


class Coordinator:
    """Runs cells on living parties; parties start with the first cell, or with `start`.

    >>> with Coordinator(["alice", "bob", "carol"], launcher="inline") as parties:
    ...     parties.run(Cell("print(mpc.party == 'dave')")).printed
    [(None, 'False\\n')]
    """

    def __init__(self, names: Sequence[str], launcher: str = "local", *, engine: str = ENGINE, silence_seconds: float = SILENCE_SECONDS):
        if not names or len(set(names)) != len(names):
            raise MisuseValueError(f"parties need different names, at least one; got {', '.join(names) or 'none'}")
        if DEALER in names:
            raise MisuseValueError(f"`{DEALER}` is what the process is called that deals correlated randomness; name the party otherwise")
        self.names = tuple(names)
        self.launcher = launcher
        self.epoch = 0
        self.directory: list[Mapping[str, Description]] = [{} for _ in names]
        self.generation = 0  # of what protocols keep from cell to cell; a failure begins a new one
        self.kept: dict[str, dict[str, Any]] = {}  # by protocol: what everyone knows of it
        self.printed: list[tuple[str | None, str]] = []  # by the last cell, also if it failed
        self.outcomes: dict[int, Outcome] = {}  # of the last cell
        self._supervisor = Supervisor((*names, DEALER), launcher, engine, silence_seconds)
        self._started = False
        self._ended_by: CheatingDetected | None = None  # no cell runs any more until parties are started anew
        self._interrupts: Interrupts | None = None
        self._finalizer = weakref.finalize(self, self._supervisor.stop)  # also at interpreter exit

    def __enter__(self) -> "Coordinator":
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all parties and wait until each is ready; does nothing if they are."""
        with self._guard() as interrupts:
            self._ended_by = None
            self._start(interrupts)

    def run(self, cell: Cell, timeout: float | None = None, progress: Progress | None = None) -> CellResult:
        """Run a cell at its parties, commit if all succeed, roll back and raise one error otherwise."""
        with self._guard() as interrupts:
            if self._ended_by is not None:
                raise MisuseError(f"these parties ended when cheating was noticed, and none runs now. {NEXT}")
            self._start(interrupts)
            return self._run(cell, timeout, progress, interrupts)

    def stop(self) -> None:
        """End all parties; idempotent. A later cell starts new ones."""
        with Interrupts() as interrupts:  # Ctrl-C waits for the second that this may take
            self._end()
        _raise_if_pressed(interrupts)

    def interrupt(self) -> None:
        """What Ctrl-C does to the cell that runs now; from any thread."""
        if self._interrupts is not None:
            self._interrupts.press()

    def status(self) -> list[PartyState]:
        states = []
        for name, party, info, names in zip(self.names, self._supervisor.parties, self._supervisor.info, self.directory, strict=False):
            pid = party.pid if party is not None else 0
            states.append(PartyState(name, pid, party is not None and party.alive(), bool(info.get("preloaded")), tuple(sorted(names))))
        return states

    @property
    def ended_by_cheating(self) -> bool:
        """Whether these parties are gone because one cheated, and wait to be started anew."""
        return self._ended_by is not None

    @property
    def dealer_pid(self) -> int | None:
        """The process that deals, if one lives."""
        dealer = self._supervisor.parties[len(self.names)]
        return dealer.pid if dealer is not None and dealer.alive() else None

    # -- inside --------------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        self._supervisor.stop()
        self._started = False
        self.directory = [{} for _ in self.names]

    def _guard(self) -> "_Guard":
        if self._interrupts is not None:
            raise MisuseError("these parties are running a cell already; wait for it, or interrupt it")
        return _Guard(self)

    def _start(self, interrupts: Interrupts) -> None:
        if self._started:
            return
        supervisor = self._supervisor
        try:
            for index in range(len(self.names)):
                if supervisor.parties[index] is None:
                    supervisor.start(index)
                _raise_if_pressed(interrupts)
            waiting = set(range(len(self.names)))
            deadline = time.monotonic() + START_SECONDS
            supervisor.open(self.epoch)
            while waiting:
                for index, message in supervisor.events(deadline - time.monotonic(), interrupts):
                    if message[0] == "ready":
                        waiting.discard(index)
                    elif message[0] == "died":
                        raise PartyDied(
                            f"{self.names[index]}'s process {message[1]} while it was starting; see what it wrote to the server's log."
                        )
                _raise_if_pressed(interrupts)
                if waiting and time.monotonic() > deadline:
                    raise PartyUnresponsive(
                        f"{', '.join(self.names[i] for i in sorted(waiting))} did not start within {START_SECONDS:.0f} s"
                    )
        except BaseException:
            supervisor.stop()
            raise
        self._started = True

    def _run(self, cell: Cell, timeout: float | None, progress: Progress | None, interrupts: Interrupts) -> CellResult:
        targets = tuple(range(len(self.names))) if cell.targets is None else tuple(cell.targets)
        if not targets or not all(0 <= t < len(self.names) for t in (*targets, *cell.inputs)):
            raise MisuseValueError(
                f"there are {len(self.names)} parties ({', '.join(self.names)}); the cell names party {targets or 'none'}"
            )
        self.printed, self.outcomes = [], {}
        self.epoch += 1
        messages = self._messages(cell, targets)
        run = RunningCell(self._supervisor, cell, self.epoch, targets, timeout, progress, interrupts)
        try:
            result = run.go(messages)
        except BaseException as error:
            ended = self._keep_nothing()
            for line in told_of_cheating(run.outcomes):
                error.add_note(f"cheated on purpose: {line}")
            if isinstance(error, CheatingDetected):
                self._end()
                self._ended_by = error
                error.args = ("\n".join([f"{error.args[0]}.", MEANING, DESTROYED, NEXT]), *error.args[1:])
                raise
            if ended:
                self._end()
                error.add_note(LOST_KEYS.format(ended))
                raise
            gone = self._replace(run)
            if isinstance(error, RampError) and gone and error.args:
                error.args = (str(error.args[0]) + lost(self.names, gone), *error.args[1:])
            elif gone:
                error.add_note(lost(self.names, gone).strip())
            raise
        finally:
            self.outcomes = run.outcomes
            self.printed = merge_printed(self.names, run.outcomes)
        for party, outcome in run.outcomes.items():
            self.directory[party] = outcome.directory
            self.kept.update(outcome.kept)
        if result.cheated and self._keep_nothing():
            self._end()
        return result

    def _keep_nothing(self) -> str:
        """What protocols kept is not used again; the name of one whose earlier secrets are worth nothing without it, if any."""
        ended = [name for name in self.kept if registry.protocols[name].ends_with_a_failed_cell]
        self.generation += 1
        self.kept = {}
        return "".join(ended[:1])

    def _messages(self, cell: Cell, targets: Sequence[int]) -> dict[int, bytes]:
        """What each party gets to read: its own inputs as data, the others' as shapes."""
        directory = [{**names, **{n: describe(v) for n, v in cell.inputs.get(p, {}).items()}} for p, names in enumerate(self.directory)]
        messages = {}
        for party in targets:
            mine = {party: cell.inputs[party]} if party in cell.inputs else {}
            try:
                messages[party] = encode(("run", self.epoch, replace(cell, inputs=mine, generation=self.generation), directory))
            except Exception as error:
                raise MisuseError(
                    f"an input for {self.names[party]} cannot be sent ({error}); give arrays, numbers, text or lists of them"
                ) from error
        return messages

    def _replace(self, run: RunningCell) -> list[int]:
        """Successors for parties that died or did not stop in time; which they are."""
        dealer = len(self.names)
        if dealer in run.gone:
            self._supervisor.end(dealer)  # its successor starts when it is asked for
        gone = sorted(p for p in range(dealer) if p in run.gone or self._supervisor.parties[p] is None)
        for party in gone:
            self.directory[party] = {}
            self._supervisor.replace(party)
        return gone


class _Guard:
    """One call at a time; Ctrl-C is an event while it lasts, and is raised at its end if nothing else was."""

    def __init__(self, coordinator: Coordinator):
        self._coordinator, self._interrupts = coordinator, Interrupts()

    def __enter__(self) -> Interrupts:
        self._interrupts.__enter__()  # first: a Ctrl-C before it must leave no mark of a call that never began
        self._coordinator._interrupts = self._interrupts
        return self._interrupts

    def __exit__(self, kind: Any, *exc: object) -> None:
        self._coordinator._interrupts = None
        self._interrupts.__exit__(kind, *exc)
        if kind is None:
            _raise_if_pressed(self._interrupts)


def _raise_if_pressed(interrupts: Interrupts) -> None:
    if interrupts.count:
        raise KeyboardInterrupt
