"""What protocols spend, made from correlated OTs: bit triples, triples modulo 2^64, matrix triples and daBits.

All is random, shared among all parties, and made in batches, some side by side: these share rounds, and memory stays flat.
Nothing is revealed. What a party sends is stated for SoftSpoken, for n parties.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ...trace.recorder import OpenSpan
from ...values.shaped import ShapedArray
from ...values.streams import Stream, fresh_key
from ..context import Context
from ..planes import from_planes, pack, unpack, without_padding, word_count
from .engine import Batch, Engine, Pairs
from .products import WORD_BITS, add_drawn_products, add_products

BATCH_OTS = 1 << 18  # per direction: 4 MiB of blocks
BATCHES_AT_ONCE = 4  # share rounds: at 100 Mbit/s their 4 MB a round take longer than a continent's latency; 8 would take twice the memory
MATRIX_BATCH_WORDS = 1 << 20  # per direction: 8 MiB of products, bit by bit


def bit_triples(context: Context, engine: Engine, count: int) -> tuple[Any, ...]:
    """Return XOR shares, packed (word_count(count),), of random bits a, b and of c = a ∧ b.

    Each direction (i, j) gives a_i ∧ b_j from one OT: a_i is the XOR of both strings' last bits, b_j the choice.
    Sends (n − 1)(128/k − 1) + 2(n − 2) bits per triple; one round for BATCHES_AT_ONCE batches, two if n > 2.  Source: Asharov, Lindell,
    Schneider, Zohner 2013/552, here for n parties.
    """
    with OpenSpan(context.recorder, "bit_triples"):
        return _joined(context, _batches(context, engine, _bit_triples, count, 1), 3)


def _bit_triples(context: Context, engine: Engine, count: int) -> tuple[Any, ...]:
    batch = engine.extend(context, count, common=True)
    me, words = context.index, word_count(count)
    follower, leader = (me + 1) % context.count, (me - 1) % context.count  # towards its follower a party's own a is used as it came
    pads = {peer: tuple(_last_bits(block) for block in batch.pads(peer)) for peer in batch.q}
    a, b = pads[follower][0] ^ pads[follower][1], batch.b[follower]
    c = a & b
    for peer in pads:
        c = c ^ pads[peer][0] ^ _last_bits(batch.chosen(peer))

    differences = {peer: a ^ pads[peer][0] ^ pads[peer][1] for peer in pads if peer != follower}
    replies = context.exchange("bit_triples", differences, {peer: (words,) for peer in pads if peer != leader})

    for difference in replies.values():
        c = c ^ (difference & b)
    return a, b, c


def triples(context: Context, engine: Engine, count: int) -> tuple[Any, ...]:
    """Return additive shares (count,) modulo 2^64 of random a, b and of c = a · b.

    Sends (n − 1)(64(128/k − 1) + 64·32.5) + 64(n − 2) − 64 bits per triple; two rounds for BATCHES_AT_ONCE batches.
    """
    with OpenSpan(context.recorder, "triples"):
        return _joined(context, _batches(context, engine, _triples, count, WORD_BITS), 3)


def _triples(context: Context, engine: Engine, count: int) -> tuple[Any, ...]:
    batch = engine.extend(context, WORD_BITS * count, common=True)
    b = _numbers(batch, count)
    a, products = add_drawn_products(context, batch)
    return a, b, a * b + products


def matrix_triples(context: Context, engine: Engine, rows: int, inner: int, columns: int) -> tuple[Any, ...]:
    """Return additive shares modulo 2^64 of random A (rows, inner), B (inner, columns) and of C = A @ B.

    An OT serves a whole column of A, or row of B, so there are 64·inner·min(rows, columns) of them per direction; the
    corrections cost as many bits as those of rows·inner·columns triples. Two rounds for BATCHES_AT_ONCE batches.
    """
    if rows < columns:
        b, a, c = matrix_triples(context, engine, columns, inner, rows)
        return a.T, b.T, c.T
    with OpenSpan(context.recorder, "matrix_triples"):
        a = _own_words(context, (rows, inner))
        b, c = _zeros(context, (inner, columns)), _zeros(context, (rows, columns))
        most = max(1, min(BATCH_OTS, MATRIX_BATCH_WORDS // max(1, rows)) // WORD_BITS)
        parts = [(i, j) for i in _slices(inner, most) for j in _slices(columns, most // (i.stop - i.start))]
        made = [functools.partial(_matrix_triple, context, engine, a[:, i], j.stop - j.start) for i, j in parts]
        sizes = [WORD_BITS * (i.stop - i.start) * (j.stop - j.start) for i, j in parts]
        for (i, j), (b_part, product) in zip(parts, _side_by_side(context, engine, made, sizes), strict=True):
            b[i, j] = b_part
            c[:, j] += product
        return a, b, c


def _matrix_triple(context: Context, engine: Engine, a: Any, columns: int) -> tuple[Any, Any]:
    """A random B (inner, columns) and a share of A @ B, for the part of A that this party holds."""
    rows, inner = a.shape
    batch = engine.extend(context, WORD_BITS * inner * columns, common=True)
    b = _numbers(batch, inner * columns).reshape(inner, columns)
    products = _products(context, batch, np.repeat(a, columns, axis=1)).reshape(rows, inner, columns)
    return b, a @ b + products.sum(axis=1)


def dabits(context: Context, engine: Engine, count: int) -> tuple[Any, ...]:
    """Return random bits r in both domains: additive shares (count,) modulo 2^64, and XOR shares (word_count(count),), packed.

    Every party draws a bit; x ⊕ y = x + y − 2xy joins them one party after the other. Party i sends, per daBit,
    i·128/k − 1 bits as a receiver (0 if i = 0) and 64(n − 1 − i) as a sender; n rounds for BATCHES_AT_ONCE batches.
    """
    with OpenSpan(context.recorder, "dabits"):
        return _joined(context, _batches(context, engine, _dabits, count, 1, _upwards(context)), 2)


def _dabits(context: Context, engine: Engine, count: int) -> tuple[Any, Any]:
    me, parties = context.index, context.count
    batch = engine.extend(context, count, _upwards(context), common=True)
    words = batch.b[0] if me else without_padding(_own_words(context, (word_count(count),)), count)
    own = unpack(words, count).astype(np.uint64)
    share = own if me == 0 else own * np.uint64(0)
    for joining in range(1, parties):
        share = own if me == joining else share
        product = add_products(context, batch, share[None, None], receiver=joining)[0, 0]
        share = share - product - product
    return share, words


# -- layout and batches ------------------------------------------------------------------------------------------------


def _batches(
    context: Context, engine: Engine, make: Callable[..., tuple[Any, ...]], count: int, ots_each: int, pairs: Pairs | None = None
) -> list[tuple[Any, ...]]:
    """`count` items of a kind that takes so many OTs each, batch by batch."""
    sizes = [part.stop - part.start for part in _slices(count, BATCH_OTS // ots_each)]
    made = [functools.partial(make, context, engine, size) for size in sizes]
    return list(_side_by_side(context, engine, made, [size * ots_each for size in sizes], pairs))


def _side_by_side(
    context: Context, engine: Engine, batches: Sequence[Callable[[], Any]], ots: Sequence[int], pairs: Pairs | None = None
) -> Iterator[Any]:
    """What the batches give, which take so many OTs. Some at a time: their messages share rounds, and no more of them is in memory."""
    for start in range(0, len(batches), BATCHES_AT_ONCE):
        group = slice(start, start + BATCHES_AT_ONCE)
        engine.foresee(context, sum(ots[group]), pairs)
        yield from context.parallel(batches[group])


def _upwards(context: Context) -> list[tuple[int, int]]:
    """Every two parties once, the later one as the receiver."""
    return [(i, j) for j in range(context.count) for i in range(j)]


def _products(context: Context, batch: Batch, a: Any) -> Any:
    """Shares (width, count) of a · b, where b is the receivers' number of 64 choices."""
    return add_products(context, batch, a[:, None] << np.arange(WORD_BITS, dtype=np.uint64)[:, None]).sum(axis=1)


