"""What every gadget must do, offered to gadget authors: equal its reference, cost what its plan says, and hide its data.

`samples(facts, protocol)` makes arguments from the kinds that a gadget declares, edges first; `check_gadget` runs one sample under one
protocol; `check_obliviousness` runs many of one shape and compares what the parties sent.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .. import registry
from ..errors import MisuseValueError
from ..runtime.cell import Cell
from ..runtime.coordinator import Coordinator
from ..runtime.needs import needs_of
from ..runtime.plan import plan_cell
from ..secret.gadget import GadgetFacts
from .checked import unchecked
from .events import assert_same_events

Table = dict[str, list[Any]]


def integers(limit: int) -> Table:
    """Lists of integers in [-limit, limit) by what is special about them."""
    return {
        "empty": [], "one": [5], "ties": [3, 3, 3, -1, -1], "negative": [-4, -9, -1, 0], "extremes": [limit - 1, -limit, 0, 1, -1],
        "many": [(k * 7919) % 101 - 50 for k in range(70)],
    }  # fmt: skip


SMALL: Table = {
    "one": [5],
    "ties": [3, 3, 3, -1, -1],
    "negative": [-4, -9, -1, 0],
    "many": [(k * 31) % 97 for k in range(33)],
}


def sets(limit: int) -> list[list[list[int]]]:
    """Three owners' lists each."""
    large = limit - 1
    return [
        [[1, 5, 5, 9], [5, 7], [9, 9, 5, 1]], [[], [1], [1, 1]], [[], [], []], [[3], [4], [5]], [[-large, large], [large], [large, 0]],
    ]  # fmt: skip


def party_count(protocol: str) -> int:
    """With how many parties the suite runs a protocol: three, or what fits it best."""
    for count in (3, 2, 4, 5):
        with contextlib.suppress(MisuseValueError):
            registry.protocols[protocol].check_parties(count)
            return count
    raise AssertionError(f"{protocol} takes neither 2 nor 3 nor 4 nor 5 parties")


def quickest_source(protocol: str) -> str:
    """Where the suite takes correlated randomness from: the default, but a dealer where items that no cheater spoils are dear."""
    cls = registry.protocols[protocol]
    return "dealer" if cls.security.withstands_cheating and "dealer" in cls.sources else ""


def samples(facts: GadgetFacts, protocol: str) -> Iterator[tuple[str, list[Any]]]:
    """(name, arguments) by the declared kinds; the same names for all arguments of one sample, so that shapes agree."""
    kinds, limit = facts.arguments, registry.protocols[protocol].comfortable()
    if "sets" in kinds:
        for number, lists in enumerate(sets(limit)):
            yield f"sets {number}", [lists, *(2 for kind in kinds if kind == "threshold")]
        return
    small = any(k.startswith("small") for k in kinds) and "integers" not in kinds
    table = SMALL if small else integers(limit)
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
    if kind == "blocks":  # of 128 bits
        return np.array([[(v * 7919 + position) >> b & 1 for b in range(128)] for v in map(int, values)], dtype=bool).reshape(n, 128)
    if kind == "permutation":
        return np.argsort([(k * 7 + 3) % (n or 1) for k in range(n)], kind="stable").astype(np.int64)
    raise ValueError(f"no samples for arguments of kind {kind!r}")


