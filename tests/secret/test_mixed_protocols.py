"""Several protocols in one cell: what `mpc.using` and `mpc.convert` compute, cost, refuse and promise."""

import numpy as np
import pytest

from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.testing.events import assert_same_events

X, Y = np.array([1, -5, 7, 2**40, 0]), np.array([3, -9, 7, -(2**10), 1])
INPUTS = 'x, y = mpc.input("x", owner="alice"), mpc.input("y", owner="bob")\n'
GROUPS = {2: ("clear", "garbled", "additive"), 3: ("clear", "replicated", "additive", "shamir"), 4: ("clear", "fantastic-four", "additive")}
PAIRS = [(count, source, target) for count, protocols in GROUPS.items() for source in protocols for target in protocols]


@pytest.fixture(scope="module")
def groups():
    living = {count: Coordinator(["alice", "bob", "carol", "dave"][:count], launcher="inline") for count in GROUPS}
    yield living
    for coordinator in living.values():
        coordinator.stop()


def run(parties, text, protocol, x=X, y=Y):
    """Run a cell on two inputs; its plan must foretell every event."""
    cell = Cell(INPUTS + text, protocol=protocol, inputs={0: {"x": np.array(x)}, 1: {"y": np.array(y)}})
    directory, kept = list(parties.directory), dict(parties.kept)
    result = parties.run(cell)
    assert_same_events(plan_cell(cell, parties.names, directory, kept=kept).trace, result.trace)
    return Run.of(result)


def refused(parties, text, protocol="clear", match=r"mpc\.convert"):
    with pytest.raises(Exception, match=match):
        run(parties, text, protocol)


def test_a_value_moves_to_another_protocol_and_back(groups):
    text = 'with mpc.using("garbled"):\n    less = mpc.convert(x) < mpc.convert(y)\nz = mpc.reveal(gadgets.select(mpc.convert(less), x, y))'
    np.testing.assert_array_equal(np.minimum(X, Y), run(groups[2], text, "additive").outputs["z"])


@pytest.mark.parametrize(("count", "source", "target"), PAIRS)
def test_every_kind_of_value_moves(count, source, target, groups):
    text = f"""
few = [x * y, x < y, y ^ x, x * 0.5, x[:0], (x < y)[:0], x[3], (x > y)[0]]
with mpc.using({target!r}):
    moved = [mpc.convert(each) for each in few]
    kinds = [(m.domain, str(m.dtype), m.shape, m.protocol_name) == (f.domain, str(f.dtype), f.shape, {target!r}) for m, f in zip(moved, few)]
    p, q, w, h, e, f, s, b = (mpc.reveal(each) for each in moved)
"""
    outputs = run(groups[count], text, source).outputs
    expected = [X * Y, X < Y, Y ^ X, X * 0.5, X[:0], (X < Y)[:0], X[3], (X > Y)[0]]
    assert all(outputs["kinds"])
    for name, value in zip("pqwhefsb", expected, strict=True):
        np.testing.assert_array_equal(value, outputs[name], err_msg=name)


@pytest.mark.parametrize("operation", ["x + u", "u + x", "x < u", "gadgets.select(u > 0, x, x)", "np.stack([x, u])"])
def test_operations_on_secrets_of_two_protocols_are_refused(operation, groups):
    text = 'with mpc.using("replicated"):\n    u = mpc.convert(x)\n    {}\n{}'
    refused(groups[3], text.format(f"z = {operation}", ""))
    refused(groups[3], text.format("u + u", f"z = {operation}"))


@pytest.mark.parametrize("operation", ["mpc.reveal(x)", "mpc.reveal(x[1:])", "mpc.reveal(x.reshape(5, 1))", "mpc.peek(x)", "-x[0]"])
def test_a_foreign_secret_stays_foreign(operation, groups):
    refused(groups[3], f'with mpc.using("replicated"):\n    z = {operation}')


def test_a_secret_of_an_earlier_cell_is_refused_and_moves(groups):
    parties = groups[3]
    run(parties, "earlier = x + y", "clear")
    for operation in ("earlier + x", "np.stack([earlier, x])", "mpc.reveal(earlier[:2])"):
        refused(parties, f"z = {operation}", "replicated")
    after = run(parties, "z = mpc.reveal(mpc.convert(earlier) + x)", "replicated")
    np.testing.assert_array_equal(X + Y + X, after.outputs["z"])
    assert after.label.adversary == "cleartext reference"


