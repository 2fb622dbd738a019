"""Traffic: who sent how much to whom, as a party-to-party heat map."""

from ..registry import chart
from ..trace.cost import Cost
from ..trace.events import Trace
from ..trace.units import counted, one_line, readable_bytes
from .picture import SCALE, TEXT, Picture, axis, block_names, blocks, empty, layout

TITLE = "Bytes from party (rows) to party (columns)"
SIDE = 44  # 44 × 44 cells stay under the limit of marks
WRITTEN = 8  # up to this many parties the figures stand in the cells


@chart("traffic")
def traffic(trace: Trace) -> Picture:
    """Payload bytes; the diagonal, where nothing is sent, stays blank."""
    if not trace.messages:
        return empty(TITLE)
    parts = blocks(len(trace.parties), SIDE)
    size = len(parts[0])
    count = range(len(parts))
    sums: list[list[int | None]] = [[None if row == column and size == 1 else 0 for column in count] for row in count]
    for message in trace.messages:
        row, column = message.sender // size, message.receiver // size
        sums[row][column] = (sums[row][column] or 0) + message.payload_bytes
    names = block_names(trace.parties, parts)
    most = max((z or 0 for row in sums for z in row), default=0)
    heat = {
        "type": "heatmap", "x": names, "y": names, "z": sums, "colorscale": SCALE, "zmin": 0, "zmax": max(1, most),
        "xgap": 2, "ygap": 2, "hoverongaps": False, "hovertemplate": "%{y} → %{x}: %{z:,} bytes<extra></extra>",
        "colorbar": {"title": {"text": "bytes", "side": "right"}, "outlinewidth": 0, "tickfont": {"color": TEXT}, "tickformat": "~s"},
    }  # fmt: skip
    if len(parts) <= WRITTEN:
        heat["text"] = [["" if z is None else readable_bytes(z) for z in row] for row in sums]
        heat["texttemplate"] = "%{text}"
    side = 34 if len(parts) <= 16 else 14
    figure = layout(
        TITLE,
        min(760, 190 + side * len(parts)),
        xaxis=axis(type="category", showgrid=False),
        yaxis=axis(type="category", autorange="reversed", showgrid=False),
    )
    return Picture(_caption(trace), [heat], figure)


def _caption(trace: Trace) -> str:
    pairs = Cost(trace).by_pair
    (sender, receiver), most = max(pairs.items(), key=lambda item: item[1].sent_bytes)
    used = f"messages go in {counted(len(pairs), 'direction')}"
    return f"Most goes from {one_line(sender)} to {one_line(receiver)}: {readable_bytes(most.sent_bytes)}; {used}."
