"""Where parties run: processes started through `multiprocess`, or threads of this process. Each is seen as a PartyHandle."""

import contextlib
import ctypes
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import multiprocess
import multiprocess.spawn

from ..errors import MisuseError, OptionError
from ..wire.channel import DEALER
from ..wire.memory import MemoryHub
from .control import ControlEnd
from .orphans import end_orphans
from .party_process import PARTY_VARIABLE, party_process, party_thread
from .servers import interrupts_blocked, prepare, start_method, starting

END_SECONDS = 10.0  # for a killed process to be seen to have ended: an instant, unless the machine is very busy


class PartyHandle(Protocol):
    """What the supervisor sees of one party."""

    control: ControlEnd

    @property
    def sentinel(self) -> int | None:
        """A descriptor that becomes readable when the party ends, if there is one."""

    @property
    def pid(self) -> int: ...

    def alive(self) -> bool: ...

    def end_reason(self) -> str:
        """How it ended: "killed by signal 9 (SIGKILL)", "exited with code 3"."""

    def kill(self) -> None:
        """End it now, with everything its code started; idempotent."""


class Launcher(Protocol):
    """Starts parties of one run."""

    flags: tuple[str, ...]  # what results computed this way have to say in their label

    def start(self, index: int) -> PartyHandle: ...


DEALERS_ENGINE = "ramp_notebook.runtime.dealer:Dealer"


def make_launcher(name: str, names: Sequence[str], key: bytes, engine: str) -> Launcher:
    if name == "local":
        return LocalLauncher(names, key, engine)
    if name == "inline":
        return InlineLauncher(names, engine)
    raise OptionError(f"unknown launcher {name!r}; there are: local (processes on this machine), inline (threads of this process)")


class LocalLauncher:
    """Every party is a process of its own on this machine."""

    flags: tuple[str, ...] = ("simulation on one machine",)

    def __init__(self, names: Sequence[str], key: bytes, engine: str):
        self.names, self.key, self.engine = tuple(names), key, engine
        self.context = multiprocess.get_context(start_method())
        check_descriptors(len(names))

    def start(self, index: int) -> "ProcessParty":
        ours, theirs = socket.socketpair()
        try:
            process = self.context.Process(
                target=party_process,
                args=(index, self.names, theirs, self.key, engine_of(self.names[index], self.engine), self.flags),
                name=f"ramp party {self.names[index]}",
                daemon=True,
            )
            with starting, _main_module_hidden(), interrupts_blocked():
                prepare(self.context.get_start_method())
                process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return ProcessParty(process, ControlEnd(ours, blocking=False), f"{self.key[:8].hex()}-{index}")


class ProcessParty:
    """Handle on a party that is a process."""

    def __init__(self, process: Any, control: ControlEnd, mark: str):
        self._process, self.control, self._mark = process, control, mark
        self.pid: int = process.pid
        self._reason = ""

    @property
    def sentinel(self) -> int | None:
        return None if self._reason else int(self._process.sentinel)

    def alive(self) -> bool:
        return not self._reason and bool(self._process.is_alive())

    def end_reason(self) -> str:
        if not self._reason:
            self._process.join(1.0)
            code = self._process.exitcode
            if code is None:
                return "closed its control channel"
            if code >= 0:
                return f"exited with code {code}"
            with contextlib.suppress(ValueError):  # a signal number that Python has no name for
                return f"killed by signal {-code} ({signal.Signals(-code).name})"
            return f"killed by signal {-code}"
        return self._reason

    def kill(self) -> None:
        if not self._reason:
            self._process.kill()  # SIGKILL also ends a stopped process
            self._process.join(END_SECONDS)
            self._reason = self.end_reason()
            end_orphans(PARTY_VARIABLE, self._mark)
            if self._process.exitcode is not None:
                self._process.close()
        self.control.close()


class InlineLauncher:
    """Every party is a thread of this process: instant, for tests, teaching and hosts without processes."""

    flags: tuple[str, ...] = ("parties are threads of one process", "simulation on one machine")

    def __init__(self, names: Sequence[str], engine: str):
        self.names, self.engine = tuple(names), engine
        self.hub = MemoryHub(names)

    def start(self, index: int) -> "ThreadParty":
        ours, theirs = socket.socketpair()
        args = (self.hub, index, theirs, engine_of(self.names[index], self.engine), self.flags)
        thread = threading.Thread(target=party_thread, args=args, name=f"ramp party {self.names[index]}", daemon=True)
        thread.start()
        return ThreadParty(thread, ControlEnd(ours, blocking=False))


class ThreadParty:
    """Handle on a party that is a thread: it can be asked to end, and is left behind if it does not hear."""

    sentinel = None

    def __init__(self, thread: threading.Thread, control: ControlEnd):
        self._thread, self.control = thread, control
        self.pid = os.getpid()

    def alive(self) -> bool:
        return self._thread.is_alive()

    def end_reason(self) -> str:
        return "its thread ended"

    def kill(self) -> None:
        self.control.close()  # the party's hearing thread sees the end of the stream and stops what runs
        self._thread.join(0.3)
        if self._thread.is_alive() and self._thread.ident is not None:
            # A loop that never exchanges anything: the interpreter raises SystemExit in it at its next instruction.
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread.ident), ctypes.py_object(SystemExit))
            self._thread.join(0.3)


def engine_of(name: str, partys: str) -> str:
    """The place of the class that does a participant's work."""
    return DEALERS_ENGINE if name == DEALER else partys


def check_descriptors(parties: int) -> None:
    """Refuse at once what would fail halfway for want of file descriptors."""
    try:
        import resource
    except ImportError:
        return  # this system has no such limit
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    needed = 4 * parties + 64  # here: control, sentinel and start-up pipes; in a party: one link to each other
    if soft != resource.RLIM_INFINITY and soft < needed:
        raise MisuseError(f"{parties} parties need about {needed} open files, and the limit is {soft}: raise it with `ulimit -n {needed}`.")


@contextlib.contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep `multiprocess` from running the user's main script again in every party."""
    original = multiprocess.spawn.get_preparation_data

    def without_main(name: str) -> dict[str, Any]:
        return {key: value for key, value in original(name).items() if not key.startswith("init_main")}

    multiprocess.spawn.get_preparation_data = without_main
    try:
        yield
    finally:
        multiprocess.spawn.get_preparation_data = original
