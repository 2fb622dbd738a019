"""SecretArray: the handle on a shared array, with numpy's operators, indexing and shape methods.

Operators look their meaning up in the registry, where primitives and gadgets put it; this file knows neither. Everything
that would need the secret's value refuses, and says what to write instead.
"""

import inspect
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import registry
from ..errors import MisuseTypeError, MisuseValueError
from ..protocols import planes as packed
from ..protocols.base import align
from ..values import shaped
from ..values.encoding import BOOL, DType

if TYPE_CHECKING:
    from .session import Session

WORKS = (
    "+ - * @, // and % (by a power of two), == != < <= > >=, & | ^ ~ << >>, abs, indexing and slicing by public indices, reshape, "
    "transpose, concatenate, stack, split, where, roll, take, sum, cumsum, prod, any, all, dot, min, max, argmin, argmax, "
    "clip, mean, and the gadgets"
)


class SecretArray:
    """A shared array: shape, dtype (`int64`, `fixed`, `bool`) and domain are public, values are not. Immutable.

    `share` is this party's piece: (components, *shape) uint64 for numbers, (components, ceil(size/64)) packed for bits.
    `domain` says whether shares add up ("arithmetic") or XOR ("binary"; always so for bits). `wide` marks integers that
    may lie outside [-2**62, 2**62), whose comparisons need two more sign extractions.
    """

    __slots__ = ("domain", "dtype", "epoch", "protocol_name", "session", "shape", "share", "wide")
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self, session: "Session", share: Any, shape: tuple[int, ...], dtype: DType, domain: str = "arithmetic", wide: bool = False
    ):
        self.session, self.share, self.shape, self.dtype = session, share, shape, dtype
        self.domain, self.wide = ("binary" if dtype is BOOL else domain), wide
        self.epoch, self.protocol_name = session.epoch, session.protocol_name

    # -- facts ---------------------------------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of values."""
        return math.prod(self.shape)

    @property
    def binary(self) -> bool:
        """Whether it is shared by XOR of bits."""
        return self.domain == "binary"

    def __len__(self) -> int:
        if not self.shape:
            raise MisuseTypeError("a secret of shape () has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<secret {self.dtype}, shape {self.shape}, {self.protocol_name}, held by {', '.join(self.session.parties)}>"

    # -- local shape operations ----------------------------------------------------------------------------------------

    def local(self, operation: Callable[[Any], Any]) -> "SecretArray":
        """Apply a numpy shape or index operation to every component. Free: no communication.

        `operation` takes one component, an array of this shape, and returns the new component.
        """
        if self.dtype is not BOOL:
            parts = [operation(self.share[c]) for c in range(self.share.shape[0])]
            share = np.stack(parts) if not shaped.is_shaped(parts[0]) else shaped.ShapedArray((len(parts), *parts[0].shape))
            return self.moved(share, share.shape[1:])
        if shaped.is_shaped(self.share):
            shape = operation(shaped.ShapedArray(self.shape, bool)).shape
            return self.moved(shaped.ShapedArray((self.share.shape[0], packed.word_count(math.prod(shape)))), shape)
        parts = [operation(packed.unpack(words, self.size).reshape(self.shape)) for words in self.share]
        return self.moved(np.stack([packed.pack(np.ascontiguousarray(part).reshape(-1)) for part in parts]), parts[0].shape)

    def like(self, share: Any, shape: tuple[int, ...]) -> "SecretArray":
        """Another array of the same kind."""
        return SecretArray(self.session, share, shape, self.dtype, self.domain, self.wide)

    def moved(self, share: Any, shape: tuple[int, ...]) -> "SecretArray":
        """The same values in other places: of the cell and protocol that they came from."""
        array = self.like(share, shape)
        array.epoch, array.protocol_name = self.epoch, self.protocol_name
        return array

    def flat(self) -> Any:
        """Numbers only: the share as (components, size)."""
        return self.share.reshape(self.share.shape[0], self.size)

    def aligned(self, ndim: int) -> Any:
        """Numbers only: the share with leading axes of length 1 inserted up to this many value axes."""
        return align(self.share, ndim)

    def __getitem__(self, key: Any) -> "SecretArray":
        for part in key if isinstance(key, tuple) else (key,):
            if isinstance(part, SecretArray):
                raise MisuseTypeError(
                    "an index must be public: a secret index would be read by everyone. Use gadgets.select(condition, a, b), "
                    "gadgets.sort_by or gadgets.permute, or reveal the index on purpose."
                )
        try:
            return self._item(key)
        except IndexError:
            np.broadcast_to(False, self.shape)[key]  # the same mistake, told without the component axis
            raise

    def _item(self, key: Any) -> "SecretArray":
        gathered = self._gather(key)
        if gathered is not None:
            return gathered
        if self.dtype is not BOOL:
            basic = all(isinstance(k, (slice, int, type(None), type(Ellipsis))) for k in (key if isinstance(key, tuple) else (key,)))
            if basic:  # a view of all components at once
                keys = key if isinstance(key, tuple) else (key,)
                share = self.share[(slice(None), *keys)]
                return self.moved(share, share.shape[1:])
            if isinstance(key, np.ndarray) and key.dtype.kind == "i" and self.shape:  # a gather of rows, of all components at once
                share = np.take(self.share, key, axis=1)
                return self.moved(share, share.shape[1:])
        return self.local(lambda a: a[key])

    def _gather(self, key: Any) -> "SecretArray | None":
        """Numbers at the places of one integer array on the first or second axis: all components in one pass."""
        axis = 1
        if isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], slice) and key[0] == slice(None):
            axis, key = 2, key[1]
        if self.dtype is BOOL or not isinstance(key, np.ndarray) or key.dtype.kind != "i" or key.ndim != 1 or self.share.ndim <= axis:
            return None
        share = np.take(self.share, key, axis=axis)
        return self.moved(share, share.shape[1:])

    def __iter__(self) -> Iterator["SecretArray"]:
        return (self[i] for i in range(len(self)))

    def reshape(self, *shape: Any) -> "SecretArray":
        """Same values in another shape. Local."""
        target = shaped.ShapedArray(self.shape, np.uint8).reshape(*shape).shape
        share = self.share if self.dtype is BOOL else self.share.reshape(self.share.shape[0], *target)
        return self.moved(share, target)

    def ravel(self) -> "SecretArray":
        """All values along one axis. Local."""
        return self.reshape(-1)

    flatten = ravel

    def transpose(self, *axes: Any) -> "SecretArray":
        """The axes in another order, by default reversed. Local."""
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes or None
        return self.local(lambda a: np.transpose(a, order))

    @property
    def T(self) -> "SecretArray":
        """transpose()."""
        return self.transpose()

    def copy(self) -> "SecretArray":
        """Itself: it never changes."""
        return self

    # -- reductions and methods, by registry ---------------------------------------------------------------------------

    def sum(self, axis: Any = None) -> "SecretArray":
        """The sum over an axis, by default all."""
        return _operator("sum")(self, axis=axis)  # type: ignore[no-any-return]

    def cumsum(self, axis: Any = None) -> "SecretArray":
        """Running totals along an axis."""
        return _operator("cumsum")(self, axis=axis)  # type: ignore[no-any-return]

    def prod(self, axis: Any = None) -> "SecretArray":
        """The product over an axis, by default all."""
        return _operator("prod")(self, axis=axis)  # type: ignore[no-any-return]

    def any(self, axis: Any = None) -> "SecretArray":
        """Whether a bit along an axis, by default all, is 1."""
        return _operator("any")(self, axis=axis)  # type: ignore[no-any-return]

    def all(self, axis: Any = None) -> "SecretArray":
        """Whether all bits along an axis, by default all, are 1."""
        return _operator("all")(self, axis=axis)  # type: ignore[no-any-return]

    def min(self, axis: Any = None) -> "SecretArray":
        """The smallest value: gadgets.min."""
        return _operator("min")(self, axis=axis)  # type: ignore[no-any-return]

    def max(self, axis: Any = None) -> "SecretArray":
        """The largest value: gadgets.max."""
        return _operator("max")(self, axis=axis)  # type: ignore[no-any-return]

    def mean(self, axis: Any = None) -> "SecretArray":
        """The mean: gadgets.mean."""
        return _operator("mean")(self, axis=axis)  # type: ignore[no-any-return]

    def argmin(self, axis: Any = None) -> "SecretArray":
        """Where the smallest value stands first: gadgets.argmin."""
        return _operator("np.argmin")(self, axis=axis)  # type: ignore[no-any-return]

    def argmax(self, axis: Any = None) -> "SecretArray":
        """Where the largest value stands first: gadgets.argmax."""
        return _operator("np.argmax")(self, axis=axis)  # type: ignore[no-any-return]

    def clip(self, low: Any, high: Any) -> "SecretArray":
        """Values below `low` and above `high` moved to these: gadgets.clip."""
        return _operator("np.clip")(self, low, high)  # type: ignore[no-any-return]

    def take(self, indices: Any, axis: Any = None) -> "SecretArray":
        """The values at public indices."""
        return _operator("np.take")(self, indices, axis=axis)  # type: ignore[no-any-return]

    def dot(self, other: Any) -> "SecretArray":
        """The matrix product: self @ other."""
        return _operator("matmul")(self, other)  # type: ignore[no-any-return]

    # -- numpy ---------------------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = UFUNCS.get(ufunc)
        if name is None or method != "__call__" or kwargs:
            raise unsupported(f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}"))
        if ufunc in LOGICAL and any(isinstance(x, SecretArray) and x.dtype is not BOOL for x in inputs):
            raise MisuseTypeError(f"np.{ufunc.__name__} on secrets takes bits. Compare first, e.g. x != 0.")
        return _operator(name)(*inputs)

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if func in PUBLIC_FACTS:
            return PUBLIC_FACTS[func](args[0])
        name = f"np.{func.__name__}"
        if name not in registry.operators:
            raise unsupported(name)
        implementation = registry.operators[name]
        try:
            return implementation(*args, **kwargs)
        except TypeError:
            check_call(name, implementation, args, kwargs)
            raise

    if TYPE_CHECKING:  # set below, from one table

        def __add__(self, other: Any) -> "SecretArray": ...
        def __radd__(self, other: Any) -> "SecretArray": ...
        def __sub__(self, other: Any) -> "SecretArray": ...
        def __mul__(self, other: Any) -> "SecretArray": ...
        def __rmul__(self, other: Any) -> "SecretArray": ...
        def __matmul__(self, other: Any) -> "SecretArray": ...
        def __floordiv__(self, other: Any) -> "SecretArray": ...
        def __mod__(self, other: Any) -> "SecretArray": ...
        def __and__(self, other: Any) -> "SecretArray": ...
        def __or__(self, other: Any) -> "SecretArray": ...
        def __xor__(self, other: Any) -> "SecretArray": ...
        def __lshift__(self, other: Any) -> "SecretArray": ...
        def __rshift__(self, other: Any) -> "SecretArray": ...
        def __lt__(self, other: Any) -> "SecretArray": ...
        def __le__(self, other: Any) -> "SecretArray": ...
        def __gt__(self, other: Any) -> "SecretArray": ...
        def __ge__(self, other: Any) -> "SecretArray": ...
        def __neg__(self) -> "SecretArray": ...
        def __pos__(self) -> "SecretArray": ...
        def __invert__(self) -> "SecretArray": ...
        def __abs__(self) -> "SecretArray": ...

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"a secret array has no `{name}`. What works: {WORKS}.")


