"""Owns how parties open a stock on disk together: all find the same items unspent, or none uses any.

Every opening begins an epoch. A party whose journal does not know an epoch in which another party already took or added
something has an older copy: refused. Within an epoch parties may have stopped at different points, in a crash or a failed
cell: what one of them spent is spent for all, what one of them lacks is thrown away. If *all* parties' folders and keys come
back from one backup, nobody can tell; keep keys out of backups.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import MisuseError
from ...trace.recorder import OpenSpan
from ...values.shaped import ShapedArray
from ..context import Context
from .store import BEHIND, EMPTY, FINE, REASONS, STORED, Kind, Store

STATE_WORDS = 7 + 2 * len(STORED)  # status, id, epoch, known, nonce, spent and made by kind


@dataclass(frozen=True)
class State:
    """What one party tells of its part: nothing of it is secret."""

    status: int
    id: bytes
    epoch: int
    known: int  # the last epoch in which anyone took or added something, as far as this party knows; all had begun it
    nonce: bytes
    stock: tuple[tuple[int, int], ...]  # how many items of each kind are spent, and were made

    def words(self) -> Any:
        numbers = [self.status, *_numbers(self.id), self.epoch, self.known, *_numbers(self.nonce)]
        return np.array([*numbers, *(number for pair in self.stock for number in pair)], np.uint64)

    @staticmethod
    def of_words(words: Any) -> "State":
        status, low, high, epoch, known, left, right, *stock = (int(word) for word in words)
        return State(status, _bytes(low, high), epoch, known, _bytes(left, right), tuple(zip(stock[::2], stock[1::2], strict=True)))

    @staticmethod
    def of_store(store: Store) -> "State":
        stock = tuple((store.spent[kind], store.made[kind]) for kind in STORED)
        return State(store.status, store.id or bytes(16), store.epoch, store.known, os.urandom(16), stock)


def open_together(context: Context, store: Store | None) -> None:
    """Settle this party's store with all others', or raise what all parties raise. Two rounds of small messages."""
    peers = [peer for peer in range(context.count) if peer != context.index]
    with OpenSpan(context.recorder, "open_store"):
        if store is None:  # planned
            state: Any = ShapedArray((STATE_WORDS,))
            context.exchange("store", dict.fromkeys(peers, state), dict.fromkeys(peers, state.shape))
        else:
            mine = State.of_store(store)
            replies = context.exchange("store", dict.fromkeys(peers, mine.words()), dict.fromkeys(peers, (STATE_WORDS,)))
            states = {context.index: mine, **{peer: State.of_words(words) for peer, words in replies.items()}}
            begin(store, [states[party] for party in range(context.count)], context.names)

        counts: Any = ShapedArray((len(STORED),)) if store is None else np.array([store.count(kind) for kind in STORED], np.uint64)
        others = context.exchange("opened", dict.fromkeys(peers, counts), dict.fromkeys(peers, counts.shape))

    if store is not None and any((other != counts).any() for other in others.values()):
        raise MisuseError(f"the parties' stocks in {store.folder.parent} do not fit together. {INSTEAD}")


INSTEAD = "Nothing of it was used. Name an empty folder as store, or none: %mpc config store="


def begin(store: Store, states: Sequence[State], names: Sequence[str]) -> None:
    """Begin the next epoch, a new stock if nobody has one; MisuseError, the same at all parties, if the parts do not fit."""
    if all(state.status in (FINE, EMPTY) and not state.known for state in states):
        store.create(hashlib.blake2b(b"".join(state.nonce for state in states), digest_size=16).digest())
        return
    known = max(state.known for state in states)
    store.settle(max(state.epoch for state in states) + 1, known, agree(states, known, names))


def agree(states: Sequence[State], known: int, names: Sequence[str]) -> Mapping[Kind, tuple[int, int]]:
    """The items that every party has and no party spent: number of the first, and of the one behind the last."""
    for name, state in zip(names, states, strict=True):
        status = BEHIND if state.status == FINE and state.epoch < known else state.status
        if status != FINE:
            raise MisuseError(f"{name}'s stored correlated randomness {REASONS[status]}. {INSTEAD}")
    if len({state.id for state in states}) > 1:
        raise MisuseError(f"the parties' stored correlated randomness comes from different runs. {INSTEAD}")
    stock = {}
    for k, kind in enumerate(STORED):
        first = max(state.stock[k][0] for state in states)
        stock[kind] = (first, max(first, min(state.stock[k][1] for state in states)))
    return stock


def _numbers(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[:8], "little"), int.from_bytes(data[8:], "little")


def _bytes(low: int, high: int) -> bytes:
    return low.to_bytes(8, "little") + high.to_bytes(8, "little")
