"""Every registered gadget under every protocol: its reference, its plan, its docstring's example, its message pattern."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from ramp_notebook import registry
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.testing.conformance import check_gadget, check_obliviousness, party_count, quickest_source, samples

PROTOCOLS = list(registry.protocols)
GADGETS = list(registry.gadgets)
WITH_REFERENCE = [name for name in GADGETS if registry.gadgets[name].facts.reference is not None]


NAMES = ["alice", "bob", "carol", "dave", "erin"]
README = Path(__file__).parents[1] / "README.md"
served: dict[tuple[str, str], str] = {}  # (gadget, protocol) → what the tests below saw


@pytest.fixture(scope="module")
def groups():
    """Inline parties by protocol, as many as it runs with best."""
    counts = {protocol: party_count(protocol) for protocol in PROTOCOLS}
    living = {count: Coordinator(NAMES[:count], launcher="inline") for count in set(counts.values())}
    yield {protocol: living[count] for protocol, count in counts.items()}
    for coordinator in living.values():
        coordinator.stop()


@pytest.fixture
def parties(groups):
    return groups["replicated"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_a_gadget_equals_its_reference_and_its_plan(name, protocol, groups):
    facts = registry.gadgets[name].facts
    for _, arguments in samples(facts, protocol):
        check_gadget(name, facts, arguments, protocol, groups[protocol])
    served[name, protocol] = "✓"


@pytest.mark.process
def test_gadgets_run_alike_on_processes():
    with Coordinator(["alice", "bob", "carol"]) as coordinator:
        for name in ("less_than", "select", "sort", "max", "over_threshold", "membership", "mean"):
            facts = registry.gadgets[name].facts
            *_, (_, arguments) = samples(facts, "replicated")
            check_gadget(name, facts, arguments, "replicated", coordinator)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", GADGETS)
def test_the_example_in_its_docstring_is_true(name, protocol, groups):
    parties = groups[protocol]
    text = registry.gadgets[name].__doc__
    lines = [line.strip() for line in text.splitlines()]
    first = next(k for k, line in enumerate(lines) if line.startswith(">>>"))
    inputs = {}
    given = re.findall(r"# (\w+): (\w+) = (\[.*?\])(?=\s+#|$)", "\n".join(lines), re.MULTILINE)
    if missing := {party for party, _, _ in given} - set(parties.names):
        pytest.skip(f"{protocol} runs here with {len(parties.names)} parties; the example has {', '.join(missing)} too")
    for party, variable, value in given:
        inputs.setdefault(parties.names.index(party), {})[variable] = np.array(eval(value))
    code = [line.removeprefix(">>> ").split("     #")[0].rstrip() for line in lines if line.startswith(">>>")]
    expected = "\n".join(line for line in lines[first:] if line and not line.startswith(">>>"))
    source = "\n".join([*code[:-1], f"example = {code[-1]}"])
    value = parties.run(Cell(source, protocol=protocol, preprocessing=quickest_source(protocol), inputs=inputs)).outputs["example"]
    assert re.sub(r"\s+", "", expected) == re.sub(r"\s+", "", repr(value))
    served[name, protocol] = "✓"


def support_table():
    """Markdown: a row for every gadget that does something on secrets, a column for every protocol."""
    header = ["| gadget | " + " | ".join(f"`{protocol}`" for protocol in PROTOCOLS) + " |", "| --- |" + " --- |" * len(PROTOCOLS)]
    rows = [f"| `{name}` | " + " | ".join(served.get((name, protocol), "not run") for protocol in PROTOCOLS) + " |" for name in GADGETS]
    return "\n".join(header + rows)


def test_the_readme_says_which_protocol_serves_which_gadget():
    """The table is what the tests above saw in this run; RAMP_README=write puts it there."""
    if len({name for name, _ in served}) < len(GADGETS):
        pytest.skip("only some of the tests of gadgets were run")
    text, table = README.read_text(encoding="utf-8"), support_table()
    before, mark, rest = text.partition("<!-- gadgets under protocols -->\n")
    _, end, after = rest.partition("\n<!-- end -->")
    assert mark, "the README has a place for the table"
    assert end, "the README has a place for the table"
    if os.environ.get("RAMP_README") == "write":
        README.write_text(before + mark + table + end + after, encoding="utf-8")
    assert "not run" not in table
    assert table in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in GADGETS if registry.gadgets[name].facts.arguments])
def test_messages_do_not_depend_on_data(name, parties):
    check_obliviousness(name, registry.gadgets[name].facts, "replicated", parties)  # so few rows go through the network


def test_radix_has_a_fixed_pattern(parties):
    check_obliviousness("sort", registry.gadgets["sort"].facts, "replicated", parties, options=', algorithm="radix"')


def test_a_pattern_that_depends_on_data_is_caught(parties):
    facts = registry.gadgets["sum"].facts
    with pytest.raises(AssertionError, match="depend on data"):  # the planted bug: a comparison only where something was revealed
        check_obliviousness("sum", facts, "replicated", parties, options=") if mpc.reveal(v0[i][0]) else gadgets.max(v0[i]")


def coins(parties, x, runs=60):
    """What open comparisons show in each of many runs: how many levels, how many outcomes, how many ones."""
    seen = []
    for _ in range(runs):
        cell = Cell('y = gadgets.sort(mpc.input("x", owner="alice"), algorithm="quick")', protocol="clear", inputs={0: {"x": x}})
        reveals = parties.run(cell).outcomes[0].reveals
        seen.append((len(reveals), sum(words.size for words in reveals), sum(int(np.bitwise_count(words).sum()) for words in reveals)))
    return np.array(seen)


def distance(a, b):
    """The largest Kolmogorov-Smirnov distance of the three figures, in units in which equal distributions stay below 2.3.

    Beyond that 2 exp(-2 * 2.3**2) = 5e-5 is left of equal distributions, and less for figures that repeat.
    """
    largest = 0.0
    for one, other in zip(a.T, b.T, strict=True):
        points = np.union1d(one, other)
        gap = np.abs((one[:, None] <= points).mean(0) - (other[:, None] <= points).mean(0)).max()
        largest = max(largest, float(gap) * np.sqrt(len(a) / 2))
    return largest


def test_what_quick_reveals_does_not_depend_on_ties(parties, monkeypatch):
    n = 60
    different, equal, reversed_ = np.arange(n), np.zeros(n, dtype=np.int64), np.arange(n)[::-1].copy()
    honest = coins(parties, different)
    assert distance(honest, coins(parties, equal)) < 2.3
    assert distance(honest, coins(parties, reversed_)) < 2.3

    from ramp_notebook.gadgets import sorting

    def by_public_position(rows, bits):  # the planted bug: ties broken by where a row stands after the shuffle
        rows = sorting.primitives.shuffle_rows(rows)
        session, n = sorting.session_of(rows), len(rows[0])
        place = session.public(np.arange(n), binary=True)
        key = sorting.primitives.stack([place, *rows[1 : len(bits)]])
        order = sorting.open_order(session, n, sorting.comparing(key, bits))
        return [row[order] for row in rows]

    monkeypatch.setattr(sorting, "_quick", by_public_position)
    assert distance(coins(parties, different), coins(parties, equal)) > 3


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
