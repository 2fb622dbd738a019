"""Owns dealing: a process that is no party makes correlated randomness for all parties, which have to trust it.

It hears requests, a kind and a number, from party 0. What it shares with a party both expand from a stream that only the two
know. The last party's piece of a product cannot be drawn: the dealer sends it, and nothing else to anyone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...trace.recorder import OpenSpan
from ...values.bits import WORD_BITS
from ...values.ring import matmul
from ...values.shaped import ShapedArray
from ...values.streams import Stream, derive_key
from ..context import Context
from ..permutations import random_permutation
from .translations import minus, plus

Kind = tuple[Any, ...]
KINDS = (
    "triples", "bit_triples", "dabits", "matrix_triples", "translations", "randoms", "random_bits", "masks", "bit_masks", "edabits",
)  # fmt: skip
SIZES = {"matrix_triples": 3, "translations": 3, "masks": 1, "bit_masks": 1, "edabits": 1}  # how many sizes belong to a kind
MOST_SIZES = 3
KEY_WORDS = 2
REQUEST_WORDS = 5 + MOST_SIZES + KEY_WORDS  # kind, whether authenticated, count, number of the request, cell line, sizes, keys


@dataclass(frozen=True)
class Asked:
    """What the dealer is asked for: `count` items of a kind. No two requests of a run have the same number."""

    kind: Kind
    count: int
    number: int
    authenticated: bool = False  # with MACs, under keys that the parties send along
    keys: tuple[int, int] = (0, 0)  # then: those of party 0


def receive(context: Context, kind: Kind, count: int) -> Any:
    """This party's pieces of `count` items, None in a plan. Party 0 sends a request, the last party awaits a correction."""
    me, last, asked = context.index, context.count - 1, Asked(kind, count, context.next_request())
    sends: dict[int, Any] = {}
    awaits: dict[int, tuple[int, ...]] = {}
    if me == 0:
        context.summon_dealer()
        sends[context.dealer] = request(asked, context.recorder.line)
    if me == last:
        awaits[context.dealer] = correction_shape(kind, count, context.count)
    pieces = None if context.planned else draw(kind, count, context.count, me, stream_with(context, context.dealer, asked))

    replies = context.exchange("request" if me == 0 else "deal", sends, awaits)

    if pieces is None:
        return None
    return tuple(settle(kind, pieces, replies[context.dealer]) if me == last else pieces)


def hear(context: Context) -> Asked:
    """At the dealer: the next request."""
    words = [int(word) for word in context.exchange("request", {}, {0: (REQUEST_WORDS,)})[0]]
    code, authenticated, count, number, line, *sizes = words[:-KEY_WORDS]
    context.recorder.line = line
    return Asked((KINDS[code], *sizes[: SIZES.get(KINDS[code], 0)]), count, number, bool(authenticated), (words[-2], words[-1]))


def deal(context: Context, asked: Asked) -> None:
    """The dealer's side: send the correction that the request takes."""
    kind, count, parties = asked.kind, asked.count, context.count
    with OpenSpan(context.recorder, f"deal_{kind[0]}"):
        correction: Any = ShapedArray(correction_shape(kind, count, parties))
        if not context.planned:
            drawn = [draw(kind, count, parties, party, stream_with(context, party, asked)) for party in range(parties)]
            correction = corrections(kind, drawn)
        context.exchange("deal", {parties - 1: correction}, {})


def request(asked: Asked, line: int) -> Any:
    name, *sizes = asked.kind
    head = [KINDS.index(name), asked.authenticated, asked.count, asked.number, line]
    return np.array([*head, *sizes, *[0] * (MOST_SIZES - len(sizes)), *asked.keys], np.uint64)


def stream_with(context: Context, peer: int, asked: Asked) -> Stream:
    """Drawn by a party and the dealer. No two runs have the same number, and no two requests of one run."""
    seed = context.links.pair_seed(peer)
    return Stream(derive_key(seed[:16], seed[16:], "deal", context.epoch, asked.number))


