"""Turns Ctrl-C into an event that a waiting loop reads, so that it never strikes between two instructions."""

import contextlib
import signal
import socket
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """While entered, SIGINT is counted and makes `fileno()` readable instead of raising KeyboardInterrupt.

    In other threads than the main one there is nothing to guard: Python delivers interrupts to the main thread.
    """

    def __init__(self) -> None:
        self.count = 0
        self._before: Any = None
        self._read: socket.socket | None = None
        self._write: socket.socket | None = None

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            self._read, self._write = socket.socketpair()
            self._read.setblocking(False)
            self._write.setblocking(False)
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._read is not None and self._write is not None:
            signal.signal(signal.SIGINT, self._before)
            self._read.close()
            self._write.close()
            self._read = None

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        self.count += 1
        if self._write is not None:
            with contextlib.suppress(BlockingIOError):  # full: the loop has enough to wake for
                self._write.send(b"\0")

    def fileno(self) -> int | None:
        return None if self._read is None else self._read.fileno()

    def clear(self) -> None:
        """Empty the descriptor; the count stays."""
        if self._read is not None:
            with contextlib.suppress(BlockingIOError):  # nothing there
                self._read.recv(4096)
