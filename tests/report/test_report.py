"""Reports: same run, same text; every name escaped; text, table and picture in one bundle; nothing that varies outside metadata."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import tracebuilder

from ramp_notebook.charts.picture import PLOTLY_MIME
from ramp_notebook.protocols.security import Label, Security
from ramp_notebook.report import pictures
from ramp_notebook.report.text import value_text
from ramp_notebook.runtime.finished import Peek, Run
from ramp_notebook.trace.events import Trace

LABEL = Label.of(Security("semi-honest", 1, "3", "2016/768"), 3).with_flags(["simulation on one machine"])
NASTY = '<img src=x onerror="alert(1)">'


def run(trace: Trace, **facts: Any) -> Run:
    return Run(trace, LABEL, **facts)


def test_text_report_of_a_small_run():
    expected = """\
top = 94000
salaries: secret int64 (3,), replicated
label: semi-honest, 1 of 3 · simulation on one machine
3 parties · 22 rounds · 66 messages · 17.1 KiB online · 1.4 KiB preprocessing
sent: alice 6.2 KiB · bob 6.2 KiB · carol 6.2 KiB
dearest: sort 15.9 KiB in 16 rounds (line 4) · triples 1.4 KiB in 1 round (line 2) · less_than 1008 B in 3 rounds (line 2)"""
    shown = run(tracebuilder.small(), outputs={"top": 94000}, secrets={"salaries": "secret int64 (3,), replicated"})
    assert expected == shown.report == repr(shown)


def test_a_plan_says_that_no_data_moved_and_what_a_network_makes_of_it():
    report = run(tracebuilder.small(planned=True), network="wan").report
    assert "planned: sizes only, no data moved" in report
    assert "on wan (20 ms one way, 100 Mbit/s uplink): 441 ms in messages, computing on top" in report


def test_a_failed_cell_says_so_in_text_and_page():
    failed = run(tracebuilder.one_message(), failure="ValueError: bob, line 3")
    assert "failed: ValueError: bob, line 3" in failed.report
    assert "ValueError: bob, line 3" in failed._repr_mimebundle_()[0]["text/html"]


def test_bundle_holds_text_and_table_so_that_no_chart_hides_the_label():
    data, metadata = run(tracebuilder.small())._repr_mimebundle_()
    assert {"text/plain", "text/html"} == set(data)
    assert "22 rounds" in data["text/html"]
    assert {"ramp_notebook"} == set(metadata)


def test_charts_are_outputs_of_their_own():
    shown = run(tracebuilder.small(), charts=("tree", "traffic", "source"))
    assert ["icicle", "heatmap"] == [picture.data[0]["type"] for picture in pictures(shown)[:2]]
    assert 3 == len(pictures(shown))
    assert all(PLOTLY_MIME in picture._repr_mimebundle_() for picture in pictures(shown))


@pytest.mark.parametrize("name", tracebuilder.EVERY)
def test_times_change_metadata_alone(name: str):
    one = tracebuilder.EVERY[name]()
    other = replace(
        one,
        seconds=one.seconds + 1,
        exchanges=tuple(
            e._replace(wall_end_seconds=9.0, cpu_start_seconds=e.cpu_start_seconds + 1, cpu_end_seconds=9.0) for e in one.exchanges
        ),
    )
    for charts in (("timeline",), ("tree",), ("network",), ("source",), ("traffic",)):
        facts: dict[str, Any] = {"charts": charts, "network": "wan"}
        (data, meta), (other_data, other_meta) = run(one, **facts)._repr_mimebundle_(), run(other, **facts)._repr_mimebundle_()
        assert json.dumps(data) == json.dumps(other_data)
        assert [p.to_json() for p in pictures(run(one, **facts))] == [p.to_json() for p in pictures(run(other, **facts))]
        assert meta != other_meta


@pytest.mark.parametrize("name", tracebuilder.EVERY)
def test_no_cell_is_larger_than_its_budget(name: str):
    shown = run(tracebuilder.EVERY[name](), outputs={f"x{k}": "y" * 5000 for k in range(500)})
    data, _ = shown._repr_mimebundle_()
    assert len(json.dumps([data, *(picture.to_json() for picture in pictures(shown))])) < 200_000


class Tags(HTMLParser):
    """Collects tags and attributes, and checks that all close."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()


@pytest.mark.parametrize("name", tracebuilder.EVERY)
def test_page_is_sound_and_holds_no_foreign_tag(name: str):
    shown = run(
        tracebuilder.EVERY[name](),
        outputs={"x": NASTY, "n": np.array([NASTY])},
        secrets={"s": NASTY},
        failure=NASTY,
        peeks=[Peek(1, NASTY, (NASTY, NASTY))],
    )
    tags = Tags()
    tags.feed(shown._repr_mimebundle_()[0]["text/html"])
    allowed = {"div", "p", "strong", "br", "code", "table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary"}
    assert tags.seen <= allowed
    assert tags.attributes <= {"scope", "style"}
    assert not tags.open


def test_every_table_has_a_caption_and_scoped_headers():
    page = run(tracebuilder.small(), peeks=[Peek(2, "int64", (np.array([1, 2]), np.array([3, 4]), np.array([5, 6])))])._repr_mimebundle_()[
        0
    ]["text/html"]
    assert page.count("<table>") == page.count("<caption>") == 4
    assert page.count("<th ") == page.count('<th scope="')
    assert "[3 4]" in page


def test_a_crowd_is_summed_up():
    assert "sent: 392 B by each of 50 parties" in run(tracebuilder.crowd()).report


def test_text_hides_control_characters():
    report = run(tracebuilder.hostile(), outputs={"x": "\x1b[31m red \u202e"}).report
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", report)


def test_values_read_the_same_wherever_they_lie():
    assert "{'a', 'b', 'c'}" == value_text({"c", "a", "b"})
    assert "[0 1 2 ... 97 98 99], int64 (100,)" == value_text(np.arange(100))
    assert "a Thing" == value_text(type("Thing", (), {})())
    assert not re.search("0x[0-9a-f]", value_text(lambda x: x) + value_text(np) + value_text(print))


def test_prints_stand_under_their_party_where_they_differ():
    assert "hi\n" == run(tracebuilder.empty(), printed=[(None, "hi\n")]).printed_text
    assert "── alice\n1\n── bob\n2\n" == run(tracebuilder.empty(), printed=[("alice", "1\n"), ("bob", "2\n")]).printed_text


def test_runs_compare_in_a_table():
    table = repr(run(tracebuilder.small()).compare(run(tracebuilder.small(planned=True)), names=("measured", "planned")))
    assert ["rounds", "22", "22", "1.00×"] == table.splitlines()[1].split()
    assert "sort bytes" in table
    assert "—" in repr(run(tracebuilder.empty()).compare(run(tracebuilder.small())))
