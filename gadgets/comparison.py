"""Comparing secrets: elementwise order and equality, minimum, maximum, clip and select."""

from typing import Any

import numpy as np

from ramp_notebook import BOOL, MisuseTypeError, MisuseValueError, SecretArray, gadget, primitives, session_of, shaped

ABY3 = "Mohassel & Rindal, ABY3, eprint 2018/403; one adder by the local share split"


def _secrets(x: Any, y: Any) -> tuple[SecretArray, SecretArray]:
    """Both operands as secrets of one shape."""
    session = session_of(x, y)
    try:
        shape = np.broadcast_shapes(np.shape(x), np.shape(y))
    except ValueError:
        raise MisuseValueError(
            f"shapes {np.shape(x)} and {np.shape(y)} do not broadcast; reshape one, or index with None to add an axis"
        ) from None
    pair = []
    for operand in (x, y):
        secret = operand if isinstance(operand, SecretArray) else session.public(operand)
        pair.append(secret if secret.shape == shape else secret.local(lambda a: np.broadcast_to(a, shape)))
    return pair[0], pair[1]


def _difference(x: Any, y: Any) -> SecretArray:
    """x - y with shape broadcast; bits count as 0 and 1."""
    return primitives.subtract(x, y) if isinstance(x, SecretArray) or isinstance(y, SecretArray) else session_of(x, y).public(x)


@gadget(paper=ABY3, reference=np.less, arguments=("integers", "integers"), operator="lt")
def less_than(x: Any, y: Any) -> SecretArray:
    """Return secret bits, 1 where x < y.

    Shapes: x and y broadcast; result of the common shape. One operand may be public.
    Range: |x - y| < 2**63, which all inputs within [-2**62, 2**62) keep (`shamir`: 2**60 and 2**59); arrays shared with
    full_range=True, or drawn by mpc.random, are compared exactly everywhere, by two more sign extractions. Integers in the
    binary domain, likewise.
    Reveals: nothing.   Cost: 7 rounds and about 18 bytes a party and element under `replicated`.
    Raises: MisuseValueError (shapes).   Source: ABY3 2018/403, one adder because one party knows x_0 + x_1.
    >>> mpc.reveal(gadgets.less_than(mpc.input("x", owner="alice"), 3))     # alice: x = [1, 5]
    array([ True, False])
    """
    if _both_binary(x, y):
        a, b = _secrets(x, y)
        flip = np.int64(-(2**63))
        return primitives.words_are_less(_binary(a) ^ flip, _binary(b) ^ flip)
    if _is_bits(x) and _is_bits(y):
        a, b = _secrets(x, y)
        return ~a & b
    if any(isinstance(v, SecretArray) and v.wide for v in (x, y)):
        return _less_than_wide(*_secrets(x, y))
    return primitives.sign(_difference(x, y))


def _less_than_wide(x: SecretArray, y: SecretArray) -> SecretArray:
    """If the signs differ, x < y exactly if x is negative; else the difference cannot overflow."""
    stacked = primitives.stack([primitives.arithmetic(x), primitives.arithmetic(y), primitives.subtract(x, y)])
    signs = primitives.sign(stacked)
    x_negative, y_negative, difference_negative = signs[0], signs[1], signs[2]
    return difference_negative ^ ((x_negative ^ y_negative) & (x_negative ^ difference_negative))


@gadget(paper=ABY3, reference=np.greater, arguments=("integers", "integers"), operator="gt")
def greater_than(x: Any, y: Any) -> SecretArray:
    """Return secret bits, 1 where x > y: less_than with the operands swapped.

    >>> mpc.reveal(gadgets.greater_than(mpc.input("x", owner="alice"), 3))     # alice: x = [1, 5]
    array([False,  True])
    """
    return less_than(y, x)


@gadget(paper=ABY3, reference=np.less_equal, arguments=("integers", "integers"), operator="le")
def less_equal(x: Any, y: Any) -> SecretArray:
    """Return secret bits, 1 where x <= y: not (y < x). Cost and range of less_than.

    >>> mpc.reveal(gadgets.less_equal(mpc.input("x", owner="alice"), 5))     # alice: x = [1, 5]
    array([ True,  True])
    """
    return ~less_than(y, x)


@gadget(paper=ABY3, reference=np.greater_equal, arguments=("integers", "integers"), operator="ge")
def greater_equal(x: Any, y: Any) -> SecretArray:
    """Return secret bits, 1 where x >= y: not (x < y). Cost and range of less_than.

    >>> mpc.reveal(gadgets.greater_equal(mpc.input("x", owner="alice"), 5))     # alice: x = [1, 5]
    array([False,  True])
    """
    return ~less_than(x, y)


