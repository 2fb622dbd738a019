"""Products modulo 2^64 of numbers that one party knows and bits that another knows, shared between them.

Gilboa's multiplication (CRYPTO 1999): one OT for each bit. A bit at position t counts 2^t times, so only 64 − t bits of its
correction matter, and positions t and 64 − t share a word: 32.5 words for the 64 OTs of a number.
"""

from typing import Any

import numpy as np

from ...values.shaped import shape_rule, zeros
from ..context import Context
from ..planes import unpack
from .engine import Batch
from .hashing import Blocks

WORD_BITS = 64
_INNER = np.arange(1, WORD_BITS // 2, dtype=np.uint64)[:, None]  # positions t that share a word with 64 − t
_HALF = np.uint64(WORD_BITS // 2)


def add_products(context: Context, batch: Batch, scaled: Any, *, receiver: int | None = None) -> Any:
    """Return this party's share (width, positions, count) of b · scaled, summed over the batch's directions.

    A direction's sender holds `scaled`, whose row t is a multiple of 2^t; a share for it stands in for the receiver's bits
    b (positions, count), the choices of OTs t·count + i; there are 64 positions or one. With `receiver`, only directions to
    that party count. One round; a sender sends `correction_words` to each receiver for each of the `width` rows.
    """
    width, positions, count = scaled.shape
    scale = np.arange(positions, dtype=np.uint64)[:, None]
    share, sends = zeros(scaled.shape, like=scaled), {}
    for peer in [peer for peer in batch.q if receiver in (None, peer)]:
        sends[peer] = zeros((width, correction_words(positions, count)), like=scaled)
        for row, pads in _rows(batch.wide_pads(peer, -(-width // 2)), width):
            zero, one = (pad.reshape(positions, count) << scale for pad in pads)
            sends[peer][row] = _pack(zero - one + scaled[row])
            share[row] -= zero

    senders = batch.t if receiver in (None, context.index) else ()
    awaited = dict.fromkeys(senders, (width, correction_words(positions, count)))
    replies = context.exchange("products", sends, awaited)

    for peer, corrections in replies.items():
        choices = unpack(batch.b[peer], batch.count).reshape(positions, count)
        for row, (pad,) in _rows(((chunk,) for chunk in batch.wide_chosen(peer, -(-width // 2))), width):
            share[row] += (pad.reshape(positions, count) << scale) + choices * _unpack(corrections[row], positions, count)
    return share


def add_drawn_products(context: Context, batch: Batch) -> tuple[Any, Any]:
    """Return a random a (count,) of this party and its share (count,) of the sum of all products b · a, b numbers of 64 choices.

    Towards its follower a is what the two strings at position 0 differ by, so that this correction, a word, need not be sent.
    """
    follower, leader = (context.index + 1) % context.count, (context.index - 1) % context.count
    count = batch.count // WORD_BITS
    scale = np.arange(WORD_BITS, dtype=np.uint64)[:, None]
    strings = {peer: [pad[:, 0].reshape(WORD_BITS, count) << scale for pad in batch.pads(peer)] for peer in batch.q}
    zero, one = strings[follower]
    a = one[0] - zero[0]
    scaled, share, sends = a[None, :] << scale, zeros((WORD_BITS, count), like=a), {}
    for peer, (zero, one) in strings.items():
        corrections = _pack(zero - one + scaled)
        sends[peer] = corrections[count:] if peer == follower else corrections
        share = share - zero
    del strings, zero, one, scaled  # other batches are under way beside this one

    words = correction_words(WORD_BITS, count)
    replies = context.exchange("products", sends, {peer: (words - count * (peer == leader),) for peer in batch.t})

    for peer, corrections in replies.items():
        if peer == leader:
            corrections = np.concatenate([zeros((count,), like=corrections), corrections])
        choices = unpack(batch.b[peer], batch.count).reshape(WORD_BITS, count)
        share = share + (batch.chosen(peer)[:, 0].reshape(WORD_BITS, count) << scale) + choices * _unpack(corrections, WORD_BITS, count)
    return a, share.sum(axis=0)


def correction_words(positions: int, count: int) -> int:
    """Words that carry the corrections of `count` products with numbers of 64 bits, or of one bit."""
    return count if positions == 1 else WORD_BITS // 2 * count + -(-count // 2)


def _rows(chunks: Any, width: int) -> Any:
    """The words of wide pads one by one, with the row they serve: every chunk is a block, that is, two words."""
    for chunk, blocks in enumerate(chunks):
        for half in range(min(2, width - 2 * chunk)):
            yield 2 * chunk + half, [pads[:, half] for pads in blocks]


@shape_rule(lambda shape: (correction_words(*shape),))
def _pack(scaled: Blocks) -> Blocks:
    positions, count = scaled.shape
    if positions == 1:
        return scaled.reshape(count)
    words = np.zeros(correction_words(positions, count), np.uint64)
    full, halves = words[: 32 * count].reshape(32, count), words[32 * count :]
    full[0] = scaled[0]
    np.bitwise_or(scaled[1:32], scaled[:32:-1] >> (WORD_BITS - _INNER), out=full[1:])
    halves[:] = scaled[32, 0::2]
    halves[: count // 2] |= scaled[32, 1::2] >> _HALF
    return words


@shape_rule(lambda shape, positions, count: (positions, count))
def _unpack(words: Blocks, positions: int, count: int) -> Blocks:
    if positions == 1:
        return words[None]
    scaled = np.empty((positions, count), np.uint64)
    full, halves = words[: 32 * count].reshape(32, count), words[32 * count :]
    scaled[0] = full[0]
    scaled[1:32] = full[1:] >> _INNER << _INNER
    scaled[:32:-1] = full[1:] << (WORD_BITS - _INNER)
    scaled[32, 0::2] = halves >> _HALF << _HALF
    scaled[32, 1::2] = halves[: count // 2] << _HALF
    return scaled
