"""Owns packed bits: 64 bits to a uint64 word, bit i of a row being bit i % 64 of word i // 64.

It knows words, never secrets. A vector of n numbers is either n words or, bit-sliced, 64 planes of ceil(n/64) words
(plane b holds bit b of every number); `to_planes` and `from_planes` go between the two. Every function takes leading
axes and works on the last one. Bits beyond n in the last word are padding: zero in whatever this module packs.
"""

import numpy as np
from numpy.typing import NDArray

from ramp_notebook.errors import MisuseValueError

Words = NDArray[np.uint64]
WORD_BITS = 64


def word_count(n: int) -> int:
    """Return how many words hold n bits."""
    return -(-n // WORD_BITS)


def pack(bools: NDArray[np.bool_]) -> Words:
    """Pack bits (..., n) into words (..., word_count(n)); padding is zero."""
    n = bools.shape[-1]
    packed = np.packbits(bools, axis=-1, bitorder="little")
    if n % WORD_BITS == 0:
        return packed.view(np.uint64)
    words = np.zeros((*bools.shape[:-1], word_count(n)), dtype=np.uint64)
    words.view(np.uint8)[..., : packed.shape[-1]] = packed
    return words


def unpack(words: Words, n: int) -> NDArray[np.bool_]:
    """Unpack words (..., word_count(n)) into bits (..., n); padding is ignored."""
    _check_words(words, n)
    octets = np.ascontiguousarray(words).view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=n, bitorder="little").view(np.bool_)


def to_planes(words: Words, bits: int = WORD_BITS) -> Words:
    """Slice numbers (..., n) into planes (..., bits, word_count(n)) of their low `bits` bits; padding is zero."""
    _check_bits(bits)
    octets = np.ascontiguousarray(words)[..., None].view(np.uint8)
    table = np.unpackbits(octets, axis=-1, count=bits, bitorder="little")
    return pack(np.swapaxes(table, -1, -2).view(np.bool_))


def from_planes(planes: Words, n: int) -> Words:
    """Join planes (..., bits, word_count(n)) into numbers (..., n) below 2**bits; padding is ignored."""
    bits = planes.shape[-2]
    _check_bits(bits)
    table = np.ascontiguousarray(np.swapaxes(unpack(planes, n), -1, -2))
    return pack(table)[..., 0] if bits else np.zeros(table.shape[:-1], dtype=np.uint64)


def popcount(words: Words) -> Words:
    """Return the number of set bits of each word."""
    return np.bitwise_count(words).astype(np.uint64)


def _check_words(words: Words, n: int) -> None:
    if words.shape[-1] != word_count(n):
        raise MisuseValueError(f"{n} bits are packed in {word_count(n)} words; got {words.shape[-1]} (shape {words.shape}).")


def _check_bits(bits: int) -> None:
    if not 0 <= bits <= WORD_BITS:
        raise MisuseValueError(f"a word has 0 to {WORD_BITS} planes; {bits} were asked for.")
