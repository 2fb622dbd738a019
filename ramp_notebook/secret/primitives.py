"""Arithmetic and bit logic on secret arrays, as the protocol provides them: operands converted, costs attributed.

Free (local): adding, products with public integers, XOR, NOT, shape operations. Everything else opens a span.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import MisuseTypeError, MisuseValueError
from ..protocols import planes as packed
from ..values import ring as rings
from ..values import shaped
from ..values.encoding import BOOL, INT64, DType, dtype_of, encode, fixed
from .array import SecretArray, unsupported
from .gadget import primitive, session_of

ALL_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)

# -- conversions -------------------------------------------------------------------------------------------------------


def arithmetic(x: SecretArray) -> SecretArray:
    """The same numbers with shares that add up; bits become 0 and 1. Free if they do already."""
    if x.dtype is BOOL:
        return bits_to_int(x)
    return x if x.domain == "arithmetic" else to_arithmetic(x)


@primitive("bits_to_int")
def bits_to_int(x: SecretArray) -> SecretArray:
    """0 or 1 (int64) of each secret bit. Under `replicated`: 3 elements in total per bit, 2 rounds."""
    ring = x.session.protocol.bits_to_ring(x.share, x.size)
    return SecretArray(x.session, ring.reshape(ring.shape[0], *x.shape), x.shape, INT64)


@primitive("to_binary")
def to_binary(x: SecretArray) -> SecretArray:
    """The same integers as XOR-shared words, on which & | ^ and cheap comparisons work. Explicit because it costs."""
    if x.binary or not x.size:
        return SecretArray(x.session, x.share, x.shape, x.dtype, "binary", x.wide)
    words = x.session.protocol.to_binary(x.flat())
    return SecretArray(x.session, words.reshape(words.shape[0], *x.shape), x.shape, x.dtype, "binary", x.wide)


@primitive("to_arithmetic")
def to_arithmetic(x: SecretArray) -> SecretArray:
    """The same integers with shares that add up modulo 2^64."""
    if x.dtype is BOOL:
        return bits_to_int(x)
    if not x.binary or not x.size:
        return SecretArray(x.session, x.share, x.shape, x.dtype, "arithmetic", x.wide)
    ring = x.session.protocol.to_arithmetic(x.flat())
    return SecretArray(x.session, ring.reshape(ring.shape[0], *x.shape), x.shape, x.dtype, "arithmetic", x.wide)


@primitive("truncate")
def truncate(x: SecretArray, bits: int, probabilistic: bool = False) -> SecretArray:
    """floor(x / 2**bits) of the ring values, exactly; or rounded up or down at random where named (and labelled)."""
    x = arithmetic(x)
    if bits == 0 or not x.size:
        return x
    protocol = x.session.protocol
    if probabilistic:
        x.session.note(flags=["probabilistic truncation"])
    ring = (protocol.truncate_probabilistic if probabilistic else protocol.truncate)(x.flat(), bits)
    return x.like(ring.reshape(ring.shape[0], *x.shape), x.shape)


@primitive("sign")
def sign(x: SecretArray) -> SecretArray:
    """Secret bits: x < 0."""
    x = arithmetic(x)
    return SecretArray(x.session, x.session.protocol.sign(x.flat()) if x.size else _no_bits(x), x.shape, BOOL)


@primitive("is_zero")
def is_zero(x: SecretArray) -> SecretArray:
    """Secret bits: x == 0."""
    x = arithmetic(x)
    return SecretArray(x.session, x.session.protocol.is_zero(x.flat()) if x.size else _no_bits(x), x.shape, BOOL)


@primitive("words_are_less")
def words_are_less(x: SecretArray, y: SecretArray, bits: int = 64) -> SecretArray:
    """Secret bits: x < y as unsigned numbers of the low `bits` bits of binary words of one shape."""
    if not x.size:
        return SecretArray(x.session, _no_bits(x), x.shape, BOOL)
    a, b = (v.share.reshape(v.share.shape[0], 1, v.size) for v in (x, y))
    return SecretArray(x.session, x.session.protocol.words_are_less(a, b, [bits]), x.shape, BOOL)


@primitive("rows_are_less")
def rows_are_less(x: SecretArray, y: SecretArray, bits: Sequence[int]) -> SecretArray:
    """Secret bits: row by row, x < y as unsigned numbers of several binary words (n, k), the lowest word first."""
    shape = x.shape[:1]
    if not x.size:
        return SecretArray(x.session, x.share.reshape(x.share.shape[0], 0), shape, BOOL)
    a, b = (v.share.transpose(0, 2, 1) for v in (x, y))
    return SecretArray(x.session, x.session.protocol.words_are_less(a, b, bits), shape, BOOL)


@primitive("bits_as_words", local=True)
def bits_as_words(x: SecretArray) -> SecretArray:
    """Each secret bit as a binary word 0 or 1. Local."""
    share = packed.unpack(x.share, x.size).astype(np.uint64)
    return SecretArray(x.session, share.reshape(share.shape[0], *x.shape), x.shape, INT64, "binary")


@primitive("words_as_bits", local=True)
def words_as_bits(x: SecretArray, position: int = 0) -> SecretArray:
    """One bit of each binary word, as secret bits. Local."""
    bits = ((x.flat() >> np.uint64(position)) & np.uint64(1)).astype(np.bool_)
    return SecretArray(x.session, packed.pack(bits), x.shape, BOOL)


@primitive("words_are_equal")
def words_are_equal(x: SecretArray, y: SecretArray, bits: int = 64) -> SecretArray:
    """Secret bits: the low `bits` bits of binary words of one shape are equal."""
    words = x.session.protocol.words_are_equal(x.flat(), y.flat(), bits) if x.size else _no_bits(x)
    return SecretArray(x.session, words, x.shape, BOOL)


def _no_bits(x: SecretArray) -> Any:
    return x.share.reshape(x.share.shape[0], 0)


@primitive("shuffle")
def shuffle_rows(columns: Sequence[SecretArray]) -> list[SecretArray]:
    """The rows (first axis) of all columns in one random order that no party knows. Numbers only; equal lengths.

    Under `replicated`: 6 elements per row and column in total, 3 rounds.
    """
    if columns[0].shape[0] == 0:
        return list(columns)
    shuffled = session_of(columns).protocol.shuffle([(c.share, c.binary) for c in columns])
    return [c.like(share, c.shape) for c, share in zip(columns, shuffled, strict=True)]


# -- sums and products -------------------------------------------------------------------------------------------------


def _number(x: Any, partner: DType) -> tuple[Any, DType]:
    """A public operand as ring elements, in a type that suits its secret partner."""
    kind = dtype_of(x) if not shaped.is_shaped(x) else (fixed() if x.dtype.kind == "f" else INT64)
    if kind is BOOL:
        x, kind = np.asarray(x).astype(np.int64), INT64
    if kind.name == "fixed" and partner.name == "fixed":
        kind = partner
    return encode(x, kind, "public operand"), kind


def _raised(ring: Any, kind: DType, target: DType) -> Any:
    return ring << np.uint64(target.fraction_bits - kind.fraction_bits) if target.fraction_bits > kind.fraction_bits else ring


def _common(a: DType, b: DType) -> DType:
    return a if a.fraction_bits >= b.fraction_bits else b


def _shape(x: Any, y: Any) -> tuple[int, ...]:
    a = x.shape if isinstance(x, SecretArray) else np.shape(x)
    b = y.shape if isinstance(y, SecretArray) else np.shape(y)
    if a == b:
        return a
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        raise MisuseValueError(f"shapes {a} and {b} do not broadcast; reshape one, or index with None to add an axis") from None


@primitive("add", "add", local=True)
def add(x: Any, y: Any) -> SecretArray:
    """x + y. Local. Integers wrap modulo 2^64, as numpy's int64 do."""
    if not isinstance(x, SecretArray):
        x, y = y, x
    shape = _shape(x, y)
    x = arithmetic(x)
    if not isinstance(y, SecretArray):
        ring, kind = _number(y, x.dtype)
        target = _common(x.dtype, kind)
        share = x.session.protocol.add_public(_raised(x.share, x.dtype, target), _raised(ring, kind, target), binary=False)
        return SecretArray(x.session, share, shape, target, wide=x.wide)
    y = arithmetic(y)
    target = _common(x.dtype, y.dtype)
    share = _raised(x.aligned(len(shape)), x.dtype, target) + _raised(y.aligned(len(shape)), y.dtype, target)
    return SecretArray(x.session, share, shape, target, wide=x.wide or y.wide)


