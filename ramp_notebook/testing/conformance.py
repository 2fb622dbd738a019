"""What every gadget must do, offered to gadget authors: equal its reference, and cost what its plan says.

`samples(facts)` makes arguments from the kinds that a gadget declares, edges first; `check_gadget` runs one sample under one
protocol on in-memory parties.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..runtime.cell import Cell
from ..runtime.coordinator import Coordinator
from ..runtime.plan import plan_cell
from ..secret.gadget import GadgetFacts
from .events import assert_same_events

LARGE = 2**62 - 1
INTEGERS: dict[str, list[Any]] = {
    "empty": [], "one": [5], "ties": [3, 3, 3, -1, -1], "negative": [-4, -9, -1, 0], "extremes": [LARGE, -LARGE - 1, 0, 1, -1],
    "many": [(k * 7919) % 101 - 50 for k in range(70)],
}  # fmt: skip
SMALL: dict[str, list[Any]] = {
    "one": [5],
    "ties": [3, 3, 3, -1, -1],
    "negative": [-4, -9, -1, 0],
    "many": [(k * 31) % 97 for k in range(33)],
}
SETS: list[list[list[int]]] = [
    [[1, 5, 5, 9], [5, 7], [9, 9, 5, 1]], [[], [1], [1, 1]], [[], [], []], [[3], [4], [5]], [[-LARGE, LARGE], [LARGE], [LARGE, 0]],
]  # fmt: skip


def samples(facts: GadgetFacts) -> Iterator[tuple[str, list[Any]]]:
    """(name, arguments) by the declared kinds; the same names for all arguments of one sample, so that shapes agree."""
    kinds = facts.arguments
    if "sets" in kinds:
        for number, sets in enumerate(SETS):
            yield f"sets {number}", [sets, *(2 for kind in kinds if kind == "threshold")]
        return
    table = INTEGERS if "integers" in kinds else SMALL if any(k.startswith("small") for k in kinds) else INTEGERS
    for name in table:
        if name == "empty" and any("at least one" in kind for kind in kinds):
            continue
        yield name, [_argument(kind, table[name], position) for position, kind in enumerate(kinds)]


def _argument(kind: str, values: list[Any], position: int) -> Any:
    n = len(values)
    if "integers" in kind:
        return np.array(values if position != 1 else values[::-1], dtype=np.int64)
    public = {"public integer": [-2, 3][position % 2], "public edges": [-5, 0, 5, 40], "public fraction": 0.3, "public count": min(2, n)}
    if kind in public:
        return public[kind]
    if kind == "bits":
        return np.array([k % 3 == 0 for k in range(n)], dtype=bool)
    if kind == "bit rows":
        return np.array([[(k >> b) & 1 for b in range(7)] for k in range(n)], dtype=bool).reshape(n, 7)
    if kind == "permutation":
        return np.argsort([(k * 7 + 3) % (n or 1) for k in range(n)], kind="stable").astype(np.int64)
    raise ValueError(f"no samples for arguments of kind {kind!r}")


def check_gadget(name: str, facts: GadgetFacts, arguments: Sequence[Any], protocol: str, parties: Coordinator) -> None:
    """Run the gadget on secret arguments, compare with its reference, and its events with the plan's."""
    inputs: dict[int, dict[str, Any]] = {0: {}, 1: {}, 2: {}}
    terms = []
    for position, value in enumerate(arguments):
        if isinstance(value, list) and facts.arguments[position] == "sets":
            for owner, members in enumerate(value):
                inputs[owner]["members"] = np.array(members, dtype=np.int64)
            terms.append('mpc.inputs("members")')
        elif isinstance(value, np.ndarray):
            inputs[position % 3][f"argument{position}"] = value
            terms.append(f'mpc.input("argument{position}", owner={parties.names[position % 3]!r})')
        else:
            terms.append(repr(value))
    cell = Cell(f"revealed = mpc.reveal(gadgets.{name}({', '.join(terms)}))", protocol=protocol, inputs=inputs)
    before = list(parties.directory)
    result = parties.run(cell)
    assert facts.reference is not None
    expected = np.asarray(facts.reference(*arguments))
    actual = np.asarray(result.outputs["revealed"])
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(actual, expected, atol=2**-10)
    else:
        np.testing.assert_array_equal(actual.reshape(expected.shape) if actual.size == expected.size else actual, expected)
    outcome = result.outcomes[0]
    plan = plan_cell(cell, parties.names, before, reveals=outcome.reveals if outcome is not None else None)
    assert_same_events(plan.trace, result.trace)
