"""Statistics beyond the conformance samples: rounding, ranges, axes."""

import numpy as np
import pytest

from ramp_notebook.errors import MisuseError
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator

UNIT = 2.0**-16


@pytest.fixture(scope="module")
def parties():
    with Coordinator(["alice", "bob", "carol"], launcher="inline") as coordinator:
        yield coordinator


def reveal(parties, call, x, protocol="replicated"):
    text = f'x = mpc.input("x", owner="alice")\nr = mpc.reveal({call})'
    return parties.run(Cell(text, protocol=protocol, inputs={0: {"x": x}})).outputs["r"]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 1000, 4097])
def test_means_are_right_to_one_unit_up_to_the_end_of_their_range(n, parties):
    rng = np.random.default_rng(n)
    for top in (1, 1000, 2**46 // n - 1):
        x = rng.integers(-top, top, n, endpoint=True)
        assert abs(reveal(parties, "x.mean()", x) - int(x.sum()) / n) <= UNIT


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_axes_are_numpys(axis, parties):
    x = np.arange(24).reshape(2, 3, 4) * 7 % 11
    for name in ("mean", "min", "max", "argmin", "argmax", "sum"):
        expected = getattr(np, name)(x, axis=axis)
        np.testing.assert_allclose(reveal(parties, f"np.{name}(x, axis={axis})", x, "clear"), expected, atol=UNIT)


@pytest.mark.parametrize("x", [np.array([1.5, 2.5, 10.25, 11.0]), np.array([3, 1, 2]), np.array([2**40, 2**40 + 3])], ids=str)
def test_medians_of_integers_and_fractions(x, parties):
    assert np.median(x) == reveal(parties, "np.median(x)", x)


def test_variance_of_large_close_numbers_loses_nothing(parties):
    x = 10**9 + np.arange(100) % 7
    assert abs(np.var(x) - reveal(parties, "np.var(x)", x)) <= 2 * UNIT


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("gadgets.quantile(x, 1.5)", "fraction from 0 to 1"),
        ("gadgets.quantile(x, [0.1, 0.9])", "one at a time"),
        ("gadgets.top_k(x, 5)", "0 to 3"),
        ("gadgets.top_k(x, 1.5)", "0 to 3"),
        ("gadgets.histogram(x, [1, 1])", "increasing edges"),
        ("x[:0].mean()", "mean of nothing"),
        ("x[:0].max()", "of nothing"),
        ("np.min(x, axis=3)", "axis 3 is out of range"),
        ("np.var(x, ddof=1)", "np.var on secrets takes"),
        ("(x > 1).min() + x.any()", "take secret bits"),
    ],
)
def test_what_makes_no_sense_is_refused(call, complaint, parties):
    with pytest.raises(MisuseError, match=complaint):
        reveal(parties, call, np.array([3, 1, 2]))
