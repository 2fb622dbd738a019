"""Circuits on secret bits: own ones always, the published ones where RAMP_DATA names a folder with circuits/; costs; refusals."""

import os
from pathlib import Path

import netlists
import numpy as np
import pytest
from ramp_notebook.gadgets import decode_bits, encode_bits

from ramp_notebook import registry
from ramp_notebook.errors import MisuseError
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.testing.conformance import party_count
from ramp_notebook.testing.events import assert_same_events
from ramp_notebook.values import bristol

PROTOCOLS = list(registry.protocols)
PUBLISHED = Path(os.environ.get("RAMP_DATA", "")) / "circuits"
TOP = 2**64 - 1
NUMBERS = [0, 1, 2, TOP, TOP - 1, 2**63, 2**63 - 1, 0x0123456789ABCDEF, 2**32 - 1]
PAIRS = [(x, y) for x in NUMBERS for y in NUMBERS]

# FIPS 197, appendices B and C.1: key, plaintext, ciphertext
AES = [
    (0x2B7E151628AED2A6ABF7158809CF4F3C, 0x3243F6A8885A308D313198A2E0370734, 0x3925841D02DC09FBDC118597196A0B32),
    (0x000102030405060708090A0B0C0D0E0F, 0x00112233445566778899AABBCCDDEEFF, 0x69C4E0D86A7B0430D8CDB78070B4C55A),
]


@pytest.fixture(scope="module")
def parties():
    with Coordinator(["alice", "bob", "carol"], launcher="inline") as coordinator:
        yield coordinator


@pytest.fixture(scope="module")
def groups(parties):
    """Parties by protocol: three where it takes so many, else as many as it takes."""
    names = ["alice", "bob", "carol", "dave"]
    with Coordinator(names[:2], launcher="inline") as two, Coordinator(names, launcher="inline") as four:
        of_size = {2: two, 3: parties, 4: four}
        yield {protocol: of_size[party_count(protocol)] for protocol in PROTOCOLS}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The tests' own circuits as files, read once."""
    folder = tmp_path_factory.mktemp("circuits")
    for name, text in {"adder8": netlists.adder(8), "adder64": netlists.adder(64), "aes": netlists.aes_128()}.items():
        (folder / f"{name}.txt").write_text(text)
        bristol.parse(text)
    return folder


def cell_of(path, arrays, protocol):
    names = [f"x{k}" for k in range(len(arrays))]
    owners = ["alice", "bob"]
    terms = ", ".join(f'mpc.input("{name}", owner="{owners[k]}")' for k, name in enumerate(names))
    text = f"run = gadgets.circuit({str(path)!r})\nz = mpc.reveal(run({terms}))"
    return Cell(text, protocol=protocol, inputs={k: {name: array} for k, (name, array) in enumerate(zip(names, arrays, strict=True))})


