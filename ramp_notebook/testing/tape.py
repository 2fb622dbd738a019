"""The random tape of an enumerated run: every draw is a variable, and every lane holds one combination of their symbols."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..protocols.context import Context
from ..trace.recorder import Recorder
from ..values import bits as packed

SAMPLE = ("sample",)  # the variable that says which of a coalition's sampled tapes it has


@dataclass
class Tape:
    """The random variables of a run, by who draws them and in which order; each has a column of symbols."""

    lanes: int
    bases: dict[Any, int] = field(default_factory=dict)  # variable → how many symbols it has
    places: dict[Any, int] | None = None  # variable → lanes per symbol; None while the variables are being discovered
    samples: Mapping[Any, Any] = field(default_factory=dict)  # variable → its symbol in each of the sampled tapes
    lock: threading.Lock = field(default_factory=threading.Lock)

    def column(self, variable: Any, base: int) -> Any:
        with self.lock:
            self.bases[variable] = base
        if self.places is None:
            return np.zeros(self.lanes, np.uint64)
        if variable in self.samples:
            return self.samples[variable][self.column(SAMPLE, len(self.samples[variable]))]
        return np.arange(self.lanes, dtype=np.uint64) // np.uint64(self.places[variable]) % np.uint64(base)


class TapeStream:
    """Stands for the key stream of some parties: every draw is a new variable, the same for all holders. Its key begins with them."""

    def __init__(self, tape: Tape, key: Any, symbols: int):
        self._tape, self._key, self._symbols, self._drawn = tape, key, symbols, 0

    def words(self, shape: Any) -> Any:
        out = np.empty(shape if isinstance(shape, tuple) else (shape,), np.uint64)
        self.words_into(out)
        return out

    def words_into(self, out: Any) -> None:
        lanes, words = self._tape.lanes, packed.word_count(self._tape.lanes)
        if out.shape[-1] % lanes and out.shape[-1] % words:
            raise AssertionError(f"a draw of {out.shape[-1]} words is neither numbers nor bits for each of {lanes} lanes")
        rows = out.reshape(-1, lanes if out.shape[-1] % lanes == 0 else words)
        for row in rows:
            variable, self._drawn = (*self._key, self._drawn), self._drawn + 1
            if row.size == lanes:
                row[...] = self._tape.column(variable, self._symbols)
            else:
                row[...] = packed.pack(self._tape.column(variable, 2).astype(bool))
        out[...] = rows.reshape(out.shape)

    def combine_into(self, operation: np.ufunc, out: Any) -> None:
        operation(out, self.words(out.shape), out=out)


class TapeContext(Context):
    """A context whose streams read from the tape, and which keeps what it receives."""

    def __init__(self, links: Any, tape: Tape, symbols: int):
        super().__init__(links, Recorder(clock=False), epoch=1)
        self._tape, self._symbols = tape, symbols
        self.received: list[Any] = []

    def _make_stream(self, peer: int) -> Any:
        return self._make_group_stream(tuple(sorted((self.index, peer))))

    def _make_group_stream(self, members: tuple[int, ...]) -> Any:
        return TapeStream(self._tape, (members, self._path), self._symbols)

    def exchange(self, *args: Any, **kwargs: Any) -> dict[int, Any]:
        reply = super().exchange(*args, **kwargs)
        self.received += [np.array(reply[peer]) for peer in sorted(reply)]
        return reply