def adversaries(facts: GadgetFacts, protocol: str, count: int = 50, n: int = 5) -> Iterator[list[Any]]:
    """Arguments of one shape whose values differ as much as can be: all equal, ordered both ways, extreme, mixed, scattered."""
    limit = registry.protocols[protocol].comfortable()
    large = limit - 1
    bits = limit.bit_length() - 1
    shapes: list[Callable[[int], list[int]]] = [
        lambda k: [0] * n, lambda k: [large] * n, lambda k: [-limit] * n, lambda k: list(range(n)), lambda k: list(range(n))[::-1],
        lambda k: [large, -limit] * n, lambda k: [k % 2] * n, lambda k: [(i * (2 * k + 1)) % n for i in range(n)],
        lambda k: [(-1) ** i << (k % bits) for i in range(n)], lambda k: [(7919 * (k + 3) ** (i + 2)) % (limit // 2) for i in range(n)],
    ]  # fmt: skip
    small = any(kind.startswith("small") for kind in facts.arguments)
    for k in range(count):
        values = [value % 1000 if small else value for value in shapes[k % len(shapes)](k)[:n]]
        if "sets" in facts.arguments:
            lists = [values[:2], values[2:4], values[4:]]
            yield [lists, *(2 for kind in facts.arguments if kind == "threshold")]
        else:
            yield [_argument(kind, values, position) for position, kind in enumerate(facts.arguments)]


def check_obliviousness(name: str, facts: GadgetFacts, protocol: str, parties: Coordinator, options: str = "") -> None:
    """Run the gadget on 50 adversarial inputs of one shape, in one cell; every call must send the same messages.

    What it needs of correlated randomness is made before the calls.
    """
    calls, count = list(adversaries(facts, protocol)), len(parties.names)
    inputs: dict[int, dict[str, Any]] = {party: {} for party in range(count)}
    shared: list[str] = []
    terms: list[str] = []

    def share(values: list[Any], owner: int) -> str:
        variable = f"v{len(shared)}"
        inputs[owner % count][variable] = np.array(values)
        shared.append(f"{variable} = mpc.input({variable!r}, owner={parties.names[owner % count]!r})")
        return f"{variable}[i]"

    for position, value in enumerate(calls[0]):
        column = [arguments[position] for arguments in calls]
        if facts.arguments[position] == "sets":
            terms.append(f"[{', '.join(share([lists[owner] for lists in column], owner) for owner in range(len(value)))}]")
        else:
            terms.append(share(column, position) if isinstance(value, np.ndarray) else repr(value))
    call = f"for i in range({len(calls)}): gadgets.{name}({', '.join(terms)}{options})"
    cell = Cell("\n".join([*shared, call]), protocol=protocol, inputs=inputs, preprocessing=quickest_source(protocol))
    result = parties.run(replace(cell, needs=needs_of(cell, parties.names, parties.directory)))
    assert not unchecked(result.trace, protocol), unchecked(result.trace, protocol)[0]
    for sender in range(len(parties.names)):
        sent = [m for m in result.trace.messages if m.sender == sender and m.line == len(shared) + 1]
        pattern = [(m.receiver, m.payload_bytes, m.tag) for m in sent]
        one = pattern[: len(pattern) // len(calls)]
        assert pattern == one * len(calls), f"{name}: the messages of {parties.names[sender]} depend on data"


def check_gadget(name: str, facts: GadgetFacts, arguments: Sequence[Any], protocol: str, parties: Coordinator) -> None:
    """Run the gadget on secret arguments, compare with its reference, and its events with the plan's."""
    inputs: dict[int, dict[str, Any]] = {party: {} for party in range(len(parties.names))}
    terms = []

    def share(name: str, values: Any, owner: int) -> str:
        inputs[owner % len(parties.names)][name] = values
        return f"mpc.input({name!r}, owner={parties.names[owner % len(parties.names)]!r})"

    for position, value in enumerate(arguments):
        if isinstance(value, list) and facts.arguments[position] == "sets":
            lists = [share(f"members{k}", np.array(members, dtype=np.int64), k) for k, members in enumerate(value)]
            terms.append(f"[{', '.join(lists)}]")
        elif isinstance(value, np.ndarray):
            terms.append(share(f"argument{position}", value, position))
        else:
            terms.append(repr(value))
    text = f"revealed = mpc.reveal(gadgets.{name}({', '.join(terms)}))"
    cell = Cell(text, protocol=protocol, inputs=inputs, preprocessing=quickest_source(protocol))
    before, kept = list(parties.directory), dict(parties.kept)
    result = parties.run(cell)
    assert facts.reference is not None
    expected = np.asarray(facts.reference(*arguments))
    actual = np.asarray(result.outputs["revealed"])
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(actual, expected, atol=2**-10)
    else:
        np.testing.assert_array_equal(actual.reshape(expected.shape) if actual.size == expected.size else actual, expected)
    outcome = result.outcomes[0]
    plan = plan_cell(cell, parties.names, before, reveals=outcome.reveals if outcome is not None else None, kept=kept)
    assert_same_events(plan.trace, result.trace)
    assert not unchecked(result.trace, protocol), unchecked(result.trace, protocol)[0]
