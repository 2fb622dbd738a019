"""Replicated sharing's truncation, and circuits that are cut into several pieces: all tapes and inputs over words of two bits."""

from unittest import mock

import numpy as np
import pytest

from ramp_notebook.protocols import circuits, replicated
from ramp_notebook.protocols.replicated import Replicated
from ramp_notebook.testing.views import LeakError, Program, check_views

ALL = (0, 1, 2)
TAPES = 4


def look_at(protocol, program, **options):
    """At words of two bits."""
    with mock.patch.object(replicated, "WORD", 2):
        return check_views(protocol, 3, program, own_tapes=TAPES, **options)


class OnTop(Replicated):
    """Number and mask in the top three bits of words of 64, of which the lowest is truncated: all else is as in words of 64.

    What is opened is noted by its top three bits: views hold low ones.
    """

    bits_of_mask = 3

    def input(self, owner, value, shape, *, binary):
        return super().input(owner, value, shape, binary=binary) << np.uint64(61)

    def truncate_probabilistic(self, x, bits):
        context, exchange, stream, drawn = self.context, self.context.exchange, self.context.stream, []

        def noting(tag, *args, **options):
            reply = exchange(tag, *args, **options)
            if tag == "open masked":
                context.received += [masked >> np.uint64(61) for masked in reply.values()]
            return reply

        def first_on_top(peer):
            drawn.append(peer)
            return Masked(stream(peer), 61, self.bits_of_mask) if self.me != 1 and len(drawn) == 1 else stream(peer)

        context.exchange, context.stream = noting, first_on_top
        try:
            return super().truncate_probabilistic(x, bits)
        finally:
            context.exchange, context.stream = exchange, stream


class Masked:
    """A stream whose symbols stand in the top bits, of which only so many from below are random."""

    def __init__(self, stream, shift, bits):
        self.stream, self.shift, self.kept = stream, np.uint64(shift), np.uint64((1 << bits) - 1)

    def words(self, shape):
        return (self.stream.words(shape) & self.kept) << self.shift


# Of exact truncation, only `x >> bits` reads more than a small word of a share; that is local, and so no part of a view.
def truncated(owner):
    return Program("truncate", (owner,), lambda p, s: (p.truncate(s[0], 1), False), symbols=4)


def probably_truncated(owner):
    return Program("truncate_probabilistic", (owner,), lambda p, s: (p.truncate_probabilistic(s[0], 62), False), symbols=8)


@pytest.mark.parametrize("owner", ALL)
def test_exact_truncation_shows_nothing(owner):
    assert look_at(Replicated, truncated(owner)) >= 256


@pytest.mark.parametrize("owner", ALL)
def test_probabilistic_truncation_shows_nothing(owner):
    assert look_at(OnTop, probably_truncated(owner)) >= 256


# -- circuits in pieces ------------------------------------------------------------------------------------------------


def both(s):
    """Two numbers a lane: their planes are cut between them."""
    return np.concatenate([s[0], s[0] + s[1]], axis=1)


def less(p, s):
    """Words of two bits, two a lane, whose planes are inputs."""
    x, y = (np.stack([np.concatenate([s[i], s[j]], axis=1), np.concatenate([s[j], s[i]], axis=1)], axis=1) for i, j in ((0, 1), (2, 1)))
    return p.planes_are_less(x, y)


IN_PIECES = [
    Program("sign", (0, 2), lambda p, s: (p.sign(both(s)), True), to=ALL, symbols=4, cut=True),
    Program("a sign that stays secret", (0, 1), lambda p, s: (p.sign(both(s)), True), symbols=4, cut=True),
    Program("to_binary", (1, 2), lambda p, s: (p.to_binary(both(s)), True), symbols=4, cut=True),
    Program("less", ALL, lambda p, s: (less(p, s), True), to=(1,), binary=True, cut=True),
    Program("less, which stays secret", ALL, lambda p, s: (less(p, s), True), binary=True, cut=True),
]
FEW, MANY = 1 << 8, 1 << 16  # lanes; of many, products are streamed while their factors are made


@pytest.mark.parametrize("lanes", [FEW, MANY], ids=["few", "many"])
@pytest.mark.parametrize("program", IN_PIECES, ids=lambda program: program.name)
def test_circuits_in_pieces_show_nothing(program, lanes, monkeypatch):
    cut = []
    pieces = circuits.pieces
    monkeypatch.setattr(circuits, "pieces", lambda planes: cut.append(list(pieces(planes))) or iter(cut[-1]))
    assert look_at(Replicated, program, least_lanes=lanes) >= 256
    assert {2} == {len(each) for each in cut}


# -- planted bugs: each must be caught, or the checks above are blind --------------------------------------------------


class BareQuotient(Replicated):
    """Party 0 shares the quotient of its two shares without a mask."""

    def input(self, owner, value, shape, *, binary):
        if binary or "truncating" not in self.kept:
            return super().input(owner, value, shape, binary=binary)
        share = self.zeros(shape, binary=binary)
        if self.me == 0:
            share[0] = value
        received = self.context.exchange("input", {2: value} if self.me == 0 else {}, {0: shape} if self.me == 2 else {})
        if self.me == 2:
            share[1] = received[0]
        return share

    def truncate(self, x, bits):
        self.kept["truncating"] = True
        return super().truncate(x, bits)


class MaskOneBitShort(OnTop):
    """The top bit of what is opened to party 1 is not masked."""

    bits_of_mask = 2


class FirstMask(Replicated):
    """Every piece of a circuit, at every level, takes the mask of the first one."""

    def conjunction(self, x, y):
        context = self.context
        stream = context.stream
        context.stream = lambda peer: Repeated(stream(peer), context._tape.lanes // 64, self.kept.setdefault(peer, []))
        try:
            return super().conjunction(x, y)
        finally:
            context.stream = stream


class Repeated:
    """A stream that repeats its first words."""

    def __init__(self, stream, words, first):
        self.stream, self.count, self.first = stream, words, first

    def words(self, shape):
        if not self.first:
            self.first.append(self.stream.words((self.count,)))
        return np.tile(self.first[0], int(np.prod(shape)) // self.count).reshape(shape)


PLANTED = [
    (BareQuotient, truncated(1)),
    (MaskOneBitShort, probably_truncated(0)),
    (MaskOneBitShort, probably_truncated(2)),
    (FirstMask, IN_PIECES[1]),
    (FirstMask, IN_PIECES[4]),
]


@pytest.mark.parametrize(("bug", "program"), PLANTED, ids=lambda value: value.name if isinstance(value, Program) else value.__name__)
def test_a_planted_bug_is_caught(bug, program):
    with pytest.raises(LeakError, match="depends on inputs"):
        look_at(bug, program)
