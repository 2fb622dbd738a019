"""Garbled gates: truth tables at all colours, circuits, sizes, the hash by its definition; and bugs that these tests must catch."""

from collections import Counter
from itertools import product

import netlists
import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from ramp_notebook.errors import MisuseError, PeerError
from ramp_notebook.protocols.context import ShapedStream
from ramp_notebook.protocols.garbling import HalfGates, ThreeHalves, gates, labels, three_halves
from ramp_notebook.values import bristol
from ramp_notebook.values.netlist import FIRST_INPUT
from ramp_notebook.values.shaped import ShapedArray
from ramp_notebook.values.streams import Stream, derive_key, fresh_key

SCHEMES = [HalfGates, ThreeHalves]
SALT = bytes(range(16))
each_scheme = pytest.mark.parametrize("kind", SCHEMES, ids=lambda kind: kind.name)


@pytest.fixture
def stream():
    return Stream(fresh_key())


def test_an_and_gate_by_hand(stream):
    delta = labels.fresh_delta(stream)
    garbler, evaluator = HalfGates(SALT), HalfGates(SALT)
    a, b = stream.words((1, 2)), stream.words((1, 2))  # labels of false
    c, table = garbler.garble(a, b, delta, stream)
    active = evaluator.evaluate(a ^ delta, b, table)  # true and false
    np.testing.assert_array_equal(c, active)  # false


def mistakes(kind, delta, stream, repeats=70):
    """How many of all inputs at all colours give a wrong bit, or no bit; and how many there are."""
    rows = np.array(list(product((0, 1), repeat=4)) * repeats, dtype=np.uint64)
    x, y, p_a, p_b = rows.T
    a, b = stream.words((len(rows), 2)), stream.words((len(rows), 2))
    for zeros, colour in ((a, p_a), (b, p_b)):
        zeros[:, 0] = zeros[:, 0] & ~np.uint64(1) | colour
    garbler, evaluator = kind(SALT), kind(SALT)
    c, table = garbler.garble(a, b, delta, stream)
    results = evaluator.evaluate(labels.active(a, delta, x), labels.active(b, delta, y), table)
    return int((results != labels.active(c, delta, x & y)).any(axis=1).sum()), len(rows)


@each_scheme
def test_every_input_at_every_colour_gives_the_label_of_its_and(kind, stream):
    for _ in range(5):
        assert 0 == mistakes(kind, labels.fresh_delta(stream), stream)[0]


@each_scheme
def test_an_even_offset_is_refused_and_would_be_caught(kind, stream, monkeypatch):
    even = labels.fresh_delta(stream) ^ np.array([1, 0], np.uint64)
    with pytest.raises(MisuseError, match="must be odd"):
        mistakes(kind, even, stream)
    monkeypatch.setattr(gates, "check_delta", lambda delta: None)  # the planted bug
    wrong, all_rows = mistakes(kind, even, stream)
    assert wrong >= all_rows / 4


@each_scheme
def test_constants_and_equal_operands(kind, stream):
    delta = labels.fresh_delta(stream)
    x = np.array([0, 1, 0, 1] * 20)
    constant = np.array([0, 0, 1, 1] * 20)
    a, known = stream.words((80, 2)), labels.offsets(constant, delta)
    for b, b_active, expected in ((a, labels.active(a, delta, x), x), (known, np.zeros((80, 2), np.uint64), x & constant)):
        c, table = kind(SALT).garble(a, b, delta, stream)
        results = kind(SALT).evaluate(labels.active(a, delta, x), b_active, table)
        np.testing.assert_array_equal(expected, labels.decode(results, c, delta))


