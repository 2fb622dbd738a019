"""Bad input: a clear error at its owner before anything is shared, or the right answer; earlier work stays."""

import numpy as np
import pytest

from ramp_notebook.errors import MisuseError, RampError
from ramp_notebook.protocols.replicated import Replicated
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator


@pytest.fixture(scope="module")
def parties():
    with Coordinator(["alice", "bob", "carol"], launcher="inline") as coordinator:
        yield coordinator


class Column:
    """Stands for a column of a data frame: no ndarray, but it knows how to become one."""

    def __init__(self, *values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


GOOD = {
    "empty list": ([], []),
    "empty table": (np.zeros((0, 3)), np.zeros((0, 3))),
    "duplicates": ([7, 7, 7], [7, 7, 7]),
    "tuple": ((1, 2), [1, 2]),
    "range": (range(3), [0, 1, 2]),
    "integers and truths": ([True, 2], [1, 2]),
    "small unsigned": (np.array([200], np.uint8), [200]),
    "big-endian": (np.array([1, -2], ">i4"), [1, -2]),
    "half precision": (np.array([1.5], np.float16), [1.5]),
    "not contiguous": (np.arange(6).reshape(2, 3).T, [[0, 3], [1, 4], [2, 5]]),
    "extremes": ([2**62 - 1, -(2**62)], [2**62 - 1, -(2**62)]),
    "column of a table": (Column(4, 5), [4, 5]),
    "mask without use": (np.ma.array([1, 2]), [1, 2]),
}
BAD = {
    "too large": ([2**62], "full_range"),
    "too large without sign": (np.array([2**64 - 1], np.uint64), "beyond the range of int64"),
    "far too large": ([2**70], "one regular shape"),
    "not a number": ([1.0, np.nan], "NaN"),
    "infinite": (np.inf, "NaN or infinity"),
    "beyond fixed point": ([1e15], r"range of fixed"),
    "complex": ([1 + 2j], "integers, floats or booleans"),
    "missing": ([1, None], "integers, floats or booleans"),
    "ragged": ([[1, 2], [3]], "one regular shape"),
    "text": (["1.2.3.4"], "encode="),
    "text beside numbers": ([1, "a"], "encode="),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), "integers, floats or booleans"),
    "records": (np.zeros(2, [("a", int)]), "integers, floats or booleans"),
    "masked": (np.ma.array([1, 2], mask=[False, True]), "masked entries"),
    "set": ({1, 2}, r"is a set, which has no array form.*sorted"),
    "dict": ({"a": 1}, "is a dict, which has no array form"),
    "nothing": (None, "is a NoneType"),
}
NAMED_AT_OWNER = ("too large", "too large without sign", "not a number", "infinite", "beyond fixed point", "masked")  # found in the data


@pytest.mark.parametrize("kind", GOOD)
def test_what_can_be_shared_comes_back(kind, parties):
    value, expected = GOOD[kind]
    revealed = parties.run(Cell('z = mpc.reveal(mpc.input("x", owner="alice"))', inputs={0: {"x": value}})).outputs["z"]
    np.testing.assert_array_equal(np.asarray(expected), revealed)
    assert np.shape(expected) == np.shape(revealed)


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_shared_is_refused_before_anything_is_sent(kind, parties, monkeypatch):
    value, complaint = BAD[kind]
    shared = []
    honest = Replicated.input
    monkeypatch.setattr(
        Replicated, "input", lambda self, owner, *rest, **kind: (shared.append(self.me), honest(self, owner, *rest, **kind))[1]
    )
    with pytest.raises(MisuseError, match=complaint) as caught:
        parties.run(Cell('z = mpc.input("x", owner="alice")', inputs={0: {"x": value}}))
    assert 0 not in shared
    assert ("[in alice at line 1" in str(caught.value)) == (kind in NAMED_AT_OWNER)


@pytest.mark.parametrize("secret", [[2**62 + 12345], [7.12345e15], np.array([2**63 + 12345], np.uint64)], ids=str)
def test_errors_do_not_quote_private_data(secret, parties):
    full_range = isinstance(secret, np.ndarray)
    with pytest.raises(MisuseError) as caught:
        parties.run(Cell(f'z = mpc.input("x", owner="alice", full_range={full_range})', inputs={0: {"x": secret}}))
    assert "12345" not in str(caught.value)
    assert str(secret[0]) not in str(caught.value)


