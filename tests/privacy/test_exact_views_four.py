"""Every primitive of `fantastic-four`, all tapes and inputs over tiny rings: no single party sees what it must not.

Checks are left out, but for the hash of what is revealed, in whose place the whole value goes: hashes say less than that.
"""

import contextlib

import numpy as np
import pytest

from ramp_notebook.protocols import fantastic_four, halves
from ramp_notebook.protocols.fantastic_four import FantasticFour
from ramp_notebook.protocols.joint_messages import JointMessages
from ramp_notebook.protocols.joint_sharing import all_but
from ramp_notebook.testing.views import LeakError, Program, check_views

ALL = (0, 1, 2, 3)


class Unchecked(JointMessages):
    def compare(self):
        return True

    def confirm(self, check, fine, begun=None): ...


class Four(FantasticFour):
    """Streams come from the tape, so that no keys are dealt."""

    def __init__(self, context, kept=None):
        super().__init__(context, kept)
        self.checks = Unchecked(context)

    def agree(self): ...


def put_values_in_place_of_hashes(monkeypatch):
    monkeypatch.setattr(fantastic_four, "digest_of", lambda array: array)
    monkeypatch.setattr(fantastic_four, "BLOCK", 1 << 24)  # a block is a row of the tape


@pytest.fixture(autouse=True)
def values_in_place_of_hashes(monkeypatch):
    put_values_in_place_of_hashes(monkeypatch)


def look_at(protocol, program):
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_values_in_place_of_hashes(monkeypatch)
        return check_views(protocol, 4, program)


def arithmetic(name, run, owners=(0, 1), to=ALL, symbols=2):
    return Program(name, owners, run, to=to, symbols=symbols)


def binary(name, run, owners=(0, 3), to=ALL):
    return Program(name, owners, run, binary=True, to=to)


