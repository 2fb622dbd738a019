"""Streams: known AES vectors, consecutive draws, and keys that never meet."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramp_notebook.errors import MisuseTypeError, MisuseValueError
from ramp_notebook.values.streams import KEY_BYTES, Stream, derive_key, fresh_key

KEY = bytes(range(16))
ITEMS = st.one_of(st.binary(max_size=6), st.integers(), st.text(max_size=4), st.sampled_from([b"", "", 0, 255, 256, -128]))


def test_two_holders_of_a_key_draw_the_same_words():
    key = derive_key(fresh_key(), "masks", 7)
    mine, yours = Stream(key), Stream(key)
    np.testing.assert_array_equal(mine.words((3, 4)), yours.words((3, 4)))
    assert mine.word() == yours.word()


def test_the_keystream_starts_with_the_published_encryption_of_zero():
    # AESAVS, AES-128 all-zero key and plaintext; the second block encrypts the counter 1.
    assert Stream(bytes(16)).words(4).tobytes().hex() == ("66e94bd4ef8a2c3b884cfa59ca342b2e58e2fccefa7e3061367f1d57a4e7455a")


def test_a_long_draw_has_a_known_digest():
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    expected = Cipher(algorithms.AES(KEY), modes.CTR(bytes(16))).encryptor().update(bytes(8 * 100_000))
    assert hashlib.sha256(expected).digest() == hashlib.sha256(Stream(KEY).words(100_000).tobytes()).digest()


@given(st.lists(st.integers(0, 1500), max_size=12))
def test_draws_of_any_sizes_equal_one_draw_of_their_sum(sizes: list[int]):
    stream = Stream(KEY)
    parts = [stream.words(size) for size in sizes]
    np.testing.assert_array_equal(Stream(KEY).words(sum(sizes)), np.concatenate([np.empty(0, np.uint64), *parts]))


WAYS = st.sampled_from(["word", "scalar", "words", "into", "plane", "combine"])


@given(st.lists(WAYS, max_size=20), st.sampled_from([0, 1, 5, 511, 512, 513, 9000]))
def test_every_way_of_drawing_takes_the_same_words(ways: list[str], size: int):
    stream, got = Stream(KEY), []
    for way in ways:
        if way == "word":
            part = np.array([stream.word()], np.uint64)
        elif way == "scalar":
            part = stream.words(()).reshape(1)
        elif way == "words":
            part = stream.words(size)
        elif way == "plane":
            part = stream.words((2, size)).reshape(-1)
        else:
            part = np.zeros(size, np.uint64)
            if way == "into":
                stream.words_into(part)
            else:
                stream.combine_into(np.bitwise_xor, part)
        got.append(part)
    joined = np.concatenate([np.empty(0, np.uint64), *got])
    np.testing.assert_array_equal(Stream(KEY).words(joined.size), joined)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (2, 3), (7, 600)])
def test_words_have_the_shape_asked_for(shape: tuple[int, ...]):
    words = Stream(KEY).words(shape)
    assert (shape, np.uint64) == (words.shape, words.dtype)


def test_a_new_array_is_not_the_stream_s_buffer():
    stream = Stream(KEY)
    first = stream.words(3)
    kept = first.copy()
    first[:] = 0
    stream.words(2000)
    np.testing.assert_array_equal(kept, Stream(KEY).words(3))


def test_a_slice_is_filled_without_touching_its_neighbours():
    array = np.zeros(3000, np.uint64)
    Stream(KEY).words_into(array[10:2000])
    np.testing.assert_array_equal(Stream(KEY).words(1990), array[10:2000])
    assert not array[:10].any()
    assert not array[2000:].any()


def test_wrong_arrays_and_keys_are_refused_kindly():
    with pytest.raises(MisuseTypeError, match="strided uint64"):
        Stream(KEY).words_into(np.empty(10, np.uint64)[::2])
    with pytest.raises(MisuseTypeError, match="int64"):
        Stream(KEY).words_into(np.empty(10, np.int64))  # type: ignore[arg-type]
    with pytest.raises(MisuseValueError, match="got 3 bytes"):
        Stream(b"abc")
    with pytest.raises(MisuseTypeError, match="got str"):
        derive_key("secret")  # type: ignore[arg-type]
    with pytest.raises(MisuseTypeError, match="got float"):
        derive_key(KEY, 1.5)  # type: ignore[arg-type]


@given(st.lists(ITEMS, max_size=4), st.lists(ITEMS, max_size=4))
def test_contexts_that_differ_give_keys_that_differ(one: list[bytes | int | str], other: list[bytes | int | str]):
    same = [(type(item), item) for item in one] == [(type(item), item) for item in other]
    assert same == (derive_key(KEY, *one) == derive_key(KEY, *other))


def test_neighbouring_contexts_do_not_run_together():
    contexts = [(), ("",), (b"",), (0,), ("ab", "c"), ("a", "bc"), ("abc",), (1,), ("1",), (b"1",), (-1,), (255,), (b"\x00",), (0, 0)]
    assert len(contexts) == len({derive_key(KEY, *context) for context in contexts})
    assert derive_key(KEY, 1) != derive_key(bytes(16), 1)
    assert len(derive_key(KEY)) == KEY_BYTES


def test_fresh_keys_are_new():
    assert len({fresh_key() for _ in range(100)}) == 100
