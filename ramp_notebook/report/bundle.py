"""The mime bundle of a Run: text, HTML and one chart as plotly's JSON; what varies from run to run goes to metadata alone."""

from typing import Any

from .. import charts
from ..charts.picture import PLOTLY_MIME, Picture
from ..registry import renderers
from ..runtime.finished import Run
from .page import page
from .text import text


def bundle(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """(data, metadata) as Jupyter wants them. The first of `run.charts` is drawn; the others are outputs of their own."""
    shown = [charts.draw(name, run.trace) for name in run.charts[:1]]
    data: dict[str, Any] = {"text/plain": text(run), "text/html": page(run, [picture.caption for picture in shown])}
    for picture in shown:
        data[PLOTLY_MIME] = picture.to_json()
    return data, {"ramp_notebook": {"seconds": run.seconds}}


def pictures(run: Run) -> list[Picture]:
    """The charts beyond the first: whoever displays the run displays these before it."""
    return [charts.draw(name, run.trace) for name in run.charts[1:]]


def chart(run: Run, name: str, **options: Any) -> Picture:
    return charts.draw(name, run.trace, **options)


renderers.add("bundle", bundle)
renderers.add("chart", chart)
