"""Reads from a trace that a protocol against active parties checked everything in time.

A step whose messages have a tag in `Protocol.owing` leaves something to check, unless it is itself a part of a check (stands in a
span "check …"). It is settled when the party has heard everyone confirm. Until then the party may reveal nothing, and a cell may
not end.
"""

from collections.abc import Iterator

from .. import registry
from ..protocols.checks import CONFIRM
from ..trace.events import Message, Trace

REVEAL = "reveal"


def unchecked(trace: Trace, protocol: str) -> list[str]:
    """What was revealed, or left at the end, before it was checked: a sentence each; none if all is well.

    A protocol that owes a check of what it reveals itself (its `reveal` steps are owing) has to settle it within the same span.
    """
    owing = registry.protocols[protocol].owing
    return [fault for party in range(len(trace.parties)) for fault in _faults(trace, party, owing)]


def _faults(trace: Trace, party: int, owing: frozenset[str]) -> Iterator[str]:
    name, open_step = trace.parties[party], ""
    revealing: dict[int, int] = {}  # spans of reveals that owe a check -> the round of what they showed
    for message in sorted((m for m in trace.messages if m.sender == party), key=lambda m: m.sent_at):
        reveal = _outer_reveal(trace, message)
        checking = any(span.startswith("check ") for span in trace.span_path(party, message.span))
        going_on = message.tag != CONFIRM and not checking and reveal not in revealing  # branches side by side reveal in one round
        if going_on and any(shown < message.round for shown in revealing.values()):
            yield f"{name} went on from a reveal to `{message.tag}` (line {message.line}) before what it showed was checked"
            revealing.clear()
        if message.tag == CONFIRM:
            open_step = ""
            revealing.pop(reveal, None)
        elif checking:
            continue
        elif message.tag == REVEAL:
            if open_step:
                yield f"{name} revealed at line {message.line} before {open_step} was checked"
            if REVEAL in owing:
                revealing[reveal] = message.round
        elif message.tag in owing:
            open_step = f"`{message.tag}` of line {message.line}"
    if open_step or revealing:
        yield f"{name} ended the cell before {open_step or 'what it revealed'} was checked"


def _outer_reveal(trace: Trace, message: Message) -> int:
    """The innermost open span `reveal` that the message was sent in; -1 if none."""
    spans = trace._spans_of(message.sender)
    span = message.span
    while span >= 0 and spans[span].name != REVEAL:
        span = spans[span].parent
    return span
