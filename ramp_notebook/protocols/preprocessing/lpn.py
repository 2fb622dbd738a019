"""Owns learning parity with noise: its parameters, and the public code that spreads a short secret over many outputs."""

from dataclasses import dataclass

import numpy as np

from ...values.streams import Stream, derive_key
from .hashing import Blocks

COLUMNS = 10  # entries of the secret in each output: a local linear code
CODE_KEY = b"ramp public code"
PIECE_ROWS = 8192


@dataclass(frozen=True)
class Lpn:
    """Primal LPN with regular noise: `trees` blocks of 2^depth outputs with one error each, a secret of `dimension` bits."""

    dimension: int
    trees: int
    depth: int

    @property
    def seeds(self) -> int:
        """Correlated OTs that one iteration starts from: the secret, and the paths to all errors."""
        return self.dimension + self.trees * self.depth

    @property
    def reserve(self) -> int:
        """Trees whose outputs start the next iteration."""
        return -(-self.seeds >> self.depth)


class Code:
    """The rows of the public matrix of one iteration, used from first to last."""

    def __init__(self, dimension: int, iteration: int):
        self._dimension = np.uint64(dimension)
        self._stream = Stream(derive_key(CODE_KEY, iteration))

    def add_to(self, outputs: Blocks, secret: Blocks) -> None:
        """XOR into each of the next outputs (n, 2) the COLUMNS entries of the secret (dimension, 2) that its row names."""
        entries = secret.view(np.complex128).reshape(-1)  # 16 bytes move as one item; nothing computes with them
        picked = np.empty(PIECE_ROWS, np.complex128)
        for start in range(0, len(outputs), PIECE_ROWS):
            piece = outputs[start : start + PIECE_ROWS]
            for column in self._positions(len(piece)):
                np.take(entries, column, out=picked[: len(piece)], mode="clip")
                np.bitwise_xor(piece, picked[: len(piece)].view(np.uint64).reshape(-1, 2), out=piece)

    def _positions(self, rows: int) -> np.ndarray:
        """Positions (COLUMNS, rows) in the secret: 32 random bits scaled, so none is likelier than another by 2^-12 of it."""
        words = self._stream.words((COLUMNS // 2, rows)).view(np.uint32).reshape(COLUMNS, rows)
        return (words * self._dimension >> np.uint64(32)).view(np.int64)
