"""Owns keys and the random words expanded from them: AES-128-CTR keystream as uint64 arrays.

It knows bytes and words, never what they are used for. Whoever holds the same key and makes draws of the same total
length has the same words: that is how parties share randomness without talking. A key serves one stream only, whose
counter starts at zero; further streams get keys of their own by `derive_key`.
"""

import hashlib
import math
import os

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from numpy.typing import NDArray

from ramp_notebook.errors import MisuseTypeError, MisuseValueError

KEY_BYTES = 16
_WORD = np.dtype(np.uint64)
_PIECE_WORDS = 8192  # 64 KiB, so that words are still in the L2 cache when they are used
_BUFFER_WORDS = 512  # 4 KiB: a refill costs about 1 us, so a scalar draw almost never sees the cipher
_ZEROS = memoryview(bytes(1 << 16))  # plaintext of the keystream; read again and again, so it stays in the L2 cache


def fresh_key() -> bytes:
    """Return a new 128-bit key from the operating system."""
    return os.urandom(KEY_BYTES)


def derive_key(key: bytes, *context: bytes | int | str) -> bytes:
    """Return a 128-bit key for `context` under `key`; distinct contexts give independent keys.

    Every item is hashed as kind, length and content, so ("ab", "c") and ("a", "bc"), or 1 and "1", never meet.
    """
    _check_key(key)
    digest = hashlib.blake2b(key=key, digest_size=KEY_BYTES, person=b"ramp derive key")
    for item in context:
        kind, content = _encode(item)
        digest.update(kind + len(content).to_bytes(8, "little") + content)
    return digest.digest()


class Stream:
    """The keystream of one key, drawn as uint64 words; n draws of any sizes equal one draw of their sum."""

    __slots__ = ("_buffer", "_bytes", "_encrypt", "_ints", "_next")

    def __init__(self, key: bytes) -> None:
        _check_key(key)
        self._encrypt = Cipher(AES(key), CTR(bytes(16))).encryptor().update_into
        self._buffer: NDArray[np.uint64] = np.empty(_BUFFER_WORDS, dtype=np.uint64)
        self._ints = self._buffer.data
        self._bytes = self._ints.cast("B")
        self._next = _BUFFER_WORDS  # position of the first unused word of the buffer

    def word(self) -> int:
        """Return the next word as a Python int: the cheapest draw there is."""
        if self._next == _BUFFER_WORDS:
            self._refill()
        value: int = self._ints[self._next]
        self._next += 1
        return value

    def words(self, shape: int | tuple[int, ...]) -> NDArray[np.uint64]:
        """Return the next words as a new array of `shape`, in C order; for shape () as numpy's scalar."""
        if shape == ():
            if self._next == _BUFFER_WORDS:
                self._refill()
            self._next += 1
            return self._buffer[self._next - 1]  # type: ignore[no-any-return]
        size = shape if isinstance(shape, int) else math.prod(shape)
        end = self._next + size
        if end <= _BUFFER_WORDS:
            part = self._buffer[self._next : end].copy()
            self._next = end
            return part if isinstance(shape, int) else part.reshape(shape)
        out = np.empty(shape, dtype=np.uint64)
        self.words_into(out)
        return out

    def words_into(self, out: NDArray[np.uint64]) -> None:
        """Fill `out` (C-contiguous uint64) with the next words."""
        if out.dtype != _WORD or not out.flags.c_contiguous:
            layout = "contiguous" if out.flags.c_contiguous else "strided"
            raise MisuseTypeError(f"words_into fills a C-contiguous uint64 array; got a {layout} {out.dtype} one. Draw into a copy.")
        start, end = self._next, self._next + out.size
        if end <= _BUFFER_WORDS:
            part = self._buffer[start:end]
            out[...] = part if out.ndim == 1 else part.reshape(out.shape)
            self._next = end
            return
        flat = out.reshape(-1)
        head = _BUFFER_WORDS - start
        flat[:head] = self._buffer[start:]
        self._next = _BUFFER_WORDS
        rest = flat.size - head
        direct = rest - rest % _BUFFER_WORDS  # whole buffers' worth skips the buffer; the tail comes through it
        if direct:
            self._generate(flat[head : head + direct].data.cast("B"))
        if rest > direct:
            self._refill()
            self._next = rest - direct
            flat[head + direct :] = self._buffer[: self._next]

    def combine_into(self, operation: np.ufunc, out: NDArray[np.uint64]) -> None:
        """Set `out` (1-D uint64) to operation(out, next words), e.g. np.subtract, without words for all of it at once."""
        scratch = np.empty(min(out.size, _PIECE_WORDS), dtype=np.uint64)
        for start in range(0, out.size, _PIECE_WORDS):
            part = out[start : start + _PIECE_WORDS]
            words = scratch[: part.size]
            self.words_into(words)
            operation(part, words, out=part)

    def _refill(self) -> None:
        self._encrypt(_ZEROS[: len(self._bytes)], self._bytes)
        self._next = 0

    def _generate(self, target: memoryview) -> None:
        step = len(_ZEROS)
        for start in range(0, len(target), step):
            part = target[start : start + step]
            self._encrypt(_ZEROS[: len(part)], part)


def _check_key(key: bytes) -> None:
    if not isinstance(key, bytes):
        raise MisuseTypeError(f"a stream key is {KEY_BYTES} bytes; got {type(key).__name__}. Make one with fresh_key().")
    if len(key) != KEY_BYTES:
        raise MisuseValueError(f"a stream key is {KEY_BYTES} bytes; got {len(key)} bytes. Make one with fresh_key() or derive_key().")


def _encode(item: bytes | int | str) -> tuple[bytes, bytes]:
    if isinstance(item, bytes):
        return b"b", item
    if isinstance(item, str):
        return b"s", item.encode("utf-8", "surrogatepass")
    if isinstance(item, int):
        return b"i", int(item).to_bytes(item.bit_length() // 8 + 1, "little", signed=True)
    raise MisuseTypeError(f"derive_key takes bytes, int and str as context; got {type(item).__name__}. Convert it first.")
