"""What every garbling scheme shares: numbering of gates, keys of the hash, and passes over pieces that stay in the cache."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import MisuseTypeError, MisuseValueError
from ...values import shaped
from ...values.streams import KEY_BYTES, derive_key
from ..preprocessing.hashing import hash_blocks
from .labels import LOWEST, Labels, check_delta

Words = NDArray[np.uint64]
GATES_PER_KEY = 1 << 20  # under one key of the hash: its bound falls with every gate (2019/1168)
PIECE = 8192  # gates at a time, a multiple of 64: 128 KiB for one label of each


class Piece(NamedTuple):
    """Gates start to stop of a layer, numbered from `first` on under one key."""

    start: int
    stop: int
    first: int
    key: bytes

    def hash(self, labels: Words, which: int) -> Words:
        """H(label, gate, which): one of the hashes that a gate makes, each under a tweak of its own."""
        hashed: Words = hash_blocks(labels, self.first, chunk=which, key=self.key)
        return hashed


class Scheme(ABC):
    """AND gates of one garbler and one evaluator, who each keep an object made with one public random `salt`.

    Both call in the same order, so that their gates have the same numbers; a number is never used again, and a salt for one
    offset only. The salt makes the keys of the hash differ between runs, so that work against many of them does not add up.
    """

    name: ClassVar[str]
    paper: ClassVar[str]

    def __init__(self, salt: bytes):
        if not isinstance(salt, bytes) or len(salt) != KEY_BYTES:
            raise MisuseTypeError(f"a salt is {KEY_BYTES} random public bytes")
        self.salt, self.next_gate = salt, 0
        self._epoch, self._key = -1, b""

    def garble(self, a: Labels, b: Labels, delta: Labels, stream: Any) -> tuple[Labels, Any]:
        """Return the labels of false of n AND gates, (n, 2), and the table to send, (table_words(n),).

        `a` and `b` (n, 2) are the operands' labels of false; `stream` gives the garbler's own coins.
        """
        if shaped.is_shaped(a, b):
            self.next_gate += _rounded(a.shape[0])
            return shaped.ShapedArray(a.shape), shaped.ShapedArray((self.table_words(a.shape[0]),))
        check_delta(delta)
        c, table = np.empty(a.shape, np.uint64), np.empty(self.table_words(len(a)), np.uint64)
        deltas = np.tile(delta, (min(len(a), PIECE), 1))
        for piece in self._pieces(len(a)):
            rows = slice(piece.start, piece.stop)
            self._garble_piece(piece, a[rows], b[rows], deltas[: piece.stop - piece.start], stream, c[rows], table)
        return c, table

    def evaluate(self, a: Labels, b: Labels, table: Any) -> Labels:
        """Return the active labels of n AND gates, (n, 2), from those of the operands and the garbler's table."""
        if shaped.is_shaped(a, b, table):
            self.next_gate += _rounded(a.shape[0])
            return shaped.ShapedArray(a.shape)
        if table.shape != (self.table_words(len(a)),):
            expected = f"a table of {self.table_words(len(a))} words, as {len(a)} gates of {self.name} have"
            raise MisuseValueError(f"expected {expected}; got shape {table.shape}. Do garbler and evaluator run the same scheme?")
        c = np.empty(a.shape, np.uint64)
        for piece in self._pieces(len(a)):
            rows = slice(piece.start, piece.stop)
            self._evaluate_piece(piece, a[rows], b[rows], table, c[rows])
        return c

    @abstractmethod
    def table_words(self, gates: int) -> int:
        """Words that the garbler sends for so many gates."""

    @abstractmethod
    def _garble_piece(self, piece: Piece, a: Words, b: Words, deltas: Words, stream: Any, c: Words, table: Words) -> None:
        """Fill `c`, and the piece's part of the layer's `table`. `deltas` has Δ in every row: XOR with one row is slower."""

    @abstractmethod
    def _evaluate_piece(self, piece: Piece, a: Words, b: Words, table: Words, c: Words) -> None:
        """Fill `c`."""

    def _pieces(self, gates: int) -> Iterator[Piece]:
        """All gates of a layer, of which each piece has one key. The next layer starts at a multiple of 64."""
        base, start = self.next_gate, 0
        self.next_gate += _rounded(gates)
        while start < gates:
            epoch, place = divmod(base + start, GATES_PER_KEY)
            stop = min(gates, start + PIECE, start + GATES_PER_KEY - place)
            if epoch != self._epoch:
                self._epoch, self._key = epoch, derive_key(self.salt, "garbling", epoch)
            yield Piece(start, stop, base + start, self._key)
            start = stop


def masks(bits: Words) -> Words:
    """All ones where a bit (word 0 or 1) is 1."""
    return np.negative(bits)


def label_masks(labels: Words) -> Words:
    """Of each label both words all ones if its colour is 1, else zero."""
    choices = np.array([[0, 0], [0xFFFFFFFFFFFFFFFF] * 2], dtype=np.uint64)
    return np.take(choices, (labels[:, 0] & LOWEST).astype(np.intp), axis=0)


def _rounded(gates: int) -> int:
    return -(-gates // 64) * 64
