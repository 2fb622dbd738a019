"""Owns dealing authenticated items: a process that is no party makes them for all parties, which have to trust it.

All but the last party expand their shares from a stream that only they and the dealer know; the last party is sent all of its.
The dealer hears the parties' MAC keys with every request and refuses others than the first: items under two keys of one party
would turn the check of an opening into a way to read it.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import CheatingDetected
from ...trace.recorder import OpenSpan
from ...values import wide
from ...values.bits import WORD_BITS, to_planes, unpack
from ...values.shaped import ShapedArray
from ...values.streams import Stream, fresh_key
from ..context import Context
from ..security import ADVERSARIES
from .authenticated import NUMBER, AuthenticatedSource, item_shapes, parts
from .dealing import KEY_WORDS, Asked, request, stream_with
from .sources import Items, Kind

MASKS = ("masks", "bit_masks")


class AuthenticatedDealer(AuthenticatedSource):
    """All parties but one may be active; nobody may be in league with the dealer, who knows all items and keys."""

    flags = ("trusted dealer",)
    adversary = ADVERSARIES[2]

    def is_ready(self, context: Context) -> bool:
        return True

    def set_up(self, context: Context) -> None:
        """Nothing comes before the first item."""

    def facts(self, context: Context) -> dict[str, Any]:
        return {}

    def assume(self, facts: Mapping[str, Any]) -> None:
        """It is the same at all times."""

    def make(self, context: Context, kind: Kind, count: int) -> Items:
        """Party 0 asks, all send their keys, the last party awaits its shares. Two rounds."""
        keys = (0, 0) if self.keys is None else (self.keys.alpha, self.keys.delta)
        with OpenSpan(context.recorder, kind[0]):
            shares = _receive(context, Asked(kind, count, context.next_request(), True, keys))
        if shares is None:
            return tuple(ShapedArray((count, *item.shape), item.dtype) for item in item_shapes(kind, context.count))
        return shares


def _receive(context: Context, asked: Asked) -> Items | None:
    me, dealer, last = context.index, context.dealer, context.count - 1
    if me == 0:
        context.summon_dealer()
        context.exchange("request", {dealer: request(asked, context.recorder.line)}, {})
    else:
        context.exchange("keys", {dealer: np.array(asked.keys, np.uint64)}, {})
    words = sum(math.prod(shape) for shape in share_shapes(asked))
    replies = context.exchange("deal", {}, {dealer: (words,)} if me == last else {})

    if context.planned:
        return None
    stream = stream_with(context, dealer, asked)
    known = _known(asked, me, stream)
    shares = _split(replies[dealer], asked) if me == last else [stream.words(shape) for shape in share_shapes(asked)]
    return tuple(np.moveaxis(array, 1, 0) if array.ndim > 1 else array for array in [*known, *shares])


def deal_authenticated(context: Context, asked: Asked) -> None:
    """The dealer's side: hear the keys, make what was asked for, send the last party what the others' shares lack."""
    last, shapes = context.count - 1, share_shapes(asked)
    with OpenSpan(context.recorder, f"deal_{asked.kind[0]}"):
        heard = context.exchange("keys", {}, dict.fromkeys(range(1, context.count), (KEY_WORDS,)))
        lacking: Any = ShapedArray((sum(math.prod(shape) for shape in shapes),))
        if not context.planned:
            keys = [asked.keys, *((int(words[0]), int(words[1])) for words in heard.values())]
            if any(context.keys_heard.setdefault(party, key) != key for party, key in enumerate(keys)):
                raise CheatingDetected("a party came to the dealer with other MAC keys than before")
            alpha, delta = sum(key[0] for key in keys), functools.reduce(int.__xor__, (key[1] for key in keys))
            streams = [stream_with(context, party, asked) for party in range(context.count)]
            lacking = corrections(asked, alpha, delta, streams)
        context.exchange("deal", {last: lacking}, {})


def corrections(asked: Asked, alpha: int, delta: int, streams: Sequence[Stream]) -> Any:
    """All that the last party is sent: its shares of the items, one after the other."""
    known = [_known(asked, party, stream) for party, stream in enumerate(streams)]
    shares = [_with_mac(secret, shape[0], alpha, delta) for secret, shape in zip(secrets(asked, known), share_shapes(asked), strict=True)]
    for stream in streams[:-1]:
        shares = [_less(share, stream.words(share.shape)) for share in shares]
    return np.concatenate([share.reshape(-1) for share in shares])


def share_shapes(asked: Asked) -> list[tuple[int, ...]]:
    """Of every share: components, count, shape of an item."""
    name, *sizes = asked.kind
    return [(components, asked.count, *rest) for components, rest in parts(name, sizes)]


def _known(asked: Asked, party: int, stream: Stream) -> list[Any]:
    """Of masks, what the owner draws with the dealer; zeros at all others."""
    name, *sizes = asked.kind
    if name not in MASKS:
        return []
    shape = (2, asked.count) if name == "masks" else (asked.count,)
    return [stream.words(shape) if party == sizes[0] else np.zeros(shape, np.uint64)]


def secrets(asked: Asked, known: Sequence[Sequence[Any]]) -> list[Any]:
    """Items in plain, by the dealer's own randomness: numbers (2, count, …), words of bits (count, …)."""
    (name, *sizes), count = asked.kind, asked.count
    draw = Stream(fresh_key()).words
    if name in MASKS:
        return [known[sizes[0]][0]]
    if name == "triples":
        a, b = draw((2, count)), draw((2, count))
        return [a, b, wide.multiply(a, b)]
    if name == "bit_triples":
        a, b = draw(count), draw(count)
        return [a, b, a & b]
    if name == "matrix_triples":
        rows, inner, columns = sizes
        a, b = draw((2, count, rows, inner)), draw((2, count, inner, columns))
        return [a, b, np.stack([wide.matmul(a[:, i], b[:, i]) for i in range(count)], axis=1)]
    if name == "randoms":
        return [draw((2, count))]
    if name == "random_bits":
        return [draw(count)]
    if name == "dabits":
        bits = draw(count)
        return [np.stack([unpack(bits[:, None], WORD_BITS).astype(np.uint64), draw((count, WORD_BITS))]), bits]
    numbers = draw((2, count, WORD_BITS))
    numbers[0] &= np.uint64((1 << sizes[0]) - 1)
    return [numbers, to_planes(numbers[0], sizes[0])[..., 0]]


def _with_mac(secret: Any, components: int, alpha: int, delta: int) -> Any:
    """The secret and its MAC, as one share of both."""
    if components == NUMBER:
        return np.concatenate([secret, wide.scale(secret, alpha)])
    selected = np.array([-(delta >> k & 1) & (1 << WORD_BITS) - 1 for k in range(WORD_BITS)], np.uint64)
    return np.concatenate([secret[None], secret & selected.reshape(-1, *(1,) * secret.ndim)])


def _less(share: Any, other: Any) -> Any:
    return wide.subtract(share, other) if share.shape[0] == NUMBER else share ^ other


def _split(words: Any, asked: Asked) -> list[Any]:
    shapes = share_shapes(asked)
    stops = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(words, stops), shapes, strict=True)]
