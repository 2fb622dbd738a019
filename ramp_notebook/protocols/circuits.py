"""Adders and folds on bit planes, for any protocol with XOR-linear binary shares and a bitwise AND.

A stack of planes is a share of shape (components, k, W): plane b packs bit b of every element. Each level of a tree is one
exchange, in which all its ANDs travel together.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..values import shaped

Planes = Any
And = Callable[[Planes, Planes], Planes]


class Block:
    """Neighbouring planes of an adder on their way to one pair (g, p): the carry out is p ? carry in : g.

    For a sum of s and t that is p = s ^ t and g = s: where p = 0 both are the carry, so no AND of s and t is needed.
    A block that starts with carry 0 stands above one more plane, of zeros, which is thought and never stored, and which
    needs no p; neither does, then, the lowest plane of any later level.
    """

    def __init__(self, g: Planes, p: Planes, *, carry_known: bool = False):
        self.g, self.p, self._thought, self._lack = g, p, int(carry_known), int(carry_known)
        self._products = 0  # ANDs a lane that are under way

    @property
    def planes(self) -> int:
        return int(self.g.shape[1]) + self._thought

    def add_factors(self, left: list[Planes], right: list[Planes]) -> None:
        """Neighbours join by a multiplexer: g = g_high ^ p_high (g_high ^ g_low), p = p_high p_low."""
        end, thought, lack = self.planes & ~1, self._thought, self._lack
        if not end:
            return
        g, p, odd = self.g, self.p, self.planes - end
        p_high = p[:, 1 - lack : end - lack : 2]
        left += [p_high, p_high[:, lack:]]
        g_high, g_low = g[:, 1 - thought : end - thought : 2], g[:, thought : end - thought : 2]
        right += [g_high[:, :1], g_high[:, 1:] ^ g_low] if thought else [g_high ^ g_low]
        right.append(p[:, lack : end - lack : 2])
        self.g = np.concatenate([g_high, g[:, -1:]], axis=1) if odd else g_high
        self.p = p[:, -1:].copy() if odd else None
        self._thought, self._products = 0, end - lack

    def take(self, products: Planes, start: int) -> int:
        """Become the joined planes, an odd one out staying as it is; where the next block's products start."""
        if not self._products:
            return start
        pairs, stop = self._products + self._lack >> 1, start + self._products
        high = self.g[:, :pairs]
        np.bitwise_xor(high, products[:, start : start + pairs], out=high)
        p = products[:, start + pairs : stop]
        self.p = p if self.p is None else np.concatenate([p, self.p], axis=1)
        self._products = 0
        return stop


def reduce_carries(blocks: Sequence[Block], conjunction: And) -> list[tuple[Planes, Planes]]:
    """Fold each block, lowest plane first, to one pair (g, p); p is empty where the carry into the block is known.

    ceil(log2 k) rounds for the largest block, 2 ANDs a plane (Brent & Kung 1982; ABY3 2018/403 for the MPC use).
    """
    while any(block.planes > 1 for block in blocks):
        left: list[Planes] = []
        right: list[Planes] = []
        for block in blocks:
            block.add_factors(left, right)
        factors = [np.concatenate(parts, axis=1) for parts in (left, right)]
        del left, right
        for block in blocks:
            block.g = block.g.copy()  # lets go of the planes it is a view of: memory holds either planes or their products
        products = conjunction(*factors)
        del factors

        start = 0
        for block in blocks:
            start = block.take(products, start)
    return [(block.g, block.p) for block in blocks]


def known_carry(g: Planes) -> Planes:
    """`g` above a plane of zeros: a prefix tree then starts with carry 0 and needs no p in that lowest plane."""
    return np.concatenate([shaped.zeros((g.shape[0], 1, g.shape[2]), like=g), g], axis=1)


