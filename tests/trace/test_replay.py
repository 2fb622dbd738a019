"""Replay: predicted times follow from latency, bandwidth and computing by arithmetic that one can do by hand."""

import time
from dataclasses import replace

import hypothesis.strategies as st
import pytest
import tracebuilder
from hypothesis import given
from tracebuilder import TraceBuilder

from ramp_notebook.errors import MisuseTypeError, MisuseValueError
from ramp_notebook.trace.cost import Cost
from ramp_notebook.trace.replay import replay
from ramp_notebook.wire.network import PRESETS, NetworkModel, network

SLOW = NetworkModel("slow", latency_seconds=0.1, bandwidth_bytes_per_second=1000)
FAST = NetworkModel("fast", latency_seconds=0.0, bandwidth_bytes_per_second=float("inf"))


def test_one_message_takes_its_sending_time_and_the_latency():
    predicted = replay(tracebuilder.one_message(), SLOW)
    assert pytest.approx(0.1 + (8 + 64) / 1000) == predicted.seconds
    assert 0 == predicted.finish_seconds["alice"]  # the sender awaits nothing
    (hop,) = predicted.critical_path
    assert ("alice", "bob", ("input",), 1, 72) == (hop.party, hop.peer, hop.gadget, hop.line, hop.wire_bytes)


def test_everything_a_party_sends_shares_its_uplink():
    builder = TraceBuilder(["alice", "bob", "carol"])
    builder.step({(0, 1): 936, (0, 2): 936})
    finish = replay(builder.trace(), SLOW).finish_seconds
    assert pytest.approx((1.1, 2.1)) == (finish["bob"], finish["carol"])


def test_computing_before_an_exchange_delays_it_and_inside_it_overlaps_the_sending():
    builder = TraceBuilder(["alice", "bob"])
    builder.compute(0.5, party=0)
    builder.step({(0, 1): 936, (1, 0): 936}, inside=0.3)
    assert pytest.approx(0.5 + 1.0 + 0.1) == replay(builder.trace(), SLOW).seconds
    assert pytest.approx(0.5 + 0.3) == replay(builder.trace(), FAST).seconds
    assert pytest.approx(1.1) == replay(builder.trace(), SLOW, compute=False).seconds


def test_computing_after_the_last_exchange_counts():
    builder = TraceBuilder(["alice", "bob"])
    with builder.gadget("sort", line=1):
        builder.step({(0, 1): 0, (1, 0): 0})
        builder.compute(2.0, party=1)
    predicted = replay(builder.trace(), FAST)
    assert pytest.approx(2.0) == predicted.seconds == predicted.finish_seconds["bob"]


def test_a_plan_counts_messages_alone_and_says_so():
    predicted = replay(tracebuilder.small(planned=True), "wan")
    assert 0 == predicted.compute_seconds
    assert "a plan has no computing times" in str(predicted)
    assert predicted.seconds == replay(tracebuilder.small(), "wan", compute=False).seconds


@pytest.mark.parametrize("model", [*PRESETS, SLOW, FAST], ids=str)
@pytest.mark.parametrize("name", ["small", "planned", "one message", "crowd", "empty"])
def test_the_critical_path_has_no_gaps(name: str, model: str | NetworkModel):
    predicted = replay(tracebuilder.EVERY[name](), model)
    ends = [0.0, *(hop.end_seconds for hop in predicted.critical_path)]
    assert ends[:-1] == pytest.approx([hop.start_seconds for hop in predicted.critical_path])
    assert pytest.approx(predicted.seconds) == ends[-1] == max(predicted.finish_seconds.values())
    assert pytest.approx(predicted.seconds) == predicted.compute_seconds + predicted.message_seconds
    assert predicted.seconds == pytest.approx(sum(seconds for _, _, seconds, _ in predicted.waits()))


@given(st.floats(0, 1), st.floats(1e2, 1e9), st.floats(1, 10))
def test_a_better_network_is_never_slower(latency: float, bandwidth: float, factor: float):
    trace = tracebuilder.small()
    worse = replay(trace, NetworkModel("worse", latency, bandwidth)).seconds
    assert replay(trace, NetworkModel("nearer", latency / factor, bandwidth)).seconds <= worse + 1e-9
    assert replay(trace, NetworkModel("wider", latency, bandwidth * factor)).seconds <= worse + 1e-9


def test_jitter_only_adds_and_is_the_same_each_time():
    steady = replace(SLOW, jitter_seconds=0.0)
    nervous = replace(SLOW, jitter_seconds=0.05)
    trace = tracebuilder.small(planned=True)
    assert replay(trace, nervous).seconds == replay(trace, nervous).seconds
    assert 0 < replay(trace, nervous).seconds - replay(trace, steady).seconds < 0.05 * Cost(trace).rounds


def test_messages_of_a_pair_arrive_in_order_despite_jitter():
    nervous = NetworkModel("nervous", 0.001, float("inf"), jitter_seconds=1.0)
    builder = TraceBuilder(["alice", "bob"])
    for _ in range(30):
        builder.step({(0, 1): 8})
    steps = replay(builder.trace(), nervous).exchange_seconds[1]
    assert [end for _, end in steps] == sorted(end for _, end in steps)


def test_a_message_that_never_came_is_not_awaited():
    trace = tracebuilder.one_message()
    lost = replace(trace, messages=(trace.messages[0]._replace(received_at=-1),), exchanges=())
    assert 0 == replay(lost, SLOW).seconds


def test_messages_that_wait_for_each_other_are_refused():
    builder = TraceBuilder(["alice", "bob"])
    builder.step({(0, 1): 8})
    builder.step({(1, 0): 8})
    first, second = builder.trace().messages
    circle = replace(builder.trace(), messages=(first._replace(sent_at=1, received_at=0), second._replace(sent_at=1, received_at=0)))
    with pytest.raises(MisuseValueError, match="circle"):
        replay(circle, SLOW)


def test_time_grows_linearly_with_events():
    def seconds(messages: int) -> float:
        trace = tracebuilder.huge(messages)
        start = time.process_time()
        replay(trace, "wan")
        return time.process_time() - start

    assert seconds(60_000) < 40 * max(seconds(6_000), 0.01)


def test_networks_are_found_by_name_and_refused_with_the_known_ones():
    assert PRESETS["wan"] is network("wan") is network(PRESETS["wan"])
    with pytest.raises(MisuseValueError, match="known: lan, wan, mobile, satellite"):
        network("moon")
    with pytest.raises(MisuseTypeError, match="got int"):
        network(3)  # type: ignore[arg-type]
    for figures in ((-1, 1, 0), (0, 0, 0), (0, 1, -1), (float("nan"), 1, 0)):
        with pytest.raises(MisuseValueError, match=r"seconds|bandwidth"):
            NetworkModel("bad", *figures)
