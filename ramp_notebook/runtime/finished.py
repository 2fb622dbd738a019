"""Run: what one finished cell gave: outputs, Trace, Cost and Label. Plain data; how it shows itself is another layer's work."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any

from .. import registry
from ..errors import MisuseError
from ..protocols.security import Label
from ..trace.cost import Cost
from ..trace.events import Trace
from ..trace.replay import Replay, replay
from ..trace.units import readable_bytes
from ..wire.network import NetworkModel
from .plan import Plan
from .results import CellResult

DEFAULT_CHARTS = ("timeline",)


@dataclass(frozen=True)
class Peek:
    """One `mpc.peek`: what every party held of one secret, in party order. Shown for teaching; the label says so."""

    line: int
    dtype: str
    shares: tuple[Any, ...]


@dataclass(eq=False, repr=False)
class Run:
    """One cell's result; a planned or failed cell has one too (`planned`, `failure`).

    As a cell's value it shows its report: text everywhere, tables in a notebook, where `charts` stand beside it.
    """

    trace: Trace
    label: Label
    outputs: dict[str, Any] = field(default_factory=dict)  # revealed to all, or plain and equal at all parties
    secrets: dict[str, str] = field(default_factory=dict)  # name → what the handle shows
    printed: Sequence[tuple[str | None, str]] = ()  # (party, or None where all printed the same; text)
    peeks: Sequence[Peek] = ()
    network: str | NetworkModel | None = None  # the network it is to be read for
    charts: tuple[str, ...] = DEFAULT_CHARTS
    reveals: Sequence[Any] = ()  # what coin-dependent gadgets revealed, so that a plan can follow the same path
    supplies: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # of correlated randomness: made, used, left
    cheated: Sequence[str] = ()  # what parties changed on purpose, a line each
    failure: str = ""  # the error's first line if the cell failed

    @classmethod
    def of(cls, result: CellResult, *, network: str | NetworkModel | None = None, charts: Sequence[str] = DEFAULT_CHARTS) -> "Run":
        """From what the coordinator assembled. The label is the weakest of what the parties report."""
        everyone = [outcome for outcome in result.outcomes if outcome is not None]
        labels = [Label(**{**facts, "flags": frozenset(facts["flags"]), "reveals": tuple(facts["reveals"])}) for facts in result.labels]
        return cls(
            result.trace,
            reduce(Label.join, labels),
            result.outputs,
            result.secrets,
            result.printed,
            merge_peeks([outcome.peeks for outcome in everyone]),
            network,
            tuple(charts),
            everyone[0].reveals,
            everyone[0].supplies,
            tuple(result.cheated),
        )

    @classmethod
    def of_plan(cls, plan: Plan, *, network: str | NetworkModel | None = None, charts: Sequence[str] = DEFAULT_CHARTS) -> "Run":
        return cls(plan.trace, plan.label, network=network, charts=tuple(charts), supplies=plan.supplies)

    @property
    def planned(self) -> bool:
        return self.trace.planned

    @property
    def seconds(self) -> float:
        """Wall time as the coordinator saw it; 0 for a plan."""
        return self.trace.seconds

    @cached_property
    def cost(self) -> Cost:
        return Cost(self.trace)

    @property
    def report(self) -> str:
        """The same text for the same computation: no times, no addresses."""
        text: str = registry.renderers["text"](self)
        return text

    @property
    def printed_text(self) -> str:
        """Output of the cell's prints, under a heading per party where the parties differ."""
        return "".join(text if party is None else f"── {party}\n{text}" for party, text in self.printed)

    def replay(self, network: str | NetworkModel | None = None, *, compute: bool = True) -> Replay:
        """Predict this run's time on another network: `"lan"`, `"wan"`, `"mobile"`, `"satellite"` or a NetworkModel."""
        return replay(self.trace, network or self.network or "lan", compute=compute)

    def chart(self, name: str, **options: Any) -> Any:
        """Draw one chart by name; `ramp_notebook.registry.charts` lists them."""
        return registry.renderers["chart"](self, name, **options)

    def what_if(self) -> Any:
        """The network chart with two sliders below it, latency and bandwidth. In a notebook only."""
        if "what_if" not in registry.renderers:
            raise MisuseError("sliders need a notebook: `%load_ext ramp_notebook` first; run.replay(…) works anywhere")
        return registry.renderers["what_if"](self)

    def compare(self, other: "Run", names: tuple[str, str] = ("this", "other")) -> "Comparison":
        """This run's cost beside another's."""
        return Comparison(self, other, names)

    def __repr__(self) -> str:
        return self.report

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle: tuple[dict[str, Any], dict[str, Any]] = registry.renderers["bundle"](self)
        return bundle


def merge_peeks(peeks: Sequence[Sequence[tuple[int, str, Any]]]) -> list[Peek]:
    """The k-th peeks of all parties show shares of one secret."""
    return [Peek(held[0][0], held[0][1], tuple(share for _, _, share in held)) for held in zip(*peeks, strict=False)]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Two runs' costs side by side. `rows` are (what, this, other); the text shows the ratio too."""

    one: Run
    other: Run
    names: tuple[str, str]

    @property
    def rows(self) -> list[tuple[str, int, int]]:
        a, b = self.one.cost, self.other.cost
        calls = [{node.name: node.total.sent_bytes for node in cost.tree.children} for cost in (a, b)]
        return [
            ("rounds", a.rounds, b.rounds),
            ("messages", a.messages, b.messages),
            ("sent bytes", a.sent_bytes, b.sent_bytes),
            *((f"{phase} bytes", a.by_phase[phase].sent_bytes, b.by_phase[phase].sent_bytes) for phase in a.by_phase),
            *((f"{name} bytes", calls[0].get(name, 0), calls[1].get(name, 0)) for name in sorted(calls[0].keys() | calls[1].keys())),
        ]

    def __repr__(self) -> str:
        table = [("", *self.names, "ratio")]
        for what, a, b in self.rows:
            show = readable_bytes if what.endswith("bytes") else "{:,}".format
            table.append((what, show(a), show(b), f"{b / a:.2f}×" if a else "—"))
        widths = [max(len(row[k]) for row in table) for k in range(4)]
        return "\n".join("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in table)
