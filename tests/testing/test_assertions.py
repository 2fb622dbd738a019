"""assert_cost and assert_same_events: they pass in silence and fail with what to look at."""

from dataclasses import replace

import pytest
import tracebuilder

from ramp_notebook.errors import MisuseValueError
from ramp_notebook.testing import assert_cost, assert_same_events


def test_figures_that_hold_pass_in_silence():
    trace = tracebuilder.small()
    assert_cost(trace, rounds=22, messages__eq=66, sent_bytes__le=20_000, online_bytes__lt=18_000, preprocessing_rounds=1)
    assert_cost(trace, gadget="less_than", rounds=7, messages__gt=3)
    assert_cost(trace, line=5, sent_bytes=72)
    assert_cost(trace, party="alice", wire_bytes__ge=6000)
    assert_cost(trace, line=3, messages=0)


def test_all_figures_that_fail_are_named_with_the_dearest_line():
    with pytest.raises(AssertionError) as failure:
        assert_cost(tracebuilder.small(), rounds=3, messages__lt=100, sent_bytes__le=9)
    first, second = str(failure.value).splitlines()
    assert "rounds: expected exactly 3, came 22 (most at line 4: 16 rounds, 16,320 bytes)" == first
    assert second.startswith("sent_bytes: expected at most 9, came 18,912")


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"bytes": 3}, "no figure `bytes`; known: rounds"),
        ({"rounds__about": 3}, "no comparison `about`; known: eq"),
        ({"gadget": "sorting", "rounds": 1}, "there were: and, input"),
        ({"party": "eve", "rounds": 1}, "there are: alice, bob, carol"),
        ({"line": 1, "party": "bob", "rounds": 1}, "one part"),
        ({"line": 1, "online_bytes": 1}, "of a part"),
        ({}, "needs a figure"),
    ],
)
def test_a_mistyped_question_is_refused(question: dict[str, int], says: str):
    with pytest.raises(MisuseValueError, match=says):
        assert_cost(tracebuilder.small(), **question)  # type: ignore[arg-type]


def test_a_plan_equals_a_run_whatever_its_times():
    assert_same_events(tracebuilder.small(planned=True), tracebuilder.small())


def test_the_first_difference_is_named_with_line_and_gadget():
    plan, measured = tracebuilder.small(planned=True), tracebuilder.small()
    changed = [*measured.messages]
    changed[20] = changed[20]._replace(payload_bytes=7)
    with pytest.raises(AssertionError, match=r"message 20 \(line 4, sort › shuffle\) differs\n  payload_bytes: planned 240, measured 7"):
        assert_same_events(plan, replace(measured, messages=tuple(changed)))


def test_missing_and_renamed_events_are_found():
    plan, measured = tracebuilder.small(planned=True), tracebuilder.small()
    with pytest.raises(AssertionError, match=r"66 messages planned, 65 measured; the first only planned .*line 5, reveal"):
        assert_same_events(plan, replace(measured, messages=measured.messages[:-1]))
    with pytest.raises(AssertionError, match="gadget: planned input, measured share"):
        assert_same_events(plan, replace(measured, spans=(measured.spans[0]._replace(name="share"), *measured.spans[1:])))
    with pytest.raises(AssertionError, match="exchanges planned"):
        assert_same_events(plan, replace(measured, exchanges=measured.exchanges[:-1]))
    with pytest.raises(AssertionError, match="parties"):
        assert_same_events(plan, replace(measured, parties=("a", "b", "c")))
