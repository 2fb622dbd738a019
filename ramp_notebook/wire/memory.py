"""Links between parties that are threads of one process: the same frames' headers, checks and counts, without sockets.

Payloads are copied at the boundary: a party never holds memory that another can change.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from ..errors import CellAborted, ChannelError, MisuseValueError
from . import channel, frames
from .channel import Received, Request, framing_bytes
from .incoming import bytes_of, check_payload, result_array
from .link import Fill
from .waiting import WAITING_SECONDS, WaitStatus


class MemoryHub:
    """What the parties of one process share: a queue for every ordered pair, and one seed for every pair."""

    def __init__(self, names: Sequence[str]):
        self.names = tuple(names)
        self.changed = [threading.Condition() for _ in names]  # one for each receiver
        self.queues: dict[tuple[int, int], deque[tuple[int, bytes, Any]]] = {
            (i, j): deque() for i in range(len(names)) for j in range(len(names)) if i != j
        }
        self._seeds: dict[frozenset[int], bytes] = {}
        self._lock, self._renewed = threading.Lock(), 0

    def pair_seed(self, pair: frozenset[int]) -> bytes:
        with self._lock:
            return self._seeds.setdefault(pair, os.urandom(32))

    def renew(self, epoch: int) -> None:
        """Forget the seeds, once, after run `epoch` failed."""
        with self._lock:
            if epoch > self._renewed:
                self._renewed = epoch
                self._seeds.clear()


class MemoryLinks:
    """One party's links to the others in the same process. Same interface and errors as SocketLinks."""

    def __init__(self, hub: MemoryHub, index: int):
        self.index, self.names = index, hub.names
        self._hub = hub
        self._epoch, self._checksums, self._aborted = 0, False, -1
        self._notify: Callable[[str, object], None] | None = None
        self._sent: dict[int, int] = {}
        self._received: dict[int, int] = {}
        self._carried: dict[int, int] = {}
        self.broken: BaseException | None = None
        self._hushed = False

    def begin(self, epoch: int, *, checksums: bool = False, notify: Callable[[str, object], None] | None = None) -> None:
        """Open run `epoch`: its messages are numbered anew, and nothing of another run is accepted."""
        self._epoch, self._checksums, self._notify = epoch, checksums, notify
        self._sent, self._received, self.broken, self._hushed = {}, {}, None, False

    def abort(self, epoch: int) -> None:
        """Make this party's exchanges of run `epoch` raise CellAborted, the one it is blocked in included; from any thread."""
        with self._hub.changed[self.index]:
            self._aborted = epoch
            self._hub.changed[self.index].notify_all()

    def drop(self) -> None:
        """Throw away what has come for this party in runs up to now."""
        for (_, receiver), queue in self._hub.queues.items():
            if receiver == self.index:
                with self._hub.changed[receiver]:
                    kept = [message for message in queue if message[0] > self._epoch]
                    queue.clear()
                    queue.extend(kept)
        self._hub.renew(self._epoch)

    def pair_seed(self, peer: int) -> bytes:
        self._check_peer(peer)
        return self._hub.pair_seed(frozenset((self.index, peer)))

    def carried_bytes(self) -> dict[int, int]:
        return dict(self._carried)

    def status(self) -> WaitStatus:
        """How many messages went and came so far in this run."""
        return WaitStatus(sent=dict(self._sent), received=dict(self._received))

    def listen(self, peer: int) -> bool:
        """Block until something of this peer is here (True), or until `hush` (False)."""
        queue, changed = self._hub.queues[peer, self.index], self._hub.changed[self.index]
        with changed:
            while not self._first_of_run(queue) and not self._hushed:
                self._check_abort()
                if not changed.wait(WAITING_SECONDS) and self._notify is not None:
                    self._notify("waiting", WaitStatus({peer: ("request", 0)}, (), dict(self._sent), dict(self._received)))
            return self._first_of_run(queue)

    def hush(self) -> None:
        """End the listening of this run; from any thread."""
        with self._hub.changed[self.index]:
            self._hushed = True
            self._hub.changed[self.index].notify_all()

    def exchange(self, requests: Sequence[Request], round: int) -> list[dict[int, Received]]:
        if self.broken is not None:
            raise ChannelError(f"an earlier exchange of this cell failed ({self.broken}); the cell cannot go on") from self.broken
        try:
            for request in requests:
                fill = Fill(request.fill)
                while fill.advance():
                    pass
                for peer, array in request.sends.items():
                    self._send(peer, np.asarray(array), request, round)
            return [{peer: self._receive(peer, request) for peer in request.receives} for request in requests]
        except BaseException as error:
            self.broken = error
            raise

    def _send(self, peer: int, array: Any, request: Request, round: int) -> None:
        self._check_peer(peer)
        form = frames.form(request.tag, array.dtype, array.shape)
        copy = array.copy(order="C")
        sequence = self._sent.get(peer, 0)
        crc = crc32(bytes_of(copy)) if self._checksums else None
        head = frames.encode(form, self._epoch, sequence, round, request.line, 0, min(copy.nbytes, channel.FRAME_BYTES), crc)
        changed = self._hub.changed[peer]
        with changed:
            self._check_abort()
            self._hub.queues[self.index, peer].append((self._epoch, head, copy))
            changed.notify_all()
        self._sent[peer] = sequence + 1
        self._carried[peer] = self._carried.get(peer, 0) + copy.nbytes + framing_bytes(copy.nbytes)

    def _receive(self, peer: int, request: Request) -> Received:
        self._check_peer(peer)
        expect = request.receives[peer]
        dtype = np.dtype(expect.dtype)
        form = frames.form(request.tag, dtype, tuple(expect.shape))
        sequence = self._received.get(peer, 0)
        step = frames.Step(form, self._epoch, sequence, request.line, self.names[self.index], self.names[peer])
        head, array = self._await(peer, request)
        round, crc = frames.accept(head, step, 0, min(form.nbytes, channel.FRAME_BYTES))
        if crc is not None:
            check_payload(bytes_of(array), crc, step)
        self._received[peer] = sequence + 1
        if expect.out is not None:
            result_array(expect)[...] = array
            array = expect.out
        return Received(array, round)

    def _await(self, peer: int, request: Request) -> tuple[bytes, Any]:
        queue, changed = self._hub.queues[peer, self.index], self._hub.changed[self.index]
        said = False
        with changed:
            while not self._first_of_run(queue):
                self._check_abort()
                if not changed.wait(WAITING_SECONDS) and not said and self._notify is not None:
                    said = True
                    awaits = {peer: (request.tag, request.line)}
                    self._notify("waiting", WaitStatus(awaits, (), dict(self._sent), dict(self._received), request.line))
            self._check_abort()
            _, head, array = queue.popleft()
        return head, array

    def _first_of_run(self, queue: deque[tuple[int, bytes, Any]]) -> bool:
        """Whether a message of this run waits; those that a thread left over from a failed run still sent are dropped."""
        while queue and queue[0][0] < self._epoch:
            queue.popleft()
        return bool(queue)

    def _check_abort(self) -> None:
        if self._aborted == self._epoch:
            raise CellAborted("this run was stopped")

    def _check_peer(self, peer: int) -> None:
        if not 0 <= peer < len(self.names) or peer == self.index:
            raise MisuseValueError(f"party {self.index} of {len(self.names)} has no link to party {peer}")
