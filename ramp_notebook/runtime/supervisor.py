"""Keeps the parties of one group: starts them, hands out links, watches a run to its end, and replaces who was lost.

Knows processes, deadlines and control messages; never what a cell means. One clean-up path serves success, failure and
interrupt alike.
"""

import os
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import CellTimeout, PartyDied, PartyUnresponsive, ProgramMismatch
from ..wire.handshake import CHALLENGE_BYTES, KEY_BYTES
from ..wire.waiting import WaitStatus, standstill
from .cell import Outcome
from .interrupts import Interrupts
from .launchers import PartyHandle, make_launcher

ENGINE = "ramp_notebook.runtime.engine:Engine"
START_SECONDS = 60.0
GRACE_SECONDS = 0.8  # what a party gets to obey an abort
SAME_ERROR_SECONDS = 0.15  # how long others may take to raise the same error before they are aborted
PING_SECONDS = 1.0
SILENCE_SECONDS = 10.0  # a process that does not even answer a ping for so long is taken for dead

Progress = Callable[[int, tuple[str, ...], int, int], None]  # party, gadget path, round, sent bytes


@dataclass
class Watch:
    """One run as the supervisor follows it."""

    epoch: int
    unfinished: set[int]
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    statuses: list[WaitStatus | None] = field(default_factory=list)
    places: dict[int, tuple[tuple[str, ...], int]] = field(default_factory=dict)  # party -> gadget path, round
    failure: BaseException | None = None
    abort_at: float | None = None  # when the others are told to stop
    give_up_at: float | None = None  # when those who did not obey are killed


