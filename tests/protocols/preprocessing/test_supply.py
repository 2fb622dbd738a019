"""A supply hands out every item once, makes what lacks, and tells plans what it has."""

import numpy as np
import pytest

from ramp_notebook.errors import MisuseError, OptionError
from ramp_notebook.protocols.planes import unpack
from ramp_notebook.protocols.preprocessing import supply as module
from ramp_notebook.protocols.preprocessing.sources import ObliviousTransfers, source_named
from ramp_notebook.protocols.preprocessing.supply import Ledger, Stock, Supply, planned_supply, supply_state
from tests.parties_in_threads import Group, messages, plan

TRIPLES, BITS = ("triples",), ("bit_triples",)


class Parties:
    """Parties whose supplies outlive cells."""

    def __init__(self, count=2):
        self.count, self.group, self.kept = count, Group(count), [{} for _ in range(count)]

    def run(self, body):
        """`body` gets a supply; results of all parties, the trace, and the public state before."""
        states = []

        def cell(context):
            supply = Supply(context, self.kept[context.index])
            states.append(supply_state(context, self.kept[context.index]))
            return body(supply)

        results, trace = self.group.run(cell)
        assert all(state == states[0] for state in states)
        return results, trace, states[0]

    def plan(self, body, state):
        return plan(self.count, lambda context: body(Supply(context, planned_supply(state, self.count, ObliviousTransfers()))))


def test_items_are_what_they_are_called():
    results, *_ = Parties(3).run(lambda s: (s.triples(5), s.bit_triples(3), s.dabits(70), s.matrix_triples(2, 3, 4)))
    triples, bit_triples, dabits, matrices = zip(*results, strict=True)
    a, b, c = np.sum(triples, axis=0)
    np.testing.assert_array_equal(a * b, c)
    a, b, c = np.bitwise_xor.reduce(bit_triples, axis=0)
    np.testing.assert_array_equal(a & b, c)
    numbers, words = sum(each[0] for each in dabits), np.bitwise_xor.reduce([each[1] for each in dabits], axis=0)
    np.testing.assert_array_equal(unpack(words, 70).astype(np.uint64), numbers)
    a, b, c = (sum(each[k] for each in matrices) for k in range(3))
    np.testing.assert_array_equal(a @ b, c)


def test_nothing_is_handed_out_twice():
    results, *_ = Parties().run(lambda s: [s.triples(count)[0] for count in (3, 1, 0, 5, 2)])
    numbers = np.concatenate(results[0])
    assert 11 == len(numbers) == len(np.unique(numbers))


def test_a_second_use_raises():
    stock = Stock(TRIPLES, Ledger())
    stock.add((np.arange(4),))
    before = list(stock._parts)
    stock.take(3)
    stock._parts[:] = before  # the planted fault: a state from before the use comes back
    with pytest.raises(MisuseError, match="number 0 was used before"):
        stock.take(1)


def test_the_first_batch_is_exact_and_later_ones_grow(monkeypatch):
    monkeypatch.setattr(module, "MOST_AHEAD", 20)

    def body(supply):
        return [(supply.triples(5), supply.made[TRIPLES], supply._stock(TRIPLES).count)[1:] for _ in range(9)]

    results, *_ = Parties().run(body)
    assert [(5, 0), (10, 0), (20, 5), (20, 0), (40, 15), (40, 10), (40, 5), (40, 0), (60, 15)] == results[0]


def test_preparing_makes_what_lacks_in_one_go():
    parties = Parties()
    parties.run(lambda s: s.prepare({TRIPLES: 4}))
    _, trace, _ = parties.run(lambda s: (s.prepare({TRIPLES: 10, BITS: 2}), s.triples(10), s.bit_triples(2)))
    assert 2 == max(m.round for m in trace.messages)  # both kinds in the same rounds
    assert {"preprocessing"} == {m.phase for m in trace.messages}
    assert all(kept["stocks"][TRIPLES].count == 0 == kept["stocks"][BITS].count for kept in parties.kept)


def test_branches_side_by_side_set_up_once_and_share_nothing():
    def body(supply):
        return supply.context.parallel([lambda: supply.triples(3), lambda: supply.triples(2), lambda: supply.bit_triples(1)])

    parties = Parties(3)
    results, trace, _ = parties.run(body)
    assert 6 == sum(m.tag == "base_ot" for m in trace.messages)
    for branch in (0, 1):
        a, b, c = np.sum([each[branch] for each in results], axis=0)
        np.testing.assert_array_equal(a * b, c)
    assert 5 == len(np.unique(np.concatenate([results[0][branch][0] for branch in (0, 1)])))


def test_a_plan_starts_from_what_there_is():
    def body(supply):
        supply.context.parallel([lambda: supply.triples(3), lambda: supply.dabits(65)])
        supply.bit_triples(2), supply.bit_triples(1), supply.translations(5, 1, 1), supply.matrix_triples(2, 1, 3)

    parties, states = Parties(), []
    for _ in range(3):
        _, trace, state = parties.run(body)
        _, foretold = parties.plan(body, state)
        assert messages(trace) == messages(foretold)
        states.append(state)
    assert [False, True, True] == [state["source"]["ready"] for state in states]
    assert [{}, {BITS: 1}, {}] == [state["stock"] for state in states]


def test_an_unknown_source_says_what_there_is():
    with pytest.raises(OptionError, match="no source 'guess'.*there are: ot, silent"):
        source_named("guess")