@pytest.mark.parametrize(
    ("term", "complaint"),
    [
        ('mpc.input("x", owner="dave")', "no party named `dave`; the parties are alice, bob, carol"),
        ('mpc.input("x", owner="Alice")', "no party named `Alice`"),
        ('mpc.input("x", owner=0)', "no party named `0`"),
        ('mpc.input("nothing", owner="bob")', "bob has no input named `nothing`. Bind it before this cell, in a `%%party bob` cell"),
        ('mpc.input("x", owner="bob")', "bob has no input named `x`; it is at alice"),
        ('mpc.input("nothing")', "say whose `nothing` is meant"),
        ('mpc.inputs("nothing")', "no party has an input named `nothing`"),
        ("mpc.input(x)", "takes the .name. of a value"),
        ('mpc.input("x", dtype="float")', '"int64", "fixed" or "bool"'),
        ('mpc.input("x", dtype="bool")', "should be booleans"),
        ('mpc.input("x", encode=lambda v: v[:1])', "encoders must keep the shape"),
        ('mpc.input("x", encode=gadgets.ipv4_to_int)', "IPv4 addresses as text"),
        ('mpc.input("ips", encode=gadgets.ipv4_to_int)', r"item 1 is not an IPv4 address.*\[in bob"),
        ('mpc.input("übel", encode=gadgets.ipv4_to_int)', r"item 0 is not an IPv4 address.*\[in bob"),
        ('mpc.reveal(mpc.input("x"), to="dave")', "party names among alice, bob, carol"),
        ("mpc.reveal(5)", "takes a secret; got int"),
        ('mpc.input("x") + np.arange(4)', r"shapes \(2,\) and \(4,\) do not broadcast"),
        ('np.stack(mpc.inputs("list"))', r"same shape|shapes are"),
    ],
)
def test_mistakes_are_named_with_the_next_move(term, complaint, parties):
    inputs = {0: {"x": [1, 2], "list": [1]}, 1: {"ips": ["1.2.3.4", "1.2.3.444"], "übel": ["1.2.3.４"], "list": [1, 2]}}
    kept = parties.run(Cell("kept = mpc.public(41)")).outputs
    with pytest.raises(RampError, match=complaint):
        parties.run(Cell(f"kept = 0\nz = {term}", inputs=inputs))
    assert 42 == parties.run(Cell("z = mpc.reveal(kept + 1)")).outputs["z"]  # the failed cell changed nothing
    assert {} == kept


def test_names_need_not_be_ascii(parties):
    assert 5 == parties.run(Cell('z = mpc.reveal(mpc.input("größe", owner="bob"))', inputs={1: {"größe": 5}})).outputs["z"]


@pytest.mark.parametrize("again", ['mpc.input("x", owner="alice")', 'mpc.input("x")', 'mpc.inputs("x")[0]'])
def test_a_secret_in_an_inputs_place_is_named(again, parties):
    run = 'x = mpc.input("x", owner="alice")'
    parties.run(Cell(run, inputs={0: {"x": 5}}))
    with pytest.raises(MisuseError, match=r"`x` at alice is a secret now.*run the `%%party alice` cell again, or name the secret differently"):
        parties.run(Cell(f"z = {again}"))
    parties.run(Cell("x = 5", kind="party", targets=(0,)))
    assert 5 == parties.run(Cell(f"z = mpc.reveal({again})")).outputs["z"]


@pytest.mark.parametrize(("value", "advised"), [(2**59, True), (2**60 - 1, True), (-(2**60) + 1, True), (2**60, False), (-(2**62), False)])
def test_full_range_is_advised_only_where_it_helps(value, advised, parties):
    cell = Cell('z = mpc.input("x", owner="alice")', protocol="shamir", inputs={0: {"x": [value]}})
    with pytest.raises(MisuseError, match="full_range=True" if advised else r"beyond the range of `shamir`, \(-2\*\*60, 2\*\*60\)"):
        parties.run(cell)
    if advised:
        parties.run(Cell('z = mpc.input("x", owner="alice", full_range=True)', protocol="shamir", inputs={0: {"x": [value]}}))


@pytest.mark.parametrize("protocol", ["replicated", "shamir"])
def test_large_public_numbers_are_compared_exactly(protocol, parties):
    low, high = (-(2**60) + 1, 2**60 - 1) if protocol == "shamir" else (-(2**63), 2**63 - 1)
    cell = f"low, high = mpc.public([{low}, {high}, 0]), mpc.public([{high}, {low}, 1])\nless = mpc.reveal(low < high)"
    np.testing.assert_array_equal([True, False, True], parties.run(Cell(cell, protocol=protocol)).outputs["less"])
    far = 2.0 ** (43 if protocol == "shamir" else 46)  # fixed point: the difference of both overflows
    text = f"less = mpc.reveal(mpc.public([{far}]) < [{-far}])"
    assert not parties.run(Cell(text, protocol=protocol)).outputs["less"][0]