@primitive("negate", "neg", local=True)
def negate(x: SecretArray) -> SecretArray:
    x = arithmetic(x)
    return x.like(-x.share, x.shape)


@primitive("subtract", "sub", local=True)
def subtract(x: Any, y: Any) -> SecretArray:
    return add(x, negate(y)) if isinstance(y, SecretArray) else add(x, -np.asarray(y) if not shaped.is_shaped(y) else y)


@primitive("multiply", "mul")
def multiply(x: Any, y: Any) -> SecretArray:
    """x * y elementwise. By a public integer: local. Under `replicated`: 3 elements in total per product, 1 round.

    Two fixed-point factors are truncated exactly, to the nearest unit.
    """
    if not isinstance(x, SecretArray):
        x, y = y, x
    shape = _shape(x, y)
    x = arithmetic(x)
    protocol = x.session.protocol
    if not isinstance(y, SecretArray):
        ring, kind = _number(y, x.dtype)
        product = x.aligned(len(shape)) * ring
        return _rescaled(x, product, shape, x.dtype, kind, x.wide)
    y = arithmetic(y)
    left, right = x.aligned(len(shape)), y.aligned(len(shape))
    full = (left.shape[0], *shape)
    if left.shape != full:
        left = np.broadcast_to(left, full)
    if right.shape != full:
        right = np.broadcast_to(right, full)
    product = protocol.multiply(left, right)
    return _rescaled(x, product, shape, x.dtype, y.dtype, x.wide or y.wide)


