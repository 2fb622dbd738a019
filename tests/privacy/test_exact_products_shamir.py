"""Shamir's products among five parties of whom two may be curious: all coalitions, modulo 7 and on bits.

For some tapes of a coalition's own, all that the others draw and all inputs are enumerated. One factor is the coalition's:
for each of its values its view must be the same whatever the other factor. Products of many numbers through kings draw more than can
be enumerated: tests/protocols/test_shamir_privacy.py looks at them.
"""

import itertools

import numpy as np
import pytest
from privacy.tiny_field import numbers_modulo

from ramp_notebook.protocols import polynomials
from ramp_notebook.protocols.polynomial_fields import BitSharing, PrimeSharing
from ramp_notebook.protocols.polynomials import Sharing
from ramp_notebook.protocols.shamir import Shamir
from ramp_notebook.testing.views import LeakError, Program, check_views

PARTIES, TAPES = 5, 2
COALITIONS = list(itertools.combinations(range(PARTIES), 2))


def product(coalition, binary, to):
    """Of a number of the first party beyond the coalition, and of the coalition's."""
    honest = min(set(range(PARTIES)) - set(coalition))
    if binary:
        return Program("and", (honest, coalition[1]), lambda p, s: (p.conjunction(*s), True), binary=True, to=to)
    return Program("multiply", (honest, coalition[1]), lambda p, s: (p.multiply(*s), False), to=to, symbols=7)


def check(coalition, binary, to=(), tapes=TAPES):
    return check_views(Shamir, PARTIES, product(coalition, binary, to), [coalition], own_tapes=tapes)


@pytest.fixture(autouse=True)
def without_kings(monkeypatch):
    """However many lanes, products take one round: kings would each get a part of the lanes."""
    monkeypatch.setattr(polynomials, "A_ROUND", 1 << 40)


@pytest.fixture
def seven(monkeypatch):
    numbers_modulo(7, monkeypatch)


@pytest.mark.parametrize("revealed", [False, True])
@pytest.mark.parametrize("coalition", COALITIONS)
def test_two_of_five_learn_nothing_from_an_and(coalition, revealed):
    assert check(coalition, True, coalition if revealed else ()) >= 256


@pytest.mark.parametrize("coalition", COALITIONS)
def test_two_of_five_learn_nothing_from_a_product(coalition, seven):
    assert check(coalition, False, tapes=1) >= 256


# -- planted bugs: each must be caught, or the checks above are blind --------------------------------------------------


def bare(self, tag, piece, shape):
    """All tell their pieces of a product as they are."""
    sends = {} if piece is None else {peer: piece for peer in range(self.count) if peer != self.me}
    replies = self.context.exchange(tag, sends, dict.fromkeys((peer for peer in self.multiplying if peer != self.me), shape))
    total = self.add_up([piece.reshape(1, *shape), *(reply.reshape(1, *shape) for reply in replies.values())])
    return self.combine([], [], 1, total[0])


def line(self, tag, dealers, value, shape):
    """Polynomials of degree one: a party knows the other coefficient's other point."""
    self.t -= 1
    try:
        return self._deal(tag, dealers, value, shape, self.t)
    finally:
        self.t += 1


@pytest.mark.parametrize("binary", [False, True])
def test_pieces_told_as_they_are_are_caught(binary, seven, monkeypatch):
    monkeypatch.setattr(Sharing, "reshare", bare)
    with pytest.raises(LeakError):
        check((0, 1), binary, tapes=1)


@pytest.mark.parametrize("binary", [False, True])
def test_polynomials_of_too_low_a_degree_are_caught(binary, seven, monkeypatch):
    monkeypatch.setattr(Sharing, "deal", line)
    with pytest.raises(LeakError):
        check((3, 4), binary, tapes=1)


@pytest.mark.parametrize(("binary", "sharing"), [(False, PrimeSharing), (True, BitSharing)])
def test_a_dealer_that_draws_zeros_is_caught(binary, sharing, seven, monkeypatch):
    drawn = sharing.draw
    monkeypatch.setattr(sharing, "draw", lambda self, stream, shape: np.zeros_like(drawn(self, stream, shape)))
    with pytest.raises(LeakError):
        check((2, 3), binary, tapes=1)
