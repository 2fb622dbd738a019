"""Shuffles and secret orders: what they do, what they cost, and that an order that is none shows nothing of the rows."""

import numpy as np
import pytest

from ramp_notebook.errors import MisuseError
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run

SHARE = 'x, p = mpc.input("x", owner="alice"), mpc.input("p", owner="bob")\n'


@pytest.fixture(scope="module")
def parties():
    with Coordinator(["alice", "bob", "carol"], launcher="inline") as coordinator:
        yield coordinator


def permuted(parties, x, order, protocol="replicated"):
    return parties.run(Cell(f"{SHARE}y = mpc.reveal(gadgets.permute(x, p))", protocol=protocol, inputs={0: {"x": x}, 1: {"p": order}}))


@pytest.mark.parametrize(
    "x", [np.arange(6) * 5, np.arange(12).reshape(6, 2), np.arange(6) % 2 == 0, np.arange(6) / 4], ids=["n", "n2", "bits", "fixed"]
)
def test_rows_of_every_kind_follow_the_order(x, parties):
    order = np.array([3, 0, 5, 1, 2, 4])
    np.testing.assert_array_equal(x[order], permuted(parties, x, order).outputs["y"])


@pytest.mark.parametrize("n", [0, 1])
def test_none_and_one(n, parties):
    assert list(range(5, 5 + n)) == permuted(parties, 5 + np.arange(n), np.arange(n)).outputs["y"].tolist()


@pytest.mark.parametrize("order", [[0, 0, 2], [1, 2, 3], [-1, 0, 1], [2, 1, 2**40], [0, 1, 1]], ids=str)
@pytest.mark.parametrize("protocol", ["clear", "replicated"])
def test_an_order_that_is_none_is_refused_before_the_rows_are_touched(order, protocol, parties, monkeypatch):
    from ramp_notebook.gadgets import permutation

    shuffles = []
    honest = permutation.shuffle
    monkeypatch.setattr(permutation, "shuffle", lambda columns: (shuffles.append(len(columns)), honest(columns))[1])
    with pytest.raises(MisuseError, match="each of the places 0 to 2 once"):
        permuted(parties, np.array([7, 8, 9]), np.array(order), protocol)
    assert len(shuffles) == 3, "each of the three parties shuffles the order, and nothing after it"


def test_one_row_needs_its_place_too(parties):
    with pytest.raises(MisuseError, match="0 to 0 once"):
        permuted(parties, np.array([7]), np.array([1]))


def test_the_label_says_what_was_shown(parties):
    label = Run.of(permuted(parties, np.arange(3), np.array([2, 0, 1]))).label
    assert ("a shuffled order",) == label.reveals


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("gadgets.permute(x, p[:2])", "one place per row"),
        ("gadgets.permute(x, p > 1)", "permutation"),
        ("gadgets.permute(x, np.arange(3))", "secret permutation"),
        ("gadgets.shuffle([x, p[:2]])", "same number of rows"),
        ("gadgets.shuffle(x[0])", "same number of rows"),
        ("gadgets.shuffle([])", "at least one secret|same number of rows"),
    ],
)
def test_what_makes_no_sense_is_refused(call, complaint, parties):
    with pytest.raises(MisuseError, match=complaint):
        parties.run(Cell(f"{SHARE}y = {call}", inputs={0: {"x": np.arange(3)}, 1: {"p": np.array([2, 0, 1])}}))
