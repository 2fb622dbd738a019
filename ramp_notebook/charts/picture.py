"""Picture: one chart as plotly's JSON with the sentence that says it in words; and the look that all charts share.

Plain dicts and lists: the saved JSON is the same under every plotly version, needs no plotly to make, and carries no
template. Grey text and transparent ground read on light and dark pages alike; colour never stands alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from ..trace.units import one_line

PLOTLY_MIME = "application/vnd.plotly.v1+json"
MARKS = 2000  # more are neither readable nor small
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")  # Okabe and Ito
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
TEXT = "#7f7f7f"  # contrast above 4 on white and on #111
GRID = "rgba(127,127,127,0.25)"
SCALE = "Cividis"


@dataclass(frozen=True)
class Picture:
    """What a chart function returns. Shows itself in a notebook; `figure` is for those who want to go on with plotly."""

    caption: str  # one sentence with the figures that matter: the text alternative
    data: list[dict[str, Any]]
    layout: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"data": self.data, "layout": self.layout, "config": {"displaylogo": False}}

    @property
    def figure(self) -> Any:
        """A `plotly.graph_objects.Figure`, without plotly's default template."""
        import plotly.graph_objects as go  # 0.3 s, and only here

        figure = go.Figure(data=self.data, layout=self.layout)
        return figure.update_layout(template=None)

    def __repr__(self) -> str:
        return self.caption

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": self.caption, "text/html": f"<p>{escape(self.caption)}</p>", PLOTLY_MIME: self.to_json()}


def layout(title: str, height: int = 320, **parts: Any) -> dict[str, Any]:
    """The shared look; `parts` are plotly layout entries, axes already styled."""
    return {
        "title": {"text": label(title, 120), "font": {"size": 14, "color": TEXT}, "x": 0, "xref": "paper", "xanchor": "left"},
        "font": {"color": TEXT, "size": 12},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "height": height,
        "margin": {"l": 70, "r": 20, "t": 50, "b": 50},
        "hoverlabel": {"font": {"color": "#ffffff"}, "bgcolor": "#333333"},
        "showlegend": False,
        **parts,
    }


def axis(title: str = "", **parts: Any) -> dict[str, Any]:
    return {
        "title": {"text": title},
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": TEXT,
        "tickcolor": TEXT,
        "automargin": True,
        **parts,
    }


def label(text: str, width: int = 40) -> str:
    """Text that came from a party, as plotly's small markup language shows it verbatim, on one line."""
    return escape(one_line(text, width), quote=False)


def colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def blocks(count: int, limit: int) -> list[range]:
    """0 … count - 1 in at most `limit` consecutive blocks of one size: one cell of a heat map each."""
    size = max(1, -(-count // limit))
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def block_names(names: Sequence[str], parts: Sequence[range], width: int = 24) -> list[str]:
    """Axis labels of blocks of parties; distinct, since plotly merges equal categories."""

    def shown(part: range) -> str:
        if len(part) == 1:
            return label(names[part[0]], width)
        return f"{label(names[part[0]], 10)} … {label(names[part[-1]], 10)}"

    labels = [shown(part) for part in parts]
    return [name if labels.count(name) == 1 else f"{name} ({position})" for position, name in enumerate(labels)]


def empty(title: str, why: str = "No messages were sent.") -> Picture:
    """A valid figure for a trace with nothing to draw."""
    note = {"text": why, "showarrow": False, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
    hidden = {"visible": False}
    return Picture(f"{title}: {why}", [], layout(title, 160, annotations=[note], xaxis=hidden, yaxis=hidden))