def unsupported(what: str) -> MisuseTypeError:
    """The refusal of what numpy could do and secrets cannot."""
    return MisuseTypeError(f"{what} does not work on secrets. What works: {WORKS}. Or mpc.reveal(x) first, if the value may become public.")


def check_call(name: str, implementation: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """Say which arguments work on secrets if these are not among them."""
    signature = inspect.signature(implementation)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as problem:
        taken = ", ".join(str(p.replace(annotation=p.empty)) for p in signature.parameters.values() if p.kind is not p.KEYWORD_ONLY)
        options = [str(p.replace(annotation=p.empty)) for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
        also = f" and, by name, {', '.join(options)}" if options else ""
        raise MisuseTypeError(f"{name} on secrets takes ({taken}){also}: {problem}") from None


def _operator(name: str) -> Callable[..., Any]:
    try:
        return registry.operators[name]  # type: ignore[no-any-return]
    except MisuseValueError:
        text = f"nothing implements `{name}` on secrets: the gadgets are not imported (import ramp_notebook.gadgets)"
        raise MisuseTypeError(text) from None


PUBLIC_FACTS: dict[Any, Callable[[SecretArray], Any]] = {np.shape: lambda x: x.shape, np.ndim: lambda x: x.ndim, np.size: lambda x: x.size}

UFUNCS = {
    np.add: "add", np.subtract: "sub", np.multiply: "mul", np.matmul: "matmul", np.negative: "neg", np.floor_divide: "floordiv",
    np.less: "lt", np.less_equal: "le", np.greater: "gt", np.greater_equal: "ge", np.equal: "eq", np.not_equal: "ne",
    np.bitwise_and: "and", np.bitwise_or: "or", np.bitwise_xor: "xor", np.invert: "invert", np.left_shift: "lshift",
    np.right_shift: "rshift", np.minimum: "minimum", np.maximum: "maximum", np.absolute: "abs", np.square: "square",
    np.logical_and: "and", np.logical_or: "or", np.logical_xor: "xor", np.logical_not: "invert", np.remainder: "mod",
    np.positive: "pos",
}  # fmt: skip
LOGICAL = (np.logical_and, np.logical_or, np.logical_xor, np.logical_not)


def _binary_method(name: str, swapped: bool = False) -> Callable[[SecretArray, Any], Any]:
    def method(self: SecretArray, other: Any) -> Any:
        return _operator(name)(other, self) if swapped else _operator(name)(self, other)

    return method


def _unary_method(name: str) -> Callable[[SecretArray], Any]:
    return lambda self: _operator(name)(self)


for _name in ("add", "sub", "mul", "matmul", "floordiv", "mod", "and", "or", "xor", "lshift", "rshift"):
    setattr(SecretArray, f"__{_name}__", _binary_method(_name))
    setattr(SecretArray, f"__r{_name}__", _binary_method(_name, swapped=True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(SecretArray, f"__{_name}__", _binary_method(_name))
for _name in ("neg", "pos", "invert", "abs"):
    setattr(SecretArray, f"__{_name}__", _unary_method(_name))

REFUSALS = {
    "__bool__": "A secret cannot decide a branch: that would reveal it. "
    "Compute both sides and use gadgets.select(condition, a, b), or mpc.reveal(condition) on purpose.",
    "__int__": "A secret has no public integer value. mpc.reveal(x) makes it public on purpose.",
    "__float__": "A secret has no public float value. mpc.reveal(x) makes it public on purpose.",
    "__complex__": "A secret has no public value. mpc.reveal(x) makes it public on purpose.",
    "__index__": "A secret cannot be an index, a length or a loop bound: that would reveal it. "
    "Use gadgets.select, or mpc.reveal(x) on purpose.",
    "__hash__": "A secret cannot be hashed: a set or dict would reveal it. Use gadgets.union, gadgets.intersection or gadgets.membership.",
    "__contains__": "`in` would reveal the secret. Use gadgets.membership(values, set).",
    "__format__": "A secret has no text: formatting would reveal it. mpc.reveal(x) first, or print it as it is for its type and shape.",
    "__round__": "A secret cannot be rounded as a Python number. mpc.reveal(x) first.",
    "__trunc__": "A secret has no public value. mpc.reveal(x) first.",
    "__floor__": "A secret has no public value. mpc.reveal(x) first.",
    "__ceil__": "A secret has no public value. mpc.reveal(x) first.",
    "__divmod__": "divmod does not work on secrets; // and % by a power of two do.",
    "__rdivmod__": "divmod does not work on secrets.",
    "__rmod__": "% by a secret does not work. Reveal the divisor if it may become public.",
    "__truediv__": "/ does not work on secrets. Divide by a public number with x * (1 / d), or by a power of two with //.",
    "__rtruediv__": "/ by a secret does not work. Reveal the divisor if it may become public.",
    "__rfloordiv__": "// by a secret does not work. Reveal the divisor if it may become public.",
    "__pow__": "** does not work on secrets; write the products, x * x.",
    "__rpow__": "** by a secret exponent does not work.",
    "__setitem__": "A secret array is immutable. Build the new one, e.g. with gadgets.select or np.concatenate.",
    "__delitem__": "A secret array is immutable. Slice it instead.",
    "__array__": "A secret cannot become an ndarray. mpc.reveal(x) makes it public on purpose.",
    "__reduce_ex__": "A secret stays in its parties: a handle is only meaningful in the party that holds its share.",
    "__buffer__": "A secret has no public bytes.",
    "__bytes__": "A secret has no public bytes.",
}  # fmt: skip


def _refusal(name: str, text: str) -> Callable[..., Any]:
    def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise MisuseTypeError(text)

    refuse.__name__ = name
    return refuse


for _name, _text in REFUSALS.items():
    setattr(SecretArray, _name, _refusal(_name, _text))
