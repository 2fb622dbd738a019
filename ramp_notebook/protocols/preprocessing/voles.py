"""Owns products of one party's key with numbers of another's, modulo 2^128: a vector OLE made of SoftSpokenOT's trees.

The key's holder has base OTs and trees whose missing leaf g is digit α_g of its key, in digits of k bits; the owner knows all
leaves. Every leaf x gives numbers r_x, and the owner has u = Σ r_x and v = Σ x · r_x, the holder w = Σ (α_g − x) · r_x = α_g · u − v:
r at α_g is never needed. The owner sends x − u, the holder adds α_g times that, and both add up digits. With k = 1 this is
COPEe of MASCOT (2016/505); digits of 4 bits make it cost a quarter (the idea is that of 2022/192 for bits).

An owner who sends differences to several numbers makes products wrong by what a digit of the key decides; `authentication` checks.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...trace.recorder import OpenSpan
from ...values import wide
from ...values.shaped import ShapedArray, zeros
from ..context import Context
from .softspoken import Leaves
from .softspoken_active import SoftSpokenActive

NUMBER_WORDS = 2
PIECE = 2048  # numbers at a time: 512 KiB of a tree's leaves
_HALF_BITS, _HALF = np.int64(32), np.int64((1 << 32) - 1)


class NumberVole(SoftSpokenActive):
    """`deltas` are keys of one word, by peer. A product costs its owner 64/k · 128 bits to every holder, and one round."""

    delta_bits = 64

    def products(self, context: Context, owners: Sequence[int], numbers: Any) -> Any:
        """Shares (owners, 2, count) modulo 2^128 of the others' keys times each owner's numbers; `numbers` (2, count), zeros if not one."""
        me, count = context.index, numbers.shape[1]
        sends: dict[int, Any] = {}
        shape = (self.groups, NUMBER_WORDS, count)
        shares = zeros((len(owners), NUMBER_WORDS, count), like=numbers)
        self.extend(context, 0)
        with OpenSpan(context.recorder, "vole"):
            if me in owners:
                for peer in self.checks.peers:
                    if context.planned:
                        sends[peer] = ShapedArray(shape)
                        continue
                    sums, v = self._drawn(self._receiving[peer], np.arange(1 << self.k)[None].repeat(self.groups, axis=0), count)
                    sends[peer] = np.stack([wide.subtract(numbers, u) for u in sums])
                    shares[owners.index(me)] = wide.add(shares[owners.index(me)], v)
            awaited = [owner for owner in owners if owner != me]
            drawn = {} if context.planned else {owner: self._held(owner, count) for owner in awaited}

            replies = context.exchange("vole", sends, dict.fromkeys(awaited, shape))

        for owner, w in drawn.items():
            shares[owners.index(owner)] = wide.add(w, _weighted(replies[owner], self._digits(owner)))
        return shares

    def _digits(self, peer: int) -> Any:
        """Those of this party's key, as `peer` has them in its trees."""
        return self._delta[peer] @ (1 << np.arange(self.k))

    def _held(self, owner: int, count: int) -> Any:
        digits = self._digits(owner)[:, None]
        return self._drawn(self._sending[owner], digits - (np.arange(1 << self.k) ^ digits), count)[1]

    def _drawn(self, leaves: Leaves, coefficients: Any, count: int) -> tuple[list[Any], Any]:
        """Of the next `count` numbers of every leaf: their sums by tree, and Σ 2^(k g) Σ coefficient · number."""
        sums = [np.empty((NUMBER_WORDS, count), np.uint64) for _ in range(self.groups)]
        total = np.zeros((NUMBER_WORDS, count), np.uint64)
        for start in range(0, count, PIECE):
            part = slice(start, min(start + PIECE, count))
            for tree in range(self.groups):
                halves = leaves.words_of(tree, NUMBER_WORDS * (part.stop - start)).view(np.uint32).astype(np.float64)
                both = np.stack([np.ones(1 << self.k), coefficients[tree]]) @ halves  # exact: below 2^32 · 2^(2 k)
                plain, scaled = (_carried(row.astype(np.int64).reshape(-1, 2 * NUMBER_WORDS).T) for row in both)
                sums[tree][:, part] = plain
                total[:, part] = wide.add(total[:, part], wide.shift_left(scaled, self.k * tree))
        return sums, total


def _weighted(differences: Any, digits: Any) -> Any:
    """Σ 2^(k g) · digit g · differences[g]."""
    step = 64 // len(digits)
    total = np.zeros(differences.shape[1:], np.uint64)
    for group, digit in enumerate(digits):
        total = wide.add(total, wide.shift_left(wide.scale(differences[group], int(digit)), step * group))
    return total


def _carried(halves: Any) -> Any:
    """Numbers (2, n) of sums of halves (4, n), each of either sign."""
    words, carry = np.empty((len(halves), halves.shape[1]), np.int64), np.int64(0)
    for i, half in enumerate(halves):
        half = half + carry
        words[i], carry = half & _HALF, half >> _HALF_BITS
    return (words[0::2] | words[1::2] << _HALF_BITS).view(np.uint64)