@gadget(paper=ABY3, reference=np.equal, arguments=("integers", "integers"), operator="eq")
def equal(x: Any, y: Any) -> SecretArray:
    """Return secret bits, 1 where x == y. Exact over the whole range.

    Reveals: nothing.   Cost: 7 rounds and about 11 bytes a party and element under `replicated`: (s ^ -t) needs no adder.
    >>> mpc.reveal(gadgets.equal(mpc.input("x", owner="alice"), 5))     # alice: x = [1, 5]
    array([False,  True])
    """
    if _is_bits(x) and _is_bits(y):
        a, b = _secrets(x, y)
        return ~(a ^ b)
    if _both_binary(x, y):
        a, b = _secrets(x, y)
        return primitives.words_are_equal(_binary(a), _binary(b))
    return primitives.is_zero(_difference(x, y))


@gadget(paper=ABY3, reference=np.not_equal, arguments=("integers", "integers"), operator="ne")
def not_equal(x: Any, y: Any) -> SecretArray:
    """Return secret bits, 1 where x != y. Cost of equal.

    >>> mpc.reveal(gadgets.not_equal(mpc.input("x", owner="alice"), 5))     # alice: x = [1, 5]
    array([ True, False])
    """
    return ~equal(x, y)


@gadget(paper="folklore: b (x - y) + y", reference=np.where, arguments=("bits", "integers", "integers"), operator="np.where")
def select(condition: Any, x: Any, y: Any) -> SecretArray:
    """Return x where the secret condition is 1, y where it is 0.

    Shapes: condition, x and y broadcast.   Reveals: nothing.
    Cost: 1 round for bits; for numbers one bit conversion (2 rounds, skipped for a public condition) and one product.
    Raises: MisuseTypeError if the condition is not bits.
    >>> x = mpc.input("x", owner="alice")                              # alice: x = [1, 5]
    >>> mpc.reveal(gadgets.select(x > 3, x, 0))
    array([0, 5])
    """
    if not _is_bits(condition):
        raise MisuseTypeError(f"select needs a condition of bits; got {_kind(condition)}. Compare first, e.g. gadgets.select(x > 0, a, b).")
    session = session_of(condition, x, y)
    if _is_bits(x) and _is_bits(y):
        a, b = _secrets(x, y)
        choice: SecretArray = b ^ (condition & (a ^ b))
        return choice
    secrets = [v if isinstance(v, SecretArray) else session.public(v) for v in (x, y)]
    difference = secrets[0] - secrets[1]
    if not isinstance(condition, SecretArray):
        return difference * np.asarray(condition).astype(np.int64) + secrets[1]
    return primitives.multiply_by_bits(difference, condition) + secrets[1]


@gadget(paper="comparison and select", reference=np.minimum, arguments=("integers", "integers"), operator="minimum")
def minimum(x: Any, y: Any) -> SecretArray:
    """Return the smaller of x and y, elementwise. Range and cost of less_than and select.

    >>> mpc.reveal(gadgets.minimum(mpc.input("x", owner="alice"), 3))     # alice: x = [1, 5]
    array([1, 3])
    """
    return select(less_than(x, y), x, y)


@gadget(paper="comparison and select", reference=np.maximum, arguments=("integers", "integers"), operator="maximum")
def maximum(x: Any, y: Any) -> SecretArray:
    """Return the larger of x and y, elementwise. Range and cost of less_than and select.

    >>> mpc.reveal(gadgets.maximum(mpc.input("x", owner="alice"), 3))     # alice: x = [1, 5]
    array([3, 5])
    """
    return select(less_than(x, y), y, x)


@gadget(paper="two comparisons", reference=np.clip, arguments=("integers", "public integer", "public integer"), operator="np.clip")
def clip(x: Any, low: Any, high: Any) -> SecretArray:
    """Return x limited to [low, high], elementwise; low and high may be public or secret.

    >>> mpc.reveal(gadgets.clip(mpc.input("x", owner="alice"), 2, 4))     # alice: x = [1, 5]
    array([2, 4])
    """
    return minimum(maximum(x, low), high)


@gadget(paper="sign and select", reference=np.absolute, arguments=("integers",), operator="abs")
def absolute(x: Any) -> SecretArray:
    """Return |x|, elementwise. One sign extraction and one select.

    >>> mpc.reveal(gadgets.absolute(mpc.input("x", owner="alice") - 3))     # alice: x = [1, 5]
    array([2, 2])
    """
    return select(primitives.sign(x), -x, x)


def _is_bits(x: Any) -> bool:
    if isinstance(x, SecretArray):
        return x.dtype is BOOL
    return bool((x.dtype if shaped.is_shaped(x) else np.asarray(x).dtype) == np.dtype(bool))


def _both_binary(x: Any, y: Any) -> bool:
    """Integers of which at least one is in the binary domain already."""
    secrets = [v for v in (x, y) if isinstance(v, SecretArray)]
    return all(v.dtype is not BOOL for v in secrets) and any(v.binary for v in secrets) and len({str(v.dtype) for v in secrets}) == 1


def _binary(x: SecretArray) -> SecretArray:
    return x if x.binary else primitives.to_binary(x)


def _kind(x: Any) -> str:
    return f"a secret {x.dtype} of shape {x.shape}" if isinstance(x, SecretArray) else f"{np.asarray(x).dtype} of shape {np.shape(x)}"
