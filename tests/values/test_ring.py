"""Ring kernels against Python integers and numpy's own loops: exact mod 2**64 at every size, block edge and extreme."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ramp_notebook.errors import MisuseValueError
from ramp_notebook.values import ring
from ramp_notebook.values.streams import Stream

Words = NDArray[np.uint64]
SIZES = [0, 1, 63, 64, 65, ring.BLOCK - 1, ring.BLOCK, ring.BLOCK + 1, 100_000]
LOWEST_LIMBS = 2**64 - (2**21 + 2**43 + 2**63) % 2**64  # every balanced limb at its most negative
EXTREMES = [0, 1, 2**63, 2**64 - 1, LOWEST_LIMBS, LOWEST_LIMBS - 1, 2**21 - 1 + (2**21 - 1 << 22) + (2**19 - 1 << 44), 2**43, 2**21]
WORDS = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from(EXTREMES))


def random_words(*shape: int, seed: int = 0) -> Words:
    return np.random.default_rng([seed, *shape]).integers(0, 2**64, shape, dtype=np.uint64)


def exact(x: Words, y: Words) -> Words:
    """Python's own integers."""
    return np.array([[sum(int(a) * int(b) for a, b in zip(r, c, strict=True)) % 2**64 for c in y.T] for r in x], np.uint64)


