"""Arrays that have a shape and a dtype but no data: what a plan computes with.

Numpy functions work on them by an allow-list; whatever would need the data raises NoDataError. Sizes are exact at any
scale because nothing is allocated: a plan of 10^9 elements costs what a plan of 10 costs.
"""

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import NoDataError


class ShapedArray(np.lib.mixins.NDArrayOperatorsMixin):
    """A shape and a dtype. Elementwise operators and shape functions work; asking for a value raises NoDataError.

    >>> (ShapedArray((3, 1), np.uint64) + ShapedArray((4,), np.uint64)).shape
    (3, 4)
    """

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: Iterable[int], dtype: Any = np.uint64):
        self.shape: tuple[int, ...] = tuple(int(n) for n in shape)
        self.dtype = np.dtype(dtype)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * int(self.dtype.itemsize)

    @property
    def T(self) -> "ShapedArray":
        return ShapedArray(self.shape[::-1], self.dtype)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a 0-dimensional array has no length")
        return int(self.shape[0])

    def __repr__(self) -> str:
        return f"<no data: shape {self.shape}, {self.dtype}>"

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise no_data("turn it into an ndarray")

    def _refuse(self, *args: Any) -> Any:
        raise no_data("branch on it, count with it or print it")

    __bool__ = __int__ = __float__ = __index__ = __complex__ = tolist = item = tobytes = _refuse

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> "ShapedArray":
        return ShapedArray(_indexed_shape(self.shape, key), self.dtype)

    def __setitem__(self, key: Any, value: Any) -> None:
        np.broadcast_shapes(_indexed_shape(self.shape, key), np.shape(value))

    def reshape(self, *shape: Any) -> "ShapedArray":
        target = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        return ShapedArray(_resolve_reshape(self.size, target), self.dtype)

    def ravel(self) -> "ShapedArray":
        return self.reshape(-1)

    def astype(self, dtype: Any, copy: bool = True) -> "ShapedArray":
        return ShapedArray(self.shape, dtype)

    def view(self, dtype: Any) -> "ShapedArray":
        dtype = np.dtype(dtype)
        *rest, last = self.shape or (1,)
        return ShapedArray((*rest, last * self.dtype.itemsize // dtype.itemsize), dtype)

    def copy(self) -> "ShapedArray":
        return self

    def transpose(self, *axes: Any) -> "ShapedArray":
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes or None
        transposed: ShapedArray = np.transpose(self, order)  # type: ignore[assignment]
        return transposed

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> "ShapedArray":
        return _reduced(self, axis=axis, keepdims=keepdims)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "reduce":
            return _reduced(inputs[0], axis=kwargs.get("axis", 0), keepdims=kwargs.get("keepdims", False))
        if method != "__call__":
            return NotImplemented
        out = kwargs.get("out")
        if ufunc is np.matmul:
            result = ShapedArray(matmul_shape(np.shape(inputs[0]), np.shape(inputs[1])), np.result_type(*map(_dtype, inputs)))
        else:
            shape = np.broadcast_shapes(*(np.shape(x) for x in inputs))
            probe = ufunc(*(np.empty(0, _dtype(x)) if np.shape(x) else np.zeros((), _dtype(x)) for x in inputs))
            result = ShapedArray(shape, probe.dtype)
        return out[0] if out else result

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        handler = _FUNCTIONS.get(func)
        if handler is None:
            raise no_data(f"call np.{func.__name__} on it")
        return handler(*args, **kwargs)


def no_data(action: str) -> NoDataError:
    return NoDataError(
        f"a plan knows shapes, not data: it cannot {action}. Reveal-dependent code needs a bound as an argument or mpc.assume(…)."
    )


def is_shaped(*arrays: Any) -> bool:
    """True if any of these has no data."""
    for array in arrays:  # noqa: SIM110 - hot, and a generator would cost more than all the rest
        if type(array) is ShapedArray:
            return True
    return False


def empty(shape: Iterable[int], like: Any, dtype: Any = np.uint64) -> Any:
    """An uninitialised array of this shape: real, or shape-only if `like` is."""
    return ShapedArray(shape, dtype) if type(like) is ShapedArray else np.empty(tuple(shape), dtype)


def zeros(shape: Iterable[int], like: Any, dtype: Any = np.uint64) -> Any:
    return ShapedArray(shape, dtype) if type(like) is ShapedArray else np.zeros(tuple(shape), dtype)


def shape_rule(rule: Callable[..., Iterable[int]], dtype: Any = np.uint64) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a kernel answer arrays without data by the shape that `rule` computes from its arguments."""

    def decorate(kernel: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(kernel)
        def run(array: Any, *args: Any, **kwargs: Any) -> Any:
            if type(array) is ShapedArray:
                return ShapedArray(rule(array.shape, *args, **kwargs), dtype)
            return kernel(array, *args, **kwargs)

        return run

    return decorate


def matmul_shape(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    """Shape of `a @ b` by numpy's rules; ValueError where numpy raises it."""
    a, b = tuple(a), tuple(b)
    if not a or not b:
        raise ValueError("matmul: operands need at least one dimension")
    left, right = (a if len(a) > 1 else (1, *a)), (b if len(b) > 1 else (*b, 1))
    if left[-1] != right[-2]:
        raise ValueError(f"matmul: inner dimensions differ: {a} @ {b}")
    core = (*np.broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-1])
    if len(a) == 1:
        core = (*core[:-2], core[-1])
    return core[:-1] if len(b) == 1 else core


def _dtype(x: Any) -> Any:
    return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def _resolve_reshape(size: int, target: Any) -> tuple[int, ...]:
    shape = [int(n) for n in (target if isinstance(target, (tuple, list)) else (target,))]
    if shape.count(-1) == 1:
        known = math.prod(n for n in shape if n != -1)
        shape[shape.index(-1)] = size // known if known else 0
    if math.prod(shape) != size:
        raise ValueError(f"cannot reshape array of size {size} into shape {tuple(shape)}")
    return tuple(shape)


def _zero_stride(shape: Sequence[int]) -> np.ndarray:
    """A real array of any shape that takes one byte: lets numpy itself answer shape questions about views."""
    return np.broadcast_to(np.zeros((), np.uint8), tuple(shape))


def _indexed_shape(shape: Sequence[int], key: Any) -> tuple[int, ...]:
    """Shape of array[key] by numpy's rules, without touching an array of that shape."""
    keys = list(key) if isinstance(key, tuple) else [key]
    if any(type(k) is ShapedArray and k.dtype == bool for k in keys):
        raise no_data("select by a condition without data")
    if not any(_is_advanced(k) for k in keys):
        view: np.ndarray = _zero_stride(shape)[key]
        return view.shape
    consumed = sum(0 if k is None or k is Ellipsis else (np.asarray(k).ndim if _is_mask(k) else 1) for k in keys)
    if consumed > len(shape):
        raise IndexError(f"too many indices for an array of {len(shape)} dimensions")
    position = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    keys[position : position + 1] = [slice(None)] * (len(shape) - consumed)

    axis, pieces, advanced, places = 0, [], [], []
    for k in keys:
        if k is None:
            pieces.append(1)
        elif isinstance(k, slice):
            pieces.append(len(range(*k.indices(shape[axis]))))
            axis += 1
        else:  # in the presence of an index array, integers count as arrays too
            places.append(len(pieces))
            advanced.append((int(np.count_nonzero(k)),) if _is_mask(k) else np.shape(k))
            axis += np.asarray(k).ndim if _is_mask(k) else 1
    joint = np.broadcast_shapes(*advanced)
    start = places[0] if len(set(places)) == 1 else 0
    return (*pieces[:start], *joint, *pieces[start:])


def _is_advanced(key: Any) -> bool:
    return isinstance(key, (np.ndarray, list, ShapedArray))


def _is_mask(key: Any) -> bool:
    return not isinstance(key, ShapedArray) and _is_advanced(key) and np.asarray(key).dtype == bool


def _reduced(x: Any, axis: Any = None, keepdims: bool = False, **_: Any) -> ShapedArray:
    axes = range(x.ndim) if axis is None else [a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
    shape = [1 if i in axes else n for i, n in enumerate(x.shape)] if keepdims else [n for i, n in enumerate(x.shape) if i not in axes]
    return ShapedArray(shape, x.dtype)


def _by_views(func: Callable[..., Any]) -> Callable[..., Any]:
    def handler(x: ShapedArray, *args: Any, **kwargs: Any) -> Any:
        answer = func(_zero_stride(x.shape), *args, **kwargs)
        if isinstance(answer, (list, tuple)):
            return [ShapedArray(part.shape, x.dtype) for part in answer]
        return ShapedArray(answer.shape, x.dtype)

    return handler


def _same(x: ShapedArray, *args: Any, **kwargs: Any) -> ShapedArray:
    return x


def _concatenate(arrays: Sequence[Any], axis: int = 0, **_: Any) -> ShapedArray:
    shapes = [list(np.shape(a)) for a in arrays]
    axis %= len(shapes[0])
    first = shapes[0]
    for s in shapes[1:]:
        if s[:axis] + s[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            raise ValueError(f"concatenate: shapes do not match: {[tuple(s) for s in shapes]}")
    shape = [*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :]]
    return ShapedArray(shape, np.result_type(*(_dtype(a) for a in arrays)))


def _stack(arrays: Sequence[Any], axis: int = 0, **_: Any) -> ShapedArray:
    shape = list(np.shape(arrays[0]))
    if any(list(np.shape(a)) != shape for a in arrays):
        raise ValueError("all input arrays must have the same shape")
    shape.insert(axis if axis >= 0 else axis + len(shape) + 1, len(arrays))
    return ShapedArray(shape, np.result_type(*(_dtype(a) for a in arrays)))


def _where(condition: Any, x: Any, y: Any) -> ShapedArray:
    return ShapedArray(np.broadcast_shapes(*(np.shape(v) for v in (condition, x, y))), np.result_type(_dtype(x), _dtype(y)))


def _take(x: ShapedArray, indices: Any, axis: int | None = None, **_: Any) -> ShapedArray:
    if axis is None:
        return ShapedArray(np.shape(indices), x.dtype)
    axis %= x.ndim
    return ShapedArray((*x.shape[:axis], *np.shape(indices), *x.shape[axis + 1 :]), x.dtype)


def _repeat(x: ShapedArray, repeats: int, axis: int | None = None) -> ShapedArray:
    if axis is None:
        return ShapedArray((x.size * repeats,), x.dtype)
    return ShapedArray([n * repeats if i == axis % x.ndim else n for i, n in enumerate(x.shape)], x.dtype)


def _like(x: Any, *args: Any, dtype: Any = None, shape: Any = None, **_: Any) -> ShapedArray:
    return ShapedArray(x.shape if shape is None else shape, x.dtype if dtype is None else dtype)


_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.concatenate: _concatenate,
    np.stack: _stack,
    np.where: _where,
    np.take: _take,
    np.repeat: _repeat,
    np.sum: _reduced,
    np.prod: _reduced,
    np.cumsum: lambda x, axis=None, **_: x if axis is not None else x.reshape(-1),
    np.roll: _same,
    np.flip: _same,
    np.sort: _same,
    np.ascontiguousarray: _same,
    np.copy: _same,
    np.reshape: lambda x, shape, **_: x.reshape(shape),
    np.ravel: lambda x, **_: x.reshape(-1),
    np.zeros_like: _like,
    np.ones_like: _like,
    np.empty_like: _like,
    np.full_like: _like,
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x: x.size,
    np.broadcast_to: lambda x, shape, **_: ShapedArray(np.broadcast_shapes(x.shape, shape), x.dtype),
    np.array_equal: lambda *_: (_ for _ in ()).throw(no_data("compare it")),
    **{f: _by_views(f) for f in (np.transpose, np.moveaxis, np.swapaxes, np.expand_dims, np.squeeze, np.split, np.array_split)},
}
