"""One stream socket to one peer: messages out, messages in, each without copying its payload.

Knows frames and one socket; which steps go to whom is decided in sockets.py.
"""

import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any
from zlib import crc32

import numpy as np

from ..errors import CellAborted
from . import channel, frames
from .channel import HEADER_BYTES, Received
from .incoming import Incoming, bytes_of, check_payload
from .waiting import WAITING_SECONDS

SMALL_BYTES = 1 << 16  # header and payload of a message up to this size are taken in one system call
SOCKET_BYTES = 1 << 22  # asked of the kernel; it may grant less
DONTWAIT = getattr(socket, "MSG_DONTWAIT", 0)
_MOST_BUFFERS = 64


class Fill:
    """How far the arrays of one request are final while they are being sent."""

    def __init__(self, steps: Iterator[int] | None):
        self.steps = steps
        self.ready: float = 0 if steps is not None else float("inf")

    def advance(self) -> bool:
        """Compute one more block; False when everything is final."""
        if self.steps is not None:
            self.ready = next(self.steps, float("inf"))
            if self.ready == float("inf"):
                self.steps = None
        return self.steps is not None


READY = Fill(None)


class Link:
    """Both directions between this party and one peer."""

    def __init__(self, sock: socket.socket, peer: int, names: tuple[str, str], seed: bytes, wait: Callable[[int, str, int], None]):
        self.sock, self.peer, self.seed = sock, peer, seed
        self.me, self.name = names
        self._wait = wait  # called with peer, tag and line each time a while has passed in vain
        self.carried = 0  # bytes the socket took
        self.sent = self.received = 0  # messages of this epoch
        self.epoch = -1
        self.outgoing: deque[tuple[memoryview, Fill, int, int]] = deque()  # bytes, fill, their offset in the array, itemsize
        self.incoming: deque[Incoming] = deque()
        self._buffer = bytearray(SMALL_BYTES + HEADER_BYTES)
        tune(sock)

    def enter(self, epoch: int) -> None:
        """Number the messages of a new run from 0."""
        if epoch != self.epoch:
            self.epoch, self.sent, self.received = epoch, 0, 0

    def queue(self, form: frames.Form, array: Any, round: int, line: int, checksums: bool, fill: Fill = READY) -> None:
        """Append one message to what has to go out."""
        view = bytes_of(array)
        sequence, total = self.sent, len(view)
        self.sent = sequence + 1
        if total <= channel.FRAME_BYTES:
            head = frames.encode(form, self.epoch, sequence, round, line, 0, total, crc32(view) if checksums else None)
            self.outgoing.append((memoryview(head), READY, 0, 1))
            if total:
                self.outgoing.append((view, fill, 0, array.itemsize))
            return
        for part, start in enumerate(range(0, total, channel.FRAME_BYTES)):
            piece = view[start : start + channel.FRAME_BYTES]
            head = frames.encode(form, self.epoch, sequence, round, line, part, len(piece), crc32(piece) if checksums else None)
            self.outgoing.append((memoryview(head), READY, 0, 1))
            self.outgoing.append((piece, fill, start, array.itemsize))

    def flush(self) -> bool:
        """Hand over what the socket takes without blocking; True when nothing is left."""
        while self.outgoing:
            batch, offered = [], 0
            for view, fill, offset, itemsize in self.outgoing:
                ready = view if fill is READY else view[: int(max(0, min(len(view), fill.ready * itemsize - offset)))]
                if ready:
                    batch.append(ready)
                    offered += len(ready)
                if len(ready) < len(view) or len(batch) == _MOST_BUFFERS:
                    break
            if not batch:
                return False
            try:
                count = self.sock.sendmsg(batch, (), DONTWAIT)
            except BlockingIOError:
                return False
            except ConnectionError as error:
                raise self.closed() from error
            self.carried += count
            self._drop(count)
            if count < offered:
                return False
        return True

    def _drop(self, count: int) -> None:
        while count:
            view, fill, offset, itemsize = self.outgoing[0]
            if count < len(view):
                self.outgoing[0] = (view[count:], fill, offset + count, itemsize)
                return
            count -= len(view)
            self.outgoing.popleft()

    def send_small(self, form: frames.Form, array: Any, round: int, line: int) -> None:
        """Send one message of at most SMALL_BYTES, as one system call if nothing stands before it."""
        if self.outgoing:
            self.queue(form, array, round, line, False)
            return
        data = frames.encode(form, self.epoch, self.sent, round, line, 0, form.nbytes) + array.tobytes()
        self.sent += 1
        try:
            count = self.sock.send(data, DONTWAIT)
        except BlockingIOError:
            count = 0
        except ConnectionError as error:
            raise self.closed() from error
        self.carried += count
        if count < len(data):
            self.outgoing.append((memoryview(data)[count:], READY, 0, 1))

    def pull_small(self, form: frames.Form, out: Any, line: int) -> Received:
        """Block until one message of at most SMALL_BYTES is here; hot, so everything that is rare stands elsewhere."""
        buffer, nbytes = self._buffer, form.nbytes
        try:
            got = self.sock.recv_into(buffer, HEADER_BYTES + nbytes)
        except (BlockingIOError, TimeoutError, ConnectionError):
            got = 0
        if got < HEADER_BYTES + nbytes:
            self._pull_rest(self._step(form, line), got)
        found = frames.match(buffer, form, self.epoch, self.received, 0, nbytes)
        round, crc = found or frames.accept(buffer, self._step(form, line), 0, nbytes)
        if crc is not None:
            check_payload(memoryview(buffer)[HEADER_BYTES : HEADER_BYTES + nbytes], crc, self._step(form, line))
        self.received += 1
        array: Any = np.ndarray(form.shape, form.dtype, buffer, HEADER_BYTES)
        if out is None:
            return Received(array.copy(), round)
        out[...] = array
        return Received(out, round)

    def _step(self, form: frames.Form, line: int) -> frames.Step:
        return frames.Step(form, self.epoch, self.received, line, self.me, self.name)

    def _pull_rest(self, step: frames.Step, got: int) -> None:
        view, nbytes = memoryview(self._buffer), step.form.nbytes
        while got < HEADER_BYTES + nbytes:
            if got >= HEADER_BYTES:  # checked before more is awaited: a shorter message must not block us
                frames.accept(self._buffer, step, 0, nbytes)
            try:
                count = self.sock.recv_into(view[got : HEADER_BYTES + nbytes])
            except (BlockingIOError, TimeoutError):
                self._wait(self.peer, step.form.tag, step.line)
                continue
            except ConnectionError as error:
                raise self.closed() from error
            if not count:
                raise self.closed()
            got += count

    def take(self) -> list[Received]:
        """Take in what is here without blocking; the messages that became complete."""
        complete = []
        while self.incoming:
            message = self.incoming[0]
            target = message.target()
            try:
                count = self.sock.recv_into(target, len(target), DONTWAIT)
            except BlockingIOError:
                break
            except ConnectionError as error:
                raise self.closed() from error
            if not count:
                raise self.closed()
            if message.take(count):
                self.incoming.popleft()
                self.received += 1
                complete.append(message.result())
            elif count < len(target):
                break
        return complete

    def closed(self) -> CellAborted:
        """The peer's end is gone: the peer, or the coordinator, knows the cause and tells it."""
        return CellAborted(f"{self.name} closed its link")

    def close(self) -> None:
        self.sock.close()


def tune(sock: socket.socket) -> None:
    """Large buffers, no delay, and a receive that returns empty-handed now and then so that its party can report."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BYTES)
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "MSG_DONTWAIT"):
        # In the kernel rather than by settimeout(), which would cost a poll before every receive.
        sock.setblocking(True)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, int(WAITING_SECONDS * 1e6)))
    else:
        sock.settimeout(WAITING_SECONDS)