def prefix_carries(g: Planes, p: Planes, conjunction: And) -> Planes:
    """Carry *out of* every plane of one block that starts with a known carry, so that p[:, i] belongs to g[:, i + 1].

    Sklansky's prefix tree with the multiplexer above: log2 k rounds, at most k ANDs a level.
    """
    k, step = g.shape[1], 1
    while step < k:
        high = np.array([i for i in range(k) if i & step])
        low = (high & ~(2 * step - 1)) | (step - 1)
        # p is needed only where a later level reads it: never in the lowest block of this level's result
        needs_p = high >= 2 * step
        g_high = g[:, high]
        left = np.concatenate([p[:, high - 1], p[:, high[needs_p] - 1]], axis=1)
        right = np.concatenate([g[:, low] ^ g_high, p[:, low[needs_p] - 1]], axis=1)
        products = conjunction(left, right)
        g = replace_planes(g, high, g_high ^ products[:, : len(high)])
        p = replace_planes(p, high[needs_p] - 1, products[:, len(high) :])
        step *= 2
    return g


def carry_save(numbers: Sequence[Planes], conjunction: And) -> tuple[Planes, Planes, list[Planes]]:
    """Add numbers of k planes until two are left, whose sum modulo 2^k is the same; about log1.5 of their number in rounds.

    x + y + z = (x ^ y ^ z) + 2 majority(x, y, z), with one AND a plane (Wallace 1964). The third result are the majorities:
    plane i of each is a carry out of position i, so that no carry is lost to whoever sums below a position or beyond the top.
    """
    numbers, carried = list(numbers), []
    while len(numbers) > 2:
        triples = [numbers[i : i + 3] for i in range(0, len(numbers) - 2, 3)]
        left, right = ([each[side] ^ each[2] for each in triples] for side in (0, 1))
        products = conjunction(np.concatenate(left, axis=1), np.concatenate(right, axis=1))
        numbers, k = numbers[3 * len(triples) :], numbers[0].shape[1]
        for i, (x, y, z) in enumerate(triples):
            majority = products[:, i * k : (i + 1) * k] ^ z
            carried.append(majority)
            numbers += [x ^ y ^ z, known_carry(majority[:, : k - 1])]
    return numbers[0], numbers[1], carried


def add_planes(x: Planes, y: Planes, conjunction: And) -> Planes:
    """x + y modulo 2^k on k planes."""
    propagate = x ^ y
    k = x.shape[1]
    return propagate ^ prefix_carries(known_carry(y[:, : k - 1]), propagate[:, : k - 1], conjunction)


def end_around_carries(s: Planes, t: Planes, conjunction: And) -> Planes:
    """Carries *into* every plane of s + t modulo 2^k - 1, where the carry out of the top plane counts one.

    Kogge & Stone's prefix tree on a ring: every plane looks back over all k, g = s & t and p = s ^ t. If all p are one, s + t is
    2^k - 1 and no carry arises, so that the sum is 2^k - 1, not 0. ceil(log2 k) + 1 rounds, 2 ANDs a plane and level.
    """
    k, step = s.shape[1], 1
    g, p = conjunction(s, t), s ^ t
    while step < k:
        last = 2 * step >= k  # then nobody reads p
        left, right = [p] if last else [p, p], [g] if last else [g, p]
        products = conjunction(np.concatenate(left, axis=1), np.concatenate([np.roll(v, step, axis=1) for v in right], axis=1))
        g, p = g ^ products[:, :k], products[:, k:]
        step *= 2
    return np.roll(g, 1, axis=1)


def fold_and(planes: Planes, conjunction: And) -> Planes:
    """AND of all planes: halves against halves, ceil(log2 k) rounds, k - 1 ANDs. Result (components, 1, W)."""
    while planes.shape[1] > 1:
        half = planes.shape[1] // 2
        folded = conjunction(planes[:, :half], planes[:, half : 2 * half])
        planes = np.concatenate([folded, planes[:, 2 * half :]], axis=1) if planes.shape[1] % 2 else folded
    return planes


def replace_planes(planes: Planes, positions: np.ndarray, values: Planes) -> Planes:
    out = planes.copy()
    out[:, positions] = values
    return out
