"""Additive sharing's conversions, truncation and shuffle on words of two or three bits: any all parties but one see nothing.

For a coalition that misses one party, and for some of its own tapes, all that the other draws and all inputs are enumerated.
A smaller coalition sees a part of what a larger one sees, and inputs can be changed one owner after the other: where
nothing is revealed its views are therefore equal too.
"""

import contextlib
import itertools
from unittest import mock

import numpy as np
import pytest
from privacy.taped import OnTape, TapeSource, check_all_but_one

from ramp_notebook.protocols import additive
from ramp_notebook.protocols.preprocessing import rehearsal
from ramp_notebook.testing.views import LeakError, Program, check_views

TAPES = {2: 8, 3: 4}  # by how many parties there are


@contextlib.contextmanager
def words_of(bits):
    """How many bits a number has; what steps are known to need is counted anew."""
    rehearsal._needs.cache_clear()
    try:
        with mock.patch.object(additive, "WORD", bits):
            yield
    finally:
        rehearsal._needs.cache_clear()


def look_at(protocol, count, bits, program):
    with words_of(bits):
        return check_all_but_one(protocol, count, program, TAPES[count])


def on_sum(name, bits, run, binary_result=None):
    """A program on the sum of the first two parties' numbers: its result is revealed to all, or stays secret (None)."""
    to = () if binary_result is None else (0, 1)
    return bits, Program(name, (0, 1), lambda p, s: (run(p, s[0] + s[1]), bool(binary_result)), to=to, symbols=1 << bits)


def top_of_word(run):
    """Numbers of two bits as the top bits of words of 64: the top bit is then a sign, and shares are uniform."""
    return lambda p, x: run(p, x << np.uint64(62))


# Of truncation, only `x >> bits` reads more than a small word of a share; that is local, and so no part of a view.
PROGRAMS = [
    on_sum("sign", 2, lambda p, x: p.sign(x), True),
    on_sum("a sign that stays secret", 2, lambda p, x: p.sign(x)),
    on_sum("is_zero", 2, lambda p, x: p.is_zero(x), True),
    on_sum("is_zero that stays secret", 2, lambda p, x: p.is_zero(x)),
    on_sum("to_binary", 2, lambda p, x: p.to_binary(x)),
    on_sum("there and back", 2, lambda p, x: p.to_arithmetic(p.to_binary(x)), False),
    on_sum("there and back, which stays secret", 2, lambda p, x: p.to_arithmetic(p.to_binary(x))),
    on_sum("truncate", 2, lambda p, x: p.truncate(x, 1)),
    on_sum("truncate_probabilistic", 2, top_of_word(lambda p, x: p.truncate_probabilistic(x, 62))),
]


CASES = [(count, *case) for count in (2, 3) for case in PROGRAMS if count == 2 or case is not PROGRAMS[8]]  # it is `truncate` for three
SIGN, SECRET_ZERO, BACK, TRUNCATE, PROBABILISTIC = (PROGRAMS[k] for k in (1, 3, 6, 7, 8))


def named(value):
    return value.name if isinstance(value, Program) else value.__name__ if isinstance(value, type) else str(value)


@pytest.mark.parametrize(("count", "bits", "program"), CASES, ids=named)
def test_all_parties_but_one_learn_nothing(count, bits, program):
    assert look_at(OnTape, count, bits, program) >= 256


@pytest.mark.parametrize(("bits", "program"), PROGRAMS[:5], ids=named)
def test_two_parties_learn_nothing_with_any_tape_of_their_own(bits, program):
    with words_of(bits):
        assert check_views(OnTape, 2, program) >= 256


# -- the shuffle, of two rows ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def swapping(choice):
    """Each party's permutation of two rows: 0 keeps them, 1 swaps them."""
    TapeSource.orders = {party: np.arange(2)[:: -1 if swapped else 1] for (party, _), swapped in choice.items()}
    yield


