"""Exact views: what a coalition of parties sees, over all random tapes and all inputs at once, must not depend on the others.

The protocol's own code runs once, on arrays in which every lane is one choice of inputs and tapes. Products, sums and XORs
modulo 2^64 stay what they are modulo 2^k, so small symbols show the distribution of the protocol over Z_2^k; a protocol over
a field is run with a tiny field. Equality of multisets is exact: no statistics, no false alarms.
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..protocols import circuits
from ..protocols.base import Protocol
from ..values import bits as packed
from ..values.streams import Stream, derive_key
from ..wire.memory import MemoryHub, MemoryLinks
from .tape import SAMPLE, Tape, TapeContext

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
    cut: bool = False  # into pieces: circuits on several numbers a lane, one after the other, take each number of all lanes as a piece


class LeakError(AssertionError):
    """Two inputs that a coalition must not tell apart give it different views."""


def check_views(
    protocol: type[Protocol],
    count: int,
    program: Program,
    coalitions: Sequence[Sequence[int]] | None = None,
    least_lanes: int = 256,
    choices: Sequence[Mapping[tuple[int, ...], int]] = ({},),
    chosen: Callable[[Mapping[tuple[int, ...], int]], AbstractContextManager[None]] = lambda choice: nullcontext(),
    own_tapes: int | None = None,
) -> int:
    """Raise LeakError if some coalition's view depends on more than its own inputs and outputs; how many lanes were looked at.

    Default coalitions: all of as many parties as the protocol tolerates. With fewer combinations than `least_lanes` all are
    repeated: protocols have ways of their own for few numbers and for many. What a lane cannot hold, such as a permutation of
    all rows, is enumerated by `choices`: by parties, the symbol that these know; `chosen` puts one in force.

    A coalition knows its own tape, so views must be equal for each of its tapes by itself. Where all of them would be too
    many, `own_tapes` says for how many, drawn once and for all, everything else is enumerated: inputs and what the coalition
    does not know.
    """
    if coalitions is None:
        coalitions = list(itertools.combinations(range(count), protocol.security.tolerated(count)))
    discovery = Tape(least_lanes)
    with chosen(choices[0]):
        _run(protocol, count, program, discovery, [np.zeros(least_lanes, np.uint64)] * len(program.owners))
    drawn = sorted(discovery.bases.items(), key=repr)
    looked_at = 0
    for together in [coalitions] if own_tapes is None else [[coalition] for coalition in coalitions]:
        variables, samples = drawn, {}
        if own_tapes is not None:
            variables = [(SAMPLE, own_tapes), *(each for each in drawn if not _knows(together[0], each[0]))]
            samples = _sampled([each for each in drawn if _knows(together[0], each[0])], own_tapes)
        tape, inputs = _enumerated(program, variables, samples, least_lanes)
        runs = []
        for choice in choices:
            with chosen(choice):
                runs.append((choice, *_run(protocol, count, program, tape, inputs)))
        for coalition in together:
            known = [v for v, _ in variables if v == SAMPLE or _knows(coalition, v)]
            _check_coalition(program, coalition, tape, inputs, known, runs)
        looked_at += tape.lanes * len(choices)
    return looked_at


def _knows(coalition: Sequence[int], variable: Any) -> bool:
    """Variables begin with the parties that draw them."""
    return bool(set(variable[0]) & set(coalition))


def _sampled(variables: Sequence[tuple[Any, int]], tapes: int) -> dict[Any, Any]:
    """A column of as many symbols for each variable: the same in every test."""
    stream = Stream(derive_key(bytes(16), "a coalition's own tapes"))
    return {variable: stream.words((tapes,)) % np.uint64(base) for variable, base in variables}


def _enumerated(
    program: Program, variables: Sequence[tuple[Any, int]], samples: Mapping[Any, Any], least_lanes: int
) -> tuple[Tape, list[Any]]:
    """A tape with a lane for each combination of inputs and variables, and the inputs' columns."""
    base = 2 if program.binary else program.symbols
    every = [*((("input", k), base) for k in range(len(program.owners))), *variables]
    places, lanes = {}, 1
    for variable, size in every:
        places[variable] = lanes
        lanes *= size
    if lanes > MOST_LANES:
        raise ValueError(f"{program.name} has {lanes:,} combinations of inputs and tapes; at most {MOST_LANES:,} are looked at")
    repeats = max(1, least_lanes // lanes)  # at least 256 lanes, so that a row of bits is never as long as a row of numbers
    tape = Tape(lanes * repeats, dict(variables), places, samples)
    return tape, [tape.column(("input", k), base) for k in range(len(program.owners))]


def _check_coalition(
    program: Program,
    coalition: Sequence[int],
    tape: Tape,
    inputs: Sequence[Any],
    known: Sequence[Any],
    runs: Sequence[tuple[Any, Any, Any]],
) -> None:
    """Compare what a coalition sees, over all choices together."""
    permitted, views = [], []  # choice, column
    bases = dict(tape.bases)
    for choice, contexts, outputs in runs:
        told = [np.full(tape.lanes, symbol) for pair, symbol in choice.items() if set(pair) & set(coalition)]
        own = [tape.column(variable, bases[variable]) for variable in known]
        came = [c for party in coalition for array in contexts[party].received for c in _columns(array, tape.lanes, program)]
        views.append([*told, *own, *came])
        results = [c for p in coalition if outputs[p] is not None for c in _columns(outputs[p], tape.lanes, program)]
        permitted.append([*(inputs[i] for i, owner in enumerate(program.owners) if owner in coalition), *results])
    seen, view = ([np.concatenate(column) for column in zip(*each, strict=True)] for each in (permitted, views))
    _compare(program, coalition, [np.tile(column, len(runs)) for column in inputs], seen, view)


def _run(
    protocol: type[Protocol], count: int, program: Program, tape: Tape, inputs: Sequence[Any]
) -> tuple[list[TapeContext], list[Any]]:
    """Every party in a thread of its own, on all lanes at once."""
    hub = MemoryHub([f"party{i}" for i in range(count)])
    links = [MemoryLinks(hub, i) for i in range(count)]
    contexts = [TapeContext(each, tape, program.symbols) for each in links]
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
    with np.errstate(over="ignore"), _pieces(packed.word_count(tape.lanes), program.cut):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
    return contexts, outputs


@contextmanager
def _pieces(words: int, cut: bool) -> Iterator[None]:
    """All lanes stand side by side in every message: circuits cut between them, or not at all."""
    usual, circuits.PIECE_WORDS = circuits.PIECE_WORDS, words if cut else 1 << 40
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
    """One column of symbols per number or bit that an array holds for each lane. Fewer than 64 planes of bits may come flat."""
    array = np.asarray(array)
    width = lanes if array.shape[-1] % lanes == 0 else packed.word_count(lanes)
    for row in array.reshape(-1, width):
        yield row % np.uint64(program.symbols) if width == lanes else packed.unpack(row, lanes)


def _compare(program: Program, coalition: Sequence[int], inputs: Sequence[Any], seen: Sequence[Any], view: Sequence[Any]) -> None:
    """Among lanes of equal `seen`, the multiset of views must be the same for every choice of all inputs."""
    world, _ = _numbered(inputs, len(inputs[0]))
    permitted, groups = _numbered(seen, len(world))
    views, kinds = _numbered([*seen, *view], len(world))
    group_of = np.empty(kinds, np.int64)
    group_of[views] = permitted
    expected = np.full(kinds, np.nan)  # how often a view comes, of 1, in the first world of its group
    for w in range(int(world.max()) + 1):
        lanes = world == w
        total = np.bincount(permitted[lanes], minlength=groups)[group_of]
        share = np.divide(np.bincount(views[lanes], minlength=kinds), total, out=np.full(kinds, np.nan), where=total > 0)
        if np.any((share != expected) & ~np.isnan(share) & ~np.isnan(expected)):
            who = " and ".join(f"party {i}" for i in coalition)
            raise LeakError(f"{program.name}: what {who} sees depends on inputs that it must not learn")
        expected = np.where(np.isnan(expected), share, expected)


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
