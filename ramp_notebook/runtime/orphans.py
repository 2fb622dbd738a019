"""Finds and ends what a party's code started and left behind, by the mark that its environment carries."""

import contextlib
import os
import signal
from pathlib import Path


def end_orphans(variable: str, mark: str) -> int:
    """Kill every process whose environment has `variable=mark`; how many there were. Does nothing where /proc is missing."""
    needle, count = f"{variable}={mark}".encode(), 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile, or another user's
            if needle in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
                count += 1
    return count
