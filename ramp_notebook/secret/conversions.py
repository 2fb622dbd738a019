"""Between the domains: bits, integers, binary words; signs and comparisons of words; truncation; shuffling.

Everything here costs messages, except where its docstring says that it is local.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..protocols import planes as packed
from ..values.encoding import BOOL, INT64
from .array import SecretArray
from .gadget import primitive, session_of

ALL_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


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
    if x.binary:
        return SecretArray(x.session, x.share, x.shape, x.dtype, "binary", x.wide)
    if not x.size:
        return SecretArray(x.session, x.session.protocol.zeros(x.shape, binary=True), x.shape, x.dtype, "binary", x.wide)
    words = x.session.protocol.to_binary(x.flat())
    return SecretArray(x.session, words.reshape(words.shape[0], *x.shape), x.shape, x.dtype, "binary", x.wide)


@primitive("to_arithmetic")
def to_arithmetic(x: SecretArray) -> SecretArray:
    """The same integers with shares that add up modulo 2^64."""
    if x.dtype is BOOL:
        return bits_to_int(x)
    if not x.binary:
        return x
    if not x.size:
        return SecretArray(x.session, x.session.protocol.zeros(x.shape, binary=False), x.shape, x.dtype, "arithmetic", x.wide)
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


@primitive("bit_planes", local=True)
def bit_planes(words: Sequence[SecretArray], bits: Sequence[int], at: np.ndarray | None = None) -> SecretArray:
    """Numbers, or those at some places, bit by bit: (sum(bits), ceil(n / 64)) words. Local.

    A number is made of binary words (n,), the lowest first; of word j the low bits[j] bits are taken.
    """
    session, shares = session_of(words), [word.share for word in words]
    planes = session.protocol.planes_of(shares, bits) if at is None else session.protocol.planes_at(shares, bits, at)
    return SecretArray(session, planes, planes.shape[1:], INT64, "binary")


@primitive("words_are_equal")
def planes_are_zero(x: SecretArray, n: int) -> SecretArray:
    """Secret bits: each of n words equals zero. They come in bit planes, so that nobody need hold the words meanwhile."""
    zero = x.session.protocol.planes_are_zero(x.share) if n else _no_bits(x)
    return SecretArray(x.session, zero, (n,), BOOL)


@primitive("rows_are_less")
def rows_are_less(words: Sequence[SecretArray], bits: Sequence[int], at: np.ndarray, y: SecretArray) -> SecretArray:
    """Secret bits: numbers as in `bit_planes` < y, bit planes of as many numbers or more, of which the first count."""
    session, n = y.session, len(at)
    if not n:
        return SecretArray(session, _no_bits(y), (0,), BOOL)
    less = session.protocol.rows_are_less([word.share for word in words], bits, at, y.share[..., : packed.word_count(n)])
    return SecretArray(session, packed.without_padding(less, n), (n,), BOOL)


@primitive("bits_as_words", local=True)
def bits_as_words(x: SecretArray) -> SecretArray:
    """Each secret bit as a binary word 0 or 1. Local."""
    share = packed.unpack(x.share, x.size).astype(np.uint64)
    return SecretArray(x.session, share.reshape(share.shape[0], *x.shape), x.shape, INT64, "binary")


@primitive("bits_as_masks", local=True)
def bits_as_masks(x: SecretArray) -> SecretArray:
    """Each secret bit as a binary word of 64 bits equal to it. Local."""
    words = bits_as_words(x)
    return words.like(words.share * ALL_ONES, words.shape)


@primitive("words_as_bits", local=True)
def words_as_bits(x: SecretArray, position: int = 0) -> SecretArray:
    """One bit of each binary word, as secret bits. Local."""
    bits = x.flat() >> np.uint64(position)
    bits &= np.uint64(1)
    return SecretArray(x.session, packed.pack(bits.astype(np.bool_)), x.shape, BOOL)


@primitive("words_are_equal")
def words_are_equal(x: SecretArray, y: SecretArray, bits: int = 64) -> SecretArray:
    """Secret bits: the low `bits` bits of binary words of one shape are equal."""
    words = x.session.protocol.words_are_equal(x.flat(), y.flat(), bits) if x.size else _no_bits(x)
    return SecretArray(x.session, words, x.shape, BOOL)


def _no_bits(x: SecretArray) -> Any:
    return x.session.protocol.zeros((0,), binary=True)


@primitive("shuffle")
def shuffle_rows(columns: list[SecretArray]) -> list[SecretArray]:
    """The rows (first axis) of all columns in one random order that no party knows. Numbers only; equal lengths.

    Takes the columns out of the list: whoever keeps no other reference to them holds every row only once.
    Under `replicated`: 6 elements per row and column in total, 3 rounds.
    """
    if columns[0].shape[0] == 0:
        return list(columns)
    session, empty = session_of(columns), [c.like(None, c.shape) for c in columns]
    shares = [(c.share, c.binary) for c in columns]
    columns.clear()
    return [c.like(share, c.shape) for c, share in zip(empty, session.protocol.shuffle(shares), strict=True)]
