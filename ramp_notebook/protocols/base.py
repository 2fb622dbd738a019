"""What every component-wise protocol offers to secret arrays: the interface, and the linear operations all inherit.

A share is a uint64 ndarray with a leading component axis. Two domains: `arithmetic` shares add up modulo 2^64; `binary`
shares are bit words that XOR. Secret bits are binary shares packed 64 to a word over the flattened array.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..values import shaped
from .context import Context
from .security import Security

Share = Any  # uint64 ndarray or ShapedArray, leading axis: components


class Protocol(ABC):
    """One party's engine of a sharing scheme. Methods take and return shares; all parties call them in the same order."""

    name: ClassVar[str]
    security: ClassVar[Security]
    components: ClassVar[int]
    value_range: ClassVar[str] = "signed 64-bit integers"

    def __init__(self, context: Context):
        self.context = context

    @classmethod
    @abstractmethod
    def check_parties(cls, count: int) -> None:
        """Raise MisuseValueError, saying what would fit, unless the protocol runs with this many parties."""

    # -- required: sharing, products, revealing, randomness ------------------------------------------------------------

    @abstractmethod
    def input(self, owner: int, value: Any, shape: tuple[int, ...], *, binary: bool) -> Share:
        """Share the owner's ring elements or words; `value` is None at everyone else."""

    @abstractmethod
    def public(self, value: Any, *, binary: bool) -> Share:
        """The share of a value everyone knows. Local."""

    @abstractmethod
    def multiply(self, x: Share, y: Share) -> Share:
        """Elementwise product of two equally shaped arithmetic shares."""

    @abstractmethod
    def conjunction(self, x: Share, y: Share) -> Share:
        """Bitwise AND of two equally shaped binary shares."""

    @abstractmethod
    def matmul(self, x: Share, y: Share) -> Share:
        """Matrix product by numpy's rules on the axes after the component axis."""

    @abstractmethod
    def reveal(self, x: Share, to: Sequence[int], *, binary: bool) -> Any:
        """The value, at the parties in `to`; None elsewhere."""

    @abstractmethod
    def random(self, shape: tuple[int, ...], *, binary: bool) -> Share:
        """Uniform ring elements or words that nobody knows."""

    # -- required: between the domains ---------------------------------------------------------------------------------

    @abstractmethod
    def sign(self, x: Share) -> Share:
        """Packed bits: 1 where the signed arithmetic value is negative. `x` has shape (components, n)."""

    @abstractmethod
    def is_zero(self, x: Share) -> Share:
        """Packed bits: 1 where the arithmetic value is zero. `x` has shape (components, n)."""

    @abstractmethod
    def words_are_less(self, x: Share, y: Share, bits: Sequence[int]) -> Share:
        """Packed bits: x < y as unsigned numbers. Binary shares (components, k, n): k words a number, the lowest first.

        Of word j the low bits[j] bits count.
        """

    @abstractmethod
    def words_are_equal(self, x: Share, y: Share, bits: int) -> Share:
        """Packed bits: low `bits` bits equal. Binary shares of shape (components, n)."""

    @abstractmethod
    def bits_to_ring(self, bits: Share, n: int) -> Share:
        """Arithmetic 0 or 1 of each of n packed bits."""

    @abstractmethod
    def to_binary(self, x: Share) -> Share:
        """Binary words of arithmetic values, same shape (components, n)."""

    @abstractmethod
    def to_arithmetic(self, x: Share) -> Share:
        """Arithmetic values of binary words, same shape (components, n)."""

    @abstractmethod
    def truncate(self, x: Share, bits: int) -> Share:
        """floor(x / 2**bits) of the signed value, exactly. Shape (components, n)."""

    @abstractmethod
    def truncate_probabilistic(self, x: Share, bits: int) -> Share:
        """x / 2**bits rounded up or down at random, for |x| < 2**62."""

    @abstractmethod
    def shuffle(self, columns: Sequence[tuple[Share, bool]]) -> list[Share]:
        """Apply one uniformly random permutation that no party knows to the rows of every (share, binary) column."""

    # -- inherited: linear operations, all local -----------------------------------------------------------------------

    def constant_components(self) -> tuple[int, ...]:
        """Indices of this party's components that carry public constants."""
        return (0,)

    def add_public(self, x: Share, value: Any, *, binary: bool) -> Share:
        """x + value, or x ^ value. `value` has a shape that broadcasts with x's."""
        shape = np.broadcast_shapes(x.shape[1:], np.shape(value))
        out = align(x, len(shape))
        if out.shape[1:] != shape:
            out = np.broadcast_to(out, (x.shape[0], *shape))
        if shaped.is_shaped(x, value):
            return shaped.ShapedArray(out.shape)
        out = out.copy()
        for component in self.constant_components():
            if binary:
                out[component] ^= value
            else:
                out[component] += value
        return out

    def invert(self, words: Share) -> Share:
        """Bitwise NOT of binary shares."""
        return self.add_public(words, np.uint64(0xFFFFFFFFFFFFFFFF), binary=True)


def align(share: Share, ndim: int) -> Share:
    """Insert axes of length 1 after the component axis, so that numpy broadcasts values and not components."""
    missing = ndim + 1 - share.ndim
    return share if missing <= 0 else share.reshape(share.shape[0], *(1,) * missing, *share.shape[1:])
