"""Additive sharing whose correlated randomness an ideal dealer deals: its items are random variables of the tape."""

import itertools

import numpy as np
from privacy.dealt import DealtSource

from ramp_notebook.protocols.additive import Additive
from ramp_notebook.protocols.preprocessing.supply import Ledger
from ramp_notebook.protocols.preprocessing.translations import minus, plus
from ramp_notebook.testing.views import check_views
from ramp_notebook.values.bits import pack, word_count


class TapeSource(DealtSource):
    """Every share is drawn from the tape by its party, but the last one of `completing`, which completes what is dealt."""

    orders = None  # whose permutation of two rows does what

    def __init__(self, completing):
        super().__init__()
        self.completing = completing

    def make(self, context, kind, count):
        if kind[0] == "translations":
            return self._translations(context, *kind[1:])
        per_item = context._tape.lanes if kind == ("triples",) else word_count(context._tape.lanes)
        assert count % per_item == 0, "items for each lane"
        dealt = [getattr(self, f"_{kind[0]}")(context) for _ in range(count // per_item)]
        return tuple(np.concatenate(arrays) for arrays in zip(*dealt, strict=True))

    def _shares(self, context, name, base):
        return [context._tape.column(((i,), *name, self.made), base) for i in range(context.count)]

    def _completed(self, context, value, name, base, subtract):
        """This party's share of a value; that of who completes it is not drawn, so it is noted as seen."""
        drawn = [None if i == self.completing else context._tape.column(((i,), *name, self.made), base) for i in range(context.count)]
        if context.index != self.completing:
            return drawn[context.index]
        for share in drawn:
            value = value if share is None else subtract(value, share)
        context.received.append(pack(value.astype(bool)) if name[0] == "bit_triples" else value)
        return value

    def _triples(self, context):
        self.made += 1
        a, b = (self._shares(context, ("triples", name), context._symbols) for name in "ab")
        c = self._completed(context, sum(a) * sum(b), ("triples", "c"), context._symbols, np.subtract)
        return a[context.index], b[context.index], c

    def _bit_triples(self, context):
        self.made += 1
        a, b = (self._shares(context, ("bit_triples", name), 2) for name in "ab")
        c = self._completed(context, np.bitwise_xor.reduce(a) & np.bitwise_xor.reduce(b), ("bit_triples", "c"), 2, np.bitwise_xor)
        return tuple(pack(each.astype(bool)) for each in (a[context.index], b[context.index], c))

    def _dabits(self, context):
        self.made += 1
        bits = self._shares(context, ("dabits", "bits"), 2)
        numbers = self._completed(context, np.bitwise_xor.reduce(bits), ("dabits", "numbers"), context._symbols, np.subtract)
        return numbers.reshape(-1, 64), pack(bits[context.index].astype(bool))

    def _translations(self, context, n, sums, xors):
        """Rows of one number a lane. Whose permutation swaps rows is in `orders`; Δ is noted as seen."""
        self.made += 1
        me, parties = context.index, range(context.count)
        a, b = np.zeros((2, context.count, context.count, n, sums + xors), np.uint64)  # a[p, q]: what q knows of p's
        for p, q, row in itertools.product(parties, parties, range(n)):
            if p != q:
                a[p, q, row], b[p, q, row] = (
                    context._tape.column(((q,), "labels", name, p, row, self.made), context._symbols) for name in "ab"
                )
        delta = np.zeros((n, sums + xors), np.uint64)
        for q in parties:
            delta = plus(delta, minus(a[me, q][self.orders[me]], b[me, q], sums), sums)
        context.received.append(delta)
        return tuple(array[None] for array in (self.orders[me], delta, a[:, me], b[:, me]))


class OnTape(Additive):
    completing = 0

    def __init__(self, context, kept=None):
        super().__init__(
            context, {"ot": {"source": TapeSource(self.completing), "stocks": {}, "ledger": Ledger()}} if kept is None else kept
        )
        self.supply._most = lambda kind, most_bytes: 1 << 40  # however many lanes there are, their items are made at once


def check_all_but_one(protocol, count, program, own_tapes, **options):
    """Views of every coalition of all but one, for a number of tapes of its own.

    Shares are uniform but for what they add up to, whoever completes them. The one honest party does: then all that the
    coalition is dealt is drawn, and of a triple only a and b of the honest party are left to enumerate.
    """
    lanes = 0
    for honest in range(count):
        completed = type(protocol.__name__, (protocol,), {"completing": honest})
        coalition = tuple(party for party in range(count) if party != honest)
        lanes += check_views(completed, count, program, [coalition], own_tapes=own_tapes, **options)
    return lanes
