"""What a party's code left behind is found by the mark in its environment, and nothing else is touched."""

import os
import subprocess
import sys

from ramp_notebook.runtime.orphans import end_orphans


def test_marked_processes_end_and_others_live() -> None:
    def sleeper(**marks: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env={**os.environ, **marks})

    ours = [sleeper(RAMP_PARTY="cafe-1"), sleeper(RAMP_PARTY="cafe-1")]
    others = [sleeper(RAMP_PARTY="cafe-11"), sleeper(RAMP_OTHER="cafe-1"), sleeper()]
    try:
        assert 2 == end_orphans("RAMP_PARTY", "cafe-1")
        assert [-9, -9] == [process.wait(5) for process in ours]
        assert [None] * 3 == [process.poll() for process in others]
        assert 0 == end_orphans("RAMP_PARTY", "cafe-1")
    finally:
        for process in (*ours, *others):
            process.kill()
            process.wait()
