"""Between numbers and bits where a number is a sum of pieces that are shared in bits without a message: adders and carries.

Several parties hold each piece, so that what they hold of its bits is a sharing already, and nobody can give in another piece.
"""

from abc import abstractmethod

import numpy as np

from . import circuits
from . import planes as packed
from .base import Protocol, Share

WORD = 64


class Summands(Protocol):
    """The conversions of a protocol that can share the pieces of its numbers in bits."""

    @abstractmethod
    def summands(self, x: Share) -> list[Share]:
        """Planes of numbers whose sum is x. Local."""

    def sign(self, x: Share) -> Share:
        """The carry into bit 63 by a tree over the lower 63 positions, then p_63 ^ carry.

        Of three pieces: 8 rounds; 64 ANDs make two of them, 118 the carry.
        """
        s, t, _ = circuits.carry_save(self.summands(x), self.conjunction)
        p = np.bitwise_xor(s, t, out=t)
        low, top = slice(0, WORD - 1), p[:, WORD - 1].copy()
        blocks = [circuits.Block(s[:, low, columns], p[:, low, columns], carry_known=True) for columns in circuits.pieces(s)]
        del s, t, p  # the blocks let go of them as they fold
        return top ^ self.carries_of(blocks)

    def to_binary(self, x: Share) -> Share:
        """The whole sum, by a prefix tree. Of three pieces: 7 rounds."""
        s, t, _ = circuits.carry_save(self.summands(x), self.conjunction)
        return packed.from_planes(circuits.add_planes(s, s ^ t, self.conjunctions), x.shape[1])

    def is_zero(self, x: Share) -> Share:
        """s + t = 0 without an adder: s ^ t = 2 (s | t) (Cortadella, Llaberia 1992). Of three pieces: 8 rounds, 191 ANDs."""
        s, t, _ = circuits.carry_save(self.summands(x), self.conjunction)
        either = s ^ t ^ self.conjunction(s, t)
        differing = s ^ t ^ circuits.known_carry(either[:, : WORD - 1])
        return circuits.fold_and(self.invert(differing), self.conjunction)[:, 0]

    def truncate(self, x: Share, bits: int) -> Share:
        """floor(x / 2**bits), exactly.

        x + 2^63 = Σ x_i - 2^64 w as integers, so its quotient is Σ (x_i >> b) + c - 2^(64-b) w, where c counts the carries
        out of the low b bits and w those out of bit 63: one tree yields both.
        """
        n = x.shape[1]
        x = self.add_public(x, np.uint64(1 << 63))
        s, t, carried = circuits.carry_save(self.summands(x), self.conjunction)
        p = s ^ t
        blocks = [circuits.Block(s[:, :bits], p[:, :bits], carry_known=True), circuits.Block(s[:, bits:], p[:, bits:])]
        low, high = circuits.reduce_carries(blocks, self.conjunctions)
        wrap = high[0] ^ self.conjunction(high[1], high[0] ^ low[0])
        counted = [low[0], *(carry[:, bits - 1 : bits] for carry in carried), wrap, *(carry[:, WORD - 1 :] for carry in carried)]
        lanes = packed.word_count(n) * WORD
        numbers = self.bits_to_ring(np.concatenate(counted, axis=1).reshape(x.shape[0], -1), len(counted) * lanes)
        numbers = np.sum(numbers.reshape(x.shape[0], 2, len(counted) // 2, lanes), axis=2)[:, :, :n]
        quotient = (x >> np.uint64(bits)) + numbers[:, 0] - (numbers[:, 1] << np.uint64(64 - bits))
        return self.add_public(quotient, np.uint64((1 << 64) - (1 << (63 - bits))))