def outcome(parties, path, arrays, protocol="replicated"):
    """The revealed bits, after a check that the plan foretold every message."""
    cell = cell_of(path, arrays, protocol)
    before, kept = list(parties.directory), dict(parties.kept)
    result = parties.run(cell)
    assert_same_events(plan_cell(cell, parties.names, before, kept=kept).trace, result.trace)
    return result.outputs["z"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_adder_adds_every_instance(protocol, groups, own):
    x, y = np.arange(0, 256, 5), np.arange(255, -1, -5)
    bits = outcome(groups[protocol], own / "adder8.txt", [encode_bits(x, 8), encode_bits(y, 8)], protocol)
    assert [(int(a) + int(b)) % 256 for a, b in zip(x, y, strict=True)] == decode_bits(bits).tolist()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_adder_of_64_bits_equals_pythons_integers(protocol, groups, own):
    columns = [list(column) for column in zip(*PAIRS, strict=True)]
    bits = outcome(groups[protocol], own / "adder64.txt", [encode_bits(column, 64) for column in columns], protocol)
    assert [x + y & TOP for x, y in PAIRS] == decode_bits(bits).tolist()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_aes_agrees_with_fips_197(protocol, groups, own):
    keys, plain, expected = (list(column) for column in zip(*AES, strict=True))
    bits = outcome(groups[protocol], own / "aes.txt", [encode_bits(keys, 128), encode_bits(plain, 128)], protocol)
    assert expected == decode_bits(bits).tolist()


@pytest.mark.parametrize("instances", [0, 1, 63, 64, 65, 130])
def test_any_number_of_instances_in_any_shape(instances, parties, own):
    x = np.arange(instances).reshape(instances, 1) * np.ones(2, int)
    bits = outcome(parties, own / "adder8.txt", [encode_bits(x % 256, 8), encode_bits([7, 200], 8)])  # the second is broadcast
    assert (instances, 2, 8) == bits.shape
    np.testing.assert_array_equal((x + np.array([7, 200])) % 256, bits @ (1 << np.arange(8)))


def test_no_instance_axis_gives_none(parties, own):
    bits = outcome(parties, own / "adder8.txt", [encode_bits(200, 8), encode_bits(100, 8)])
    assert 44 == decode_bits(bits)


def test_several_outputs_come_as_a_tuple(parties, tmp_path):
    writer = netlists.Writer(2)
    [(a, b)] = writer.inputs()
    (tmp_path / "both.txt").write_text(writer.text([writer.gate("AND", a, b)], [a, writer.gate("INV", b)]))
    cell = cell_of(tmp_path / "both.txt", [np.array([[True, True], [True, False]])], "replicated")
    text = cell.source.replace("z = mpc.reveal(run(", "u, v = (mpc.reveal(each) for each in run(")
    outputs = parties.run(Cell(text, inputs=cell.inputs)).outputs
    np.testing.assert_array_equal([[True], [False]], outputs["u"])
    np.testing.assert_array_equal([[True, False], [True, True]], outputs["v"])


@pytest.mark.parametrize("instances", [1, 64, 1000])
def test_a_depth_of_ands_costs_a_round_and_a_bit_an_and_and_party(instances, parties, own):
    circuit = bristol.parse((own / "aes.txt").read_text())
    parties.run(Cell(f"run = gadgets.circuit({str(own / 'aes.txt')!r})"))
    zeros = f"mpc.public(np.zeros(({instances}, 128), bool))"
    cost = Run.of(parties.run(Cell(f"z = run({zeros}, {zeros})"))).cost.gadget("aes")
    assert 3 * 8 * circuit.and_count * -(-instances // 64) == cost.sent_bytes
    assert circuit.and_depth == cost.rounds


def test_the_circuit_outlives_its_cell(parties, own):
    parties.run(Cell(f"add = gadgets.circuit({str(own / 'adder8.txt')!r}, name='plus')\nx = mpc.public({encode_bits(3, 8).tolist()})"))
    run = parties.run(Cell("z = mpc.reveal(add(x, x))\ntext = repr(add)"))
    assert 6 == decode_bits(run.outputs["z"])
    assert "<circuit plus: bits (8, 8) -> bits (8), 8 ANDs in 8 rounds>" == run.outputs["text"]
    assert "plus" in {span.name for span in run.trace.spans}


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("add(x)", "adder8 takes 2 inputs; got 1"),
        ("add(x, x[:7])", r"secret bits of shape \(…, 8\), lowest first"),
        ("add(x, mpc.public([1] * 8))", "secret bits of shape"),
        ("add(x, [True] * 8)", "secret bits of shape .* got list"),
        ("add([True] * 8, [True] * 8)", "at least one secret"),
        ("add(np.stack([x] * 3), np.stack([x] * 2))", "do not broadcast"),
        ("gadgets.circuit('/nowhere/at/all.txt')", "cannot read the circuit /nowhere/at/all.txt: No such file"),
    ],
)
def test_what_does_not_fit_is_refused(call, complaint, parties, own):
    text = f"add = gadgets.circuit({str(own / 'adder8.txt')!r})\nx = mpc.public([True] * 8)\n{call}"
    with pytest.raises(Exception, match=complaint):
        parties.run(Cell(text))


@pytest.mark.parametrize("width", [1, 7, 8, 64, 128, 200])
def test_numbers_of_any_width_become_bits_and_come_back(width):
    numbers = [0, 1, (1 << width) - 1, 1 << (width - 1)]
    bits = encode_bits(numbers, width)
    assert [[bool(n >> k & 1) for k in range(width)] for n in numbers] == bits.tolist()
    assert numbers == decode_bits(bits).tolist()
    assert (1 << width) - 1 == decode_bits(encode_bits(-1, width))
    assert (0, width) == encode_bits([], width).shape
    for beyond in (1 << width, -(1 << (width - 1)) - 1):
        with pytest.raises(MisuseError, match=f"at most {width} bits"):
            encode_bits([0, beyond], width)
    with pytest.raises(MisuseError, match="got float"):
        encode_bits([0.5], width)


# -- published circuits ------------------------------------------------------------------------------------------------

published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="RAMP_DATA names no folder with circuits/ of published Bristol Fashion files")
ORACLES = {
    "adder64": lambda x, y: (x + y) & TOP, "sub64": lambda x, y: (x - y) & TOP, "mult64": lambda x, y: (x * y) & TOP,
    "neg64": lambda x: -x & TOP, "zero_equal": lambda x: int(x == 0),
}  # fmt: skip


@published
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ORACLES)
def test_a_published_circuit_equals_pythons_integers(name, protocol, groups):
    columns = [NUMBERS] if name in ("neg64", "zero_equal") else [list(column) for column in zip(*PAIRS, strict=True)]
    bits = outcome(groups[protocol], PUBLISHED / f"{name}.txt", [encode_bits(column, 64) for column in columns], protocol)
    assert [ORACLES[name](*row) for row in zip(*columns, strict=True)] == decode_bits(bits).tolist()


@published
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_published_aes_agrees_with_fips_197(protocol, groups):
    keys, plain, expected = (list(column) for column in zip(*AES, strict=True))
    bits = outcome(groups[protocol], PUBLISHED / "aes_128.txt", [encode_bits(keys, 128), encode_bits(plain, 128)], protocol)
    assert expected == decode_bits(bits).tolist()
