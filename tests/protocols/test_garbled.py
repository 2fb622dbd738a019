"""Garbled circuits: what each step costs to the bit, what neither party may see, and secrets that outlive failed cells."""

from collections import Counter
from typing import ClassVar

import numpy as np
import pytest

from ramp_notebook.errors import MisuseValueError
from ramp_notebook.protocols import garbled
from ramp_notebook.protocols.garbled import EVALUATOR, GARBLER, Garbled
from ramp_notebook.protocols.garbling import SCHEMES, HalfGates, slices
from ramp_notebook.protocols.garbling.transfers import WireSupply
from ramp_notebook.protocols.preprocessing import ferret
from ramp_notebook.protocols.preprocessing.hashing import PI_KEY
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.testing.events import assert_same_events
from ramp_notebook.wire.cheats import Cheat
from tests.parties_in_threads import Group

AND_BYTES = 32
INPUTS = 'x = mpc.input("x", owner="alice")\ny = mpc.input("y", owner="bob")\n'


@pytest.fixture(scope="module")
def parties():
    with Coordinator(["alice", "bob"], launcher="inline") as coordinator:
        yield coordinator


def run(parties, text, x, y, **options):
    return parties.run(Cell(INPUTS + text, protocol="garbled", inputs={0: {"x": np.array(x)}, 1: {"y": np.array(y)}}, **options))


def sent(result, line, phase="online"):
    tally = Counter()
    for message in result.trace.messages:
        if message.line == line and message.phase == phase:
            tally[message.sender] += message.payload_bytes
    return [tally[party] for party in (GARBLER, EVALUATOR)]


def test_two_parties_compute_and_reveal(parties):
    assert 42 == run(parties, "z = mpc.reveal(x * y + 2)", 8, 5).outputs["z"]


@pytest.mark.parametrize(
    ("term", "ands"),
    [
        ("x + y", 63),
        ("x - y", 63),
        ("-x", 63),
        ("x + 1", 63),
        ("x * y", 4033),
        ("x * 5", 1953),
        ("x == y", 126),
        ("x < y", 63),
        ("x & y", 64),
    ],
)
@pytest.mark.parametrize("n", [1, 70])
def test_an_operator_costs_its_ands_and_nothing_else(term, ands, n, parties):
    result = run(parties, f"z = {term}", np.arange(n), np.arange(n))
    assert [AND_BYTES * ands * n, 0] == sent(result, 3)


@pytest.mark.parametrize("term", ["x << 3", "x >> 5", "x // 4", "x ^ y", "x[::2]"])
def test_shifts_and_xors_are_free(term, parties):
    assert [0, 0] == sent(run(parties, f"z = {term}", np.arange(5), np.arange(5)), 3)


def test_a_single_and_costs_what_it_should(parties):
    assert [AND_BYTES, 0] == sent(run(parties, "z = x & y", True, False), 3)


