"""Owns the circuits of 64-bit arithmetic with the fewest ANDs that are simple. Depth is no concern: rounds are free.

Adders ripple, since a tree of carries would take twice the ANDs. Bits stand lowest first.
"""

import functools
from collections.abc import Sequence

from ...values.netlist import ONE, ZERO, Builder, Circuit, Wires

WORD_BITS = 64


class ArithmeticBuilder(Builder):
    """Gates of sums."""

    def ripple(self, passes: Wires, values: Wires) -> list[int]:
        """Products r, one AND each, such that carry[i + 1] = values[i] ^ r[i]: the carry before where it passes, else the value.

        Between two ANDs lies one XOR: each product's right operand, carry[i] ^ values[i], is the product before and constants.
        """
        products: list[int] = []
        for i, (passing, value) in enumerate(zip(passes, values, strict=True)):
            right = self.xor(products[-1], self.xor(values[i - 1], value)) if products else value
            products.append(self.conjunction(passing, right))
        return products

    def sum(self, x: Wires, y: Wires) -> list[int]:
        """x + y modulo 2^k: k - 1 ANDs. A carry passes where the bits differ, else it is x's bit."""
        differ = [self.xor(a, b) for a, b in zip(x, y, strict=True)]
        products = self.ripple(differ[:-1], x[:-1])
        return [differ[0], *(self.xor(r, self.xor(a, p)) for r, a, p in zip(products, x, differ[1:], strict=False))]

    def shifted_sum(self, rows: Sequence[Wires]) -> list[int]:
        """Σ 2^i row_i modulo 2^64, where row i has 64 - i bits: 1953 ANDs. Pairs of rows, then pairs of sums, and so on."""
        terms = [list(row) for row in rows]
        while len(terms) > 1:
            for low, high in zip(terms[::2], terms[1::2], strict=True):
                shift = len(low) - len(high)
                low[shift:] = self.sum(low[shift:], high)
            terms = terms[::2]
        return terms[0]


@functools.cache
def adder() -> Circuit:
    """x + y: 63 ANDs."""
    build = ArithmeticBuilder(WORD_BITS, WORD_BITS)
    return build.circuit(build.sum(*build.inputs))


@functools.cache
def multiplier() -> Circuit:
    """x * y modulo 2^64: 4033 ANDs, 2080 of them the bits' products."""
    build = ArithmeticBuilder(WORD_BITS, WORD_BITS)
    x, y = build.inputs
    rows = [[build.conjunction(a, y[i]) for a in x[: WORD_BITS - i]] for i in range(WORD_BITS)]
    return build.circuit(build.shifted_sum(rows))


@functools.cache
def shifted_sum() -> Circuit:
    """Σ 2^i row_i modulo 2^64 of 64 rows of 64 - i bits: 1953 ANDs."""
    build = ArithmeticBuilder(*range(WORD_BITS, 0, -1))
    return build.circuit(build.shifted_sum(build.inputs))


@functools.cache
def less(bits: int) -> Circuit:
    """x < y as unsigned numbers: the highest bit in which they differ decides, by y's. An AND a bit."""
    build = ArithmeticBuilder(bits, bits)
    x, y = build.inputs
    products = build.ripple([build.xor(build.xor(a, b), ONE) for a, b in zip(x, y, strict=True)], y)
    return build.circuit([build.xor(products[-1], y[-1]) if bits else ZERO])


@functools.cache
def all_zero(bits: int) -> Circuit:
    """Whether all bits are 0: bits - 1 ANDs."""
    build = Builder(bits)
    wires = [build.xor(wire, ONE) for wire in build.inputs[0]]
    while len(wires) > 1:
        wires = [build.conjunction(a, b) for a, b in zip(wires[::2], wires[1::2], strict=False)] + wires[len(wires) & ~1 :]
    return build.circuit(wires or [ONE])


@functools.cache
def conjunction() -> Circuit:
    """x AND y."""
    build = Builder(1, 1)
    return build.circuit([build.conjunction(*(wires[0] for wires in build.inputs))])
