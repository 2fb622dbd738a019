"""Sets: what several owners share, at the edges, for small and for 64-bit items; and what is refused."""

import numpy as np
import pytest
from ramp_notebook.gadgets.sets import at_least

from ramp_notebook.errors import MisuseError
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.plan import plan_cell

NAMES = ["alice", "bob", "carol"]
LISTS = [[5, 5, 9, 1], [], [9, 7, 7, 5], [9], [2**40, 0, 5]]


@pytest.fixture(scope="module")
def parties():
    with Coordinator(NAMES, launcher="inline") as coordinator:
        yield coordinator


def over(parties, call, lists, protocol="replicated"):
    """The revealed result of a call on `sets`, one secret array per list, spread over the parties."""
    inputs = {0: {}, 1: {}, 2: {}}
    for k, members in enumerate(lists):
        inputs[k % 3][f"list{k}"] = np.array(members, dtype=np.int64)
    names = ", ".join(f'mpc.input("list{k}", owner="{NAMES[k % 3]}")' for k in range(len(lists)))
    return parties.run(Cell(f"sets = [{names}]\nresult = mpc.reveal({call})", protocol=protocol, inputs=inputs)).outputs["result"]


@pytest.mark.parametrize("t", range(1, 6))
@pytest.mark.parametrize("options", ["", ", bits=41", ', bits=41, algorithm="radix"', ", bits=64"])
def test_over_threshold_counts_each_owner_once(t, options, parties):
    expected = [i for i in sorted(set().union(*LISTS)) if sum(i in members for members in LISTS) >= t]
    protocol = "clear" if "radix" in options else "replicated"
    assert expected == over(parties, f"gadgets.over_threshold(sets, {t}{options})", LISTS, protocol).tolist()


def test_a_single_number_is_a_list_of_one(parties):
    assert [1, 5] == over(parties, "gadgets.union(sets)", [5, [1, 5]]).tolist()


def test_one_owner_alone_is_a_set_without_duplicates(parties):
    assert [1, 5, 9] == over(parties, "gadgets.union(sets)", LISTS[:1]).tolist()
    assert [1, 5, 9] == over(parties, "gadgets.intersection(sets)", LISTS[:1]).tolist()
    assert 3 == over(parties, "gadgets.size(gadgets.difference(sets))", LISTS[:1])


def test_items_of_all_64_bits(parties):
    lists = [[2**62 - 1, -(2**62), 0], [-(2**62), -1], [-(2**62), 0]]
    assert [-(2**62), 0] == over(parties, "gadgets.over_threshold(sets, 2)", lists).tolist()


def test_lists_of_both_domains_mix(parties):
    call = "gadgets.intersection([gadgets.primitives.to_binary(sets[0]), sets[1]])".replace("gadgets.primitives", "primitives")
    assert [5] == over(parties, f"(primitives := __import__('ramp_notebook').primitives) and {call}", [[5, 1], [2, 5]]).tolist()


def test_only_the_named_party_learns_a_set(parties):
    inputs = {0: {"x": np.array([4, 2])}, 1: {"y": np.array([2, 3])}}
    text = 'u = gadgets.union([mpc.input("x", owner="alice"), mpc.input("y", owner="bob")])\nr = mpc.reveal(u, to="carol")\nprint(r)'
    printed = dict(parties.run(Cell(text, inputs=inputs)).printed)
    assert {"alice": "None\n", "bob": "None\n", "carol": "[2 3 4]\n"} == printed


@pytest.mark.parametrize("use", ["len(u)", "bool(u)", "list(u)", "5 in u"])
def test_a_secret_set_keeps_its_size(use, parties):
    with pytest.raises(MisuseError, match="size of a secret set is secret"):
        over(parties, f"[u := gadgets.union(sets), {use}]", [[1], [2]])


def test_what_a_set_shows_of_itself_holds_no_member(parties):
    text = 'print(gadgets.union([mpc.input("x", owner="alice")]))'
    assert [(None, "<secret set of at most 2 items, replicated>\n")] == parties.run(Cell(text, inputs={0: {"x": [77, 78]}})).printed


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("gadgets.over_threshold(sets, 0)", "from 1 to 2"),
        ("gadgets.over_threshold(sets, 3)", "from 1 to 2"),
        ("gadgets.over_threshold(sets, 1.5)", "from 1 to 2"),
        ("gadgets.union(sets[0])", "a list of secret arrays"),
        ("gadgets.union([sets[0] * 0.5, sets[1]])", "secret integers"),
        ("gadgets.union([sets[0].reshape(1, 2)])", "shape"),
        ("gadgets.union(sets, bits=0)", "bits promises"),
        ("gadgets.union(sets, bits=2)", "some value lies outside"),
        ('gadgets.union(sets, algorithm="magic")', "algorithm is one of"),
        ("gadgets.union(sets * 20)", "at most 32 lists"),
    ],
)
def test_what_makes_no_sense_is_refused(call, complaint, parties):
    with pytest.raises(MisuseError, match=complaint):
        over(parties, call, [[1, 2], [4]])


@pytest.mark.parametrize("count", range(1, 10))
def test_counting_bits_against_every_threshold(count):
    rows = ((np.arange(2**count)[:, None] >> np.arange(count)) & 1).astype(bool)
    for t in range(1, count + 1):
        np.testing.assert_array_equal(rows.sum(1) >= t, at_least(list(rows.T), t))


def test_a_plan_of_billions_of_items_says_their_bound():
    text = 'sets = [mpc.input("x", owner="alice"), mpc.input("y", owner="bob")]\n'
    text += 'found = mpc.reveal(gadgets.over_threshold(sets, 2, bits=32, algorithm="radix"))\nassert found.shape == (10**9 + 5,)'
    plan = plan_cell(Cell(text), NAMES, shapes={0: {"x": (10**9,)}, 1: {"y": (5,)}})
    assert plan.trace.planned
