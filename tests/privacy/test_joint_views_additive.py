"""Additive sharing at full size: no bit, and no pair of bits, that one or two of three parties see tells two worlds of inputs apart.

Correlated randomness is dealt ideally; what a party is dealt is part of its view.
"""

import numpy as np
import pytest
from privacy.dealt import DealtSource
from privacy.joint import largest_difference
from privacy.test_joint_views import LANES, PROGRAMS, shuffled, worlds_apart

from ramp_notebook.protocols import additive
from ramp_notebook.protocols.additive import Additive
from ramp_notebook.protocols.permutations import random_permutation
from ramp_notebook.protocols.preprocessing import rehearsal
from ramp_notebook.protocols.preprocessing.supply import Ledger
from ramp_notebook.protocols.preprocessing.translations import minus, plus
from ramp_notebook.values.bits import unpack, word_count
from ramp_notebook.values.streams import Stream, derive_key


class IdealSource(DealtSource):
    """All parties expand one seed of this run to what all are dealt, and each keeps its own."""

    labelled = True

    def make(self, context, kind, count):
        self.made += 1
        seed = context.links._hub.pair_seed(frozenset(range(context.count)))
        stream = Stream(derive_key(seed[:16], self.made))
        dealt = getattr(self, f"_{kind[0]}")(stream, context.count, count, *kind[1:])
        mine = [array[context.index] for array in dealt]
        for array in mine if kind[0] != "translations" else mine[1:]:
            numbers = kind == ("dabits",) and array.ndim == 2
            packed = not numbers and kind[0] != "triples" and array.dtype == np.uint64 and array.size % word_count(LANES) == 0
            context.seen.append(array.reshape(-1, LANES if numbers else word_count(LANES)) if numbers or packed else array.reshape(-1))
        return tuple(mine)

    def _triples(self, stream, parties, count):
        a, b, c = stream.words((3, parties, count))
        c[0] = a.sum(0) * b.sum(0) - c[1:].sum(0)
        return a, b, c

    def _bit_triples(self, stream, parties, count):
        a, b, c = stream.words((3, parties, count))
        c[0] = np.bitwise_xor.reduce(a) & np.bitwise_xor.reduce(b) ^ np.bitwise_xor.reduce(c[1:])
        return a, b, c

    def _dabits(self, stream, parties, count):
        bits, numbers = stream.words((parties, count)), stream.words((parties, 64 * count))
        numbers[0] = unpack(np.bitwise_xor.reduce(bits), 64 * count).astype(np.uint64) - numbers[1:].sum(0)
        return numbers.reshape(parties, count, 64), bits

    def _translations(self, stream, parties, count, n, sums, xors):
        orders = np.array([random_permutation(stream, n) for _ in range(parties)])
        a, b = stream.words((2, parties, parties, n, sums + xors))  # a[p, q]: what q knows of p's
        delta = np.zeros((parties, n, sums + xors), np.uint64)
        for p in range(parties):
            a[p, p] = b[p, p] = 0
            a[p] *= np.uint64(self.labelled)
            for q in range(parties):
                delta[p] = plus(delta[p], minus(a[p, q][orders[p]], b[p, q], sums), sums)
        return orders[:, None], delta[:, None], a.swapaxes(0, 1)[:, None], b.swapaxes(0, 1)[:, None]


XORED = ("and", "bits_to_ring", "planes")  # what is opened by XOR


class Dealt(Additive):
    """Additive sharing with ideally dealt randomness, new in every run. What all parties' messages add up to is seen too."""

    def __init__(self, context, kept=None):
        super().__init__(context, kept if context.planned else {"ot": {"source": IdealSource(), "stocks": {}, "ledger": Ledger()}})
        if context.planned:
            return
        exchange = context.exchange

        def listened(tag, sends, receives, **options):
            replies = exchange(tag, sends, receives, **options)
            if replies:
                everything = [*replies.values(), *list(sends.values())[:1]]
                context.seen.append((np.bitwise_xor if tag in XORED else np.add).reduce(everything))
            return replies

        context.exchange = listened


COALITIONS = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
FEW_BITS = 4  # of a number whose every bit becomes a number


@pytest.fixture
def small_words(monkeypatch):
    rehearsal._needs.cache_clear()
    monkeypatch.setattr(additive, "WORD", FEW_BITS)
    yield
    rehearsal._needs.cache_clear()


def assert_alike(name, coalition):
    apart, threshold = worlds_apart(Dealt, PROGRAMS[name], *coalition)
    if apart > threshold:  # once in a million by chance: then not twice
        apart, threshold = worlds_apart(Dealt, PROGRAMS[name], *coalition)
    assert apart <= threshold


LONG = ("to_binary", "is_zero", "truncate")  # looked at one party at a time; exact views look at pairs
CASES = [(name, c) for name in PROGRAMS if name != "to_arithmetic" for c in COALITIONS if len(c) == 1 or name not in LONG]


@pytest.mark.parametrize(("name", "coalition"), CASES)
def test_a_coalition_cannot_tell_two_worlds_apart(name, coalition):
    assert_alike(name, coalition)


@pytest.mark.parametrize("coalition", COALITIONS)
def test_a_coalition_cannot_tell_two_worlds_apart_on_the_way_to_numbers(coalition, small_words):
    assert_alike("to_arithmetic", coalition)


def test_a_shuffle_shows_nobody_its_rows():
    worlds = [shuffled(Dealt, np.array(order, np.uint64)) for order in ([0, 1, 2, 3], [2**62 - 1] * 4)]
    for party in (1, 2):  # party 0 owns the rows
        apart, threshold = largest_difference(worlds[0][party], worlds[1][party])
        assert apart <= threshold


class SameTriples(Dealt):
    """Products and ANDs of one size take the first one's triples."""

    def __init__(self, context, kept=None):
        super().__init__(context, kept)
        self.first = {}

    def multiply(self, x, y):
        fresh = self.supply.triples
        self.supply.triples = lambda count: self.first.setdefault(count, self.first.get(count) or fresh(count))
        try:
            return super().multiply(x, y)
        finally:
            self.supply.triples = fresh


class OpenPlanes(Dealt):
    """The planes of shares are summed in the open, as if they were masked."""

    def _summands(self, x):
        self._open("planes", self._own_planes(x[0])[0], np.bitwise_xor)
        return super()._summands(x)


class BareBits(Dealt):
    """Bits on their way to numbers are opened without daBits."""

    def bits_to_ring(self, bits, n):
        self._open("bits_to_ring", bits[0], np.bitwise_xor)
        return super().bits_to_ring(bits, n)


BUGS = [(SameTriples, "two products of one factor"), (OpenPlanes, "sign"), (BareBits, "bits_to_ring")]


@pytest.mark.parametrize("coalition", [(0,), (0, 2)])
@pytest.mark.parametrize(("bug", "name"), BUGS)
def test_a_planted_bug_is_seen(bug, name, coalition):
    apart, threshold = worlds_apart(bug, PROGRAMS[name], *coalition)
    assert apart > 2 * threshold


def test_bits_opened_on_the_way_to_numbers_are_seen(small_words):
    apart, threshold = worlds_apart(BareBits, PROGRAMS["to_arithmetic"], 1)
    assert apart > 2 * threshold


def test_rows_without_labels_are_seen(monkeypatch):
    monkeypatch.setattr(IdealSource, "labelled", False)
    worlds = [shuffled(Dealt, np.array(order, np.uint64), runs=500) for order in ([0] * 4, [2**62 - 1] * 4)]
    apart, threshold = largest_difference(worlds[0][2], worlds[1][2])
    assert apart > 2 * threshold
