"""Bit logic on secret bits, and on integers as binary words: & | ^ ~, with public operands too."""

from typing import Any

import numpy as np

from ..errors import MisuseTypeError
from ..protocols import planes as packed
from ..values import shaped
from ..values.encoding import BOOL, INT64, encode
from .array import SecretArray, unsupported
from .conversions import ALL_ONES, arithmetic, bits_as_masks, bits_to_int, to_binary
from .gadget import primitive
from .numbers import multiply, negate
from .shapes import common_shape


def _bit_operands(x: Any, y: Any, symbol: str) -> tuple[SecretArray, Any, tuple[int, ...]]:
    """Both operands as binary shares (the second may be a public array), broadcast to one shape."""
    if not isinstance(x, SecretArray):
        x, y = y, x
    shape = common_shape(x, y)
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
    return {"b": "bool", "f": "fixed"}.get(np.dtype(x.dtype if shaped.is_shaped(x) else np.asarray(x).dtype).kind, "int64")


def public_words(bits: Any) -> Any:
    if shaped.is_shaped(bits):
        return shaped.ShapedArray((packed.word_count(bits.size),))
    return packed.pack(bits.reshape(-1))


@primitive("xor", "xor", local=True)
def xor(x: Any, y: Any) -> SecretArray:
    """x ^ y of bits (local), or of integers as binary words."""
    a, y, shape = _bit_operands(x, y, "^")
    share = a.share ^ y.share if isinstance(y, SecretArray) else a.session.protocol.xor_public(a.share, y)
    return a.like(share, shape)


@primitive("and", "and")
def conjunction(x: Any, y: Any) -> SecretArray:
    """x & y. One round; under `replicated` one bit sent by each party per bit."""
    a, y, shape = _bit_operands(x, y, "&")
    if not isinstance(y, SecretArray):
        return a.like(a.share & y, shape)
    protocol = a.session.protocol
    share = protocol.conjunction_of(a.share, y.share, a.size) if a.dtype is BOOL else protocol.conjunction(a.share, y.share)
    return a.like(share, shape)


@primitive("or", "or")
def disjunction(x: Any, y: Any) -> SecretArray:
    """x | y = (x & y) ^ x ^ y. Costs one &."""
    return xor(xor(conjunction(x, y), x), y)


@primitive("invert", "invert", local=True)
def invert(x: SecretArray) -> SecretArray:
    """~x of bits, or of integers as binary words (local)."""
    if x.dtype is BOOL or x.binary:
        return x.like(x.session.protocol.invert(x.share), x.shape)
    if x.dtype.name == "fixed":
        raise unsupported("~ on fixed point")
    return negate(x) - 1  # ~x = -x - 1 in two's complement, without leaving the arithmetic domain


def multiply_by_bits(x: Any, bits: SecretArray) -> SecretArray:
    """x where a secret bit is 1, else 0: a product; or an AND with the bit, 64 a number, where numbers are words of bits."""
    if not isinstance(x, SecretArray) or not x.session.protocol.numbers_are_words:
        return multiply(x, bits_to_int(bits))
    x, masks = arithmetic(x), bits_as_masks(bits)
    chosen = conjunction(SecretArray(x.session, x.share, x.shape, INT64, "binary"), masks)
    return SecretArray(x.session, chosen.share, chosen.shape, x.dtype, wide=x.wide)
