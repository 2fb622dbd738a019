"""Source: the cell's text with the cost of each line beside it."""

from typing import Any

from ..registry import chart
from ..trace.cost import Cost, Tally
from ..trace.events import Trace
from ..trace.units import counted, readable_bytes
from .picture import TEXT, Picture, axis, colour, empty, label, layout

TITLE = "Cost by line"
LINES, LINE_WIDTH = 60, 64
ROW = 19  # pixels
NO_BREAK_SPACE = "\u00a0"  # the only kind of which plotly shows two


@chart("source")
def source(trace: Trace) -> Picture:
    """Long cells show their dearest lines only."""
    cost = Cost(trace)
    text = trace.source.splitlines()
    known = range(1, max([len(text), *cost.by_line]) + 1)
    if not text and not trace.messages:
        return empty(TITLE, "There is no cell text.")
    lines = _shown_lines(cost.by_line, known)
    written = [_line(number, text) for number in lines]
    tallies = [cost.by_line.get(number, Tally()) for number in lines]
    rows = list(range(len(lines)))
    code = {
        "type": "scatter", "mode": "text", "x": [0] * len(rows), "y": rows, "text": written, "textposition": "middle right",
        "textfont": {"family": "monospace", "size": 12, "color": TEXT}, "hoverinfo": "skip", "cliponaxis": False,
    }  # fmt: skip
    bars = {
        "type": "bar", "orientation": "h", "x": [tally.sent_bytes for tally in tallies], "y": rows, "xaxis": "x2",
        "marker": {"color": colour(0)}, "text": [_figure(tally) for tally in tallies], "textposition": "outside",
        "textfont": {"color": TEXT}, "cliponaxis": False, "hoverinfo": "text",
        "hovertext": [f"line {number}: {_hover(tally)}" for number, tally in zip(lines, tallies, strict=True)],
    }  # fmt: skip
    return Picture(_caption(cost, text), [code, bars], _layout(trace, lines, tallies, known))


def _layout(trace: Trace, lines: list[int], tallies: list[Tally], known: range) -> dict[str, Any]:
    most = max((tally.sent_bytes for tally in tallies), default=0)
    title = TITLE if len(lines) == len(known) else f"{TITLE}: {len(lines)} of {len(known):,} lines"
    hidden = {"showgrid": False, "showticklabels": False, "zeroline": False, "fixedrange": True}
    ticks: dict[str, Any] = {
        "tickmode": "array",
        "tickvals": list(range(len(lines))),
        "ticktext": [str(number) for number in lines],
        "ticks": "",
    }
    numbers = axis(range=[len(lines) - 0.4, -0.6], fixedrange=True, showgrid=False, showline=False, **ticks)
    figure = layout(title, 90 + ROW * max(3, len(lines)), yaxis=numbers, bargap=0.35)
    figure["xaxis"] = {**hidden, "domain": [0, 0.62], "range": [-0.02, 1]}
    figure["xaxis2"] = {**hidden, "domain": [0.64, 1], "range": [0, 2.3 * max(1, most)], "anchor": "y"}
    figure["margin"] = {"l": 40, "r": 10, "t": 45, "b": 15}
    return figure


def _shown_lines(by_line: dict[int, Tally], known: range) -> list[int]:
    """All lines, or the dearest ones; line 0 only if something was sent outside the cell's text."""
    candidates = [0] * (0 in by_line) + list(known)
    if len(candidates) <= LINES:
        return candidates
    costly = [line for line in candidates if line in by_line]
    return sorted(sorted(costly or candidates, key=lambda line: (-by_line.get(line, Tally()).sent_bytes, line))[:LINES])


def _line(number: int, text: list[str]) -> str:
    if not 0 < number <= len(text):
        return "<i>outside the cell's lines</i>"
    line = label(text[number - 1].expandtabs(4), LINE_WIDTH)
    stripped = line.lstrip(" ")
    return NO_BREAK_SPACE * (len(line) - len(stripped)) + stripped.replace(" ", NO_BREAK_SPACE)


def _figure(tally: Tally) -> str:
    return f"{readable_bytes(tally.sent_bytes)} · {counted(tally.rounds, 'round')}" if tally.messages else ""


def _hover(tally: Tally) -> str:
    return f"{tally.sent_bytes:,} bytes, {counted(tally.messages, 'message')}, {counted(tally.rounds, 'round')}"


def _caption(cost: Cost, text: list[str]) -> str:
    if not cost.messages:
        return f"None of {counted(len(text), 'line')} sends anything."
    line, tally = max(cost.by_line.items(), key=lambda item: (item[1].sent_bytes, -item[0]))
    where = f"Line {line}" if line else "What runs outside the cell's lines"
    share = f"{readable_bytes(tally.sent_bytes)} of {readable_bytes(cost.sent_bytes)}"
    return f"{where} sends most: {share}, in {counted(tally.rounds, 'round')}."
