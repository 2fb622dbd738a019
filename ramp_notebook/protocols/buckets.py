"""Checks products shared among three by comparing them with helpers that nobody could choose: cut and choose without a shuffle.

Furukawa, Lindell, Nof, Weinstein 2016/944 and Araki et al. 2017 compare every product with B random triples, into whose bucket
a random permutation throws them. Here products stand on a ring of p places, p a prime, and B lists of p triples are each laid
beside it, turned by a public coin. Nothing is gathered: everything is read in order, and triples' factors are drawn again
where they are needed instead of being kept.

**What it misses.** Whoever cheats adds errors of his choice, d_j to product j and e_j to triple j of a list, before the coin is
known. A comparison passes exactly if the two errors are the same. Were a list to pass under two turns, d would repeat after
their difference, which runs through all places of a ring of prime size: d would be the same everywhere. But at least one place
holds no product; zeros, known to all, stand there and have no error. So of p turns one passes at most, if any product is wrong,
and B lists miss with p^-B. In Z_2^64 as in bits: only equality counts, so zero divisors do no harm.

**What it tells.** x - a and y - b, under masks a and b that are used once. Whether it fails depends on errors and coins alone,
never on what was multiplied.
"""

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..values import ring, shaped
from .checks import Checks

BLOCK = 8192  # places worked on at a time: what is drawn and computed for them stays in the L2 cache
AT_ONCE = 1 << 20  # places whose masked factors are opened in one round, unless one list has more
MOST_LISTS = 64
LIST_COST = 256  # places that cost as much time as one list more
LARGE_BATCH = 1 << 20  # products for which a batch may take most of what a cell's checks may miss
MOST_SHARE, LEAST_SHARE = 15 / 16, 2.0**-10

Rows = Any  # (6, n): x, y and z of n products, two components each


class Domain(NamedTuple):
    """Numbers modulo 2^64, or words of bits."""

    add: np.ufunc
    subtract: np.ufunc
    multiply: np.ufunc
    cross_blocks: Any  # kernel of a masked product
    binary: bool


RING = Domain(np.add, np.subtract, np.multiply, ring.cross_product_blocks, False)
BITS = Domain(np.bitwise_xor, np.bitwise_xor, np.bitwise_and, ring.and_cross_blocks, True)


@dataclass(frozen=True)
class Lists:
    """So many lists of so many triples each."""

    count: int
    length: int

    @property
    def places(self) -> int:
        return self.count * self.length

    @property
    def missed_bits(self) -> float:
        return self.count * math.log2(self.length)


@functools.lru_cache(maxsize=1024)
def cheapest_lists(products: int, bits: float) -> Lists:
    """Lists that miss no more than 2^-bits: fewer and longer than the products where that costs less."""
    shortest = (max(products + 1, math.ceil(2 ** (bits / count))) for count in range(1, MOST_LISTS))
    choices = [Lists(count, _prime_from(length)) for count, length in enumerate(shortest, 1) if length < 8 * products + 1024]
    return min(choices, key=lambda lists: lists.count * (lists.length + LIST_COST))


def share_of_budget(products: int) -> float:
    """Of what a cell's checks may still miss, the part that so many products take: small ones, which are cheap, take little."""
    return min(MOST_SHARE, max(LEAST_SHARE, products / LARGE_BATCH))


def _prime_from(n: int) -> int:
    n = max(n, 3) | 1
    while n > 3 and not np.all(n % np.arange(3, math.isqrt(n) + 1, 2)):
        n += 2
    return n


