"""Tree: where the cost comes from, gadget within gadget, as an icicle. Widths are bytes or rounds, by the buttons above it."""

from typing import Any

from ..errors import MisuseValueError
from ..registry import chart
from ..trace.cost import Cost, Node
from ..trace.events import Trace
from ..trace.units import counted, one_line, path_text, readable_bytes, readable_seconds
from .picture import TEXT, Picture, colour, empty, label, layout

TITLE = "Cost by gadget"
NODES = 200
METRICS = ("bytes", "rounds", "time")


@chart("tree")
def tree(trace: Trace, metric: str = "bytes") -> Picture:
    """Bytes and rounds, whichever first. `metric="time"` shows CPU seconds instead, which differ from run to run."""
    if metric not in METRICS:
        raise MisuseValueError(f"the tree's metric is one of {', '.join(METRICS)}; got `{metric}`")
    root = Cost(trace).tree
    if not trace.messages and metric != "time":
        return empty(TITLE)
    if metric == "time" and not any(node.seconds for node in root.walk()):
        return empty(TITLE, "No computing time was recorded.")
    nodes = _dearest_nodes(root, metric)
    hidden = sum(1 for _ in root.walk()) - len(nodes)
    metrics = [metric] if metric == "time" else [metric, *(other for other in METRICS[:2] if other != metric)]
    data = [_icicle(nodes, name, visible=name == metric) for name in metrics]
    title = TITLE + (f" ({counted(hidden, 'small part')} left out)" if hidden else "")
    depth = max(len(node.path) for node in nodes) + 1
    figure = layout(title, min(640, 110 + 48 * depth), margin={"l": 10, "r": 10, "t": 60, "b": 10})
    figure["uniformtext"] = {"minsize": 11, "mode": "hide"}  # what would be smaller is told under the pointer
    if len(metrics) > 1:
        figure["updatemenus"] = [_buttons(metrics)]
    return Picture(_caption(root, metric), data, figure)


def _value(node: Node, metric: str) -> float:
    """What a width stands for; a root has the time of its parts."""
    if metric == "time":
        return node.seconds if node.path else sum(child.seconds for child in node.children)
    return node.total.sent_bytes if metric == "bytes" else node.total.rounds


def _shown(node: Node, metric: str) -> str:
    if metric == "time":
        return readable_seconds(_value(node, metric))
    return readable_bytes(node.total.sent_bytes) if metric == "bytes" else counted(node.total.rounds, "round")


def _dearest_nodes(root: Node, metric: str) -> list[Node]:
    """The dearest nodes, parents first. A parent costs at least what its part does, so no part loses its parent."""
    order = {node.path: position for position, node in enumerate(root.walk())}
    ranked = sorted(root.walk(), key=lambda node: (-_value(node, metric), -node.total.rounds, len(node.path), order[node.path]))
    kept: dict[tuple[str, ...], Node] = {}
    for node in ranked[:NODES]:
        if not node.path or node.path[:-1] in kept:
            kept[node.path] = node
    return sorted(kept.values(), key=lambda node: order[node.path])


def _icicle(nodes: list[Node], metric: str, visible: bool) -> dict[str, Any]:
    """`values` are what a node has beyond its shown parts; parts that share rounds may add up to more than the whole."""
    ids = {node.path: str(position) for position, node in enumerate(nodes)}
    shown_parts: dict[tuple[str, ...], float] = {}
    for node in nodes:
        if node.path:
            shown_parts[node.path[:-1]] = shown_parts.get(node.path[:-1], 0) + _value(node, metric)
    tops = {node.path[0]: position for position, node in enumerate(n for n in nodes if len(n.path) == 1)}
    return {
        "type": "icicle",
        "ids": list(ids.values()),
        "parents": [ids[node.path[:-1]] if node.path else "" for node in nodes],
        "labels": [label(node.name) for node in nodes],
        "values": [max(0, _value(node, metric) - shown_parts.get(node.path, 0)) for node in nodes],
        "text": [_shown(node, metric) for node in nodes],
        "hovertext": [_hover(node) for node in nodes],
        "hoverinfo": "text",
        "textinfo": "label+text",
        "branchvalues": "remainder",
        "sort": False,
        "tiling": {"orientation": "v", "pad": 2},
        "pathbar": {"visible": False},
        "leaf": {"opacity": 1},  # plotly fades leaves, and the text on them with the page's colour
        "root": {"color": "rgba(127,127,127,0.15)"},
        "marker": {
            "colors": [colour(tops[node.path[0]]) if node.path else "rgba(127,127,127,0.15)" for node in nodes],
            "line": {"width": 0},
        },
        "visible": visible,
    }


def _hover(node: Node) -> str:
    lines = ", ".join(str(line) for line in node.lines[:6] if line)
    calls = f"{counted(node.calls, 'call')}, " if node.path else ""
    cost = f"{counted(node.total.rounds, 'round')}, {counted(node.total.messages, 'message')}, {readable_bytes(node.total.sent_bytes)}"
    return f"{label(path_text(node.path), 90)}<br>{calls}{cost}" + (f"<br>line {lines}" if lines else "")


def _buttons(metrics: list[str]) -> dict[str, Any]:
    """Switch which icicle is visible; works in a saved notebook too."""
    return {
        "type": "buttons",
        "direction": "right",
        "showactive": False,
        "x": 1,
        "xanchor": "right",
        "y": 1.02,
        "yanchor": "bottom",
        "pad": {"t": 0, "b": 4},
        "bgcolor": "rgba(127,127,127,0.12)",
        "bordercolor": TEXT,
        "font": {"color": TEXT, "size": 11},
        "buttons": [{"label": name, "method": "restyle", "args": ["visible", [name == other for other in metrics]]} for name in metrics],
    }


def _caption(root: Node, metric: str) -> str:
    if not root.children:
        return f"All of {_shown(root, metric)} belongs to the cell itself."
    first = max(root.children, key=lambda node: _value(node, metric))
    return f"Of {_shown(root, metric)} in all, the gadget {one_line(first.name)} and what it calls takes {_shown(first, metric)}."
