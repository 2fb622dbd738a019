"""Ferret with its real parameters costs what the paper says; its code is linear, public and needed."""

import functools
from typing import Any

import numpy as np
import pytest
from parties_in_threads import Group, plan, sent_bytes

from ramp_notebook.protocols.context import Context
from ramp_notebook.protocols.preprocessing import ferret
from ramp_notebook.protocols.preprocessing.ferret import MAIN, SETUP, Ferret
from ramp_notebook.protocols.preprocessing.lpn import COLUMNS, PIECE_ROWS, Code, Lpn
from ramp_notebook.trace.recorder import Recorder
from ramp_notebook.values import bits
from ramp_notebook.values.streams import Stream

SMALL = {"SETUP": Lpn(dimension=64, trees=40, depth=4), "MAIN": Lpn(dimension=200, trees=60, depth=5)}


def test_parameters_are_the_papers_and_one_stage_feeds_the_next() -> None:
    assert (Lpn(36_288, 1_269, 9), Lpn(589_760, 1_319, 13)) == (SETUP, MAIN)
    assert (649_728, 10_805_248) == (SETUP.trees << SETUP.depth, MAIN.trees << MAIN.depth)
    assert MAIN.seeds <= SETUP.trees << SETUP.depth
    assert MAIN.seeds <= MAIN.reserve << MAIN.depth
    assert COLUMNS == 10


def test_a_plan_of_three_iterations_costs_the_papers_bits() -> None:
    """0.44 bits for each correlated OT, after a first setup below 0.6 MB."""
    engines = [Ferret() for _ in range(2)]
    _, start = plan(2, lambda context: engines[context.index].extend(context, 1))
    assert (583_536, 5) == (sent_bytes(start, 0), max(message.round for message in start.messages))
    count = 3 * (MAIN.trees - MAIN.reserve << MAIN.depth)
    _, trace = plan(2, lambda context: engines[context.index].extend(context, count))
    assert 8 * sent_bytes(trace, 0) / count == pytest.approx(0.447, abs=0.001)


def test_blocks_agree_at_real_size() -> None:
    count = 20_000
    engines = [Ferret() for _ in range(2)]
    batches, _ = Group(2).run(lambda context: engines[context.index].extend(context, count, pairs=[(0, 1)]))
    b = bits.unpack(batches[1].b[0], count)
    assert np.array_equal(batches[0].q[1] ^ b[:, None] * batches[0].delta[1], batches[1].t[0])
    assert abs(int(b.sum()) - count // 2) < 450


def test_without_the_code_choices_would_be_sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, parameters in SMALL.items():
        monkeypatch.setattr(ferret, name, parameters)
    monkeypatch.setattr(Code, "add_to", lambda code, outputs, secret: None)
    engines = [Ferret() for _ in range(2)]
    batches, _ = Group(2).run(lambda context: engines[context.index].extend(context, 32 * 40))
    assert 40 == np.bitwise_count(batches[1].b[0]).sum()


@pytest.mark.parametrize("rows", [1, 100, PIECE_ROWS + 3])
def test_the_code_adds_ten_entries_of_the_secret(rows: int) -> None:
    secret, outputs = Stream(b"secret of a test").words((50, 2)), Stream(b"output of a test").words((rows, 2))
    pieces = [min(PIECE_ROWS, rows - start) for start in range(0, rows, PIECE_ROWS)]
    public = Code(50, 3)
    positions = np.concatenate([public._positions(size) for size in pieces], axis=1)
    assert (0, 49) == (positions.min() if rows > 50 else 0, positions.max() if rows > 50 else 49)
    expected = outputs ^ np.bitwise_xor.reduce(secret[positions], axis=0)
    Code(50, 3).add_to(outputs, secret)
    assert np.array_equal(expected, outputs)


def test_iterations_use_different_codes() -> None:
    assert not np.array_equal(Code(1000, 0)._positions(10), Code(1000, 1)._positions(10))


def test_facts_let_a_plan_go_on_where_the_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, parameters in SMALL.items():
        monkeypatch.setattr(ferret, name, parameters)
    group, engines = Group(3), [Ferret() for _ in range(3)]
    group.run(lambda context: engines[context.index].extend(context, 40, pairs=[(0, 1)]))
    facts = engines[2].facts(Context(group.links[2], Recorder(), 1))
    assert {"ready": True, "progress": {"0 1": [2, 24], **{pair: [0, 0] for pair in ("0 2", "1 0", "1 2", "2 0", "2 1")}}} == facts


def test_branches_side_by_side_open_trees_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, parameters in SMALL.items():
        monkeypatch.setattr(ferret, name, parameters)
    group, engines = Group(2), [Ferret() for _ in range(2)]

    def body(context: Context) -> Any:
        engine = engines[context.index]
        engine.foresee(context, 40)
        return context.parallel([functools.partial(engine.extend, context, count) for count in (40, 900, 700)])

    batches, _ = group.run(body)
    for alice, bob in zip(*batches, strict=True):
        b = bits.unpack(bob.b[0], bob.count)
        assert np.array_equal(alice.q[1] ^ b[:, None] * alice.delta[1], bob.t[0])
    assert len(blocks := np.concatenate([batch.q[1] for batch in batches[0]])) == len(np.unique(blocks, axis=0))


def test_every_start_has_a_key_of_its_own_even_over_the_same_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Δ may last from one start to the next, and tweaks begin anew."""
    for name, parameters in SMALL.items():
        monkeypatch.setattr(ferret, name, parameters)
    deltas, group = {1: np.array([1, 2], np.uint64)}, Group(2)

    def body(context: Context) -> list[bytes]:
        keys = []
        for _ in range(2):
            engine = Ferret(None if context.index else deltas)
            engine.extend(context, 10)
            keys += [side._key for side in (*engine._sending.values(), *engine._receiving.values())]
        return keys

    cells = [group.run(body)[0] for _ in range(2)]
    assert all(alice == bob for alice, bob in cells)
    assert 4 == len({key for alice, _ in cells for key in alice})


def test_what_is_foreseen_comes_in_one_step() -> None:
    engines = [Ferret() for _ in range(2)]

    def body(context: Context) -> None:
        engine = engines[context.index]
        engine.foresee(context, 1 << 20)
        for _ in range(8):
            engine.extend(context, 1 << 17)

    _, trace = plan(2, body)
    sizes = [m.payload_bytes for m in trace.messages if m.sender == 0 and m.tag == "trees"]
    assert [SETUP.trees * 19 * 16, 128 * 27 * 16] == sizes[1:]  # before them come SoftSpoken's
