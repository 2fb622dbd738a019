"""Every registered chart draws every trace: valid for plotly, small, the same each time, with its text beside it."""

import json
import sys
import threading
from dataclasses import replace
from functools import cache
from typing import Any

import plotly.graph_objects as go
import pytest
import tracebuilder
from ramp_notebook.kernel_ext.what_if import what_if

from ramp_notebook import charts, registry
from ramp_notebook.charts.network import breakdown, sliders
from ramp_notebook.charts.picture import MARKS, PLOTLY_MIME
from ramp_notebook.errors import MisuseValueError
from ramp_notebook.trace.events import Trace
from ramp_notebook.trace.message_times import TOLERANCE
from ramp_notebook.trace.replay import replay
from ramp_notebook.trace.units import readable_seconds
from ramp_notebook.wire.network import PRESETS, NetworkModel

CELL_BYTES = 200_000
TRACES = {name: build() for name, build in tracebuilder.EVERY.items()}


@cache
def drawn(chart: str, name: str) -> Any:
    return charts.draw(chart, TRACES[name])


everything = pytest.mark.parametrize(("chart", "name"), [(chart, name) for chart in registry.charts for name in TRACES])


def test_a_chart_is_drawn_by_name():
    picture = charts.draw("traffic", TRACES["small"])
    assert "Most goes from alice to bob: 6.2 KiB; messages go in 3 directions." == picture.caption
    assert ["heatmap"] == [trace.type for trace in picture.figure.data]


@everything
def test_every_chart_is_valid_small_and_the_same_each_time(chart: str, name: str):
    picture = drawn(chart, name)
    saved = json.dumps(picture.to_json(), allow_nan=False)
    assert saved == json.dumps(charts.draw(chart, tracebuilder.EVERY[name]()).to_json())
    assert len(saved) <= CELL_BYTES
    assert isinstance(go.Figure(picture.data, picture.layout), go.Figure)  # plotly checks every attribute's name and value
    assert plain(picture.to_json())
    assert marks(picture.data) <= 2 * MARKS + 1


@everything
def test_every_chart_says_in_words_what_it_shows(chart: str, name: str):
    picture = drawn(chart, name)
    assert picture.caption.endswith(".")
    assert "\n" not in picture.caption
    assert picture.caption == picture._repr_mimebundle_()["text/plain"]


@everything
def test_every_chart_reads_on_light_and_dark(chart: str, name: str):
    layout = drawn(chart, name).layout
    assert "rgba(0,0,0,0)" == layout["paper_bgcolor"] == layout["plot_bgcolor"]
    grey = int(layout["font"]["color"][1:3], 16) / 255
    luminance = ((grey + 0.055) / 1.055) ** 2.4
    assert min(1.05 / (luminance + 0.05), (luminance + 0.05) / 0.0557) > 3.9
    assert "template" not in layout


def test_no_chart_trusts_a_name():
    for chart in registry.charts:
        picture = charts.draw(chart, TRACES["hostile"])
        assert not [text for text in texts(picture.to_json()) if "<img" in text or "<script" in text or "</td" in text]
        assert "<img" not in picture._repr_mimebundle_()["text/html"]


def test_a_measured_run_draws_like_its_plan():
    for chart in registry.charts:
        assert charts.draw(chart, TRACES["small"]).to_json() == charts.draw(chart, TRACES["planned"]).to_json()


def test_an_unknown_chart_or_metric_names_the_known_ones():
    with pytest.raises(MisuseValueError, match="known: network, source, timeline, traffic, tree"):
        charts.draw("pie", TRACES["small"])
    with pytest.raises(MisuseValueError, match="bytes, rounds, time"):
        charts.draw("tree", TRACES["small"], metric="joy")


