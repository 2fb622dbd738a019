"""Owns the Bristol Fashion text form of boolean circuits: reads and checks it. Knows text and wires, never secrets.

The format (Archer, Abril, Lu, Maene, Mertens, Sijacic, Smart; nigelsmart.github.io/MPC-Circuits): a line "gates wires", a line
with the number of inputs and their widths, one for the outputs, then a gate a line: "inputs outputs wires… KIND". Inputs are
the first wires, outputs the last. A file comes from anywhere, so everything that it says is checked, with its line.
"""

from collections.abc import Iterator
from functools import lru_cache

from ramp_notebook.errors import MisuseTypeError, MisuseValueError

from .netlist import FIRST_INPUT, ONE, ZERO, Circuit, Gate, Netlist, layered

MAX_BYTES = 1 << 26  # of text
MAX_WIRES = 1 << 20  # SHA-512 has 350,000; every wire takes some 400 bytes while it is read
ARITY = {"XOR": (2, 1), "AND": (2, 1), "INV": (1, 1), "EQ": (1, 1), "EQW": (1, 1)}  # MAND: 2n to n
UNSET = -1


@lru_cache(maxsize=8)
def parse(text: str) -> Circuit:
    """Return the circuit of a Bristol Fashion text, in layers; raise MisuseValueError naming the first line that is wrong.

    >>> parse('1 3\\n2 1 1\\n1 1\\n\\n2 1 0 1 2 AND\\n').and_count
    1
    """
    if not isinstance(text, str):
        raise MisuseTypeError(f"a Bristol Fashion circuit is text; got {type(text).__name__}")
    if len(text) > MAX_BYTES:
        raise MisuseValueError(f"a circuit has at most {MAX_BYTES} bytes of text; this one has {len(text)}")
    return layered(_Reader(text).netlist())


class _Reader:
    def __init__(self, text: str):
        self.line = 0
        self.lines = self._split(text)
        self.gates: list[Gate] = []
        self.place: list[int] = []  # of each wire of the text: the netlist's wire that it is, since EQ and EQW need no gate
        self.next = self.last = 0

    def netlist(self) -> Netlist:
        gates_announced, wires = self._header("gates wires", 2)
        if wires > MAX_WIRES or gates_announced > wires:
            raise self._error(f"at most {MAX_WIRES} wires and no more gates than wires", f"{gates_announced} gates, {wires} wires")
        inputs, outputs = self._widths("input", wires), self._widths("output", wires)
        if sum(inputs) + sum(outputs) > wires:  # an output that is an input goes through an EQW gate
            raise self._error("inputs and outputs on wires of their own", f"{sum(inputs)} + {sum(outputs)} of {wires} wires")

        self.next, self.last = FIRST_INPUT + sum(inputs), wires - 1
        self.place = [*range(FIRST_INPUT, self.next), *([UNSET] * (wires - sum(inputs)))]
        count = 0
        for tokens in self.lines:
            count += 1
            if count > gates_announced:
                raise self._error(f"{gates_announced} gates, as line 1 says", "one more")
            self._gate(tokens)
        if count < gates_announced:
            raise self._error(f"{gates_announced} gates, as line 1 says", f"{count} before the end")
        missing = next((wire for wire, place in enumerate(self.place) if place == UNSET), None)
        if missing is not None:
            raise self._error("a gate that sets every wire", f"none that sets wire {missing}")
        tail = iter(self.place[wires - sum(outputs) :])
        return Netlist(inputs, tuple(tuple(next(tail) for _ in range(width)) for width in outputs), tuple(self.gates), self.next)

    def _split(self, text: str) -> Iterator[list[str]]:
        """The words of each line that has any; `self.line` is its number."""
        for self.line, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if words:
                yield words

    def _header(self, what: str, least: int) -> list[int]:
        tokens = next(self.lines, None)
        if tokens is None or len(tokens) < least:
            raise self._error(f"a line `{what}`", "the end of the file" if tokens is None else f"{len(tokens)} words")
        if len(tokens) > MAX_WIRES:
            raise self._error(f"at most {MAX_WIRES} numbers", f"{len(tokens)}")
        return [self._number(token, MAX_BYTES) for token in tokens]

    def _widths(self, what: str, wires: int) -> tuple[int, ...]:
        count, *widths = self._header(f"count widths… of the {what}s", 2)
        if count != len(widths):
            hint = " (the older Bristol format has no such line: convert the file to Bristol Fashion)"
            raise self._error(f"{count} {what} widths", f"{len(widths)}{hint}")
        if not all(0 < width <= wires for width in widths):
            raise self._error(f"{what} widths from 1 to {wires}", "another number")
        return tuple(widths)

    def _gate(self, tokens: list[str]) -> None:
        kind = tokens[-1]
        if kind == "MAND":
            count_out = max(1, len(tokens) // 3 - 1)
            count_in = 2 * count_out
        elif kind in ARITY:
            count_in, count_out = ARITY[kind]
        else:
            raise self._error("a gate XOR, AND, INV, EQ, EQW or MAND", repr(kind[:20]))
        if len(tokens) != count_in + count_out + 3 or tokens[0] != str(count_in) or tokens[1] != str(count_out):
            got = f"{len(tokens)} words, {' '.join(tokens[:2])[:20]!r} first"
            raise self._error(f"{kind} as `{count_in} {count_out} wires… {kind}`", got)
        outs = [self._number(token, self.last) for token in tokens[2 + count_in : -1]]
        if kind == "EQ":  # its operand is a constant, not a wire
            self._set(outs[0], ONE if self._number(tokens[2], 1) else ZERO)
            return
        operands = [self._read(token) for token in tokens[2 : 2 + count_in]]
        if kind == "EQW":
            self._set(outs[0], operands[0])
        elif kind == "INV":
            self._add(False, operands[0], ONE, outs[0])
        else:
            for left, right, out in zip(operands[:count_out], operands[count_out:], outs, strict=True):
                self._add(kind != "XOR", left, right, out)

    def _add(self, product: bool, left: int, right: int, wire: int) -> None:
        self._set(wire, self.next)
        self.gates.append(Gate(product, left, right, self.next))
        self.next += 1

    def _set(self, wire: int, place: int) -> None:
        if self.place[wire] != UNSET:
            raise self._error("every wire set once", f"wire {wire} again")
        self.place[wire] = place

    def _read(self, token: str) -> int:
        wire = self._number(token, self.last)
        place = self.place[wire]
        if place == UNSET:
            raise self._error("wires set before they are read", f"wire {wire}")
        return place

    def _number(self, token: str, largest: int) -> int:
        if len(token) <= 9 and token.isdecimal() and token.isascii():
            number = int(token)
            if number <= largest:
                return number
        raise self._error(f"a number from 0 to {largest}", repr(token[:20]))

    def _error(self, expected: str, got: str) -> MisuseValueError:
        return MisuseValueError(f"circuit, line {self.line}: expected {expected}; got {got}")
