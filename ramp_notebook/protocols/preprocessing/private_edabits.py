"""Private edaBits: numbers that one party knows, with MACs, and their bits, with MACs too, checked by cutting and choosing (2020/338).

1. Every party draws bits, and inputs the numbers they make, below uniform high words.
2. Cut: when all that is done a public permutation picks 64 to be opened, and throws the others in buckets of B.
3. Choose: the first of a bucket is added to each of the others in both worlds, and the sums are opened, which the others hide. Carries
   are bits that the owner gives and proves right (`private_bits`), where the paper has adders with faulty triples; the sum of numbers
   is said once, and both MACs are checked against it.

**What it misses.** Let number and bits of an edaBit differ by δ modulo 2^64. A sum fits exactly if the δ of both add up to zero: a
bucket has wrong ones only, or none. Whoever makes m · B of them wrong is not caught if these are the whole of m buckets and none is
opened: `bucket_bits`. **What it tells.** Proofs and MACs hold but with negligible probability, so that whether the check fails
depends on δs, which a cheater knows, and on coins; not on any honest party's bits, and so there is no selective failure to combine
away. An owner that sent bad MACs of numbers or OTs has to guess keys, in the checks of these.
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

    Of B = bucket_size(words) each, which cost every party 31 · bits + 2048 bits to each other, and B - 1 sums of 32 · bits + 128;
    64 more are opened.
    """
    cheaters = math.log2(maker.context.count)
    size = bucket_size(words, maker.checks.next_bits + cheaters)
    drawn = _shuffled(maker, size * words + OPENED_WORDS, bits)
    first = drawn.words(0, words)
    with OpenSpan(maker.context.recorder, "check edaBits"):
        maker.checks.note_missed(bucket_bits(words, size) - cheaters)
        _check_buckets(maker, first, drawn.words(words, size * words), drawn.words(size * words, size * words + OPENED_WORDS))
    return first


def _shuffled(maker: Authenticator, words: int, bits: int) -> PrivateEdabits:
    """Drawn, and then in an order that a coin gives."""
    count = WORD_BITS * words
    own, macs, keys = private_words(maker, bits * words)
    planes = own.reshape(bits, words)
    numbers = maker.numbers(range(maker.context.count), np.stack([from_planes(planes, count), maker.random((count,))]))
    coin = maker.checks.coin()
    maker.checks.confirm("coin", maker.checks.compare())

    order = random_permutation(coin, count)
    in_order = pack(np.take(unpack(planes, count), order, axis=1))
    macs, keys = ([to_planes(np.take(each.reshape(bits, count), order, axis=1)) for each in side] for side in (macs, keys))
    sides = (np.moveaxis(np.stack(side), 1, 2) for side in (macs, keys))
    return PrivateEdabits([np.take(share, order, axis=1) for share in numbers], PrivateBits(in_order, *sides))


def _check_buckets(maker: Authenticator, first: PrivateEdabits, others: PrivateEdabits, opened: PrivateEdabits) -> None:
    openings = maker.openings()
    times = others.bits.own.shape[1] // first.bits.own.shape[1]
    fine = _say(maker, openings, opened)
    fine = _say(maker, openings, _sums(maker, first.repeated(times), others)) and fine
    openings.verify()
    maker.checks.confirm("edaBits", fine)


def _sums(maker: Authenticator, x: PrivateEdabits, y: PrivateEdabits) -> PrivateEdabits:
    """Sums of two with a plane more, unless it would have no place in a word: c' = c ^ (x ^ c)(y ^ c) goes from bit to bit."""
    numbers = [wide.add(a, b) for a, b in zip(x.numbers, y.numbers, strict=True)]
    a, b, total = (each[maker.context.index][0] for each in (x.numbers, y.numbers, numbers))
    planes = min(x.bits.own.shape[0] + 1, WORD_BITS)
    carries = private_bits(maker, "carries", to_planes(a ^ b ^ total, planes)[1:])
    nothing = carries[:1] ^ carries[:1]
    into = joined(nothing, carries)
    left, right = (joined(each.bits, nothing)[:planes] ^ into for each in (x, y))
    prove_products(maker, left[:-1], right[:-1], carries ^ into[:-1])
    return PrivateEdabits(numbers, left ^ right ^ into)


def _say(maker: Authenticator, openings: Openings, them: PrivateEdabits) -> bool:
    """The owners say their numbers, against which both MACs will be checked. Whether no number has a bit too high."""
    planes, fine = them.bits.own.shape[0], True
    for owner, opened in enumerate(openings.own_numbers("edabits", them.numbers)):
        openings.known_bits(to_planes(opened[0], planes), them.bits.share(maker, owner))
        if not maker.context.planned and planes < WORD_BITS:
            fine = fine and not (opened[0] >> np.uint64(planes)).any()
    return fine


# -- buckets -----------------------------------------------------------------------------------------------------------


def bucket_size(words: int, least_bits: float = LEAST_BITS) -> int:
    """The smallest for which wrong edaBits in 64 · words buckets pass but with 2^-least_bits."""
    size = 2
    while bucket_bits(words, size) < least_bits:
        size += 1
    return size


@functools.lru_cache(maxsize=1024)
def bucket_bits(words: int, size: int) -> float:
    """-log2 of the chance that no wrong edaBit of one party is noticed, at its best m: C(buckets, m) / C(all, m · size)."""
    buckets, opened = WORD_BITS * words, WORD_BITS * OPENED_WORDS

    def log_choose(n: int, k: int) -> float:
        return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2)

    return min(log_choose(buckets * size + opened, m * size) - log_choose(buckets, m) for m in (1, buckets))
