"""Cost: what a Trace adds up to, in rounds, messages and bytes, and how the whole divides into parts.

Every division (party, pair, phase, gadget path, cell line, round) is a partition of the same messages, so messages and
bytes of the parts add up to the whole exactly. Rounds do not add: the rounds of a part are the *distinct* rounds in
which its messages travelled. Parts that talk in the same round share it, so a part never has more rounds than the
whole, and the whole has as many as its longest chain of dependent messages (round r is only ever sent by a party that
has received round r - 1, so no number is skipped).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from .events import ONLINE, PREPROCESSING, Message, Trace

Key = TypeVar("Key")
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Messages of one part: how many, how large, in how many distinct rounds. `payload_bytes` are shares, `framing_bytes` headers."""

    rounds: int = 0
    messages: int = 0
    payload_bytes: int = 0
    framing_bytes: int = 0

    @property
    def sent_bytes(self) -> int:
        """Payload: what papers count."""
        return self.payload_bytes

    @property
    def wire_bytes(self) -> int:
        """Payload and headers: what a socket carries."""
        return self.payload_bytes + self.framing_bytes

    def to_json(self) -> dict[str, int]:
        return {"rounds": self.rounds, "messages": self.messages, "sent_bytes": self.sent_bytes, "wire_bytes": self.wire_bytes}


@dataclass(frozen=True, slots=True)
class Node:
    """One gadget call path with everything below it. `calls` and `seconds` (CPU) are of the party with most of each."""

    path: Path
    total: Tally
    own: Tally  # messages sent by this gadget itself, not by a gadget that it calls
    calls: int
    seconds: float
    lines: tuple[int, ...]  # cell lines from which messages of this path were sent
    children: tuple["Node", ...] = ()

    @property
    def name(self) -> str:
        return self.path[-1] if self.path else "cell"

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def to_json(self) -> dict[str, Any]:
        parts = [child.to_json() for child in self.children]
        return {"gadget": self.name, "calls": self.calls, "lines": list(self.lines), **self.total.to_json(), "parts": parts}


class _Sum:
    """A Tally in the making."""

    __slots__ = ("framing_bytes", "messages", "payload_bytes", "rounds")

    def __init__(self) -> None:
        self.rounds: set[int] = set()
        self.messages = self.payload_bytes = self.framing_bytes = 0

    def add(self, message: Message) -> None:
        self.rounds.add(message.round)
        self.messages += 1
        self.payload_bytes += message.payload_bytes
        self.framing_bytes += message.framing_bytes

    def join(self, other: "_Sum") -> None:
        self.rounds |= other.rounds
        self.messages += other.messages
        self.payload_bytes += other.payload_bytes
        self.framing_bytes += other.framing_bytes

    def tally(self) -> Tally:
        return Tally(len(self.rounds), self.messages, self.payload_bytes, self.framing_bytes)


