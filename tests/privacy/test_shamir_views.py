"""Shamir's primitives on all tapes and inputs, numbers in the field of five elements; at full size, statistics of joint views."""

import numpy as np
import pytest
from privacy.joint import bits_of, largest_difference, views
from privacy.tiny_field import numbers_modulo

from ramp_notebook.protocols.shamir import Shamir
from ramp_notebook.testing.views import LeakError, Program, check_views
from ramp_notebook.values import field


@pytest.fixture
def five(monkeypatch):
    numbers_modulo(5, monkeypatch)


def bits(name, run, owners=(0, 1), to=(0, 1, 2)):
    return Program(name, owners, run, binary=True, to=to)


def numbers(name, run, owners=(0, 1), to=(0, 1, 2)):
    return Program(name, owners, run, to=to, symbols=5)


BITS = [
    bits("input", lambda p, s: None, owners=(0, 1, 2)),
    bits("reveal", lambda p, s: (s[0] ^ s[1], True), to=(2,)),
    bits("and", lambda p, s: (p.conjunction(*s), True)),
    bits("two ANDs in a row", lambda p, s: (p.conjunction(p.conjunction(s[0], s[1]), s[0]), True)),
    bits("random", lambda p, s: (p.random(s[0].shape[1:], binary=True) ^ s[0], True), owners=(0,)),
]
NUMBERS = [
    numbers("input", lambda p, s: None, owners=(0, 1, 2)),
    numbers("reveal", lambda p, s: (p.add(*s), False), to=(2,)),
    numbers("multiply", lambda p, s: (p.multiply(*s), False)),
    numbers("a product that stays secret", lambda p, s: (p.multiply(*s), False), to=()),
    numbers("random", lambda p, s: (p.add(p.random(s[0].shape[1:], binary=False), s[0]), False), owners=(0,)),
]


@pytest.mark.parametrize("program", BITS, ids=lambda program: program.name)
def test_views_of_bits_do_not_depend_on_what_they_must_not(program):
    assert check_views(Shamir, 3, program) >= 256


@pytest.mark.parametrize("count", [4, 5])
def test_bits_among_more_parties(count):
    assert check_views(Shamir, count, BITS[1]) >= 256


@pytest.mark.parametrize("program", NUMBERS, ids=lambda program: program.name)
def test_views_of_numbers_do_not_depend_on_what_they_must_not(program, five):
    assert check_views(Shamir, 3, program) >= 256


def test_numbers_among_four_parties(five):
    assert check_views(Shamir, 4, NUMBERS[1]) >= 256


# -- planted bugs ------------------------------------------------------------------------------------------------------


class Unreduced(Shamir):
    """A product is revealed from its polynomial of degree 2t, not dealt anew."""

    def reveal(self, x, to, *, binary):
        pieces = {peer: self.numbers.piece(x, range(3)) for peer in range(3) if peer != self.me}
        return self.numbers.add_up([self.numbers.piece(x, range(3)), *self.context.exchange("reveal", pieces, dict.fromkeys(pieces, x.shape[1:])).values()])


def test_a_product_revealed_without_reducing_its_degree_is_caught(five):
    with pytest.raises(LeakError):
        check_views(Unreduced, 3, numbers("unreduced", lambda p, s: (field.multiply(*s), False)))


def test_a_dealer_without_randomness_is_caught(five, monkeypatch):
    monkeypatch.setattr("ramp_notebook.protocols.polynomial_fields.PrimeSharing.draw", lambda self, stream, shape: np.zeros((1, *shape), np.uint64))
    with pytest.raises(LeakError):
        check_views(Shamir, 3, NUMBERS[0])


def test_bits_reshared_without_a_zero_are_caught(monkeypatch):
    def bare(self, tag, piece, shape):
        return self._share(piece, self.context.exchange(tag, {self.previous: piece}, {self.next: shape})[self.next])

    monkeypatch.setattr("ramp_notebook.protocols.polynomial_fields.BitsOfThree.reshare", bare)
    with pytest.raises(LeakError):
        check_views(Shamir, 3, bits("a product that stays secret", lambda p, s: (p.conjunction(*s), True), to=()))


# -- full size: no bit and no pair of bits that one party sees tells two worlds of inputs apart -------------------------

LANES = 2048
WORLDS = np.zeros(LANES, np.uint64), np.full(LANES, (1 << 58) - 1, np.uint64)

CONVERSIONS = {
    "sign": lambda p, z: p.sign(z),
    "is_zero": lambda p, z: p.is_zero(z),
    "truncate": lambda p, z: p.truncate(z, 16),
    "truncate_probabilistic": lambda p, z: p.truncate_probabilistic(z, 16),
    "to_binary": lambda p, z: p.to_binary(z),
    "bits_to_ring": lambda p, z: p.bits_to_ring(p.sign(z), LANES),
    "shuffle": lambda p, z: p.shuffle([(z, False), (z, False)]),
}


def worlds_apart(protocol, program, party):
    """The sum of a party's zero and of another's input, which differs between the worlds, goes through `program`."""
    seen = []
    for theirs in WORLDS:
        owned = sorted([((party + 1) % 3, theirs), (party, WORLDS[0])], key=lambda each: each[0])

        def run(engine, owned=owned):
            reveal = engine.bits.reveal

            def told(share, to):  # a value that becomes public on the way is part of the view
                engine.context.seen.append(reveal(share, to))
                return engine.context.seen[-1].copy()

            engine.bits.reveal = told
            shares = [engine.input(owner, values if engine.me == owner else None, (LANES,), binary=False) for owner, values in owned]
            return program(engine, engine.add(*shares))

        seen.append(bits_of(views(protocol, 3, run)[party], LANES))
    return largest_difference(*seen)


@pytest.mark.parametrize("party", range(3))
@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_party_cannot_tell_two_worlds_apart(name, party):
    apart, threshold = worlds_apart(Shamir, CONVERSIONS[name], party)
    if apart > threshold:  # once in a million by chance: then not twice
        apart, threshold = worlds_apart(Shamir, CONVERSIONS[name], party)
    assert apart <= threshold


class KnownMask(Shamir):
    """What hides a number on its way from bits is zero."""

    def _number_of(self, planes, n):
        self.numbers.random = lambda shape: self.zeros(shape, binary=False)
        return super()._number_of(planes, n)


@pytest.mark.parametrize(("protocol", "told"), [(Shamir, False), (KnownMask, True)])
def test_a_number_is_hidden_on_its_way_from_bits_and_a_mask_of_zeros_caught(protocol, told):
    apart, threshold = worlds_apart(protocol, lambda p, z: p.to_arithmetic(p.to_binary(z)), 2)
    assert told == (apart > threshold)
