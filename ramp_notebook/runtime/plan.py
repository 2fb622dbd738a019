"""Plans a cell: the same code runs once per party, in one process, on shapes without data.

The parties are greenlets that meet at every exchange, so that rounds, bytes, lines and gadgets come out exactly as in a
run. No cost table is written by hand, so none can drift.
"""

import contextlib
import functools
import importlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import greenlet
import numpy as np

from .. import registry
from ..errors import MisuseError, ProgramMismatch
from ..protocols import planes as packed
from ..protocols.context import Context
from ..protocols.security import Label
from ..secret.array import SecretArray
from ..secret.inputs import parse_dtype
from ..trace.events import Trace
from ..trace.recorder import Recorder, merge_records
from ..values.encoding import BOOL
from ..values.shaped import ShapedArray
from ..wire.channel import DEALER, Received, Request, framing_bytes, parties_of
from .cell import Cell, Description, chosen_source
from .dealer import serve
from .engine import Engine, describe, remember_source, run_helpers, run_text
from .failures import from_report
from .results import with_dealer

NUMPY_DTYPES = {"int64": np.int64, "fixed": np.float64, "bool": np.bool_, "text": np.dtype("U15")}


@dataclass(frozen=True)
class Plan:
    """What a cell would do at these sizes: a Trace without times, and the label its result would have."""

    trace: Trace
    label: Label
    supplies: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # of correlated randomness: made, used, left


Mail = dict[tuple[int, int], list[tuple[str, int, tuple[int, ...], int, Any]]]  # tag, round, shape, line, content if known


class PlanLinks:
    """Links of one planned party: an exchange hands shapes to the peers and waits, as a greenlet, for theirs."""

    def __init__(self, index: int, names: Sequence[str], mail: Mail):
        self.index, self.names, self.mail = index, names, mail
        self._carried: dict[int, int] = {}

    def exchange(self, requests: Sequence[Request], round: int) -> list[dict[int, Received]]:
        for request in requests:
            for peer, array in request.sends.items():
                known = array if self.names[peer] == DEALER else None  # what is asked of the dealer is public, in a plan too
                self.mail.setdefault((self.index, peer), []).append((request.tag, round, tuple(array.shape), request.line, known))
                self._carried[peer] = self._carried.get(peer, 0) + array.nbytes + framing_bytes(array.nbytes)
        return [
            {peer: self._receive(peer, request, tuple(expect.shape), expect.dtype) for peer, expect in request.receives.items()}
            for request in requests
        ]

    def _receive(self, peer: int, request: Request, shape: tuple[int, ...], dtype: Any) -> Received:
        queue = self.mail.setdefault((peer, self.index), [])
        self._wait(peer, request)
        tag, round, came, line, known = queue.pop(0)
        if (tag, came) != (request.tag, shape):
            raise ProgramMismatch(
                f"{self.names[self.index]} expects `{request.tag}` of shape {shape} at line {request.line}, "
                f"{self.names[peer]} sends `{tag}` of shape {came} at line {line}"
            )
        return Received(ShapedArray(shape, dtype) if known is None else known, round)

    def listen(self, peer: int) -> bool:
        self._wait(peer, Request("request"))
        return True

    def _wait(self, peer: int, request: Request) -> None:
        queue, asked = self.mail.setdefault((peer, self.index), []), (peer, request)
        while not queue:
            greenlet.getcurrent().parent.switch(asked)

    def pair_seed(self, peer: int) -> bytes:
        return bytes(32)  # a plan draws shapes, not numbers

    def carried_bytes(self) -> dict[int, int]:
        return self._carried


def plan_cell(
    cell: Cell,
    names: Sequence[str],
    directory: Sequence[Mapping[str, Description]] = (),
    *,
    public: Mapping[str, Any] | None = None,
    shapes: Mapping[int, Mapping[str, tuple[int, ...] | Description]] | None = None,
    reveals: Sequence[Any] | None = None,
    kept: Mapping[str, dict[str, Any]] | None = None,
) -> Plan:
    """Run `cell` on shapes.

    `directory` says what each party's namespace holds; `public` gives the plain values that all parties share; `shapes`
    adds or overrides inputs by size, or by size and type as a Description; `reveals` replays what a recorded run
    of random pattern revealed; `kept` says by protocol what is public of what it keeps from earlier cells.
    """
    registry.protocols[cell.protocol].check_parties(len(names))
    known = [announced(i, directory, cell, shapes or {}) for i in range(len(names))]
    mail: Mail = {}
    everyone = (*names, DEALER)
    parties = [PlannedParty(PlanLinks(i, everyone, mail), cell, known, public or {}, reveals, kept or {}) for i in range(len(names))]
    dealer = Context(PlanLinks(len(names), everyone, mail), Recorder(clock=False), epoch=1, planned=True)
    with contextlib.redirect_stdout(io.StringIO()):
        _drive([party.run for party in parties], everyone, functools.partial(serve, dealer))
    records = [party.recorder.party_record() for party in parties]
    names, records = with_dealer(names, records, dealer.recorder.party_record())
    trace = merge_records(names, records, source=cell.source, planned=True)
    session = parties[0].engine.session
    return Plan(trace, session.label, session.supplies())


