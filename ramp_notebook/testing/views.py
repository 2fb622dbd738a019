"""Exact views: what a coalition of parties sees, over all random tapes and all inputs at once, must not depend on the others.

The protocol's own code runs once, on arrays in which every lane is one choice of inputs and tapes. Products, sums and XORs
modulo 2^64 stay what they are modulo 2^k, so small symbols show the distribution of the protocol over Z_2^k; a protocol over
a field is run with a tiny field. Equality of multisets is exact: no statistics, no false alarms.
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..protocols import circuits
from ..protocols.base import Protocol
from ..protocols.context import Context
from ..trace.recorder import Recorder
from ..values import bits as packed
from ..wire.memory import MemoryHub, MemoryLinks

MOST_LANES = 1 << 24


@dataclass(frozen=True)
class Program:
    """A primitive between inputs and a reveal, on one-element secrets.

    `owners` says whose each input is; `binary` whether inputs are bits. `run` gets the protocol and the inputs' shares and
    returns (share, binary) to reveal to `to` (indices of parties; nobody if empty), or None.
    """

    name: str
    owners: tuple[int, ...]
    run: Callable[[Any, list[Any]], tuple[Any, bool] | None]
    binary: bool = False
    to: tuple[int, ...] = ()
    symbols: int = 2  # arithmetic inputs and masks are enumerated modulo this


class LeakError(AssertionError):
    """Two inputs that a coalition must not tell apart give it different views."""


@dataclass
class _Tape:
    """The random variables of a run, by who draws them and in which order; each has a column of symbols."""

    lanes: int
    bases: dict[Any, int] = field(default_factory=dict)  # variable → how many symbols it has
    places: dict[Any, int] | None = None  # variable → lanes per symbol; None while the variables are being discovered
    lock: threading.Lock = field(default_factory=threading.Lock)

    def column(self, variable: Any, base: int) -> Any:
        with self.lock:
            self.bases[variable] = base
        if self.places is None:
            return np.zeros(self.lanes, np.uint64)
        return np.arange(self.lanes, dtype=np.uint64) // np.uint64(self.places[variable]) % np.uint64(base)


class TapeStream:
    """Stands for the key stream of a pair: every draw is a new variable, the same for both holders."""

    def __init__(self, tape: _Tape, key: Any, symbols: int):
        self._tape, self._key, self._symbols, self._drawn = tape, key, symbols, 0

    def words(self, shape: Any) -> Any:
        out = np.empty(shape if isinstance(shape, tuple) else (shape,), np.uint64)
        self.words_into(out)
        return out

    def words_into(self, out: Any) -> None:
        lanes = self._tape.lanes
        rows = out.reshape(-1, out.shape[-1])
        for row in rows:
            variable, self._drawn = (*self._key, self._drawn), self._drawn + 1
            if row.size == lanes:
                row[...] = self._tape.column(variable, self._symbols)
            elif row.size == packed.word_count(lanes):
                row[...] = packed.pack(self._tape.column(variable, 2).astype(bool))
            else:
                raise AssertionError(f"a draw of {row.size} words is neither one number nor one bit for each of {lanes} lanes")
        out[...] = rows.reshape(out.shape)

    def combine_into(self, operation: np.ufunc, out: Any) -> None:
        operation(out, self.words(out.shape), out=out)


class _TapeContext(Context):
    """A context whose streams read from the tape, and which keeps what it receives."""

    def __init__(self, links: Any, tape: _Tape, symbols: int):
        super().__init__(links, Recorder(clock=False), epoch=1)
        self._tape, self._symbols = tape, symbols
        self.received: list[Any] = []

    def _make_stream(self, peer: int) -> Any:
        return TapeStream(self._tape, (*sorted((self.index, peer)), self._path), self._symbols)

    def exchange(self, *args: Any, **kwargs: Any) -> dict[int, Any]:
        reply = super().exchange(*args, **kwargs)
        self.received += [np.array(reply[peer]) for peer in sorted(reply)]
        return reply


def check_views(
    protocol: type[Protocol],
    count: int,
    program: Program,
    coalitions: Sequence[Sequence[int]] | None = None,
    least_lanes: int = 256,
    choices: Sequence[Mapping[tuple[int, int], int]] = ({},),
    chosen: Callable[[Mapping[tuple[int, int], int]], AbstractContextManager[None]] = lambda choice: nullcontext(),
) -> int:
    """Raise LeakError if some coalition's view depends on more than its own inputs and outputs; how many lanes were looked at.

    Default coalitions: all of as many parties as the protocol tolerates. With fewer combinations than `least_lanes` all are
    repeated: protocols have ways of their own for few numbers and for many. What a lane cannot hold, such as a permutation of
    all rows, is enumerated by `choices`: by pair of parties, the symbol that these two know; `chosen` puts one in force.
    """
    if coalitions is None:
        coalitions = list(itertools.combinations(range(count), protocol.security.tolerated(count)))
    discovery = _Tape(least_lanes)
    with chosen(choices[0]):
        _run(protocol, count, program, discovery, [np.zeros(least_lanes, np.uint64)] * len(program.owners))
    base = 2 if program.binary else program.symbols
    variables = [*((("input", k), base) for k in range(len(program.owners))), *sorted(discovery.bases.items(), key=repr)]
    places, lanes = {}, 1
    for variable, size in variables:
        places[variable] = lanes
        lanes *= size
    if lanes > MOST_LANES:
        raise ValueError(f"{program.name} has {lanes:,} combinations of inputs and tapes; at most {MOST_LANES:,} are looked at")
    repeats = max(1, least_lanes // lanes)  # at least 256 lanes, so that a row of bits is never as long as a row of numbers
    tape = _Tape(lanes * repeats, places=places)
    inputs = [tape.column(("input", k), base) for k in range(len(program.owners))]
    permitted: list[list[list[Any]]] = [[] for _ in coalitions]  # coalition, choice, column
    views: list[list[list[Any]]] = [[] for _ in coalitions]
    for choice in choices:
        with chosen(choice):
            contexts, outputs = _run(protocol, count, program, tape, inputs)
        for k, coalition in enumerate(coalitions):
            known = [np.full(tape.lanes, symbol) for pair, symbol in choice.items() if set(pair) & set(coalition)]
            own = [tape.column(v, size) for v, size in variables if v[0] != "input" and (v[0] in coalition or v[1] in coalition)]
            came = [c for party in coalition for array in contexts[party].received for c in _columns(array, tape.lanes, program)]
            views[k].append([*known, *own, *came])
            results = [c for p in coalition if outputs[p] is not None for c in _columns(outputs[p], tape.lanes, program)]
            permitted[k].append([*(inputs[i] for i, owner in enumerate(program.owners) if owner in coalition), *results])
    for k, coalition in enumerate(coalitions):
        seen, view = ([np.concatenate(column) for column in zip(*each, strict=True)] for each in (permitted[k], views[k]))
        _compare(program, coalition, [np.tile(column, len(choices)) for column in inputs], seen, view)
    return tape.lanes * len(choices)


def _run(
    protocol: type[Protocol], count: int, program: Program, tape: _Tape, inputs: Sequence[Any]
) -> tuple[list[_TapeContext], list[Any]]:
    """Every party in a thread of its own, on all lanes at once."""
    hub = MemoryHub([f"party{i}" for i in range(count)])
    links = [MemoryLinks(hub, i) for i in range(count)]
    contexts = [_TapeContext(each, tape, program.symbols) for each in links]
    outputs: list[Any] = [None] * count
    errors: list[BaseException] = []

    def body(me: int) -> None:
        try:
            links[me].begin(1)
            outputs[me] = _party(protocol(contexts[me]), me, program, inputs, tape.lanes)
        except BaseException as error:
            errors.append(error)
            for each in links:
                each.abort(1)

    threads = [threading.Thread(target=body, args=(i,)) for i in range(count)]
    with np.errstate(over="ignore"), _one_piece(tape.lanes):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
    return contexts, outputs


@contextmanager
def _one_piece(lanes: int) -> Iterator[None]:
    """All lanes stand side by side in every message: circuits do not cut them."""
    usual, circuits.PIECE_WORDS = circuits.PIECE_WORDS, max(circuits.PIECE_WORDS, lanes)
    try:
        yield
    finally:
        circuits.PIECE_WORDS = usual


def _party(protocol: Protocol, me: int, program: Program, inputs: Sequence[Any], lanes: int) -> Any:
    shape = (packed.word_count(lanes),) if program.binary else (lanes,)
    shares = []
    for owner, values in zip(program.owners, inputs, strict=True):
        value = (packed.pack(values.astype(bool)) if program.binary else values) if me == owner else None
        shares.append(protocol.input(owner, value, shape, binary=program.binary))
    result = program.run(protocol, shares)
    if result is None or not program.to:
        return None
    share, binary = result
    return protocol.reveal(share, program.to, binary=binary)


def _columns(array: Any, lanes: int, program: Program) -> Iterator[Any]:
    """One column of symbols per number or bit that an array holds for each lane."""
    for row in np.asarray(array).reshape(-1, array.shape[-1]):
        yield row % np.uint64(program.symbols) if row.size == lanes else packed.unpack(row, lanes)


def _compare(program: Program, coalition: Sequence[int], inputs: Sequence[Any], seen: Sequence[Any], view: Sequence[Any]) -> None:
    """Among lanes of equal `seen`, the multiset of views must be the same for every choice of all inputs."""
    world, _ = _numbered(inputs, len(inputs[0]))
    permitted, groups = _numbered(seen, len(world))
    views, kinds = _numbered([*seen, *view], len(world))
    counts = np.bincount(world * kinds + views, minlength=(int(world.max()) + 1) * kinds).reshape(-1, kinds)
    for group in range(groups):
        lanes = permitted == group
        columns = np.unique(views[lanes])
        tables = [counts[w, columns] / counts[w, columns].sum() for w in np.unique(world[lanes])]
        if any(not np.array_equal(tables[0], table) for table in tables[1:]):
            who = " and ".join(f"party {i}" for i in coalition)
            raise LeakError(f"{program.name}: what {who} sees depends on inputs that it must not learn")


def _numbered(columns: Sequence[Any], lanes: int) -> tuple[Any, int]:
    """Each lane's combination of symbols as a number from 0, and how many combinations there are."""
    number, kinds = np.zeros(lanes, np.int64), 1
    for column in columns:
        values, inverse = np.unique(np.asarray(column, dtype=np.uint64), return_inverse=True)
        number, kinds = number * len(values) + inverse, kinds * len(values)
        if kinds > 1 << 20:
            _, number = np.unique(number, return_inverse=True)
            kinds = int(number.max()) + 1
    _, number = np.unique(number, return_inverse=True)
    return number, int(number.max()) + 1
