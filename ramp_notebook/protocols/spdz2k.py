"""`spdz2k`: two or more parties, all but one may be active; a cheater is noticed before anything is revealed (SPDZ2k, 2018/482).

x is the low word of sum x_i modulo 2^128, and parties share its MAC alpha x too; bits have MACs over GF(2) (2015/901). What parties
send are openings of values that preprocessing hides, and all MACs of them are checked at once. Comparisons, conversions and
truncation by daBits and edaBits (2019/599, 2020/338).
"""

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..errors import MisuseError
from ..registry import protocol
from ..values import shaped, wide
from . import circuits
from . import planes as packed
from .base import Protocol, Share, align
from .checks import Checks
from .openings import ALL_ONES, Openings
from .permutations import Layer, network, random_permutation, route
from .preprocessing.authenticated import BIT, GROWING, KEY_BITS, NUMBER, Authenticated, AuthenticatedSource, CountingAuthenticated, Keys
from .preprocessing.authenticated_dealing import AuthenticatedDealer
from .preprocessing.authenticated_transfers import AuthenticatedTransfers
from .preprocessing.rehearsal import in_one_go
from .preprocessing.supply import planned_supply, supply_state
from .security import ADVERSARIES, Security

WORD = 64
SOURCES: dict[str, type[AuthenticatedSource]] = {"ot": AuthenticatedTransfers, "dealer": AuthenticatedDealer}  # the first is the default


