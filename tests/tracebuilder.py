"""Builds traces for tests: a few parties that call gadgets and send, without running anything."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ramp_notebook.trace.events import ONLINE, Trace
from ramp_notebook.trace.recorder import merge_records


class TraceBuilder:
    """Scripts all parties in lockstep. `step` is one exchange of every party; times advance only if asked to.

    >>> builder = TraceBuilder(["alice", "bob"], source="x * y")
    >>> with builder.gadget("multiply", line=1):
    ...     builder.step({(0, 1): 8, (1, 0): 8})
    >>> builder.trace().messages[0].payload_bytes
    8
    """

    def __init__(self, parties: Sequence[str] = ("alice", "bob", "carol"), source: str = "", planned: bool = False):
        self.parties, self.source, self.planned = tuple(parties), source, planned
        self.records: list[dict[str, list]] = [{"spans": [], "exchanges": [], "sent": [], "received": []} for _ in parties]
        self.open: list[int] = [-1]
        self.line, self.phase = 0, ONLINE
        self.clocks = [0.0] * len(self.parties)
        self.rounds = [0] * len(self.parties)

    @contextmanager
    def gadget(self, name: str, line: int = 0, phase: str = ONLINE, compute: float = 0.0) -> Iterator[None]:
        outer = self.line, self.phase
        self.line, self.phase = line or self.line, phase
        id = len(self.records[0]["spans"])
        for party, record in enumerate(self.records):
            record["spans"].append([self.open[-1], name, self.line, self.phase, self.clocks[party], self.clocks[party], 0.0, 0.0])
        self.compute(compute)
        self.open.append(id)
        yield
        self.open.pop()
        for party, record in enumerate(self.records):
            record["spans"][id][6:] = [self.clocks[party], self.clocks[party]]
        self.line, self.phase = outer

    def compute(self, seconds: float, party: int | None = None) -> None:
        for p in range(len(self.parties)) if party is None else [party]:
            self.clocks[p] += seconds

    def step(self, sizes: dict[tuple[int, int], int], inside: float = 0.0, tag: str = "step") -> None:
        """One exchange of every party: `sizes` says how many bytes go from whom to whom."""
        rounds = [r + 1 for r in self.rounds]
        for (sender, receiver), size in sizes.items():
            index = len(self.records[sender]["exchanges"])
            self.records[sender]["sent"].append((receiver, rounds[sender], size, self.open[-1], self.line, self.phase, tag, index))
            self.records[receiver]["received"].append((sender, len(self.records[receiver]["exchanges"])))
            self.rounds[receiver] = max(self.rounds[receiver], rounds[sender])
        for party, record in enumerate(self.records):
            start = self.clocks[party]
            self.clocks[party] += inside
            record["exchanges"].append((start, self.clocks[party], start, self.clocks[party]))

    def ring(self, size: int, inside: float = 0.0, tag: str = "ring") -> None:
        """Everyone sends to the next party."""
        count = len(self.parties)
        self.step({(p, (p + 1) % count): size for p in range(count)}, inside, tag)

    def trace(self) -> Trace:
        seconds = 0.0 if self.planned else max(self.clocks, default=0.0)
        return merge_records(self.parties, self.records, source=self.source, planned=self.planned, seconds=seconds)


def empty() -> Trace:
    return TraceBuilder().trace()


def one_message() -> Trace:
    builder = TraceBuilder(["alice", "bob"], source='x = mpc.input("x", owner="alice")')
    with builder.gadget("input", line=1):
        builder.step({(0, 1): 8})
    return builder.trace()


def small(planned: bool = False) -> Trace:
    """Three parties share, compare, sort and reveal: nested gadgets, two phases, five lines."""
    source = """\
ages = np.stack(mpc.inputs("age"))
old = ages > 65
# <b>no markup & no harm</b>
ranked = gadgets.sort(ages)
top = mpc.reveal(ranked)
"""
    builder = TraceBuilder(source=source, planned=planned)
    work = 0.0 if planned else 0.001
    with builder.gadget("input", line=1, compute=work):
        builder.ring(24)
    with builder.gadget("triples", line=2, phase="preprocessing"):
        builder.ring(480)
    with builder.gadget("less_than", line=2, compute=work):
        for size in (192, 96, 48):
            with builder.gadget("and", compute=work):
                builder.ring(size)
    with builder.gadget("sort", line=4):
        for _ in range(4):
            with builder.gadget("shuffle"):
                for _ in range(3):
                    builder.ring(240)
            with builder.gadget("less_than"), builder.gadget("and", compute=work):
                builder.ring(640, inside=work)
    with builder.gadget("reveal", line=5):
        builder.step({(0, 1): 24, (1, 2): 24, (2, 0): 24})
    return builder.trace()


def huge(messages: int = 100_000, parties: int = 3, planned: bool = False) -> Trace:
    builder = TraceBuilder([f"party{p}" for p in range(parties)], source="\n".join(f"x{k} = x{k} * y" for k in range(300)), planned=planned)
    for step in range(-(-messages // parties)):
        if step % 50 == 0:
            with builder.gadget(f"gadget{step % 700}", line=1 + step % 300), builder.gadget(f"part{step % 40}"):
                builder.ring(8 * (step % 97), inside=0.0 if planned else 1e-6)
        else:
            builder.ring(8 * (step % 97))
    return builder.trace()


def crowd(parties: int = 50) -> Trace:
    """Everyone sends to everyone, once."""
    builder = TraceBuilder([f"org{p:02}" for p in range(parties)], source="total = sum(mpc.inputs('x'))")
    with builder.gadget("input", line=1):
        builder.step({(p, q): 8 for p in range(parties) for q in range(parties) if p != q})
    return builder.trace()


def hostile() -> Trace:
    """Names that would do harm if any page trusted them."""
    nasty = '<img src=x onerror="alert(1)">'
    builder = TraceBuilder([nasty, "bob&<script>"], source=f"{nasty}\n\x00\u202e</table>")
    with builder.gadget(f"{nasty}</td>", line=1), builder.gadget("a/b|<b>"):
        builder.ring(8)
    return builder.trace()


EVERY = {
    "empty": empty,
    "one message": one_message,
    "small": small,
    "planned": lambda: small(planned=True),
    "huge": huge,
    "crowd": crowd,
    "hostile": hostile,
}