class Batch:
    """Some products and the triples that they are compared with. All parties take the same steps in the same order."""

    def __init__(self, protocol: Any, checks: Checks, domain: Domain, rows: Rows):
        self.protocol, self.checks, self.domain, self.rows = protocol, checks, domain, rows
        self.context = protocol.context
        products = rows.shape[1]
        self.lists = cheapest_lists(products, -math.log2(checks.left * share_of_budget(products)))
        checks.note_missed(self.lists.missed_bits)

    def make_triples(self) -> None:
        """a and b are drawn, c = a b is a product like any other: one element from each party and triple. One round."""
        pair = (self.protocol.previous, self.protocol.next)  # who else knows this party's components
        self.keys = [[self.protocol.fresh_key_with(peer) for peer in pair] for _ in "ab"]
        places = self.lists.places
        self.c = self.protocol.masked_product("helpers", self._factors(places), (places,), self.domain)

    def _factors(self, places: int) -> Iterator[tuple[Any, Any]]:
        streams = self._streams()
        for start in range(0, places, BLOCK):
            yield tuple(np.stack([self._draw(stream, min(BLOCK, places - start)) for stream in pair]) for pair in streams)  # type: ignore[misc]

    def _streams(self) -> list[list[Any]]:
        """Of a and b, the streams of both components, from their start."""
        return [[self.protocol.stream_of(key) for key in pair] for pair in self.keys]

    @staticmethod
    def _draw(stream: Any, count: int) -> Any:
        return stream.words((count,))

    def open_and_check(self, coin: Any) -> None:
        """Open d = x - a and e = y - b, and say of z - c - d b - e a - d e, with a party each, what it should be.

        Two elements from each party and triple; two rounds, and two for every further AT_ONCE triples. Views of the result are
        left to compare; a party that was lied to goes on with random numbers in place of its own, so that they tell nothing.
        """
        turns = self._turns(coin)
        streams = [self._streams() for _ in range(3)]  # for the first components, the second, and both
        at_once = max(1, AT_ONCE // self.lists.length)
        for first in range(0, self.lists.count, at_once):
            group = range(first, min(first + at_once, self.lists.count))
            self._open_group(group, turns, streams)

    def _open_group(self, group: range, turns: Sequence[int], streams: list[Any]) -> None:
        size = 2 * len(group) * self.lists.length
        opened, received = (shaped.empty((size,), like=self.rows) for _ in range(2))
        self._spoil_if_lied_to()
        fill = None if self.context.planned else self._mask_first(group, turns, streams[0], opened)
        party = self.protocol
        self.context.exchange("masked", {party.next: opened}, {party.previous: received.shape}, fill=fill, out=received)

        self.checks.alike(party.next, received)
        self.checks.alike(party.previous)
        if not self.context.planned:
            self._add_others(group, turns, streams[1], opened, received)
        del received
        party.compare()

        self._spoil_if_lied_to()
        self.checks.alike(party.previous)
        self.checks.alike(party.next)
        if not self.context.planned:
            self._view_remainders(group, turns, streams[2], opened)

    def _spoil_if_lied_to(self) -> None:
        """Places without a product stay: they hold nothing that anybody must not know."""
        if not self.protocol.fine:
            self.rows = self.protocol.noise(self.rows.shape)

    def _turns(self, coin: Any) -> list[int]:
        """By how much each list is turned: uniform, so words in the incomplete last run of p are passed over."""
        p = self.lists.length
        if self.context.planned:
            return [0] * self.lists.count
        limit = (1 << 64) // p * p
        turns: list[int] = []
        while len(turns) < self.lists.count:
            word = coin.word()
            if word < limit:
                turns.append(word % p)
        return turns

    def _blocks(self, group: Iterable[int], turns: Sequence[int]) -> Iterator[tuple[int, Rows]]:
        """Triples in order, some at a time: the first one's number, and the rows of the products beside them."""
        p, n = self.lists.length, self.rows.shape[1]
        nothing = np.zeros((6, min(BLOCK, p)), np.uint64)
        if p <= BLOCK // 2:
            padded = np.concatenate([self.rows, np.zeros((6, p - n), np.uint64)], axis=1)
            lists, together = list(group), BLOCK // p
            for k in range(0, len(lists), together):
                part = lists[k : k + together]
                beside = (np.arange(p) + np.array([turns[i] for i in part])[:, None]).reshape(-1) % p
                yield part[0] * p, np.take(padded, beside, axis=1)
            return
        for i in group:
            place = 0
            while place < p:
                product = (place + turns[i]) % p
                stop = n if product < n else p
                size = min(BLOCK, stop - product, p - place)
                yield i * p + place, self.rows[:, product : product + size] if product < n else nothing[:, :size]
                place += size

    def _mask_first(self, group: range, turns: Sequence[int], streams: Any, out: Any) -> Iterator[int]:
        """Write this party's first components of d and e; yield how many words are final."""
        (a, _), (b, _) = streams
        done = 0
        for _, rows in self._blocks(group, turns):
            d, e = out[done : done + 2 * rows.shape[1]].reshape(2, -1)
            self.domain.subtract(rows[0], self._draw(a, d.size), out=d)
            self.domain.subtract(rows[2], self._draw(b, e.size), out=e)
            done += 2 * d.size
            yield done

    def _add_others(self, group: range, turns: Sequence[int], streams: Any, opened: Any, received: Any) -> None:
        """Make d and e of the three components; what this party has second its previous heard from its next."""
        (_, a), (_, b) = streams
        done = 0
        for _, rows in self._blocks(group, turns):
            part = slice(done, done + 2 * rows.shape[1])
            second = np.empty((2, rows.shape[1]), np.uint64)
            self.domain.subtract(rows[1], self._draw(a, rows.shape[1]), out=second[0])
            self.domain.subtract(rows[3], self._draw(b, rows.shape[1]), out=second[1])
            self.checks.alike(self.protocol.previous, second)
            total = opened[part]
            self.domain.add(total, received[part], out=total)
            self.domain.add(total, second.reshape(-1), out=total)
            done = part.stop

    def _view_remainders(self, group: range, turns: Sequence[int], streams: Any, opened: Any) -> None:
        """z - c - d b - e a - d e is zero: its next party's view of the third component follows from this party's two."""
        subtract, multiply = self.domain.subtract, self.domain.multiply
        done = 0
        for start, rows in self._blocks(group, turns):
            size = rows.shape[1]
            d, e = opened[done : done + 2 * size].reshape(2, size)
            done += 2 * size
            remainders, term = np.empty((2, size), np.uint64), np.empty(size, np.uint64)
            for component, w in enumerate(remainders):
                subtract(rows[4 + component], self.c[component, start : start + size], out=w)
                for opened_factor, own in ((d, streams[1][component]), (e, streams[0][component])):
                    multiply(opened_factor, self._draw(own, size), out=term)
                    subtract(w, term, out=w)
            for component in self.protocol.constant_components(binary=self.domain.binary):
                subtract(remainders[component], multiply(d, e, out=term), out=remainders[component])
            self.protocol.view_of_zero(remainders, self.domain)
