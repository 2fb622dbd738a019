"""Additive sharing, all tapes and inputs over tiny rings: all parties but one see nothing that they must not."""

import numpy as np
import pytest
from privacy.taped import OnTape

from ramp_notebook.testing.views import LeakError, Program, check_views


def arithmetic(name, run, owners=(0, 1), to=(0, 1), symbols=2):
    return Program(name, owners, run, to=to, symbols=symbols)


def binary(name, run, owners=(0, 1), to=(0, 1)):
    return Program(name, owners, run, binary=True, to=to)


INPUT = arithmetic("input", lambda p, s: None, symbols=4)
ONE = arithmetic("reveal to one", lambda p, s: (s[0] + s[1], False), to=(1,), symbols=4)
PRODUCT = arithmetic("multiply", lambda p, s: (p.multiply(*s), False))
AND = binary("conjunction", lambda p, s: (p.conjunction(*s), True))
TWO_PRODUCTS = arithmetic("two products", lambda p, s: (p.multiply(p.multiply(*s), s[0]), False))
CONVERSION = binary("bits_to_ring", lambda p, s: (p.bits_to_ring(s[0] ^ s[1], 64 * s[0].shape[-1]), False))
PROGRAMS = [
    INPUT,
    binary("input bits", lambda p, s: None),
    ONE,
    PRODUCT,
    arithmetic("a product that stays secret", lambda p, s: (p.multiply(*s), False), to=()),
    AND,
    binary("a conjunction that stays secret", lambda p, s: (p.conjunction(*s), True), to=()),
    CONVERSION,
    binary("a converted bit that stays secret", CONVERSION.run, to=()),
    arithmetic("random", lambda p, s: (p.random(s[0].shape[1:], binary=False) + s[0], False), owners=(0,)),
]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_all_parties_but_one_learn_nothing(program, count):
    assert check_views(OnTape, count, program) >= 256


@pytest.mark.parametrize("program", [PRODUCT, AND, ONE, CONVERSION], ids=lambda program: program.name)
def test_one_of_three_learns_nothing(program):
    assert check_views(OnTape, 3, program, coalitions=[(0,), (1,), (2,)]) >= 256


def test_two_products_in_a_row_learn_nothing():
    assert check_views(OnTape, 2, TWO_PRODUCTS) >= 256


# -- planted bugs: each must be caught, or the checks above are blind --------------------------------------------------


class ReusedTriple(OnTape):
    """Every product takes the first one's triple."""

    def __init__(self, context, kept=None):
        super().__init__(context, kept)
        fresh, first = self.supply.triples, {}
        self.supply.triples = lambda count: first.setdefault("triple", first.get("triple") or fresh(count))


class OpenFactor(OnTape):
    """x is opened without the triple's a."""

    def _open(self, tag, mine, operation):
        if tag in ("multiply", "and"):
            mine = np.stack([self.factor, mine[1]])
        return super()._open(tag, mine, operation)

    def multiply(self, x, y):
        self.factor = x[0]
        return super().multiply(x, y)

    def conjunction(self, x, y):
        self.factor = x[0]
        return super().conjunction(x, y)


class OneMaskForBoth(OnTape):
    """d and e are masked by the same number."""

    def __init__(self, context, kept=None):
        super().__init__(context, kept)
        fresh, bits = self.supply.triples, self.supply.bit_triples
        self.supply.triples = lambda count: (lambda a, b, c: (a, a, c))(*fresh(count))
        self.supply.bit_triples = lambda count: (lambda a, b, c: (a, a, c))(*bits(count))


class MaskTwiceTheNumber(OnTape):
    """a is even: the mask is one bit short."""

    def __init__(self, context, kept=None):
        super().__init__(context, kept)
        fresh = self.supply.triples
        self.supply.triples = lambda count: (lambda a, b, c: (a + a, b, c + c))(*fresh(count))


class BiasedBits(OnTape):
    """The bits that mask are zero three times in four."""

    def __init__(self, context, kept=None):
        super().__init__(context, kept)
        fresh = self.supply.bit_triples
        self.supply.bit_triples = lambda count: (lambda a, b, c: (a & b, b, c))(*fresh(count))


class NoDaBit(OnTape):
    """The bits to convert are opened as they are."""

    def bits_to_ring(self, bits, n):
        self._open("bits", bits[0], np.bitwise_xor)
        return super().bits_to_ring(bits, n)


class OpenInput(OnTape):
    """The others' shares of an input are zero, and the owner's is shown."""

    def input(self, owner, value, shape, *, binary):
        value = value if value is not None else np.zeros(shape, np.uint64)
        sends = dict.fromkeys(self.peers, value) if self.me == owner else {}
        self.context.exchange("input", sends, {owner: shape} if self.me != owner else {})
        return value.reshape(1, *shape)


class WrongReceiver(OnTape):
    """A value meant for one is shown to all."""

    def reveal(self, x, to, *, binary):
        value = super().reveal(x, range(self.context.count), binary=binary)
        return value if self.me in to else None


PLANTED = [
    (ReusedTriple, arithmetic("two products of one factor", lambda p, s: (p.multiply(*s) + p.multiply(s[0], s[1] + s[0]), False), to=())),
    (OpenFactor, PRODUCT),
    (OpenFactor, AND),
    (OneMaskForBoth, PRODUCT),
    (OneMaskForBoth, AND),
    (MaskTwiceTheNumber, PRODUCT),
    (BiasedBits, AND),
    (NoDaBit, binary("a number that stays secret", CONVERSION.run, to=())),
    (OpenInput, INPUT),
    (WrongReceiver, ONE),
]


def look_at(protocol, program):
    return check_views(protocol, 2, program)


@pytest.mark.parametrize(("bug", "program"), PLANTED, ids=lambda value: value.name if isinstance(value, Program) else value.__name__)
def test_a_planted_bug_is_caught(bug, program):
    with pytest.raises(LeakError, match="depends on inputs"):
        look_at(bug, program)
