"""Bit triples with MACs from correlated OTs, when all but one party may be active (Wang, Ranellucci, Katz 2017/189, section 5).

1. Leaky: all have random bits x, y, r with MACs. The holder j of the key K of another's bit x_i, which has the MAC K ⊕ x_i Δ_j,
   hashes both it may be, and so multiplies x_i with its own y_j; all say their shares of xy ⊕ r, and r turns into z = xy.
   With the same hashes x_i is multiplied with j's share of the MAC of y: shares of xyΔ, so that ⊕ of these and of the shares of
   the MAC of z is zero if z is right. Who sends a wrong word learns x_i if this goes well, and is caught if not.
2. Buckets: a public permutation puts B of them together; their x are added, y's differences opened. One whose x nobody knows is
   enough. A ball is a word of 64, which leaks as soon as one of its bits does.

Products are right without buckets: in TinyOT (2015/901) they are sacrificed for that first.
"""

import math
from typing import Any

import numpy as np

from ...trace.recorder import OpenSpan
from ...values.bits import WORD_BITS
from ...values.shaped import ShapedArray, zeros
from ..permutations import random_permutation
from ..planes import from_planes, pack, unpack
from .authenticated import BIT
from .authentication import Authenticator

LEAST_BITS = 48  # of a bucket with nothing but leaks, in a cell's first batch
BATCH_WORDS = 1 << 10  # of leaky triples: 3 · 2^16 OTs per direction


def bit_triples(maker: Authenticator, words: int) -> tuple[Any, Any, Any]:
    """Shares (65, words) of a, b, a & b.

    Of B = bucket_size(words) leaky ones each, which cost every party 3 (128/k − 1) + 66 bits to each other (a bit more for each OT
    and other party but one), and B − 1 openings: at k = 4 and a bucket of 5, 799 bits for a bit triple of two parties, and checks.
    """
    with OpenSpan(maker.context.recorder, "bit_triples"):
        size = bucket_size(words, maker.checks.next_bits)
        total = size * words
        parts = [leaky_triples(maker, min(BATCH_WORDS, total - start)) for start in range(0, total, BATCH_WORDS)]
        if not parts:
            return tuple(zeros((BIT, 0), like=maker.random((1,))) for _ in range(3))
        return _combine(maker, [np.concatenate(shares, axis=1) for shares in zip(*parts, strict=True)], words, size)


def leaky_triples(maker: Authenticator, words: int) -> tuple[Any, Any, Any]:
    """Right, but a cheater that took chances may know bits of x."""
    context, count = maker.context, WORD_BITS * words
    own, share, batch = maker.bits(3 * words)
    (x, y, r), (x_own, y_own, r_own) = (_thirds(array, words) for array in (share, own))
    batch, bits, y_macs = batch.head(count), unpack(x_own, count), from_planes(y[1:], count)
    z, macs = x_own & y_own ^ r_own, bits * y_macs
    sends: dict[int, Any] = {}
    for peer in batch.q:
        zero, one = batch.pads(peer)
        differences = zero ^ one
        sends[peer] = np.concatenate([differences[:, 0] ^ y_macs, _last_bits(differences) ^ y_own])
        z, macs = z ^ _last_bits(zero), macs ^ zero[:, 0]

    replies = context.exchange("and_products", sends, dict.fromkeys(batch.t, (count + words,)))

    for peer, products in replies.items():
        chosen = batch.chosen(peer)
        z = z ^ _last_bits(chosen) ^ x_own & products[count:]
        macs = macs ^ chosen[:, 0] ^ bits * products[:count]
    z = maker.said("and_shares", z)
    z_share = maker.plus(r, z)
    with OpenSpan(context.recorder, "check products"):
        fine = maker.vanish(macs ^ from_planes(z_share[1:], count))
        maker.checks.confirm("bit triples", maker.checks.compare() and fine)
    return x, y, z_share


def _thirds(array: Any, words: int) -> tuple[Any, Any, Any]:
    return array[..., :words], array[..., words : 2 * words], array[..., 2 * words :]


def _last_bits(blocks: Any) -> Any:
    """The last bit of every block's second word, packed: its first word hides MACs."""
    return pack((blocks[:, 1] & np.uint64(1)) != 0)


# -- buckets -----------------------------------------------------------------------------------------------------------


def _combine(maker: Authenticator, leaky: list[Any], words: int, size: int) -> tuple[Any, Any, Any]:
    with OpenSpan(maker.context.recorder, "check buckets"):
        maker.checks.note_missed(bucket_bits(words, size))
        coin = maker.checks.coin()
        maker.checks.confirm("coin", maker.checks.compare())
        if isinstance(leaky[0], ShapedArray):
            x, y, z = (ShapedArray((BIT, size, words)) for _ in leaky)
        else:
            order = random_permutation(coin, size * words)
            x, y, z = (share[:, order].reshape(BIT, size, words) for share in leaky)
        openings = maker.openings()
        differences = openings.bits("buckets", y[:, 1:] ^ y[:, :1])
        openings.verify()
    product = z[:, 0]
    for i in range(1, size):
        product = product ^ z[:, i] ^ x[:, i] & differences[i - 1]
    return np.bitwise_xor.reduce(x, axis=1), y[:, 0], product


def bucket_size(buckets: int, least_bits: float = LEAST_BITS) -> int:
    """The smallest for which so many buckets hide their x but with 2^-least_bits."""
    size = 2
    while buckets and bucket_bits(buckets, size) < least_bits:
        size += 1
    return size


def bucket_bits(buckets: int, size: int) -> float:
    """−log2 of a bound on the chance that a cheater is not caught and knows all x of some bucket.

    It guesses in T balls, is right with 2^-T, and has buckets · C(T, size) / C(buckets · size, size) whole ones to hope for.
    """

    def log_choose(n: int, k: int) -> float:
        return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2)

    best = max(log_choose(leaks, size) - leaks for leaks in range(size, min(buckets * size, 4 * size) + 1))
    return log_choose(buckets * size, size) - best - math.log2(buckets)
