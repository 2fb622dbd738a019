"""Circuits for tests as Bristol Fashion text: written gate by gate, run gate by gate; an adder, and AES-128 from FIPS 197."""

import numpy as np


class Writer:
    """Writes gates; a wire is its number, and the outputs are copied to the last wires at the end."""

    def __init__(self, *widths):
        self.widths, self.lines, self.wires = widths, [], sum(widths)

    def inputs(self):
        starts = np.cumsum([0, *self.widths])
        return [list(range(start, start + width)) for start, width in zip(starts, self.widths, strict=False)]

    def gate(self, kind, *operands):
        self.lines.append(f"{len(operands)} 1 {' '.join(map(str, operands))} {self.wires} {kind}")
        self.wires += 1
        return self.wires - 1

    def xor(self, *operands):
        first, *rest = operands
        for operand in rest:
            first = self.gate("XOR", first, operand)
        return first

    def text(self, *outputs):
        for output in outputs:
            for wire in output:
                self.gate("EQW", wire)
        heads = [
            f"{len(self.lines)} {self.wires}",
            *(f"{len(w)} {' '.join(map(str, w))}" for w in (self.widths, [len(o) for o in outputs])),
        ]
        return "\n".join([*heads, "", *self.lines]) + "\n"


def adder(width):
    """x + y modulo 2**width, a carry at a time."""
    writer = Writer(width, width)
    x, y = writer.inputs()
    carry, total = writer.gate("EQ", 0), []
    for a, b in zip(x, y, strict=True):
        differs = writer.xor(a, b)
        total.append(writer.xor(differs, carry))
        carry = writer.xor(a, writer.gate("AND", differs, writer.xor(a, carry)))
    return writer.text(total)


def run(text, *inputs):
    """The outputs on arrays of bits (…, width): what each line of the text says, one after the other."""
    lines = [line.split() for line in text.splitlines() if line]
    wires, gives, gates = int(lines[0][1]), [int(width) for width in lines[2][1:]], lines[3:]
    value = dict(enumerate(np.moveaxis(np.concatenate(inputs, axis=-1), -1, 0)))
    for count, _, *operands, kind in gates:
        read, write = [int(w) for w in operands[: int(count)]], [int(w) for w in operands[int(count) :]]
        if kind == "EQ":
            results = [np.full_like(value[0], bool(read[0]))]
        elif kind in ("AND", "MAND"):
            results = [value[a] & value[b] for a, b in zip(read[: len(write)], read[len(write) :], strict=True)]
        elif kind == "XOR":
            results = [value[read[0]] ^ value[read[1]]]
        else:
            results = [{"INV": np.invert, "EQW": np.copy}[kind](value[read[0]])]
        value.update(zip(write, results, strict=True))
    tail = [value[wire] for wire in range(wires - sum(gives), wires)]
    return [np.stack([tail.pop(0) for _ in range(width)], axis=-1) for width in gives]


def random(rng, gates=60, width=5):
    """Gates of all kinds on wires chosen at random."""
    writer = Writer(width, width)
    for _ in range(gates):
        kind = rng.choice(["XOR", "AND", "AND", "INV", "EQW", "EQ"])
        count = {"XOR": 2, "AND": 2, "INV": 1, "EQW": 1, "EQ": 1}[kind]
        writer.gate(kind, *rng.integers(0, 2 if kind == "EQ" else writer.wires, count))
    return writer.text(rng.integers(0, writer.wires, 7), rng.integers(0, writer.wires, 3))


# -- AES-128, a byte being eight wires, lowest first -------------------------------------------------------------------


def aes_128():
    """FIPS 197: key and plaintext to ciphertext, as 128-bit numbers whose highest byte is byte 0."""
    writer = Writer(128, 128)
    key, state = ([number[8 * k : 8 * k + 8] for k in range(15, -1, -1)] for number in writer.inputs())
    state = _add_bytes(writer, state, key)
    for number in range(1, 11):
        state = [_s_box(writer, byte) for byte in state]
        state = [state[(4 * (column + row) + row) % 16] for column in range(4) for row in range(4)]
        if number < 10:
            state = _mix_columns(writer, state)
        key = _next_key(writer, key, number)
        state = _add_bytes(writer, state, key)
    return writer.text([wire for byte in reversed(state) for wire in byte])


def _add_bytes(writer, one, other):
    return [[writer.xor(a, b) for a, b in zip(x, y, strict=True)] for x, y in zip(one, other, strict=True)]


def _next_key(writer, key, number):
    constant = 1
    for _ in range(number - 1):
        constant = times(constant, 2)
    word = [_s_box(writer, key[k]) for k in (13, 14, 15, 12)]
    word[0] = [writer.gate("INV", wire) if constant >> bit & 1 else wire for bit, wire in enumerate(word[0])]
    new = []
    for k in range(0, 16, 4):
        word = _add_bytes(writer, key[k : k + 4], word)
        new += word
    return new


def _mix_columns(writer, state):
    mixed = []
    for c in range(0, 16, 4):
        doubled = [_linear(writer, lambda x: times(x, 2), byte) for byte in state[c : c + 4]]
        for row in range(4):
            others = [state[c + (row + k) % 4] for k in (1, 2, 3)]
            mixed.append([writer.xor(*wires) for wires in zip(doubled[row], doubled[(row + 1) % 4], *others, strict=True)])
    return mixed


def _s_box(writer, x):
    """The affine map of x^254 (FIPS 197, 5.1.1), by four products: x^3, x^15, x^252, x^254."""
    x2 = _linear(writer, power(2), x)
    x3 = _product(writer, x, x2)
    x12 = _linear(writer, power(4), x3)
    x15 = _product(writer, x12, x3)
    x252 = _product(writer, _linear(writer, power(16), x15), x12)
    rotated = _linear(writer, lambda v: v ^ _rotate(v, 1) ^ _rotate(v, 2) ^ _rotate(v, 3) ^ _rotate(v, 4), _product(writer, x252, x2))
    return [writer.gate("INV", wire) if 0x63 >> bit & 1 else wire for bit, wire in enumerate(rotated)]


def _rotate(v, k):
    return (v << k | v >> (8 - k)) & 255


def times(a, b):
    """The product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1."""
    product = 0
    for bit in range(8):
        product ^= (a << bit) * (b >> bit & 1)
    for bit in range(14, 7, -1):
        product ^= (0x11B << (bit - 8)) * (product >> bit & 1)
    return product


def power(exponent):
    def raised(v):
        result = 1
        for _ in range(exponent):
            result = times(result, v)
        return result

    return raised


def _linear(writer, function, x):
    """A map over GF(2), read from its values on single bits."""
    columns = [function(1 << k) for k in range(8)]
    return [writer.xor(*(wire for wire, column in zip(x, columns, strict=True) if column >> bit & 1)) for bit in range(8)]


def _product(writer, x, y):
    """The 15 coefficients of the polynomials' product, then those of x^8 and up reduced."""
    degrees = [[] for _ in range(15)]
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            degrees[i + j].append(writer.gate("AND", a, b))
    coefficients = [writer.xor(*wires) for wires in degrees]
    reduced = [times(1 << min(d, 7), 1 << d - min(d, 7)) for d in range(15)]
    return [writer.xor(*(wire for wire, bits in zip(coefficients, reduced, strict=True) if bits >> bit & 1)) for bit in range(8)]
