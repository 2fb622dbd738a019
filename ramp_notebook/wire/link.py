"""One stream socket to one peer: messages out, messages in, each without copying its payload.

Knows frames and one socket; which steps go to whom is decided in sockets.py.
"""

import socket
import struct
from collections import deque
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import numpy as np

from ..errors import CellAborted, FrameCorrupt
from . import channel, frames
from .channel import HEADER_BYTES, Expect, Received
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


class Incoming:
    """One awaited message and how much of it has come."""

    __slots__ = ("step", "expect", "nbytes", "array", "view", "part", "done", "round", "crc", "head", "head_done")

    def __init__(self, step: frames.Step, expect: Expect):
        self.step, self.expect = step, expect
        self.nbytes = byte_count(expect.shape, expect.dtype)
        self.array: Any = None
        self.view = memoryview(b"")
        self.part, self.done, self.round = 0, 0, 0
        self.crc: int | None = None
        self.head, self.head_done = bytearray(HEADER_BYTES), 0

    def part_length(self) -> int:
        return min(channel.FRAME_BYTES, self.nbytes - self.part * channel.FRAME_BYTES)

    def target(self) -> memoryview:
        """Where the next bytes belong: in the header, or in the result array itself."""
        if self.head_done < HEADER_BYTES:
            return memoryview(self.head)[self.head_done :]
        return self.view[self.done : self.part * channel.FRAME_BYTES + self.part_length()]

    def take(self, count: int) -> bool:
        """Note that `count` bytes came to the target; True when the message is complete."""
        if self.head_done < HEADER_BYTES:
            self.head_done += count
            if self.head_done < HEADER_BYTES:
                return False
            self.round, self.crc = frames.accept(self.head, self.step, self.part, self.part_length())
            if self.array is None:  # allocated only now: the header has passed every check
                self.array = result_array(self.expect)
                self.view = bytes_of(self.array)
        else:
            self.done += count
        if self.done < self.part * channel.FRAME_BYTES + self.part_length():
            return False
        if self.crc is not None:
            check_payload(self.view[self.part * channel.FRAME_BYTES : self.done], self.crc, self.step)
        self.part += 1
        self.head_done = 0
        return self.done == self.nbytes

    def result(self) -> Received:
        return Received(self.array, self.round)


class Link:
    """Both directions between this party and one peer."""

    def __init__(self, sock: socket.socket, peer: int, name: str, seed: bytes):
        self.sock, self.peer, self.name, self.seed = sock, peer, name, seed
        self.carried = 0  # bytes the socket took
        self.sent = self.received = 0  # messages of this epoch
        self.epoch = -1
        self.outgoing: deque[tuple[memoryview, Fill, int, int]] = deque()  # bytes, fill, their offset in the array, itemsize
        self.incoming: deque[Incoming] = deque()
        self._scratch = memoryview(bytearray(SMALL_BYTES + HEADER_BYTES))
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

    def pull_small(self, step: frames.Step, expect: Expect, nbytes: int, wait: Any) -> Received:
        """Block until one message of at most SMALL_BYTES is here. `wait` is called each time a while has passed in vain."""
        target = self._scratch[: HEADER_BYTES + nbytes]
        total, got = HEADER_BYTES + nbytes, 0
        round, crc = -1, None
        while got < total:
            try:
                count = self.sock.recv_into(target[got:] if got else target)
            except (BlockingIOError, TimeoutError):
                wait()
                continue
            except ConnectionError as error:
                raise self.closed() from error
            if not count:
                raise self.closed()
            got += count
            if round < 0 and got >= HEADER_BYTES:  # checked before more is awaited: a shorter message must not block us
                round, crc = frames.accept(target, step, 0, nbytes)
        if crc is not None:
            check_payload(target[HEADER_BYTES:], crc, step)
        array = np.frombuffer(target, expect.dtype, nbytes // expect.dtype.itemsize, HEADER_BYTES).reshape(expect.shape)
        self.received += 1
        if expect.out is None:
            return Received(array.copy(), round)
        expect.out[...] = array
        return Received(expect.out, round)

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


def byte_count(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    count = dtype.itemsize
    for n in shape:
        count *= n
    return count


def bytes_of(array: Any) -> memoryview:
    """The bytes of a C-contiguous array, uncopied."""
    return memoryview(array).cast("B") if array.size else memoryview(b"")


def result_array(expect: Expect) -> Any:
    """Where an awaited payload goes: the caller's array, or a new one."""
    return expect.out if expect.out is not None else np.empty(expect.shape, expect.dtype)


def check_payload(view: memoryview, crc: int, step: frames.Step) -> None:
    if crc32(view) != crc:
        raise FrameCorrupt(
            f"a payload from {step.peer} to {step.me} at line {step.line} ({step.form.tag}) fails its checksum: bits changed on the way"
        )