def garbled(kind, circuit, inputs, stream):
    """The outputs of a circuit on bits (instances, width), garbled and evaluated layer by layer."""
    delta = labels.fresh_delta(stream)
    bits = np.moveaxis(np.concatenate(inputs, axis=-1), -1, 0)
    garbler, evaluator = kind(SALT), kind(SALT)
    zeros, active = (np.zeros((circuit.rows, bits.shape[1], 2), np.uint64) for _ in range(2))
    zeros[1] = delta
    mine = slice(FIRST_INPUT, FIRST_INPUT + len(bits))
    zeros[mine] = stream.words((*bits.shape, 2))
    active[mine] = labels.active(zeros[mine], delta, bits)
    for layer in circuit.layers:
        if not layer.product:
            for side in (zeros, active):
                side[layer.out] = side[layer.left] ^ side[layer.right]
            continue
        c, table = garbler.garble(zeros[layer.left].reshape(-1, 2), zeros[layer.right].reshape(-1, 2), delta, stream)
        results = evaluator.evaluate(active[layer.left].reshape(-1, 2), active[layer.right].reshape(-1, 2), table)
        zeros[layer.out], active[layer.out] = (flat.reshape(len(layer.out), -1, 2) for flat in (c, results))
    return [np.moveaxis(labels.decode(active[output], zeros[output], delta), 0, -1) for output in circuit.outputs]


@each_scheme
@pytest.mark.parametrize("seed", range(12))
def test_a_garbled_circuit_computes_what_its_gates_say(kind, seed, stream):
    rng = np.random.default_rng(seed)
    text = netlists.random(rng, gates=80)
    inputs = rng.integers(0, 2, (2, int(rng.integers(1, 90)), 5)).astype(bool)
    for expected, actual in zip(netlists.run(text, *inputs), garbled(kind, bristol.parse(text), inputs, stream), strict=True):
        np.testing.assert_array_equal(expected, actual)


