"""Garbled circuits, all tapes and inputs over labels of two bits: neither party sees what it must not in gates, inputs, results.

Rows, active labels and the hash where it asks are what the evaluator sees; for any two inputs with the same result seen they
are equally distributed, and for any inputs if the result stays masked by its permute bit.
"""

import numpy as np
import pytest
from privacy.garbling import OnTape, Oracle, Salts, ShortLabels, Transfers, check_garbled

from ramp_notebook.protocols.garbled import EVALUATOR, GARBLER
from ramp_notebook.protocols.garbling import HalfGates
from ramp_notebook.testing.views import LeakError, Program

BOTH = (GARBLER, EVALUATOR)
TAPES = 4


def bits(name, run, owners=BOTH, to=BOTH):
    return Program(name, owners, run, binary=True, to=to, symbols=4)


def conjunction(p, s):
    return p.conjunction(*s), True


def twice(p, s):
    """One factor of both gates is the same."""
    return p.conjunction(s[0], p.conjunction(*s)), True


INPUTS = bits("inputs", lambda p, s: None, owners=(GARBLER, EVALUATOR, EVALUATOR))
XOR = bits("xor, to the evaluator", lambda p, s: (s[0] ^ s[1], True), owners=(GARBLER, GARBLER, EVALUATOR), to=(EVALUATOR,))
AND = bits("and", conjunction)
SECRET = bits("an and that stays secret", conjunction, to=())
OF_GARBLER = bits("an and of the garbler's, which stays secret", conjunction, owners=(GARBLER, GARBLER), to=())
TWICE = bits("two ands in a row that stay secret", twice, to=())
PROGRAMS = [
    INPUTS,
    XOR,
    AND,
    SECRET,
    OF_GARBLER,
    bits("and, to the garbler", conjunction, to=(GARBLER,)),
    bits("and, to the evaluator", conjunction, to=(EVALUATOR,)),
    bits("an and of the garbler's", conjunction, owners=(GARBLER, GARBLER)),
    bits("an and of the evaluator's", conjunction, owners=(EVALUATOR, EVALUATOR), to=(GARBLER,)),
    bits("an and with a constant", lambda p, s: (p.conjunction(p.invert(s[0]), s[0] ^ s[1]), True), to=(EVALUATOR,)),
    bits("random", lambda p, s: (p.random(s[0].shape[1:], binary=True) ^ s[0], True), owners=(GARBLER,)),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_neither_party_sees_what_it_must_not(program):
    assert check_garbled(OnTape, program) >= 256


def test_a_second_gate_shows_nothing_either():
    assert check_garbled(OnTape, TWICE, [(EVALUATOR,)], own_tapes=1) >= 256


class InThreeHalves(OnTape):
    scheme_name = "three-halves"


@pytest.mark.parametrize("program", [AND, SECRET, OF_GARBLER], ids=lambda program: program.name)
def test_three_halves_show_the_evaluator_nothing(program):
    assert check_garbled(InThreeHalves, program, [(EVALUATOR,)], own_tapes=TAPES) >= 256


# -- planted bugs: each must be caught, or the checks above are blind --------------------------------------------------


class ColoursAreValues(OnTape):
    """No permute bit: the label of false has colour 0, and so the garbler's inputs are told."""

    def input(self, owner, value, shape, *, binary):
        share = super().input(owner, value, shape, binary=binary)
        if owner == EVALUATOR:
            return share
        sends, receives = ({EVALUATOR: value}, {}) if self.garbler else ({}, {GARBLER: shape})
        told = self.context.exchange("colours", sends, receives)
        share[0] = 0 if self.garbler else told[GARBLER]
        return share


class ResultsAreTold(OnTape):
    """The permute bits of a result go to the other party too."""

    def reveal(self, x, to, *, binary):
        value = super().reveal(x, (GARBLER, EVALUATOR), binary=binary)
        return value if self.context.index in to else None


class OnePadForBothLabels(OnTape):
    """The hash forgets the label: what hides the row of true hides that of false."""

    class oracle(Oracle):
        @staticmethod
        def asked(blocks):
            return np.zeros(len(blocks), np.uint64)


class OnePadForBothRows(OnTape):
    """Both halves of a gate ask one hash."""

    class oracle(Oracle):
        def tweak(self, key, gate, chunk):
            return key, gate


class OneSalt(OnTape):
    """Gates of all tables have the same numbers under the same key."""

    class salts(Salts):
        def words(self, shape):
            return np.zeros(shape, np.uint64)


class DrawsForAll(Oracle):
    draws_for_all = True


class EvenOffset(OnTape):
    """Both labels of a wire have one colour."""

    oracle = DrawsForAll
    check_delta = staticmethod(lambda delta: None)

    @staticmethod
    def delta_of(choice):
        return np.array([0, 1], np.uint64)


class BothLabels(OnTape):
    """A transfer gives the evaluator the labels of both values, and it opens both rows."""

    def __init__(self, context):
        super().__init__(context)
        delta = self.delta_of(self.offset)

        class Twice(HalfGates):
            def _evaluate_piece(self, piece, a, b, table, c):
                super()._evaluate_piece(piece, a, b ^ delta, table, c)
                super()._evaluate_piece(piece, a, b, table, c)

        self.scheme = Twice


class BareChoices(OnTape):
    """Choices of a transfer are told without a mask."""

    class transfers_of(Transfers):
        def choices(self, drawn):
            return np.zeros_like(drawn)


class OneMaskForTwoChoices(OnTape):
    """A mask serves two choices, whose difference it does not hide."""

    class transfers_of(Transfers):
        def extend(self, context, count, pairs):
            batch = super().extend(context, count, pairs)
            self.made = 0
            return batch


class BareControlBits(InThreeHalves):
    """The control bits of three-halves are not masked by coins: they say at which colours the gate is true."""

    class stream_of(ShortLabels):
        def words(self, shape):
            return np.zeros(shape, np.uint64) if shape[0] == 2 else super().words(shape)


PLANTED = [
    (ColoursAreValues, INPUTS),
    (ColoursAreValues, OF_GARBLER),
    (ResultsAreTold, bits("to one", conjunction, owners=(GARBLER, GARBLER), to=(GARBLER,))),
    (OnePadForBothLabels, OF_GARBLER),
    (OnePadForBothLabels, SECRET),
    (OnePadForBothRows, OF_GARBLER),
    (EvenOffset, AND),
    (BothLabels, SECRET),
    (BareControlBits, OF_GARBLER),
    (BareChoices, INPUTS),
    (BareChoices, SECRET),
    (OneMaskForTwoChoices, INPUTS),
]


def look_at(protocol, program):
    return check_garbled(protocol, program, own_tapes=TAPES)


@pytest.mark.parametrize(("bug", "program"), PLANTED, ids=lambda value: value.name if isinstance(value, Program) else value.__name__)
def test_a_planted_bug_is_caught(bug, program):
    with pytest.raises(LeakError, match="depends on inputs"):
        look_at(bug, program)


def test_pads_of_another_table_are_caught():
    with pytest.raises(LeakError, match="depends on inputs"):
        check_garbled(OneSalt, TWICE, [(EVALUATOR,)], own_tapes=1)
