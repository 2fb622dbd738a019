"""`assert_same_events`: a plan must foretell a run exactly, in everything but times."""

from typing import Any

from ..trace.cost import Path, span_paths
from ..trace.events import Exchange, Message, Span, Trace
from ..trace.units import path_text

TIMES = {f"{clock}_{end}_seconds" for clock in ("wall", "cpu") for end in ("start", "end")}
MESSAGE_FIELDS, SPAN_FIELDS, EXCHANGE_FIELDS = ([name for name in kind._fields if name not in TIMES] for kind in (Message, Span, Exchange))


def assert_same_events(plan: Trace, measured: Trace) -> None:
    """Fail at the first difference, naming its line and gadget: messages in all fields, then spans and exchanges without times."""
    if plan.parties != measured.parties:
        raise AssertionError(f"planned for the parties {plan.parties}, measured with {measured.parties}")
    paths = span_paths(plan), span_paths(measured)
    for position, (one, other) in enumerate(zip(plan.messages, measured.messages, strict=False)):
        where = paths[0][one.sender].get(one.span, ()), paths[1][other.sender].get(other.span, ())
        _compare("message", position, one, other, MESSAGE_FIELDS, where)
    _same_count("message", plan.messages, measured.messages, paths)
    for position, (span, other_span) in enumerate(zip(plan.spans, measured.spans, strict=False)):
        _compare(
            "span", position, span, other_span, SPAN_FIELDS, (paths[0][span.party][span.id], paths[1][other_span.party][other_span.id])
        )
    _same_count("span", plan.spans, measured.spans, paths)
    for position, (exchange, other_exchange) in enumerate(zip(plan.exchanges, measured.exchanges, strict=False)):
        _compare("exchange", position, exchange, other_exchange, EXCHANGE_FIELDS, ((), ()))
    _same_count("exchange", plan.exchanges, measured.exchanges, paths)


def _compare(kind: str, position: int, planned: Any, measured: Any, names: list[str], where: tuple[Path, Path]) -> None:
    differing = [name for name in names if getattr(planned, name) != getattr(measured, name)]
    if not differing and where[0] == where[1]:
        return
    said = [f"{name}: planned {getattr(planned, name)!r}, measured {getattr(measured, name)!r}" for name in differing]
    if where[0] != where[1]:
        said.append(f"gadget: planned {path_text(where[0])}, measured {path_text(where[1])}")
    line = getattr(measured, "line", 0)
    place = f" (line {line}, {path_text(where[1])})" if kind != "exchange" else f" of party {measured.party}"
    raise AssertionError(f"{kind} {position}{place} differs\n  " + "\n  ".join(said))


def _same_count(kind: str, planned: tuple[Any, ...], measured: tuple[Any, ...], paths: tuple[Any, Any]) -> None:
    if len(planned) == len(measured):
        return
    longer, which, known = (planned, "planned", paths[0]) if len(planned) > len(measured) else (measured, "measured", paths[1])
    first = longer[min(len(planned), len(measured))]
    party = first.sender if isinstance(first, Message) else first.party
    span = first.span if isinstance(first, Message) else getattr(first, "id", -1)
    place = f"line {getattr(first, 'line', 0)}, {path_text(known[party].get(span, ()))}"
    raise AssertionError(f"{len(planned)} {kind}s planned, {len(measured)} measured; the first only {which} is {first} ({place})")