@primitive("square", "square", local=True)
def square(x: SecretArray) -> SecretArray:
    return multiply(x, x)


def _rescaled(x: SecretArray, ring: Any, shape: tuple[int, ...], a: DType, b: DType, wide: bool) -> SecretArray:
    """A product of numbers with fractions of a and b bits, brought back to one fraction by rounding to nearest."""
    target = _common(a, b)
    surplus = a.fraction_bits + b.fraction_bits - target.fraction_bits
    result = SecretArray(x.session, ring, shape, target, wide=wide)
    if not surplus:
        return result
    half = x.session.protocol.add_public(ring, np.uint64(1 << (surplus - 1)), binary=False)
    return truncate(result.like(half, shape), surplus)


@primitive("matmul", ("matmul", "np.dot", "np.matmul"))
def matmul(x: Any, y: Any) -> SecretArray:
    """x @ y by numpy's rules. Under `replicated` one product's price per *output* element, 1 round."""
    secret = x if isinstance(x, SecretArray) else y
    protocol = secret.session.protocol
    if np.shape(x) == () or np.shape(y) == ():
        return multiply(x, y)
    try:
        shape = shaped.matmul_shape(np.shape(x), np.shape(y))
    except ValueError as problem:
        raise MisuseValueError(str(problem)) from None
    parts, kinds = [], []
    for operand in (x, y):
        if isinstance(operand, SecretArray):
            operand = arithmetic(operand)
            parts.append(operand.share)
            kinds.append(operand.dtype)
        else:
            ring, kind = _number(operand, secret.dtype)
            parts.append(ring)
            kinds.append(kind)
    both = isinstance(x, SecretArray) and isinstance(y, SecretArray)
    ring = protocol.matmul(parts[0], parts[1]) if both else _public_matmul(parts, isinstance(x, SecretArray), shape)
    return _rescaled(secret, ring, shape, kinds[0], kinds[1], secret.wide)