@protocol("spdz2k")
class Spdz2k(Protocol):
    """Additive sharing with MACs modulo 2^128 and on bits: a product costs each party 4 (n - 1) words of 64 bits and one round."""

    security = Security(
        ADVERSARIES[2],
        lambda count: count - 1,
        "n ≥ 2",
        "SPDZ2k 2018/482; MACs on bits 2015/901; conversions 2019/599, 2020/338; shuffle by a switching network 2014/137",
        ", ".join(SOURCES),
        threshold_text="n - 1",
    )
    arithmetic_components, binary_components = NUMBER, BIT
    prepares = (*GROWING, "matrix_triples")
    ends_with_a_failed_cell = True
    owing = frozenset({"input", "multiply", "and", "matmul", "masked", "bits_to_ring", "reveal"})
    sources = tuple(SOURCES)
    key_bits: ClassVar[int] = KEY_BITS  # s: of MAC keys and of the coefficients by which they are checked

    takes = "two parties or more"

    @classmethod
    def fits(cls, count: int) -> bool:
        return count >= 2

    def __init__(self, context: Any, kept: dict[str, Any] | None = None):
        super().__init__(context, kept)
        name = self.source_named(context.preprocessing)
        if context.store:
            raise MisuseError("`spdz2k` has no --store: what lies there is for protocols among curious parties. Leave it out.")
        self.me, self.checks = context.index, Checks(context)
        self.keys: Keys | None = None if context.planned else self.kept.setdefault("keys", Keys.fresh(self.key_bits))
        self.openings = Openings(context, self.checks, self.keys, self.key_bits)
        self.supply = Authenticated(context, self.kept.setdefault(name, {}), SOURCES[name], self.keys, self.checks)

    @property
    def label_flags(self) -> tuple[str, ...]:
        return self.supply.source.flags

    @property
    def adversary(self) -> str:
        """The weaker of the protocol's and of what its correlated randomness withstands."""
        return min(self.security.adversary, self.supply.source.adversary, key=ADVERSARIES.index)

    @property
    def missed_bits(self) -> int | None:
        return self.checks.bits

    def verify(self) -> None:
        self.openings.verify()

    def prepare(self, needs: dict[Any, int], *, all_of_it: bool = False) -> None:
        self.supply.prepare(needs, all_of_it=all_of_it)

    def count_needs(self) -> dict[Any, int]:
        self.supply = CountingAuthenticated(self.context)
        return self.supply.used

    def supplies(self) -> dict[str, tuple[int, int, int]]:
        return self.supply.balance()

    def public_state(self) -> dict[str, Any]:
        return {name: supply_state(self.context, kept) for name, kept in self.kept.items() if name in SOURCES}

    @classmethod
    def of_public_state(cls, state: dict[str, Any], parties: int) -> dict[str, Any]:
        return {name: planned_supply(each, parties, SOURCES[name](None), Authenticated) for name, each in state.items()}

    def constant_components(self, *, binary: bool) -> tuple[int, ...]:
        """Of bits: the value is party 0's, and the MAC of 1 is Delta, of which each has a share."""
        delta = self.keys.delta if self.keys is not None else 0
        return (*(() if self.me else (0,)), *(1 + k for k in range(WORD) if delta >> k & 1))

    # -- sharing -------------------------------------------------------------------------------------------------------

    def input(self, owner: int, value: Any, shape: tuple[int, ...], *, binary: bool) -> Share:
        """The owner tells everyone how its value differs from a mask that it alone knows. A word to each party, one round."""
        known, mask = self.supply.masks(owner, shape, binary=binary)
        differing = None
        if self.me == owner:
            differing = value ^ known if binary else value - known[0]
        said = self.openings.say("input", owner, differing, shape)
        return self.xor_public(mask, said) if binary else self.add_public(mask, said)

    def reveal(self, x: Share, to: Sequence[int], *, binary: bool) -> Any:
        """Opened and checked, then returned. Of numbers a random multiple of 2^64 hides the high word.

        What only some may know is opened under masks that they know, one for each. Rounds: one, and six of the check.
        """
        if not x.size:
            return x[0] if self.me in to else None
        shape = x.shape[1:]
        if len(to) == self.context.count:
            if not binary:
                x = self._with_high_word(x)
            opened = self.openings.bits("reveal", x, blinded=True) if binary else self.openings.numbers("reveal", x, blinded=True)[0]
            self.verify()
            return opened
        masks = [self.supply.masks(party, shape, binary=binary) for party in to]
        hidden = np.stack([x ^ mask if binary else wide.add(self._with_high_word(x), mask) for _, mask in masks], axis=1)
        opened = self.openings.bits("reveal", hidden, blinded=True) if binary else self.openings.numbers("reveal", hidden, blinded=True)[0]
        self.verify()
        if self.me not in to:
            return None
        place = list(to).index(self.me)
        known = masks[place][0]
        return opened[place] ^ known if binary else opened[place] - known[0]

    def _with_high_word(self, x: Share) -> Share:
        """x plus a random multiple of 2^64: whoever learns x learns nothing of what stands above its 64 bits."""
        return wide.add(x, wide.shift_left(self.supply.random(math.prod(x.shape[1:])), WORD).reshape(x.shape))

    def shown(self, x: Share, *, binary: bool) -> Share:
        """The value's share alone: with all shares of its MAC anyone would compute the key."""
        return x[:1] if binary else x[:2]

    def random(self, shape: tuple[int, ...], *, binary: bool) -> Share:
        """Nothing is sent online."""
        count = math.prod(shape)
        return (self.supply.random_bits(count) if binary else self.supply.random(count)).reshape(BIT if binary else NUMBER, *shape)

    def pieces(self, x: Share, *, binary: bool) -> dict[int, Any]:
        """Every party's share, masked by a fresh share of zero."""
        zero = self.openings.zero(x[:2].shape if not binary else x[0].shape, binary=binary)
        mine = x[0] ^ zero if binary else wide.add(x[:2], zero)[0]
        return {party: mine if party == self.me else None for party in range(self.context.count)}

    # -- linear operations on numbers, all local -----------------------------------------------------------------------

    def public(self, value: Any, *, binary: bool) -> Share:
        return super().public(value, binary=True) if binary else self._constant(wide.of_words(value))

    def _constant(self, value: Any) -> Share:
        """The share of a public number (2, …): party 0's summand, and everyone's of the MAC."""
        if self.keys is None:
            return shaped.ShapedArray((NUMBER, *value.shape[1:]))
        return np.concatenate([np.zeros_like(value) if self.me else value, wide.scale(value, self.keys.alpha)])

    def add(self, x: Share, y: Share) -> Share:
        return wide.add(x, y)

    def subtract(self, x: Share, y: Share) -> Share:
        return wide.subtract(x, y)

    def negate(self, x: Share) -> Share:
        return wide.negate(x)

    def add_public(self, x: Share, value: Any) -> Share:
        ndim = max(x.ndim - 1, np.ndim(value))
        return wide.add(align(x, ndim), align(self._constant(wide.of_words(_array(value))), ndim))

    def scale(self, x: Share, value: Any) -> Share:
        return wide.scale(x, value)

    def total(self, x: Share, axes: tuple[int, ...]) -> Share:
        return wide.total(x, axes)

    def running_total(self, x: Share, axis: int) -> Share:
        return wide.running_total(x, axis)

    def matmul_public(self, x: Share, value: Any, *, secret_left: bool) -> Share:
        value = wide.of_words(value)
        return wide.matmul(x, value) if secret_left else wide.matmul(value, x)

    # -- products ------------------------------------------------------------------------------------------------------

    def multiply(self, x: Share, y: Share) -> Share:
        """One triple per product (Beaver 1991): d = x - a and e = y - b are opened, 4 (n - 1) words sent by each party, one round."""
        flat = (NUMBER, math.prod(x.shape[1:]))
        a, b, c = self.supply.triples(flat[1])
        hidden = np.stack([wide.subtract(x.reshape(flat), a), wide.subtract(y.reshape(flat), b)], axis=1)
        opened = self.openings.numbers("multiply", hidden)
        d, e = opened[:, 0], opened[:, 1]
        return self._beaver(c, wide.multiply(b, d), wide.multiply(a, e), wide.multiply(d, e)).reshape(x.shape)

    def conjunction(self, x: Share, y: Share) -> Share:
        """The same on words of bits: 2 (n - 1) bits per AND."""
        flat = (BIT, math.prod(x.shape[1:]))
        a, b, c = self.supply.bit_triples(flat[1])
        opened = self.openings.bits("and", np.stack([x.reshape(flat) ^ a, y.reshape(flat) ^ b], 1))
        d, e = opened[0], opened[1]
        return self.xor_public(c ^ d & b ^ e & a, d & e).reshape(x.shape)

    def conjunction_of(self, x: Share, y: Share, lanes: int) -> Share:
        """Of words that are half full at most, bits side by side instead of what pads them."""
        if 2 * lanes > WORD or not lanes:
            return self.conjunction(x, y)
        bits = [packed.unpack(planes, lanes) for planes in (x, y)]
        count = math.prod(bits[0].shape[1:])
        product = self.conjunction(*(packed.pack(each.reshape(BIT, count)) for each in bits))
        return packed.pack(packed.unpack(product, count).reshape(bits[0].shape))

    def _conjunctions_of(self, lanes: int) -> circuits.Ands:
        """ANDs of pairs of planes, of which so many lanes count."""
        if 2 * lanes > WORD:
            return self.conjunctions

        def conjunctions(factors: Iterable[circuits.Factors], shapes: Sequence[circuits.Shape]) -> list[Share]:
            left, right = (np.concatenate(side, axis=1) for side in zip(*factors, strict=True))
            return list(circuits.split(self.conjunction_of(left, right, lanes)[..., 0], shapes))

        return conjunctions

    def matmul(self, x: Share, y: Share) -> Share:
        """One matrix triple per product of two matrices: as many numbers opened as the two have, in one round."""
        shape = shaped.matmul_shape(x.shape[1:], y.shape[1:])
        left = x.reshape(NUMBER, 1, -1) if x.ndim == 2 else x
        right = y.reshape(NUMBER, -1, 1) if y.ndim == 2 else y
        if not left.size or not right.size:
            return self.zeros(shape, binary=False)
        if right.ndim == 3:
            return self._matrix_product(left.reshape(NUMBER, -1, left.shape[-1]), right).reshape(NUMBER, *shape)
        stack = np.broadcast_shapes(left.shape[1:-2], right.shape[1:-2])
        left, right = (_stacked(v, stack) for v in (left, right))
        products = self.context.parallel([functools.partial(self._matrix_product, left[:, i], right[:, i]) for i in range(left.shape[1])])
        return np.stack(products, axis=1).reshape(NUMBER, *shape)

    def _matrix_product(self, x: Share, y: Share) -> Share:
        a, b, c = self.supply.matrix_triples(x.shape[1], x.shape[2], y.shape[2])
        hidden = [wide.subtract(x, a).reshape(NUMBER, -1), wide.subtract(y, b).reshape(NUMBER, -1)]
        opened = self.openings.numbers("matmul", np.concatenate(hidden, axis=1))
        size = hidden[0].shape[1]
        d, e = opened[:, :size].reshape(2, *x.shape[1:]), opened[:, size:].reshape(2, *y.shape[1:])
        return self._beaver(c, wide.matmul(d, b), wide.matmul(a, e), wide.matmul(d, e))

    def _beaver(self, c: Share, db: Share, ea: Share, de: Any) -> Share:
        return wide.add(wide.add(c, db), wide.add(ea, self._constant(de)))

    # -- from numbers to bits ------------------------------------------------------------------------------------------

    def _masked(self, x: Share, mask: Share) -> Any:
        """The low words of x + mask, which is uniform modulo 2^128."""
        return self.openings.numbers("masked", wide.add(x, mask))[0]

    @in_one_go
    def sign(self, x: Share) -> Share:
        """c = x + r is opened; x = c - r borrows from bit 63 where the low bits of c are below those of r. 7 rounds, 120 ANDs."""
        n = x.shape[1]
        number, r = self.supply.edabits(n)
        c = self._masked(x, number)
        alike = self.xor_public(r, packed.to_planes(~c))
        below = circuits.Block(r[:, : WORD - 1], alike[:, : WORD - 1], carry_known=True)
        ((borrow, _),) = circuits.reduce_carries([below], self._conjunctions_of(n))
        return packed.without_padding(self.invert(alike[:, WORD - 1]) ^ borrow[:, 0], n)

    @in_one_go
    def is_zero(self, x: Share) -> Share:
        """All bits of c and r are alike. 7 rounds, 63 ANDs."""
        n = x.shape[1]
        number, r = self.supply.edabits(n)
        alike = self.xor_public(r, packed.to_planes(~self._masked(x, number)))
        return packed.without_padding(circuits.fold_and(alike, functools.partial(self.conjunction_of, lanes=n))[:, 0], n)

    @in_one_go
    def to_binary(self, x: Share) -> Share:
        """c - r = NOT (NOT c + r), by a prefix tree. 7 rounds."""
        n = x.shape[1]
        number, r = self.supply.edabits(n)
        differ = self.xor_public(r, packed.to_planes(~self._masked(x, number)))
        return packed.from_planes(self.invert(circuits.add_planes(r.copy(), differ, self._conjunctions_of(n))), n)

    # -- from bits to numbers ------------------------------------------------------------------------------------------

    def bits_to_ring(self, bits: Share, n: int) -> Share:
        """A daBit r per bit: e = b ^ r is opened and b = e + r - 2 e r. One bit sent to each party, one round."""
        numbers, words = self.supply.dabits(n)
        e = packed.unpack(self.openings.bits("bits_to_ring", bits ^ words), n).astype(np.uint64)
        return self.add_public(wide.scale(numbers, np.uint64(1) - np.uint64(2) * e), e)

    def _as_numbers(self, rows: Sequence[Share], n: int) -> list[Share]:
        """Rows of n bits as numbers; those that fit a word share one."""
        if len(rows) * n > WORD:
            lanes, joined = packed.word_count(n) * WORD, np.concatenate(rows, axis=1)
        else:
            lanes, joined = n, packed.pack(np.concatenate([packed.unpack(row, n) for row in rows], axis=1))
        numbers = self.bits_to_ring(joined, len(rows) * lanes)
        return [numbers[:, k * lanes : k * lanes + n] for k in range(len(rows))]

    @in_one_go
    def to_arithmetic(self, x: Share) -> Share:
        """z = x + r is made of bits and opened; x = z - r. An adder costs fewer transfers than 64 daBits. 7 rounds."""
        n = x.shape[1]
        number, r = self.supply.edabits(n)
        planes = packed.to_planes(x)
        z = self.openings.bits("masked", circuits.add_planes(planes, planes ^ r, self._conjunctions_of(n)))
        return self.add_public(self.negate(number), packed.from_planes(z, n))

    # -- truncation ----------------------------------------------------------------------------------------------------

    @in_one_go
    def truncate(self, x: Share, bits: int) -> Share:
        """floor(x / 2**bits), exactly. 9 rounds, two edaBits, about 2 * 64 ANDs and two daBits.

        c = y + r is opened, for y = x + 2^63 from 0 on and r of two halves that are known apart. As integers y = c - r + 2^64 w, so its
        quotient is that of c less the upper half of r, less a borrow where the low bits of c are below those of r, and 2^(64 - bits) w.
        """
        n = x.shape[1]
        (low, low_planes), (high, high_planes) = self.supply.edabits(n, bits), self.supply.edabits(n, WORD - bits)
        y = self.add_public(x, np.uint64(1 << (WORD - 1)))
        c = self._masked(y, wide.add(low, wide.shift_left(high, bits)))
        r = np.concatenate([low_planes, high_planes], axis=1)
        alike = self.xor_public(r, packed.to_planes(~c))
        blocks = [circuits.Block(r[:, :bits], alike[:, :bits], carry_known=True), circuits.Block(r[:, bits:], alike[:, bits:])]
        (borrow, _), (g, p) = circuits.reduce_carries(blocks, self._conjunctions_of(n))
        wrapped = g ^ self.conjunction_of(p, g ^ borrow, n)
        lost, w = self._as_numbers([borrow[:, 0], wrapped[:, 0]], n)
        quotient = wide.subtract(wide.shift_left(w, WORD - bits), wide.add(high, lost))
        return self.add_public(quotient, (c >> np.uint64(bits)) - np.uint64(1 << (WORD - 1 - bits)))

    truncate_probabilistic = truncate

    # -- comparing words -----------------------------------------------------------------------------------------------

    planes_are_less = in_one_go(Protocol.planes_are_less)
    planes_are_zero = in_one_go(Protocol.planes_are_zero)

    # -- permutations --------------------------------------------------------------------------------------------------

    def shuffle(self, columns: Sequence[tuple[Share, bool]]) -> list[Share]:
        """Each party in turn sets a network of switches to a permutation of its own, whose settings it inputs.

        Settings are bits with MACs, and a switch is a product, so that a cheater can but choose another permutation: nothing has
        to be proven of its order, which is where shuffles by correlated permutations had to be repaired (2023/1794). A product a
        switch and column, n (2 log2 rows - 1) + 2 rounds.
        """
        rows = columns[0][0].shape[1]
        if rows < 2:
            return [share for share, _ in columns]
        numbers, words = (_side_by_side([share for share, binary in columns if binary == kind]) for kind in (False, True))
        numbers, words = self._shuffled(numbers, words)
        positions, results = [0, 0], []
        for share, binary in columns:
            start = positions[binary]
            positions[binary] += math.prod(share.shape[2:])
            results.append((words if binary else numbers)[:, :, start : positions[binary]].reshape(share.shape))
        return results

    @in_one_go
    def _shuffled(self, numbers: Any, words: Any) -> tuple[Any, Any]:
        rows = (words if numbers is None else numbers).shape[1]
        switches = sum(len(layer.first) for layer in network(rows))
        settings = self.context.parallel([functools.partial(self._settings, owner, rows) for owner in range(self.context.count)])
        ones = [None] * len(settings) if numbers is None else self._as_numbers(settings, switches)
        for setting, one in zip(settings, ones, strict=True):
            masks = packed.unpack(setting, switches).astype(np.uint64) * ALL_ONES
            numbers, words = self._permuted(numbers, words, one, masks)
        return numbers, words

    def _settings(self, owner: int, rows: int) -> Share:
        """The switches of the owner's permutation, as bits."""
        settings, shape = None, (packed.word_count(sum(len(layer.first) for layer in network(rows))),)
        if self.me == owner:
            order = random_permutation(self.context.stream(owner), rows)
            settings = shaped.ShapedArray(shape) if shaped.is_shaped(order) else packed.pack(np.concatenate(route(order)))
        return self.input(owner, settings, shape, binary=True)

    def _permuted(self, numbers: Any, words: Any, ones: Any, masks: Any) -> tuple[Any, Any]:
        """Rows (components, rows, width) behind the network: both of a switch change by its setting times their difference."""
        start = 0
        for layer in network((words if numbers is None else numbers).shape[1]):
            chosen = slice(start, start + len(layer.first))
            start += len(layer.first)
            numbers, words = self.context.parallel(
                [
                    functools.partial(self._switched, numbers, ones, chosen, layer, wide.add, wide.subtract, self.multiply),
                    functools.partial(self._switched, words, masks, chosen, layer, np.bitwise_xor, np.bitwise_xor, self.conjunction),
                ]
            )
        return numbers, words

    @staticmethod
    def _switched(rows: Any, settings: Any, chosen: slice, layer: Layer, plus: Any, minus: Any, product: Any) -> Any:
        """One layer: the rows of a switch change by its setting times their difference, and go on to the next layer."""
        if rows is None:
            return None
        first, out = layer.first, rows.copy()
        differ = minus(rows[:, first], rows[:, first + 1])
        change = product(np.broadcast_to(settings[:, chosen, None], differ.shape), differ)
        out[:, first], out[:, first + 1] = minus(rows[:, first], change), plus(rows[:, first + 1], change)
        return np.take(out, layer.then, axis=1)


def _side_by_side(shares: Sequence[Share]) -> Any:
    """Rows (components, rows, width) of all shares; None of none."""
    flat = [share.reshape(*share.shape[:2], math.prod(share.shape[2:])) for share in shares]
    return np.concatenate(flat, axis=2) if flat else None


def _stacked(x: Share, stack: tuple[int, ...]) -> Share:
    """Matrices (4, …, m, k) as (4, how many, m, k), for a stack of this shape."""
    return np.broadcast_to(align(x, len(stack) + 2), (NUMBER, *stack, *x.shape[-2:])).reshape(NUMBER, -1, *x.shape[-2:])


def _array(value: Any) -> Any:
    return value if shaped.is_shaped(value) else np.asarray(value)
