"""Shamir's protocol with 3 to 20 parties: equal to numpy, planned as measured, at the papers' costs, exact at the edges of its range."""

from itertools import combinations, product

import numpy as np
import pytest

from ramp_notebook.protocols import polynomials
from ramp_notebook.protocols.shamir import Shamir, covering_groups, threshold
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.testing.events import assert_same_events
from ramp_notebook.values import field

from .shamir_parties import together

X = np.array([5, -3, 0, 2**59 - 1, -(2**59), 7, -1])
Y = np.array([2, 9, 0, 2**59 - 1, -(2**59) + 1, -7, 1])
INPUT = 'x, y = mpc.input("x", owner="p0"), mpc.input("y", owner="p1")\n'


def run(count, text, inputs):
    """Outputs of a cell among so many parties, after comparing its events with its plan's."""
    names = [f"p{i}" for i in range(count)]
    with Coordinator(names, launcher="inline") as coordinator:
        cell = Cell(INPUT + text, protocol="shamir", inputs=inputs)
        before = list(coordinator.directory)
        finished = coordinator.run(cell)
        assert finished.outcomes[0] is not None
        assert_same_events(plan_cell(cell, names, before, reveals=finished.outcomes[0].reveals).trace, finished.trace)
        return finished.outputs, Run.of(finished).cost