class Supervisor:
    """The parties of one group, by index."""

    def __init__(self, names: Sequence[str], launcher: str = "local", engine: str = ENGINE, silence_seconds: float = SILENCE_SECONDS):
        self.names = tuple(names)
        self.silence_seconds = silence_seconds
        self._key = os.urandom(KEY_BYTES)
        self._launcher = make_launcher(launcher, self.names, self._key, engine)
        self._parties: dict[int, PartyHandle] = {}
        self._linked: set[frozenset[int]] = set()
        self._heard: dict[int, float] = {}

    @property
    def flags(self) -> tuple[str, ...]:
        return self._launcher.flags

    def pids(self) -> dict[str, int]:
        return {self.names[i]: party.pid for i, party in self._parties.items() if party.alive()}

    # -- starting and stopping -----------------------------------------------------------------------------------------

    def start(self) -> list[int]:
        """Start every party that does not live; the indices of those that are new. An interrupt ends the new ones again."""
        new = [i for i in range(len(self.names)) if i not in self._parties or not self._parties[i].alive()]
        if not new:
            return []
        with Interrupts() as interrupts:
            try:
                for i in new:
                    self._discard(i)
                    self._parties[i] = self._launcher.start(i)
                self._await_ready(set(new), interrupts)
            except BaseException:
                for i in new:
                    self._discard(i)
                raise
        return new

    def _await_ready(self, starting: set[int], interrupts: Interrupts) -> None:
        deadline = time.monotonic() + START_SECONDS
        while starting:
            for i, message in self._hear(starting, interrupts, deadline - time.monotonic()):
                if message is None:
                    raise PartyDied(f"{self.names[i]} ended while it started: {self._parties[i].end_reason()}")
                if message[0] == "ready":
                    starting.discard(i)
            if interrupts.count:
                raise KeyboardInterrupt
            if time.monotonic() > deadline:
                raise PartyUnresponsive(f"{self._listed(starting)} did not start within {START_SECONDS:.0f} s")

    def stop(self) -> None:
        """End all parties; idempotent."""
        for party in self._parties.values():
            if party.alive():
                party.control.post(("stop",))
        for i in list(self._parties):
            self._discard(i, patience_seconds=0.3)
        self._linked.clear()

    def _discard(self, i: int, patience_seconds: float = 0.0) -> None:
        party = self._parties.pop(i, None)
        if party is None:
            return
        deadline = time.monotonic() + patience_seconds
        while party.alive() and time.monotonic() < deadline:
            time.sleep(0.002)
        party.kill()
        self._linked = {pair for pair in self._linked if i not in pair}

    # -- running -------------------------------------------------------------------------------------------------------

    def run(
        self, epoch: int, commands: Mapping[int, tuple[Any, ...]], *, timeout: float | None = None, progress: Progress | None = None
    ) -> tuple[dict[int, Outcome], BaseException | None, set[int]]:
        """Give each party its command and follow the run: outcomes, the first failure if any, and who was lost."""
        watch = Watch(epoch, set(commands), statuses=[None if i in commands else WaitStatus() for i in range(len(self.names))])
        with Interrupts() as interrupts:
            now = time.monotonic()
            self._heard = dict.fromkeys(commands, now)
            for i, command in commands.items():
                self._parties[i].control.post(command)
            deadline = None if timeout is None else now + timeout
            next_ping = now + PING_SECONDS
            while watch.unfinished:
                wake = min(t for t in (next_ping, deadline, watch.abort_at, watch.give_up_at) if t is not None)
                for i, message in self._hear(self._parties, interrupts, wake - time.monotonic()):
                    self._follow(watch, i, message, progress)
                now = time.monotonic()
                if now >= next_ping:
                    next_ping = now + PING_SECONDS
                    self._check_silence(watch, now)
                if interrupts.count and not isinstance(watch.failure, KeyboardInterrupt):
                    watch.failure, watch.abort_at = KeyboardInterrupt(self._whereabouts(watch)), now
                if deadline is not None and now >= deadline and watch.failure is None:
                    watch.failure, deadline = CellTimeout(f"the cell ran longer than {timeout:g} s: {self._whereabouts(watch)}"), None
                    watch.abort_at = now
                elif deadline is not None and now >= deadline:
                    deadline = None
                self._enforce(watch, now, impatient=interrupts.count > 1)
            if watch.failure is None and all(outcome.status == "ok" for outcome in watch.outcomes.values()):
                return watch.outcomes, None, set()
            lost = self._recover(epoch, interrupts)
        return watch.outcomes, watch.failure, lost

    def settle(self, epoch: int, commands: Mapping[int, tuple[Any, ...]], seconds: float = 60.0) -> tuple[dict[int, tuple[Any, str]], set[int]]:
        """Send commit or rollback and await everyone's word: (values, problem) by party, and who was lost instead."""
        answers: dict[int, tuple[Any, str]] = {}
        waiting = {i for i in commands if i in self._parties and self._parties[i].alive()}
        lost = set(commands) - waiting
        for i in waiting:
            self._parties[i].control.post(commands[i])
        deadline = time.monotonic() + seconds
        while waiting:
            for i, message in self._hear(self._parties, None, deadline - time.monotonic()):
                if message is None:
                    waiting.discard(i)
                    lost.add(i)
                elif message[0] == "done" and message[1] == epoch:
                    answers[i] = (message[2], message[3])
                    waiting.discard(i)
            if time.monotonic() > deadline:
                lost |= waiting
                break
        for i in lost:
            self._discard(i)
        return answers, lost

    def _recover(self, epoch: int, interrupts: Interrupts) -> set[int]:
        """After a failed run: everyone forgets it, all links are dropped, and whoever does not answer is replaced."""
        gone = {i for i in range(len(self.names)) if i not in self._parties or not self._parties[i].alive()}
        for i in gone:
            self._discard(i)
        _, lost = self.settle(epoch, {i: ("rollback", epoch) for i in self._parties}, seconds=GRACE_SECONDS)
        self._linked.clear()
        return gone | lost

    # -- following -----------------------------------------------------------------------------------------------------

    def _hear(
        self, parties: Iterable[int], interrupts: Interrupts | None, seconds: float
    ) -> list[tuple[int, tuple[Any, ...] | None]]:
        """What the parties say within so many seconds; None stands for the end of a party. Links are handed out here."""
        heard: list[tuple[int, tuple[Any, ...] | None]] = []
        with selectors.DefaultSelector() as selector:
            for i in parties:
                party = self._parties[i]
                if party.control.closed:
                    heard.append((i, None))
                    continue
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if party.control.pending else 0)
                selector.register(party.control.sock, events, i)
                if party.sentinel is not None:
                    selector.register(party.sentinel, selectors.EVENT_READ, i)
            wake = interrupts.fileno() if interrupts is not None else None
            if wake is not None:
                selector.register(wake, selectors.EVENT_READ, -1)
            ready = selector.select(0 if heard else max(0.0, seconds))
        for key, events in ready:
            i = key.data
            if i < 0 and interrupts is not None:
                interrupts.clear()
                continue
            party = self._parties[i]
            if key.fileobj is not party.control.sock:
                party.control.receive()  # the last words, if any, are read before the end is told
                if not party.alive():
                    heard.append((i, None))
                continue
            if events & selectors.EVENT_WRITE:
                party.control.flush()
            if events & selectors.EVENT_READ:
                for message in party.control.receive():
                    self._heard[i] = time.monotonic()
                    if message[0] == "need":
                        self._link(i, message[1])
                    elif message[0] != "pong":
                        heard.append((i, message))
            if party.control.closed and (i, None) not in heard:
                heard.append((i, None))
        return heard

    def _link(self, i: int, j: int) -> None:
        """Give both parties their ends of a fresh link, once."""
        pair = frozenset((i, j))
        if pair in self._linked or j not in self._parties:
            return
        self._linked.add(pair)
        challenge = os.urandom(CHALLENGE_BYTES)
        left, right = stream_pair()
        self._parties[i].control.post(("link", j, challenge), [left])
        self._parties[j].control.post(("link", i, challenge), [right])

    def _follow(self, watch: Watch, i: int, message: tuple[Any, ...] | None, progress: Progress | None) -> None:
        if message is None:
            if i in watch.unfinished or i not in watch.outcomes:
                self._ended(watch, i)
            return
        kind, epoch, *rest = message
        if epoch not in (watch.epoch, -1):
            return
        if kind == "outcome" and i in watch.unfinished:
            outcome, watch.statuses[i] = rest
            watch.outcomes[i] = outcome
            watch.unfinished.discard(i)
            if outcome.status != "ok" and watch.abort_at is None:
                watch.abort_at = time.monotonic() + SAME_ERROR_SECONDS
        elif kind == "waiting":
            watch.statuses[i] = rest[0]
        elif kind == "progress":
            watch.statuses[i] = None
            path, round, sent_bytes = rest[0]
            watch.places[i] = (path, round)
            if progress is not None:
                progress(i, path, round, sent_bytes)
        if watch.failure is None and watch.unfinished and all(o.status == "ok" for o in watch.outcomes.values()):
            stuck = standstill(watch.statuses)
            if stuck is not None:
                watch.failure, watch.abort_at = self._mismatch(watch, *stuck), time.monotonic()

    def _ended(self, watch: Watch, i: int) -> None:
        """A party's process is gone in the midst of the run."""
        watch.unfinished.discard(i)
        if watch.failure is None:
            place = self._place(watch, i)
            watch.failure = PartyDied(
                f"{self.names[i]} {self._parties[i].end_reason()}{place}. Its namespace is lost, it starts again with the next cell; "
                "the other parties keep theirs."
            )
        watch.abort_at = time.monotonic()
        self._discard(i)

    def _check_silence(self, watch: Watch, now: float) -> None:
        for i in sorted(watch.unfinished):
            if now - self._heard[i] > self.silence_seconds:
                place = self._place(watch, i)
                watch.failure = watch.failure or PartyUnresponsive(
                    f"{self.names[i]} has not answered for {self.silence_seconds:g} s{place} and was ended. Its namespace is lost, it starts "
                    "again with the next cell; the other parties keep theirs."
                )
                watch.unfinished.discard(i)
                watch.abort_at = now
                self._discard(i)
            else:
                self._parties[i].control.post(("ping",))

    def _enforce(self, watch: Watch, now: float, impatient: bool) -> None:
        """Tell the unfinished to stop when it is time, and end those who do not."""
        if watch.abort_at is not None and now >= watch.abort_at and watch.give_up_at is None:
            watch.give_up_at = now + GRACE_SECONDS
            for i in watch.unfinished:
                self._parties[i].control.post(("abort", watch.epoch))
        if watch.give_up_at is not None:
            watch.abort_at = None
            if now >= watch.give_up_at or impatient:
                for i in sorted(watch.unfinished):
                    self._discard(i)
                watch.unfinished.clear()

    # -- words ---------------------------------------------------------------------------------------------------------

    def _mismatch(self, watch: Watch, i: int, peer: int) -> ProgramMismatch:
        status, other = watch.statuses[i], watch.statuses[peer]
        assert status is not None
        tag, line = status.awaits.get(peer, ("a message", status.line))
        if peer in watch.outcomes:
            theirs = f"{self.names[peer]} has ended the cell"
        elif other is not None and other.awaits:
            awaited, (their_tag, their_line) = next(iter(other.awaits.items()))
            theirs = f"{self.names[peer]} waits at line {their_line} for `{their_tag}` from {self.names[awaited]}"
        else:
            theirs = f"{self.names[peer]} sends nothing"
        return ProgramMismatch(
            f"the parties ran different programs: {self.names[i]} waits at line {line} for `{tag}` from {self.names[peer]}, "
            f"but {theirs}. Every party must take the same steps: let no branch depend on what one party alone knows."
        )

    def _place(self, watch: Watch, i: int) -> str:
        path, round = watch.places.get(i, ((), 0))
        return f" in gadget {' › '.join(path)}, round {round}" if path else ""

    def _whereabouts(self, watch: Watch) -> str:
        words = []
        for i, name in enumerate(self.names):
            status = watch.statuses[i]
            if i in watch.outcomes:
                words.append(f"{name} had finished")
            elif status is not None and status.awaits:
                peer, (tag, line) = next(iter(status.awaits.items()))
                words.append(f"{name} was waiting at line {line} for `{tag}` from {self.names[peer]}")
            elif i in watch.unfinished:
                words.append(f"{name} was computing{self._place(watch, i)}")
        return "; ".join(words)

    def _listed(self, indices: Iterable[int]) -> str:
        return ", ".join(self.names[i] for i in sorted(indices))


def stream_pair() -> tuple[socket.socket, socket.socket]:
    """A connected pair: Unix sockets, or loopback TCP where RAMP_TRANSPORT=tcp asks for it or Unix sockets are missing."""
    if os.environ.get("RAMP_TRANSPORT") != "tcp" and hasattr(socket, "AF_UNIX"):
        return socket.socketpair()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        left = socket.create_connection(listener.getsockname())
        while True:
            right, address = listener.accept()
            if address == left.getsockname():
                return left, right
            right.close()  # somebody else came first; the handshake would refuse it as well
