"""Timeline: one lane per party, one column per logical round, an arrow per message; a heat map when there are too many.

Rounds are logical time: the same at every run, and what latency multiplies.
"""

from math import log2
from typing import Any

from ..registry import chart
from ..trace.cost import Cost, span_paths
from ..trace.events import PREPROCESSING, Message, Trace
from ..trace.units import counted, path_text, readable_bytes
from .picture import DASHES, MARKS, SCALE, TEXT, Picture, axis, block_names, blocks, colour, empty, label, layout

ARROWS, ARROW_PARTIES = 200, 12
TITLE = "Messages by round"


@chart("timeline")
def timeline(trace: Trace) -> Picture:
    """Who sends to whom in which round."""
    if not trace.messages:
        return empty(TITLE)
    if len(trace.messages) <= ARROWS and len(trace.parties) <= ARROW_PARTIES:
        return _arrows(trace)
    return _heat(trace)


def _caption(trace: Trace) -> str:
    cost = Cost(trace)
    busiest = max(cost.by_round, key=lambda number: (cost.by_round[number].sent_bytes, -number))
    most = readable_bytes(cost.by_round[busiest].sent_bytes)
    return (
        f"{counted(cost.messages, 'message')} in {counted(cost.rounds, 'round')} between {trace.crowd()}; "
        f"round {busiest} is the largest with {most}."
    )


def _arrows(trace: Trace) -> Picture:
    names = block_names(trace.parties, blocks(len(trace.parties), ARROW_PARTIES))
    paths = span_paths(trace)
    data = []
    for sender, name in enumerate(names):
        sent = [message for message in trace.messages if message.sender == sender]
        if not sent:
            continue
        x: list[float | None] = []
        y: list[int | None] = []
        sizes, hover = [], []
        for message in sent:
            said = _hover(trace, message, path_text(paths[sender][message.span]))
            x += [message.round - 0.32, message.round + 0.32, None]
            y += [sender, message.receiver, None]
            sizes += [0, 8 + min(8, int(log2(1 + message.payload_bytes)) // 2), 0]
            hover += [said, said, ""]
        data.append(_arrow_trace(name, sender, x, y, sizes, hover))
    rounds = max(message.round for message in trace.messages)
    lanes = axis("", tickmode="array", tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5])
    columns = axis("round", range=[0.5, rounds + 0.5], dtick=_tick_step(rounds), tick0=1)
    figure = layout(TITLE, 120 + 56 * len(names), xaxis=columns, yaxis=lanes, shapes=_preprocessing_bands(trace))
    if figure["shapes"]:
        place = {"xref": "paper", "yref": "paper", "x": 1, "y": 1.02, "xanchor": "right", "yanchor": "bottom"}
        figure["annotations"] = [{"text": "shaded: preprocessing", "showarrow": False, **place}]
    return Picture(_caption(trace), data, figure)


def _tick_step(rounds: int) -> int:
    """About ten round numbers: 1, 2, 5, 10, 20, …"""
    step = 1
    while rounds > 12 * step:
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    return step


def _arrow_trace(name: str, sender: int, x: list[float | None], y: list[int | None], sizes: list[int], hover: list[str]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": x,
        "y": y,
        "line": {"color": colour(sender), "width": 1.5, "dash": DASHES[sender % len(DASHES)]},
        "marker": {"symbol": "arrow", "angleref": "previous", "size": sizes, "color": colour(sender), "opacity": 1, "line": {"width": 0}},
        "hoverinfo": "text",
        "hovertext": hover,
    }


def _hover(trace: Trace, message: Message, gadget: str) -> str:
    ends = f"{label(trace.parties[message.sender])} → {label(trace.parties[message.receiver])}"
    where = f"line {message.line}, " if message.line else ""
    return f"{ends}<br>round {message.round}, {readable_bytes(message.payload_bytes)}<br>{where}{label(gadget, 80)}"


def _preprocessing_bands(trace: Trace) -> list[dict[str, Any]]:
    rounds = sorted({message.round for message in trace.messages if message.phase == PREPROCESSING})
    return [
        {
            "type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": round - 0.5, "x1": round + 0.5,
            "layer": "below", "line": {"width": 0}, "fillcolor": "rgba(127,127,127,0.18)",
        }
        for round in rounds
    ]  # fmt: skip


def _heat(trace: Trace) -> Picture:
    """Bytes per sender and round, neighbours merged until the marks are few enough."""
    rows = blocks(len(trace.parties), 40)
    rounds = max(message.round for message in trace.messages)
    columns = blocks(rounds, min(400, MARKS // len(rows)))
    sums = [[0] * len(columns) for _ in rows]
    for message in trace.messages:
        sums[message.sender // len(rows[0])][(message.round - 1) // len(columns[0])] += message.payload_bytes
    merged = len(columns[0])
    starts = [column[0] + 1 for column in columns]
    step = f" (columns of {counted(merged, 'round')})" if merged > 1 else ""
    rate = "bytes" if merged == 1 else f"bytes in {counted(merged, 'round')}"
    data = [
        {
            "type": "heatmap", "x": starts, "y": block_names(trace.parties, rows), "z": sums,
            "colorscale": SCALE, "zmin": 0, "zmax": max(1, *map(max, sums)), "xgap": 1 if len(columns) <= 60 else 0, "ygap": 2,
            "hovertemplate": "%{y}, from round %{x}: %{z:,} bytes<extra></extra>",
            "colorbar": {"title": {"text": f"{rate}", "side": "right"}, "outlinewidth": 0, "tickfont": {"color": TEXT}, "tickformat": "~s"},
        }
    ]  # fmt: skip
    lanes = axis(autorange="reversed", type="category", showgrid=False)
    ticks = axis("round", tick0=1, dtick=_tick_step(rounds), showgrid=False)
    figure = layout(f"{TITLE}{step}, by sender", min(480, 150 + max(26 * len(rows), 90)), xaxis=ticks, yaxis=lanes)
    return Picture(_caption(trace), data, figure)
