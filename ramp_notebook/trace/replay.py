"""Replay: how long a recorded or planned Trace would take on another network, and what it would wait for.

A discrete-event simulation, linear in the number of events. Each party computes between its exchanges (CPU time, so that
crowded cores do not distort), then everything it sends shares its uplink in the order of sending. CPU time *inside* an
exchange overlaps the sending, as streamed blocks do: the last byte leaves when both are done. A message arrives a
latency later, in order with those before it; an exchange ends when all that it awaits has come. A plan has no times:
its replay counts messages alone. Computing after the last exchange counts as far as a gadget did it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import MisuseValueError
from ..wire.network import NetworkModel, network
from .cost import Path, span_paths
from .events import Message, Trace
from .units import counted, path_text, readable_seconds

NO_MESSAGE = -1


@dataclass(frozen=True, slots=True)
class Hop:
    """One stretch of the critical path: `party` computes, or sends to `peer` (then `peer` is not empty)."""

    party: str
    peer: str
    start_seconds: float
    end_seconds: float
    gadget: Path
    line: int
    round: int = 0
    wire_bytes: int = 0

    @property
    def seconds(self) -> float:
        return self.end_seconds - self.start_seconds


@dataclass(frozen=True)
class Replay:
    """A prediction. The hops of the critical path follow each other without gaps, from 0 to `seconds`."""

    network: NetworkModel
    seconds: float
    finish_seconds: dict[str, float]
    critical_path: tuple[Hop, ...]
    exchange_seconds: tuple[tuple[tuple[float, float], ...], ...]  # party → exchange → (start, end)
    planned: bool
    computing: bool  # whether the parties' own computing is included

    @property
    def compute_seconds(self) -> float:
        """Computing on the critical path."""
        return sum(hop.seconds for hop in self.critical_path if not hop.peer)

    @property
    def message_seconds(self) -> float:
        """Messages on the critical path."""
        return sum(hop.seconds for hop in self.critical_path if hop.peer)

    def waits(self) -> list[tuple[Path, int, float, int]]:
        """What the critical path consists of, longest first: (gadget path, cell line, seconds, messages)."""
        sums: dict[tuple[Path, int], tuple[float, int]] = {}
        for hop in self.critical_path:
            seconds, messages = sums.get((hop.gadget, hop.line), (0.0, 0))
            sums[hop.gadget, hop.line] = seconds + hop.seconds, messages + bool(hop.peer)
        rows = [(path, line, seconds, messages) for (path, line), (seconds, messages) in sums.items()]
        return sorted(rows, key=lambda row: (-row[2], row[1], row[0]))

    def __str__(self) -> str:
        hops = counted(len(self.critical_path), "hop")
        parts = f"{readable_seconds(self.compute_seconds)} computing and {readable_seconds(self.message_seconds)} in messages"
        lines = [self.network.describe(), f"predicted {readable_seconds(self.seconds)}: {parts} along a critical path of {hops}"]
        for path, line, seconds, messages in self.waits()[:5]:
            where = f"line {line}" if line else "no line"
            lines.append(f"  {readable_seconds(seconds):>8}  {where:8}  {path_text(path)}  ({counted(messages, 'message')})")
        if not self.computing:
            lines.append("messages alone: " + ("a plan has no computing times" if self.planned else "computing is left out"))
        return "\n".join(lines)

    __repr__ = __str__


def replay(trace: Trace, on: str | NetworkModel, *, compute: bool = True) -> Replay:
    """Re-time `trace` on a network. With `compute=False` the result depends on sizes alone and is the same at every run."""
    return _Simulation(trace, network(on), compute and not trace.planned).run()


class _Simulation:
    """State of one replay, indexed [party][exchange]; messages by their position in the trace."""

    def __init__(self, trace: Trace, model: NetworkModel, compute: bool):
        self.trace, self.model, self.compute = trace, model, compute
        self.parties = range(len(trace.parties))
        steps = _exchange_counts(trace)
        self.sends: list[list[list[int]]] = [[[] for _ in range(n)] for n in steps]
        self.missing = [[0] * n for n in steps]  # awaited messages that are still to come
        for position, message in enumerate(trace.messages):
            self.sends[message.sender][message.sent_at].append(position)
            if message.received_at >= 0:
                self.missing[message.receiver][message.received_at] += 1
        self.gap = [[0.0] * n for n in steps]
        self.inside = [[0.0] * n for n in steps]
        self.tail = [0.0 for _ in steps]
        if compute:
            self._read_clocks()
        self.start = [[-1.0] * n for n in steps]
        self.end = [[-1.0] * n for n in steps]
        self.latest = [[(-1.0, NO_MESSAGE)] * n for n in steps]  # last arrival so far, and which message it was
        self.left = [0.0] * len(trace.messages)  # when the sender had produced and handed over the last byte

    def _read_clocks(self) -> None:
        before = [0.0 for _ in self.parties]
        for exchange in self.trace.exchanges:
            self.gap[exchange.party][exchange.index] = max(0.0, exchange.cpu_start_seconds - before[exchange.party])
            self.inside[exchange.party][exchange.index] = max(0.0, exchange.cpu_end_seconds - exchange.cpu_start_seconds)
            before[exchange.party] = exchange.cpu_end_seconds
        for span in self.trace.spans:
            self.tail[span.party] = max(self.tail[span.party], span.cpu_end_seconds - before[span.party])

    def run(self) -> Replay:
        position = [0 for _ in self.parties]  # the exchange each party is at
        uplink_free = [0.0 for _ in self.parties]
        pair_free: dict[tuple[int, int], float] = {}
        ready = list(self.parties)
        while ready:
            party = ready.pop()
            while position[party] < len(self.start[party]):
                k = position[party]
                if self.start[party][k] < 0:
                    self.start[party][k] = (self.end[party][k - 1] if k else 0.0) + self.gap[party][k]
                    for m in self.sends[party][k]:
                        receiver = self._send(m, uplink_free, pair_free)
                        if receiver is not None:
                            ready.append(receiver)
                if self.missing[party][k]:
                    break  # its last message puts this party back on the list
                self.end[party][k] = max(self.start[party][k] + self.inside[party][k], self.latest[party][k][0])
                position[party] += 1
        if any(position[party] < len(self.start[party]) for party in self.parties):
            raise MisuseValueError("this trace's messages wait for each other in a circle, so no order of time fits it; was it edited?")
        return self._result()

    def _send(self, m: int, uplink_free: list[float], pair_free: dict[tuple[int, int], float]) -> int | None:
        """Deliver one message; the receiver, if this was the last that its exchange awaited."""
        message = self.trace.messages[m]
        sender, receiver = message.sender, message.receiver
        start = self.start[sender][message.sent_at]
        wire_bytes = message.payload_bytes + message.framing_bytes
        uplink_free[sender] = max(uplink_free[sender], start) + self.model.serialisation_seconds(wire_bytes)
        produced = start + self.inside[sender][message.sent_at]
        self.left[m] = produced if produced > uplink_free[sender] else start
        arrival = max(produced, uplink_free[sender]) + self.model.delay_seconds(sender, receiver, message.sequence)
        arrival = pair_free[sender, receiver] = max(arrival, pair_free.get((sender, receiver), 0.0))
        k = message.received_at
        if k < 0:
            return None
        self.latest[receiver][k] = max(self.latest[receiver][k], (arrival, m))
        self.missing[receiver][k] -= 1
        return None if self.missing[receiver][k] else receiver

    def _result(self) -> Replay:
        finish = [(self.end[p][-1] if self.end[p] else 0.0) + self.tail[p] for p in self.parties]
        names = self.trace.parties
        return Replay(
            self.model,
            max(finish, default=0.0),
            dict(zip(names, finish, strict=True)),
            tuple(reversed(self._critical_path(finish))) if finish else (),
            tuple(tuple(zip(self.start[p], self.end[p], strict=True)) for p in self.parties),
            self.trace.planned,
            self.compute,
        )

    def _critical_path(self, finish: Sequence[float]) -> list[Hop]:
        """Hops from the latest finish back to time 0."""
        paths = span_paths(self.trace)
        hops: list[Hop] = []
        party = finish.index(max(finish))
        k = len(self.end[party]) - 1
        now = finish[party]

        def computed(since: float, message: Message | None) -> None:
            if now <= since:
                return
            gadget, line = (paths[message.sender][message.span], message.line) if message else ((), 0)
            later = hops[-1] if hops else None
            if later and not later.peer and (later.party, later.gadget, later.line) == (self.trace.parties[party], gadget, line):
                hops.pop()
                hops.append(Hop(later.party, "", since, later.end_seconds, gadget, line))
            else:
                hops.append(Hop(self.trace.parties[party], "", since, now, gadget, line))

        if k >= 0:
            computed(self.end[party][k], None)
            now = self.end[party][k]
        while k >= 0:
            arrival, m = self.latest[party][k]
            if m != NO_MESSAGE and arrival > self.start[party][k] + self.inside[party][k]:
                message = self.trace.messages[m]
                size = message.payload_bytes + message.framing_bytes
                ends = self.trace.parties[message.sender], self.trace.parties[message.receiver]
                hops.append(Hop(*ends, self.left[m], now, paths[message.sender][message.span], message.line, message.round, size))
                party, k, now = message.sender, message.sent_at, self.left[m]
            sent = self.sends[party][k]
            before = self.end[party][k - 1] if k else 0.0
            computed(before, self.trace.messages[sent[0]] if sent else None)
            now, k = before, k - 1
        return hops


def _exchange_counts(trace: Trace) -> list[int]:
    """Exchanges of each party; one that a failure cut short is known only by what was sent in it."""
    counts = [0 for _ in trace.parties]
    for exchange in trace.exchanges:
        counts[exchange.party] = max(counts[exchange.party], exchange.index + 1)
    for message in trace.messages:
        counts[message.sender] = max(counts[message.sender], message.sent_at + 1)
        counts[message.receiver] = max(counts[message.receiver], message.received_at + 1)
    return counts
