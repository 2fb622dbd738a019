"""What a party comes to hold while it sorts and joins, in processes: a small multiple of its shares."""

import sys

import numpy as np
import pytest
from benchmarks.memory import TRIM, Peaks

from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator

pytestmark = [pytest.mark.process, pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are read from /proc")]
NAMES = ["alice", "bob", "carol"]
ROWS = 1 << 16
MOST = [("gadgets.sort(x)", 8), ("gadgets.sort(x, bits=32)", 7), ("gadgets.intersection([x[:30_000], x[20_000:]], bits=32)", 7)]


def times_the_shares(text: str, shared: int, **inputs: np.ndarray) -> float:
    """The highest point of any party, shares given included, over what it holds of `shared` elements."""
    with Coordinator(NAMES) as parties:
        given = "\n".join(f'{name} = mpc.input("{name}", owner="alice")' for name in inputs)
        parties.run(Cell(given, inputs={0: inputs}))
        parties.run(Cell(text))  # code is in memory from here on
        parties.run(Cell(TRIM))
        peaks = Peaks([party.pid for party in parties.status()])
        parties.run(Cell(text))
        growth = peaks.highest_bytes()
    assert growth is not None
    return (growth + 16 * sum(map(np.size, inputs.values()))) / (16 * shared)


@pytest.mark.parametrize(("call", "most"), MOST)
def test_what_sorting_comes_to_hold(call, most):
    numbers = np.random.default_rng(0).permutation(ROWS)
    assert times_the_shares(f"z = {call}", 2 * ROWS, x=numbers) <= most
