"""Sums, products, shifts: numpy's arithmetic on secret integers and fixed-point numbers, and with public operands."""

from typing import Any

import numpy as np

from ..errors import MisuseValueError
from ..values import shaped
from ..values.encoding import BOOL, INT64, DType, dtype_of, encode, fixed
from .array import SecretArray
from .conversions import arithmetic, bits_to_int, truncate
from .gadget import primitive
from .shapes import common_shape, concatenate, raised


def _public_type(x: Any, partner: DType) -> DType:
    """The type in which a public operand meets its secret partner."""
    kind = dtype_of(x) if not shaped.is_shaped(x) else (fixed() if x.dtype.kind == "f" else INT64)
    if kind is BOOL:
        return INT64
    return partner if kind.name == "fixed" and partner.name == "fixed" else kind


def _encoded(x: SecretArray, value: Any, kind: DType) -> Any:
    if not shaped.is_shaped(value) and np.asarray(value).dtype == bool:
        value = np.asarray(value).astype(np.int64)
    return x.session.protocol.encode(value, kind, "public operand")


def _common(a: DType, b: DType) -> DType:
    return a if a.fraction_bits >= b.fraction_bits else b


@primitive("add", "add", local=True)
def add(x: Any, y: Any) -> SecretArray:
    """x + y. Local. Integers wrap modulo 2^64, as numpy's int64 do."""
    if not isinstance(x, SecretArray):
        x, y = y, x
    shape = common_shape(x, y)
    x = arithmetic(x)
    protocol = x.session.protocol
    if not isinstance(y, SecretArray):
        target = _common(x.dtype, _public_type(y, x.dtype))
        share = protocol.add_public(raised(x, target).share, _encoded(x, y, target))
        return SecretArray(x.session, share, shape, target, wide=x.wide)
    return _combined(protocol.add, x, arithmetic(y))


def _combined(operation: Any, x: SecretArray, y: SecretArray) -> SecretArray:
    """A sum or difference, of one fraction and one number of axes."""
    target, shape = _common(x.dtype, y.dtype), common_shape(x, y)
    share = operation(raised(x, target).aligned(len(shape)), raised(y, target).aligned(len(shape)))
    return SecretArray(x.session, share, shape, target, wide=x.wide or y.wide)


@primitive("negate", "neg", local=True)
def negate(x: SecretArray) -> SecretArray:
    x = arithmetic(x)
    return x.like(x.session.protocol.negate(x.share), x.shape)


@primitive("subtract", "sub", local=True)
def subtract(x: Any, y: Any) -> SecretArray:
    if isinstance(x, SecretArray) and isinstance(y, SecretArray):
        return _combined(x.session.protocol.subtract, arithmetic(x), arithmetic(y))
    return add(x, negate(y) if isinstance(y, SecretArray) else _negated(y))


def _negated(y: Any) -> Any:
    """-y of a public operand; small and unsigned types would wrap around, and booleans have no minus."""
    if shaped.is_shaped(y):
        return y
    y = np.asarray(y)
    return -encode(y, INT64, "public operand").view(np.int64) if y.dtype.kind in "biu" else -y


@primitive("positive", "pos", local=True)
def positive(x: SecretArray) -> SecretArray:
    return arithmetic(x)


@primitive("multiply", "mul")
def multiply(x: Any, y: Any) -> SecretArray:
    """x * y elementwise. By a public integer: local. Under `replicated`: 3 elements in total per product, 1 round.

    Two fixed-point factors are truncated exactly, to the nearest unit.
    """
    if not isinstance(x, SecretArray):
        x, y = y, x
    shape = common_shape(x, y)
    x = arithmetic(x)
    protocol = x.session.protocol
    if not isinstance(y, SecretArray):
        kind = _public_type(y, x.dtype)
        product = protocol.scale(x.aligned(len(shape)), _encoded(x, y, kind))
        return _rescaled(x, product, shape, x.dtype, kind, x.wide)
    y = arithmetic(y)
    left, right = x.share, y.share
    if x.shape != y.shape:
        left, right = (np.broadcast_to(v.aligned(len(shape)), (v.share.shape[0], *shape)) for v in (x, y))
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
    half = x.session.protocol.add_public(ring, np.uint64(1 << (surplus - 1)))
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
    x, y = (arithmetic(v) if isinstance(v, SecretArray) else v for v in (x, y))
    kinds = [v.dtype if isinstance(v, SecretArray) else _public_type(v, secret.dtype) for v in (x, y)]
    if isinstance(x, SecretArray) and isinstance(y, SecretArray):
        product = protocol.matmul(x.share, y.share)
    elif isinstance(x, SecretArray):
        product = protocol.matmul_public(x.share, _encoded(x, y, kinds[1]), secret_left=True)
    else:
        product = protocol.matmul_public(y.share, _encoded(y, x, kinds[0]), secret_left=False)
    return _rescaled(secret, product, shape, kinds[0], kinds[1], secret.wide)


