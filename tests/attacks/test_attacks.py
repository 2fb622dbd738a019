"""A sample of the attack matrix under every protocol that withstands cheating, and what the same attacks do under the others."""

import os
from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from ramp_notebook.wire.cheats import Cheat
from tests.attacks import matrix, mutants
from tests.attacks.parties import CRASHED, DONE, NOTICED, STUCK, End, run_cell
from tests.attacks.programs import BY_NAME, PROGRAMS, cell_of, parties_of
from tests.attacks.rates import a_lie_about_a_product, chi_square, independent_of_inputs, missed
from tests.attacks.whole import against_active_parties, settings, table

ACTIVE = against_active_parties()
CURIOUS = ["replicated", "shamir"]
SAMPLE = {setting: 8 if "/" in setting else 240 for setting in settings()}  # attacks; where items are made, a run takes a second


def test_the_sample_is_no_small_one():
    assert sum(SAMPLE.values()) >= 500


@pytest.mark.parametrize("setting", SAMPLE)
def test_a_sample_of_attacks_ends_well(setting):
    seed = int(os.environ.get("RAMP_SEED", "") or int.from_bytes(os.urandom(4), "little"))
    print(f"seed {seed}: RAMP_SEED={seed} makes the same sample")
    counts = Counter()
    for attack in matrix.sample(setting, SAMPLE[setting], Random(seed)):
        found, ends = matrix.outcome(attack)
        counts[found] += 1
        assert found not in matrix.FAILURES, f"{found}: {attack}\n{[end.problem for end in ends]}"
    assert counts[matrix.CAUGHT] > counts.total() / 4, counts  # the attacks arrive


@pytest.mark.parametrize("protocol", ACTIVE)
def test_a_lie_about_a_product_is_never_missed(protocol):
    assert missed(a_lie_about_a_product(protocol), 100) == 0


@pytest.mark.parametrize("protocol", ACTIVE)
def test_whether_it_aborts_says_nothing_of_honest_inputs(protocol):
    zeros, large = ({name: np.full(2, value) for name in "xy"} for value in (0, 2**40))
    independent_of_inputs(protocol, "multiply", a_lie_about_a_product(protocol).cheats[:1], zeros, large, 60)


@pytest.mark.parametrize("protocol", ACTIVE)
def test_weakened_checks_let_something_through(protocol):
    """Those whose answer is not heard; `make attacks` tries all."""
    cases = mutants.telling(protocol, mutants.ATTACKS)
    deaf = [each for each in mutants.mutants(protocol) if each.change.startswith("confirm") and (each.function, each.change) not in mutants.DIRECT]
    assert deaf
    for mutant in deaf:
        assert mutants.killed_by(protocol, mutant, cases), f"lives: {mutant}"


def test_checks_that_have_a_test_of_their_own_exist():
    """A function that was renamed would never be weakened."""
    known = {(each.function, each.change) for protocol in ACTIVE for each in mutants.mutants(protocol)}
    assert set(mutants.DIRECT) <= known


@pytest.mark.parametrize("protocol", CURIOUS)
def test_semi_honest_parties_believe_what_is_wrong(protocol):
    """The attacks arrive, and the judge sees it: without checks results are wrong."""
    found = Counter(matrix.outcome(attack)[0] for attack in matrix.sample(protocol, 60, Random(1)))
    assert found[matrix.WRONG] > 5, found
    assert not found[matrix.CAUGHT], found


@pytest.mark.parametrize(
    ("protocol", "program", "cheats", "expected"),
    [
        ("additive", "multiply", [Cheat("bob", "reveal")], [11, -14]),
        ("additive", "multiply", [Cheat("bob", "reveal", "add one to the first")], [11, -15]),
        ("replicated", "multiply", [Cheat("bob", "multiply"), Cheat("bob", "reveal")], [11, -14]),
        ("replicated", "matmul", [Cheat("bob", "matmul"), Cheat("bob", "reveal")], -4),
    ],
)
def test_under_semi_honest_protocols_errors_are_those_of_theory(protocol, program, cheats, expected):
    """What is added to a piece of a result is added to the result, and honest parties agree on it."""
    cell = replace(cell_of(BY_NAME[program], protocol, 1), cheats=tuple(cheats))
    alice, _, carol = run_cell(parties_of(protocol), cell)
    np.testing.assert_array_equal(alice.seen, carol.seen)
    assert (alice.how, carol.how) == (DONE, DONE)
    np.testing.assert_array_equal(expected, alice.seen[0])


@pytest.mark.parametrize("protocol", ["replicated", "additive", *ACTIVE])
@pytest.mark.parametrize("program", [program.name for program in PROGRAMS])
def test_programs_are_right_if_all_are_honest(protocol, program):
    for cheater in range(2):
        ends = matrix.honest(protocol, program, cheater)[0]
        clear = matrix.honest("clear", program, cheater)[0]
        assert matrix.judged(BY_NAME[program], ends[:2], clear[:2]) == matrix.RIGHT


def test_an_attack_is_named_by_the_command_that_runs_it():
    attack = matrix.Attack("replicated", "to one", (Cheat("bob", "any", "flip high", 3, "carol"),))
    assert str(attack) == "python -m tests.attacks replicated 'to one' bob:any:flip-high:3:carol"


@pytest.mark.parametrize(
    ("ways", "seen", "found"),
    [
        ((DONE, DONE), ([7], [7]), matrix.RIGHT),
        ((NOTICED, STUCK), ([], []), matrix.CAUGHT),
        ((NOTICED, DONE), ([], [7]), matrix.UNEVEN),
        ((STUCK, DONE), ([], [7]), matrix.SILENT),
        ((NOTICED, DONE), ([], [8]), matrix.WRONG),
        ((NOTICED, NOTICED), ([8], []), matrix.WRONG),
        ((DONE, DONE), ([7, 7], [7]), matrix.WRONG),
        ((CRASHED, NOTICED), ([], []), matrix.FOREIGN),
    ],
)
def test_the_judge_looks_at_what_was_seen_before_how_it_ended(ways, seen, found):
    ends = [End(how, list(values)) for how, values in zip(ways, seen, strict=True)]
    assert matrix.judged(BY_NAME["linear"], ends, [End(DONE, [7])] * 2) == found


def test_distributions_that_differ_are_told_apart():
    even, skewed = Counter(a=500, b=500), Counter(a=600, b=400)
    assert chi_square(even, Counter(a=510, b=490))[0] < chi_square(even, skewed)[1]
    value, limit = chi_square(even, Counter(a=620, b=380))
    assert value > limit


def test_the_table_counts_by_protocol_step_and_way():
    text = table({("toy", "reveal", "flip"): Counter({matrix.CAUGHT: 3}), ("toy", "and", "drop"): Counter({matrix.SILENT: 2})})
    assert text.splitlines()[0].split() == ["setting", "step", "way", *matrix.OUTCOMES]
    assert text.splitlines()[-1].split() == ["toy", "all", "0", "3", "0", "2", "0", "0"]
