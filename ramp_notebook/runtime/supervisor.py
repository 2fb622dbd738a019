"""Owns the parties of one coordinator: starts, hears, links, replaces and ends them. Knows nothing of what cells mean."""

import os
import secrets
import selectors
import time
from collections.abc import Sequence
from typing import Any

from ..wire.channel import DEALER
from ..wire.handshake import CHALLENGE_BYTES, KEY_BYTES
from .interrupts import Interrupts
from .launchers import PartyHandle, make_launcher
from .switchboard import make_link, transport

PING_SECONDS = 1.0  # at most; several pings fit into the silence that is allowed
QUIET_SECONDS = 3.0  # a party that neither answers nor computes for so long is spoken of
STOP_SECONDS = 1.0
Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)  # neither owns a descriptor

Event = tuple[int, tuple[Any, ...]]  # party index, message


class Supervisor:
    """The only owner of party handles, and of the one way in which they end."""

    def __init__(self, names: Sequence[str], launcher: str, engine: str, silence_seconds: float):
        self.names = tuple(names)
        self.silence_seconds = silence_seconds
        self._ping_seconds = min(PING_SECONDS, silence_seconds / 4)
        self._launcher = make_launcher(launcher, names, secrets.token_bytes(KEY_BYTES), engine)
        self._transport = transport()
        self._processes = launcher == "local"
        self._owner = os.getpid()
        self._epoch = 0
        self._linked: set[frozenset[int]] = set()
        self.parties: list[PartyHandle | None] = [None] * len(names)
        self.info: list[dict[str, Any]] = [{} for _ in names]
        self._heard = [0.0] * len(names)
        self._pinged = [0.0] * len(names)
        self._cpu = [0.0] * len(names)
        self._lost: dict[int, str] = {}

    def start(self, index: int) -> None:
        self._lost.pop(index, None)
        self.info[index] = {}
        self.parties[index] = self._launcher.start(index)
        self._heard[index] = self._pinged[index] = time.monotonic()

    def open(self, epoch: int) -> None:
        """Requests of run `epoch` count from now on, and so does silence."""
        self._epoch = epoch
        now = time.monotonic()
        self._heard = [now] * len(self.names)
        self._pinged = [now] * len(self.names)

    def post(self, index: int, message: tuple[Any, ...] | bytes) -> None:
        party = self.parties[index]
        if party is not None:
            party.control.post(message)

    def unlink(self) -> None:
        """Every party has been told to drop its links: the next request for a pair makes a new one."""
        self._linked.clear()

    def replace(self, index: int) -> None:
        """End a party that is dead or deaf, and start its successor without waiting for it."""
        self.end(index)
        self._linked = {pair for pair in self._linked if index not in pair}
        self.start(index)

    def end(self, index: int) -> None:
        party, self.parties[index] = self.parties[index], None
        if party is not None:
            party.kill()

    def take_lost(self, index: int) -> str:
        """How a participant that has ended did so, told once; empty if it did not, or was ended from here."""
        return self._lost.pop(index, "")

    def stop(self) -> None:
        """End all parties; idempotent, and without effect in a process that was forked from the owner."""
        if os.getpid() != self._owner:
            return
        for index in range(len(self.names)):
            if self.info[index]:
                self.post(index, ("stop",))
            else:
                self.end(index)  # not ready yet: it has nothing to lose, and may be too busy to hear
        deadline = time.monotonic() + STOP_SECONDS
        while any(party is not None and party.alive() for party in self.parties) and (left := deadline - time.monotonic()) > 0:
            self._select(min(left, 0.05), None)
        for index in range(len(self.names)):
            self.end(index)
        self.unlink()

    def events(self, timeout: float, interrupts: Interrupts | None = None) -> list[Event]:
        """What the parties said within `timeout` seconds, as soon as one says anything.

        Besides a party's own messages: ("died", reason) and ("silent", seconds), each once, and before it ("quiet", seconds).
        """
        ready = self._select(max(0.0, min(timeout, self._ping_seconds)), interrupts)
        now = time.monotonic()
        events: list[Event] = []
        for index in sorted(ready):
            party = self.parties[index]
            if party is None:
                continue
            for message in party.control.receive():
                self._heard[index] = now
                events += self._sort(index, message)
            if party.control.closed or not party.alive():
                events += [event for message in self._rest(party) for event in self._sort(index, message)]
                reason = party.end_reason()
                self.end(index)
                self._lost[index] = reason
                events.append((index, ("died", reason)))
        return events + self._check_silence(now)

    def _select(self, timeout: float, interrupts: Interrupts | None) -> set[int]:
        ready: set[int] = set()
        with Selector() as selector:
            for index, party in enumerate(self.parties):
                if party is None:
                    continue
                if party.control.closed:
                    ready.add(index)
                    continue
                selector.register(party.control, selectors.EVENT_READ | (selectors.EVENT_WRITE if party.control.pending else 0), index)
                if party.sentinel is not None and os.name == "posix":
                    selector.register(party.sentinel, selectors.EVENT_READ, index)
            if interrupts is not None:
                selector.register(interrupts.fileno(), selectors.EVENT_READ, -1)
            for key, mask in selector.select(0 if ready else timeout):
                if key.data < 0:
                    assert interrupts is not None
                    interrupts.clear()
                    continue
                party = self.parties[key.data]
                if mask & selectors.EVENT_WRITE and party is not None:
                    party.control.flush()
                if mask & selectors.EVENT_READ:
                    ready.add(key.data)
        return ready

    @staticmethod
    def _rest(party: PartyHandle) -> list[tuple[Any, ...]]:
        """What a party had said before it ended."""
        messages: list[tuple[Any, ...]] = []
        while not party.control.closed and (more := party.control.receive()):
            messages += more
        return messages

    def _sort(self, index: int, message: tuple[Any, ...]) -> list[Event]:
        """Serve what the coordinator need not see; pass on the rest."""
        kind = message[0]
        if kind == "pong":
            return []
        if kind == "need":
            self._link(index, message[1], message[2])
            return []
        if kind == "ready":
            self.info[index] = message[1]
        return [(index, message)]

    def _link(self, index: int, epoch: int, peer: int) -> None:
        """Hand both ends of a fresh link to the two parties, unless they have one or the request is from a run that failed."""
        pair = frozenset((index, peer))
        if pair in self._linked or epoch not in (-1, self._epoch):
            return
        dealer = next((each for each in pair if self.names[each] == DEALER), None)
        if dealer is not None and self.parties[dealer] is None and dealer not in self._lost:
            self.start(dealer)  # with the first who asks for it
        first, second = self.parties[index], self.parties[peer]
        if first is None or second is None:
            return  # the peer is dead; whoever asks will be aborted
        self._linked.add(pair)
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        near, far = make_link(self._transport)
        first.control.post(("link", peer, challenge), [near])
        second.control.post(("link", index, challenge), [far])

    def _check_silence(self, now: float) -> list[Event]:
        """Ask parties that said nothing for a while; one that neither answers nor computes is unresponsive."""
        if not self._processes:
            return []
        events: list[Event] = []
        for index, party in enumerate(self.parties):
            if party is None or now - max(self._heard[index], self._pinged[index]) < self._ping_seconds:
                continue
            silent = now - self._heard[index]
            self._pinged[index] = now
            cpu = cpu_seconds(party.pid)
            busy = cpu is not None and cpu > self._cpu[index]
            if silent < self.silence_seconds:
                self.post(index, ("ping",))
                if silent >= QUIET_SECONDS and not busy:
                    events.append((index, ("quiet", silent)))
            elif busy:
                self._heard[index] = now  # inside one long native call: busy, not dead
            else:
                self._heard[index] = float("inf")  # said once
                events.append((index, ("silent", silent)))
            self._cpu[index] = cpu or 0.0
        return events


def cpu_seconds(pid: int) -> float | None:
    """Processor time that a process has used; None where the system does not tell."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
