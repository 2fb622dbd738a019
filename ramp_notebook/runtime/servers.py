"""The server from which parties are forked, warm with what every party imports; started early, it warms up while we work.

Imports next to nothing: whoever wants the server early has imported nothing yet.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

import multiprocess
import multiprocess.forkserver
import multiprocess.process
import multiprocess.resource_tracker

from ..errors import OptionError
from . import folders

START_METHODS = ("forkserver", "spawn")  # never fork: a forked party holds a copy of the notebook's memory
PRELOADED = [
    "numpy",
    "cryptography.hazmat.primitives.ciphers",
    "ramp_notebook.runtime.party_process",
    "ramp_notebook.runtime.engine",
    "ramp_notebook.gadgets",
]
starting = threading.Lock()  # what it guards: preload list, signal mask and preparation data, all global to the process


def start_method() -> str:
    """How parties start on this system; RAMP_START_METHOD overrides."""
    method = os.environ.get("RAMP_START_METHOD") or next(m for m in START_METHODS if m in multiprocess.get_all_start_methods())
    if method not in START_METHODS:
        raise OptionError(f"RAMP_START_METHOD is {method!r}; it may be {' or '.join(START_METHODS)} (fork copies the notebook's memory)")
    return method


def warm_up() -> None:
    """Start the server without waiting for it; does nothing where parties do not come from one, or if it runs."""
    if start_method() != "forkserver":
        return
    with starting, interrupts_blocked():
        prepare("forkserver")
        multiprocess.forkserver.ensure_running()


def prepare(method: str) -> None:
    """What has to be so when `multiprocess` starts a process. Call it while `starting` is held."""
    main = sys.modules["__main__"]
    if not hasattr(main, "__spec__"):
        main.__spec__ = None  # `%reset` takes it from a notebook's main module
    if method == "forkserver":
        multiprocess.forkserver.set_forkserver_preload(PRELOADED)
        config = multiprocess.process.current_process()._config
        if config.get("tempdir") is None:
            folders.sweep()
            config["tempdir"] = str(folders.claim())


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[None]:
    """New processes inherit a blocked SIGINT: Ctrl-C reaches the whole process group, also while they are still importing."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    if sys.platform != "win32":
        multiprocess.resource_tracker.ensure_running()  # it unblocks SIGINT when it starts, so it must have started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