def test_time_is_drawn_on_request_only():
    assert "CPU" not in json.dumps(charts.draw("tree", TRACES["small"]).to_json())
    timed = charts.draw("tree", TRACES["small"], metric="time")
    assert 1 == len(timed.data)
    assert "ms" in timed.caption
    assert "No computing time" in charts.draw("tree", TRACES["planned"], metric="time").caption


def test_a_chart_of_ones_own_may_return_a_plotly_figure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry, "charts", registry.Registry("chart"))
    monkeypatch.setattr(charts, "registered", registry.charts)

    @registry.chart("dots")
    def dots(trace: Trace) -> go.Figure:
        return go.Figure(go.Scatter(x=[1], y=[len(trace.messages)]))

    picture = charts.draw("dots", TRACES["small"])
    assert [66] == list(picture.data[0]["y"])
    assert "template" not in picture.layout


def test_sliders_follow_from_any_thread():
    widget = sliders(TRACES["small"])
    latency, bandwidth, shown = widget.children
    before = shown.outputs[0]["data"][PLOTLY_MIME]["layout"]["title"]["text"]

    def drag(slider: Any, start: float) -> None:
        for step in range(20):
            slider.value = start + step

    threads = [threading.Thread(target=drag, args=args) for args in ((latency, 100), (bandwidth, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = shown.outputs[0]["data"][PLOTLY_MIME]["layout"]["title"]["text"]
    assert before != after
    assert breakdown(TRACES["small"], latency.value / 1e3, bandwidth.value * 125_000).layout["title"]["text"] == after
    assert 1 == len(shown.outputs)


@pytest.mark.parametrize(("latency", "bandwidth"), [(0.0, 1e9), (0.001, 1e6), (0.3, 5e5)])
def test_what_the_sliders_show_is_the_replay(latency: float, bandwidth: float):
    for trace in (TRACES["small"], TRACES["crowd"], TRACES["planned"]):
        predicted = replay(trace, NetworkModel("chosen", latency, bandwidth))
        picture = breakdown(trace, latency, bandwidth)
        assert predicted.seconds == pytest.approx(sum(picture.data[0]["x"]))
        assert picture.caption.startswith(readable_seconds(predicted.seconds))


def test_marks_and_curves_of_the_network_chart_are_replays():
    picture = charts.draw("network", TRACES["small"])
    curves, marks = picture.data[:4], picture.data[4:]
    for model, curve, mark in zip(PRESETS.values(), curves, marks, strict=True):
        assert replay(TRACES["small"], model, compute=False).seconds == pytest.approx(mark["y"][0], rel=1e-3)
        for latency, seconds in zip(curve["x"], curve["y"], strict=True):
            exact = replay(TRACES["small"], replace(model, latency_seconds=latency, jitter_seconds=0.0), compute=False).seconds
            assert exact == pytest.approx(seconds, rel=TOLERANCE + 1e-3)


def test_messages_that_nobody_awaited_have_no_time():
    trace = replace(TRACES["small"], messages=tuple(m._replace(received_at=-1) for m in TRACES["small"].messages))
    assert [] == charts.draw("network", trace).data


def test_the_static_network_chart_comes_first_and_needs_no_kernel(monkeypatch: pytest.MonkeyPatch):
    shown: list[Any] = []
    monkeypatch.setattr(sys.modules[what_if.__module__], "display", shown.append)
    what_if(TRACES["small"])
    assert charts.draw("network", TRACES["small"]).to_json() == shown[0]._repr_mimebundle_()[PLOTLY_MIME]


def plain(value: Any) -> bool:
    """Only what JSON has: no numpy, no tuples that would come back as lists."""
    if isinstance(value, dict):
        return all(type(key) is str and plain(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(plain, value))
    return value is None or type(value) in (bool, int, float, str)


def marks(data: list[dict[str, Any]]) -> int:
    return sum(
        len(trace["z"]) * len(trace["z"][0]) if trace["type"] == "heatmap" else len(trace.get("x") or trace.get("ids")) for trace in data
    )


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []
