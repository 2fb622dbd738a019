"""Message times against the replay they stand for, on every kind of trace and network."""

import numpy as np
import pytest
import tracebuilder
from hypothesis import given
from hypothesis import strategies as st

from ramp_notebook.trace import message_times
from ramp_notebook.trace.message_times import TOLERANCE, MessageTimes
from ramp_notebook.trace.replay import replay
from ramp_notebook.wire.network import NetworkModel

LOWEST, HIGHEST = 1.0, 1e9
TRACES = {name: tracebuilder.EVERY[name]() for name in ("one message", "small", "crowd", "hostile")}
TIMES = {name: MessageTimes(trace, LOWEST, HIGHEST) for name, trace in TRACES.items()}


def crossing():
    """A chain of many small messages beside a few large ones: which of them is longer depends on the network."""
    builder = tracebuilder.TraceBuilder(["alice", "bob", "carol", "dave", "erin"])
    late = {10: (2, 1_500_000), 30: (3, 2_700_000), 39: (4, 3_000_000)}  # a large message joins the chain after so many steps
    for step in range(40):
        sizes = {(0, 1): 8, (1, 0): 8}
        if step in late:
            sender, size = late[step]
            sizes[sender, 0] = size
        builder.step(sizes)
    return builder.trace()


TRACES["crossing"] = crossing()
TIMES["crossing"] = MessageTimes(TRACES["crossing"], LOWEST, HIGHEST)


@pytest.mark.parametrize("name", TRACES)
@given(st.floats(-5, 0), st.floats(5, 9))
def test_times_are_those_of_a_replay_within_the_stated_tolerance(name, latency_power, bandwidth_power):
    latency, bandwidth = 10**latency_power, 10**bandwidth_power
    exact = replay(TRACES[name], NetworkModel("any", latency, bandwidth), compute=False).seconds
    assert exact / (1 + TOLERANCE) <= TIMES[name].seconds(latency, bandwidth) <= exact * (1 + 1e-9)


def test_one_chain_is_found_by_two_replays_and_rivals_by_few():
    assert 1 == len(set(TIMES["one message"].chains))
    assert 3 <= len(set(TIMES["crossing"].chains)) <= 12


def test_chains_that_are_not_looked_for_would_be_missed(monkeypatch):
    monkeypatch.setattr(message_times, "TOLERANCE", 1e9)
    coarse, reaches = MessageTimes(TRACES["crossing"], LOWEST, HIGHEST), np.geomspace(LOWEST, HIGHEST, 50)
    exact = [replay(TRACES["crossing"], NetworkModel("any", reach, 1.0), compute=False).seconds for reach in reaches]
    assert max(e / coarse.seconds(r, 1.0) for r, e in zip(reaches, exact, strict=True)) > 1.1
