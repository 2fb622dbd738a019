"""The report as HTML: tables that survive untrusted notebooks, exports and screen readers. No script, no picture.

Every string is escaped: names, text and values come from parties.
"""

from collections.abc import Iterable, Sequence
from html import escape

from ..runtime.finished import Peek, Run
from ..trace.cost import Cost, Node, Tally
from ..trace.units import counted, one_line, readable_bytes
from .text import SHOWN_OUTPUTS, cheating_lines, gadget_text, network_line, result_lines, summary_line, supply_line, value_text

SHOWN_PARTIES, SHOWN_GADGETS, SHOWN_LINES = 60, 150, 100
ROW_HEADING = '<th scope="row" style="text-align:left">'  # notebooks align cells right, which would hide how calls nest


def page(run: Run) -> str:
    """The whole report; the pictures stand beside it with captions of their own."""
    parts = [f"<div>{_paragraph(line)}</div>" for line in result_lines(run)]
    parts += [f"<p>{_text(line, 300)}</p>" for line in cheating_lines(run)]
    if run.failure:
        parts.append(f"<p><strong>failed:</strong> {_text(run.failure)}</p>")
    if run.planned:
        parts.append("<p>planned: sizes only, no data moved</p>")
    parts.append(f"<p><strong>{_text(run.label.text(), 2000)}</strong><br>{_text(summary_line(run.cost))}</p>")
    if run.supplies:
        parts.append(f"<p>{_text(supply_line(run), 2000)}</p>")
    if run.network is not None:
        parts.append(f"<p>{_text(network_line(run))}</p>")
    parts += [_peek_table(run, peek) for peek in list(run.peeks)[:SHOWN_OUTPUTS]]
    if run.cost.messages:
        parts += [_party_table(run.cost), _gadget_table(run.cost), _line_table(run.cost)]
    return "<div>" + "\n".join(parts) + "</div>"


def _paragraph(line: str) -> str:
    return f"<code>{_text(line, 240)}</code>"


def _text(shown: str, width: int = 240) -> str:
    return escape(one_line(shown, width))


def _table(caption: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]], note: str = "") -> str:
    """`rows` are (heading as HTML, cells as text)."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "\n".join(
        f"<tr>{ROW_HEADING}{heading}</th>" + "".join(f"<td>{_text(cell)}</td>" for cell in cells) + "</tr>" for heading, cells in rows
    )
    tail = f"<p>{escape(note)}</p>" if note else ""
    return f"<table><caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>{tail}"


def _tally_cells(tally: Tally) -> list[str]:
    return [f"{tally.rounds:,}", f"{tally.messages:,}", f"{tally.sent_bytes:,}", f"{tally.wire_bytes:,}"]


TALLY_COLUMNS = ["rounds", "messages", "sent bytes", "with headers"]


def _party_table(cost: Cost) -> str:
    phases = [phase for phase, tally in cost.by_phase.items() if tally.messages]
    columns = ["party", *TALLY_COLUMNS, *(f"{phase} bytes" for phase in phases if len(phases) > 1)]

    def cells(name: str, tally: Tally) -> list[str]:
        apart = [f"{cost.by_phase_and_party[phase, name].sent_bytes:,}" for phase in phases] if len(phases) > 1 else []
        return _tally_cells(tally) + apart

    shown = list(cost.by_party.items())[:SHOWN_PARTIES]
    rows = [(_text(name, 60), cells(name, tally)) for name, tally in shown]
    whole = _tally_cells(cost.total) + ([f"{cost.by_phase[phase].sent_bytes:,}" for phase in phases] if len(phases) > 1 else [])
    hidden = len(cost.by_party) - len(shown)
    note = f"{counted(hidden, 'party')} more in run.cost.by_party" if hidden else ""
    return _table("Sent by each party", columns, [*rows, ("all", whole)], note)


def _gadget_table(cost: Cost) -> str:
    nodes = [node for node in cost.tree.walk() if node.path and node.total.messages]
    shown = nodes[:SHOWN_GADGETS]
    rows = [("&nbsp;" * 4 * min(len(node.path) - 1, 12) + _text(node.name, 60), _node_cells(node)) for node in shown]
    note = f"{counted(len(nodes) - len(shown), 'call path')} more in run.cost.tree" if len(nodes) > len(shown) else ""
    table = _table("Cost by gadget, each with what it calls", ["gadget", "calls", *TALLY_COLUMNS, "lines"], rows, note)
    first = gadget_text(cost.tree.children[0]) if cost.tree.children else "the cell itself"
    return f"<details><summary>By gadget: dearest is {_text(first)}</summary>{table}</details>"


def _node_cells(node: Node) -> list[str]:
    lines = [str(line) for line in node.lines if line]
    return [f"{node.calls:,}", *_tally_cells(node.total), ", ".join(lines[:6]) + (", …" if len(lines) > 6 else "")]


def _line_table(cost: Cost) -> str:
    source = cost.trace.source.splitlines()
    shown = sorted(cost.by_line, key=lambda line: (-cost.by_line[line].sent_bytes, line))[:SHOWN_LINES]
    rows = [
        (f"{line} <code>{_text(source[line - 1].strip() if 0 < line <= len(source) else '', 60)}</code>", _tally_cells(cost.by_line[line]))
        for line in sorted(shown)
    ]
    hidden = len(cost.by_line) - len(shown)
    note = f"{counted(hidden, 'line')} more in run.cost.by_line" if hidden else ""
    dear = f"line {shown[0]} sends {readable_bytes(cost.by_line[shown[0]].sent_bytes)}"
    table = _table("Cost by cell line", ["line", *TALLY_COLUMNS], rows, note)
    return f"<details><summary>By line: {escape(dear)}</summary>{table}</details>"


def _peek_table(run: Run, peek: Peek) -> str:
    rows = [(_text(name, 60), [value_text(share)]) for name, share in zip(run.trace.parties, peek.shares, strict=False)]
    return _table(f"Shares of one {peek.dtype} secret at line {peek.line}", ["party", "holds"], rows)