def check_shuffle(protocol, count, owner, to):
    """Rows of one party, in their new order revealed to another, or to nobody."""
    shuffled = Program("shuffle", (owner, owner), lambda p, s: (p.shuffle([(np.stack(s, axis=1), False)])[0], False), to=to)
    choices = [{(i, i): swapped for i, swapped in enumerate(symbols)} for symbols in itertools.product((0, 1), repeat=count)]
    return check_all_but_one(protocol, count, shuffled, TAPES[count], choices=choices, chosen=swapping)


@pytest.mark.parametrize(("owner", "to"), [(0, ()), (0, (1,)), (-1, (0,))])
@pytest.mark.parametrize("count", [2, 3])
def test_a_shuffle_shows_nobody_where_rows_go(count, owner, to):
    assert check_shuffle(OnTape, count, owner % count, to) >= 256


# -- planted bugs: each must be caught, or the checks above are blind --------------------------------------------------


class OneTriple(OnTape):
    """All ANDs take the first one's triple."""

    def conjunction(self, x, y):
        if self.context.planned:
            return super().conjunction(x, y)
        words, rows = self.context._tape.lanes // 64, x[0].size * 64 // self.context._tape.lanes
        fresh, first = self.supply.bit_triples, self.kept
        self.supply.bit_triples = lambda count: tuple(
            np.tile(part, rows) for part in first.setdefault("triple", first.get("triple") or fresh(words))
        )
        try:
            return super().conjunction(x, y)
        finally:
            self.supply.bit_triples = fresh


class OpenPlanes(OnTape):
    """The lowest planes of all shares are summed in the open, as if they were masked."""

    def _own_planes(self, value):
        planes = super()._own_planes(value)
        if not self.context.planned:
            self._open("planes", planes[0, 0], np.bitwise_xor)
        return planes


class OneDaBit(OnTape):
    """Bits that are converted together have one daBit."""

    def bits_to_ring(self, bits, n):
        if self.context.planned:
            return super().bits_to_ring(bits, n)
        lanes = self.context._tape.lanes
        numbers, words = self.supply.dabits(lanes)
        self.supply.dabits = lambda count: (np.tile(numbers, count // lanes), np.tile(words, count // lanes))
        return super().bits_to_ring(bits, n)


class OpenTop(OnTape):
    """Both shares' top bits are shown, to see whether the sum wraps."""

    def truncate_probabilistic(self, x, bits):
        self._open("top", x[0] >> np.uint64(62), np.add)
        return super().truncate_probabilistic(x, bits)


class BareRows(OnTape):
    """Rows are sent to whoever permutes them without a label."""

    def shuffle(self, columns):
        taken = self.supply.translations

        def bare(*sizes):
            order, delta, a, b = taken(*sizes)
            return order, delta, np.zeros_like(a), b

        self.supply.translations = bare
        return super().shuffle(columns)


class LastKeepsOrder(OnTape):
    """The last party does not permute: the others know the order."""

    def __init__(self, context, kept=None):
        super().__init__(context, kept)
        if not context.planned:
            orders = dict(TapeSource.orders or {})
            orders[context.count - 1] = np.arange(2)
            self.supply.source.orders = orders


PLANTED = [
    (OneTriple, 2, *TRUNCATE),
    (OneTriple, 3, *SIGN),
    (OpenPlanes, 2, *SIGN),
    (OpenPlanes, 3, *SECRET_ZERO),
    (OneDaBit, 2, *BACK),
    (OneDaBit, 3, *TRUNCATE),
    (OpenTop, 2, *PROBABILISTIC),
]


@pytest.mark.parametrize(("bug", "count", "bits", "program"), PLANTED, ids=named)
def test_a_planted_bug_is_caught(bug, count, bits, program):
    with pytest.raises(LeakError, match="depends on inputs"):
        look_at(bug, count, bits, program)


@pytest.mark.parametrize(("bug", "owner", "to"), [(BareRows, 0, ()), (LastKeepsOrder, -1, (0,))], ids=named)
@pytest.mark.parametrize("count", [2, 3])
def test_a_planted_bug_of_a_shuffle_is_caught(bug, owner, to, count):
    with pytest.raises(LeakError, match="depends on inputs"):
        check_shuffle(bug, count, owner % count, to)
