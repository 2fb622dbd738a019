"""The mime bundle of a Run: text and HTML; what varies from run to run goes to metadata alone. Charts are outputs beside it.

A chart in the same bundle would hide the result and its label wherever charts can be drawn: the richest form wins.
"""

from typing import Any

from .. import charts
from ..charts.picture import Picture
from ..registry import renderers
from ..runtime.finished import Run
from .page import page
from .text import text


def bundle(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """(data, metadata) as Jupyter wants them."""
    data: dict[str, Any] = {"text/plain": text(run), "text/html": page(run)}
    return data, {"ramp_notebook": {"seconds": run.seconds}}


def pictures(run: Run) -> list[Picture]:
    """The run's charts: whoever displays the run displays these before it."""
    return [charts.draw(name, run.trace) for name in run.charts]


def chart(run: Run, name: str, **options: Any) -> Picture:
    return charts.draw(name, run.trace, **options)


renderers.add("bundle", bundle)
renderers.add("chart", chart)
