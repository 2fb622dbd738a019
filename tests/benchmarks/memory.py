"""Peak memory of processes while they work, from Linux's /proc; elsewhere nothing is measured and nothing is said."""

import re
from collections.abc import Sequence
from pathlib import Path

TRIM = "import ctypes, gc\ngc.collect()\nctypes.CDLL(None).malloc_trim(0)"  # a cell: what is free goes back to the system


class Peaks:
    """Growth of each process from here to its highest point."""

    def __init__(self, pids: Sequence[int]):
        self._status = [Path(f"/proc/{pid}/status") for pid in pids]
        self._known = all(status.exists() for status in self._status)
        if self._known:
            for status in self._status:
                status.with_name("clear_refs").write_text("5")  # the peak starts anew at what is held now
        self._before = self._read("VmRSS")

    def highest_bytes(self) -> int | None:
        """The largest growth among the processes."""
        return max(now - before for now, before in zip(self._read("VmHWM"), self._before, strict=True)) if self._known else None

    def _read(self, name: str) -> list[int]:
        if not self._known:
            return []
        return [1024 * int(re.search(rf"{name}:\s*(\d+)", status.read_text())[1]) for status in self._status]  # type: ignore[index]