class Cost:
    """Folds one Trace. Every view is computed when first asked for, in one pass over the messages."""

    def __init__(self, trace: Trace):
        self.trace = trace

    @cached_property
    def total(self) -> Tally:
        return self._fold(lambda message: None).get(None, Tally())

    @property
    def rounds(self) -> int:
        """The longest chain of dependent messages."""
        return self.total.rounds

    @property
    def messages(self) -> int:
        return self.total.messages

    @property
    def payload_bytes(self) -> int:
        return self.total.payload_bytes

    @property
    def framing_bytes(self) -> int:
        return self.total.framing_bytes

    @property
    def sent_bytes(self) -> int:
        """Payload sent by all parties together; `by_party` divides it."""
        return self.total.sent_bytes

    @property
    def wire_bytes(self) -> int:
        return self.total.wire_bytes

    @cached_property
    def by_party(self) -> dict[str, Tally]:
        """What each party sent, every party named, in party order."""
        sums = self._fold(lambda message: message.sender)
        return {name: sums.get(party, Tally()) for party, name in enumerate(self.trace.parties)}

    @cached_property
    def by_phase(self) -> dict[str, Tally]:
        """Online and preprocessing, both always present."""
        return {phase: Tally() for phase in (ONLINE, PREPROCESSING)} | self._fold(lambda message: message.phase)

    @cached_property
    def by_phase_and_party(self) -> dict[tuple[str, str], Tally]:
        names = self.trace.parties
        blank = {(phase, name): Tally() for phase in self.by_phase for name in names}
        return blank | self._fold(lambda message: (message.phase, names[message.sender]))

    @cached_property
    def by_pair(self) -> dict[tuple[str, str], Tally]:
        """(sender, receiver) → what went that way; silent pairs are absent."""
        names = self.trace.parties
        sums = self._fold(lambda message: (message.sender, message.receiver))
        return {(names[sender], names[receiver]): sums[sender, receiver] for sender, receiver in sorted(sums)}

    @cached_property
    def by_line(self) -> dict[int, Tally]:
        """Cell line → its messages; line 0 is what no line of the cell sent."""
        return dict(sorted(self._fold(lambda message: message.line).items()))

    @cached_property
    def by_round(self) -> dict[int, Tally]:
        return dict(sorted(self._fold(lambda message: message.round).items()))

    @cached_property
    def by_gadget(self) -> dict[Path, Tally]:
        """Call path → messages sent by that gadget itself: disjoint parts. `tree` adds up what each calls."""
        return {node.path: node.own for node in self.tree.walk() if node.own.messages}

    @cached_property
    def tree(self) -> Node:
        """Gadget call paths, dearest first, under one root that stands for the cell."""
        return _tree(self.trace)

    def gadget(self, name: str) -> Tally:
        """Everything under the calls of gadget `name`, wherever in the tree it was called; nested calls count once."""
        paths = span_paths(self.trace)
        sums = _Sum()
        for message in self.trace.messages:
            if name in paths[message.sender].get(message.span, ()):
                sums.add(message)
        return sums.tally()

    def to_json(self) -> dict[str, Any]:
        """Plain data for the command line: totals, bytes per party, the phases apart, the tree by gadget, the cell lines."""
        phases = {
            phase: {
                **{key: value for key, value in tally.to_json().items() if not key.endswith("bytes")},
                "sent_bytes": {name: self.by_phase_and_party[phase, name].sent_bytes for name in self.trace.parties},
                "wire_bytes": {name: self.by_phase_and_party[phase, name].wire_bytes for name in self.trace.parties},
            }
            for phase, tally in self.by_phase.items()
        }
        return {
            "planned": self.trace.planned,
            "rounds": self.rounds,
            "messages": self.messages,
            "sent_bytes": {name: tally.sent_bytes for name, tally in self.by_party.items()},
            "wire_bytes": {name: tally.wire_bytes for name, tally in self.by_party.items()},
            **phases,
            "tree": self.tree.to_json(),
            "lines": {str(line): tally.to_json() for line, tally in self.by_line.items()},
        }

    def _fold(self, key: Callable[[Message], Key]) -> dict[Key, Tally]:
        sums: dict[Key, _Sum] = {}
        for message in self.trace.messages:
            where = key(message)
            if where not in sums:
                sums[where] = _Sum()
            sums[where].add(message)
        return {where: total.tally() for where, total in sums.items()}


def span_paths(trace: Trace) -> list[dict[int, Path]]:
    """For each party: span id → names from the outermost gadget to that span; -1, the cell itself, is the empty path."""
    paths: list[dict[int, Path]] = [{-1: ()} for _ in trace.parties]
    for span in trace.spans:  # parents come before children
        paths[span.party][span.id] = (*paths[span.party][span.parent], span.name)
    return paths


def _tree(trace: Trace) -> Node:
    paths = span_paths(trace)
    own: dict[Path, _Sum] = {(): _Sum()}
    lines: dict[Path, set[int]] = {(): set()}
    calls: dict[Path, Counter[int]] = {}
    seconds: dict[Path, dict[int, float]] = {}
    for span in trace.spans:
        path = paths[span.party][span.id]
        own.setdefault(path, _Sum())
        lines.setdefault(path, set())
        calls.setdefault(path, Counter())[span.party] += 1
        spent = seconds.setdefault(path, {})
        spent[span.party] = spent.get(span.party, 0.0) + span.cpu_end_seconds - span.cpu_start_seconds
    for message in trace.messages:
        path = paths[message.sender][message.span]
        own[path].add(message)
        lines[path].add(message.line)

    below: dict[Path, list[Node]] = {}
    sums: dict[Path, _Sum] = {path: _Sum() for path in own}
    for path in sorted(own, key=len, reverse=True):  # children before parents
        total = sums[path]
        total.join(own[path])
        children = tuple(sorted(below.pop(path, ()), key=_dearest_first))
        for child in children:
            lines[path].update(child.lines)
        most_calls = max(calls.get(path, Counter({0: 0})).values())
        most_seconds = max(seconds.get(path, {0: 0.0}).values())
        node = Node(path, total.tally(), own[path].tally(), most_calls, most_seconds, tuple(sorted(lines[path])), children)
        if not path:
            return node
        sums[path[:-1]].join(total)
        below.setdefault(path[:-1], []).append(node)
    raise AssertionError("the empty path is always there")


def _dearest_first(node: Node) -> tuple[int, int, str]:
    return (-node.total.payload_bytes, -node.total.rounds, node.name)


def dearest(root: Node, count: int = 3) -> list[Node]:
    """The `count` dearest gadgets of a cell: its direct calls, or their parts as long as one call holds everything."""
    candidates: Iterable[Node] = root.children
    while True:
        paid = [node for node in candidates if node.total.messages]
        if len(paid) != 1 or not any(child.total.messages for child in paid[0].children):
            return sorted(paid, key=_dearest_first)[:count]
        candidates = paid[0].children
