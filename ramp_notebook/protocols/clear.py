"""`clear`: the ideal functionality. Every party holds every value; the oracle that all protocols are compared with.

Inputs travel through party 0 to everyone (a star, so that 50 parties need 49 links); all else is local. Not secure.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..registry import protocol
from ..values import ring, shaped
from . import planes as packed
from .base import Protocol, Share
from .security import Security

SIGN_BIT = np.uint64(1 << 63)


@protocol("clear")
class Clear(Protocol):
    """Cleartext reference: any number of parties, no privacy at all."""

    security = Security("cleartext reference", 0, "n ≥ 1", "the ideal functionality: no cryptography", "none needed")

    takes = "one party or more"

    @classmethod
    def fits(cls, count: int) -> bool:
        return count >= 1

    def input(self, owner: int, value: Any, shape: tuple[int, ...], *, binary: bool) -> Share:
        me, others = self.context.index, range(1, self.context.count)
        if owner != 0:
            if me == owner:
                self.context.exchange("input", {0: value}, {})
            elif me == 0:
                value = self.context.exchange("input", {}, {owner: shape})[owner]
            else:
                self.context.exchange("input", {}, {})
        if me == 0:
            self.context.exchange("input to all", dict.fromkeys(others, value), {})
        else:
            value = self.context.exchange("input to all", {}, {0: shape})[0]
        return value.reshape(1, *shape)

    def multiply(self, x: Share, y: Share) -> Share:
        return x * y

    def conjunction(self, x: Share, y: Share) -> Share:
        return x & y

    def matmul(self, x: Share, y: Share) -> Share:
        if shaped.is_shaped(x, y):
            return shaped.ShapedArray((1, *shaped.matmul_shape(x.shape[1:], y.shape[1:])))
        product = np.asarray(ring.matmul(x[0], y[0]))
        return product.reshape(1, *product.shape)

    def reveal(self, x: Share, to: Sequence[int], *, binary: bool) -> Any:
        return x[0] if self.context.index in to else None

    def random(self, shape: tuple[int, ...], *, binary: bool) -> Share:
        own = self.context.stream(self.context.index).words(shape) if self.context.index == 0 else None
        return self.input(0, own, shape, binary=binary)

    def pieces(self, x: Share, *, binary: bool) -> dict[int, Any]:
        """Party 0's: the value."""
        return {0: None if self.context.index else x[0]}

    def sign(self, x: Share) -> Share:
        return self._pack(x, lambda v: v >= SIGN_BIT)

    def is_zero(self, x: Share) -> Share:
        return self._pack(x, lambda v: v == 0)

    def words_are_less(self, x: Share, y: Share, bits: Sequence[int]) -> Share:
        if shaped.is_shaped(x):
            return shaped.ShapedArray((1, packed.word_count(x.shape[2])))
        less = np.zeros(x.shape[2], bool)
        for j, count in enumerate(bits):  # a higher word decides, unless it is equal
            a, b = x[0, j] & mask(count), y[0, j] & mask(count)
            less = (a < b) | ((a == b) & less)
        return packed.pack(less).reshape(1, -1)

    def words_are_equal(self, x: Share, y: Share, bits: int) -> Share:
        return self._pack(x, lambda v: ((v ^ y[0]) & mask(bits)) == 0)

    def _pack(self, x: Share, predicate: Any) -> Share:
        if shaped.is_shaped(x):
            return shaped.ShapedArray((1, packed.word_count(x.shape[1])))
        return packed.pack(predicate(x[0])).reshape(1, -1)

    def bits_to_ring(self, bits: Share, n: int) -> Share:
        return packed.unpack(bits[0], n).astype(np.uint64).reshape(1, n)

    def to_binary(self, x: Share) -> Share:
        return x

    def to_arithmetic(self, x: Share) -> Share:
        return x

    def truncate(self, x: Share, bits: int) -> Share:
        return x if shaped.is_shaped(x) else (x.view(np.int64) >> bits).view(np.uint64)

    truncate_probabilistic = truncate

    def shuffle(self, columns: Sequence[tuple[Share, bool]]) -> list[Share]:
        n = columns[0][0].shape[1]
        keys = self.random((n,), binary=False)
        if shaped.is_shaped(keys):
            return [share for share, _ in columns]
        order = np.argsort(keys[0], kind="stable")
        return [share[:, order] for share, _ in columns]


def mask(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)
