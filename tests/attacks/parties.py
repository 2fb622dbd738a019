"""Parties of one thread that take turns at every message: a cell with real data costs milliseconds, and a hang shows at once."""

import contextlib
import contextvars
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import greenlet
import numpy as np

from ramp_notebook.errors import ChannelError, CheatingDetected, PeerError
from ramp_notebook.protocols.context import Context
from ramp_notebook.runtime.cell import Cell, Outcome
from ramp_notebook.runtime.dealer import serve
from ramp_notebook.runtime.engine import Engine, digest_of
from ramp_notebook.runtime.results import EMPTY_RECORD
from ramp_notebook.trace.events import Trace
from ramp_notebook.trace.recorder import Recorder, merge_records
from ramp_notebook.wire.channel import DEALER
from ramp_notebook.wire.memory import MemoryHub, MemoryLinks

DONE, NOTICED, STUCK, CRASHED = "done", "noticed", "stuck", "crashed"


@dataclass
class End:
    """How a cell ended at one party, and what `mpc.reveal` had returned there until then."""

    how: str = STUCK
    seen: list[Any] = field(default_factory=list)
    problem: BaseException | None = None
    cheated: list[str] = field(default_factory=list)


class TurnLinks(MemoryLinks):
    """Memory links with the frames and checks of any others; who waits lets the others go on."""

    moves = 0  # messages sent and taken by everyone: whether anything moves

    def _send(self, *what: Any) -> None:
        TurnLinks.moves += 1
        super()._send(*what)

    def _await(self, peer: int, request: Any) -> tuple[bytes, Any]:
        queue = self._hub.queues[peer, self.index]
        while not self._first_of_run(queue):
            greenlet.getcurrent().parent.switch()
        TurnLinks.moves += 1
        _, head, array = queue.popleft()
        return head, array

    def listen(self, peer: int) -> bool:
        queue = self._hub.queues[peer, self.index]
        while not self._first_of_run(queue):
            greenlet.getcurrent().parent.switch()
        return True


Steps = list[tuple[str, tuple[str, ...]]]


def run_cell(
    names: Sequence[str],
    cell: Cell,
    recording: Mapping[Any, Any] | None = None,
    steps: tuple[int, Steps] | None = None,
    records: list[Recorder] | None = None,
) -> list[End]:
    """Run a cell at new parties. `recording` is what a party that replays has kept of an earlier run.

    `steps` names a party and takes the tag and receivers of every step in which it sends; `records` takes what all recorded.
    """
    hub = MemoryHub([*names, DEALER])
    links = [TurnLinks(hub, index) for index in range(len(names) + 1)]
    for each in links:
        each.begin(1)
    ends = [End() for _ in names]
    recorders = [Recorder(cell.filename, clock=False) for _ in names]
    if records is not None:
        records += recorders
    dealer = Context(links[-1], Recorder(clock=False), epoch=1)
    if steps is not None:
        _listen(links[steps[0]], steps[1])
    bodies = [_party(links[index], cell, ends[index], recorders[index], recording) for index in range(len(names))]
    with np.errstate(over="ignore"):
        _take_turns(bodies, lambda: serve(dealer))
    return ends


def _party(links: MemoryLinks, cell: Cell, end: End, recorder: Recorder, recording: Mapping[Any, Any] | None) -> Callable[[], None]:
    engine = Engine(links)
    session = engine.session
    reveal = session.reveal
    if recording is not None:
        session._recording = recording  # type: ignore[assignment]

    def seeing(x: Any, to: Any = None) -> Any:
        value = reveal(x, to)
        end.seen.append(value)
        return value

    def body() -> None:
        recorder.notify = lambda kind, what: None
        try:
            engine._execute(cell, 1, [{} for _ in links.names[:-1]], recorder, {}, Outcome("ok"))
            end.how = DONE
        except (ChannelError, PeerError) as problem:
            judged = engine._judged(problem)
            end.how, end.problem = NOTICED if isinstance(judged, CheatingDetected) else CRASHED, judged
        except Exception as problem:
            end.how, end.problem = CRASHED, problem
        end.cheated = session.cheated

    session.reveal = seeing  # type: ignore[method-assign]
    return body


def _take_turns(bodies: Sequence[Callable[[], None]], dealer: Callable[[], None]) -> None:
    """Until all have ended or nothing moves."""
    workers = [greenlet.greenlet(body) for body in (*bodies, dealer)]
    for worker in workers:
        worker.gr_context = contextvars.copy_context()  # where numpy keeps that rings may wrap
    moved = True
    try:
        while moved and not all(worker.dead for worker in workers[:-1]):
            before = (TurnLinks.moves, sum(worker.dead for worker in workers))
            for worker in workers:
                if not worker.dead:
                    worker.switch()
            moved = before != (TurnLinks.moves, sum(worker.dead for worker in workers))
    finally:
        for worker in workers:
            with contextlib.suppress(greenlet.GreenletExit):
                if not worker.dead:
                    worker.throw(greenlet.GreenletExit)


def trace_of(names: Sequence[str], records: Sequence[Recorder]) -> Trace:
    """Of a run without a dealer's part."""
    return merge_records([*names, DEALER], [*(record.party_record() for record in records), EMPTY_RECORD])


def _listen(links: MemoryLinks, steps: Steps) -> None:
    """Note every step in which the party of these links sends to others."""
    exchange = links.exchange

    def noting(requests: Sequence[Any], round: int) -> Any:
        for request in requests:
            to = tuple(links.names[peer] for peer in sorted(request.sends) if links.names[peer] != DEALER)
            if to:
                steps.append((request.tag, to))
        return exchange(requests, round)

    links.exchange = noting  # type: ignore[method-assign]


def same(one: Any, other: Any, *, unordered: bool = False) -> bool:
    """Whether two revealed values are alike; of shuffled ones only what is in them counts."""
    if unordered and isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        one, other = np.sort(one, axis=None), np.sort(other, axis=None)
    return digest_of(one) == digest_of(other)
