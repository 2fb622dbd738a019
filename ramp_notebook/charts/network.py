"""Network: what latency and bandwidth make of the same messages, as curves and with two sliders.

All times are replays. The curves take few of them and are within 1 % of the rest; marks and sliders are exact.
"""

import threading
from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import Any

from ..registry import chart
from ..trace.events import Trace
from ..trace.message_times import MessageTimes
from ..trace.replay import replay
from ..trace.units import counted, readable_seconds
from ..wire.network import PRESETS, NetworkModel
from .picture import DASHES, PLOTLY_MIME, SYMBOLS, TEXT, Picture, axis, colour, empty, label, layout

TITLE = "Time in messages on other networks"
QUICK_MESSAGES = 3000  # a replay takes about 10 µs for each
LATENCIES = [10 ** (exponent / 4) for exponent in range(-20, 1)]  # 10 µs … 1 s


@chart("network")
def network(trace: Trace) -> Picture:
    """One curve per preset's bandwidth over latency, with the preset marked on it."""
    if not any(message.received_at >= 0 for message in trace.messages):
        return empty(TITLE)
    bandwidths = [model.bandwidth_bytes_per_second for model in PRESETS.values()]
    times = MessageTimes(trace, LATENCIES[0] * min(bandwidths), LATENCIES[-1] * max(bandwidths))
    of_presets = {name: replay(trace, model, compute=False).seconds for name, model in PRESETS.items()}
    data: list[dict[str, Any]] = []
    marks = []
    for position, model in enumerate(PRESETS.values()):
        look = {"color": colour(position), "width": 2, "dash": DASHES[position]}
        curve = [_significant(times.seconds(latency, model.bandwidth_bytes_per_second)) for latency in LATENCIES]
        said = f"{readable_bandwidth(model)}: %{{y:.3g}} s at %{{x:.3g}} s<extra></extra>"
        data.append({
            "type": "scatter", "mode": "lines", "name": readable_bandwidth(model), "line": look, "hovertemplate": said,
            "x": [_significant(latency) for latency in LATENCIES], "y": curve,
        })  # fmt: skip
        seconds = of_presets[model.name]
        marks.append({
            "type": "scatter", "mode": "markers+text", "x": [model.latency_seconds], "y": [_significant(seconds)],
            "text": [f"{model.name} {readable_seconds(seconds)}"], "cliponaxis": False,
            "textposition": "bottom right" if position < 2 else "top left",
            "textfont": {"color": TEXT}, "marker": {"symbol": SYMBOLS[position], "size": 11, "color": colour(position)},
            "hovertext": [label(model.describe(), 80)], "hoverinfo": "text", "showlegend": False,
        })  # fmt: skip
    figure = layout(
        TITLE,
        380,
        xaxis=axis("latency, one way", type="log", **_decades(LATENCIES)),
        yaxis=axis(type="log", **_decades([seconds for curve in data for seconds in curve["y"]])),
        showlegend=True,
        legend={"title": {"text": "uplink of each party"}, "x": 0.01, "y": 0.99, "bgcolor": "rgba(0,0,0,0)"},
    )
    return Picture(_caption(max(message.round for message in trace.messages), of_presets), [*data, *marks], figure)


def _decades(seconds: Sequence[float]) -> dict[str, Any]:
    """Ticks at powers of ten, written as people say them."""
    powers = range(floor(log10(min(seconds))), ceil(log10(max(seconds))) + 1)
    names = [readable_seconds(10.0**power) for power in powers]
    return {"tickmode": "array", "tickvals": [_significant(10.0**power) for power in powers], "ticktext": names}


def _significant(seconds: float) -> float:
    """Four digits are what a pixel can show, and keep the JSON short and equal on every machine."""
    return float(f"{seconds:.4g}")


def readable_bandwidth(model: NetworkModel) -> str:
    return f"{8e-6 * model.bandwidth_bytes_per_second:g} Mbit/s"


def _caption(rounds: int, of_presets: Mapping[str, float]) -> str:
    times = ", ".join(f"{name} {readable_seconds(seconds)}" for name, seconds in of_presets.items())
    return f"{counted(rounds, 'round')} of messages take: {times}; computing comes on top."


def breakdown(trace: Trace, latency_seconds: float, bandwidth_bytes_per_second: float) -> Picture:
    """One network's replay, its critical path in three parts: waiting for latency, sending, computing."""
    result = replay(trace, NetworkModel("chosen", latency_seconds, bandwidth_bytes_per_second))
    latency = latency_seconds * sum(1 for hop in result.critical_path if hop.peer)
    parts = {"latency": latency, "sending": max(0.0, result.message_seconds - latency), "computing": result.compute_seconds}
    total = readable_seconds(result.seconds)
    where = f"{readable_seconds(latency_seconds)} latency and {8e-6 * bandwidth_bytes_per_second:.3g} Mbit/s"
    bars = {
        "type": "bar", "orientation": "h", "y": list(parts), "x": list(parts.values()), "cliponaxis": False,
        "marker": {"color": [colour(position) for position in range(3)]},
        "text": [readable_seconds(seconds) for seconds in parts.values()], "textposition": "outside", "textfont": {"color": TEXT},
        "hoverinfo": "skip",
    }  # fmt: skip
    seconds = axis("seconds", rangemode="tozero", range=[0, 1.25 * max(*parts.values(), 1e-9)])
    figure = layout(f"{total} with {where}", 210, xaxis=seconds, yaxis=axis(autorange="reversed"))
    caption = f"{total} with {where}: " + ", ".join(f"{name} {readable_seconds(value)}" for name, value in parts.items())
    return Picture(caption, [bars], figure)


def sliders(trace: Trace) -> Any:
    """Two sliders, latency and bandwidth, over the time this trace would take: each move is a replay, of a long trace each rest.

    Callbacks may come from several threads at once: one lock, and the newest values win.
    """
    import ipywidgets as widgets

    wan = PRESETS["wan"]
    wide = {"layout": widgets.Layout(width="28em"), "style": {"description_width": "9em"}, "readout_format": ".3g", "step": 0.05}
    wide["continuous_update"] = len(trace.messages) <= QUICK_MESSAGES
    latency = widgets.FloatLogSlider(wan.latency_seconds * 1e3, min=-2, max=3, description="latency (ms)", **wide)
    bandwidth = widgets.FloatLogSlider(8e-6 * wan.bandwidth_bytes_per_second, min=-1, max=4, description="uplink (Mbit/s)", **wide)
    shown = widgets.Output()
    lock = threading.Lock()

    def redraw(change: Any = None) -> None:
        with lock:
            picture = breakdown(trace, latency.value / 1e3, bandwidth.value * 125_000)
            data = {"text/plain": picture.caption, PLOTLY_MIME: picture.to_json()}
            shown.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)

    latency.observe(redraw, names="value")
    bandwidth.observe(redraw, names="value")
    redraw()
    return widgets.VBox([latency, bandwidth, shown])
