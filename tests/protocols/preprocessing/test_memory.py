"""What parties come to hold, in processes, while they make triples: what a few batches take, however many there are."""

import sys

import pytest
from benchmarks.memory import TRIM, Peaks

from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator

pytestmark = [pytest.mark.process, pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are read from /proc")]
TRIPLE_BYTES = 24
READY = 4096  # triples after which base transfers are done and code is in memory
MEASURED = {"ot": 83_000_000, "silent": 115_000_000}  # bytes beside the triples; 8 batches at a time took 149 and 346 million


def stocking(source: str, triples: int) -> Cell:
    return Cell("", protocol="additive", preprocessing=source, needs={("triples",): triples}, stocking=True)


@pytest.mark.parametrize("source", MEASURED)
def test_making_triples_takes_no_more_memory_the_more_there_are(source: str) -> None:
    with Coordinator(["alice", "bob"]) as parties:
        parties.run(stocking(source, READY))
        for triples in (20_000, 100_000):
            parties.run(Cell(TRIM, protocol="additive"))
            peaks, held = Peaks([party.pid for party in parties.status()]), sum(parties.kept["additive"][source]["stock"].values())
            parties.run(stocking(source, held + triples))
            growth = peaks.highest_bytes()
            assert growth is not None
            assert growth - TRIPLE_BYTES * triples <= 1.2 * MEASURED[source]
