"""Every primitive of every protocol, all tapes and inputs over tiny rings: coalitions see nothing that they must not."""

import contextlib
import itertools

import numpy as np
import pytest

from ramp_notebook.protocols import replicated
from ramp_notebook.protocols.replicated import Replicated
from ramp_notebook.testing.views import LeakError, Program, check_views

ALL = (0, 1, 2)


def arithmetic(name, run, owners=(0, 1), to=ALL, symbols=2):
    return Program(name, owners, run, to=to, symbols=symbols)


def binary(name, run, owners=(0, 1), to=ALL):
    return Program(name, owners, run, binary=True, to=to)


PRODUCT = arithmetic("multiply", lambda p, s: (p.multiply(*s), False))
AND = binary("conjunction", lambda p, s: (p.conjunction(*s), True))
PROGRAMS = [
    arithmetic("input", lambda p, s: None, owners=(0, 1, 2), symbols=4),
    binary("input bits", lambda p, s: None, owners=(0, 1, 2)),
    arithmetic("reveal to one", lambda p, s: (s[0] + s[1], False), to=(2,), symbols=4),
    arithmetic("reveal to two", lambda p, s: (s[0] + s[1] + s[2], False), owners=(0, 1, 2), to=(0, 1), symbols=4),
    PRODUCT,
    arithmetic("multiply, symbols of two bits", lambda p, s: (p.multiply(*s), False), symbols=4),
    arithmetic("a product that stays secret", lambda p, s: (p.multiply(*s), False), to=()),
    arithmetic("two products, their sum revealed", lambda p, s: (p.multiply(s[0], s[1]) + p.multiply(s[0], s[2]), False), owners=(0, 1, 2)),
    AND,
    binary("two ANDs in a row", lambda p, s: (p.conjunction(p.conjunction(s[0], s[1]), s[2]), True), owners=(0, 1, 2)),
    binary("bits_to_ring", lambda p, s: (p.bits_to_ring(s[0] ^ s[1], 64 * s[0].shape[-1]), False)),
    arithmetic("random", lambda p, s: (p.random(s[0].shape[1:], binary=False) + s[0], False), owners=(0,)),
]


MANY = {False: 1 << 10, True: 1 << 16}  # lanes, of numbers and of bits, from which products are streamed in blocks


