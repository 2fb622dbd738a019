"""Private edaBits: numbers that one party knows, with MACs, and their bits, with MACs too, checked by cutting and choosing (2020/338).

1. Every party draws bits, and inputs the numbers they make, below uniform high words; and so many more of 64 bits, to hide these.
2. Cut: when all that is done a public permutation picks 64 of the hiding ones to be opened, and gives M others to each of the first.
3. Choose: each of the first is added to each of its M in both worlds, modulo 2^64, and the sums are opened: uniform, because what
   hides them is, also where the first have fewer bits. Carries are bits that the owner gives and proves right (`private_bits`), where
   the paper has adders with faulty triples; the sum of numbers is said once, and both MACs are checked against it.

**What it misses.** Let number and bits of an edaBit differ by δ modulo 2^64. A sum fits exactly if the δ of both add up to zero. So
whoever makes m of the first wrong is not caught if just these were given m · M wrong ones, and none is opened: `missed_bits`.

**What it tells.** Proofs and MACs hold but with negligible probability, so that whether the check fails depends on δs, which a
cheater knows, and on coins; not on any honest party's bits, and so there is no selective failure to combine away. An owner that sent
bad MACs of numbers or OTs has to guess keys, in the checks of these.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...trace.recorder import OpenSpan
from ...values import wide
from ...values.bits import WORD_BITS
from ..openings import Openings
from ..permutations import random_permutation
from ..planes import from_planes, pack, to_planes, unpack
from .authentication import Authenticator
from .private_bits import PrivateBits, joined, private_bits, private_words, prove_products

LEAST_BITS = 48  # of what a cell's first batch misses
OPENED_WORDS = 1


@dataclass(frozen=True)
class PrivateEdabits:
    """Shares (4, n) of each party's numbers, and planes (bits, n / 64) of their bits."""

    numbers: list[Any]
    bits: PrivateBits

    def words(self, start: int, stop: int) -> "PrivateEdabits":
        lanes = slice(WORD_BITS * start, WORD_BITS * stop)
        return PrivateEdabits([share[:, lanes] for share in self.numbers], self.bits[:, start:stop])

    def repeated(self, times: int) -> "PrivateEdabits":
        return PrivateEdabits([np.concatenate([share] * times, axis=1) for share in self.numbers], self.bits.repeated(times))


def private_edabits(maker: Authenticator, words: int, bits: int) -> PrivateEdabits:
    """64 · words of every party, low words below 2^bits and high words uniform.

    Each costs every party 31 · bits + 2048 bits to each other, and M = hiding_each(words) times 31 · 64 + 2048 for one that hides it
    and 32 · 63 + 128 for the sum; 64 more of 64 bits are opened.
    """
    cheaters = math.log2(maker.context.count)
    each = hiding_each(words, maker.checks.next_bits + cheaters)
    first, hiding = _drawn(maker, words, bits, each * words + OPENED_WORDS)
    with OpenSpan(maker.context.recorder, "check edaBits"):
        maker.checks.note_missed(missed_bits(words, each) - cheaters)
        _check_buckets(maker, first.repeated(each), hiding.words(0, each * words), hiding.words(each * words, each * words + OPENED_WORDS))
    return first


def _drawn(maker: Authenticator, words: int, bits: int, hiding: int) -> tuple[PrivateEdabits, PrivateEdabits]:
    """The first, and words of hiding ones in an order that a coin gives when all are there."""
    end = bits * words
    own, macs, keys = private_words(maker, end + WORD_BITS * hiding)
    planes = own[:end].reshape(bits, words), own[end:].reshape(WORD_BITS, hiding)
    low = np.concatenate([from_planes(each, WORD_BITS * each.shape[1]) for each in planes])
    numbers = maker.numbers(range(maker.context.count), np.stack([low, maker.random(low.shape)]))
    coin = maker.checks.coin()
    maker.checks.confirm("coin", maker.checks.compare())

    results = []
    for part, orders in zip(planes, (np.arange(WORD_BITS * words), random_permutation(coin, WORD_BITS * hiding)), strict=True):
        size = WORD_BITS * part.size
        taken = ([each[:size].reshape(len(part), -1) for each in side] for side in (macs, keys))
        results.append(_in_order(orders, [share[:, : len(orders)] for share in numbers], part, *taken))
        macs, keys = ([each[size:] for each in side] for side in (macs, keys))
        numbers = [share[:, len(orders) :] for share in numbers]
    first, others = results
    return first, others


def _in_order(order: Any, numbers: list[Any], planes: Any, macs: list[Any], keys: list[Any]) -> PrivateEdabits:
    own = pack(np.take(unpack(planes, len(order)), order, axis=1))
    sides = (np.stack([to_planes(np.take(words, order, axis=1)) for words in side]) for side in (macs, keys))
    bits = PrivateBits(own, *(np.moveaxis(side, 1, 2) for side in sides))
    return PrivateEdabits([np.take(share, order, axis=1) for share in numbers], bits)


def _check_buckets(maker: Authenticator, first: PrivateEdabits, hiding: PrivateEdabits, opened: PrivateEdabits) -> None:
    openings = maker.openings()
    _say(maker, openings, opened)
    _say(maker, openings, _sums(maker, first, hiding))
    openings.verify()


def _sums(maker: Authenticator, x: PrivateEdabits, y: PrivateEdabits) -> PrivateEdabits:
    """Sums modulo 2^64; a carry is c' = c ^ (x ^ c)(y ^ c), from bit to bit."""
    numbers = [wide.add(a, b) for a, b in zip(x.numbers, y.numbers, strict=True)]
    a, b, total = (each[maker.context.index][0] for each in (x.numbers, y.numbers, numbers))
    carries = private_bits(maker, "carries", to_planes(a ^ b ^ total)[1:])
    nothing = carries[:1] ^ carries[:1]
    into = joined(nothing, carries)
    left = joined(x.bits, *[nothing] * (WORD_BITS - x.bits.own.shape[0])) ^ into
    right = y.bits ^ into
    prove_products(maker, left[:-1], right[:-1], carries ^ into[:-1])
    return PrivateEdabits(numbers, left ^ right ^ into)


def _say(maker: Authenticator, openings: Openings, them: PrivateEdabits) -> None:
    """The owners say their numbers, against which both MACs will be checked."""
    for owner, opened in enumerate(openings.own_numbers("edabits", them.numbers)):
        openings.known_bits(to_planes(opened[0]), them.bits.share(maker, owner))


# -- how many ----------------------------------------------------------------------------------------------------------


def hiding_each(words: int, least_bits: float = LEAST_BITS) -> int:
    """The fewest with which wrong ones of 64 · words edaBits pass but with 2^-least_bits."""
    each = 1
    while missed_bits(words, each) < least_bits:
        each += 1
    return each


@functools.lru_cache(maxsize=1024)
def missed_bits(words: int, each: int) -> float:
    """-log2 of the chance that wrong edaBits of one party pass, at its best m, which is one or all: 1 / C(hiding, m · each)."""
    count = WORD_BITS * words
    hiding = count * each + WORD_BITS * OPENED_WORDS

    def log_choose(n: int, k: int) -> float:
        return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2)

    return min(log_choose(hiding, m * each) for m in (1, count))
