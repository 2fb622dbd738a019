"""Additive sharing: exact among two, three and five parties; products cost what the papers say; nothing kept drifts apart."""

from dataclasses import replace

import numpy as np
import pytest

from ramp_notebook import registry
from ramp_notebook.errors import MisuseValueError
from ramp_notebook.protocols.additive import Additive
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.needs import needs_of
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.testing.conformance import check_gadget, check_obliviousness, samples
from ramp_notebook.testing.events import assert_same_events

NAMES = ["alice", "bob", "carol", "dave", "erin"]
TWO = 'x, y = mpc.input("x", owner="alice"), mpc.input("y", owner="bob")\n'


@pytest.fixture(scope="module")
def groups():
    living = {count: Coordinator(NAMES[:count], launcher="inline") for count in (2, 3, 5)}
    yield living
    for coordinator in living.values():
        coordinator.stop()


def run(parties, text, **inputs):
    """The finished run; inputs are x at alice and y at bob."""
    given = {k: {name: inputs[name]} for k, name in enumerate("xy") if name in inputs}
    return Run.of(parties.run(Cell(text, protocol="additive", inputs=given)))


def sent(run, party=0, phase="online", gadget=None):
    paths = run.trace.span_path
    mine = [m for m in run.trace.messages if m.sender == party and m.phase == phase]
    return sum(m.payload_bytes for m in mine if gadget is None or gadget in paths(party, m.span))


def test_a_product_among_two(groups):
    assert [15] == run(groups[2], TWO + "z = mpc.reveal(x * y)", x=np.array([3]), y=np.array([5])).outputs["z"]


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("name", ["less_than", "equal", "select", "sort", "max", "mean", "over_threshold", "argsort"])
def test_gadgets_among_two_and_five(name, count, groups):
    facts = registry.gadgets[name].facts
    *_, (_, arguments) = samples(facts, "additive")
    check_gadget(name, facts, arguments, "additive", groups[count])


def test_ten_parties_compare_and_multiply():
    with Coordinator([f"p{k}" for k in range(10)], launcher="inline") as ten:
        text = 'x, y = mpc.input("x", owner="p0"), mpc.input("y", owner="p1")\nz, less = mpc.reveal(x * y), mpc.reveal(x < y)'
        outputs = run(ten, text, x=np.array([-3, 5]), y=np.array([5, 5])).outputs
    assert [-15, 25] == outputs["z"].tolist()
    assert [True, False] == outputs["less"].tolist()


@pytest.mark.parametrize("name", ["less_than", "equal", "select", "argmax"])
def test_messages_do_not_depend_on_data(name, groups):
    check_obliviousness(name, registry.gadgets[name].facts, "additive", groups[3])


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("bits", [1, 13, 62, 63])
def test_truncation_is_exact_for_every_shift(count, bits, groups):
    x = np.array([2**63 - 1, -(2**63), -1, 0, 1, 2 ** min(bits, 62), -(2 ** min(bits, 62)), 2**62 + 5, -(2**62) - 5, 12345678901])
    z = run(groups[count], f'x = mpc.input("x", owner="alice", full_range=True)\nz = mpc.reveal(x >> {bits})', x=x).outputs["z"]
    np.testing.assert_array_equal(x >> bits, z)


@pytest.mark.parametrize("count", [2, 3])
def test_probabilistic_truncation_rounds_up_or_down(count, groups):
    text = "from ramp_notebook.secret.conversions import truncate\n" + 'x = mpc.input("x", owner="alice")\n'
    x = np.array([0, 1000, -1000, 7, -7, 2**62 - 1, -(2**62), 8, -8] * 20)
    down = x >> 3
    z = run(groups[count], text + "z = mpc.reveal(truncate(x, 3, probabilistic=True))", x=x).outputs["z"]
    assert np.all((z == down) | (z == down + (x % 8 != 0)))


def test_probabilistic_truncation_of_two_goes_up_as_often_as_the_fraction_says(groups):
    text = "from ramp_notebook.secret.conversions import truncate\n" + 'x = mpc.input("x", owner="alice")\n'
    z = run(groups[2], text + "z = mpc.reveal(truncate(x, 2, probabilistic=True))", x=np.full(4000, 3)).outputs["z"]
    assert abs(z.mean() - 0.75) < 5 * np.sqrt(0.75 * 0.25 / 4000)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize(
    ("body", "elements"),
    [("x * y", 2 * 128), ("x.reshape(8, 16) @ y.reshape(16, 8)", 2 * 128), ("x[:64] @ y[64:]", 2 * 64), ("(x < 0) & (y < 0)", 2 * 2)],
    ids=["multiply", "matmul", "dot", "and"],
)
def test_a_product_opens_two_elements_in_one_round(count, body, elements, groups):
    gadget = {"&": "and", "@": "matmul"}.get(next((symbol for symbol in "&@" if symbol in body), ""), "multiply")
    done = run(groups[count], TWO + f"z = {body}", x=np.arange(128), y=np.arange(128))
    spans = [m for m in done.trace.messages if m.phase == "online" and gadget in done.trace.span_path(m.sender, m.span)]
    assert 1 == len({m.round for m in spans})
    assert all(8 * elements * (count - 1) == sent(done, party, gadget=gadget) for party in range(count))