@each_scheme
@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, gates.PIECE, gates.PIECE + 1, 3 * gates.PIECE + 17])
def test_a_layer_of_any_size_and_its_bytes(kind, count, stream):
    delta = labels.fresh_delta(stream)
    x, y = np.random.default_rng(count).integers(0, 2, (2, count))
    a, b = stream.words((count, 2)), stream.words((count, 2))
    garbler, evaluator = kind(SALT), kind(SALT)
    for _ in range(2):
        c, table = garbler.garble(a, b, delta, stream)
        results = evaluator.evaluate(labels.active(a, delta, x), labels.active(b, delta, y), table)
        np.testing.assert_array_equal(x & y, labels.decode(results, c, delta))
    assert table.nbytes == {"half-gates": 32 * count, "three-halves": 24 * count + 5 * 8 * -(-count // 64)}[kind.name]


@each_scheme
def test_shapes_alone_give_the_same_sizes_and_numbers(kind, stream):
    real, planned = kind(SALT), kind(SALT)
    delta = labels.fresh_delta(stream)
    for count in (5, 64, 5000):
        a = stream.words((count, 2))
        for one, other in zip(
            real.garble(a, a, delta, stream),
            planned.garble(ShapedArray((count, 2)), ShapedArray((count, 2)), ShapedArray((2,)), ShapedStream()),
            strict=True,
        ):
            assert one.shape == other.shape
        assert real.next_gate == planned.next_gate
        assert (count, 2) == planned.evaluate(ShapedArray((count, 2)), ShapedArray((count, 2)), ShapedArray(other.shape)).shape
        planned.next_gate = real.next_gate
    bits = labels.decode(ShapedArray((3, 7, 2)), ShapedArray((3, 7, 2)), ShapedArray((2,)))
    assert ((3, 7), bool) == (bits.shape, bits.dtype)
    assert (2,) == labels.fresh_delta(ShapedStream()).shape
    assert (3, 7, 2) == labels.active(ShapedArray((3, 7, 2)), ShapedArray((2,)), ShapedArray((3, 7), bool)).shape


# -- what must not happen ----------------------------------------------------------------------------------------------


@each_scheme
def test_a_wrong_label_or_table_gives_neither_bit(kind, stream):
    delta, n = labels.fresh_delta(stream), 64
    a, b = stream.words((n, 2)), stream.words((n, 2))
    c, table = kind(SALT).garble(a, b, delta, stream)
    wrong = a ^ np.array([0, 4], np.uint64)
    results = kind(SALT).evaluate(wrong, b, table)
    assert not ((results == c).all(axis=1) | (results == c ^ delta).all(axis=1)).any()
    with pytest.raises(PeerError, match="64 of 64 wire labels .* neither that of false nor of true"):
        labels.decode(results, c, delta)
    with pytest.raises(PeerError, match="neither"):
        labels.decode(kind(SALT).evaluate(a, b, table ^ np.uint64(2)), c, delta)
    with pytest.raises(PeerError, match="64 of 64"):  # another salt, so another hash
        labels.decode(kind(bytes(16)).evaluate(a, b, table), c, delta)
    with pytest.raises(MisuseError, match="expected a table of"):
        kind(SALT).evaluate(a, b, table[:-1])
    with pytest.raises(MisuseError, match="16 random public bytes"):
        kind(b"short")


def tweaks(kind, stream, monkeypatch):
    """How often each (key, gate, which hash) is used by a garbler and by an evaluator of three layers."""
    seen = Counter()

    def counting(blocks, first, *, chunk, key):
        seen.update((key, first + row, chunk) for row in range(len(blocks)))
        return np.zeros_like(blocks)

    delta = labels.fresh_delta(stream)
    monkeypatch.setattr(gates, "hash_blocks", counting)
    scheme, counts = kind(SALT), []
    scheme.next_gate = gates.GATES_PER_KEY - 64  # the key changes within the first layer
    for run in (
        lambda a: scheme.garble(a, a, delta, stream),
        lambda a: scheme.evaluate(a, a, np.zeros(scheme.table_words(len(a)), np.uint64)),
    ):
        seen.clear()
        for count in (100, 1, 4200):
            run(stream.words((count, 2)))
        counts.append(Counter(seen.values()))
    return counts, {key for key, _, _ in seen}


@each_scheme
def test_no_tweak_is_used_for_two_gates(kind, stream, monkeypatch):
    hashes = {"half-gates": 2, "three-halves": 3}[kind.name]
    counts, _ = tweaks(kind, stream, monkeypatch)
    assert [Counter({2: 4301 * hashes}), Counter({1: 4301 * hashes})] == counts  # the garbler hashes both labels of a wire

    class Forgetful(kind):  # the planted bug: every layer starts at the same number
        next_gate = property(lambda self: 0, lambda self, value: None)

    assert max(tweaks(Forgetful, stream, monkeypatch)[0][1]) > 1


def test_a_tweak_used_twice_would_show_the_offset(stream):
    delta, n = labels.fresh_delta(stream), 200
    a, b, other = (stream.words((n, 2)) for _ in range(3))

    def shows(first, second):
        difference = (first[1] ^ second[1]).reshape(2, n, 2)[0]
        return int((difference == delta).all(axis=1).sum())

    honest = HalfGates(SALT)
    assert 0 == shows(honest.garble(a, b, delta, stream), honest.garble(a, other, delta, stream))
    assert shows(HalfGates(SALT).garble(a, b, delta, stream), HalfGates(SALT).garble(a, other, delta, stream)) > n / 4


@pytest.mark.parametrize("start", [0, 64, gates.GATES_PER_KEY - 64, gates.GATES_PER_KEY, 5 * gates.GATES_PER_KEY + 128])
def test_half_gates_by_the_papers_formulas(start, stream):
    n, delta = 70, labels.fresh_delta(stream)
    a, b = stream.words((n, 2)), stream.words((n, 2))
    scheme = HalfGates(SALT)
    scheme.next_gate = start
    c, table = scheme.garble(a, b, delta, stream)

    def number(words):
        return int(words[0]) | int(words[1]) << 64

    def hashed(x, gate, which):
        """TMMO of 2019/074: π(π(x) ⊕ i) ⊕ π(x)."""
        encrypt = Cipher(AES(derive_key(SALT, "garbling", gate >> 20)), ECB()).encryptor().update

        def pi(value):
            return int.from_bytes(encrypt(value.to_bytes(16, "little")), "little")

        return pi(pi(x) ^ (gate | which << 64)) ^ pi(x)

    offset = number(delta)
    for row in range(n):
        gate, a_0, b_0 = start + row, number(a[row]), number(b[row])
        p_a, p_b = a_0 & 1, b_0 & 1
        t_g = hashed(a_0, gate, 0) ^ hashed(a_0 ^ offset, gate, 0) ^ p_b * offset
        t_e = hashed(b_0, gate, 1) ^ hashed(b_0 ^ offset, gate, 1) ^ a_0
        w = hashed(a_0, gate, 0) ^ p_a * t_g ^ hashed(b_0, gate, 1) ^ p_b * (t_e ^ a_0)
        assert [t_g, t_e, w] == [number(table.reshape(2, n, 2)[0, row]), number(table.reshape(2, n, 2)[1, row]), number(c[row])]


def test_the_hash_has_not_changed():
    delta = np.array([0x0F0E0D0C0B0A0901, 0x1716151413121110], np.uint64)
    a = np.arange(8, dtype=np.uint64).reshape(4, 2) * np.uint64(0x9E3779B97F4A7C15)
    _, table = HalfGates(SALT).garble(a, a[::-1].copy(), delta, None)
    assert "c0ab981ab23dc50cb7f1c4834f941c01" == derive_key(SALT, table.tobytes()).hex()


def control_bits(stream, monkeypatch, n=4096):
    """Counts (2, 2, 2, 2, 4): by the colours of the labels of false, the evaluator's colours, and (r_1, r_2) as it sees them."""
    seen, delta = [], labels.fresh_delta(stream)
    linear = three_halves._linear
    monkeypatch.setattr(three_halves, "_linear", lambda r_1, r_2, a, b: (seen.append(2 * r_1 + r_2), linear(r_1, r_2, a, b))[1])
    counts = np.zeros((2, 2, 2, 2, 4), int)
    for p_a, p_b in product((0, 1), repeat=2):
        a, b = stream.words((n, 2)), stream.words((n, 2))
        a[:, 0], b[:, 0] = (zeros[:, 0] & ~np.uint64(1) | np.uint64(p) for zeros, p in ((a, p_a), (b, p_b)))
        _, table = ThreeHalves(SALT).garble(a, b, delta, stream)
        for i, j in product((0, 1), repeat=2):
            seen.clear()
            ThreeHalves(SALT).evaluate(labels.active(a, delta, np.full(n, i ^ p_a)), labels.active(b, delta, np.full(n, j ^ p_b)), table)
            counts[p_a, p_b, i, j] = np.bincount(seen[0].astype(int), minlength=4)
    monkeypatch.undo()
    return counts


def test_control_bits_say_nothing_about_the_inputs(stream, monkeypatch):
    """Each cell is binomial (4096, 1/4), standard deviation 27.7: 6 of them are passed once in 10^7 runs of these 64 cells."""
    assert np.abs(control_bits(stream, monkeypatch) - 1024).max() < 6 * 27.8

    monkeypatch.setattr(three_halves, "_coins", lambda stream, gates: (np.zeros(gates, np.uint64),) * 2)  # the planted bug
    assert np.abs(control_bits(stream, monkeypatch) - 1024).max() == 3072


def test_labels_of_one_wire_differ_in_colour(stream):
    delta = labels.fresh_delta(stream)
    zeros = stream.words((5, 3, 2))
    np.testing.assert_array_equal(1, labels.colours(zeros) ^ labels.colours(labels.active(zeros, delta, np.ones((5, 3), int))))
    assert 1 < len({tuple(labels.fresh_delta(stream)) for _ in range(4)})
