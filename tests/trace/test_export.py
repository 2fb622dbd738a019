"""Exports: what is saved comes back equal; what is not a trace is refused; viewers get well-formed slices and arrows."""

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tracebuilder

from ramp_notebook.errors import MisuseValueError
from ramp_notebook.trace.events import Trace
from ramp_notebook.trace.export import from_json, to_json


@pytest.mark.parametrize("name", tracebuilder.EVERY)
def test_a_saved_trace_comes_back_equal(name: str, tmp_path: Path):
    trace = tracebuilder.EVERY[name]()
    trace.save(tmp_path / "trace.json")
    assert trace == Trace.load(tmp_path / "trace.json")
    assert ["trace.json"] == [path.name for path in tmp_path.iterdir()]


def test_odd_text_survives(tmp_path: Path):
    trace = tracebuilder.TraceBuilder(["zoë", "\ud800"], source="x = 'ß\u2028'\r\n").trace()
    trace.save(tmp_path / "t")
    assert trace == Trace.load(tmp_path / "t")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "else"}, "no saved trace"),
        ({"version": 2}, "version 2"),
        ({"version": None}, "version None"),
        ({"parties": [1]}, "damaged"),
        ({"planned": 1}, "damaged"),
        ({"spans": [[0]]}, "damaged"),
        ({"messages": None}, "damaged"),
        ({"columns": {}}, "damaged"),
    ],
)
def test_what_is_not_a_trace_of_this_version_is_refused(change: dict[str, Any], says: str):
    data = to_json(tracebuilder.small()) | change
    with pytest.raises(MisuseValueError, match=says):
        from_json(data)


def test_events_that_point_nowhere_are_refused():
    clean = json.dumps(to_json(tracebuilder.small()))
    chance = random.Random(1)
    for _ in range(300):
        data = json.loads(clean)
        kind = chance.choice(["spans", "messages", "exchanges"])
        row = chance.choice(data[kind])
        row[chance.randrange(len(row))] = chance.choice([-2, 10**9, 1.5, "x", None, [], True])
        try:
            trace = from_json(data)
        except MisuseValueError:
            continue
        trace.to_records()  # whatever is let through can be used


def test_files_that_are_not_json_say_where(tmp_path: Path):
    (tmp_path / "bad").write_text("{\n]")
    with pytest.raises(MisuseValueError, match="line 2"):
        Trace.load(tmp_path / "bad")


def test_records_name_parties_and_gadgets():
    record = tracebuilder.small().to_records()[-1]
    assert ("carol", "alice", "reveal", 5, 24) == tuple(record[k] for k in ("sender", "receiver", "gadget", "line", "payload_bytes"))


def test_pandas_table_has_one_row_per_message():
    pytest.importorskip("pandas")
    trace = tracebuilder.small()
    table = trace.to_pandas()
    assert len(trace.messages) == len(table)
    assert sum(m.payload_bytes for m in trace.messages) == table["payload_bytes"].sum()
    assert "sort/less_than/and" in set(table["gadget"])
    assert list(table.columns) == list(tracebuilder.empty().to_pandas().columns)


@pytest.mark.parametrize("name", ["small", "planned", "one message", "empty", "hostile"])
def test_chrome_slices_nest_and_arrows_have_two_ends(name: str, tmp_path: Path):
    trace = tracebuilder.EVERY[name]()
    trace.to_chrome(tmp_path / "chrome.json")
    events = json.loads((tmp_path / "chrome.json").read_text())["traceEvents"]
    lanes: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for event in events:
        if event["ph"] == "X":
            lanes.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
    for slices in lanes.values():
        slices.sort(key=lambda ends: (ends[0], -ends[1]))
        assert all(end <= later + 0.01 or later_end <= end + 0.01 for (_, end), (later, later_end) in pairwise(slices))
    starts = [event["id"] for event in events if event["ph"] == "s"]
    assert starts == [event["id"] for event in events if event["ph"] == "f"] == list(range(len(trace.messages)))
    assert set(trace.parties) == {event["args"]["name"] for event in events if event["name"] == "process_name"}


def test_gadgets_that_overlap_get_lanes_of_their_own():
    builder = tracebuilder.TraceBuilder(["alice"])
    builder.records[0]["spans"] = [
        [-1, "f", 1, "online", 0.0, 0, 2.0, 0],
        [-1, "g", 1, "online", 1.0, 0, 3.0, 0],
        [0, "h", 1, "online", 0.5, 0, 1.0, 0],
    ]
    lanes = {e["name"]: e["tid"] for e in builder.trace().to_chrome()["traceEvents"] if e["ph"] == "X"}
    assert lanes["f"] == lanes["h"] != lanes["g"]


def test_a_plan_is_drawn_at_its_rounds():
    events = tracebuilder.small(planned=True).to_chrome()["traceEvents"]
    assert 22_000 == pytest.approx(max(event["ts"] for event in events if event["ph"] == "f"))
