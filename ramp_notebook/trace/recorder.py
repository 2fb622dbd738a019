"""Collects one party's events while a cell runs: the two seams (spans and exchanges) write here and nowhere else."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from operator import attrgetter
from time import monotonic, thread_time
from types import FrameType
from typing import Any

from ..wire.channel import Links, Received, Request, framing_bytes
from .events import ONLINE, Exchange, Message, Span, Trace

PROGRESS_SECONDS = 0.25
ESTIMATE_SECONDS = 1e-4  # longer stretches between two clock readings are read from the true CPU clock
MOST_ESTIMATES = 64
SMALL_BYTES = 1 << 16


class Recorder:
    """One party's event lists for one cell, and where in the cell the party is now.

    Hot: an exchange appends one plain tuple. `party_record()` gives the lists as plain data for the control pipe.
    """

    def __init__(self, cell_filename: str = "", clock: bool = True):
        self.cell_filename = cell_filename
        self.clock = clock
        self.spans: list[list[Any]] = []  # [parent, name, line, phase, wall0, cpu0, wall1, cpu1]
        self.exchanges: list[tuple[float, float, float, float]] = []  # (wall0, wall1, cpu0, cpu1)
        self.sent: list[tuple[Any, ...]] = []  # (receiver, round, payload, span, line, phase, tag, exchange)
        self.received: list[tuple[int, int]] = []  # (sender, exchange)
        self.span, self.line, self.phase = -1, 0, ONLINE
        self.round, self.sent_bytes = 0, 0
        self.failed: tuple[str, ...] = ()  # open spans when the first exception passed, outermost first
        self.notify: Callable[[str, object], None] | None = None  # tells the coordinator, now and then, how far we are
        self.notified_seconds = 0.0
        self._wall, self._cpu, self._estimates = 0.0, 0.0, 0
        self.wall_origin, self.cpu_origin = monotonic(), thread_time()

    def cell_line(self) -> int:
        """Line of the cell that is executing now: the innermost frame whose code is the cell's text."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == self.cell_filename:
                return frame.f_lineno
            frame = frame.f_back
        return self.line

    @contextlib.contextmanager
    def in_phase(self, phase: str) -> Iterator[None]:
        """A context in which everything that happens belongs to `phase`, online or preprocessing."""
        outer, self.phase = self.phase, phase
        try:
            yield
        finally:
            self.phase = outer

    def path(self) -> tuple[str, ...]:
        """Names of the open spans, outermost first."""
        names, span = [], self.span
        while span >= 0:
            names.append(self.spans[span][1])
            span = self.spans[span][0]
        return tuple(reversed(names))

    def now(self) -> tuple[float, float]:
        """Wall and CPU seconds since the cell began.

        Reading a thread's CPU clock is a system call that can cost more than a small step takes. Between readings that
        are close together the party is taken to compute all the time; every so often the true clock is read.
        """
        if not self.clock:
            return 0.0, 0.0
        wall = monotonic() - self.wall_origin
        elapsed = wall - self._wall
        self._estimates += 1
        if elapsed > ESTIMATE_SECONDS or self._estimates > MOST_ESTIMATES:
            return wall, self._read_cpu(wall)
        self._wall = wall
        self._cpu = cpu = self._cpu + elapsed
        return wall, cpu

    def after_waiting(self, exact: bool) -> tuple[float, float]:
        """The clocks after an exchange: its own CPU time is read only if it was large enough to matter."""
        if not self.clock:
            return 0.0, 0.0
        wall = monotonic() - self.wall_origin
        if exact:
            return wall, self._read_cpu(wall)
        self._wall = wall
        return wall, self._cpu

    def _read_cpu(self, wall: float) -> float:
        self._estimates, self._wall = 0, wall
        self._cpu = max(self._cpu, thread_time() - self.cpu_origin)
        return self._cpu

    def party_record(self) -> dict[str, Any]:
        return {"spans": self.spans, "exchanges": self.exchanges, "sent": self.sent, "received": self.received}


