"""Charts: pure functions from a Trace to a Picture, one file each, found by name in `registry.charts`."""

from typing import Any

from ..registry import charts as registered
from ..trace.events import Trace
from . import network, source, timeline, traffic, tree  # noqa: F401  registers them
from .picture import Picture

__all__ = ["Picture", "draw"]


def draw(name: str, trace: Trace, **options: Any) -> Picture:
    """Draw `trace` as the chart called `name`.

    A chart function returns a Picture, or a plotly figure, from which the template is taken away.
    """
    drawn = registered[name](trace, **options)
    if isinstance(drawn, Picture):
        return drawn
    plain = drawn.to_plotly_json()
    return Picture(f"The chart `{name}`.", plain["data"], {key: part for key, part in plain["layout"].items() if key != "template"})