def announced(
    index: int,
    directory: Sequence[Mapping[str, Description]],
    cell: Cell,
    shapes: Mapping[int, Mapping[str, tuple[int, ...] | Description]],
) -> dict[str, Description]:
    known = dict(directory[index]) if index < len(directory) else {}
    known.update({name: describe(value) for name, value in cell.inputs.get(index, {}).items()})
    for name, given in shapes.get(index, {}).items():
        shape, dtype = (given.shape, given.dtype) if isinstance(given, Description) else (given, "")
        before = known[name].dtype if name in known and known[name].kind == "private" else "int64"
        known[name] = Description("private", dtype or before, tuple(shape))
    return known


def _drive(bodies: Sequence[Any], names: Sequence[str], dealer: Callable[[], None] | None = None) -> None:
    """Let the parties take turns until all end; whoever waits for a message that nobody will send has a mismatch."""
    workers = [greenlet.greenlet(body) for body in (*bodies, *([dealer] if dealer else []))]
    waiting: dict[int, tuple[int, Request]] = {}
    try:
        while any(not w.dead for w in workers[: len(bodies)]):
            moved = False
            for i, worker in enumerate(workers):
                if not worker.dead:
                    before, asked = waiting.pop(i, None), worker.switch()
                    moved = moved or worker.dead or asked is not before
                    if not worker.dead:
                        waiting[i] = asked
            if not moved:
                party = min(waiting)
                peer, request = waiting[party]
                raise ProgramMismatch(
                    f"{names[party]} waits for `{request.tag}` from {names[peer]} at line {request.line}, which {names[peer]} never sends"
                )
    finally:
        for worker in workers:
            if not worker.dead:
                worker.throw(greenlet.GreenletExit)


class PlannedParty:
    """One party that runs the cell on shapes."""

    def __init__(
        self,
        links: Any,
        cell: Cell,
        directory: Sequence[Mapping[str, Description]],
        public: Mapping[str, Any],
        reveals: Sequence[Any] | None,
        kept: Mapping[str, dict[str, Any]],
    ):
        self.links, self.cell, self.directory, self.public, self.reveals = links, cell, directory, public, reveals
        self.recorder = Recorder(cell.filename, clock=False)
        self.engine = Engine(links)
        for name, state in kept.items():
            self.engine.session.kept[name] = registry.protocols[name].of_public_state(state, len(parties_of(links.names)))

    def run(self) -> None:
        scope = self._begin()
        self.engine.session.protocol.prepare(self.cell.needs, all_of_it=self.cell.stocking)
        self._execute(scope)

    def count_needs(self) -> dict[Any, int]:
        """Run it for what it asks of correlated randomness."""
        scope = self._begin()
        needs = self.engine.session.protocol.count_needs()
        self._execute(scope)
        return dict(needs)

    def _begin(self) -> dict[str, Any]:
        cell, session = self.cell, self.engine.session
        remember_source(cell.filename, cell.source)
        scope: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
        context = Context(
            self.links, self.recorder, epoch=1, planned=True, preprocessing=chosen_source(cell), garbling=cell.garbling, store=cell.store
        )
        session.begin(context, cell.protocol, scope, self.directory, ())
        session.replayed_reveals = _unending(self.reveals)
        for name, description in self.directory[self.links.index].items():
            if name not in self.public:
                _materialise(scope, name, description, session)
        scope.update(self.public)
        for name, value in self.engine.cell_names(self.directory, scope).items():
            scope.setdefault(name, value)
        return scope

    def _execute(self, scope: dict[str, Any]) -> None:
        cell = self.cell
        try:
            if cell.helpers:
                run_helpers(cell, scope)
            run_text(cell, scope)
            self.engine.session.end()
        except Exception as problem:  # told as a run tells it
            error = from_report(self.links.names[self.links.index], self.engine.report(problem, cell, self.recorder))
            error.add_note("while planning: on shapes, without data")
            raise error from None


def _unending(reveals: Sequence[Any] | None) -> Iterator[Any] | None:
    return None if reveals is None else iter(reveals)


def _materialise(scope: dict[str, Any], name: str, description: Description, session: Any) -> None:
    """Bind a stand-in for what a party's namespace holds under `name`; skip what a plan cannot know."""
    if description.kind == "private" and description.dtype in NUMPY_DTYPES:
        scope[name] = ShapedArray(description.shape, NUMPY_DTYPES[description.dtype])
    elif description.kind == "secret":
        dtype = parse_dtype(description.dtype)
        binary = dtype is BOOL or description.domain == "binary"
        components = registry.protocols[description.protocol].components(len(session.parties), binary=binary)
        inner = (packed.word_count(int(np.prod(description.shape))),) if dtype is BOOL else description.shape
        secret = SecretArray(session, ShapedArray((components, *inner)), description.shape, dtype, description.domain)
        secret.epoch, secret.protocol_name = 0, description.protocol  # of an earlier cell, as in a run
        scope[name] = secret
    elif description.kind == "module":
        scope[name] = importlib.import_module(description.text)
    elif description.kind == "imported":
        module, _, origin = description.text.partition(":")
        scope[name] = getattr(importlib.import_module(module), origin)
    elif description.kind == "function" and description.text:
        with contextlib.suppress(SyntaxError, NameError, MisuseError):  # a method or a lambda inside an expression: a plan can do without
            exec(description.text, scope)