@pytest.fixture(params=[True, False], ids=["limbs", "dot products"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large products run in both ways, whichever this machine would prefer."""
    monkeypatch.setattr(ring, "_limbs_pay", lambda: request.param)
    monkeypatch.setattr(ring, "LIMB_WORK", 1)


def test_a_matrix_product_wraps_as_the_ring_does():
    x, y = np.array([[2**63, 3]], np.uint64), np.array([[2], [2**64 - 1]], np.uint64)
    assert ring.matmul(x, y).tolist() == [[2**64 - 3]]


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3,), (3,)), ((0,), (0,)), ((100,), (100,)), ((3,), (3, 4)), ((5, 3), (3,)), ((40, 50), (50, 60)), ((0, 40), (40, 5)),
        ((40, 0), (0, 40)), ((1, 300), (300, 1)), ((200, 33), (33, 1)), ((1, 33), (33, 200)), ((33, 512), (512, 34)),
        ((33, 513), (513, 34)), ((32, 1100), (1100, 32)), ((1030, 33), (33, 1030)), ((2, 40, 41), (2, 41, 42)),
        ((2, 40, 41), (41, 42)), ((40, 41), (3, 41, 42)),
        ((2, 1, 40, 41), (3, 41, 42)), ((0, 40, 41), (0, 41, 42)), ((2, 3, 4), (2, 4, 5)), ((2, 3, 4), (4,)), ((4,), (2, 4, 5)),
    ],
)  # fmt: skip
def test_matmul_has_the_values_and_shapes_of_numpys(left: tuple[int, ...], right: tuple[int, ...]):
    x, y = random_words(*left), random_words(*right, seed=1)
    kept = x.copy(), y.copy()
    expected = np.matmul(x, y)
    product = ring.matmul(x, y)
    assert (np.shape(expected), np.uint64) == (product.shape, product.dtype)
    np.testing.assert_array_equal(expected, product)
    np.testing.assert_array_equal(kept[0], x)
    np.testing.assert_array_equal(kept[1], y)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("a", EXTREMES)
@pytest.mark.parametrize("b", EXTREMES)
def test_the_longest_sums_of_extreme_limbs_stay_exact(a: int, b: int):
    x, y = np.full((32, ring.LONGEST_SUM), a, np.uint64), np.full((ring.LONGEST_SUM, 32), b, np.uint64)
    assert (ring.matmul(x, y) == np.uint64(a * b * ring.LONGEST_SUM % 2**64)).all()


@pytest.mark.usefixtures("either_way")
@given(st.data())
@settings(max_examples=30, deadline=None)
def test_matmul_equals_pythons_integers(data: st.DataObject):
    pool = np.array(data.draw(st.lists(WORDS, min_size=1, max_size=40)), np.uint64)
    x, y = np.resize(pool, (32, 33)), np.resize(pool[::-1], (33, 32))
    np.testing.assert_array_equal(exact(x, y), ring.matmul(x, y))


@pytest.mark.usefixtures("either_way")
def test_strided_factors_are_read_as_they_are():
    x, y = random_words(80, 90), random_words(60, 45, seed=1)
    np.testing.assert_array_equal(np.matmul(x[::2, ::2], y.T), ring.matmul(x[::2, ::2], y.T))


def test_the_faster_way_is_found_by_timing():
    assert ring._limbs_pay() in (True, False)
    x, y = random_words(200, 200), random_words(200, 200, seed=1)
    np.testing.assert_array_equal(np.matmul(x, y), ring.matmul(x, y))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="mismatch"):
        ring.matmul(random_words(40, 41), random_words(40, 41))


@pytest.mark.parametrize(
    ("left", "right"),
    [((7,), (7,)), ((0,), (0,)), ((3, 4), (4, 5)), ((40, 50), (50, 40)), ((4,), (4, 2)), ((2, 3, 4), (2, 4, 2))],
)
def test_matmul_sum_adds_products_up_and_leaves_factors_alone(left: tuple[int, ...], right: tuple[int, ...]):
    x0, x1, y0, y1 = random_words(*left), random_words(*left, seed=1), random_words(*right, seed=2), random_words(*right, seed=3)
    kept = [array.copy() for array in (x0, x1, y0, y1)]
    total = ring.matmul_sum([(x0, y0), (x0, y1), (x1, y0)])
    expected = np.asarray(x0 @ y0) + np.asarray(x0 @ y1) + np.asarray(x1 @ y0)
    assert (np.shape(expected), np.uint64) == (total.shape, total.dtype)
    np.testing.assert_array_equal(expected, total)
    for before, after in zip(kept, (x0, x1, y0, y1), strict=True):
        np.testing.assert_array_equal(before, after)


def test_matmul_sum_of_nothing_is_refused():
    with pytest.raises(MisuseValueError, match="at least one pair"):
        ring.matmul_sum([])


def product_of(x0: Words, x1: Words, y0: Words, y1: Words, mask: Words) -> Words:
    return x0 * y0 + x0 * y1 + x1 * y0 + mask


def and_of(x0: Words, x1: Words, y0: Words, y1: Words, mask: Words) -> Words:
    return x0 & y0 ^ x0 & y1 ^ x1 & y0 ^ mask


KERNELS = pytest.mark.parametrize(
    ("whole", "blocks", "reference"),
    [(ring.cross_product, ring.cross_product_blocks, product_of), (ring.and_cross, ring.and_cross_blocks, and_of)],
    ids=["product", "and"],
)
Kernel = Callable[..., None]


@KERNELS
@pytest.mark.parametrize("n", SIZES)
def test_cross_terms_of_every_size(whole: Kernel, blocks: Callable[..., object], reference: Kernel, n: int):
    *factors, mask = (random_words(n, seed=seed) for seed in range(5))
    kept = [array.copy() for array in (*factors, mask)]
    out = np.empty(n, np.uint64)
    whole(*factors, mask, out)
    np.testing.assert_array_equal(reference(*kept), out)
    for before, after in zip(kept, (*factors, mask), strict=True):
        np.testing.assert_array_equal(before, after)


@KERNELS
@pytest.mark.parametrize("n", [5, 1000, ring.BLOCK + 5])
@pytest.mark.parametrize("which", range(5))
def test_the_result_may_overwrite_any_input(whole: Kernel, blocks: Callable[..., object], reference: Kernel, n: int, which: int):
    inputs = [random_words(n, seed=seed) for seed in range(5)]
    expected = reference(*(array.copy() for array in inputs))
    whole(*inputs, inputs[which])
    np.testing.assert_array_equal(expected, inputs[which])


@KERNELS
@pytest.mark.parametrize("shape", [(0,), (1,), (64,), (65,), (ring.BLOCK,), (3, ring.BLOCK), (2, 5, 7), (100_000,), ()])
def test_blocks_are_final_when_they_are_announced(whole: Kernel, blocks: Kernel, reference: Kernel, shape: tuple[int, ...]):
    factors = [random_words(*shape, seed=seed) for seed in range(4)]
    expected = reference(*(factor.reshape(-1) for factor in factors), Stream(bytes(16)).words(int(np.prod(shape))))
    out, done = np.empty(shape, np.uint64), 0
    for finished in blocks(*factors, Stream(bytes(16)).words_into, out):
        assert finished > done
        done = finished
        np.testing.assert_array_equal(expected[:done], out.reshape(-1)[:done])
    assert out.size == done


@given(st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS, WORDS), min_size=1, max_size=80))
def test_cross_terms_equal_pythons_integers(rows: list[tuple[int, int, int, int, int]]):
    columns = [np.array(column, np.uint64) for column in zip(*rows, strict=True)]
    out = np.empty(len(rows), np.uint64)
    ring.cross_product(*columns, out)
    assert [(a * (c + d) + b * c + m) % 2**64 for a, b, c, d, m in rows] == out.tolist()


def test_matrices_and_repeated_scalars_are_fine_but_a_strided_result_is_not():
    x, y = random_words(9, 30), np.broadcast_to(random_words(1), (9, 30))
    out = np.zeros((9, 30), np.uint64)
    ring.cross_product(x, x, y, y, y, out)
    np.testing.assert_array_equal(x * (y + y) + x * y + y, out)
    with pytest.raises(MisuseValueError, match="C-contiguous"):
        ring.cross_product(x, x, x, x, x, np.zeros((30, 9), np.uint64).T)
