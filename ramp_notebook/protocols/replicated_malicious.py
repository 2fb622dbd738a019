"""`replicated-malicious`: three parties, one may do what it likes and is noticed before anything is revealed. Shares as in `replicated`.

Products are made as there, and checked in buckets before a reveal and at the end of a cell (Furukawa, Lindell, Nof, Weinstein
2016/944; Araki et al. 2017; `buckets.py`). What is inherited is safe as it is:

- *Shares.* Every component has two holders, of whom one is honest, and every two parties hold all three components. So what
  honest parties hold is always the share of one number; whoever cheats can add to it, by a number that he knows, and no more.
- *Input.* The owner sends one component to its only other holder: whatever it sends is an input that it might have had.
- *Randomness.* A component is drawn by both its holders from their common stream; the honest one draws what it has to.
- *Linear operations* are local.

MACs (SPDZ-wise sharing, 2018/570 and 2019/1298) would cost 2 elements of 64 + s bits per party and product, and a constant for
sums of products; here it is 1 + 3 B p / n of 64 bits for n products, B lists of p triples: 7 to 8 for a million and more, 10 to 13
from a few hundred on. But shares and kernels stay words, bits cost a bit each (7 to 13 for 7 of Araki et al.), and a wrong
product is compared with triples that nobody could choose, so that no abort depends on a secret. (A MAC modulo 2^(64+s) is fooled,
or not, by an error of 2^(63+s) depending on the secret's lowest bit.)
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..registry import protocol
from ..trace.recorder import OpenSpan
from ..values import shaped
from ..values.streams import Stream, fresh_key
from . import circuits, summands
from . import planes as packed
from .base import Share, align
from .buckets import BITS, LEAST_SHARE, RING, Batch, Domain
from .checks import Checks
from .permutations import layer_sizes, network, random_permutation, route
from .replicated import SMALL, Replicated, unpack_to_ring
from .security import Security
from .summands import Summands

MOST_WORDS = 1 << 21  # products kept, 48 bytes each; more are checked on the way
COPIED_WORDS = 1 << 15  # copied at a time, before they are multiplied
BITS_PER_SAMPLE = math.log2(4 / 3)  # that one random sum of a matrix product adds to the security of its check


@protocol("replicated-malicious")
class ReplicatedMalicious(Summands, Replicated):
    """Replicated secret sharing among three, one of whom may send anything: products cost each party 7 to 13 elements."""

    security = Security(
        "malicious with abort",
        1,
        "3",
        "Araki et al. 2016/768; checks after Furukawa et al. 2016/944 and Araki et al. 2017; shuffle by networks (Waksman 1968)",
    )
    owing = frozenset({"multiply", "and", "matmul", "reveal"})

    def __init__(self, context: Any, kept: dict[str, Any] | None = None):
        super().__init__(context, kept)
        self.checks = Checks(context)
        self.fine = True  # nothing came to light yet; what has is told at the next confirmation, and ends the run
        self.unchecked: dict[Domain, list[Any]] = {RING: [], BITS: []}  # rows (6, n): x, y, z of products

    # -- checks --------------------------------------------------------------------------------------------------------

    @property
    def missed_bits(self) -> int | None:
        return self.checks.bits

    def verify(self) -> None:
        """Check all products. 8 rounds for those of numbers, or of bits; 11 for both. Then two words or one to each peer."""
        if not (self.checks.pending or any(self.unchecked.values())):
            return
        with OpenSpan(self.context.recorder, "check products"):
            self._check_products()
            self.compare()
            self.checks.confirm("products", self.fine)

    def _check_products(self) -> None:
        """Leave views to compare that are alike if all products so far are right.

        Products are dropped when that is done, and not before: a branch that wants to reveal meanwhile checks them as well.
        """
        checked = {domain: _joined(waiting) for domain, waiting in self.unchecked.items() if waiting}
        if not checked:
            return
        self.unchecked |= {domain: [rows] for domain, rows in checked.items()}
        batches = [Batch(self, self.checks, domain, rows) for domain, rows in checked.items()]
        for batch in batches:
            batch.make_triples()
        coin = self.joint_coin()
        for batch in batches:
            batch.open_and_check(coin)
        for domain, done in checked.items():
            self.unchecked[domain] = [rows for rows in self.unchecked[domain] if rows is not done]

    def compare(self) -> None:
        """Note whether all views so far are alike. One round."""
        self.fine = self.checks.compare() and self.fine

    def joint_coin(self) -> Any:
        """A public coin, and all know that it is the same for all before it is used. Three rounds."""
        coin = self.checks.coin()
        self.compare()
        return coin

    def view_of_zero(self, share: Share, domain: Domain) -> None:
        """Say what the components are if they add up to zero: each third one follows from the two that a party holds."""
        self.checks.alike(self.next, domain.subtract(domain.subtract(np.uint64(0), share[0]), share[1]))
        self.checks.alike(self.previous, share[1])

    def noise(self, shape: tuple[int, ...]) -> Any:
        """Numbers that nobody else has."""
        return Stream(fresh_key()).words(shape)

    def fresh_key_with(self, peer: int) -> bytes:
        """A key that this party and `peer` have to themselves: what it gives can be drawn again."""
        return bytes(16) if self.context.planned else self.context.stream(peer).words((2,)).tobytes()

    def stream_of(self, key: bytes) -> Any:
        return Stream(key)

    def _record(self, rows: Any, domain: Domain) -> None:
        """Keep products for a check; those before are checked if they would be too many."""
        kept = sum(other.shape[1] for waiting in self.unchecked.values() for other in waiting)
        if kept + rows.shape[1] > MOST_WORDS:
            with OpenSpan(self.context.recorder, "check products"):
                self._check_products()
        if rows.shape[1]:
            self.unchecked[domain].append(rows)
        self.checks.owe()

    # -- revealing -----------------------------------------------------------------------------------------------------

    def reveal(self, x: Share, to: Sequence[int], *, binary: bool) -> Any:
        """One holder sends the component that a party misses, the other says whether it was that. Three rounds."""
        sends = {self.next: x[0]} if self.next in to else {}
        receives = {self.previous: x.shape[1:]} if self.me in to else {}
        reply = self.context.exchange("reveal", sends, receives)

        with OpenSpan(self.context.recorder, "check what was revealed"):
            if self.me in to:
                self.checks.alike(self.next, reply[self.previous])
            if self.previous in to:
                self.checks.alike(self.previous, x[1])
            self.compare()
            self.checks.confirm("what was revealed", self.fine)
        if self.me not in to:
            return None
        missing = reply[self.previous]
        return x[0] ^ x[1] ^ missing if binary else x[0] + x[1] + missing

    # -- products ------------------------------------------------------------------------------------------------------

    def multiply(self, x: Share, y: Share) -> Share:
        """As in `replicated`, one element from each party and one round; the check follows."""
        return self._recorded_product("multiply", x, y, RING)

    def conjunction(self, x: Share, y: Share) -> Share:
        return self._recorded_product("and", x, y, BITS)

    def _recorded_product(self, tag: str, x: Share, y: Share, domain: Domain) -> Share:
        if x.size <= SMALL and not shaped.is_shaped(x, y):
            z = super().conjunction(x, y) if domain.binary else super().multiply(x, y)
            self._record(np.concatenate([part.reshape(2, z[0].size) for part in (x, y, z)]), domain)
            return z
        if x[0].size <= MOST_WORDS:
            return self._recorded_products(tag, [(x, y)], x[0].size, domain).reshape(x.shape)
        left, right = x.reshape(2, -1), y.reshape(2, -1)
        cuts = [slice(start, min(start + MOST_WORDS, left.shape[1])) for start in range(0, left.shape[1], MOST_WORDS)]
        parts = [self._recorded_products(tag, [(left[:, cut], right[:, cut])], cut.stop - cut.start, domain) for cut in cuts]
        return np.concatenate(parts, axis=1).reshape(x.shape)

    def conjunctions(self, factors: Iterable[circuits.Factors], shapes: Sequence[circuits.Shape]) -> list[Share]:
        """As in `replicated`; pairs of more words than are kept for a check travel in several rounds."""
        words = [planes * width for planes, width in shapes]
        pairs, products, start = iter(factors), list[Share](), 0
        while start < len(shapes):
            stop = start + 1
            while stop < len(shapes) and sum(words[start : stop + 1]) <= MOST_WORDS:
                stop += 1
            group, some = shapes[start:stop], islice(pairs, stop - start)
            if len(group) == 1 or self.context.planned or 2 * sum(words[start:stop]) <= SMALL:
                products += super(Replicated, self).conjunctions(some, group)
            else:
                products += circuits.split(self._recorded_products("and", some, sum(words[start:stop]), BITS), group)
            start = stop
        return products

    def _recorded_products(self, tag: str, factors: Iterable[tuple[Share, Share]], words: int, domain: Domain) -> Share:
        """Flat products. What they were made of is copied first: circuits write over their planes."""
        rows: Any = shaped.ShapedArray((6, words)) if self.context.planned else np.empty((6, words), np.uint64)
        z = self.masked_product(tag, _copied(factors, rows), (words,), domain)
        rows[4:] = z
        self._record(rows, domain)
        return z

    def masked_product(self, tag: str, factors: Iterable[tuple[Share, Share]], shape: tuple[int, ...], domain: Domain) -> Share:
        """Products as in `replicated`, of which somebody may have made others."""
        return self._product(tag, factors, shape, domain.cross_blocks, self._draw_zero_xor if domain.binary else self._draw_zero_sum)

    def matmul(self, x: Share, y: Share) -> Share:
        """One element per output, or per product of two numbers where there are few outputs.

        Freivalds 1979: of Z = X Y, random l and r are drawn when Z is there, and l Z r = (l X) · (Y r) is checked. An error
        is zero modulo a higher power of two at all outputs but some; there l and r, odd or even, miss it 3 times of 4, so that some
        120 such sums are made. Each costs as many products as a row is long, made and checked like all others; 5 rounds more.
        """
        samples = math.ceil(-math.log2(self.checks.left * LEAST_SHARE) / BITS_PER_SAMPLE)
        left, right = x if x.ndim > 2 else x.reshape(2, 1, -1), y if y.ndim > 2 else y.reshape(2, -1, 1)
        left, right = align(left, right.ndim - 1), align(right, left.ndim - 1)
        if left.shape[-2] * right.shape[-1] <= samples or not left.size or not right.size:
            shape = shaped.matmul_shape(x.shape[1:], y.shape[1:])
            return self._sum_of_products(left[..., :, None, :], np.swapaxes(right, -1, -2)[..., None, :, :]).reshape(2, *shape)
        z = super().matmul(left, right)
        self._check_matmul(left, right, z, samples)
        return z.reshape(2, *shaped.matmul_shape(x.shape[1:], y.shape[1:]))

    def _check_matmul(self, x: Share, y: Share, z: Share, samples: int) -> None:
        self.checks.owe()
        self.checks.note_missed(samples * BITS_PER_SAMPLE)
        with OpenSpan(self.context.recorder, "check products"):
            coin = self.joint_coin()
            left, right = coin.words((samples, x.shape[-2])), coin.words((y.shape[-1], samples))
            x, y = self.matmul_public(x, left, secret_left=False), self.matmul_public(y, right, secret_left=True)
            sums = self._sum_of_products(x, np.swapaxes(y, -1, -2))
            z = self.matmul_public(z, left, secret_left=False)
            remainders = sums - np.sum(self.scale(z, np.swapaxes(right, 0, 1)), axis=-1)
            self.view_of_zero(remainders if self.fine else self.noise(remainders.shape), RING)

    def _sum_of_products(self, x: Share, y: Share) -> Share:
        """Along the last axis, of shares whose other axes are numpy's to match."""
        shape = np.broadcast_shapes(x.shape, y.shape)
        return np.sum(self.multiply(np.broadcast_to(x, shape), np.broadcast_to(y, shape)), axis=-1)

    # -- between the domains: components are known to two parties each, who share their bits without a message ----------

    def summands(self, x: Share) -> list[Share]:
        planes = packed.to_planes(x, summands.WORD)
        return [self._component(planes, j) for j in range(3)]

    def bits_to_ring(self, bits: Share, n: int) -> Share:
        """b = b_0 ^ b_1 ^ b_2, each a number 0 or 1 at its holders: u ^ v = u + v - 2 u v, twice. Two products, 2 rounds."""
        numbers = unpack_to_ring(bits, n)
        total = self._component(numbers, 0)
        for j in (1, 2):
            other = self._component(numbers, j)
            total = total + other - self.scale(self.multiply(total, other), np.uint64(2))
        return total

    def to_arithmetic(self, x: Share) -> Share:
        """x_0 and x_1 are drawn, x_2 = x - x_0 - x_1 comes out of a binary adder and is revealed to its two holders, once checked."""
        n = x.shape[1]
        drawn = self.random((n,), binary=False)
        minus = packed.to_planes(-drawn, summands.WORD)
        numbers = [packed.to_planes(x, summands.WORD), self._component(minus, 0), self._component(minus, 1)]
        s, t, _ = circuits.carry_save(numbers, self.conjunction)
        total = circuits.add_planes(s, s ^ t, self.conjunctions)
        self.verify()
        with OpenSpan(self.context.recorder, "reveal"):
            third = self.reveal(total, (1, 2), binary=True)
        if self.me:
            drawn[2 - self.me] = packed.from_planes(third, n)
        return drawn

    def truncate_probabilistic(self, x: Share, bits: int) -> Share:
        """Exactly: the way of `replicated` lets one party open what it likes."""
        return self.truncate(x, bits)

    def _component(self, values: Share, j: int) -> Share:
        """What the two holders of component j have there, as a share of its own. Local."""
        share = self.zeros(values.shape[1:], binary=True)
        place = (j - self.me) % 3
        if place < 2:
            share[place] = values[place]
        return share

    # -- permutations --------------------------------------------------------------------------------------------------

    def shuffle(self, columns: list[tuple[Share, bool]]) -> list[Share]:
        """Each pair permutes by a permutation that the third party does not know, through a network of switches.

        A network (Waksman 1968) makes any permutation from swaps of two rows. The pair routes the permutation that it drew from
        its common stream, and so shares the switches' settings without a message: nobody can give in others. A switch costs a
        product per column: about 3 n log2 n in all, over 6 log2 n rounds, checked like all others. The hops of 2022/1595,
        whose 6 elements a row are checked by tags, would take tags modulo 2^128 and leave an abort to depend on data.
        """
        kinds = [binary for _, binary in columns]
        shapes = [share.shape for share, _ in columns]
        n = shapes[0][1]
        rows = {kind: [_as_rows(share) for share, binary in columns if binary == kind] for kind in set(kinds)}
        widths = {kind: [part.shape[2] for part in parts] for kind, parts in rows.items()}
        joined = {kind: np.concatenate(parts, axis=2) for kind, parts in rows.items()}
        columns.clear()
        del rows
        for a in range(3 if n > 1 else 0):
            self._permute_by_pair_through_network(a, n, joined)
        ends = {kind: np.cumsum(each) for kind, each in widths.items()}
        place, results = dict.fromkeys(joined, 0), []
        for kind, shape in zip(kinds, shapes, strict=True):
            k = place[kind]
            results.append(joined[kind][:, :, ends[kind][k] - widths[kind][k] : ends[kind][k]].reshape(shape))
            place[kind] += 1
        return results

    def _permute_by_pair_through_network(self, a: int, n: int, joined: dict[bool, Any]) -> None:
        """Parties a and a + 1 permute the rows, which are replaced."""
        b = (a + 1) % 3
        settings: list[Any] = [None] * len(layer_sizes(n))
        if self.me in (a, b) and not self.context.planned:
            settings = route(random_permutation(self.context.stream(b if self.me == a else a), n))
        if self.context.planned:
            for switches in layer_sizes(n):
                for kind, rows in joined.items():
                    self._swap_where(None, rows[:, :switches], rows[:, :switches], b, kind)
            return
        for layer, setting in zip(network(n), settings, strict=True):
            for kind, rows in joined.items():
                swapped = self._swap_where(setting, rows[:, layer.first], rows[:, layer.first + 1], b, kind)
                rows[:, layer.first], rows[:, layer.first + 1] = swapped
                joined[kind] = rows[:, layer.then]

    def _swap_where(self, setting: Any, upper: Share, lower: Share, b: int, binary: bool) -> tuple[Share, Share]:
        """(lower, upper) where a switch is set, which component b of a share says that its two holders have."""
        factor = self.zeros((upper.shape[1], 1), binary=binary)
        if setting is not None:
            on = setting.astype(np.uint64)[:, None]
            factor[0 if self.me == b else 1] = -on if binary else on
        factor = np.broadcast_to(factor, upper.shape)
        if binary:
            change = self.conjunction(factor, upper ^ lower)
            return upper ^ change, lower ^ change
        change = self.multiply(factor, lower - upper)
        return upper + change, lower - change


def _as_rows(share: Share) -> Share:
    return share.reshape(*share.shape[:2], math.prod(share.shape[2:]))


def _joined(rows: list[Any]) -> Any:
    return rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)


def _copied(factors: Iterable[tuple[Share, Share]], rows: Any) -> Iterator[tuple[Share, Share]]:
    """Factors one after the other and some words at a time, from a copy in the first four rows. (A plan asks for none.)"""
    start = 0
    for pair in factors:
        parts = [part.reshape(-1) for share in pair for part in share]
        for cut in range(0, parts[0].size, COPIED_WORDS):
            size = min(COPIED_WORDS, parts[0].size - cut)
            place = rows[:4, start : start + size]
            for row, part in zip(place, parts, strict=True):
                row[...] = part[cut : cut + size]
            start += size
            yield place[:2], place[2:]
