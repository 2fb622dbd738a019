"""Statistics beyond the conformance samples: rounding, ranges, axes."""

from fractions import Fraction

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


def test_a_mean_of_many_values_keeps_its_error(parties):
    x = np.random.default_rng(1).integers(0, 2**26, 2**20)
    assert abs(Fraction(reveal(parties, "x.mean()", x, "clear")) - Fraction(int(x.sum()), len(x))) <= UNIT


@pytest.mark.parametrize("n", [1, 3, 1000])
def test_means_of_fractions_are_right_to_one_unit(n, parties):
    x = np.random.default_rng(n).integers(-(2**50), 2**50, n) / 2**16
    exact = sum(map(Fraction, x.tolist())) / n
    assert abs(Fraction(reveal(parties, "x.mean()", x)) - exact) <= UNIT


@pytest.mark.parametrize("x", [np.array([1.5, 2.5, 10.25, 11.0]), np.array([3, 1, 2]), np.array([2**45, 2**45 + 3])], ids=str)
def test_medians_of_integers_and_fractions(x, parties):
    assert np.median(x) == reveal(parties, "np.median(x)", x)


@pytest.mark.parametrize(
    "x", [np.array([2**46 - 1, 0, -(2**46) + 1, 7]), np.array([2.0**29, -(2.0**29), 0.25, 1.5])], ids=["integers", "fixed"]
)
def test_quantiles_keep_their_error_up_to_the_end_of_their_range(x, parties):
    for q in (0.0, 0.1, 0.5, 0.77, 1.0):
        place = q * 3
        low, high = np.sort(x)[[int(place), min(int(place) + 1, 3)]]
        assert abs(reveal(parties, f"np.quantile(x, {q})", x, "clear") - np.quantile(x, q)) <= (high - low + 1) * UNIT / 2


def exact_variance(x):
    """Of integers or of fixed point, in rationals."""
    values = [Fraction(v) for v in x.tolist()]
    average = sum(values) / len(values)
    return sum((v - average) ** 2 for v in values) / len(values)


@pytest.mark.parametrize("protocol", ["clear", "replicated"])
@pytest.mark.parametrize(
    "x",
    [
        10**9 + np.arange(100) % 7,
        np.array([2**22, -(2**22)]),  # n (variance + 1) just below 2**46
        np.array([5]),
        np.array([-3, -3, -4]),
        np.arange(1000) / 64,
        np.array([2.0**22 - 0.5, -(2.0**22) + 0.5]),
        np.array([1234.5]),
        np.array([1e5 + 1 / 2**16, 1e5, 1e5 - 1 / 2**16]),
        np.array([2.0**45, 2.0**45 - 1]) - 2.0**45,
        np.array([True, False, True]),
    ],
    ids=lambda x: f"{x.dtype} {x[:2]}",
)
def test_variances_of_integers_and_fractions_stay_below_their_error(x, protocol, parties):
    assert abs(Fraction(reveal(parties, "np.var(x)", x, protocol)) - exact_variance(x)) < 2**-14


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("scale", [1, 0.25])
def test_variances_along_an_axis(axis, scale, parties):
    x = (np.arange(24).reshape(2, 3, 4) * 7 % 11) * scale
    np.testing.assert_allclose(reveal(parties, f"np.var(x, axis={axis})", x, "clear"), np.var(x, axis=axis), atol=2**-14)


def test_sums_that_public_facts_say_may_overflow_are_refused(parties):
    x = np.arange(8)
    for name in ("mean", "variance"):
        assert reveal(parties, f"gadgets.{name}(x, bits=43)", x) == pytest.approx({"mean": 3.5, "variance": 5.25}[name], abs=2**-14)
        with pytest.raises(MisuseError, match="more than 2\\*\\*46"):
            reveal(parties, f"gadgets.{name}(x, bits=44)", x)
        with pytest.raises(MisuseError, match="lies outside"):
            reveal(parties, f"gadgets.{name}(x, bits=2)", x)
        with pytest.raises(MisuseError, match="any that a secret holds"):
            text = f'r = gadgets.{name}(mpc.input("x", owner="alice", full_range=True))'
            parties.run(Cell(text, inputs={0: {"x": x}}))


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
        ("np.var(x, axis=1)", "axis 1 is out of range"),
        ("np.var(x[:0])", "variance of nothing"),
        ("(x > 1).min() + x.any()", "take secret bits"),
    ],
)
def test_what_makes_no_sense_is_refused(call, complaint, parties):
    with pytest.raises(MisuseError, match=complaint):
        reveal(parties, call, np.array([3, 1, 2]))
