"""edaBits with MACs that nobody knows: sums of every party's private ones (2020/338).

Numbers are added for nothing. Bits are added by adders whose ANDs are authenticated: carry-save among three or more, then from bit
to bit, because an AND costs more than a round in which all of a batch travel. What overflows 64 bits is lost in the numbers as well,
whose high words are uniform; what overflows fewer is taken off by daBits of the carries.
"""

import functools
from typing import Any

import numpy as np

from ...trace.recorder import OpenSpan
from ...values import wide
from ...values.bits import WORD_BITS
from ...values.shaped import zeros
from ..circuits import carry_save
from ..planes import unpack
from .authenticated import BIT, NUMBER
from .authenticated_ands import bit_triples
from .authentication import Authenticator
from .linked_bits import dabits
from .private_edabits import private_edabits

BATCH_WORDS = 64  # of edaBits made at a time: 4096


def edabits(maker: Authenticator, words: int, bits: int) -> tuple[Any, Any]:
    """Random numbers (4, 64 · words), low words below 2^bits and high words uniform, and their bits (65, bits, words).

    A private one of each party, bits - 1 ANDs for each party but one, and below 64 bits some daBits: log2 of the parties.
    """
    with OpenSpan(maker.context.recorder, "edabits"):
        parts = [_edabits(maker, min(BATCH_WORDS, words - start), bits) for start in range(0, words, BATCH_WORDS)]
        if not parts:
            like = maker.random((1,))
            return zeros((NUMBER, 0), like=like), zeros((BIT, bits, 0), like=like)
        numbers, planes = zip(*parts, strict=True)
        return np.concatenate(numbers, axis=1), np.concatenate(planes, axis=2)


def _edabits(maker: Authenticator, words: int, bits: int) -> tuple[Any, Any]:
    parties, carries = maker.context.count, min((maker.context.count - 1).bit_length(), WORD_BITS - bits)
    width = bits + carries
    private, ands, linked = maker.context.parallel(
        [
            functools.partial(private_edabits, maker, words, bits),
            functools.partial(_Ands, maker, ((parties - 2) * width + width - 1) * words),
            functools.partial(dabits, maker, carries * words),
        ]
    )
    number = functools.reduce(wide.add, private.numbers)
    nothing = zeros((BIT, carries, words), like=number)
    total = _added([np.concatenate([private.bits.share(maker, owner), nothing], axis=1) for owner in range(parties)], ands)
    if carries:
        number = wide.subtract(number, wide.shift_left(_as_numbers(maker, total[:, bits:], *linked), bits))
    return number, total[:, :bits]


def _added(planes: list[Any], ands: "_Ands") -> Any:
    """Sums of numbers of k planes (65, k, words), modulo 2^k."""
    x, y, _ = carry_save(planes, ands)
    carry = x[:, :1] ^ x[:, :1]
    result = [x[:, :1] ^ y[:, :1]]
    for t in range(planes[0].shape[1] - 1):
        low, high = slice(t, t + 1), slice(t + 1, t + 2)
        carry = carry ^ ands(x[:, low] ^ carry, y[:, low] ^ carry)
        result.append(x[:, high] ^ y[:, high] ^ carry)
    ands.openings.verify()
    return np.concatenate(result, axis=1)


class _Ands:
    """Beaver's products (1991) of shares (65, …), with triples for as many words as are foreseen."""

    def __init__(self, maker: Authenticator, words: int):
        self._maker, self.openings = maker, maker.openings()
        self._triples, self._used = bit_triples(maker, words), 0

    def __call__(self, x: Any, y: Any) -> Any:
        count = x[0].size
        a, b, c = (share[:, self._used : self._used + count].reshape(x.shape) for share in self._triples)
        self._used += count
        d, e = self.openings.bits("edabit_sums", np.stack([x ^ a, y ^ b], axis=1))
        return self._maker.plus(c ^ d & b ^ e & a, d & e)


def _as_numbers(maker: Authenticator, carries: Any, numbers: Any, masks: Any) -> Any:
    """What planes of carries (65, c, words) are as numbers (4, 64 · words), by daBits that are numbers and masks."""
    _, planes, words = carries.shape
    openings = maker.openings()
    opened = openings.bits("edabit_carries", carries.reshape(BIT, planes * words) ^ masks)
    openings.verify()
    e = unpack(opened, WORD_BITS * planes * words).astype(np.uint64)
    numbers = maker.plus_number(wide.scale(numbers, np.uint64(1) - np.uint64(2) * e), wide.of_words(e))
    numbers = numbers.reshape(NUMBER, planes, WORD_BITS * words)
    return functools.reduce(wide.add, [wide.shift_left(numbers[:, j], j) for j in range(planes)])
