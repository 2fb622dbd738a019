"""`run.what_if()`: the network chart, which stays in the saved notebook, and below it two sliders, which need a kernel."""

from typing import Any

from IPython.display import display

from ramp_notebook.charts.network import network, sliders
from ramp_notebook.registry import renderers
from ramp_notebook.runtime.finished import Run
from ramp_notebook.trace.events import Trace


def what_if(run: Run | Trace) -> Any:
    """Show the chart as an output of its own, and give back the sliders: a reopened notebook cannot draw a lost widget."""
    trace = run.trace if isinstance(run, Run) else run
    display(network(trace))
    return sliders(trace)


renderers.add("what_if", what_if)