@pytest.mark.parametrize("count", [2, 3])
def test_preprocessing_costs_what_the_transfers_cost(count):
    """(n - 1)(64 · 31 + 64 · 32.5) + 64 (n - 2) - 64 bits sent by each party per triple, 31 (n - 1) + 2 (n - 2) per AND."""
    peers, x = count - 1, np.arange(128)
    cells = [Cell(TWO + body, protocol="additive", inputs={0: {"x": x}, 1: {"y": x}}) for body in ("z = x * y", "z = x < y")]
    with Coordinator(NAMES[:count], launcher="inline") as parties:
        parties.run(cells[0])  # base OTs are done from here on
        products, comparisons = (Run.of(parties.run(replace(cell, needs=needs_of(cell, parties.names)))) for cell in cells)
    assert 128 * (peers * 64 * 63.5 + 64 * (count - 2) - 64) / 8 == sent(products, phase="preprocessing")
    made, used, left = comparisons.supplies["bit triples"]
    assert (made, 0) == (used, left)
    assert used * (31 * peers + 2 * (count - 2)) / 8 == sent(comparisons, phase="preprocessing")


def test_comparing_takes_seven_rounds_and_thirty_bytes_among_two(groups):
    run(groups[2], TWO + "z = x < y", x=np.arange(640), y=np.arange(640))
    done = run(groups[2], TWO + "z = x < y", x=np.arange(640), y=np.arange(640))
    assert 6 == done.cost.by_phase["online"].rounds
    assert 31 > sent(done) / 640


def test_sums_and_inputs_send_nothing(groups):
    assert 0 == run(groups[3], TWO + "z = 3 * x - y.sum()", x=np.arange(9), y=np.arange(9)).cost.messages


def test_what_is_revealed_shows_no_share_as_it_was(groups):
    """Two reveals of one secret send different words: each has its own share of zero."""
    seen = []
    original = Additive._zero
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Additive, "_zero", lambda self, shape, *, binary: seen.append(original(self, shape, binary=binary)) or seen[-1])
        run(groups[3], TWO + "a, b = mpc.reveal(x), mpc.reveal(x)", x=np.arange(4), y=np.arange(4))
    assert 6 * 4 == len(np.unique(np.concatenate(seen)))


def test_a_plan_knows_what_earlier_cells_left(groups):
    parties = groups[3]
    for body in ["z = gadgets.sum(x < y)", "z = gadgets.sort(x)", "z = mpc.reveal(gadgets.shuffle(x))", "z = x * y"]:
        for _ in range(2):
            x = np.arange(21)
            cell = Cell(TWO + body, protocol="additive", inputs={0: {"x": x}, 1: {"y": x}})
            before, kept = list(parties.directory), dict(parties.kept)
            result = parties.run(cell)
            plan = plan_cell(cell, parties.names, before, reveals=result.outcomes[0].reveals, kept=kept)
            assert_same_events(plan.trace, result.trace)


def test_silent_transfers_send_less_and_are_foretold_too():
    x = np.arange(640)
    inputs, spent = {0: {"x": x}, 1: {"y": x[::-1].copy()}}, []
    with Coordinator(NAMES[:2], launcher="inline") as parties:
        for source in ("silent", "silent", "ot", "ot"):
            cell = Cell(TWO + "z = mpc.reveal(x < y)", protocol="additive", preprocessing=source, inputs=inputs)
            before, kept = list(parties.directory), dict(parties.kept)
            result = parties.run(cell)
            np.testing.assert_array_equal(x < x[::-1], result.outputs["z"])
            assert_same_events(plan_cell(cell, parties.names, before, kept=kept).trace, result.trace)
            spent.append(sent(Run.of(result), phase="preprocessing"))
    assert spent[1] < spent[3] / 20


def test_after_a_failure_all_parties_begin_anew(groups):
    parties = groups[2]
    text = TWO + "z = mpc.reveal(x * y)"
    run(parties, text, x=np.arange(3), y=np.arange(3))
    assert parties.kept["additive"]
    with pytest.raises(Exception, match="on purpose"):
        run(parties, TWO + 'z = x * y\nif mpc.party == "bob": raise ValueError("on purpose")', x=np.arange(3), y=np.arange(3))
    assert {} == parties.kept
    again = run(parties, text, x=np.arange(3), y=np.arange(3))
    np.testing.assert_array_equal(np.arange(3) ** 2, again.outputs["z"])
    assert "base_ot" in {m.tag for m in again.trace.messages}


def test_a_party_that_fails_alone_takes_the_others_stock_along(groups):
    parties = groups[2]
    text = TWO + "z = mpc.reveal(x * y)"
    run(parties, text, x=np.arange(3), y=np.arange(3))
    with pytest.raises(Exception, match="on purpose"):
        parties.run(Cell('raise ValueError("on purpose")', kind="party", targets=(1,)))
    again = run(parties, text, x=np.arange(3), y=np.arange(3))
    np.testing.assert_array_equal(np.arange(3) ** 2, again.outputs["z"])


@pytest.mark.process
def test_processes_replace_a_killed_party_and_go_on():
    with Coordinator(["alice", "bob"]) as parties:
        text = TWO + "z = mpc.reveal(x < y)"
        run(parties, text, x=np.arange(3), y=np.arange(3)[::-1])
        with pytest.raises(Exception, match="bob"):
            run(
                parties,
                text + '\nif mpc.party == "bob": __import__("os").kill(__import__("os").getpid(), 9)\nz = mpc.reveal(x * y)',
                x=1,
                y=2,
            )
        for _ in range(2):
            again = run(parties, text, x=np.arange(3), y=np.arange(3)[::-1])
            assert [True, False, False] == again.outputs["z"].tolist()


def test_one_party_is_refused():
    with pytest.raises(MisuseValueError, match="two parties or more"):
        Additive.check_parties(1)
