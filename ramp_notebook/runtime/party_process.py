"""What runs inside a party: a thread that hears the coordinator at any time, and a loop that runs its cells.

Knows an engine by its interface alone. Importing this module starts nothing.
"""

import ctypes
import importlib
import os
import queue
import random
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from typing import Any

from ..errors import CellAborted, ChannelError
from ..wire.memory import MemoryHub, MemoryLinks
from ..wire.sockets import SocketLinks
from .cell import Cell, ErrorReport, Outcome
from .control import ControlEnd, encode

IMPORTED_IN = os.getpid()  # differs from a party's own process if the forkserver had this module loaded before
ABORT_SIGNAL = getattr(signal, "SIGUSR1", signal.SIGINT)
PARTY_VARIABLE = "RAMP_PARTY"  # in the environment of whatever a party's code starts, so that it can be found and ended
_PR_SET_PDEATHSIG = 1
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 1 << 25


class Party:
    """One party at work. `engine` is the dotted place of the class that runs cells: `module:Class`."""

    def __init__(self, control: ControlEnd, links: SocketLinks | MemoryLinks, engine: str, flags: Sequence[str], signals: bool):
        self.control, self.links = control, links
        self._engine_place, self._flags, self._signals = engine, tuple(flags), signals
        self._commands: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        self._thread, self._pid = threading.get_ident(), os.getpid()
        self._running = self._abort_epoch = -1
        self._shielded = 0

    def work(self, info: dict[str, Any]) -> None:
        """Serve the coordinator until it says stop or is gone."""
        if self._signals:
            signal.signal(ABORT_SIGNAL, self._on_signal)
        hearing = threading.Thread(target=self._hear, name="ramp control", daemon=True)
        hearing.start()
        module, _, name = self._engine_place.partition(":")
        self._engine = getattr(importlib.import_module(module), name)(self.links, self._flags)
        self._post(("ready", info))
        while (command := self._commands.get()) is not None:
            kind, epoch, *rest = command
            if kind == "run":
                try:
                    self._run(epoch, *rest)
                except CellAborted:  # the abort struck in the last instructions of the run
                    self._running = -1
                    self._post(("outcome", epoch, Outcome("aborted"), self.links.status()))
            elif kind == "commit":
                self._commit(epoch, *rest)
            else:
                self._engine.rollback()
                self._post(("done", epoch, None, ""))
        self._engine.close()
        self.links.drop()
        if not self._signals:
            self.control.close()

    # -- the main thread -----------------------------------------------------------------------------------------------

    def _run(self, epoch: int, cell: Cell, directory: Any) -> None:
        outcome: Outcome | None = None
        try:
            self.links.begin(epoch, checksums=cell.checksums, notify=self._notify)
            self._running = epoch
            if self._abort_epoch == epoch:
                raise CellAborted("this run was stopped before it began here")
            outcome = self._engine.run(cell, epoch, directory, self._notify)
        except BaseException as error:  # the abort may strike between the engine's last instruction and ours
            outcome = outcome or Outcome("aborted", error=ErrorReport(type(error).__name__, str(error), 0, (), "", type(error).__module__))
        finally:
            self._running = -1
            if os.getpid() != self._pid:  # a process that the cell forked, and that came back from the cell
                os._exit(0)
        broken = self.links.broken
        if outcome.status == "ok" and broken is not None:
            text = f"the cell caught {type(broken).__name__}, after which this party cannot go on: {broken}"
            outcome.status, outcome.error = "error", ErrorReport("ChannelError", text, 0, (), "", ChannelError.__module__)
        self._post(("outcome", epoch, outcome, self.links.status()))

    def _commit(self, epoch: int, wanted: Sequence[str]) -> None:
        problem, values = "", self._engine.commit(wanted)
        try:
            body = encode(("done", epoch, values, ""))
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            body = encode(("done", epoch, {}, problem))
        self._post(body)

    def _post(self, message: tuple[Any, ...] | bytes) -> None:
        """Send to the coordinator; an abort that comes meanwhile waits, since half a message would ruin the stream."""
        self._shielded += 1
        try:
            self.control.post(message)
        finally:
            self._shielded -= 1
        if not self._shielded and self._running == self._abort_epoch != -1:
            raise CellAborted("this run was stopped")

    def _notify(self, kind: str, what: object) -> None:
        self._post((kind, self._running, what))

    def _on_signal(self, signum: int, frame: object) -> None:
        if self._running == self._abort_epoch != -1 and not self._shielded:
            raise CellAborted("this run was stopped")

    # -- the thread that hears -----------------------------------------------------------------------------------------

    def _hear(self) -> None:
        while not self.control.closed:
            for message in self.control.receive():
                if message[0] == "stop":
                    self._leave()
                    return
                self._obey(message)
        self._leave()

    def _obey(self, message: tuple[Any, ...]) -> None:
        kind = message[0]
        if kind == "link":
            peer, challenge, (sock,) = message[1:]
            self._deliver(peer, sock, challenge)
        elif kind == "finish":
            self.links.hush()
        elif kind == "ping":
            self.control.post(("pong",))
        elif kind == "abort":
            self._abort_epoch = message[1]
            self._interrupt()
        elif kind == "unreadable":
            report = ErrorReport(
                "MisuseTypeError", f"this cell's inputs cannot be read here: {message[1]}", 0, (), "", "ramp_notebook.errors"
            )
            self.control.post(("outcome", -1, Outcome("error", error=report), self.links.status()))
        else:
            if kind == "rollback":
                # Here and now: links for the next run may be handed out before the main thread gets to this command.
                self.links.drop()
            self._commands.put(message)

    def _deliver(self, peer: int, sock: socket.socket, challenge: bytes) -> None:
        assert isinstance(self.links, SocketLinks)
        try:
            self.links.deliver(peer, sock, challenge)
        except OSError:
            sock.close()  # the peer is gone already; whoever awaits this link will be aborted

    def _interrupt(self) -> None:
        if isinstance(self.links, MemoryLinks):
            self.links.abort(self._abort_epoch)
        elif hasattr(signal, "pthread_kill"):
            signal.pthread_kill(self._thread, ABORT_SIGNAL)
        else:
            import _thread

            _thread.interrupt_main(ABORT_SIGNAL)

    def _leave(self) -> None:
        """The coordinator is gone or wants this party to end; a process does so even from the midst of a cell."""
        if self._signals:
            os._exit(0)
        self._abort_epoch = self._running
        self._interrupt()
        self._commands.put(None)


