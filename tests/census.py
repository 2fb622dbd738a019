"""Counts what this process owns, so that a test can prove that nothing is left behind."""

import contextlib
import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

SERVERS = ("multiprocess.forkserver", "multiprocess.resource_tracker")  # one of each, kept for the next start


@dataclass(frozen=True)
class Census:
    """Processes below this one (the start servers apart), open descriptors and threads."""

    processes: int
    descriptors: int
    threads: int

    @classmethod
    def now(cls) -> "Census":
        return cls(len(descendants()), psutil.Process().num_fds(), threading.active_count())


def inventory() -> set[str]:
    """What a census counts, by name: what a failing test shows."""
    owned = {f"thread {thread.name}" for thread in threading.enumerate()}
    for process in descendants():
        with contextlib.suppress(psutil.NoSuchProcess):
            owned.add(f"process {process.pid} {process.status()} {' '.join(process.cmdline())}")
    for number in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        with contextlib.suppress(OSError):
            owned.add(f"descriptor {number} {os.readlink(f'/proc/self/fd/{number}')}")
    return owned


def descendants(pid: int | None = None) -> list[psutil.Process]:
    """Live processes below `pid`, the start servers apart."""
    found = []
    for process in psutil.Process(pid or os.getpid()).children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE and not any(server in part for part in process.cmdline() for server in SERVERS):
                found.append(process)
            elif process.ppid() != (pid or os.getpid()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)  # forked from a start server: it shows the server's command line
        except psutil.NoSuchProcess:
            continue
    return found


@contextmanager
def unchanged(within_seconds: float = 2.0) -> Iterator[None]:
    """Fail unless the census is the same after the block as before it, and name what came and what went."""
    gc.collect()  # what earlier tests dropped must not go meanwhile, nor hide what came
    before, owned = Census.now(), inventory()
    yield
    deadline = time.monotonic() + within_seconds
    while Census.now() != before and time.monotonic() < deadline:
        time.sleep(0.02)
    if Census.now() != before:
        now = inventory()
        raise AssertionError(f"{before} became {Census.now()}: new {sorted(now - owned)}, gone {sorted(owned - now)}")
