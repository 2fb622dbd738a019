"""Owns a party's items of one kind: those in memory, those on disk behind them, and the ledger by which none leaves twice."""

from collections import Counter

from ...errors import MisuseError
from .sources import Items, Kind, item_shapes
from .store import STORED, Store

LEAST_LOADED = 1024  # items from disk at once: what the end of a party may waste, for not writing the journal at every step


class Ledger:
    """Which items of each kind are spent. They are numbered as they are made and leave in that order."""

    def __init__(self) -> None:
        self._next: Counter[Kind] = Counter()

    def spend(self, kind: Kind, first: int, count: int) -> None:
        """Note that items first … first + count - 1 go; MisuseError if one of them went before."""
        if first < self._next[kind]:
            raise MisuseError(
                f"{kind[0]} number {first} was used before: a second use would show what it hid. Nothing was sent; start the parties anew."
            )
        self._next[kind] = first + count


class Stock:
    """Items of one kind that are made and not used, in the order of their numbers. Behind them there may be more on disk."""

    def __init__(self, kind: Kind, ledger: Ledger, store: Store | None = None):
        self.kind, self._ledger = kind, ledger
        self.store = store if kind in STORED else None
        self.made = 0
        self._parts: list[tuple[int, Items]] = []  # number of the first item, arrays

    @property
    def count(self) -> int:
        return self._loaded + (self.store.count(self.kind) if self.store else 0)

    @property
    def _loaded(self) -> int:
        return sum(len(arrays[0]) for _, arrays in self._parts)

    def add(self, arrays: Items) -> None:
        self._parts.append((self.made, arrays))
        self.made += len(arrays[0])

    def save(self, arrays: Items) -> None:
        """Keep items on disk where there is a place for them."""
        if self.store:
            self.store.add(self.kind, arrays)
        else:
            self.add(arrays)

    def load(self, count: int) -> None:
        """Bring so many into memory, if they are on disk."""
        if self.store and self.store.count(self.kind) and count > self._loaded:
            wanted = min(max(count - self._loaded, LEAST_LOADED), self.store.count(self.kind))
            for arrays in self.store.withdraw(self.kind, wanted, item_shapes(self.kind, 0)):
                self.add(arrays)

    def take(self, count: int) -> list[Items]:
        """Exactly so many items, as arrays in parts; they are gone from here."""
        self.load(count)
        taken = []
        while count:
            first, arrays = self._parts[0]
            size = min(count, len(arrays[0]))
            self._ledger.spend(self.kind, first, size)
            taken.append(tuple(array[:size] for array in arrays))
            if size == len(arrays[0]):
                del self._parts[0]
            else:
                self._parts[0] = (first + size, tuple(array[size:] for array in arrays))
            count -= size
        return taken