def _public_matmul(parts: Sequence[Any], left_secret: bool, shape: tuple[int, ...]) -> Any:
    """A product with a public matrix is local: component by component."""
    share, public = parts if left_secret else reversed(parts)
    if shaped.is_shaped(share, public):
        return shaped.ShapedArray((share.shape[0], *shape))
    products = [np.asarray(rings.matmul(c, public) if left_secret else rings.matmul(public, c)) for c in share]
    return np.stack(products).reshape(share.shape[0], *shape)


@primitive("sum", ("sum", "np.sum"))
def total(x: SecretArray, axis: Any = None) -> SecretArray:
    """Sum over all or some axes. Local for numbers; bits are converted first."""
    x = arithmetic(x)
    axes = range(x.ndim) if axis is None else [_axis(a, x.ndim) for a in (axis if isinstance(axis, tuple) else (axis,))]
    share = np.sum(x.share, axis=tuple(a + 1 for a in axes))
    return x.like(share, share.shape[1:])


@primitive("cumsum", ("cumsum", "np.cumsum"))
def cumsum(x: SecretArray, axis: int | None = None) -> SecretArray:
    """Running sum. Local for numbers; bits are converted first."""
    x = arithmetic(x.ravel() if axis is None else x)
    share = np.cumsum(x.share, axis=1 + (_axis(axis, x.ndim) if axis is not None else 0))
    return x.like(share, share.shape[1:])


@primitive("prod", ("prod", "np.prod"))
def prod(x: SecretArray, axis: int | None = None) -> SecretArray:
    """Product over an axis (default: all), as a tree of ceil(log2 n) rounds."""
    x = x.ravel() if axis is None else x.local(lambda a: np.moveaxis(a, _axis(axis, x.ndim), 0))
    if len(x) == 0:
        one = np.ones(x.shape[1:], np.int64)
        return x.session.public(one if x.dtype.name != "fixed" else one.astype(float), None if x.dtype is BOOL else x.dtype)
    while len(x) > 1:
        half = len(x) // 2
        product: SecretArray = x[:half] * x[half : 2 * half]
        x = concatenate([product, x[2 * half :]]) if len(x) % 2 else product
    return x[0]


