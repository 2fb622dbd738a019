"""`assert_cost`: a failing cell, under every notebook runner, when a run costs more than it should."""

import operator
from collections.abc import Callable
from typing import Any

from ..errors import MisuseValueError
from ..runtime.finished import Run
from ..trace.cost import Cost, Tally
from ..trace.events import ONLINE, PREPROCESSING, Trace
from ..trace.units import counted

COMPARISONS: dict[str, tuple[Callable[[int, int], bool], str]] = {
    "eq": (operator.eq, "exactly"),
    "ne": (operator.ne, "anything but"),
    "le": (operator.le, "at most"),
    "lt": (operator.lt, "less than"),
    "ge": (operator.ge, "at least"),
    "gt": (operator.gt, "more than"),
}
FIGURES = ("rounds", "messages", "sent_bytes", "payload_bytes", "framing_bytes", "wire_bytes")
PHASE_FIGURES = {f"{phase}_{short}": (phase, long) for phase in (ONLINE, PREPROCESSING) for short, long in
                 (("rounds", "rounds"), ("messages", "messages"), ("bytes", "sent_bytes"))}  # fmt: skip


def assert_cost(run: Run | Trace | Cost, *, gadget: str = "", line: int = 0, party: str = "", **expected: int) -> None:
    """Fail unless each figure of the run is as expected: `rounds=12`, `sent_bytes__le=4096`, `online_bytes__lt=1_000`.

    Figures: rounds, messages, sent_bytes (payload), wire_bytes (with headers), framing_bytes, and online_ or preprocessing_
    rounds, messages, bytes. Comparisons: eq (the default), ne, le, lt, ge, gt. At most one of `gadget` (with what it calls),
    `line` and `party` (what it sent) narrows the question to a part. All that fail are named.
    """
    cost = run if isinstance(run, Cost) else Cost(run) if isinstance(run, Trace) else run.cost
    part, where = _part(cost, gadget, line, party)
    if not expected:
        raise MisuseValueError("assert_cost needs a figure to check, e.g. `assert_cost(run, rounds=12, sent_bytes__le=4096)`")
    wrong = []
    for question, limit in expected.items():
        figure, _, comparison = question.partition("__")
        holds, words = _comparison(comparison or "eq", question)
        came = _figure(cost, part, figure, narrowed=bool(where))
        if not holds(came, limit):
            wrong.append(f"{figure}{where}: expected {words} {limit:,}, came {came:,}{_explain(cost, figure, where)}")
    if wrong:
        raise AssertionError("\n".join(wrong))


def _part(cost: Cost, gadget: str, line: int, party: str) -> tuple[Tally, str]:
    if sum(map(bool, (gadget, line, party))) > 1:
        raise MisuseValueError("assert_cost looks at one part: give one of gadget, line, party")
    if gadget:
        known = sorted({node.name for node in cost.tree.walk() if node.path})
        if gadget not in known:
            raise MisuseValueError(f"no gadget `{gadget}` ran; there were: {', '.join(known) or 'none'}")
        return cost.gadget(gadget), f" of gadget {gadget}"
    if party:
        if party not in cost.by_party:
            raise MisuseValueError(f"no party `{party}`; there are: {', '.join(cost.by_party)}")
        return cost.by_party[party], f" of party {party}"
    return (cost.by_line.get(line, Tally()), f" of line {line}") if line else (cost.total, "")


def _comparison(name: str, question: str) -> tuple[Callable[[int, int], bool], str]:
    if name not in COMPARISONS:
        raise MisuseValueError(f"`{question}`: no comparison `{name}`; known: {', '.join(COMPARISONS)}")
    return COMPARISONS[name]


def _figure(cost: Cost, part: Tally, figure: str, narrowed: bool) -> int:
    if figure in PHASE_FIGURES and not narrowed:
        phase, part_figure = PHASE_FIGURES[figure]
        part, figure = cost.by_phase[phase], part_figure
    if figure not in FIGURES:
        known = ", ".join(FIGURES if narrowed else (*FIGURES, *PHASE_FIGURES))
        raise MisuseValueError(f"no figure `{figure}`" + (" of a part" if narrowed else "") + f"; known: {known}")
    value: Any = getattr(part, figure)
    return int(value)


def _explain(cost: Cost, figure: str, where: str) -> str:
    """The dearest line, since that is where one looks next."""
    if where or not cost.by_line:
        return ""
    by_rounds = figure.endswith("rounds")
    line, tally = max(cost.by_line.items(), key=lambda item: (item[1].rounds if by_rounds else item[1].sent_bytes, -item[0]))
    return f" (most at line {line}: {counted(tally.rounds, 'round')}, {tally.sent_bytes:,} bytes)"
