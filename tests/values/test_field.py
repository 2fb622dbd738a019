"""Arithmetic modulo 2**61 - 1 against Python's integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ramp_notebook.values import field
from ramp_notebook.values.streams import Stream, fresh_key

P = field.P
EDGES = [0, 1, 2, 3, (1 << 30) - 1, 1 << 30, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 60) - 1, 1 << 60, P - 2, P - 1]
elements = st.one_of(st.sampled_from(EDGES), st.integers(0, P - 1))


def array(values):
    return np.array(values, dtype=np.uint64)


def random(shape, seed=0):
    return np.random.default_rng(seed).integers(0, P, shape, dtype=np.uint64)


def test_all_pairs_of_edges():
    x, y = array(EDGES)[:, None], array(EDGES)[None, :]
    for operation, expected in [
        (field.add, lambda a, b: (a + b) % P),
        (field.subtract, lambda a, b: (a - b) % P),
        (field.multiply, lambda a, b: a * b % P),
    ]:
        assert [[expected(a, b) for b in EDGES] for a in EDGES] == operation(x, y).tolist()
    assert [-a % P for a in EDGES] == field.negate(array(EDGES)).tolist()


@given(st.integers(0, 2**64 - 1))
def test_any_word_stands_for_its_remainder(word):
    assert [word % P] == field.canonical(array([word])).tolist()


@given(st.lists(elements, min_size=1, max_size=20), st.integers(-70, 130))
def test_a_shift_is_a_product_with_a_power_of_two(values, bits):
    assert [v * pow(2, bits, P) % P for v in values] == field.shift(array(values), bits).tolist()


@given(st.lists(st.tuples(elements, elements), min_size=1, max_size=9))
def test_combinations(terms):
    coefficients, values = zip(*terms, strict=True)
    for count in (1, 2):  # one element has a way of its own
        assert [sum(c * v for c, v in terms) % P] * count == field.combine(coefficients, [array([v] * count) for v in values]).tolist()
        assert [sum(values) % P] * count == field.add_up([array([v] * count) for v in values]).tolist()


def test_combinations_of_the_largest_do_not_overflow():
    largest = np.full(5, P - 1, np.uint64)
    for count in range(1, 30):
        assert [count * (P - 1) ** 2 % P] * 5 == field.combine([P - 1] * count, [largest] * count).tolist()
        assert [count * (P - 1) % P] * 5 == field.add_up([largest] * count).tolist()


@pytest.mark.parametrize("shapes", [((3 * field.BLOCK + 5,), (1,)), ((2, field.BLOCK), (field.BLOCK,)), ((7, 1), (1, 3000)), ((0, 3), (3,))])
def test_long_and_broadcast_products(shapes):
    x, y = random(shapes[0], 1), random(shapes[1], 2)
    assert np.array_equal((x.astype(object) * y.astype(object)) % P, field.multiply(x, y))


@pytest.mark.parametrize("axes", [0, 1, (0, 1)])
def test_sums(axes):
    x = np.full((300, 40, 2), P - 1, np.uint64)
    assert np.array_equal(x.astype(object).sum(axis=axes) % P, field.total(x, axes))
    if isinstance(axes, int):
        assert np.array_equal(np.cumsum(x.astype(object), axis=axes) % P, field.running_total(x, axes))


@pytest.mark.parametrize(
    ("left", "right"),
    [((5,), (5,)), ((1, 700), (700, 1)), ((9, 1100), (1100, 8)), ((8, 2), (2, 9)), ((4, 5, 6), (6, 7)), ((10, 1, 4), (10, 4, 1)),
     ((0, 3), (3, 2)), ((6, 0), (0, 7)), ((2, 6), (6,)), ((3,), (3, 9))],
)  # fmt: skip
@pytest.mark.parametrize("largest", [False, True])
def test_matrix_products_are_exact(left, right, largest):
    x, y = (np.full(s, P - 1, np.uint64) if largest else random(s, k) for k, s in enumerate((left, right)))
    expected = np.asarray(np.matmul(x.astype(object), y.astype(object)) % P if 0 not in left else np.zeros(field.matmul(x, y).shape))
    actual = field.matmul(x, y)
    assert expected.shape == actual.shape
    assert np.array_equal(expected, actual)


class Words:
    """A stream that gives what it is told."""

    def __init__(self, values):
        self.values = list(values)

    def words(self, shape):
        count = int(np.prod(shape))
        drawn, self.values = self.values[:count], self.values[count:]
        return array(drawn).reshape(shape)


def test_draws_are_below_p_and_drawn_again_where_they_are_not():
    assert [[7]] == field.draw(Words([P, P, 2**63 + 7]), (1, 1)).tolist()
    assert [[5, 9], [2**60, 7]] == field.draw(Words([5, P, 2**60, P, P, 2**63 + 7, 9]), (2, 2)).tolist()


@settings(max_examples=5)
@given(st.integers(0, 2000))
def test_two_holders_of_a_key_draw_the_same(size):
    key = fresh_key()
    assert np.array_equal(field.draw(Stream(key), (size,)), field.draw(Stream(key), (size,)))
