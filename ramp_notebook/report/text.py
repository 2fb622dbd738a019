"""The report as text: results, label, one line of totals, bytes by party, the dearest gadgets. Same run, same text."""

from typing import Any

import numpy as np

from ..registry import renderers
from ..runtime.finished import Run
from ..trace.cost import Cost, Node, dearest
from ..trace.events import ONLINE
from ..trace.replay import replay
from ..trace.units import counted, counted_items, one_line, readable_bytes, readable_seconds
from ..wire.network import network

SHOWN_OUTPUTS, SHOWN_PARTIES, SHOWN_CHEATS = 12, 8, 12
ADDRESS_REPR: Any = object.__repr__  # says where an object lies in memory


def text(run: Run) -> str:
    """Everything a reader of a terminal, or of a saved notebook without pictures, needs to know."""
    lines = result_lines(run)
    for peek in run.peeks:  # random unless seeded: for teaching, and the label says so
        lines.append(f"shares of a secret at line {peek.line} ({one_line(peek.dtype)}):")
        lines += [f"  {one_line(name)} holds {value_text(share)}" for name, share in zip(run.trace.parties, peek.shares, strict=False)]
    lines += cheating_lines(run)
    if run.failure:
        lines.append(f"failed: {run.failure}")
    if run.planned:
        lines.append("planned: sizes only, no data moved")
    lines.append(f"label: {run.label.text()}")
    lines.append(summary_line(run.cost))
    if run.cost.messages:
        lines += [sent_line(run.cost), "dearest: " + " · ".join(gadget_text(node) for node in dearest(run.cost.tree))]
    if run.supplies:
        lines.append(supply_line(run))
    if run.network is not None:
        lines.append(network_line(run))
    return "\n".join(lines)


renderers.add("text", text)


def cheating_lines(run: Run) -> list[str]:
    """What parties changed on purpose."""
    hidden = len(run.cheated) - SHOWN_CHEATS
    lines = [f"cheated on purpose: {one_line(line, 240)}" for line in run.cheated[:SHOWN_CHEATS]]
    return [*lines, f"… and {counted(hidden, 'change')} more"] if hidden > 0 else lines


def summary_line(cost: Cost) -> str:
    """One line of totals.

    Preprocessing is named where there is some; headers are left out here as papers do, and shown in the table.
    """
    parts = [cost.trace.crowd(), counted(cost.rounds, "round"), counted(cost.messages, "message")]
    parts += [f"{readable_bytes(tally.sent_bytes)} {phase}" for phase, tally in cost.by_phase.items() if tally.messages or phase == ONLINE]
    return " · ".join(parts)


def sent_line(cost: Cost) -> str:
    """Bytes by party; of a crowd only the range."""
    sent = {name: tally.sent_bytes for name, tally in cost.by_party.items()}
    if len(sent) <= SHOWN_PARTIES:
        return "sent: " + " · ".join(f"{one_line(name)} {readable_bytes(count)}" for name, count in sent.items())
    least, most = min(sent.values()), max(sent.values())
    amount = readable_bytes(most) if least == most else f"{readable_bytes(least)} to {readable_bytes(most)}"
    return f"sent: {amount} by each of {counted(len(sent), 'party')}"


def supply_line(run: Run) -> str:
    """Correlated randomness that was used, and what was made beyond that and waits for later cells."""
    used = " · ".join(counted_items(count, kind) for kind, (_, count, _) in run.supplies.items() if count)
    left = " · ".join(counted_items(count, kind) for kind, (*_, count) in run.supplies.items() if count)
    if not any(made or count for made, count, _ in run.supplies.values()):
        return f"correlated randomness in stock already: {left}"
    if not used:
        return f"correlated randomness made and not used yet: {left}"
    return f"used of correlated randomness: {used}" + (f"; made and not used yet: {left}" if left else "")


def gadget_text(node: Node) -> str:
    lines = [str(line) for line in node.lines if line]
    where = f" ({'line' if len(lines) == 1 else 'lines'} {', '.join(lines[:4])}{', …' if len(lines) > 4 else ''})" if lines else ""
    return f"{one_line(node.name)} {readable_bytes(node.total.sent_bytes)} in {counted(node.total.rounds, 'round')}{where}"


def network_line(run: Run) -> str:
    """Time in messages alone: it follows from sizes, so it is the same at every run; computing comes on top."""
    model = network(run.network or "lan")
    seconds = replay(run.trace, model, compute=False).seconds
    return f"on {one_line(model.describe())}: {readable_seconds(seconds)} in messages, computing on top"


def result_lines(run: Run) -> list[str]:
    lines = [f"{name} = {value_text(value)}" for name, value in sorted(run.outputs.items())[:SHOWN_OUTPUTS]]
    lines += [f"{name}: {one_line(what)}" for name, what in sorted(run.secrets.items())[:SHOWN_OUTPUTS]]
    hidden = max(0, len(run.outputs) - SHOWN_OUTPUTS) + max(0, len(run.secrets) - SHOWN_OUTPUTS)
    return [*lines, f"… and {counted(hidden, 'name')} more"] if hidden else lines


def value_text(value: Any) -> str:
    """One short line that does not depend on where objects lie in memory or in which order a set was filled."""
    if isinstance(value, np.ndarray):
        with np.printoptions(threshold=12, edgeitems=3, linewidth=10**6):
            shown = " ".join(str(value).split()).replace("[ ", "[")
        shown += f", {value.dtype} {value.shape}" if value.size > 12 else ""
    elif isinstance(value, (set, frozenset)):
        shown = "{" + ", ".join(sorted(map(repr, value))) + "}" if value else repr(value)
    elif type(value).__repr__ is ADDRESS_REPR:
        shown = f"a {type(value).__name__}"
    elif callable(value) or isinstance(value, type(np)):
        shown = getattr(value, "__name__", type(value).__name__)
    else:
        shown = repr(value)
    return one_line(shown)
