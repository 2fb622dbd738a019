"""Chrome-trace JSON of a Trace, for Perfetto and other timeline viewers: lanes per party, nested gadgets, arrows per message."""

import os
from typing import Any

from ..wire.network import NetworkModel
from .events import Trace
from .export import write_json
from .replay import replay

MICROSECONDS = 1e6
SPAN_LANE, EXCHANGE_LANE = 100, 1  # thread ids; overlapping spans take further lanes

Times = dict[tuple[int, int], tuple[float, float]]  # (party, span or exchange) → start and end in seconds


def to_chrome(trace: Trace, path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Chrome-trace JSON, for Perfetto and others: a process per party, nested gadgets, exchanges, an arrow per message.

    Written to `path` if given. A plan has no clock; its events stand at their logical rounds, 1 ms each.
    """
    data = {"traceEvents": chrome_events(trace), "displayTimeUnit": "ms", "otherData": {"planned": trace.planned}}
    if path is not None:
        write_json(path, data)
    return data


def chrome_events(trace: Trace) -> list[dict[str, Any]]:
    span_times, exchange_times = _logical_times(trace) if trace.planned else _wall_times(trace)
    events: list[dict[str, Any]] = []
    for party, name in enumerate(trace.parties):
        events.append({"ph": "M", "name": "process_name", "pid": party, "tid": 0, "args": {"name": name}})
        events.append({"ph": "M", "name": "process_sort_index", "pid": party, "tid": 0, "args": {"sort_index": party}})
        events.append({"ph": "M", "name": "thread_name", "pid": party, "tid": EXCHANGE_LANE, "args": {"name": "exchanges"}})
    lanes = _lanes(trace, span_times)
    for span in trace.spans:
        place = {"pid": span.party, "tid": SPAN_LANE + lanes[span.party, span.id]}
        events.append(_slice(span.name, span_times[span.party, span.id], place, {"line": span.line, "phase": span.phase}))
    for (party, index), times in sorted(exchange_times.items()):
        events.append(_slice("exchange", times, {"pid": party, "tid": EXCHANGE_LANE}, {"index": index}))
    for position, message in enumerate(trace.messages):
        sent = exchange_times.get((message.sender, message.sent_at))
        received = exchange_times.get((message.receiver, message.received_at))
        if sent is None or received is None:
            continue  # cut off by a failure: there is nothing an arrow could point at
        said = {"round": message.round, "payload_bytes": message.payload_bytes, "line": message.line}
        flow = {"name": message.tag, "cat": "message", "id": position, "tid": EXCHANGE_LANE}
        events.append({**flow, "ph": "s", "pid": message.sender, "ts": sent[0] * MICROSECONDS, "args": said})
        events.append({**flow, "ph": "f", "bp": "e", "pid": message.receiver, "ts": received[1] * MICROSECONDS})
    return events


def _slice(name: str, times: tuple[float, float], place: dict[str, int], args: dict[str, Any]) -> dict[str, Any]:
    start, end = times
    return {"ph": "X", "name": name, **place, "ts": start * MICROSECONDS, "dur": max(0.0, end - start) * MICROSECONDS, "args": args}


def _wall_times(trace: Trace) -> tuple[Times, Times]:
    return (
        {(span.party, span.id): (span.wall_start_seconds, span.wall_end_seconds) for span in trace.spans},
        {(event.party, event.index): (event.wall_start_seconds, event.wall_end_seconds) for event in trace.exchanges},
    )


def _logical_times(trace: Trace) -> tuple[Times, Times]:
    """1 ms per round: exchanges as a replay on latency alone orders them; a span covers the exchanges in which it sent."""
    logical = replay(trace, NetworkModel("rounds", latency_seconds=1e-3, bandwidth_bytes_per_second=float("inf")))
    exchanges = {(party, k): times for party, steps in enumerate(logical.exchange_seconds) for k, times in enumerate(steps)}
    spans: Times = {}
    for message in trace.messages:
        if message.span >= 0:
            key = message.sender, message.span
            spans[key] = _cover(spans.get(key), exchanges[message.sender, message.sent_at])
    for span in reversed(trace.spans):  # children come after their parents
        if span.parent >= 0 and (span.party, span.id) in spans:
            parent = span.party, span.parent
            spans[parent] = _cover(spans.get(parent), spans[span.party, span.id])
    return {(span.party, span.id): spans.get((span.party, span.id), (0.0, 0.0)) for span in trace.spans}, exchanges


def _cover(one: tuple[float, float] | None, other: tuple[float, float]) -> tuple[float, float]:
    return other if one is None else (min(one[0], other[0]), max(one[1], other[1]))


def _lanes(trace: Trace, times: Times) -> dict[tuple[int, int], int]:
    """The first lane in which a span nests: viewers want slices of one lane inside each other or apart."""
    open_ends: dict[int, list[list[float]]] = {}  # party → lane → ends of the slices still open, outermost first
    chosen = {}
    for span in sorted(trace.spans, key=lambda s: (s.party, times[s.party, s.id][0], -times[s.party, s.id][1], s.id)):
        start, end = times[span.party, span.id]
        lanes = open_ends.setdefault(span.party, [])
        for lane in lanes:
            while lane and lane[-1] <= start:
                lane.pop()
        fits = next((k for k, lane in enumerate(lanes) if not lane or end <= lane[-1]), len(lanes))
        if fits == len(lanes):
            lanes.append([])
        lanes[fits].append(end)
        chosen[span.party, span.id] = fits
    return chosen
