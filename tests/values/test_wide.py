"""Arithmetic modulo 2**128 against Python's integers, at the places where words carry."""

import numpy as np
import pytest

from ramp_notebook.values import wide
from ramp_notebook.values.shaped import ShapedArray

MODULUS = 1 << 128
EDGES = [0, 1, 2, (1 << 32) - 1, 1 << 32, (1 << 64) - 1, 1 << 64, (1 << 64) + 1, (1 << 96) - 1, MODULUS - 1, MODULUS - (1 << 64), 3 << 126]


def integers(number):
    """Wide numbers (2, n) as a list."""
    return [int(low) | int(high) << 64 for low, high in zip(*number.reshape(2, -1), strict=True)]


def numbers(values, shape=None):
    return np.array([[v & (1 << 64) - 1 for v in values], [v >> 64 for v in values]], np.uint64).reshape(2, *(shape or (len(values),)))


def some(n, seed=1):
    words = np.random.default_rng(seed).integers(0, 1 << 64, (2, n), dtype=np.uint64)
    return EDGES[:n] + integers(words)[: max(0, n - len(EDGES))]


X, Y = some(40), some(40, 2)[::-1]


def test_a_number_is_its_low_and_its_high_word():
    assert (1 << 100) + 7 == wide.to_int(wide.of_int((1 << 100) + 7))


@pytest.mark.parametrize("operation", ["add", "subtract", "multiply"])
@pytest.mark.parametrize("copies", [1, 500], ids=["one block", "several"])
def test_every_pair_of_edges(operation, copies):
    pairs = [(a, b) for a in X for b in Y] * copies
    expected = {"add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b}[operation]
    left, right = numbers([a for a, _ in pairs]), numbers([b for _, b in pairs])
    assert [expected(a, b) % MODULUS for a, b in pairs[: len(X) * len(Y)]] * copies == integers(getattr(wide, operation)(left, right))


def test_several_numbers_go_with_one():
    pair = np.concatenate([numbers(X), numbers(Y)])
    product = wide.multiply(pair, numbers(Y))
    assert [a * b % MODULUS for a, b in zip(X, Y, strict=True)] == integers(product[:2])
    assert [b * b % MODULUS for b in Y] == integers(product[2:])


def test_negating_and_scaling():
    assert [-a % MODULUS for a in X] == integers(wide.negate(numbers(X)))
    for factor in EDGES:
        assert [a * factor % MODULUS for a in X] == integers(wide.scale(numbers(X), factor))
    words = np.array([b & (1 << 64) - 1 for b in Y], np.uint64)
    assert [a * int(b) % MODULUS for a, b in zip(X, words, strict=True)] == integers(wide.scale(numbers(X), words))
    assert (2, 3, 40) == wide.scale(numbers(X).reshape(2, 1, 40), np.ones((3, 40), np.uint64)).shape


def test_sums_carry():
    rows = numbers(X, (5, 8))
    table = np.array(X, dtype=object).reshape(5, 8)
    assert [int(v) % MODULUS for v in table.sum(axis=0)] == integers(wide.total(rows, (1,)))
    assert [int(table.sum()) % MODULUS] == integers(wide.total(rows, (1, 2)))
    assert [int(v) % MODULUS for v in np.cumsum(table, axis=1).ravel()] == integers(wide.running_total(rows, 2))
    assert [0] * 8 == integers(wide.total(rows[:, :0], (1,)))
    all_ones = numbers([MODULUS - 1] * 1000)
    assert [-1000 % MODULUS] == integers(wide.total(all_ones, (1,)))


@pytest.mark.parametrize(("left", "right"), [((3, 4), (4, 2)), ((4,), (4, 3)), ((3, 4), (4,)), ((4,), (4,)), ((2, 3, 4), (4, 1)), ((2, 3, 4), (2, 4, 5))])
def test_matrix_products(left, right):
    x, y = some(int(np.prod(left))), some(int(np.prod(right)), 3)
    expected = np.array(x, dtype=object).reshape(left) @ np.array(y, dtype=object).reshape(right)
    product = wide.matmul(numbers(x, left), numbers(y, right))
    assert [int(v) % MODULUS for v in np.ravel(expected)] == integers(product)
    assert (2, *np.shape(expected)) == product.shape


def test_long_sums_of_products_are_cut(monkeypatch):
    monkeypatch.setattr(wide, "LONGEST_SUM", 3)
    x, y = [MODULUS - 1] * 20, [(1 << 64) - 1] * 20
    assert [sum(a * b for a, b in zip(x, y, strict=True)) % MODULUS] == integers(wide.matmul(numbers(x, (1, 20)), numbers(y, (20, 1))))


def test_the_largest_limbs_do_not_overflow():
    x = numbers([(1 << 64) - 1] * 4096)
    assert [4096 * ((1 << 64) - 1) ** 2 % MODULUS] == integers(wide.matmul(x.reshape(2, 1, 4096), x.reshape(2, 4096, 1)))


@pytest.mark.parametrize("bits", [0, 1, 31, 63, 64, 65, 127])
def test_shifts(bits):
    assert [(a << bits) % MODULUS for a in X] == integers(wide.shift_left(numbers(X), bits))


def test_arrays_without_data_have_the_shapes_of_others():
    x = ShapedArray((4, 5, 3))
    assert (4, 5, 3) == wide.add(x, ShapedArray((2, 5, 3))).shape == wide.negate(x).shape == wide.scale(x, 7).shape
    assert (4, 3) == wide.total(x, (1,)).shape
    assert (4, 5, 3) == wide.running_total(x, 1).shape
    assert (4, 5, 2) == wide.matmul(x, ShapedArray((2, 3, 2))).shape
