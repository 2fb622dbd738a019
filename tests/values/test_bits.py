"""Packed bits against plain Python: every bit at its place, padding zero, inputs untouched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ramp_notebook.errors import MisuseValueError
from ramp_notebook.values import bits

SIZES = [0, 1, 2, 63, 64, 65, bits.FEW, bits.FEW + 1, 1000, bits.BLOCK, bits.BLOCK + 1, 2 * bits.BLOCK + 77, 100_000]
WIDTHS = [0, 1, 3, 8, 9, 17, 31, 32, 33, 63, 64]


def random_words(*shape: int) -> NDArray[np.uint64]:
    return np.random.default_rng(sum(shape)).integers(0, 2**64, shape, dtype=np.uint64)


def naive_planes(numbers: list[int], width: int) -> list[list[int]]:
    count = bits.word_count(len(numbers))
    planes = [[0] * count for _ in range(width)]
    for i, number in enumerate(numbers):
        for b in range(width):
            planes[b][i // 64] |= (number >> b & 1) << i % 64
    return planes


def test_numbers_go_to_planes_and_back():
    numbers = np.array([5, 2, 7], np.uint64)
    planes = bits.to_planes(numbers, 3)
    np.testing.assert_array_equal([[0b101], [0b110], [0b101]], planes)
    np.testing.assert_array_equal(numbers, bits.from_planes(planes, 3))


@given(st.lists(st.booleans(), max_size=200))
def test_bit_i_is_bit_i_mod_64_of_word_i_div_64(values: list[bool]):
    words = bits.pack(np.array(values, bool))
    assert bits.word_count(len(values)) == words.size
    assert sum(1 << i for i, bit in enumerate(values) if bit) == sum(int(w) << 64 * k for k, w in enumerate(words))
    assert values == bits.unpack(words, len(values)).tolist()


@pytest.mark.parametrize("n", SIZES)
def test_packing_works_on_the_last_axis_of_any_array(n: int):
    values = np.random.default_rng(n).integers(0, 2, (2, 3, n)).astype(bool)
    words = bits.pack(values)
    assert (2, 3, bits.word_count(n)) == words.shape
    np.testing.assert_array_equal(values, bits.unpack(words, n))
    np.testing.assert_array_equal(bits.pack(values[1, 2]), words[1, 2])
    strided = np.random.default_rng(n).integers(0, 2, (n, 5)).astype(bool).T
    np.testing.assert_array_equal(strided, bits.unpack(bits.pack(strided), n))


@given(st.lists(st.integers(0, 2**64 - 1), max_size=2 * bits.FEW), st.sampled_from(WIDTHS))
@settings(deadline=None)
def test_planes_equal_the_naive_ones(numbers: list[int], width: int):
    expected = np.array(naive_planes(numbers, width), np.uint64).reshape(width, bits.word_count(len(numbers)))
    np.testing.assert_array_equal(expected, bits.to_planes(np.array(numbers, np.uint64), width))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("n", SIZES)
def test_planes_of_every_size_and_width(n: int, width: int):
    numbers = random_words(2, n)
    kept = numbers.copy()
    planes = bits.to_planes(numbers, width)
    assert (2, width, bits.word_count(n)) == planes.shape
    for b in range(width):
        np.testing.assert_array_equal(bits.pack((numbers >> np.uint64(b) & np.uint64(1)).astype(bool)), planes[:, b])
    kept_planes = planes.copy()
    np.testing.assert_array_equal(numbers & np.uint64((1 << width) - 1), bits.from_planes(planes, n))
    np.testing.assert_array_equal(kept, numbers)
    np.testing.assert_array_equal(kept_planes, planes)


@pytest.mark.parametrize("n", [1, 65, 129, 1001, bits.BLOCK + 9])
def test_padding_is_zero_when_written_and_ignored_when_read(n: int):
    planes = bits.to_planes(np.full(n, 2**64 - 1, np.uint64))
    last = np.uint64((1 << n % 64) - 1)
    assert (planes[:, -1] == last).all()
    planes[:, -1] |= ~last
    assert (bits.from_planes(planes, n) == np.uint64(2**64 - 1)).all()
    assert bits.unpack(planes, n).all()


@pytest.mark.parametrize("n", [3, 200, bits.BLOCK + 3])
def test_strided_and_frozen_inputs_are_read_as_they_are(n: int):
    every_other = random_words(2 * n)[::2]
    every_other.flags.writeable = False
    planes = bits.to_planes(every_other)
    np.testing.assert_array_equal(bits.to_planes(every_other.copy()), planes)
    wide = np.repeat(planes, 2, axis=-1)[..., ::2]
    np.testing.assert_array_equal(every_other, bits.from_planes(wide, n))


@pytest.mark.parametrize("n", [1, 64, bits.FEW + 1, 1000])
def test_numbers_of_several_words_go_to_planes_lowest_word_first(n: int):
    words = random_words(2, 3, n)
    together = bits.words_to_planes(words, [17, 0, 64])
    np.testing.assert_array_equal(np.concatenate([bits.to_planes(words[:, 0], 17), bits.to_planes(words[:, 2])], axis=1), together)


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 128])
def test_padding_can_be_cleared(n: int):
    words = random_words(2, bits.word_count(n)) | np.uint64(1 << 63)
    cleared = bits.without_padding(words, n)
    np.testing.assert_array_equal(bits.pack(bits.unpack(words, n)), cleared)


def test_results_share_no_memory_with_inputs():
    numbers = random_words(640)
    planes = bits.to_planes(numbers)
    assert not np.shares_memory(numbers, planes)
    assert not np.shares_memory(bits.from_planes(planes, 640), planes)


def test_wrong_counts_are_refused_kindly():
    with pytest.raises(MisuseValueError, match="65 bits are packed in 2 words; got 1"):
        bits.unpack(random_words(1), 65)
    with pytest.raises(MisuseValueError, match="got 3"):
        bits.from_planes(random_words(64, 3), 100)
    with pytest.raises(MisuseValueError, match="65 were asked for"):
        bits.to_planes(random_words(4), 65)


def test_transpose_swaps_rows_and_bits():
    blocks = np.random.default_rng(3).integers(0, 2**64, (2, 64, 300), dtype=np.uint64)
    as_bits = bits.unpack(blocks[..., None], 64)  # (2, 64 rows, 300, 64 bits)
    np.testing.assert_array_equal(bits.pack(np.swapaxes(as_bits, 1, 3))[..., 0], bits.transpose(blocks))
    np.testing.assert_array_equal(blocks, bits.transpose(bits.transpose(blocks)))
    assert (3, 64, 0) == bits.transpose(np.zeros((3, 64, 0), np.uint64)).shape
