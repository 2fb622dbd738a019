"""Traces leave and come back: plain records, pandas, and this project's JSON files.

A saved trace holds sizes, names and times, never a payload. Loading trusts nothing: unknown formats and malformed
events are refused.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

from ..errors import MisuseError, MisuseValueError
from .cost import span_paths
from .events import Exchange, Message, Span, Trace

FORMAT, VERSION = "ramp-notebook trace", 1
Event = type[Span] | type[Exchange] | type[Message]
EVENTS: dict[str, Event] = {"spans": Span, "exchanges": Exchange, "messages": Message}


def to_records(trace: Trace) -> list[dict[str, Any]]:
    """One plain dict per message, in the trace's order; party names, the gadget's call path, the sender's clock."""
    paths = span_paths(trace)
    times = {(exchange.party, exchange.index): exchange for exchange in trace.exchanges}
    records = []
    for message in trace.messages:
        sent, received = times.get((message.sender, message.sent_at)), times.get((message.receiver, message.received_at))
        path = paths[message.sender][message.span]
        records.append(
            {
                "sender": trace.parties[message.sender],
                "receiver": trace.parties[message.receiver],
                "sequence": message.sequence,
                "round": message.round,
                "phase": message.phase,
                "line": message.line,
                "gadget": "/".join(path),
                "tag": message.tag,
                "payload_bytes": message.payload_bytes,
                "framing_bytes": message.framing_bytes,
                "sent_seconds": sent.wall_start_seconds if sent else None,
                "received_seconds": received.wall_end_seconds if received else None,
            }
        )
    return records


RECORD_FIELDS = ("sender", "receiver", "sequence", "round", "phase", "line", "gadget", "tag", "payload_bytes", "framing_bytes")
RECORD_TIMES = ("sent_seconds", "received_seconds")


def to_pandas(trace: Trace) -> Any:
    """The messages as a DataFrame. Needs pandas, which this project does not install by itself."""
    try:
        import pandas  # seconds to import, so only here
    except ImportError as missing:
        raise MisuseError("to_pandas needs pandas: `pip install ramp-notebook[trace]`; to_records() gives plain dicts") from missing
    return pandas.DataFrame(to_records(trace), columns=[*RECORD_FIELDS, *RECORD_TIMES])


def to_json(trace: Trace) -> dict[str, Any]:
    """Plain data that `from_json` turns back into an equal Trace. Events are rows under their field names."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "parties": list(trace.parties),
        "source": trace.source,
        "planned": trace.planned,
        "seconds": trace.seconds,
        "columns": {name: list(kind._fields) for name, kind in EVENTS.items()},
        **{name: [list(event) for event in getattr(trace, name)] for name in EVENTS},
    }


def from_json(data: Any) -> Trace:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise MisuseValueError(f"this is no saved trace: expected an object with format `{FORMAT}`")
    if data.get("version") != VERSION:
        raise MisuseValueError(f"this trace has version {data.get('version')!r}; this release of ramp-notebook reads version {VERSION}")
    try:
        parties = tuple(_typed(name, str) for name in data["parties"])
        events = {name: _events(kind, data["columns"][name], data[name]) for name, kind in EVENTS.items()}
        trace = Trace(
            parties,
            **events,
            source=_typed(data["source"], str),
            planned=_typed(data["planned"], bool),
            seconds=float(_typed(data["seconds"], (int, float))),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise MisuseValueError(f"this trace is damaged: {type(problem).__name__} {problem}") from problem
    _check(trace)
    return trace


def save(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write the trace as JSON; `load` gives an equal one back."""
    write_json(path, to_json(trace))


def load(path: str | os.PathLike[str]) -> Trace:
    text = FilePath(path).read_text(encoding="utf-8")
    try:
        data = json.loads(text)
    except json.JSONDecodeError as problem:
        raise MisuseValueError(f"{os.fspath(path)} is not JSON (line {problem.lineno}: {problem.msg})") from problem
    return from_json(data)


def write_json(path: str | os.PathLike[str], data: Any) -> None:
    """Write to a new file and rename it, so that a full disk leaves no half file behind."""
    target = FilePath(path)
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        partial.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _typed(value: Any, kinds: type | tuple[type, ...]) -> Any:
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in wanted):
        raise TypeError(f"expected {' or '.join(kind.__name__ for kind in wanted)}, got {type(value).__name__}")
    return value


def _events(kind: Event, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    known = {name: (float, int) if name.endswith("seconds") else type_ for name, type_ in kind.__annotations__.items()}
    if sorted(columns) != sorted(known):
        raise TypeError(f"{kind.__name__} has the fields {', '.join(known)}; the file has {', '.join(map(str, columns))}")
    kinds = [known[column] for column in columns]
    return tuple(kind(**{c: _typed(v, k) for c, v, k in zip(columns, row, kinds, strict=True)}) for row in rows)


def _check(trace: Trace) -> None:
    """Refuse events that point at parties, spans or parents that are not there."""
    spans = [0 for _ in trace.parties]
    for span in trace.spans:
        if not (0 <= span.party < len(spans) and span.id == spans[span.party] and -1 <= span.parent < span.id):
            raise MisuseValueError(f"this trace is damaged: {span} does not follow the spans before it")
        spans[span.party] += 1
    for exchange in trace.exchanges:
        if not (0 <= exchange.party < len(spans) and 0 <= exchange.index < len(trace.exchanges)):
            raise MisuseValueError(f"this trace is damaged: {exchange} belongs to no party")
    limit = len(trace.exchanges) + len(trace.messages)
    for message in trace.messages:
        ends = 0 <= message.sender < len(spans) and 0 <= message.receiver < len(spans)
        if not (
            ends and -1 <= message.span < spans[message.sender] and 0 <= message.sent_at <= limit and -1 <= message.received_at <= limit
        ):
            raise MisuseValueError(f"this trace is damaged: {message} points at something that is not there")
        if message.round < 1 or message.payload_bytes < 0 or message.framing_bytes < 0:
            raise MisuseValueError(f"this trace is damaged: {message} has a figure that cannot be")
