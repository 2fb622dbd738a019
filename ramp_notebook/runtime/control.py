"""One end of the stream between the coordinator and a party: whole messages over a socket pair, descriptors beside them.

Pickle is allowed here and only here: both ends are this user's processes on one machine, and nothing of one party's data
goes to another this way. The coordinator's end never blocks; a party's end does.
"""

import os
import pickle
import socket
import struct
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

_LENGTH = struct.Struct("<QI")  # bytes of the message, descriptors that come with it
_MOST_SOCKETS = 8
_PIECE = 1 << 18


def encode(message: tuple[Any, ...]) -> bytes:
    """The bytes of a message; raises what pickle raises when a value cannot travel."""
    return pickle.dumps(message, protocol=5)


class ControlEnd:
    """Messages are tuples whose first item says what they are. Sockets given along arrive as the message's last item."""

    def __init__(self, sock: socket.socket, *, blocking: bool):
        self.sock = sock
        sock.setblocking(blocking)
        sock.set_inheritable(False)  # closed by exec, so that whoever becomes another program is seen to have gone
        self.closed = False
        self._lock = threading.Lock()  # a party posts from two threads
        self._out: deque[tuple[memoryview, tuple[socket.socket, ...]]] = deque()
        self._in = bytearray()
        self._sockets: deque[socket.socket] = deque()

    def fileno(self) -> int:
        return self.sock.fileno()

    def post(self, message: tuple[Any, ...] | bytes, sockets: Sequence[socket.socket] = ()) -> None:
        """Queue a message (or its encoded bytes) and send what goes. Sockets given along are closed here once they are sent."""
        body = message if isinstance(message, bytes) else encode(message)
        with self._lock:
            self._out.append((memoryview(_LENGTH.pack(len(body), len(sockets)) + body), tuple(sockets)))
            self._flush()

    def flush(self) -> None:
        with self._lock:
            self._flush()

    @property
    def pending(self) -> bool:
        return bool(self._out)

    def _flush(self) -> None:
        while self._out and not self.closed:
            data, sockets = self._out[0]
            try:
                descriptors = [each.fileno() for each in sockets]
                count = socket.send_fds(self.sock, [data], descriptors) if descriptors else self.sock.send(data)
            except BlockingIOError:
                return
            except OSError:  # the other end is gone; whoever reads here sees the end of the stream
                self.closed = True
                return
            for each in sockets:
                each.close()
            if count == len(data):
                self._out.popleft()
            else:
                self._out[0] = (data[count:], ())

    def receive(self) -> list[tuple[Any, ...]]:
        """The messages that one read completes; `closed` is set at the end of the stream."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.sock, _PIECE, _MOST_SOCKETS)
        except BlockingIOError:
            return []
        except OSError:
            data, descriptors = b"", []
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)  # sent descriptors would outlive an exec
            self._sockets.append(socket.socket(fileno=descriptor))
        if not data:
            self.closed = True
            return []
        self._in += data
        messages = []
        while len(self._in) >= _LENGTH.size:
            length, count = _LENGTH.unpack_from(self._in)
            end = _LENGTH.size + length
            if len(self._in) < end:
                break
            with memoryview(self._in) as view:
                message = _decode(view[_LENGTH.size : end])
            del self._in[:end]
            messages.append((*message, [self._sockets.popleft() for _ in range(count)]) if count else message)
        return messages

    def close(self) -> None:
        self.closed = True
        self._out.clear()
        self.sock.close()
        while self._sockets:
            self._sockets.popleft().close()


def _decode(body: memoryview) -> tuple[Any, ...]:
    with body:
        try:
            return pickle.loads(body)  # type: ignore[no-any-return]  # noqa: S301
        except Exception as error:  # a value whose class the other side cannot import: the stream itself goes on
            return ("unreadable", f"{type(error).__name__}: {error}")
