"""Owns one party's stock on disk: chunks of correlated randomness, and the journal that says which of them are spent.

In the store's folder lie `journal` and the chunks, all encrypted. The key lies elsewhere, with a counter that follows the
journal: in `ramp_notebook/stocks` of the user's configuration folder ($XDG_CONFIG_HOME, or ~/.config). The journal is on
the disk before a chunk is read, so that a chunk that was used is never there again; then the counter, so that a
folder that comes back from a backup is behind it. See `opening` for what the parties compare.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from ...errors import MisuseError
from .sealed import KEY_BYTES, Unreadable, lock, make_folder, read_sealed, write_sealed, write_whole

Kind = tuple[Any, ...]
STORED: tuple[Kind, ...] = (("triples",), ("bit_triples",), ("dabits",))  # kinds that any later step can use
FORMAT = "ramp stock 1"

FINE, EMPTY, NO_KEY, CHANGED, BEHIND, FOREIGN, IN_USE = range(7)
REASONS = {
    EMPTY: "is missing, though others have theirs",
    NO_KEY: "has no key in the configuration folder here",
    CHANGED: "is damaged or was changed",
    BEHIND: "is an older copy, from a backup perhaps: some of it has been used since",
    FOREIGN: "was made by another party, for other parties, or from another source",
    IN_USE: "is in use by another process",
}


class Store:
    """One party's part of a stock. State is what the journal on the disk says; `status` is one of the codes above."""

    def __init__(self, folder: Path, parties: Sequence[str], index: int, source: str):
        self.owner = {"format": FORMAT, "parties": list(parties), "index": index, "source": source}
        self.folder = folder / source / parties[index]
        self._party = parties[index]
        self._lock: IO[Any] | None = None
        self.load()

    # -- what there is -------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read the journal anew and judge it."""
        self.id, self.serial, self.epoch, self.known = b"", 0, 0, 0
        self.spent: dict[Kind, int] = dict.fromkeys(STORED, 0)  # items are numbered as they are made, and spent in that order
        self.made: dict[Kind, int] = dict.fromkeys(STORED, 0)
        self._chunks: dict[Kind, list[Chunk]] = {kind: [] for kind in STORED}  # those with items that are not spent
        self.status = self._read()

    def _read(self) -> int:
        journal = self.folder / "journal"
        if not journal.exists():
            return CHANGED if any(self.folder.glob("*.chunk")) else EMPTY
        try:
            self.id = bytes.fromhex((self.folder / "id").read_text())
        except (OSError, ValueError):
            return CHANGED
        try:
            self._key = (self.keys / "key").read_bytes()
            counter = int((self.keys / "counter").read_text())
        except (OSError, ValueError):
            return NO_KEY
        if not self._locks():
            return IN_USE
        try:
            state = json.loads(read_sealed(journal, self._key, self.id))
        except Unreadable:
            return CHANGED
        if state["owner"] != self.owner:
            return FOREIGN
        self.serial, self.epoch, self.known = state["serial"], state["epoch"], state["known"]
        for kind, (spent, made, chunks) in zip(STORED, state["stock"], strict=True):
            self.spent[kind], self.made[kind], self._chunks[kind] = spent, made, [Chunk(*chunk) for chunk in chunks]
        if self.serial < counter:
            return BEHIND
        return FINE if all(self._path(kind, chunk).exists() for kind in STORED for chunk in self._chunks[kind]) else CHANGED

    def count(self, kind: Kind) -> int:
        return self.made[kind] - self.spent[kind]

    # -- opening -------------------------------------------------------------------------------------------------------

    def create(self, id: bytes) -> None:
        """Begin an empty stock with a key of its own."""
        make_folder(self.folder)
        self._chunks = {kind: [] for kind in STORED}
        self._sweep()
        (self.folder / "journal").unlink(missing_ok=True)  # of a stock that was never used; from here on there is none
        self.id, self._key = id, os.urandom(KEY_BYTES)
        make_folder(self.keys)
        self._locks()
        write_whole(self.keys / "key", self._key)
        write_whole(self.keys / "counter", b"0")
        write_whole(self.folder / "id", id.hex().encode())
        self.settle(1, 0, dict.fromkeys(STORED, (0, 0)))

    def settle(self, epoch: int, known: int, stock: Mapping[Kind, tuple[int, int]]) -> None:
        """Begin an epoch with the items of each kind that all parties have, from first to end; others are gone."""
        for kind, (first, end) in stock.items():
            self.spent[kind], self.made[kind] = first, end
        self.epoch, self.known, self.status = epoch, known, FINE
        self._write_journal()
        self._sweep()

    # -- in and out ----------------------------------------------------------------------------------------------------

    def add(self, kind: Kind, arrays: Sequence[Any]) -> None:
        """Append a chunk: it is on the disk before the journal knows of it."""
        chunk = Chunk(self.made[kind], len(arrays[0]), self.epoch)
        content = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
        write_sealed(self._path(kind, chunk), self._key, self._place(kind, chunk), content)
        self._chunks[kind].append(chunk)
        self.made[kind] = chunk.end
        self._touch()

    def withdraw(self, kind: Kind, count: int, shapes: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The next `count` items, in parts. They are spent before they are read."""
        first, chunks = self.spent[kind], list(self._chunks[kind])
        self.spent[kind] = end = first + count
        self._touch()
        parts = []
        for chunk in chunks:
            if chunk.start < end:
                arrays = self._open(kind, chunk, shapes)
                parts.append(tuple(array[max(0, first - chunk.start) : end - chunk.start].copy() for array in arrays))
        self._sweep()
        return parts

    def _open(self, kind: Kind, chunk: "Chunk", shapes: Sequence[Any]) -> list[Any]:
        path = self._path(kind, chunk)
        try:
            content = read_sealed(path, self._key, self._place(kind, chunk))
        except Unreadable as problem:
            raise MisuseError(f"{path} is damaged or was changed; what was to be taken from it counts as spent.") from problem
        arrays, start = [], 0
        for item in shapes:
            shape = (chunk.size, *item.shape)
            arrays.append(np.frombuffer(content, item.dtype, math.prod(shape), start).reshape(shape))
            start += arrays[-1].nbytes
        return arrays

    def _touch(self) -> None:
        self.known = self.epoch
        self._write_journal()

    def _write_journal(self) -> None:
        """The journal first: a crash in between leaves it ahead of the counter, never behind."""
        self.serial += 1
        for kind in STORED:
            self._chunks[kind] = [chunk for chunk in self._chunks[kind] if self.spent[kind] < chunk.end <= self.made[kind]]
        stock = [[self.spent[kind], self.made[kind], self._chunks[kind]] for kind in STORED]
        state = {"owner": self.owner, "serial": self.serial, "epoch": self.epoch, "known": self.known, "stock": stock}
        write_sealed(self.folder / "journal", self._key, self.id, json.dumps(state).encode())
        write_whole(self.keys / "counter", str(self.serial).encode())

    def _sweep(self) -> None:
        """Remove chunks of which the journal knows nothing any more."""
        known = {self._path(kind, chunk) for kind in STORED for chunk in self._chunks[kind]}
        for path in set(self.folder.glob("*.chunk*")) - known:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let other processes have this stock."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _locks(self) -> bool:
        """Keep every other process from this stock until this party ends."""
        if self._lock is None or self._lock.name != str(self.keys / "lock"):
            self._lock = lock(self.keys / "lock")
        return self._lock is not None

    # -- places --------------------------------------------------------------------------------------------------------

    @property
    def keys(self) -> Path:
        return key_folder() / self.id.hex() / self._party

    def _path(self, kind: Kind, chunk: "Chunk") -> Path:
        return self.folder / f"{kind[0]}-{chunk.start}.chunk"

    def _place(self, kind: Kind, chunk: "Chunk") -> bytes:
        return json.dumps([self.id.hex(), self.owner, kind, chunk]).encode()


class Chunk(NamedTuple):
    """Where a file's items stand among all of their kind, and the epoch in which they were made."""

    start: int
    size: int
    epoch: int

    @property
    def end(self) -> int:
        return self.start + self.size


def key_folder() -> Path:
    """Where keys and counters of stocks are: not where the stocks are, so that a copy of those alone is worth nothing."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "ramp_notebook" / "stocks"
