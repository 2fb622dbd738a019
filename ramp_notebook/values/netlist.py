"""Owns boolean circuits as data: a list of gates, a builder of such lists, and the gates in layers that whole arrays go through at once.

It knows wires and rows, never secrets or labels: secret sharing and garbling run the same layers.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Wires = Sequence[int]  # of a number, lowest bit first
ZERO, ONE, FIRST_INPUT = 0, 1, 2  # rows of the two constants, and where the inputs begin


class Gate(NamedTuple):
    """`out` = left ^ right, or left & right where `product`; operands and results are wires."""

    product: bool
    left: int
    right: int
    out: int


@dataclass(frozen=True)
class Netlist:
    """Gates in an order in which every wire is set before it is read, once.

    Wires ZERO and ONE are constants, the inputs follow from FIRST_INPUT on, widths in `inputs`; `outputs` names the wires of
    each output, lowest bit first.
    """

    inputs: tuple[int, ...]
    outputs: tuple[tuple[int, ...], ...]
    gates: tuple[Gate, ...]
    wires: int


@dataclass(frozen=True)
class Layer:
    """Gates of one kind that do not depend on each other: rows[out] = rows[left] op rows[right], read before written."""

    product: bool
    left: Rows
    right: Rows
    out: Rows


@dataclass(frozen=True)
class Circuit:
    """A netlist as layers over `rows` rows, of which a wire holds one from its gate to its last reader.

    Rows ZERO and ONE hold the constants, the inputs start in the rows from FIRST_INPUT on; `outputs` has each output's rows.
    """

    inputs: tuple[int, ...]
    outputs: tuple[Rows, ...]
    layers: tuple[Layer, ...]
    rows: int

    @property
    def and_count(self) -> int:
        return sum(layer.out.size for layer in self.layers if layer.product)

    @property
    def and_depth(self) -> int:
        return sum(layer.product for layer in self.layers)


class Builder:
    """Collects gates wire by wire; XOR with ZERO and AND with a constant need none.

    >>> build = Builder(1, 1)
    >>> [a], [b] = build.inputs
    >>> build.circuit([build.xor(build.conjunction(a, b), ONE)]).and_count
    1
    """

    def __init__(self, *widths: int):
        self.widths, self.gates = widths, list[Gate]()
        self.next = FIRST_INPUT
        self.inputs = [[self._wire() for _ in range(width)] for width in widths]

    def circuit(self, *outputs: Wires) -> Circuit:
        """What was built, with these outputs."""
        return layered(Netlist(self.widths, tuple(tuple(output) for output in outputs), tuple(self.gates), self.next))

    def xor(self, a: int, b: int) -> int:
        """The wire of a ^ b; a ^ ONE is NOT a."""
        if ZERO in (a, b):
            return a + b
        return ZERO if a == b else self._gate(False, a, b)

    def conjunction(self, a: int, b: int) -> int:
        """The wire of a & b."""
        if ZERO in (a, b):
            return ZERO
        return a + b - ONE if ONE in (a, b) else self._gate(True, a, b)

    def _wire(self) -> int:
        self.next += 1
        return self.next - 1

    def _gate(self, product: bool, a: int, b: int) -> int:
        out = self._wire()
        self.gates.append(Gate(product, a, b, out))
        return out


def layered(netlist: Netlist) -> Circuit:
    """Group a netlist's gates: all ANDs of one depth are one layer, and the XORs between two of those as few as can be."""
    groups = _by_depth(netlist)
    last_read = [-1] * netlist.wires
    for step, gates in enumerate(groups):
        for gate in gates:
            last_read[gate.left] = last_read[gate.right] = step
    for wire in (ZERO, ONE, *(wire for output in netlist.outputs for wire in output)):
        last_read[wire] = len(groups)

    row_of = list(range(netlist.wires))
    first_free = FIRST_INPUT + sum(netlist.inputs)
    free = [row for row in range(first_free) if last_read[row] < 0]  # inputs that nothing reads
    layers = []
    for step, gates in enumerate(groups):
        left, right = [row_of[gate.left] for gate in gates], [row_of[gate.right] for gate in gates]
        for wire in {wire for gate in gates for wire in (gate.left, gate.right)}:
            if last_read[wire] == step:
                heapq.heappush(free, row_of[wire])
        for gate in gates:
            if not free:
                free.append(first_free)
                first_free += 1
            row_of[gate.out] = heapq.heappop(free)
        out = [row_of[gate.out] for gate in gates]
        for gate in gates:
            if last_read[gate.out] < 0:
                heapq.heappush(free, row_of[gate.out])
        layers.append(Layer(gates[0].product, _rows(left), _rows(right), _rows(out)))
    outputs = tuple(_rows([row_of[wire] for wire in output]) for output in netlist.outputs)
    return Circuit(netlist.inputs, outputs, tuple(layers), first_free)


def _by_depth(netlist: Netlist) -> list[list[Gate]]:
    """Gates by (ANDs before them on the longest path, XORs since the last of those)."""
    depth = [(0, 0)] * netlist.wires
    groups: dict[tuple[int, int], list[Gate]] = {}
    for gate in netlist.gates:
        ands, xors = max(depth[gate.left], depth[gate.right])
        place = (ands + 1, 0) if gate.product else (ands, xors + 1)
        depth[gate.out] = place
        groups.setdefault(place, []).append(gate)
    return [groups[place] for place in sorted(groups)]


def _rows(rows: Sequence[int]) -> Rows:
    array = np.array(rows, dtype=np.intp)
    array.flags.writeable = False
    return array
