"""Adders and folds on bit planes, for any protocol with XOR-linear binary shares and a bitwise AND.

A stack of planes is a share of shape (components, k, W): plane b packs bit b of every element. Each level of a tree is one
exchange, in which all its ANDs travel together. Long vectors come in pieces of neighbouring elements: the factors of one
piece are made when its turn comes and let go of when they are multiplied, so that memory holds them for one piece only.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..values import shaped

Planes = Any
Factors = tuple[Planes, Planes]
And = Callable[[Planes, Planes], Planes]
Shape = tuple[int, int]  # planes and words
Ands = Callable[[Iterable[Factors], Sequence[Shape]], list[Planes]]  # pairs and their shapes -> their products

PIECE_WORDS = 512  # of every plane: 32,768 elements; fewer would leave more of the time to Python


def pieces(planes: Planes) -> Iterator[slice]:
    """Cut planes into the words of one piece each; without data there is nothing to cut."""
    words = int(planes.shape[2])
    step = max(1, words) if shaped.is_shaped(planes) else PIECE_WORDS
    return (slice(start, min(start + step, words)) for start in range(0, words, step))


class Block:
    """Neighbouring planes of an adder on their way to one pair (g, p): the carry out is p ? carry in : g.

    For a sum of s and t that is p = s ^ t and g = s: where p = 0 both are the carry, so no AND of s and t is needed.
    `p` may be a function, called when the planes' turn comes. A block that starts with carry 0 stands above one more plane,
    of zeros, which is thought and never stored, and which needs no p; neither does, then, the lowest plane of any later level.
    """

    def __init__(self, g: Planes, p: Planes | Callable[[], Planes], *, carry_known: bool = False):
        self.g, self.p, self._thought, self._lack = g, p, int(carry_known), int(carry_known)
        self._odd: Factors | None = None  # the highest planes, where they had no neighbour to join

    @property
    def planes(self) -> int:
        return int(self.g.shape[1]) + self._thought + (self._odd is not None)

    @property
    def products(self) -> int:
        """Planes of ANDs that the next level takes."""
        return max(0, (self.planes & ~1) - self._lack)

    def factors(self) -> Factors:
        """Neighbours join by a multiplexer: g = g_high ^ p_high (g_high ^ g_low), p = p_high p_low."""
        end, odd, thought, lack = self.planes & ~1, self.planes & 1, self._thought, self._lack
        g, p = self.g, self.p() if callable(self.p) else self.p
        if self._odd is not None:
            g, p = (np.concatenate(both, axis=1) for both in zip((g, p), self._odd, strict=True))
        g_high, g_low = g[:, 1 - thought : end - thought : 2], g[:, thought : end - thought : 2]
        p_high, p_low = p[:, 1 - lack : end - lack : 2], p[:, lack : end - lack : 2]
        left = np.concatenate([p_high, p_high[:, lack:]], axis=1)
        right = [g_high[:, :1], g_high[:, 1:] ^ g_low] if thought else [g_high ^ g_low]
        self.g, self.p, self._thought = g_high if self._odd is None else g_high.copy(), None, 0
        self._odd = (g[:, -1:].copy(), p[:, -1:].copy()) if odd else None
        return left, np.concatenate([*right, p_low], axis=1)

    def take(self, products: Planes) -> None:
        """Become the joined planes, which are written over their products."""
        pairs = int(self.g.shape[1])
        joined = products[:, :pairs]
        self.g, self.p = np.bitwise_xor(joined, self.g, out=joined), products[:, pairs:]


def reduce_carries(blocks: Sequence[Block], conjunctions: Ands) -> list[Factors]:
    """Fold each block, lowest plane first, to one pair (g, p); p is empty where the carry into the block is known.

    ceil(log2 k) rounds for the largest block, 2 ANDs a plane (Brent & Kung 1982; ABY3 2018/403 for the MPC use).
    """
    while joining := [block for block in blocks if block.planes > 1]:
        shapes = [(block.products, int(block.g.shape[2])) for block in joining]
        products = conjunctions((block.factors() for block in joining), shapes)
        for block, stack in zip(joining, products, strict=True):
            block.take(stack)
        del products, stack  # memory holds the planes of one level, and of the next while they are made
    return [(block.g, block.p) for block in blocks]


def known_carry(g: Planes) -> Planes:
    """`g` above a plane of zeros."""
    return np.concatenate([shaped.zeros((g.shape[0], 1, g.shape[2]), like=g), g], axis=1)


def prefix_carries(parts: Sequence[Factors], conjunctions: Ands) -> None:
    """Turn g, in place, into the carry *out of* every plane: for each (g, p) of the parts, in common rounds.

    A part starts with carry 0: its lowest plane of g is zeros and needs no p, so that p[:, i] belongs to g[:, i + 1]; p is
    used up. Sklansky's prefix tree with the multiplexer above: log2 k rounds, at most k ANDs a level.
    """
    k, step = parts[0][0].shape[1], 1
    while step < k:
        high = np.array([i for i in range(k) if i & step])
        low = (high & ~(2 * step - 1)) | (step - 1)
        # p is needed only where a later level reads it: never in the lowest block of this level's result
        needs_p = high >= 2 * step
        p_high, p_low = high[needs_p] - 1, low[needs_p] - 1
        shapes = [(len(high) + len(p_high), int(g.shape[2])) for g, _ in parts]
        read = np.concatenate([high - 1, p_high])
        factors = ((p[:, read], np.concatenate([g[:, low] ^ g[:, high], p[:, p_low]], axis=1)) for g, p in parts)
        products = conjunctions(factors, shapes)
        for (g, p), stack in zip(parts, products, strict=True):
            g[:, high] ^= stack[:, : len(high)]
            p[:, p_high] = stack[:, len(high) :]
        del products, stack
        step *= 2


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


def add_planes(s: Planes, p: Planes, conjunctions: Ands) -> Planes:
    """s + t modulo 2^k on k planes, for p = s ^ t. The result is written over p, and s is used up."""
    k, columns = s.shape[1], [(..., piece) for piece in pieces(s)]
    parts = []
    for piece in columns:
        g = s[piece]
        g[:, 1:] = g[:, : k - 1].copy()  # one up, above a plane of zeros: the carry into bit 0
        g[:, :1] = 0
        parts.append((g, p[piece][:, : k - 1].copy()))
    prefix_carries(parts, conjunctions)
    return np.bitwise_xor(p, s, out=p)


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


def split(flat: Planes, shapes: Sequence[Shape]) -> Iterator[Planes]:
    """Stacks of planes, of which flat (components, words) holds one after the other."""
    start = 0
    for planes, words in shapes:
        yield flat[:, start : start + planes * words].reshape(-1, planes, words)
        start += planes * words