def correction_shape(kind: Kind, count: int, parties: int) -> tuple[int, ...]:
    """One element per product; of translations, one for each element of each party's permutation."""
    name, *sizes = kind
    if name == "matrix_triples":
        return (count, sizes[0], sizes[2])
    if name == "translations":
        return (count, parties, sizes[0], sizes[1] + sizes[2])
    return (count, WORD_BITS) if name == "dabits" else (count,)


def draw(kind: Kind, count: int, parties: int, party: int, stream: Stream) -> list[Any]:
    """A party's arrays of so many items; zeros where a correction will say what they are."""
    name, *sizes = kind
    last = party == parties - 1
    if name == "dabits":
        words = stream.words((count,))
        return [np.zeros((count, WORD_BITS), np.uint64) if last else stream.words((count, WORD_BITS)), words]
    if name == "translations":
        return _draw_translations(count, parties, party, sizes, stream)
    shapes: Sequence[tuple[int, ...]] = [(count,)] * 3
    if name == "matrix_triples":
        rows, inner, columns = sizes
        shapes = [(count, rows, inner), (count, inner, columns), (count, rows, columns)]
    a, b = stream.words(shapes[0]), stream.words(shapes[1])
    return [a, b, np.zeros(shapes[2], np.uint64) if last else stream.words(shapes[2])]


def _draw_translations(count: int, parties: int, party: int, sizes: Sequence[int], stream: Stream) -> list[Any]:
    """π, Δ, and a, b for the others' permutations; the last party's b, and its Δ, are corrections."""
    n, last, shape = sizes[0], party == parties - 1, (count, sizes[0], sizes[1] + sizes[2])
    orders = np.stack([random_permutation(stream, n) for _ in range(count)])
    delta = np.zeros(shape, np.uint64) if last else stream.words(shape)
    a, b = (np.zeros((count, parties, *shape[1:]), np.uint64) for _ in range(2))
    for permuting in range(parties):
        if permuting != party:
            a[:, permuting] = stream.words(shape)
            if not last:
                b[:, permuting] = stream.words(shape)
    return [orders, delta, a, b]


def corrections(kind: Kind, drawn: Sequence[Sequence[Any]]) -> Any:
    """What the last party lacks, so that all parties' pieces together are what the kind says."""
    name, *sizes = kind
    if name == "translations":
        return _correct_translations(drawn, sizes[1])
    if name == "dabits":
        bits = np.bitwise_xor.reduce([words for _, words in drawn])
        numbers = np.unpackbits(bits.view(np.uint8), bitorder="little").reshape(-1, WORD_BITS).astype(np.uint64)
        return numbers - np.sum([share for share, _ in drawn], axis=0)
    if name == "bit_triples":
        a, b, c = (np.bitwise_xor.reduce(shares) for shares in zip(*drawn, strict=True))
        return (a & b) ^ c
    a, b, c = (np.sum(shares, axis=0) for shares in zip(*drawn, strict=True))
    if name == "triples":
        return a * b - c
    return np.stack([matmul(left, right) for left, right in zip(a, b, strict=True)]) - c


def _correct_translations(drawn: Sequence[Sequence[Any]], sums: int) -> Any:
    """Δ = π(Σ a) − Σ b for every party's permutation, solved for what the last party lacks: its own Δ, or its b."""
    parties = len(drawn)
    orders, deltas, a, b = (list(arrays) for arrays in zip(*drawn, strict=True))
    correction = np.zeros_like(a[0])
    for permuting in range(parties):
        total = np.zeros_like(deltas[0])
        others = [party for party in range(parties) if party != permuting]
        for party in others:
            total = plus(total, a[party][:, permuting], sums)
        total = np.take_along_axis(total, orders[permuting][:, :, None], axis=1)
        for party in others:
            total = minus(total, b[party][:, permuting], sums)
        correction[:, permuting] = minus(total, deltas[permuting], sums)
    return correction


def settle(kind: Kind, pieces: list[Any], correction: Any) -> list[Any]:
    """The last party's arrays once the correction is here."""
    if kind[0] == "translations":
        orders, _, a, _ = pieces
        last = correction.shape[1] - 1
        b = correction.copy()
        b[:, last] = 0
        return [orders, correction[:, last], a, b]
    if kind[0] == "dabits":
        return [correction, pieces[1]]
    return [*pieces[:2], correction]
