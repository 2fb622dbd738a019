"""Reads from a trace that a protocol against active parties checked everything in time.

A step whose messages have a tag in `Protocol.owing` leaves something to check, unless it is itself a part of a check (stands in a
span "check …"). A check settles what was open when it began, once the party has heard everyone confirm. Until then the party may
reveal nothing, and a cell may not end.
"""

from collections.abc import Iterator

from .. import registry
from ..protocols.checks import CONFIRM
from ..trace.events import Message, Trace

REVEAL, CHECK = "reveal", "check "


def unchecked(trace: Trace, protocol: str) -> list[str]:
    """What was revealed, or left at the end, before it was checked: a sentence each; none if all is well.

    A protocol that owes a check of what it reveals itself (its `reveal` steps are owing) has to settle it before it sends anything
    that could depend on it: anything of a later round but for checks. Branches side by side may reveal in one round.
    """
    owing = registry.protocols[protocol].owing
    return [fault for party in range(len(trace.parties)) for fault in _faults(trace, party, owing)]


def _faults(trace: Trace, party: int, owing: frozenset[str]) -> Iterator[str]:
    name = trace.parties[party]
    computed: Message | None = None  # the last step that is open
    shown: list[Message] = []  # reveals that are
    began: dict[int, int] = {}  # span of a check -> the exchange that it began with
    for message in sorted((m for m in trace.messages if m.sender == party), key=lambda m: m.sent_at):
        check = _outermost(trace, message, CHECK)
        start = began.setdefault(check, message.sent_at) if check >= 0 else message.sent_at
        if message.tag == CONFIRM:
            computed = None if computed is None or computed.sent_at < start else computed
            shown = [reveal for reveal in shown if reveal.sent_at >= start]
        elif check < 0:
            if any(reveal.round < message.round for reveal in shown):
                yield f"{name} went on from a reveal to `{message.tag}` (line {message.line}) before what it showed was checked"
                shown.clear()
            if message.tag == REVEAL:
                if computed is not None:
                    yield f"{name} revealed at line {message.line} before `{computed.tag}` of line {computed.line} was checked"
                if REVEAL in owing:
                    shown.append(message)
            elif message.tag in owing:
                computed = message
    if shown or computed is not None:
        what = "what it revealed" if computed is None else f"`{computed.tag}` of line {computed.line}"
        yield f"{name} ended the cell before {what} was checked"


def _outermost(trace: Trace, message: Message, kind: str) -> int:
    """The outermost open span whose name starts so that the message was sent in; -1 if none."""
    spans, span, found = trace._spans_of(message.sender), message.span, -1
    while span >= 0:
        if spans[span].name.startswith(kind):
            found = span
        span = spans[span].parent
    return found