INPUT = arithmetic("input", lambda p, s: None, owners=ALL)
INPUT_BITS = binary("input bits", lambda p, s: None, owners=ALL)
TO_ONE = arithmetic("reveal to one", lambda p, s: (s[0] + s[1], False), to=(2,), symbols=4)
TO_TWO = arithmetic("reveal to two", lambda p, s: (s[0] + s[1] + s[2], False), owners=(0, 1, 3), to=(0, 1))
PRODUCT = arithmetic("multiply", lambda p, s: (p.multiply(*s), False))
AND = binary("conjunction", lambda p, s: (p.conjunction(*s), True))
KEPT = arithmetic("a product that stays secret", lambda p, s: (p.multiply(*s), False), owners=(2, 3), to=())
BITS = binary("bits_to_ring", lambda p, s: (p.bits_to_ring(s[0] ^ s[1], 64 * s[0].shape[-1]), False))
PROGRAMS = [
    INPUT, INPUT_BITS, TO_ONE, TO_TWO, PRODUCT, AND, KEPT, BITS,
    arithmetic("a square, then a product", lambda p, s: (p.multiply(p.multiply(s[0], s[0]), s[1]), False)),
    binary("an AND of an AND", lambda p, s: (p.conjunction(p.conjunction(*s), s[1]), True)),
    arithmetic("random", lambda p, s: (p.random(s[0].shape[1:], binary=False) + s[0], False), owners=(1,)),
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_views_do_not_depend_on_what_they_must_not(program):
    assert check_views(Four, 4, program) >= 256


# -- conversions, on words of two bits -----------------------------------------------------------------------------------


def tiny(name, run, binary_result, owner, to=ALL):
    return Program(name, (owner,), lambda p, s: (run(p, s[0]), binary_result), to=to, symbols=4)


def conversions(owner):
    return [
        tiny("sign", lambda p, x: p.sign(x), True, owner),
        tiny("is_zero", lambda p, x: p.is_zero(x), True, owner),
        tiny("a sign that stays secret", lambda p, x: p.sign(x), True, owner, to=()),
        tiny("to_binary", lambda p, x: p.to_binary(x), True, owner, to=()),
    ]


@pytest.mark.parametrize("program", [*conversions(0), *conversions(3)], ids=lambda program: f"{program.name} of {program.owners[0]}")
def test_conversions_show_nothing(program, monkeypatch):
    monkeypatch.setattr(halves, "WORD", 2)
    assert check_views(Four, 4, program) >= 256


@pytest.mark.parametrize("owner", ALL)
def test_a_conversion_and_its_way_back_show_nothing(owner, monkeypatch):
    monkeypatch.setattr(halves, "WORD", 1)
    back = Program("there and back", (owner,), lambda p, s: (p.to_arithmetic(p.to_binary(s[0])), False), to=())
    assert check_views(Four, 4, back) >= 256


# -- hops of the shuffle, of two rows ------------------------------------------------------------------------------------


@contextlib.contextmanager
def swapping(choice):
    """Each group's permutation of two rows: 0 keeps them, 1 swaps them."""

    def order(stream, n):
        return np.arange(n)[:: -1 if choice[stream._key[0]] else 1]

    original, fantastic_four.random_permutation = fantastic_four.random_permutation, order
    try:
        yield
    finally:
        fantastic_four.random_permutation = original


def hops(owner, outsiders, to):
    """Two rows, permuted by all parties but one, and then by all but another."""

    def run(p, s):
        columns = [(np.stack(s, axis=1), False)]
        for outsider in outsiders:
            p._permute_for(outsider, columns)
        return columns[0]

    return Program(f"hops past {outsiders}", (owner, owner), run, to=to)


def check_hops(protocol, outsiders, to, owner):
    groups = [all_but(outsider) for outsider in outsiders]
    choices = [{group: k >> i & 1 for i, group in enumerate(groups)} for k in range(2 ** len(groups))]
    return check_views(protocol, 4, hops(owner, outsiders, to), choices=choices, chosen=swapping)


@pytest.mark.parametrize("outsider", ALL)
def test_a_hop_reveals_rows_to_the_outsider_in_an_order_that_says_nothing(outsider):
    assert check_hops(Four, [outsider], (outsider,), owner=(outsider + 1) % 4) >= 256


@pytest.mark.parametrize("owner", ALL)
def test_two_hops_show_nobody_where_rows_go(owner):
    assert check_hops(Four, [0, 1], (), owner) >= 256


# -- planted bugs: each must be caught, or the check above is blind ------------------------------------------------------


class Zeros:
    def words(self, shape):
        return np.zeros(shape, np.uint64)

    def words_into(self, out):
        out[...] = 0


class NoMask(Four):
    """What the third party lacks is told without a mask."""

    def stream_without(self, outsider):
        return Zeros()


class KnownMask(Four):
    """The mask is one that its receiver knows."""

    def stream_without(self, outsider):
        return super().stream_without((outsider + 1) % 4)


class OneMask:
    def __init__(self, stream, kept):
        self._stream, self._kept, self._key = stream, kept, stream._key

    def words(self, shape):
        out = np.empty(shape, np.uint64)
        self.words_into(out)
        return out

    def words_into(self, out):
        if (self._key, out.shape) not in self._kept:
            self._kept[self._key, out.shape] = self._stream.words(out.shape)
        out[...] = self._kept[self._key, out.shape]


class ReusedMask(Four):
    """Two messages to one receiver have the same mask."""

    def stream_without(self, outsider):
        return OneMask(super().stream_without(outsider), self.kept)


class ToEveryone(Four):
    """A value meant for some is told to all."""

    def reveal(self, x, to, *, binary):
        value = super().reveal(x, ALL, binary=binary)
        return value if self.me in to else None


class OneMaskInput(Four):
    """The owner draws one component only: a party that holds it, and the one sent, misses a zero."""

    def input(self, owner, value, shape, *, binary):
        drawn = self.stream_without
        self.stream_without = lambda outsider: drawn(outsider) if outsider == (owner + 1) % 4 else Zeros()
        try:
            return super().input(owner, value, shape, binary=binary)
        finally:
            self.stream_without = drawn


PLANTED = [
    (NoMask, INPUT), (NoMask, INPUT_BITS), (NoMask, PRODUCT), (NoMask, AND), (NoMask, BITS), (NoMask, TO_ONE), (KnownMask, INPUT), (KnownMask, PRODUCT),
    (KnownMask, AND), (ReusedMask, PRODUCT), (ReusedMask, AND), (ToEveryone, TO_ONE), (ToEveryone, TO_TWO), (OneMaskInput, INPUT), (OneMaskInput, INPUT_BITS),
]  # fmt: skip


@pytest.mark.parametrize(("bug", "program"), PLANTED, ids=lambda value: value.name if isinstance(value, Program) else value.__name__)
def test_a_planted_bug_is_caught(bug, program):
    with pytest.raises(LeakError, match="depends on inputs"):
        look_at(bug, program)


@pytest.mark.parametrize("bug", [NoMask, KnownMask])
def test_a_conversion_without_masks_is_caught(bug, monkeypatch):
    monkeypatch.setattr(halves, "WORD", 2)
    with pytest.raises(LeakError):
        check_views(bug, 4, conversions(0)[3])


class OpenHop(Four):
    """Nobody masks what goes to the outsider, which so sees how rows moved."""

    def _permuted(self, a, columns):
        drawn = self.stream_without
        self.stream_without = lambda outsider: Silent(drawn(outsider))
        try:
            yield from super()._permuted(a, columns)
        finally:
            self.stream_without = drawn


class Silent(Zeros):
    def __init__(self, stream):
        self._key = stream._key


def test_a_hop_without_masks_is_caught():
    with pytest.raises(LeakError):
        check_hops(OpenHop, [0], (0,), owner=1)
