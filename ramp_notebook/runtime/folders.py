"""The folder in which this process keeps the socket of its start server; those of processes that were killed are swept."""

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "ramp-"
LOCK = "owner"  # locked while the owner lives: no process number can be mistaken for another's


def claim() -> Path:
    """A new folder of this process alone, removed at its end."""
    import fcntl

    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(folder / f"{LOCK}.new", os.O_CREAT | os.O_RDWR, 0o600)  # stays open as long as this process
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.rename(folder / f"{LOCK}.new", folder / LOCK)  # nobody sees it unlocked
    atexit.register(_remove, folder, os.getpid())
    return folder


def sweep() -> int:
    """Remove the folders that processes of this user left when they were killed; how many there were."""
    import fcntl

    count = 0
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK}"):
        with contextlib.suppress(OSError):  # its owner lives, or somebody else sweeps
            if lock.stat().st_uid != os.getuid():
                continue
            with lock.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent)
                count += 1
    return count


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a process forked from it
        shutil.rmtree(folder, ignore_errors=True)