def test_the_label_is_the_weaker_of_both(groups):
    assert (2, 3) == (lambda label: (label.threshold, label.party_count))(run(groups[3], "z = mpc.reveal(x)", "additive").label)
    mixed = run(groups[3], 'with mpc.using("replicated"):\n    u = mpc.convert(x)\nz = mpc.reveal(mpc.convert(u))', "additive")
    assert ("semi-honest", 1) == (mixed.label.adversary, mixed.label.threshold)
    assert mixed.label == run(groups[3], 'with mpc.using("additive"):\n    u = mpc.convert(x)', "replicated").label


def test_a_protocol_checks_the_number_of_parties(groups):
    refused(groups[3], 'with mpc.using("garbled"): pass', match="exactly two parties")
    refused(groups[3], 'with mpc.using("nothing"): pass', match="nothing")
    refused(groups[3], 'with mpc.using("garbld"): pass', match="did you mean `garbled`")


def test_branches_have_a_current_protocol_each(groups):
    text = """
def inside():
    with mpc.using("replicated"):
        u = mpc.convert(x)
        return mpc.reveal(u * u), mpc.protocol_name
def outside():
    return mpc.reveal(x * y), mpc.protocol_name
(a, one), (b, other) = mpc.parallel(inside, outside)
names = (one, other, mpc.protocol_name)
"""
    outputs = run(groups[3], text, "additive").outputs
    np.testing.assert_array_equal([X * X, X * Y], [outputs["a"], outputs["b"]])
    assert ("replicated", "additive", "additive") == outputs["names"]


@pytest.mark.parametrize(
    ("count", "source", "target", "sent_bytes"),
    [
        (3, "clear", "replicated", 8),  # one input: of party 0, who has the value
        (3, "replicated", "additive", 0),
        (3, "additive", "replicated", 3 * 8),
        (2, "garbled", "additive", 0),  # of words
        (2, "clear", "garbled", 0),
    ],
)
def test_moving_costs_the_input_of_every_piece(count, source, target, sent_bytes, groups):
    value = "(x ^ y)" if source == "garbled" else "x"
    run_of = run(groups[count], f"v = {value}\nwith mpc.using({target!r}):\n    u = mpc.convert(v)", source)
    assert sent_bytes * len(X) == run_of.cost.gadget("convert").sent_bytes


def test_protocols_keep_their_state_apart_and_lose_it_together(groups):
    parties, text = groups[2], 'with mpc.using("garbled"):\n    u = mpc.convert(x) * mpc.convert(y)\nz = mpc.reveal(mpc.convert(u))'
    for _ in range(2):
        np.testing.assert_array_equal(X * Y, run(parties, text, "additive").outputs["z"])
    refused(parties, "1 / 0", "additive", match="ZeroDivisionError")
    np.testing.assert_array_equal(X * Y, run(parties, text, "additive").outputs["z"])


@pytest.mark.parametrize(("call", "protocol"), [('mpc.convert(x, "garbled")', "garbled"), ("mpc.convert(x, 3)", "additive")])
def test_where_a_secret_goes_is_not_an_argument(call, protocol, groups):
    refused(groups[2], call, match=rf'nothing else.*Write `with mpc.using\("{protocol}"\): y = mpc.convert\(x\)`')


WIDE = {"drawn": "mpc.random(3)", "public": "mpc.public([2**62])", "full range": 'mpc.input("w", owner="alice", full_range=True)'}


@pytest.mark.parametrize("kind", WIDE)
@pytest.mark.parametrize("domain", ["{}", "{} ^ 0"])
def test_numbers_of_the_whole_range_do_not_come_over_to_a_smaller_one(kind, domain, groups):
    text = f'v = {domain.format(WIDE[kind])}\nwith mpc.using({{!r}}):\n    u = mpc.convert(v)'
    groups[3].run(Cell("w = np.array([2**62, 5])", kind="party", targets=(0,)))
    refused(groups[3], text.format("shamir"), "additive", match=r"may lie anywhere.*`shamir` takes numbers in \(-2\^60, 2\^60\)")
    run(groups[3], text.format("replicated"), "additive")


def test_numbers_of_the_whole_smaller_range_come_over_to_a_larger_one(groups):
    text = 'v = mpc.public([2**60 - 1])\nwith mpc.using("additive"):\n    z = mpc.reveal(mpc.convert(v))'
    assert 2**60 - 1 == run(groups[3], text, "shamir").outputs["z"][0]
