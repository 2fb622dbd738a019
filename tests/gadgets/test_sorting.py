"""Sorting by every algorithm: order, stability, columns, edges, and what is refused."""

import numpy as np
import pytest
from ramp_notebook.gadgets.open_order import SMALL, open_order
from ramp_notebook.gadgets.sorting import ALGORITHMS, comparator_layers

from ramp_notebook.errors import MisuseError
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.testing import assert_same_events

NAMES = ["alice", "bob", "carol"]


@pytest.fixture(scope="module")
def parties():
    with Coordinator(NAMES, launcher="inline") as coordinator:
        yield coordinator


def run(parties, text, protocol="replicated", **values):
    return parties.run(Cell(text, protocol=protocol, inputs={0: values})).outputs


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_columns_follow_their_key_and_equal_keys_keep_their_order(algorithm, parties):
    key, number, bit = np.array([3, 1, 3, -2, 1, 3]), np.arange(12).reshape(6, 2), np.arange(6) % 2 == 0
    text = f"""key, number, bit = (mpc.input(name, owner="alice") for name in ("key", "number", "bit"))
numbers, bits = (mpc.reveal(c) for c in gadgets.sort_by(key, [number, bit], algorithm="{algorithm}"))"""
    outputs = run(parties, text, key=key, number=number, bit=bit)
    order = np.argsort(key, kind="stable")
    np.testing.assert_array_equal(number[order], outputs["numbers"])
    np.testing.assert_array_equal(bit[order], outputs["bits"])


@pytest.mark.parametrize("algorithm", ["quick", "radix", "network"])
@pytest.mark.parametrize(
    "x",
    [np.array([], dtype=np.int64), np.array([7]), np.array([2**63 - 1, -(2**63), 0, -1, 1]), np.array([1.5, -2.25, 0.0, 1.5])],
    ids=["empty", "one", "extremes", "fixed"],
)
def test_edges(algorithm, x, parties):
    text = f'y = mpc.reveal(gadgets.sort(mpc.input("x", owner="alice", full_range=True), algorithm="{algorithm}"))'
    np.testing.assert_array_equal(np.sort(x), run(parties, text, x=x)["y"])


@pytest.mark.parametrize("bits", [9, 57, 62, 64])
@pytest.mark.parametrize("algorithm", ["quick", "radix"])
def test_promised_bits_leave_the_order_alone(bits, algorithm, parties):
    x = np.random.default_rng(bits).integers(0, 2 ** min(bits, 62), 150)
    text = f'y = mpc.reveal(gadgets.sort(mpc.input("x", owner="alice"), algorithm="{algorithm}", bits={bits}))'
    np.testing.assert_array_equal(np.sort(x), run(parties, text, protocol="clear", x=x)["y"])


@pytest.mark.parametrize("value", [8, -1])
def test_a_broken_promise_is_refused(value, parties):
    with pytest.raises(MisuseError, match="some value lies outside"):
        run(parties, 'y = gadgets.sort(mpc.input("x", owner="alice"), bits=3)', x=np.array([1, value, 2]))


@pytest.mark.parametrize(
    ("options", "flags", "reveals"),
    [
        ("", {"random pattern"}, ["the order of shuffled rows"]),
        (", bits=8", {"random pattern"}, ["that values lie in [0, 2**8)", "the order of shuffled rows"]),
        (', algorithm="radix", bits=8', set(), ["places of shuffled rows", "that values lie in [0, 2**8)"]),
        (', algorithm="network"', set(), []),
    ],
)
def test_the_label_says_what_was_shown_on_the_way_in_plans_too(options, flags, reveals, parties):
    for call in (f"gadgets.sort(x{options})", f"gadgets.intersection([x, x]{options})"):
        cell = Cell(f'x = mpc.input("x", owner="alice")\ny = {call}', inputs={0: {"x": np.arange(20)}})
        for label in (Run.of(parties.run(cell)).label, Run.of_plan(plan_cell(cell, NAMES)).label):
            assert reveals == list(label.reveals)
            assert flags == label.flags & {"random pattern"}


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ('gadgets.sort(x, algorithm="bubble")', "algorithm is one of"),
        ("gadgets.sort(x, bits=65)", "bits promises"),
        ("gadgets.sort(x.reshape(2, 2))", "shape"),
        ("gadgets.sort(x > 2)", "secret numbers"),
        ("gadgets.sort_by(x, [x[:3]])", "the key's 4 rows"),
        ("np.sort(x, axis=0)", r"np.sort on secrets takes \(x\) and, by name, algorithm"),
    ],
)
def test_what_makes_no_sense_is_refused(call, complaint, parties):
    with pytest.raises(MisuseError, match=complaint):
        run(parties, f'x = mpc.input("x", owner="alice")\ny = {call}', x=np.arange(4))


def test_a_longer_quick_sort_equals_its_plan(parties):
    cell = Cell('y = mpc.reveal(gadgets.sort(mpc.input("x", owner="alice"), bits=8))', inputs={0: {"x": np.arange(700) * 37 % 256}})
    before = list(parties.directory)
    result = parties.run(cell)
    np.testing.assert_array_equal(np.sort(cell.inputs[0]["x"]), result.outputs["y"])
    assert_same_events(plan_cell(cell, NAMES, before, reveals=result.outcomes[0].reveals).trace, result.trace)


def test_radix_of_a_billion_rows_is_planned_without_memory():
    cell = Cell('y = gadgets.sort(mpc.input("x", owner="alice"), algorithm="radix", bits=32)')
    plan = plan_cell(cell, NAMES, shapes={0: {"x": (10**9,)}})
    assert sum(m.payload_bytes for m in plan.trace.messages) > 10**12


class OpenSession:
    """Reveals what is plain already."""

    planned = False

    def reveal_pattern(self, bits, draw):
        return bits


@pytest.mark.parametrize("n", [*range(SMALL + 3), 63, 64, 65, 1000, 70_000])
def test_open_order_is_the_order_with_few_comparisons(n):
    keys, made = np.random.default_rng(n).permutation(n), []

    def compare(b):
        def met(a):
            made.append(len(a))
            return keys[a] < keys[b[: len(a)]]

        return met

    np.testing.assert_array_equal(np.arange(n), keys[open_order(OpenSession(), n, compare)])
    assert sum(made) <= 1.35 * n * max(1, np.log2(max(n, 2)))
    assert len(made) <= 4 + 3 * np.log2(max(n, 2))


def test_rows_that_are_met_by_fewer_show_nothing_of_the_others(parties):
    text = """
from ramp_notebook import primitives
x, y = (primitives.to_binary(mpc.input(name, owner="alice")) for name in ("x", "y"))
less = primitives.rows_are_less([x], [8], np.arange(3), primitives.bit_planes([y], [8]))
word = mpc.protocol.reveal(less.share, (0, 1, 2), binary=True)
"""
    word = run(parties, text, x=np.array([1, 9, 4]), y=np.array([2, 8, 5, *[200] * 60]))["word"]
    np.testing.assert_array_equal([0b101], word)  # bits 3 to 62 would say 0 < y


@pytest.mark.parametrize("n", range(1, 12))
def test_the_network_sorts_all_zeros_and_ones(n):
    rows = (np.arange(2**n)[:, None] >> np.arange(n)) & 1  # the 0-1 principle: enough for all inputs
    for low, high in comparator_layers(n):
        a, b = rows[:, low], rows[:, high]
        rows[:, low], rows[:, high] = np.minimum(a, b), np.maximum(a, b)
    assert (np.diff(rows, axis=1) >= 0).all()
