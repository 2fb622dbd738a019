"""Bits of numbers, and OR and AND over an axis."""

from typing import Any

import numpy as np

from ramp_notebook import BOOL, INT64, MisuseTypeError, MisuseValueError, SecretArray, gadget, primitives


def _bits_of(x: Any) -> Any:
    return (np.asarray(x)[..., None] >> np.arange(64) & 1).astype(bool)


def _number_of(bits: Any) -> Any:
    weights = np.left_shift(np.uint64(1), np.arange(np.shape(bits)[-1], dtype=np.uint64))
    return (np.asarray(bits).astype(np.uint64) * weights).sum(-1).astype(np.int64)


@gadget(paper="ABY3 2018/403: one adder by the local share split", reference=_bits_of, arguments=("integers",))
def to_bits(x: SecretArray) -> SecretArray:
    """Return the 64 bits of each integer (two's complement), lowest first, along a new last axis.

    Shapes: x of any shape; result x.shape + (64,) of bits.   Reveals: nothing.   Cost: 7 rounds under `replicated`.
    >>> mpc.reveal(gadgets.to_bits(mpc.input("x", owner="alice"))[:, :3])     # alice: x = [1, 5]
    array([[ True, False, False],
           [ True, False,  True]])
    """
    words = primitives.to_binary(x)
    return primitives.stack([primitives.words_as_bits(words, position) for position in range(64)], axis=-1)


@gadget(paper="ABY3 2018/403: a binary adder whose sum two parties learn masked", reference=_number_of, arguments=("bit rows",))
def from_bits(bits: SecretArray) -> SecretArray:
    """Return the integers whose bits stand along the last axis, lowest first (at most 64; under `shamir` 60).

    Shapes: (..., k) of bits; result (...).   Reveals: nothing.   Cost: 8 rounds under `replicated`.
    Raises: MisuseTypeError (not bits), MisuseValueError (more bits than the protocol's integers have).
    >>> mpc.reveal(gadgets.from_bits(mpc.input("b", owner="alice")))     # alice: b = [[True, False], [True, True]]
    array([1, 3])
    """
    if bits.dtype is not BOOL or not bits.shape:
        raise MisuseTypeError(f"from_bits takes secret bits along the last axis; got {bits!r}")
    protocol = bits.session.protocol
    most = 64 if protocol.largest == 2**63 - 1 else protocol.largest.bit_length()
    if bits.shape[-1] > most:
        raise MisuseValueError(f"from_bits takes at most {most} bits a number under {protocol.name}; got {bits.shape[-1]}")
    words = primitives.bits_as_words(bits)
    planes = [words[..., k] << k for k in range(bits.shape[-1])]
    total = planes[0] if planes else primitives.bits_as_words(bits.reshape(bits.shape[:-1]))
    for plane in planes[1:]:
        total = total ^ plane
    return primitives.to_arithmetic(SecretArray(total.session, total.share, total.shape, INT64, "binary"))


@gadget(paper="tree of ANDs", reference=np.all, arguments=("bits",), operator=("all", "np.all"))
def all(x: SecretArray, axis: int | None = None) -> SecretArray:
    """Return whether all bits along an axis (default: all axes) are 1. ceil(log2 n) rounds, n - 1 ANDs.

    >>> mpc.reveal(gadgets.all(mpc.input("b", owner="alice")))     # alice: b = [True, False]
    False
    """
    return _fold(x, axis, lambda a, b: a & b, True)


@gadget(paper="tree of ORs", reference=np.any, arguments=("bits",), operator=("any", "np.any"))
def any(x: SecretArray, axis: int | None = None) -> SecretArray:
    """Return whether a bit along an axis (default: all axes) is 1. ceil(log2 n) rounds, n - 1 ANDs.

    >>> mpc.reveal(gadgets.any(mpc.input("b", owner="alice")))     # alice: b = [True, False]
    True
    """
    return _fold(x, axis, lambda a, b: a | b, False)


def _fold(x: SecretArray, axis: int | None, join: Any, neutral: bool) -> SecretArray:
    if not isinstance(x, SecretArray) or x.dtype is not BOOL:
        raise MisuseTypeError(f"any and all take secret bits; got {x!r}. Compare first, e.g. (x > 0).any().")
    check_axis(axis, x.ndim)
    x = x.ravel() if axis is None else x.local(lambda a: np.moveaxis(a, axis, 0))
    if len(x) == 0:
        return x.session.public(np.full(x.shape[1:], neutral))
    while len(x) > 1:
        half = len(x) // 2
        joined = join(x[:half], x[half : 2 * half])
        x = primitives.concatenate([joined, x[2 * half :]]) if len(x) % 2 else joined
    return x[0]


def check_axis(axis: int | None, ndim: int) -> None:
    """Raise MisuseValueError unless the axis is None or one of `ndim`."""
    if axis is not None and not -ndim <= axis < ndim:
        raise MisuseValueError(f"axis {axis} is out of range for an array of {ndim} dimensions")
