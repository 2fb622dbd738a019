"""AES-128 as a gadget: FIPS 197, the S-box at every byte, how blocks and keys meet, what it costs, what it refuses."""

import functools

import numpy as np
import pytest
from ramp_notebook.gadgets import aes, decode_bits, encode_bits

from ramp_notebook.errors import MisuseError
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.values import netlist

# FIPS 197, appendices B and C.1: key, plaintext, ciphertext
VECTORS = [
    (0x2B7E151628AED2A6ABF7158809CF4F3C, 0x3243F6A8885A308D313198A2E0370734, 0x3925841D02DC09FBDC118597196A0B32),
    (0x000102030405060708090A0B0C0D0E0F, 0x00112233445566778899AABBCCDDEEFF, 0x69C4E0D86A7B0430D8CDB78070B4C55A),
]


@pytest.fixture(scope="module")
def parties():
    with Coordinator(["alice", "bob"], launcher="inline") as coordinator:
        yield coordinator


def cell(keys, blocks, protocol="clear", call="gadgets.aes128(mpc.input('key', owner='alice'), mpc.input('block', owner='bob'))"):
    return Cell(
        f"z = mpc.reveal({call})", protocol=protocol, inputs={0: {"key": encode_bits(keys, 128)}, 1: {"block": encode_bits(blocks, 128)}}
    )


@pytest.mark.parametrize("protocol", ["clear", "additive", "garbled"])
def test_it_agrees_with_fips_197(protocol, parties):
    keys, blocks, ciphers = (list(column) for column in zip(*VECTORS, strict=True))
    assert ciphers == decode_bits(parties.run(cell(keys, blocks, protocol)).outputs["z"]).tolist()


def test_one_key_meets_many_blocks_in_any_shape(parties):
    blocks = np.arange(6, dtype=object).reshape(2, 3)
    bits = parties.run(cell(VECTORS[0][0], blocks)).outputs["z"]
    np.testing.assert_array_equal(aes._reference(encode_bits(VECTORS[0][0], 128), encode_bits(blocks, 128)), bits)


def outputs_at_every(width, function):
    """The numbers that a function on wires gives for all of `width` bits."""
    build = netlist.Builder(width)
    circuit = build.circuit(function(build, build.inputs[0]))
    rows = np.zeros((circuit.rows, 1 << width), bool)
    rows[netlist.ONE] = True
    rows[netlist.FIRST_INPUT : netlist.FIRST_INPUT + width] = encode_bits(range(1 << width), width + 1).T[:width]
    for layer in circuit.layers:
        rows[layer.out] = rows[layer.left] & rows[layer.right] if layer.product else rows[layer.left] ^ rows[layer.right]
    return circuit, decode_bits(rows[circuit.outputs[0]].T).tolist()


def test_the_s_box_is_the_one_defined_for_every_byte():
    circuit, box = outputs_at_every(8, aes._s_box)
    inverse = [next((y for y in range(256) if aes._times(x, y) == 1), 0) for x in range(256)]
    rotated = [functools.reduce(lambda v, k, x=x: v ^ (x << k | x >> 8 - k) & 255, range(1, 5), x) for x in inverse]
    assert [x ^ 0x63 for x in rotated] == box
    assert [0x63, 0x7C, 0x77, 0x7B] == box[:4]  # figure 7
    assert (33, 4) == (circuit.and_count, circuit.and_depth)


@pytest.mark.parametrize(("bits", "function", "ands"), [(4, aes._inverse_16, 6), (8, aes._inverse_256, 33)])
def test_an_inverse_in_the_tower_times_its_number_is_one(bits, function, ands):
    circuit, inverse = outputs_at_every(bits, function)
    assert [0, *[1] * ((1 << bits) - 1)] == [aes._tower_times(x, y, bits) for x, y in enumerate(inverse)]
    assert ands == circuit.and_count


@pytest.mark.parametrize("blocks", [1, 64, 1000])
def test_it_costs_what_its_docstring_states(blocks):
    text = f"z = gadgets.aes128(mpc.public([False] * 128), mpc.public(np.zeros(({blocks}, 128), bool)))"
    cost = Run.of_plan(plan_cell(Cell(text), ["alice", "bob", "carol"])).cost.gadget("aes128")
    assert (40, 3 * 8 * 6600 * -(-blocks // 64)) == (cost.rounds, cost.sent_bytes)
    garbled = Run.of_plan(plan_cell(Cell(text, protocol="garbled"), ["alice", "bob"])).cost.gadget("aes128")
    assert 6600 * 32 * blocks == garbled.sent_bytes


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("gadgets.aes128(x, x[:127])", r"aes128 takes secret bits of shape \(…, 128\)"),
        ("gadgets.aes128(x, mpc.public([1] * 128))", "aes128 takes secret bits"),
        ("gadgets.aes128(np.stack([x] * 3), np.stack([x] * 2))", "do not broadcast"),
    ],
)
def test_what_does_not_fit_is_refused(call, complaint, parties):
    with pytest.raises(MisuseError, match=complaint):
        parties.run(Cell(f"x = mpc.public([True] * 128)\n{call}", protocol="clear"))
