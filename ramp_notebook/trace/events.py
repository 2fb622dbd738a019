"""The event kinds a run records, and the Trace that merges them: inert data. Its exports live in files of their own.

Knows nothing of arrays, sockets or protocols. A plan's trace has the same events without times (all zero). Events are named
tuples, since a cell of a thousand rounds makes ten thousand of them and a frozen dataclass takes five times as long to make.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..wire.channel import parties_of
from .units import counted

ONLINE, PREPROCESSING = "online", "preprocessing"


class Span(NamedTuple):
    """A gadget or primitive at work in one party. Times are seconds on the party's own clocks, from the cell's start."""

    party: int
    id: int  # position in the party's list; parents come before children
    parent: int  # id, or -1 at top level
    name: str  # "sort", "multiply", …
    line: int  # cell line, 0 if outside the cell
    phase: str
    wall_start_seconds: float = 0.0
    wall_end_seconds: float = 0.0
    cpu_start_seconds: float = 0.0
    cpu_end_seconds: float = 0.0


class Exchange(NamedTuple):
    """One moment at which a party communicates: all messages it sends and awaits together. Timing only."""

    party: int
    index: int  # type: ignore[assignment]  # hides a method of tuples that nobody needs here
    wall_start_seconds: float = 0.0
    wall_end_seconds: float = 0.0
    cpu_start_seconds: float = 0.0
    cpu_end_seconds: float = 0.0


class Message(NamedTuple):
    """One exchange step to one peer, however many frames carried it."""

    sender: int
    receiver: int
    sequence: int  # k-th message of this ordered pair in this run, from 0
    round: int  # 1 + the largest round the sender had received before sending
    payload_bytes: int
    framing_bytes: int
    span: int  # id of the sender's innermost span, -1 if none
    line: int
    phase: str
    tag: str
    sent_at: int  # index of the sender's Exchange
    received_at: int  # index of the receiver's Exchange; -1 if never received


@dataclass(frozen=True)
class Trace:
    """Merged events of one run or plan.

    `spans` and `exchanges` are grouped by party in order; `messages` are sorted by (sent_at within sender, sender).
    """

    parties: tuple[str, ...]
    spans: tuple[Span, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    messages: tuple[Message, ...] = ()
    source: str = ""  # the cell's text, line 1 being the first line the user sees
    planned: bool = False
    seconds: float = 0.0  # wall time of the run as the coordinator saw it; 0 for a plan

    def crowd(self) -> str:
        """How many took part."""
        parties = parties_of(self.parties)
        return counted(len(parties), "party") + (" and a dealer" if len(parties) < len(self.parties) else "")

    def span_path(self, party: int, span: int) -> tuple[str, ...]:
        """Names of a span and its ancestors, outermost first."""
        by_id = self._spans_of(party)
        path: list[str] = []
        while span >= 0:
            path.append(by_id[span].name)
            span = by_id[span].parent
        return tuple(reversed(path))

    def _spans_of(self, party: int) -> Sequence[Span]:
        index: list[list[Span]] | None = self.__dict__.get("_by_party")
        if index is None:
            index = [[s for s in self.spans if s.party == p] for p in range(len(self.parties))]
            self.__dict__["_by_party"] = index
        return index[party]

    def to_records(self) -> list[dict[str, Any]]:
        """One plain dict per message."""
        from . import export

        return export.to_records(self)

    def to_pandas(self) -> Any:
        """The messages as a pandas DataFrame."""
        from . import export

        return export.to_pandas(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write as JSON; `Trace.load` gives an equal trace back."""
        from . import export

        export.save(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> "Trace":
        from . import export

        return export.load(path)

    def to_chrome(self, path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
        """Chrome-trace JSON for Perfetto and other timeline viewers; written to `path` if given."""
        from . import chrome

        return chrome.to_chrome(self, path)
