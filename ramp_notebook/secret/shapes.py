"""Shapes: joining, splitting and rearranging secret arrays. All local, except that unlike kinds are first made alike."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import MisuseTypeError, MisuseValueError
from ..protocols import planes as packed
from ..values import shaped
from ..values.encoding import BOOL, DType
from .array import SecretArray
from .conversions import arithmetic
from .gadget import primitive, session_of


def common_shape(x: Any, y: Any) -> tuple[int, ...]:
    """The shape to which two operands broadcast."""
    a = x.shape if isinstance(x, SecretArray) else np.shape(x)
    b = y.shape if isinstance(y, SecretArray) else np.shape(y)
    if a == b or b == ():
        return a
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        raise MisuseValueError(f"shapes {a} and {b} do not broadcast; reshape one, or index with None to add an axis") from None


def raised(x: SecretArray, target: DType) -> SecretArray:
    """The same numbers in units of a finer fraction."""
    by = target.fraction_bits - x.dtype.fraction_bits
    share = x.session.protocol.shift_left(x.share, by) if by > 0 else x.share
    return SecretArray(x.session, share, x.shape, target, wide=x.wide)


def _uniform(arrays: Sequence[Any]) -> list[SecretArray]:
    """All arrays as secrets of one dtype and domain."""
    if not isinstance(arrays, (list, tuple)):
        raise MisuseTypeError("expected a list of arrays")
    session = session_of(arrays)
    secrets = [a if isinstance(a, SecretArray) else session.public(a) for a in arrays]
    kinds = {s.dtype.name for s in secrets}
    if kinds == {"bool"} or len({(s.dtype, s.domain) for s in secrets}) == 1:
        return secrets
    numbers = [arithmetic(s) for s in secrets]
    target = max((n.dtype for n in numbers), key=lambda d: d.fraction_bits)
    return [raised(n, target) for n in numbers]


@primitive("concatenate", "np.concatenate", local=True)
def concatenate(arrays: Sequence[Any], axis: int = 0) -> SecretArray:
    """np.concatenate. Local."""
    return _joined(np.concatenate, _uniform(arrays), axis)


@primitive("stack", "np.stack", local=True)
def stack(arrays: Sequence[Any], axis: int = 0) -> SecretArray:
    """np.stack. Local."""
    return _joined(np.stack, _uniform(arrays), axis)


def _joined(join: Any, arrays: Sequence[SecretArray], axis: int) -> SecretArray:
    first = arrays[0]
    wide = any(a.wide for a in arrays)
    try:
        if first.dtype is not BOOL:
            share = join([a.share for a in arrays], axis=axis + 1 if axis >= 0 else axis)
            return SecretArray(first.session, share, share.shape[1:], first.dtype, first.domain, wide)
        if shaped.is_shaped(first.share):
            shape = join([shaped.ShapedArray(a.shape, bool) for a in arrays], axis=axis).shape
            return first.like(shaped.ShapedArray((first.share.shape[0], packed.word_count(int(np.prod(shape))))), shape)
        unpacked = ([packed.unpack(a.share[c], a.size).reshape(a.shape) for a in arrays] for c in range(first.share.shape[0]))
        parts = [join(component, axis=axis) for component in unpacked]
    except (ValueError, IndexError) as problem:
        raise MisuseValueError(f"{problem}; the shapes are {[a.shape for a in arrays]}") from None
    return first.like(np.stack([packed.pack(p.reshape(-1)) for p in parts]), parts[0].shape)


def _shape_function(name: str) -> None:
    function = getattr(np, name)

    @primitive(name, f"np.{name}", local=True)
    def run(x: SecretArray, *args: Any, **kwargs: Any) -> SecretArray:
        return x.local(lambda a: function(a, *args, **kwargs))


for _name in (
    "roll",
    "transpose",
    "moveaxis",
    "swapaxes",
    "expand_dims",
    "squeeze",
    "flip",
    "take",
    "broadcast_to",
    "repeat",
    "reshape",
    "ravel",
):
    _shape_function(_name)


@primitive("split", ("np.split", "np.array_split"), local=True)
def split(x: SecretArray, indices_or_sections: Any, axis: int = 0) -> list[SecretArray]:
    """np.split. Local."""
    sections = np.array_split(np.arange(x.shape[axis]), indices_or_sections)
    return [x.local(functools.partial(np.take, indices=s, axis=axis)) for s in sections]