class OpenSpan:
    """A context in which everything that happens is attributed to `name`; remembers the path of the first exception that passes."""

    __slots__ = ("_name", "_outer", "_outer_line", "_recorder", "_span")

    def __init__(self, recorder: Recorder, name: str):
        self._recorder, self._name = recorder, name

    def __enter__(self) -> None:
        recorder = self._recorder
        self._outer, self._outer_line = recorder.span, recorder.line
        line = recorder.line = recorder.cell_line()
        spans = recorder.spans
        recorder.span = len(spans)
        wall, cpu = recorder.now()
        self._span = [self._outer, self._name, line, recorder.phase, wall, cpu, 0.0, 0.0]
        spans.append(self._span)

    def __exit__(self, kind: Any, problem: Any, traceback: Any) -> None:
        recorder = self._recorder
        if kind is not None and not recorder.failed:
            recorder.failed = recorder.path()
        self._span[6], self._span[7] = recorder.now()
        recorder.span, recorder.line = self._outer, self._outer_line


class RecordingLinks:
    """Links that record: same interface in and out, one job. Also numbers the rounds."""

    def __init__(self, links: Links, recorder: Recorder):
        self.links, self.recorder = links, recorder

    def exchange(self, requests: Sequence[Request], round: int = 0) -> list[dict[int, Received]]:
        recorder = self.recorder
        if len(requests) > 1 and not any(request.sends or request.receives for request in requests):
            return [{} for _ in requests]
        round, index, sent_bytes = recorder.round + 1, len(recorder.exchanges), 0
        for request in requests:
            for peer, array in request.sends.items():
                size = array.nbytes
                recorder.sent.append((peer, round, size, request.span, request.line, request.phase, request.tag, index))
                sent_bytes += size
        recorder.sent_bytes += sent_bytes
        wall0, cpu0 = recorder.now()
        replies = self.links.exchange(requests, round)
        wall1, cpu1 = recorder.after_waiting(sent_bytes > SMALL_BYTES)
        recorder.exchanges.append((wall0, wall1, cpu0, cpu1))
        for reply in replies:
            for peer, received in reply.items():
                recorder.received.append((peer, index))
                if received.round > recorder.round:
                    recorder.round = received.round
        if recorder.notify is not None and wall1 - recorder.notified_seconds > PROGRESS_SECONDS:
            recorder.notified_seconds = wall1
            recorder.notify("progress", (recorder.path(), recorder.round, recorder.sent_bytes))
        return replies


def merge_records(
    parties: Sequence[str], records: Sequence[dict[str, Any]], *, source: str = "", planned: bool = False, seconds: float = 0.0
) -> Trace:
    """Join the parties' records into one Trace, pairing the k-th message sent with the k-th received."""
    arrivals: list[list[list[int]]] = [[[] for _ in parties] for _ in parties]  # by sender and receiver
    for receiver, record in enumerate(records):
        for sender, exchange in record["received"]:
            arrivals[sender][receiver].append(exchange)
    messages = []
    for sender, record in enumerate(records):
        sequences, came = [count() for _ in parties], [iter(each) for each in arrivals[sender]]
        for receiver, round, payload, span, line, phase, tag, exchange in record["sent"]:
            sequence, received_at, framing = next(sequences[receiver]), next(came[receiver], -1), framing_bytes(payload)
            messages.append(Message(sender, receiver, sequence, round, payload, framing, span, line, phase, tag, exchange, received_at))
    messages.sort(key=attrgetter("sent_at", "sender"))
    spans = tuple(
        Span(party, id, parent, name, line, phase, wall0, wall1, cpu0, cpu1)
        for party, record in enumerate(records)
        for id, (parent, name, line, phase, wall0, cpu0, wall1, cpu1) in enumerate(record["spans"])
    )
    exchanges = tuple(
        Exchange(party, index, *times) for party, record in enumerate(records) for index, times in enumerate(record["exchanges"])
    )
    return Trace(tuple(parties), spans, exchanges, tuple(messages), source, planned, seconds)
