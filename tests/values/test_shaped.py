"""Shape-only arrays answer exactly numpy's shapes, and never data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ramp_notebook.errors import NoDataError
from ramp_notebook.values.shaped import ShapedArray, matmul_shape

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)


def test_a_billion_rows_cost_nothing():
    x = ShapedArray((10**9, 3), np.uint64)
    assert ((x + x)[1:, 0] * 2).shape == (10**9 - 1,)
    assert x.nbytes == 24 * 10**9


@given(st.data())
def test_indexing_has_numpys_shape(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=5))
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    assert np.zeros(shape)[key].shape == ShapedArray(shape)[key].shape


@given(st.data())
def test_index_arrays_have_numpys_shape(data):
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=5))
    keys = []
    for n in shape[: data.draw(st.integers(1, len(shape)))]:
        kind = data.draw(st.sampled_from(["array", "slice", "int", "list"]))
        keys.append(
            {
                "array": np.zeros((2, 1), int),
                "slice": slice(None, None, data.draw(st.sampled_from([1, 2, -1]))),
                "int": n - 1,
                "list": [0] * 3,
            }[kind]
        )
    key = tuple(keys)
    assert np.zeros(shape)[key].shape == ShapedArray(shape)[key].shape


def test_an_index_without_data_counts_as_an_array():
    x = ShapedArray((5, 7))
    assert (3, 7) == x[ShapedArray((3,), np.int64)].shape
    assert (5, 3) == np.take(x, ShapedArray((3,), np.int64), axis=1).shape
    with pytest.raises(NoDataError, match=r"mpc\.assume"):
        x[ShapedArray((5,), bool)]


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_side=4))
def test_operators_broadcast_as_numpy_does(shapes):
    a, b = (np.zeros(s, np.uint64) for s in shapes.input_shapes)
    x, y = ShapedArray(a.shape), ShapedArray(b.shape)
    for op in (np.add, np.multiply, np.bitwise_xor, np.less):
        assert op(a, b).shape == op(x, y).shape == op(x, b).shape
        assert op(a, b).dtype == op(x, y).dtype


@given(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_side=4))
def test_matmul_shape_is_numpys(shapes):
    a, b = (np.zeros(s) for s in shapes.input_shapes)
    assert np.matmul(a, b).shape == matmul_shape(a.shape, b.shape)


@given(SHAPES)
def test_shape_functions_are_numpys(shape):
    a, x = np.zeros(shape, np.uint64), ShapedArray(shape)
    for f in (
        np.transpose,
        np.ravel,
        lambda v: np.stack([v, v]),
        lambda v: np.concatenate([v, v], axis=-1),
        lambda v: np.moveaxis(v, 0, -1),
        lambda v: np.expand_dims(v, 1),
        lambda v: np.sum(v, axis=0),
        lambda v: np.sum(v, axis=-1, keepdims=True),
        lambda v: np.cumsum(v, axis=0),
        lambda v: np.repeat(v, 2, axis=0),
        lambda v: np.where(v == 0, v, 1),
        lambda v: v.reshape(-1),
        lambda v: v[None, ..., :1],
    ):
        assert f(a).shape == f(x).shape


@pytest.mark.parametrize(
    "ask", [bool, int, float, list, lambda x: np.asarray(x), lambda x: np.unique(x), lambda x: x.tolist(), lambda x: range(10)[x]]
)
def test_data_is_refused(ask):
    with pytest.raises(NoDataError):
        ask(ShapedArray((), np.int64)) if ask in (bool, int, float) else ask(ShapedArray((3,), np.int64)) and [
            int(v) for v in ShapedArray((3,))
        ]
