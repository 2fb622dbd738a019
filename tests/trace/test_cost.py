"""Cost: every division of a trace adds up to the whole, and rounds are the longest chain."""

import hypothesis.strategies as st
import tracebuilder
from hypothesis import given
from tracebuilder import TraceBuilder

from ramp_notebook.trace.cost import Cost, dearest
from ramp_notebook.trace.events import Trace

PARTS = ("by_party", "by_phase", "by_phase_and_party", "by_pair", "by_line", "by_round", "by_gadget")


def test_a_small_run_reads_as_expected():
    cost = Cost(tracebuilder.small())
    assert (22, 66) == (cost.rounds, cost.messages)
    assert {"alice", "bob", "carol"} == set(cost.by_party)
    assert 3 * 480 == cost.by_phase["preprocessing"].sent_bytes
    assert ["sort", "triples", "less_than"] == [node.name for node in dearest(cost.tree)]
    assert ("sort", "less_than", "and") in cost.by_gadget
    assert 64 == cost.by_pair["alice", "bob"].framing_bytes // cost.by_pair["alice", "bob"].messages


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Any nesting of gadgets, any pairs, both phases; parties that stay silent; branches that share rounds do so here too."""
    parties = draw(st.integers(1, 4))
    builder = TraceBuilder([f"p{k}" for k in range(parties)])

    def script(depth: int) -> None:
        for _ in range(draw(st.integers(0, 3))):
            if draw(st.booleans()) and depth < 3:
                with builder.gadget(
                    draw(st.sampled_from("abc")), draw(st.integers(0, 4)), draw(st.sampled_from(["online", "preprocessing"]))
                ):
                    script(depth + 1)
            elif parties > 1:
                ends = st.tuples(st.integers(0, parties - 1), st.integers(0, parties - 1)).filter(lambda pair: pair[0] != pair[1])
                builder.step(draw(st.dictionaries(ends, st.integers(0, 1 << 40), max_size=5)))

    script(0)
    return builder.trace()


@given(traces())
def test_parts_add_up_to_the_whole(trace: Trace):
    cost = Cost(trace)
    for view in PARTS:
        parts = list(getattr(cost, view).values())
        for figure in ("messages", "payload_bytes", "framing_bytes", "sent_bytes", "wire_bytes"):
            assert getattr(cost, figure) == sum(getattr(part, figure) for part in parts), (view, figure)
        assert all(part.rounds <= cost.rounds for part in parts)
        assert cost.rounds <= sum(part.rounds for part in parts)


@given(traces())
def test_tree_nodes_are_their_own_and_their_parts(trace: Trace):
    cost = Cost(trace)
    assert cost.total == cost.tree.total
    for node in cost.tree.walk():
        assert node.total.payload_bytes == node.own.payload_bytes + sum(child.total.payload_bytes for child in node.children)
        assert node.total.messages == node.own.messages + sum(child.total.messages for child in node.children)
        assert max([node.own.rounds, *(child.total.rounds for child in node.children)]) <= node.total.rounds


@given(traces())
def test_rounds_are_the_longest_chain_of_messages(trace: Trace):
    assert max((message.round for message in trace.messages), default=0) == Cost(trace).rounds


def test_parts_that_talk_at_once_share_rounds():
    builder = TraceBuilder(["alice", "bob", "carol", "dave"])
    builder.line = 1
    builder.step({(0, 1): 8})
    builder.records[2]["sent"].append((3, 1, 8, -1, 2, "online", "step", 0))
    builder.records[3]["received"].append((2, 0))
    cost = Cost(builder.trace())
    assert (1, 1, 1) == (cost.rounds, cost.by_line[1].rounds, cost.by_line[2].rounds)


def test_a_gadget_called_in_two_places_counts_once_by_name():
    cost = Cost(tracebuilder.small())
    assert 3 * (192 + 96 + 48) + 3 * 4 * 640 == cost.gadget("less_than").sent_bytes
    assert 0 == cost.gadget("never called").messages


def test_dearest_looks_inside_when_one_call_holds_everything():
    builder = TraceBuilder()
    with builder.gadget("intersection", line=2):
        with builder.gadget("sort"):
            builder.ring(100)
        with builder.gadget("reveal"):
            builder.ring(8)
    assert ["sort", "reveal"] == [node.name for node in dearest(Cost(builder.trace()).tree)]


def test_json_names_every_party_and_both_phases():
    data = Cost(tracebuilder.one_message()).to_json()
    assert {"alice": 8, "bob": 0} == data["sent_bytes"] == data["online"]["sent_bytes"]
    assert {"rounds": 0, "messages": 0, "sent_bytes": {"alice": 0, "bob": 0}, "wire_bytes": {"alice": 0, "bob": 0}} == data["preprocessing"]
    assert "input" == data["tree"]["parts"][0]["gadget"]
    assert {"1"} == set(data["lines"])


def test_an_empty_trace_costs_nothing():
    cost = Cost(tracebuilder.empty())
    assert (0, 0, 0, ()) == (cost.rounds, cost.messages, cost.wire_bytes, cost.tree.children)