def test_inputs_and_reveals_cost_what_they_should(parties):
    run(parties, "", [1], [1])  # base oblivious transfers, once
    result = run(parties, 'z = mpc.reveal(x)\nw = mpc.reveal(y, to="alice")', np.arange(6), np.arange(6))
    assert [0, 0] == sent(result, 1)
    assert [0, 6 * 64 * 31 // 8] == sent(result, 2, "preprocessing")
    assert [0, 6 * 8] == sent(result, 2)
    assert [6 * 8, 6 * 8] == sent(result, 3)
    assert [0, 6 * 8] == sent(result, 4)


def test_inputs_that_were_prepared_for_send_one_bit_each(parties):
    parties.run(Cell("", protocol="garbled", needs={("transfers",): 6}, stocking=True))
    result = run(parties, "z = mpc.reveal(x)", np.arange(6), np.arange(6))
    assert [0, 6 * 8] == sent(result, 2)
    assert {"online"} == {message.phase for message in result.trace.messages}


def test_rounds_are_free(parties):
    run(parties, "", [1], [1])
    result = run(parties, "z = mpc.reveal(x * y * x * y + x)", [3], [5])
    assert 3 == max(message.round for message in result.trace.messages)  # choices, tables, colours
    assert 228 == result.outputs["z"][0]


def test_three_halves_sends_a_quarter_less(parties):
    result = run(parties, "z = mpc.reveal(x * y)", np.arange(64), np.arange(64), garbling="three-halves")
    np.testing.assert_array_equal(np.arange(64) ** 2, result.outputs["z"])
    assert [4033 * (64 * 24 + 5 * 8) + 64 * 8, 64 * 8] == sent(result, 3)


@pytest.mark.parametrize("source", ["silent", "ot:k=8", "ot"])
def test_inputs_come_from_the_engine_that_is_named_and_a_plan_knows(source, parties):
    for name in (source, source, "ot"):
        cell = Cell(
            INPUTS + "z = mpc.reveal(x + y)", protocol="garbled", preprocessing=name, inputs={0: {"x": np.arange(6)}, 1: {"y": np.arange(6)}}
        )
        before, kept = list(parties.directory), dict(parties.kept)
        result = parties.run(cell)
        np.testing.assert_array_equal(2 * np.arange(6), result.outputs["z"])
        assert_same_events(plan_cell(cell, parties.names, before, kept=kept).trace, result.trace)
        assert (name == "silent") == ("regular learning parity with noise" in Run.of(result).label.text())


@pytest.mark.parametrize("source", ["ot", "silent"])
def test_secrets_survive_a_failed_cell(source, parties):
    run(parties, "kept = x + y", [1, 2], [30, 40], preprocessing=source)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        run(parties, "1 / 0", [5], [6], preprocessing=source)
    after = run(parties, "z = mpc.reveal(kept * x - y)", [3, 4], [5, 6])
    np.testing.assert_array_equal([88, 162], after.outputs["z"])
    assert 2 == sum(message.tag == "trees" for message in after.trace.messages)  # oblivious transfers began anew, under the old Δ


@pytest.mark.process
def test_processes_keep_secrets_too():
    with Coordinator(["alice", "bob"]) as living:
        run(living, "kept = x * y", [3], [4])
        with pytest.raises(Exception, match="ZeroDivisionError"):
            run(living, "1 / 0", [5], [6])
        assert [19] == run(living, "z = mpc.reveal(kept + x + y)", [3], [4]).outputs["z"]


def test_wrong_parties_hear_what_fits():
    with pytest.raises(MisuseValueError, match="exactly two parties; this cell has 3.*replicated"):
        Garbled.check_parties(3)


# -- privacy -----------------------------------------------------------------------------------------------------------


def views(body, protocol=Garbled, values=(0, 0), n=50, source="ot"):
    """Run `body(protocol, x, y)` on n copies of two numbers: both parties' results, Δ, and the blocks that the evaluator received."""
    received = []

    def party(context):
        if context.index == EVALUATOR:
            exchange = context.exchange

            def recorded(*args, **kwargs):
                reply = exchange(*args, **kwargs)
                received.extend(array.reshape(-1).copy() for array in reply.values())
                return reply

            context.exchange = recorded
        context.preprocessing = source
        engine = protocol(context, {})
        shares = [
            engine.input(owner, np.full(n, value, np.uint64) if owner == context.index else None, (n,), binary=False)
            for owner, value in enumerate(values)
        ]
        return engine.delta, body(engine, *shares)

    results, _ = Group(2).run(party)
    return results[GARBLER][1], results[EVALUATOR][1], results[GARBLER][0], received


def blocks(share):
    return {row.tobytes() for row in slices.of_numbers(share.reshape(128, -1)).reshape(-1, 2)}


def opposites(held, delta):
    """How many blocks are there beside their XOR with Δ."""
    arrays = (np.frombuffer(block, np.uint64) for block in held)
    return sum((array ^ delta).tobytes() in held for array in arrays)


def everything(engine, x, y):
    total, product = engine.add(x, y), engine.multiply(x, y)
    engine.reveal(total, (0, 1), binary=False)
    return np.stack([x, y, total, product], axis=1)


class Tattling(Garbled):
    """The planted bug: with the colours go the labels of false."""

    def reveal(self, x, to, *, binary):
        self.context.exchange("debug", *(({1: slices.of_numbers(x)}, {}) if self.garbler else ({}, {0: (64, x.shape[1], 2)})))
        return super().reveal(x, to, binary=binary)


@pytest.mark.parametrize(("protocol", "source", "caught"), [(Garbled, "ot", False), (Garbled, "silent", False), (Tattling, "ot", True)])
def test_the_evaluator_never_has_both_labels_of_a_wire(protocol, source, caught):
    _, held, delta, received = views(everything, protocol, values=(2**63 - 5, 77), source=source)
    seen = blocks(held)
    for message in received:
        for start in (0, 1):
            pairs = message[start : start + (len(message) - start) // 2 * 2].reshape(-1, 2)
            seen |= {pair.tobytes() for pair in pairs}
    assert caught == (opposites(seen, delta) > 0)
    assert delta.tobytes() not in seen or caught


class Careless(Garbled):
    """The planted bug: active labels of the garbler's inputs are zeros, so that false has colour 0."""

    def input(self, owner, value, shape, *, binary):
        if owner == GARBLER:
            return self.public(value, binary=True) if self.garbler else self.zeros(shape, binary=True)
        return super().input(owner, value, shape, binary=binary)


@pytest.mark.parametrize(("protocol", "source", "caught"), [(Garbled, "ot", False), (Garbled, "silent", False), (Careless, "ot", True)])
@pytest.mark.parametrize("values", [(0, 0), (2**64 - 1, 2**64 - 1)])
def test_colours_say_nothing_before_they_are_exchanged(protocol, source, caught, values):
    n = 100
    for held in views(everything, protocol, values, n, source)[:2]:
        ones = np.bitwise_count(held[0]).sum(axis=1).astype(int)  # of each of the four numbers' 64 n wires
        far = np.abs(ones - 32 * n) > 6 * np.sqrt(16 * n)  # six standard deviations: once in half a billion
        assert caught == far.any()


class Repeating(WireSupply):
    """The planted bug: from the second time on, what was handed out before comes again."""

    def wires(self, words):
        if "shown" not in self._kept:
            self._kept["shown"] = super().wires(words)
        return self._kept["shown"]


@pytest.mark.parametrize(("supply", "caught"), [(WireSupply, False), (Repeating, True)])
@pytest.mark.parametrize("source", ["ot", "silent"])
def test_a_transfer_serves_one_wire_and_what_is_said_of_an_input_looks_random(supply, caught, source, monkeypatch):
    """Several cells take from one stock. Of the garbler's labels none comes again, whatever bit; nor do corrections tell equal inputs."""
    monkeypatch.setattr(garbled, "WireSupply", supply)
    group, kept, n = Group(2), [{}, {}], 20
    numbers = np.full(n, 1234, np.uint64)
    labels_of, said = [], []

    def party(context):
        context.preprocessing = source
        engine, exchange = Garbled(context, kept[context.index]), context.exchange

        def recorded(tag, sends, receives):
            reply = exchange(tag, sends, receives)
            if tag == "choices" and EVALUATOR in reply:
                said.append(reply[EVALUATOR].tobytes())
            return reply

        context.exchange = recorded
        engine.prepare({("transfers",): 2 * n}, all_of_it=True)
        share = engine.input(EVALUATOR, None if engine.garbler else numbers, (n,), binary=False)
        assert np.array_equal(numbers, engine.reveal(share, (0, 1), binary=False))
        if engine.garbler:
            labels_of.append(blocks(share) | blocks(engine.invert(share)))

    for _ in range(3):
        group.run(party)
    assert caught == (sum(map(len, labels_of)) > len(set.union(*labels_of)) or len(set(said)) < 3)


@pytest.mark.parametrize("end", ["honest", "failed", "cheated"])
def test_no_tweak_of_silent_transfers_comes_twice_under_one_delta_and_key(end, parties, monkeypatch):
    """Not even where engines begin anew over the same links, as after a cell in which a party cheated on purpose."""
    uses, honest = Counter(), ferret.hash_blocks

    def recorded(blocks, first, *, chunk=0, offset=None, key=PI_KEY):
        if offset is not None:
            uses.update((offset.tobytes(), key, chunk, number) for number in range(first, first + len(blocks)))
        return honest(blocks, first, chunk=chunk, offset=offset, key=key)

    monkeypatch.setattr(ferret, "hash_blocks", recorded)
    run(parties, "z = x + y", [1], [2], preprocessing="ot", cheats=(Cheat("bob", "choices", "add one"),))  # silent engines begin anew
    run(parties, "kept = x + y", [1], [2], preprocessing="silent")
    if end == "failed":
        with pytest.raises(Exception, match="ZeroDivisionError"):
            run(parties, "1 / 0", [1], [2], preprocessing="silent")
    else:
        cheats = (Cheat("bob", "choices", "add one"),) if end == "cheated" else ()
        run(parties, "z = x + y", [1], [2], preprocessing="silent", cheats=cheats)
    run(parties, "z = mpc.reveal(kept)", [1], [2], preprocessing="silent")
    lives = 1 if end == "honest" else 2
    assert lives == len({key for _, key, _, _ in uses})
    assert 1 == max(uses.values())


class Salted(HalfGates):
    """Half-gates that keep the salts they are made with."""

    salts: ClassVar[list[bytes]] = []

    def __init__(self, salt):
        super().__init__(salt)
        self.salts.append(salt)


def test_no_salt_comes_twice_not_even_under_one_seed(parties, monkeypatch):
    monkeypatch.setitem(SCHEMES, "half-gates", Salted)
    text = "z = mpc.parallel(lambda: x + y, lambda: x * y)"
    for _ in range(2):
        run(parties, text, [1], [2], seed=b"\1" * 16)
        run(parties, text, [1], [2])
    uses = Counter(Salted.salts)
    del uses[bytes(16)]  # of schemes that only say how long a table is
    assert [2] * 8 == list(uses.values())  # each by both parties


def test_delta_is_odd_and_no_seed_decides_it(parties):
    deltas = [views(lambda engine, x, y: x)[2] for _ in range(2)]
    assert all(int(delta[0]) & 1 for delta in deltas)
    assert not np.array_equal(*deltas)
    seeded = [Garbled(context).delta for context in seeded_contexts()]
    assert not np.array_equal(*seeded)


def seeded_contexts():
    contexts = []

    def party(context):
        context.seed = b"\1" * 16
        if context.index == GARBLER:
            contexts.append(context)

    for _ in range(2):
        Group(2).run(party)
    return contexts