def _axis(axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise MisuseValueError(f"axis {axis} is out of range for an array of {ndim} dimensions")
    return axis % ndim


# -- shifts and division by powers of two ------------------------------------------------------------------------------


@primitive("shift_left", "lshift", local=True)
def shift_left(x: Any, k: Any) -> SecretArray:
    """x * 2**k for a public k. Local."""
    if not isinstance(x, SecretArray) or not isinstance(k, (int, np.integer)) or not 0 <= k < 64:
        raise MisuseValueError("<< takes a secret integer and a public shift from 0 to 63")
    return x.like(x.share << np.uint64(k), x.shape) if x.dtype is not BOOL else shift_left(bits_to_int(x), k)


@primitive("shift_right", "rshift")
def shift_right(x: Any, k: Any) -> SecretArray:
    """floor(x / 2**k) of integers for a public k. Local on binary words; else an exact truncation."""
    if not isinstance(x, SecretArray) or x.dtype is BOOL or not isinstance(k, (int, np.integer)) or not 0 <= k < 64:
        raise MisuseValueError(">> takes a secret number and a public shift from 0 to 63")
    if x.binary:
        signed = x.share if shaped.is_shaped(x.share) else (x.share.view(np.int64) >> np.int64(k)).view(np.uint64)
        return x.like(signed, x.shape)
    return truncate(x, int(k))


@primitive("floor_divide", "floordiv")
def floor_divide(x: Any, d: Any) -> SecretArray:
    """x // d for a public power of two d, by exact truncation."""
    powers = isinstance(d, (int, np.integer)) and d > 0 and (int(d) & (int(d) - 1)) == 0 and d < 2**63
    if not isinstance(x, SecretArray) or not powers or x.dtype.name != "int64":
        raise MisuseValueError("// on secrets takes a secret int64 and a public power of two, e.g. x // 8")
    return truncate(x, int(d).bit_length() - 1)


# -- bit logic ---------------------------------------------------------------------------------------------------------


def _bit_operands(x: Any, y: Any, symbol: str) -> tuple[SecretArray, Any, tuple[int, ...]]:
    """Both operands as binary shares (the second may be a public array), broadcast to one shape."""
    if not isinstance(x, SecretArray):
        x, y = y, x
    shape = _shape(x, y)
    kinds = {_bit_kind(v) for v in (x, y)}
    if "fixed" in kinds or len(kinds) > 1:
        got = " and ".join(sorted(kinds))
        raise MisuseTypeError(f"{symbol} takes two arrays of bits, or two of integers; got {got}. Compare first to get bits.")
    x = x if x.binary else to_binary(x)
    if isinstance(y, SecretArray):
        y = y if y.binary else to_binary(y)
        y = y if y.shape == shape else y.local(lambda a: np.broadcast_to(a, shape))
    elif x.dtype is not BOOL:
        y = encode(y, INT64)
    elif np.shape(y) == () and not shaped.is_shaped(y):
        y = ALL_ONES if y else np.uint64(0)
    else:
        y = public_words(np.broadcast_to(y, shape))
    x = x if x.shape == shape else x.local(lambda a: np.broadcast_to(a, shape))
    return x, y, shape


def _bit_kind(x: Any) -> str:
    if isinstance(x, SecretArray):
        return x.dtype.name
    dtype = x.dtype if shaped.is_shaped(x) else np.asarray(x).dtype
    return "bool" if dtype == np.dtype(bool) else "int64"


def public_words(bits: Any) -> Any:
    if shaped.is_shaped(bits):
        return shaped.ShapedArray((packed.word_count(bits.size),))
    return packed.pack(bits.reshape(-1))


@primitive("xor", "xor", local=True)
def xor(x: Any, y: Any) -> SecretArray:
    """x ^ y of bits (local), or of integers as binary words."""
    a, y, shape = _bit_operands(x, y, "^")
    share = a.share ^ y.share if isinstance(y, SecretArray) else a.session.protocol.add_public(a.share, y, binary=True)
    return a.like(share, shape)


@primitive("and", "and")
def conjunction(x: Any, y: Any) -> SecretArray:
    """x & y. One round; under `replicated` one bit sent by each party per bit."""
    a, y, shape = _bit_operands(x, y, "&")
    share = a.session.protocol.conjunction(a.share, y.share) if isinstance(y, SecretArray) else a.share & y
    return a.like(share, shape)


@primitive("or", "or")
def disjunction(x: Any, y: Any) -> SecretArray:
    """x | y = x ^ y ^ (x & y). Costs one &."""
    return xor(xor(x, y), conjunction(x, y))


@primitive("invert", "invert", local=True)
def invert(x: SecretArray) -> SecretArray:
    """~x of bits, or of integers as binary words (local)."""
    if x.dtype is BOOL or x.binary:
        return x.like(x.session.protocol.invert(x.share), x.shape)
    if x.dtype.name == "fixed":
        raise unsupported("~ on fixed point")
    return negate(x) - 1  # ~x = -x - 1 in two's complement, without leaving the arithmetic domain


# -- shapes ------------------------------------------------------------------------------------------------------------


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
    return [SecretArray(session, _raised(n.share, n.dtype, target), n.shape, target, wide=n.wide) for n in numbers]


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
