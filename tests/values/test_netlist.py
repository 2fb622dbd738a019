"""Layers against the gates of the text, one by one; what grouping and the reuse of rows may and may not do."""

import netlists
import numpy as np
import pytest

from ramp_notebook.values import bristol
from ramp_notebook.values.netlist import FIRST_INPUT, ONE


def evaluate(circuit, *inputs):
    """The circuit on arrays of bits (…, width), layer by layer."""
    bits = np.moveaxis(np.concatenate(inputs, axis=-1), -1, 0)
    rows = np.random.default_rng(0).integers(0, 2, (circuit.rows, *bits.shape[1:])).astype(bool)  # what no layer may rely on
    rows[:FIRST_INPUT] = np.arange(FIRST_INPUT).reshape(-1, *[1] * (bits.ndim - 1)) == ONE
    rows[FIRST_INPUT : FIRST_INPUT + len(bits)] = bits
    for layer in circuit.layers:
        rows[layer.out] = rows[layer.left] & rows[layer.right] if layer.product else rows[layer.left] ^ rows[layer.right]
    return [np.moveaxis(rows[output], 0, -1) for output in circuit.outputs]


def test_an_adder_adds():
    x, y = np.meshgrid(np.arange(16), np.arange(16))
    as_bits = [(number[..., None] >> np.arange(4) & 1).astype(bool) for number in (x, y)]
    [total] = evaluate(bristol.parse(netlists.adder(4)), *as_bits)
    np.testing.assert_array_equal((x + y) % 16, total @ (1 << np.arange(4)))


@pytest.mark.parametrize("seed", range(40))
def test_layers_are_the_gates_in_another_order(seed):
    rng = np.random.default_rng(seed)
    text = netlists.random(rng, gates=int(rng.integers(1, 120)))
    inputs = rng.integers(0, 2, (2, 9, 5)).astype(bool)
    for expected, actual in zip(netlists.run(text, *inputs), evaluate(bristol.parse(text), *inputs), strict=True):
        np.testing.assert_array_equal(expected, actual)


def test_all_products_of_one_depth_are_one_layer():
    writer = netlists.Writer(8)
    [wires] = writer.inputs()
    depth = 0
    while len(wires) > 1:
        wires, depth = [writer.gate("AND", a, b) for a, b in zip(wires[::2], wires[1::2], strict=True)], depth + 1
    circuit = bristol.parse(writer.text(wires))
    assert [4, 2, 1] == [layer.out.size for layer in circuit.layers]
    assert (7, depth) == (circuit.and_count, circuit.and_depth)


def test_a_row_is_used_again_after_its_last_reader():
    circuit = bristol.parse(netlists.adder(64))
    assert circuit.rows < 2 + 64 + 64 + 64 + 8  # constants, inputs, sums that wait for the end, and few between


def test_layers_are_frozen():
    [layer, *_] = bristol.parse(netlists.adder(2)).layers
    with pytest.raises(ValueError, match="read-only"):
        layer.out[0] = 1
