"""Small programs that together use every primitive and every kind of gadget, and what an honest party may see of them.

Inputs x and y belong to honest parties, so that every right result is known; only `own input` has one of the cheater's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.needs import with_needs
from ramp_notebook.testing.conformance import party_count, quickest_source

NAMES = ("alice", "bob", "carol", "dave", "erin")
SHARED = 'x, y = mpc.input("x", owner={one!r}), mpc.input("y", owner={other!r})\n'
X, Y = [5, -3], [2, 5]


@dataclass(frozen=True)
class Program:
    """`text` with {one}, {other} for honest owners of x and y and {cheater}. `holds` judges what was seen where inputs are the cheater's."""

    name: str
    text: str
    unordered: bool = False
    dear: bool = False  # a sample has fewer of it
    x: Any = None
    holds: Callable[[Sequence[Any]], bool] | None = None


def _square(seen: Sequence[Any]) -> bool:
    """Whatever the cheater shared is a value, and its square is that value's."""
    with np.errstate(over="ignore"):
        return len(seen) < 2 or bool(np.array_equal(np.asarray(seen[0]) ** 2, seen[1]))


PROGRAMS = [
    Program("input", "z = mpc.reveal(x)\nw = mpc.reveal(y)"),
    Program("own input", 'v = mpc.input("v", owner={cheater!r})\nz = mpc.reveal(v)\nw = mpc.reveal(v * v)', holds=_square),
    Program("linear", "z = mpc.reveal(3 * x - y + 7)"),
    Program("multiply", "z = mpc.reveal(x * y)"),
    Program("products of products", "u = x * y\nz = mpc.reveal(u * u + x)"),
    Program("matmul", "z = mpc.reveal(x @ y)"),
    Program("to one", "z = mpc.reveal(x * y, to={one!r})"),
    Program("two reveals", "z = mpc.reveal(x * y)\nw = mpc.reveal(z * x * x)"),
    Program("less", "z = mpc.reveal(x < y)"),
    Program("equal", "z = mpc.reveal(x == y)"),
    Program("zero", "z = mpc.reveal(x * y == -15)"),
    Program("and", "z = mpc.reveal((x < y) & (y < 5))", dear=True),
    Program("words", "z = mpc.reveal(x & y)", dear=True),
    Program("words to numbers", "z = mpc.reveal((x ^ y) + x)", dear=True),
    Program("bit times number", "z = mpc.reveal((x < y) * y)"),
    Program("truncate", "z = mpc.reveal(x >> 1)", dear=True),
    Program("fixed", "z = mpc.reveal(x * x)", x=[1.5, -2.25], dear=True),
    Program("max", "z = mpc.reveal(gadgets.max(x))"),
    Program("shuffle", "z = mpc.reveal(gadgets.shuffle(x * y))", unordered=True),
    Program("sort", "z = mpc.reveal(gadgets.sort(x * y))", dear=True),
    Program("open sort", 'z = mpc.reveal(gadgets.sort(x, algorithm="quick"))', dear=True),
    Program("sets", "z = mpc.reveal(gadgets.intersection([x, y]))", unordered=True, dear=True),
    Program("random", "r = mpc.random((2,))\nz = mpc.reveal(r * x - x * r)"),
    Program("random bits", "b = mpc.random_bits(3)\nz = mpc.reveal((b & ~b) * 1)"),
    Program("side by side", "a, b = mpc.parallel(lambda: x * y, lambda: x < y)\nz = mpc.reveal(a)\nw = mpc.reveal(b)"),
]  # fmt: skip
SPREAD = [program for turn in range(4) for program in PROGRAMS if not (turn and program.dear)]  # as often as a sample draws them
BY_NAME = {program.name: program for program in PROGRAMS}


# Correlated randomness that withstands cheaters takes a second or more to make: small programs that have all kinds of its steps.
PREPARED = ("multiply", "random bits", "less")


def programs_for(setting: str) -> list[Program]:
    return [BY_NAME[name] for name in PREPARED] if "/" in setting else SPREAD


def protocol_and_source(setting: str) -> tuple[str, str]:
    """A setting is a protocol, `spdz2k`, or one with a source of its correlated randomness, `spdz2k/ot`: else the quickest."""
    protocol, _, source = setting.partition("/")
    return protocol, source or quickest_source(protocol)


def parties_of(setting: str) -> tuple[str, ...]:
    return NAMES[: party_count(protocol_and_source(setting)[0])]


def cell_of(program: Program, setting: str, cheater: int) -> Cell:
    """The program as a cell, for this cheater."""
    names, (protocol, source) = parties_of(setting), protocol_and_source(setting)
    honest = [index for index in range(len(names)) if index != cheater]
    words = {"one": names[honest[0]], "other": names[honest[-1]], "cheater": names[cheater]}
    text = program.text.format(**words)
    if program.holds is None:
        text = SHARED.format(**words) + text
    inputs: dict[int, dict[str, Any]] = {index: {} for index in range(len(names))}
    inputs[honest[0]]["x"] = np.array(program.x or X)
    inputs[honest[-1]]["y"] = np.array(Y)
    inputs[cheater]["v"] = np.array(X)
    cell = Cell(text, protocol=protocol, inputs=inputs, preprocessing=source)
    return with_needs(cell, names)