def _numbers(batch: Batch, count: int) -> Any:
    """The numbers (count,) whose bits are this party's common choices: bit t of number i is the choice of OT t·count + i."""
    choices = next(iter(batch.b.values()))
    return from_planes(pack(unpack(choices, WORD_BITS * count).reshape(WORD_BITS, count)), count)


def _last_bits(blocks: Any) -> Any:
    """The last bit of every block, packed."""
    return pack((blocks[:, 0] & np.uint64(1)) != 0)


def _own_words(context: Context, shape: Any) -> Any:
    """Random words that this party alone knows."""
    return _zeros(context, shape) if context.planned else Stream(fresh_key()).words(shape)


def _zeros(context: Context, shape: Any) -> Any:
    return ShapedArray(shape) if context.planned else np.zeros(shape, np.uint64)


def _slices(count: int, most: int) -> Iterator[slice]:
    """Consecutive parts of at most `most`."""
    for start in range(0, count, max(1, most)):
        yield slice(start, min(count, start + max(1, most)))


def _joined(context: Context, parts: list[tuple[Any, ...]], kinds: int) -> tuple[Any, ...]:
    """What the batches gave, one array for each kind."""
    empty = _zeros(context, (0,))
    return tuple(np.concatenate([empty, *(part[kind] for part in parts)]) for kind in range(kinds))
