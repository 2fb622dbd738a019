"""Triples modulo 2^128 with MACs, from oblivious transfer, when all but one party may be active (SPDZ2k 2018/482, MASCOT 2016/505).

1. Every party draws `TRANSFERS` bits for each of its factors a, and numbers b; OTs chosen by the bits multiply each with the b of all.
2. Combine: coins r, r' modulo 2^128 make of the bits one a = Σ r_h a_h and one a' = Σ r'_h a_h, and of their products c and c'. A
   cheater who sent products of something else for some bits learns these, if it is not caught; `TRANSFERS` is as many bits as a
   and a' have together and 2 · 64 more, so that both stay uniform all the same (leftover hash lemma, to 2^-64).
3. Authenticate a, a', b, c, c'.
4. Sacrifice: for one coin t of 64 bits open ρ = t a − a' and t c − c' − ρ b, which is zero. If c is wrong modulo 2^64 it is a
   multiple of 2^v, v ≥ 64, with 2^(63 − v), and opened as zero then with 2^(v − 128).

Matrices: a bit of A multiplies a whole row of B.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...trace.recorder import OpenSpan
from ...values import wide
from ...values.shaped import ShapedArray, empty
from ..planes import unpack
from .authenticated import NUMBER
from .authentication import Authenticator
from .voles import NUMBER_WORDS

SECURITY_BITS, NUMBER_BITS = 64, 128
TRANSFERS = 2 * NUMBER_BITS + 2 * SECURITY_BITS
BATCH_OTS = 1 << 18  # per direction: 4 MiB of blocks
MISSED_BITS = 58  # 65 ways to divide 64 bits
LIMB_BITS, LIMBS = 16, 8


def triples(maker: Authenticator, count: int) -> tuple[Any, Any, Any]:
    """Shares (4, count) of a, b and ab.

    Sends to every party 384 · (31 + 128) bits for the products and 5 · 2048 for the MACs, per triple: 71.3 kbit, and checks.
    """
    with OpenSpan(maker.context.recorder, "triples"):
        b = maker.random((NUMBER_WORDS, count, 1))
        a, c = _combined_products(maker, b)
        a, b, c = _authenticated(maker, a, b[..., 0], c[..., 0])
        _sacrifice(maker, a, b, c, wide.multiply)
        return a[:, 0], b, c[:, 0]


def matrix_triples(maker: Authenticator, rows: int, inner: int, columns: int) -> tuple[Any, Any, Any]:
    """Shares of A (4, rows, inner), B (4, inner, columns) and A @ B; 384 · 128 bits to each party for every product of two numbers."""
    if rows > columns:
        b, a, c = matrix_triples(maker, columns, inner, rows)
        return tuple(np.swapaxes(share, 1, 2) for share in (a, b, c))
    with OpenSpan(maker.context.recorder, "matrix_triples"):
        b = maker.random((NUMBER_WORDS, inner, columns))
        repeated = np.broadcast_to(b[:, None], (NUMBER_WORDS, rows, inner, columns)).reshape(NUMBER_WORDS, rows * inner, columns)
        a, c = _combined_products(maker, repeated)
        c = wide.total(c.reshape(NUMBER_WORDS, 2, rows, inner, columns), (3,))
        a, b, c = _authenticated(maker, a.reshape(NUMBER_WORDS, 2, rows, inner), b, c)
        _sacrifice(maker, a, b, c, wide.matmul)
        return a[:, 0], b, c[:, 0]


def _combined_products(maker: Authenticator, b: Any) -> tuple[Any, Any]:
    """This party's a, a' (2, 2, count), and its shares (2, 2, count, width) of their products with the sums of all parties' b."""
    count, width = b.shape[1:]
    a = empty((NUMBER_WORDS, 2, count), like=b)
    c = empty((NUMBER_WORDS, 2, count, width), like=b)
    for part in _parts(count, max(1, BATCH_OTS // (TRANSFERS * max(1, width)))):
        a[:, :, part], c[:, :, part] = _batch(maker, b[:, part])
    return a, c


def _parts(count: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def _batch(maker: Authenticator, b: Any) -> tuple[Any, Any]:
    context, (_, count, width) = maker.context, b.shape
    batch = maker.ots.extend(context, TRANSFERS * count, common=True)
    shape = (TRANSFERS, count, width, NUMBER_WORDS)
    b = np.moveaxis(b, 0, -1)
    bits = unpack(next(iter(batch.b.values())), batch.count).reshape(TRANSFERS, count, 1, 1)
    sums = bits * b
    sends: dict[int, Any] = {}
    for peer in batch.q:
        sends[peer] = empty(shape, like=b)
        for column, (zero, one) in enumerate(batch.wide_pads(peer, width)):
            zero, one = (pad.reshape(TRANSFERS, count, NUMBER_WORDS) for pad in (zero, one))
            sends[peer][:, :, column] = _plus(_minus(zero, one), b[:, column])
            sums[:, :, column] = _minus(sums[:, :, column], zero)

    replies = context.exchange("ring_products", sends, dict.fromkeys(batch.t, shape))

    for peer, corrections in replies.items():
        for column, (pad,) in enumerate((chunk,) for chunk in batch.wide_chosen(peer, width)):
            chosen = _plus(pad.reshape(TRANSFERS, count, NUMBER_WORDS), bits[:, :, 0] * corrections[:, :, column])
            sums[:, :, column] = _plus(sums[:, :, column], chosen)
    with OpenSpan(context.recorder, "check combining"):
        coefficients = maker.checks.coin().words((2, TRANSFERS, NUMBER_WORDS))
        maker.checks.confirm("coin", maker.checks.compare())
    a = _combine(coefficients, bits.astype(np.uint16).reshape(TRANSFERS, count, 1))
    limbs = sums.reshape(TRANSFERS, count * width * NUMBER_WORDS).view(np.uint16).reshape(TRANSFERS, count * width, LIMBS)
    return a, _combine(coefficients, limbs).reshape(NUMBER_WORDS, 2, count, width)


def _combine(coefficients: Any, limbs: Any) -> Any:
    """Σ_h coefficient h · number h, (2, 2, n), of coefficients (2, h, 2) and limbs (h, n, up to 8) of 16 bits; BLAS is exact here."""
    transfers, n, width = limbs.shape
    if isinstance(limbs, ShapedArray):
        return ShapedArray((NUMBER_WORDS, 2, n))
    left = coefficients.view(np.uint16).reshape(2, transfers, LIMBS).swapaxes(1, 2)
    left = left.reshape(2 * LIMBS, transfers).astype(np.float64)
    product = (left @ limbs.reshape(transfers, n * width).astype(np.float64)).astype(np.uint64).reshape(2, LIMBS, n, width)
    sums = np.zeros((LIMBS, 2, n), np.uint64)
    for i in range(LIMBS):
        for j in range(min(width, LIMBS - i)):
            sums[i + j] += product[:, i, :, j]
    words = np.zeros((NUMBER_WORDS, 2, n), np.uint64)
    carry = np.zeros((2, n), np.uint64)
    for place, limb in enumerate(sums):
        limb = limb + carry
        words[place // 4] |= (limb & np.uint64(0xFFFF)) << np.uint64(LIMB_BITS * (place % 4))
        carry = limb >> np.uint64(LIMB_BITS)
    return words


def _authenticated(maker: Authenticator, a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
    """Shares of the sums of all parties' numbers: a and c come in pairs."""
    flat = [x.reshape(NUMBER_WORDS, x[0].size) for x in (a, b, c)]
    share = jointly(maker, np.concatenate(flat, axis=1))
    ends = np.cumsum([x.shape[1] for x in flat])
    cut = (share[:, : ends[0]], share[:, ends[0] : ends[1]], share[:, ends[1] :])
    return tuple(part.reshape(NUMBER, *x.shape[1:]) for part, x in zip(cut, (a, b, c), strict=True))


def jointly(maker: Authenticator, numbers: Any) -> Any:
    """A share (4, count) of the sum of what each party gives (2, count)."""
    first, *others = maker.numbers(range(maker.context.count), numbers)
    for share in others:
        first = wide.add(first, share)
    return first


def _sacrifice(maker: Authenticator, a: Any, b: Any, c: Any, product: Any) -> None:
    with OpenSpan(maker.context.recorder, "check triples"):
        t, openings = maker.checks.coin().words(1), maker.openings()
        t = t.reshape((1,) * (a.ndim - 2))
        rho = openings.numbers("sacrifice", wide.subtract(wide.scale(a[:, 0], t), a[:, 1]))
        nothing = wide.subtract(wide.subtract(wide.scale(c[:, 0], t), c[:, 1]), product(rho, b))
        opened = openings.numbers("sacrifice", nothing, blinded=True)
        openings.verify()
        maker.checks.note_missed(MISSED_BITS)
        maker.checks.confirm("triples", maker.context.planned or not opened.any())


def _plus(x: Any, y: Any) -> Any:
    """Numbers with their words last."""
    return _words_last(wide.add, x, y)


def _minus(x: Any, y: Any) -> Any:
    return _words_last(wide.subtract, x, y)


def _words_last(operation: Any, x: Any, y: Any) -> Any:
    if np.ndim(y) < np.ndim(x):
        y = np.broadcast_to(y, x.shape)
    return np.moveaxis(operation(np.moveaxis(x, -1, 0), np.moveaxis(y, -1, 0)), 0, -1)
