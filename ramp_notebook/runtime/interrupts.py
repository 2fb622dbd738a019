"""Turns Ctrl-C into an event that a waiting loop reads, so that it never strikes between two instructions."""

import contextlib
import signal
import socket
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """While entered, SIGINT is counted and makes the descriptor readable instead of raising KeyboardInterrupt.

    Python delivers signals to the main thread alone; in any other only `press` is heard.
    """

    def __init__(self) -> None:
        self.count = 0
        self._before: Any = None
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *exc: object) -> None:
        self._read.close()
        self._write.close()
        if self._before is not None:  # last: from here on Ctrl-C raises again
            signal.signal(signal.SIGINT, self._before)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        self.press()

    def press(self) -> None:
        """What Ctrl-C does; may be called from any thread."""
        self.count += 1
        with contextlib.suppress(OSError):  # full, or just closed: nobody needs waking
            self._write.send(b"\0")

    def fileno(self) -> int:
        return self._read.fileno()

    def clear(self) -> None:
        """Empty the descriptor; the count stays."""
        with contextlib.suppress(BlockingIOError):  # nothing there
            self._read.recv(4096)