@primitive("sum", ("sum", "np.sum"))
def total(x: SecretArray, axis: Any = None) -> SecretArray:
    """Sum over all or some axes. Local for numbers; bits are converted first."""
    x = arithmetic(x)
    axes = range(x.ndim) if axis is None else [_axis(a, x.ndim) for a in (axis if isinstance(axis, tuple) else (axis,))]
    share = x.session.protocol.total(x.share, tuple(a + 1 for a in axes))
    return x.like(share, share.shape[1:])


@primitive("cumsum", ("cumsum", "np.cumsum"))
def cumsum(x: SecretArray, axis: int | None = None) -> SecretArray:
    """Running sum. Local for numbers; bits are converted first."""
    x = arithmetic(x.ravel() if axis is None else x)
    share = x.session.protocol.running_total(x.share, 1 + (_axis(axis, x.ndim) if axis is not None else 0))
    return x.like(share, share.shape[1:])


@primitive("prod", ("prod", "np.prod"))
def prod(x: SecretArray, axis: int | None = None) -> SecretArray:
    """Product over an axis (default: all), as a tree of ceil(log2 n) rounds. Bits count as 0 and 1: ANDs, then a conversion."""
    x = x.ravel() if axis is None else x.local(lambda a: np.moveaxis(a, _axis(axis, x.ndim), 0))
    if len(x) == 0:
        ones = np.ones(x.shape[1:], np.int64)
        return x.session.public(ones if x.dtype.name != "fixed" else ones.astype(float), INT64 if x.dtype is BOOL else x.dtype)
    while len(x) > 1:
        half = len(x) // 2
        low, high = x[:half], x[half : 2 * half]
        product = low & high if x.dtype is BOOL else low * high
        x = concatenate([product, x[2 * half :]]) if len(x) % 2 else product
    return arithmetic(x[0])


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
    number: SecretArray = bits_to_int(x) if x.dtype is BOOL else x
    if number.binary:
        return number.like(number.share << np.uint64(k), number.shape)
    return number.like(number.session.protocol.shift_left(number.share, int(k)), number.shape)


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
    k, fraction_bits = _power_of_two(x, d, "//"), x.dtype.fraction_bits
    quotient = truncate(x, k + fraction_bits)
    return shift_left(quotient, fraction_bits) if fraction_bits else quotient


@primitive("remainder", "mod")
def remainder(x: Any, d: Any) -> SecretArray:
    """x % d for a public power of two d: local on binary words, else by one exact truncation."""
    k = _power_of_two(x, d, "%")
    if x.binary and x.dtype is INT64:
        low: SecretArray = x.like(x.share & np.uint64((1 << k) - 1), x.shape)
        return low
    return subtract(x, shift_left(floor_divide(x, d), k))


def _power_of_two(x: Any, d: Any, symbol: str) -> int:
    """k of d = 2**k."""
    power = isinstance(d, (int, np.integer)) and d > 0 and (int(d) & (int(d) - 1)) == 0
    if not isinstance(x, SecretArray) or not power or d >= 2 ** (63 - x.dtype.fraction_bits):
        raise MisuseValueError(f"{symbol} on secrets takes a secret number and a public power of two within its range, e.g. x {symbol} 8")
    return int(d).bit_length() - 1
