"""Owns packed bits: 64 bits to a uint64 word, bit i of a row being bit i % 64 of word i // 64.

It knows words, never secrets. A vector of n numbers is either n words or, bit-sliced, 64 planes of ceil(n/64) words
(plane b holds bit b of every number); `to_planes` and `from_planes` go between the two. Every function takes leading
axes and works on the last one. Bits beyond n in the last word are padding: zero in whatever this module packs.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramp_notebook.errors import MisuseValueError

Words = NDArray[np.uint64]
WORD_BITS = 64

BLOCK = 16384  # numbers transposed at a time: a byte for each of their bits is 1 MiB, and fewer numbers cost more calls
COLUMNS = 256  # of 64 words transposed at a time: 128 KiB
FEW = 128  # up to so many numbers one table of all bits is quicker than blocks
_STEPS = (32, 16, 8, 4, 2, 1)
_LOW_HALVES = [np.uint64(sum(1 << bit for bit in range(64) if not bit & step)) for step in _STEPS]  # bits with this one clear
_BIT_OF_BYTE = (1 << np.arange(8)).astype(np.uint8)[:, None]


def word_count(n: int) -> int:
    """Return how many words hold n bits."""
    return -(-n // WORD_BITS)


def pack(bools: NDArray[np.bool_]) -> Words:
    """Pack bits (..., n) into words (..., word_count(n)); padding is zero."""
    n = bools.shape[-1]
    packed = np.ascontiguousarray(np.packbits(bools, axis=-1, bitorder="little"))
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
    return words_to_planes(words[..., None, :], [bits])


def words_to_planes(words: Words, counts: Sequence[int]) -> Words:
    """Slice numbers of several words (..., k, n), the lowest first, into planes (..., sum(counts), word_count(n)).

    Of word j the low counts[j] bits are taken.
    """
    *lead, _, n = words.shape
    planes = np.empty((*lead, sum(counts), word_count(n)), dtype=np.uint64)
    end = 0
    for j, count in enumerate(counts):
        _check_bits(count)
        start, end = end, end + count
        if count and n > FEW:
            for index in np.ndindex(*lead):
                _slice(words[*index, j], planes[*index, start:end])
        elif count:
            octets = np.ascontiguousarray(words[..., j, :])[..., None].view(np.uint8)
            table = np.unpackbits(octets, axis=-1, count=count, bitorder="little")
            planes[..., start:end, :] = pack(np.swapaxes(table, -1, -2).view(np.bool_))
    return planes


def from_planes(planes: Words, n: int) -> Words:
    """Join planes (..., bits, word_count(n)) into numbers (..., n) below 2**bits; padding is ignored."""
    *lead, bits, count = planes.shape
    _check_bits(bits)
    _check_words(planes, n)
    if bits == 0:
        return np.zeros((*lead, n), dtype=np.uint64)
    if n <= FEW:
        return pack(np.swapaxes(unpack(planes, n), -1, -2))[..., 0]
    words = np.empty((*lead, n), dtype=np.uint64)
    for source, numbers in zip(planes.reshape(-1, bits, count), words.reshape(-1, n), strict=True):
        _join(source, numbers)
    return words


def _slice(numbers: Words, planes: Words) -> None:
    """One vector into its planes: byte i of every number side by side, then each of its 8 bits picked and packed.

    `packbits` makes a bit of every non-zero byte, with vector instructions.
    """
    bits, n = planes.shape[0], numbers.shape[0]
    planes[:, -1] = 0  # the last word may be filled in part only
    octets, targets = np.ascontiguousarray(numbers).view(np.uint8).reshape(n, 8), planes.view(np.uint8)
    used, step = -(-bits // 8), min(n, BLOCK)
    columns, picked = np.empty((used, 1, step), np.uint8), np.empty((used, 8, step), np.uint8)
    for start in range(0, n, step):
        size = min(step, n - start)
        np.copyto(columns[:, 0, :size], octets[start : start + size, :used].T)
        np.bitwise_and(columns[..., :size], _BIT_OF_BYTE, out=picked[..., :size])
        packed = np.packbits(picked[..., :size], axis=-1, bitorder="little").reshape(8 * used, -1)
        targets[:, start // 8 : start // 8 + packed.shape[1]] = packed[:bits]


def _join(planes: Words, numbers: Words) -> None:
    """The way back. Eight neighbours share a byte of every plane; these bytes side by side, bit c of each packs to number c.

    Rows that are a power of two apart fall on one cache set, so a block of the planes is first copied to padded rows.
    """
    bits, n = planes.shape[0], numbers.shape[0]
    width = max(8, 1 << (bits - 1).bit_length())  # as wide as an unsigned integer type, so that packed bits are numbers
    step = -(-min(n, BLOCK) // 8)
    octets = np.ascontiguousarray(planes).view(np.uint8)[:, : -(-n // 8)]
    rows, groups = np.zeros((width, step + 8), np.uint8), np.empty((step, width), np.uint8)
    picked = np.empty((8, step * width), np.uint8)
    full = n // 8
    for start in range(0, octets.shape[1], step):
        size = min(step, octets.shape[1] - start)
        rows[:bits, :size] = octets[:, start : start + size]
        np.copyto(groups[:size], rows[:, :size].T)
        np.bitwise_and(groups[:size].reshape(-1), _BIT_OF_BYTE, out=picked[:, : size * width])
        packed = np.packbits(picked[:, : size * width], axis=-1, bitorder="little")
        joined = packed.view(f"u{width // 8}").T
        whole = min(size, full - start)
        numbers[8 * start : 8 * (start + whole)].reshape(whole, 8)[...] = joined[:whole]
        if whole < size:
            numbers[8 * full :] = joined[whole, : n - 8 * full]


def without_padding(words: Words, n: int) -> Words:
    """Rows of n bits with zeros beyond; the same array where nothing is beyond."""
    _check_words(words, n)
    if n % WORD_BITS == 0:
        return words
    words = words.copy()
    words[..., -1] &= np.uint64((1 << n % WORD_BITS) - 1)
    return words


def transpose(blocks: Words) -> Words:
    """Swap rows and bits of blocks (..., 64, n): bit j of row i becomes bit i of row j, in each of the n columns.

    Halves of both are swapped, then quarters, and so on: six steps, whole words at a time (Warren, Hacker's Delight).
    """
    swapped = np.empty(blocks.shape, np.uint64)
    for start in range(0, blocks.shape[-1], COLUMNS):
        columns = blocks[..., start : start + COLUMNS].copy(order="C")
        _swap_halves(columns)
        swapped[..., start : start + COLUMNS] = columns
    return swapped


def _swap_halves(blocks: Words) -> None:
    *lead, _, n = blocks.shape
    for step, mask in zip(_STEPS, _LOW_HALVES, strict=True):
        pairs = blocks.reshape(*lead, WORD_BITS // (2 * step), 2, step, n)
        upper, lower = pairs[..., 0, :, :], pairs[..., 1, :, :]
        changed = upper >> np.uint64(step)
        changed ^= lower
        changed &= mask
        lower ^= changed
        changed <<= np.uint64(step)
        upper ^= changed


def _check_words(words: Words, n: int) -> None:
    if words.shape[-1] != word_count(n):
        raise MisuseValueError(f"{n} bits are packed in {word_count(n)} words; got {words.shape[-1]} (shape {words.shape}).")


def _check_bits(bits: int) -> None:
    if not 0 <= bits <= WORD_BITS:
        raise MisuseValueError(f"a word has 0 to {WORD_BITS} planes; {bits} were asked for.")
