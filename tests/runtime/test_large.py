"""Large arrays in every direction at once: no deadlock, no copies, and parties that answer meanwhile."""

import os
import sys
import time
from collections.abc import Iterator

import pytest
from census import unchanged

from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator

pytestmark = [pytest.mark.process, pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are read from /proc")]
NAMES = ["alice", "bob", "carol", "dave"]

# pattern → for each party the peers it sends its array to
PATTERNS = {
    "one way": {0: [1]},
    "both ways": {0: [1], 1: [0]},
    "ring": {0: [1], 1: [2], 2: [3], 3: [0]},
    "all to all": {0: [1, 2, 3], 1: [0, 2, 3], 2: [0, 1, 3], 3: [0, 1, 2]},
}
MEASURE = """
def peak(reset=False):
    if reset:
        open("/proc/self/clear_refs", "w").write("5")
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

me, to = mpc.context.index, PATTERN
mine = np.full(ITEMS, me + 1, dtype=np.uint64)
before = peak(reset=True)
got = mpc.context.exchange("large", {peer: mine for peer in to.get(me, [])}, {p: (ITEMS,) for p in to if me in to[p]})
right = all((array == peer + 1).all() for peer, array in got.items())
grown, held = peak() - before, sum(array.nbytes for array in got.values())
print(right, grown <= 1.2 * held + (1 << 24))
del mine, got, grown, held, before
"""


@pytest.fixture(scope="module", params=[("forkserver", "unix"), ("spawn", "tcp")], ids=" on ".join)
def parties(request: pytest.FixtureRequest) -> Iterator[Coordinator]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAMP_START_METHOD", request.param[0])
        patch.setenv("RAMP_TRANSPORT", request.param[1])
        with Coordinator(NAMES, silence_seconds=5.0) as coordinator:
            coordinator.start()
            yield coordinator


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("megabytes", [32, pytest.param(1024, marks=pytest.mark.soak)])
def test_large_arrays_pass_and_are_held_once(
    parties: Coordinator, pattern: str, megabytes: int, capsys: pytest.CaptureFixture[str]
) -> None:
    to = PATTERNS[pattern]
    items = megabytes * 2**20 // 8 // (4 if pattern == "all to all" else 1)
    with unchanged():
        start = time.monotonic()
        result = parties.run(Cell(MEASURE.replace("PATTERN", repr(to)).replace("ITEMS", str(items)), protocol="clear"))
        seconds = time.monotonic() - start
    assert [(None, "True True\n")] == result.printed
    carried = sum(len(peers) for peers in to.values()) * items * 8
    assert carried == sum(message.payload_bytes for message in result.trace.messages)
    if megabytes >= 1024:
        with capsys.disabled():
            print(f"\n{pattern}, {os.environ.get('RAMP_TRANSPORT', '')}: {carried / seconds / 1e6:.0f} MB/s, filling and comparing included")
