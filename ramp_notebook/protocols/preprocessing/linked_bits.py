"""Random bits that are numbers too, with MACs on both sides: daBits (2019/599).

A bit as a number: of a random u, (2u + 1)² is opened, and divides 2u + 1 by its public root: ±1, as likely as not (the square-root
trick of 2019/599, section 5). The parties' shares of it have lowest bits whose XOR is the bit; these they give as bits, hidden by
random ones. That they were the same ones is checked by the parities of 64 random sets, each hidden by numbers that every party
draws for itself. daBits' high words are anything.
"""

from typing import Any

import numpy as np

from ...trace.recorder import OpenSpan
from ...values import wide
from ...values.bits import WORD_BITS
from ...values.shaped import shape_rule, zeros
from ..planes import pack, unpack
from .authenticated import BIT, NUMBER
from .authenticated_triples import jointly, triples
from .authentication import Authenticator
from .voles import NUMBER_WORDS

BATCH_WORDS = 64  # of daBits made at a time: 4096
HIDDEN_FROM = 68  # bits of the square that are opened: its root is needed modulo 2^66
NEWTON_STEPS = 6  # bits of the inverse root: 3, 4, 6, 10, 18, 34, 66


def randoms(maker: Authenticator, count: int) -> Any:
    """A share (4, count) of uniform numbers: what all parties draw, added up. 2048 bits to each party, and a check."""
    return jointly(maker, maker.random((NUMBER_WORDS, count)))


def dabits(maker: Authenticator, words: int) -> tuple[Any, Any]:
    """Random bits as numbers (4, 64 · words) and packed (65, words).

    Each costs a triple, a random number, and two openings of 128 bits; the check of a batch 64 random numbers and openings.
    """
    with OpenSpan(maker.context.recorder, "dabits"):
        parts = [_dabits(maker, min(BATCH_WORDS, words - start)) for start in range(0, words, BATCH_WORDS)]
        if not parts:
            like = maker.random((1,))
            return zeros((NUMBER, 0), like=like), zeros((BIT, 0), like=like)
        numbers, bits = zip(*parts, strict=True)
        return np.concatenate(numbers, axis=1), np.concatenate(bits, axis=1)


def _dabits(maker: Authenticator, words: int) -> tuple[Any, Any]:
    numbers = random_bits_as_numbers(maker, WORD_BITS * words)
    own, share, _ = maker.bits(words)
    bits = maker.plus(share, maker.said("dabits", own ^ pack(numbers[0] & np.uint64(1) != 0)))
    with OpenSpan(maker.context.recorder, "check daBits"):
        _check_parities(maker, numbers, bits)
    return numbers, bits


def random_bits_as_numbers(maker: Authenticator, count: int) -> Any:
    """A share (4, count) of random bits modulo 2^64."""
    u, b, product = triples(maker, count)
    with OpenSpan(maker.context.recorder, "check squares"):
        openings = maker.openings()
        difference = openings.numbers("squares", wide.subtract(u, b))
        square = wide.add(product, wide.multiply(difference, u))
        odd_square = wide.shift_left(wide.add(square, u), 2)  # (2u + 1)² without its 1
        hidden = wide.add(odd_square, wide.shift_left(randoms(maker, count), HIDDEN_FROM))
        opened = openings.numbers("squares", hidden)
        openings.verify()
    inverse = _inverse_root(opened)
    constant = _halved(wide.add(inverse, wide.of_int(1)[:, None]))
    return maker.plus_number(wide.multiply(inverse, u), constant)


@shape_rule(lambda shape: shape)
def _inverse_root(opened: Any) -> Any:
    """y with (opened + 1) y² = 1 modulo 2^66: y becomes y (3 − s y²) / 2."""
    square = opened.copy()
    square[1] &= np.uint64((1 << HIDDEN_FROM - WORD_BITS) - 1)
    square[0] |= np.uint64(1)  # it was a multiple of 8
    one, three = (wide.of_int(n)[:, None] for n in (1, 3))
    y = np.broadcast_to(one, square.shape)
    for _ in range(NEWTON_STEPS):
        y = wide.multiply(y, _halved(wide.subtract(three, wide.multiply(square, wide.multiply(y, y)))))
    return y


def _halved(x: Any) -> Any:
    return np.stack([x[0] >> np.uint64(1) | x[1] << np.uint64(WORD_BITS - 1), x[1] >> np.uint64(1)])


def _check_parities(maker: Authenticator, numbers: Any, bits: Any) -> None:
    """Of each of 64 random sets the sum of numbers, hidden but for its lowest bit, and the XOR of bits."""
    hiding_number, hiding_bit = _hiding(maker)
    coin, openings = maker.checks.coin(), maker.openings()
    chosen = coin.words((WORD_BITS, bits.shape[1]))
    as_numbers = openings.numbers("parities", wide.add(_sums(numbers, chosen), hiding_number))
    as_bits = openings.bits("parities", _parities(bits, chosen) ^ hiding_bit)
    openings.verify()
    maker.checks.note_missed(WORD_BITS)
    fine = maker.context.planned or np.array_equal(pack(as_numbers[0] & np.uint64(1) != 0), as_bits)
    maker.checks.confirm("daBits", fine)


def _hiding(maker: Authenticator) -> tuple[Any, Any]:
    """64 sums of what each party draws (4, 64), and their lowest bits (65, 1), which are the XOR of all lowest bits.

    That the two fit is not checked: who gives others changes parities by what was fixed before the coin.
    """
    own, share, _ = maker.bits(1)
    drawn = maker.random((NUMBER_WORDS, WORD_BITS))
    drawn[0] = drawn[0] & ~np.uint64(1) | unpack(own, WORD_BITS).astype(np.uint64)
    return jointly(maker, drawn), share


@shape_rule(lambda shape, chosen: (shape[0], WORD_BITS))
def _sums(numbers: Any, chosen: Any) -> Any:
    """The sum of the chosen numbers, for every set."""
    picked = unpack(chosen, numbers.shape[1])
    return np.stack([wide.total(numbers * each, (1,)) for each in picked], axis=1)


@shape_rule(lambda shape, chosen: (shape[0], 1))
def _parities(bits: Any, chosen: Any) -> Any:
    """Bit t of each row's word: the parity of the chosen bits of set t."""
    odd = [np.bitwise_count(np.bitwise_xor.reduce(bits & each, axis=1)).astype(np.uint64) & np.uint64(1) for each in chosen]
    return pack(np.stack(odd, axis=1) != 0)