@pytest.mark.parametrize("many", [False, True], ids=["few", "many"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_views_do_not_depend_on_what_they_must_not(program, many):
    assert check_views(Replicated, 3, program, least_lanes=MANY[program.binary] if many else 256) >= 256


# -- conversions, on words of two bits ---------------------------------------------------------------------------------


@pytest.fixture
def two_bit_words(monkeypatch):
    monkeypatch.setattr(replicated, "WORD", 2)


def tiny(name, run, binary_result, to=ALL):
    return Program(name, (0, 2), lambda p, s: (run(p, s[0] + s[1]), binary_result), to=to, symbols=4)


CONVERSIONS = [
    tiny("sign", lambda p, x: p.sign(x), True),
    tiny("is_zero", lambda p, x: p.is_zero(x), True),
    tiny("a sign that stays secret", lambda p, x: p.sign(x), True, to=()),
    tiny("to_binary", lambda p, x: p.to_binary(x), True, to=()),
]


@pytest.mark.parametrize("program", CONVERSIONS, ids=lambda program: program.name)
def test_conversions_show_nothing(program, two_bit_words):
    assert check_views(Replicated, 3, program) >= 256


def test_a_conversion_and_its_way_back_show_nothing(monkeypatch):
    monkeypatch.setattr(replicated, "WORD", 1)
    back = Program("there and back", (0, 2), lambda p, s: (p.to_arithmetic(p.to_binary(s[0] + s[1])), False), to=ALL)
    assert check_views(Replicated, 3, back) >= 256


# -- the shuffle, of two rows ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def swapping(choice):
    """Each pair's permutation of two rows: 0 keeps them, 1 swaps them."""

    def order(stream, n):
        return np.arange(n)[:: -1 if choice[stream._key[0]] else 1]

    original, replicated.random_permutation = replicated.random_permutation, order
    try:
        yield
    finally:
        replicated.random_permutation = original


PAIRS = [(0, 1), (1, 2), (0, 2)]
CHOICES = [dict(zip(PAIRS, symbols, strict=True)) for symbols in itertools.product((0, 1), repeat=3)]
ROWS = Program("shuffle", (0, 0), lambda p, s: (p.shuffle([(np.stack(s, axis=1), False)])[0], False), to=())


def test_a_shuffle_shows_nobody_where_rows_go():
    assert check_views(Replicated, 3, ROWS, choices=CHOICES, chosen=swapping) >= 256


def test_a_shuffle_reveals_rows_in_an_order_that_says_nothing():
    shown = Program("shuffle and reveal", (0, 0), ROWS.run, to=(1,))
    assert check_views(Replicated, 3, shown, choices=CHOICES, chosen=swapping) >= 256


# -- planted bugs: each must be caught, or the check above is blind ----------------------------------------------------


class NoMask(Replicated):
    """Products are sent back without a share of zero."""

    def _zero_sum(self, shape):
        return np.zeros(shape, np.uint64)

    def _draw_zero_sum(self, out):
        out[...] = 0

    def _draw_zero_xor(self, out):
        out[...] = 0


class OneStream(Replicated):
    """Only one of the two streams goes into the mask: it is no longer a share of zero, and one neighbour knows it."""

    def _draw_zero_sum(self, out):
        self.context.stream(self.previous).words_into(out)


class BiasedMask(Replicated):
    """Bits of the mask are the AND of two draws: zero three times in four."""

    def _draw_zero_xor(self, out):
        streams = [self.context.stream(peer) for peer in (self.next, self.previous)]
        first, second = (stream.words(out.shape) & stream.words(out.shape) for stream in streams)
        out[...] = first ^ second


class ReusedMask(Replicated):
    """Every product takes the same mask."""

    def _draw_zero_sum(self, out):
        if "mask" not in self.kept:
            super()._draw_zero_sum(out)
            self.kept["mask"] = out.copy()
        out[...] = self.kept["mask"]


class OpenInput(Replicated):
    """The owner's mask is zero."""

    def input(self, owner, value, shape, *, binary):
        share = self.zeros(shape, binary=binary)
        if self.me == owner:
            share[0] = value
            self.context.exchange("input", {self.previous: share[0]}, {})
        elif self.previous != owner:
            share[1] = self.context.exchange("input", {}, {owner: shape})[owner]
        return share


class WrongReceiver(Replicated):
    """A value meant for some is sent to everyone's next party."""

    def reveal(self, x, to, *, binary):
        reply = self.context.exchange("reveal", {self.next: x[0]}, {self.previous: x.shape[1:]})
        return x[0] + x[1] + reply[self.previous] if self.me in to else None


class MaskOneBitShort(Replicated):
    """The mask's lowest bit is always zero."""

    def _draw_zero_sum(self, out):
        super()._draw_zero_sum(out)
        out &= ~np.uint64(1)


class InputToNext(Replicated):
    """The owner sends the masked value to the party that knows the mask."""

    def input(self, owner, value, shape, *, binary):
        share = self.zeros(shape, binary=binary)
        drawn = self.context.stream(self.next if self.me == owner else owner).words(shape) if (self.me - owner) % 3 < 2 else None
        if self.me == owner:
            share[1], share[0] = drawn, value - drawn
            self.context.exchange("input", {self.next: share[0]}, {})
        elif self.previous == owner:
            share[0] = drawn
            self.context.exchange("input", {}, {owner: shape})
        return share


class OpenConversion(Replicated):
    """Parties 1 and 2 swap their pieces of a converted bit without masks."""

    def _reshare_pairs(self, a, pieces, shapes, binary):
        b = (a + 1) % 3
        other = b if self.me == a else a
        (piece,) = pieces
        theirs = self.context.exchange("reshare", {other: piece}, {other: piece.shape})[other]
        zero = np.zeros_like(piece)
        return [np.stack([zero, piece + theirs] if self.me == a else [piece + theirs, zero])]


class SameMaskForBoth(Replicated):
    """Both partners of a resharing mask with what one of them knows: swapped pads."""

    def _reshare_pairs(self, a, pieces, shapes, binary):
        (piece,) = pieces
        b = (a + 1) % 3
        other = b if self.me == a else a
        mask = self.context.stream(other).words(piece.shape)
        masked = piece - mask
        theirs = self.context.exchange("reshare", {other: masked}, {other: piece.shape})[other]
        return [np.stack([mask, masked + theirs] if self.me == a else [masked + theirs, mask])]


class TwoHops(Replicated):
    """One pair's permutation is left out: the other two meet in one party, who then knows the whole order."""

    def shuffle(self, columns):
        for a in (0, 1):
            self._permute_by_pair(a, columns)
        return [share for share, _ in columns]


class OpenPlanes(Replicated):
    """The first summand of an adder is shared without a mask."""

    def input(self, owner, value, shape, *, binary):
        if not binary:
            return super().input(owner, value, shape, binary=binary)
        share = self.zeros(shape, binary=binary)
        if self.me == owner:
            share[0] = value
            self.context.exchange("input", {self.previous: share[0]}, {})
        elif self.previous != owner:
            share[1] = self.context.exchange("input", {}, {owner: shape})[owner]
        return share


def test_a_hop_left_out_is_caught():
    shown = Program("shuffle and reveal", (0, 0), ROWS.run, to=(1,))
    with pytest.raises(LeakError):
        check_views(TwoHops, 3, shown, choices=CHOICES, chosen=swapping)


def test_an_open_summand_is_caught(two_bit_words):
    with pytest.raises(LeakError):
        check_views(OpenPlanes, 3, CONVERSIONS[2])


PLANTED = [
    (NoMask, PRODUCT),
    (NoMask, AND),
    (OneStream, PRODUCT),
    (BiasedMask, AND),
    (ReusedMask, PROGRAMS[7]),
    (MaskOneBitShort, PRODUCT),
    (OpenInput, PROGRAMS[0]),
    (OpenInput, PROGRAMS[1]),
    (InputToNext, PROGRAMS[0]),
    (WrongReceiver, PROGRAMS[2]),
    (WrongReceiver, PROGRAMS[3]),
    (OpenConversion, PROGRAMS[10]),
    (SameMaskForBoth, PROGRAMS[10]),
]


def look_at(protocol, program):
    return check_views(protocol, 3, program, least_lanes=MANY[program.binary])


@pytest.mark.parametrize(("bug", "program"), PLANTED, ids=lambda value: value.name if isinstance(value, Program) else value.__name__)
def test_a_planted_bug_is_caught(bug, program):
    with pytest.raises(LeakError, match="depends on inputs"):
        look_at(bug, program)
