"""Owns share translations: what a secret-shared shuffle spends, made from oblivious transfers in a switching network.

Chase, Ghosh, Poburinnaya 2019/1340: one party knows a permutation π and Δ, others know random vectors a and b with
Δ = π(a) − b. Whoever holds a vector x sends x − a and keeps b; the permuting party has π(x − a) + Δ = π(x) − b.

Every wire of the network carries a label; a switch with labels a0, a1 in front has b0 = a0 − h and b1 = a1 + h behind, where
h is one string of an OT: their sum stays, so one difference tells the permuting party both (Mohassel, Sadeghian 2013/137 give
the network; they send both). It gets a0 − b0 = h if the switch is straight and a1 − b0 if it is crossed.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...trace.recorder import OpenSpan
from ...values.shaped import ShapedArray
from ...values.streams import Stream, fresh_key
from ..context import Context
from ..permutations import Layer, network, random_permutation, route
from ..planes import pack, unpack, word_count
from .engine import Batch, Engine, peers

BATCH_OTS = 1 << 18  # per direction


def plus(x: Any, y: Any, sums: int) -> Any:
    """Rows added: their first `sums` words modulo 2^64, the others by XOR."""
    total = x ^ y
    total[..., :sums] = x[..., :sums] + y[..., :sums]
    return total


def minus(x: Any, y: Any, sums: int) -> Any:
    difference = x ^ y
    difference[..., :sums] = x[..., :sums] - y[..., :sums]
    return difference


def translations(context: Context, engine: Engine, n: int, sums: int, xors: int) -> tuple[Any, Any, Any, Any]:
    """Return π (n,), ΣΔ (n, w), a and b (parties, n, w): one permutation of each party, for rows of w = sums + xors words.

    a[p] and b[p] belong to party p's permutation, of which this party knows nothing; Δ is summed over all others, for this
    party's own. The first `sums` words of a row add up modulo 2^64, the others by XOR.
    Sends, per switch of the network and peer: 128/k bits as the permuting party, 64 w bits as another. Three rounds per batch.
    """
    width = sums + xors
    layers = network(n)
    with OpenSpan(context.recorder, "translations"):
        if context.planned:
            for group in _groups(layers):
                _Switches(context, engine, group).translate(None, {}, width)
            labels_of_all = ShapedArray((context.count, n, width))
            return ShapedArray((n,), np.int64), ShapedArray((n, width)), labels_of_all, labels_of_all

        randomness = Stream(fresh_key())
        order = random_permutation(randomness, n)
        settings = iter(route(order))
        a = np.zeros((context.count, n, width), np.uint64)
        labels = {peer: randomness.words((n, width)) for peer in peers(context)}
        deltas = {peer: np.zeros((n, width), np.uint64) for peer in labels}
        for peer, rows in labels.items():
            a[peer] = rows
        for group in _groups(layers):
            switches = _Switches(context, engine, group)
            wanted = np.concatenate([next(settings) for _ in group])
            corrections = switches.translate(wanted, labels, width, sums)
            for peer in labels:
                labels[peer] = switches.labels[peer]
                deltas[peer] = switches.follow(peer, wanted, corrections[peer], deltas[peer], sums)

        b, delta = np.zeros_like(a), np.zeros((n, width), np.uint64)
        for peer, rows in labels.items():
            b[peer] = rows
            delta = plus(delta, deltas[peer], sums)
        return order, delta, a, b


class _Switches:
    """Consecutive layers whose switches one batch of OTs serves."""

    def __init__(self, context: Context, engine: Engine, layers: Sequence[Layer]):
        self.context, self.layers = context, layers
        self.count = sum(len(layer.first) for layer in layers)
        self.batch: Batch = engine.extend(context, self.count)
        self.labels: dict[int, Any] = {}  # behind the last layer, by the permuting peer

    def translate(self, wanted: Any, labels: dict[int, Any], width: int, sums: int = 0) -> dict[int, Any]:
        """Choose as the permuting party, correct as the others; return the corrections (switches, width) by sender."""
        context, words = self.context, (word_count(self.count),)
        flips = {peer: ShapedArray(words) if wanted is None else pack(wanted) ^ self.batch.b[peer] for peer in peers(context)}

        flipped = context.exchange("switches", flips, dict.fromkeys(flips, words))

        sends = {
            peer: ShapedArray((self.count, width)) if wanted is None else self._correct(peer, unpack(flips, self.count), labels[peer], sums)
            for peer, flips in flipped.items()
        }
        return context.exchange("translations", sends, dict.fromkeys(sends, (self.count, width)))

    def _correct(self, peer: int, flips: Any, rows: Any, sums: int) -> Any:
        """Pass this party's labels through the layers of the peer's permutation; what the peer needs where it crosses."""
        width, flips = rows.shape[1], flips[:, None]
        pads = list(self.batch.wide_pads(peer, -(-width // 2)))
        zeros, ones = (np.concatenate([pair[side] for pair in pads], axis=1)[:, :width] for side in (0, 1))
        straight, crossed = np.where(flips, ones, zeros), np.where(flips, zeros, ones)
        corrections = np.empty_like(straight)
        for layer, part in self._parts():
            upper, lower, h = rows[layer.first], rows[layer.first + 1], straight[part]
            corrections[part] = minus(plus(minus(lower, upper, sums), h, sums), crossed[part], sums)
            rows = _settled(layer, rows, minus(upper, h, sums), plus(lower, h, sums))
        self.labels[peer] = rows
        return corrections

    def follow(self, peer: int, wanted: Any, corrections: Any, delta: Any, sums: int) -> Any:
        """π(a) − b behind the layers, from the same in front of them."""
        width = delta.shape[1]
        chosen = np.concatenate(list(self.batch.wide_chosen(peer, -(-width // 2))), axis=1)[:, :width]
        difference = np.where(wanted[:, None], plus(chosen, corrections, sums), chosen)
        for layer, part in self._parts():
            upper, lower, cross = delta[layer.first], delta[layer.first + 1], wanted[part, None]
            first, second = np.where(cross, lower, upper), np.where(cross, upper, lower)
            delta = _settled(layer, delta, plus(first, difference[part], sums), minus(second, difference[part], sums))
        return delta

    def _parts(self) -> Iterator[tuple[Layer, slice]]:
        start = 0
        for layer in self.layers:
            yield layer, slice(start, start + len(layer.first))
            start += len(layer.first)


def _settled(layer: Layer, rows: Any, upper: Any, lower: Any) -> Any:
    """Rows behind a layer whose switches' rows became `upper` and `lower`."""
    rows = rows.copy()
    rows[layer.first], rows[layer.first + 1] = upper, lower
    return rows[layer.then]


def _groups(layers: Sequence[Layer]) -> Iterator[list[Layer]]:
    """Consecutive layers of at most BATCH_OTS switches together, at least one."""
    group: list[Layer] = []
    for layer in layers:
        if group and sum(len(each.first) for each in group) + len(layer.first) > BATCH_OTS:
            yield group
            group = []
        group.append(layer)
    yield group