@pytest.mark.parametrize("count", [4, 5, 10])
def test_more_than_three_parties_compute_what_numpy_does(count):
    text = """
less, same, joint = mpc.reveal(x < y), mpc.reveal(x == y), mpc.reveal(x & y)
back = mpc.reveal((x & y) + 1)
product, quotient = mpc.reveal((x >> 31) * (y >> 31)), mpc.reveal(x // 8)
counted, summed, shuffled = mpc.reveal((x < y).sum()), mpc.reveal(x.sum()), mpc.reveal(gadgets.shuffle(x))
only = mpc.reveal(y, to="p2")
"""
    outputs, _ = run(count, text, {0: {"x": X}, 1: {"y": Y}})
    expected = {"less": X < Y, "same": X == Y, "joint": X & Y, "back": (X & Y) + 1, "product": (X >> 31) * (Y >> 31), "quotient": X // 8}
    for name, value in (expected | {"counted": (X < Y).sum(), "summed": X.sum()}).items():
        np.testing.assert_array_equal(outputs[name], value, err_msg=name)
    assert sorted(X) == sorted(outputs["shuffled"])


def test_twenty_parties_add_and_compare():
    outputs, _ = run(20, "total, less = mpc.reveal(x.sum()), mpc.reveal(x < y)", {0: {"x": X}, 1: {"y": Y}})
    assert X.sum() == outputs["total"]
    assert np.array_equal(X < Y, outputs["less"])


@pytest.mark.parametrize("count", [4, 5, 6, 10])
def test_many_products_go_through_kings_and_are_numpys(count, monkeypatch):
    monkeypatch.setattr(polynomials, "A_ROUND", 0)  # then two are many
    rng = np.random.default_rng(count)
    x, y = rng.integers(-(2**29), 2**29, (2, 1007))
    bits = rng.integers(0, 2, (2, 6407)).astype(bool)
    text = 'b, c = mpc.input("b", owner="p2"), mpc.input("c", owner="p3")\nz, w = mpc.reveal(x * y), mpc.reveal(b & c)'
    outputs, cost = run(count, text, {0: {"x": x}, 1: {"y": y}, 2: {"b": bits[0]}, 3: {"c": bits[1]}})
    assert np.array_equal(x * y, outputs["z"])
    assert np.array_equal(bits[0] & bits[1], outputs["w"])
    assert cost.by_phase["preprocessing"].sent_bytes > 0


@pytest.mark.parametrize("count", [3, 4, 5, 6, 7, 10])
def test_a_product_costs_no_more_than_atlas(count):
    """Elements in total: (2t + 1)(n - 1 - t) in one round for few; for many at most ATLAS' 4 floor(n / 2), dealing masks included."""
    t, names = threshold(count), [f"p{i}" for i in range(count)]
    for n in (count, 100_000 * count):
        trace = plan_cell(Cell(f"x = mpc.public(np.arange({n}))\nz = mpc.public(x) * x", protocol="shamir"), names).trace
        elements, rounds = sum(m.payload_bytes for m in trace.messages) / 8 / n, max(m.round for m in trace.messages)
        if n == count or count == 3:
            assert ((2 * t + 1) * (count - 1 - t), 1) == (elements, rounds)
        else:
            pieces = 2 * t + (1 - (2 * t + 1) / count)  # one more to a king who has no piece itself
            assert pieces + (count - 1 - t) + 2 * t * (count - 2 - t) / count == pytest.approx(elements)
            assert elements <= 4 * (count // 2)
            assert 3 == rounds


@pytest.mark.parametrize(("text", "elements", "rounds"), [
    ("z = mpc.public(x).sum()", 0, 0),
    ("z = mpc.public(x) @ mpc.public(x)", 3 / 1280, 1),
    ("z = gadgets.shuffle(mpc.public(x))", 6, 3),
    ("z = mpc.public(x) < 0", (61 * 2 + 116 * 3) / 64, 7),
    ("z = mpc.public(x) == 0", (61 * 2 + 60 * 3) / 64, 7),
    ("z = mpc.random(1280)", 0, 0),
    ("z = mpc.public(x) & 0", (61 * 2 + 732 * 3) / 64, 8),
    ("z = mpc.public(x) >> 8", 2 + (61 * 2 + 125 * 3) / 64 + 2 * 5, 11),
    ("z = (mpc.public(x) > 3).sum()", (61 * 2 + 116 * 3) / 64 + 5, 9),
    ("from ramp_notebook import primitives\nz = primitives.truncate(mpc.public(x), 8, probabilistic=True)", 7, 2),
])  # fmt: skip
def test_what_three_parties_send(text, elements, rounds):
    """Elements in total per number: a bit dealt takes one bit, an AND three, a number dealt one element."""
    trace = plan_cell(Cell("x = np.arange(1280)\n" + text, protocol="shamir"), ["a", "b", "c"]).trace
    assert elements == sum(m.payload_bytes for m in trace.messages) / 8 / 1280
    assert rounds == max((m.round for m in trace.messages), default=0)


EDGES = [0, 1, field.P - 1, field.P // 2, field.P // 2 + 1]


@pytest.mark.parametrize("count", [3, 5, 7])
def test_conversions_are_exact_however_a_number_splits(count):
    """All combinations of extreme pieces, those that make S or C zero or p among them."""
    t = threshold(count)
    pieces = np.array(list(product(EDGES if count < 7 else EDGES[:3], repeat=t + 1)), np.uint64).T
    numbers = [sum(int(v) for v in column) % field.P for column in pieces.T]

    def program(party):
        sharing = party.numbers
        known = [field.combine([sharing.scalar_inverse(w)], [c]) for w, c in zip(sharing.lagrange(party.holders, 0), pieces, strict=True)]
        x = field.combine(sharing.lagrange(party.holders, party.me + 1), known).reshape(1, -1)
        bits = np.concatenate([party.sign(x), party.is_zero(x)], axis=1)
        revealed = [party.reveal(v, range(count), binary=True) for v in (bits, party.to_binary(x))]
        truncated = [party.reveal(party.truncate(x, k), [0], binary=False) for k in (1, 30, 60)]
        return [*revealed, party.reveal(party.to_arithmetic(party.to_binary(x)), [0], binary=False), *truncated]

    bits, words, back, *quotients = together(count, program)[0][0]
    signed = [v if v <= field.P // 2 else v - field.P for v in numbers]
    negative, zero = np.unpackbits(bits.view(np.uint8), bitorder="little").reshape(2, -1)[:, : len(signed)]
    assert [v < 0 for v in signed] == negative.astype(bool).tolist()
    assert [v == 0 for v in signed] == zero.astype(bool).tolist()
    assert signed == words.view(np.int64).tolist()
    assert numbers == back.tolist()
    for k, quotient in zip((1, 30, 60), quotients, strict=True):
        assert [(v >> k) % field.P for v in signed] == quotient.tolist()


@pytest.mark.parametrize("bits", [1, 2, 30, 31, 58, 59, 60, 63])
def test_truncation_rounds_down_by_every_shift(bits):
    x = np.concatenate([X, [2**60 - 1, -(2**60) + 1]])
    text = 'a = mpc.input("a", owner="p0", full_range=True)\nz = mpc.reveal(a >> ' + f"{bits})"
    outputs, _ = run(3, text, {0: {"x": X, "a": x}, 1: {"y": Y}})
    assert np.array_equal(x >> bits, outputs["z"])


@pytest.mark.parametrize("count", [3, 5])
def test_probabilistic_truncation_rounds_to_a_neighbour(count):
    n, fraction = 4000, 24
    x = np.full(n, -7 * 128 + fraction)
    text = "from ramp_notebook import primitives\nz = mpc.reveal(primitives.truncate(x, 7, probabilistic=True))"
    outputs, _ = run(count, text, {0: {"x": x}, 1: {"y": Y}})
    up = outputs["z"] + 7
    assert set(up.tolist()) <= {0, 1}
    if count == 3:  # a coin: n trials at 24/128, six standard deviations
        assert abs(up.mean() - fraction / 128) < 6 * np.sqrt(0.16 / n)


def test_a_public_number_splits_into_pieces_that_are_no_secret():
    values, _ = together(3, lambda party: party.numbers.piece(party.public(np.array([1], np.uint64), binary=False), range(2)))
    assert values[2] is None
    assert 1 == (int(values[0][0]) + int(values[1][0])) % field.P


def test_statistics_hold_up_to_the_ranges_they_state():
    x, y = np.array([2**42 - 1, 2**42 - 2, -3]), np.array([2**43 - 1, -(2**43) + 2])
    outputs, _ = run(3, "mean, middle = mpc.reveal(gadgets.mean(x)), mpc.reveal(gadgets.median(y))", {0: {"x": x}, 1: {"y": y}})
    assert abs(outputs["mean"] - x.mean()) <= 2**-16
    assert np.median(y) == outputs["middle"]


def test_more_bits_than_a_number_has_are_refused():
    text = 'z = gadgets.from_bits(mpc.public(np.zeros((2, 61), bool)))'
    with Coordinator(["p0", "p1", "p2"], launcher="inline") as parties, pytest.raises(Exception, match="at most 60 bits"):
        parties.run(Cell(text, protocol="shamir"))


@pytest.mark.parametrize(
    ("value", "options", "complaint"),
    [(np.array([2**60]), ", full_range=True", "beyond the range of `shamir`"), (np.array([2**59]), "", r"\[-2\*\*59, 2\*\*59\)"),
     (np.array([2.0**44]), "", r"±2\*\*44 for fixed")],
)  # fmt: skip
def test_what_is_beyond_the_range_is_refused_at_its_owner(value, options, complaint):
    with Coordinator(["p0", "p1", "p2"], launcher="inline") as parties, pytest.raises(Exception, match=complaint):
        parties.run(Cell(f'z = mpc.input("x", owner="p0"{options})', protocol="shamir", inputs={0: {"x": value}}))


@pytest.mark.parametrize("count", [1, 2, 64])
def test_other_numbers_of_parties_are_refused(count):
    with pytest.raises(Exception, match="3 to 63 parties"):
        Shamir.check_parties(count)


@pytest.mark.parametrize("count", range(3, 11))
def test_every_coalition_misses_a_group_that_shuffles(count):
    groups = covering_groups(count, threshold(count))
    for coalition in combinations(range(count), threshold(count)):
        assert any(set(group).isdisjoint(coalition) for group in groups)


def test_too_many_parties_to_shuffle_are_told_what_works():
    with pytest.raises(Exception, match="at most 10 parties.*network"):
        covering_groups(11, 5)