def party_process(index: int, names: Sequence[str], sock: socket.socket, key: bytes, engine: str, flags: Sequence[str]) -> None:
    """Entry point of a party that is a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator hears interrupts and tells us
    os.environ[PARTY_VARIABLE] = f"{key[:8].hex()}-{index}"
    reseed()
    keep_memory()
    control = ControlEnd(sock, blocking=True)
    links = SocketLinks(index, names, key, lambda peer: party._notify("need", peer))
    party = Party(control, links, engine, flags, signals=True)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _forsake(control, links))
    party.work({"pid": os.getpid(), "preloaded": os.getpid() != IMPORTED_IN})


def party_thread(hub: MemoryHub, index: int, sock: socket.socket, engine: str, flags: Sequence[str]) -> None:
    """Entry point of a party that is a thread of the notebook's process."""
    control = ControlEnd(sock, blocking=True)
    Party(control, MemoryLinks(hub, index), engine, flags, signals=False).work({"pid": os.getpid(), "preloaded": True})


def reseed() -> None:
    """Parties start from one warm process: give each its own numpy and random generators (neither ever makes shares)."""
    random.seed(os.urandom(32))
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(list(os.urandom(64)))


def keep_memory() -> None:
    """Let glibc keep freed arrays for the next ones: to fetch each page anew costs more than one pass over its words."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, KEPT_BYTES)  # the most that glibc takes; larger arrays go back to the system at once
        mallopt(_M_TRIM_THRESHOLD, 4 * KEPT_BYTES)


def _forsake(control: ControlEnd, links: SocketLinks) -> None:
    """In a process that a party's code forked: let go of the party's sockets, and end when the party ends."""
    links.forsake()
    control.close()
    signal.signal(ABORT_SIGNAL, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
