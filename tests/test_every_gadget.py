"""Every registered gadget under every protocol: its reference, its plan, its docstring's example, its message pattern."""

import re
from collections import Counter

import numpy as np
import pytest

from ramp_notebook import registry
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.testing.conformance import check_gadget, samples

registry_filled = pytest.importorskip("ramp_notebook.gadgets")
PROTOCOLS = list(registry.protocols)
GADGETS = list(registry.gadgets)
WITH_REFERENCE = [name for name in GADGETS if registry.gadgets[name].facts.reference is not None]


@pytest.fixture(scope="module")
def parties():
    with Coordinator(["alice", "bob", "carol"], launcher="inline") as coordinator:
        yield coordinator


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_a_gadget_equals_its_reference_and_its_plan(name, protocol, parties):
    facts = registry.gadgets[name].facts
    for _, arguments in samples(facts):
        check_gadget(name, facts, arguments, protocol, parties)


@pytest.mark.process
def test_gadgets_run_alike_on_processes():
    with Coordinator(["alice", "bob", "carol"]) as coordinator:
        for name in ("less_than", "select", "sort", "max", "over_threshold", "membership", "mean"):
            facts = registry.gadgets[name].facts
            *_, (_, arguments) = samples(facts)
            check_gadget(name, facts, arguments, "replicated", coordinator)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", GADGETS)
def test_the_example_in_its_docstring_is_true(name, protocol, parties):
    text = registry.gadgets[name].__doc__
    lines = [line.strip() for line in text.splitlines()]
    first = next(k for k, line in enumerate(lines) if line.startswith(">>>"))
    inputs = {}
    for party, variable, value in re.findall(r"# (\w+): (\w+) = (\[.*?\])(?=\s+#|$)", "\n".join(lines), re.MULTILINE):
        inputs.setdefault(parties.names.index(party), {})[variable] = np.array(eval(value))
    code = [line.removeprefix(">>> ").split("     #")[0].rstrip() for line in lines if line.startswith(">>>")]
    expected = "\n".join(line for line in lines[first:] if line and not line.startswith(">>>"))
    source = "\n".join([*code[:-1], f"example = {code[-1]}"])
    value = parties.run(Cell(source, protocol=protocol, inputs=inputs)).outputs["example"]
    assert re.sub(r"\s+", "", expected) == re.sub(r"\s+", "", repr(value))


@pytest.mark.parametrize("algorithm", ["radix", "network"])
def test_fixed_patterns_do_not_depend_on_data(algorithm, parties):
    patterns = set()
    for seed in range(50):
        x = np.random.default_rng(seed).integers(-(2 ** (seed % 60)) - 1, 2 ** (seed % 60) + 1, 9) * (seed % 7 > 0)
        result = parties.run(Cell(f'y = gadgets.sort(mpc.input("x", owner="alice"), algorithm="{algorithm}")', inputs={0: {"x": x}}))
        patterns.add(tuple((m.sender, m.receiver, m.round, m.payload_bytes, m.tag) for m in result.trace.messages))
    assert len(patterns) == 1


def comparisons(parties, x, runs):
    """How often the bytes that a quick sort compares took each value: its message pattern's distribution."""
    counts = Counter()
    for _ in range(runs):
        result = parties.run(Cell('y = gadgets.sort(mpc.input("x", owner="alice"), algorithm="quick")', inputs={0: {"x": x}}))
        counts[sum(int(np.bitwise_count(words).sum()) for words in result.outcomes[0].reveals) % 4] += 1
    return counts


def distance(a, b):
    return sum(abs(a[k] - b[k]) for k in {*a, *b}) / 2 / max(1, sum(a.values()))


def test_what_quick_reveals_does_not_depend_on_ties(parties, monkeypatch):
    runs, different, equal = 150, np.arange(12), np.zeros(12, dtype=np.int64)
    honest = distance(comparisons(parties, different, runs), comparisons(parties, equal, runs))
    assert honest < 0.25

    from ramp_notebook.gadgets import sorting

    def by_public_position(rows, bits):  # the planted bug: ties broken by where a row stands after the shuffle
        rows = sorting.primitives.shuffle_rows(rows)
        session, n = sorting.session_of(rows), len(rows[0])
        place = session.public(np.arange(n), binary=True)
        key = sorting.primitives.stack([place, *rows[1 : len(bits)]])
        order = sorting.open_order(session, n, lambda a, b: sorting.primitives.rows_are_less(key[:, a], key[:, b], bits))
        return [row[order] for row in rows]

    monkeypatch.setattr(sorting, "_quick", by_public_position)
    leaky = distance(comparisons(parties, different, runs), comparisons(parties, equal, runs))
    assert leaky > 0.4


@pytest.mark.parametrize(
    ("source", "gadget", "elements"),
    [
        ("z = x * y", "multiply", 3),
        ("z = gadgets.shuffle(x)", "shuffle", 6),
        ("z = gadgets.sum(b)", "bits_to_int", 3),
        ("z = x @ y", "matmul", 3),
    ],
)
def test_costs_agree_with_the_papers(source, gadget, elements, parties):
    from ramp_notebook.runtime.finished import Run

    n = 128
    inputs = {0: {"u": np.arange(n)}, 1: {"v": np.arange(n)}, 2: {"w": np.arange(n) > 3}}
    text = 'x, y, b = mpc.input("u", owner="alice"), mpc.input("v", owner="bob"), mpc.input("w", owner="carol")\n'
    run = Run.of(parties.run(Cell(text + source, inputs=inputs)))
    rows = 1 if gadget == "matmul" else n
    assert elements * rows * 8 == run.cost.gadget(gadget).sent_bytes
