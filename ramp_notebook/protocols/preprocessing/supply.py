"""Owns the correlated randomness that a party holds: it hands out every item once, and has more made when it runs out.

Stock outlives cells. What there is of it, in numbers, is public: it follows from the shapes of what the cells computed.
"""

import functools
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...trace.events import PREPROCESSING
from ...values.bits import WORD_BITS, word_count
from ...values.shaped import ShapedArray
from ..context import Context
from .opening import open_together
from .sources import Items, Kind, Source, item_shapes, source_named
from .stock import Ledger, Stock
from .store import STORED, Store

MOST_AHEAD = 4096  # items, 2^18 oblivious transfers: a batch from which on larger ones are not cheaper per item
MOST_PREPARED_BYTES = 1 << 28  # of one kind, for a cell
MOST_AT_ONCE_BYTES = 1 << 24  # what one call of a source makes
BY_THE_WORD = ("bit_triples", "dabits", "edabits", "random_bits", "bit_masks", "transfers")  # 64 to an item
GROWING = ("triples", "bit_triples", "dabits")  # kinds that any later step can use


class Supply:
    """What a protocol asks for correlated randomness in one cell. `kept` is what outlives the cell.

    The first batch of a kind in a cell has what was asked for; each later one is at least as large as all before together,
    up to MOST_AHEAD, so that a cell of many small steps has few batches. What is left serves later cells.
    """

    growing: ClassVar[tuple[str, ...]] = GROWING

    def __init__(self, context: Context, kept: dict[str, Any], new_source: Callable[[], Source] | None = None):
        self.context = context
        if "source" not in kept:
            source = source_named(context.preprocessing) if new_source is None else new_source()
            kept.update(source=source, stocks={}, ledger=Ledger())
        self._kept = kept
        self.source: Source = kept["source"]
        self._stocks: dict[Kind, Stock] = kept["stocks"]
        self._ledger: Ledger = kept["ledger"]
        self._setting_up = False
        self.made: Counter[Kind] = Counter()  # in this cell
        self.used: Counter[Kind] = Counter()

    @staticmethod
    def item_shapes(kind: Kind, parties: int) -> list[ShapedArray]:
        """Shapes and dtypes of one item's arrays."""
        return item_shapes(kind, parties)

    # -- what protocols ask for ----------------------------------------------------------------------------------------

    def triples(self, count: int) -> Items:
        """Shares (count,) of a, b and ab modulo 2^64."""
        return self._take(("triples",), count)

    def bit_triples(self, words: int) -> Items:
        """XOR shares (words,) of a, b and a & b."""
        return self._take(("bit_triples",), words)

    def dabits(self, count: int) -> Items:
        """Random bits: shares (count,) modulo 2^64, and packed XOR shares (ceil(count / 64),)."""
        numbers, bits = self._take(("dabits",), word_count(count))
        return numbers.reshape(-1)[:count], bits

    def matrix_triples(self, rows: int, inner: int, columns: int) -> Items:
        """Shares of A (rows, inner), B (inner, columns) and A @ B."""
        return tuple(array[0] for array in self._take(("matrix_triples", rows, inner, columns), 1))

    def translations(self, n: int, sums: int, xors: int) -> Items:
        """This party's permutation (n,), its ΣΔ (n, w), and a, b (parties, n, w) for the others' permutations."""
        return tuple(array[0] for array in self._take(("translations", n, sums, xors), 1))

    def open_store(self) -> None:
        """Once for a folder, before the cell begins: settle with the other parties what is there."""
        context, folder = self.context, self.context.store
        if not folder or self._kept.get("opened") == folder:
            return
        store: Store | None = None
        if not context.planned:
            place = f"{folder} {context.preprocessing}"
            if place in context.stores:
                context.stores[place].load()
            else:
                context.stores[place] = Store(Path(folder), context.names, context.index, context.preprocessing.replace(":", "-"))
            store = context.stores[place]
        with context.recorder.in_phase(PREPROCESSING):
            open_together(context, store)
        self._kept.update(opened=folder, store=store)
        for kind in STORED:
            self._stock(kind).store = store

    def prepare(self, needs: Mapping[Kind, int], *, all_of_it: bool = False) -> None:
        """Have ready what a step or cell is known to need, so that each kind is made in one go; kinds share rounds.

        Of a kind that would fill more than MOST_PREPARED_BYTES the rest is made when it is asked for, unless `all_of_it`.
        """
        wanted = {kind: count if all_of_it else min(count, self._most(kind, MOST_PREPARED_BYTES)) for kind, count in sorted(needs.items())}
        if all_of_it:
            self.made.update(dict.fromkeys(wanted, 0))  # told of even if all of it is there
        lacks = {kind: count - self._stock(kind).count for kind, count in wanted.items() if count > self._stock(kind).count}
        if lacks:
            self._set_up()
            self.context.parallel([functools.partial(self._produce, kind, lack, save=all_of_it) for kind, lack in lacks.items()])
        for kind, count in wanted.items():
            if not all_of_it:
                self._stock(kind).load(count)

    def balance(self) -> dict[str, tuple[int, int, int]]:
        """What this cell made or was to have, used, and has left, of each kind by its name; single bits counted."""
        kinds = sorted({*self.made} | {kind for kind in self.used if self.used[kind]})
        figures: dict[str, tuple[int, int, int]] = {}
        for kind in kinds:
            made, used, left = self.made[kind], self.used[kind], self._stock(kind).count
            figures[described(kind)] = (amount(kind, made), amount(kind, used), amount(kind, left))
        return figures

    # -- stock ---------------------------------------------------------------------------------------------------------

    def _take(self, kind: Kind, count: int) -> Items:
        """From stock what is there; the rest is made. Branches that run side by side never wait for each other's."""
        stock = self._stock(kind)
        parts = stock.take(min(count, stock.count))
        lack = count - sum(len(part[0]) for part in parts)
        if lack:
            self._produce(kind, max(lack, min(self.made[kind], MOST_AHEAD)) if kind[0] in self.growing else lack)
            parts += stock.take(lack)
        self.used[kind] += count
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return tuple(self._empty(kind))
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def _produce(self, kind: Kind, lack: int, *, save: bool = False) -> None:
        """Make as many at once as memory bears, so that what is needed beside the stock stays the same however large it grows."""
        self._set_up()
        most = self._most(kind, MOST_AT_ONCE_BYTES)
        most = max(most - most % MOST_AHEAD, min(most, MOST_AHEAD))  # whole batches of the oblivious transfers
        for size in [most] * (lack // most) + [lack % most] * (lack % most > 0):
            self.made[kind] += size
            with self.context.recorder.in_phase(PREPROCESSING):
                items = self.source.make(self.context, kind, size)
            self._stock(kind).save(items) if save else self._stock(kind).add(items)

    def _set_up(self) -> None:
        """What the source does once; of branches that run side by side one does it, the others wait in step."""
        while self._setting_up:
            self.context.exchange("waiting", {}, {})
        if not self.source.is_ready(self.context):
            self._setting_up = True
            try:
                with self.context.recorder.in_phase(PREPROCESSING):
                    self.source.set_up(self.context)
            finally:
                self._setting_up = False

    def _stock(self, kind: Kind) -> Stock:
        if kind not in self._stocks:
            self._stocks[kind] = Stock(kind, self._ledger, self._kept.get("store"))
        return self._stocks[kind]

    def _most(self, kind: Kind, most_bytes: int) -> int:
        return max(1, most_bytes // sum(item.nbytes for item in self.item_shapes(kind, self.context.count)))

    def _empty(self, kind: Kind) -> Items:
        shapes = self.item_shapes(kind, self.context.count)
        if self.context.planned:
            return tuple(ShapedArray((0, *item.shape), item.dtype) for item in shapes)
        return tuple(np.empty((0, *item.shape), item.dtype) for item in shapes)


def amount(kind: Kind, items: int) -> int:
    """How much so many items are to a reader, to whom bits are single."""
    return items * (WORD_BITS if kind[0] in BY_THE_WORD else 1)


def described(kind: Kind) -> str:
    """A kind in words.

    >>> described(("bit_triples",)), described(("matrix_triples", 2, 3, 4)), described(("translations", 100, 1, 2))
    ('bit triples', 'matrix triples 2×3×4', 'translations of 100×3')
    """
    name, *sizes = kind
    if name == "translations":
        return f"translations of {sizes[0]}×{sizes[1] + sizes[2]}"
    words = {"dabits": "daBits", "edabits": "edaBits"}.get(name, name.replace("_", " "))
    if name in ("masks", "bit_masks"):
        return f"{words} of party {sizes[0]}"
    return " ".join([words, *(["×".join(map(str, sizes))] if sizes else [])])


def supply_state(context: Context, kept: Mapping[str, Any]) -> dict[str, Any]:
    """What a plan of the next cell has to know of a supply: where its source stands, and how much there is of each kind."""
    stock = {kind: stock.count for kind, stock in sorted(kept["stocks"].items()) if stock.count}
    return {"source": kept["source"].facts(context), "stock": stock, "opened": kept.get("opened", "")}


def planned_supply(state: Mapping[str, Any], parties: int, source: Source, supply: type[Supply] = Supply) -> dict[str, Any]:
    """What a planned party keeps in place of one whose supply has this public state; `source` is a new one."""
    ledger, stocks = Ledger(), {}
    for kind, count in state["stock"].items():
        stocks[kind] = Stock(kind, ledger)
        stocks[kind].add(tuple(ShapedArray((count, *item.shape), item.dtype) for item in supply.item_shapes(kind, parties)))
    source.assume(state["source"])
    return {"source": source, "stocks": stocks, "ledger": ledger, "opened": state["opened"]}
