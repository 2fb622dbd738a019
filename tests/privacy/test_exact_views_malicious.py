"""`replicated-malicious`, all tapes and inputs over tiny rings: a party sees nothing that it must not, in checks neither.

Tags and coins are left out: a party hears tags of what it knows, and coins that have nothing to do with secrets.
"""

import numpy as np
import pytest

from ramp_notebook.protocols import buckets, replicated_malicious, summands
from ramp_notebook.protocols.buckets import BITS, RING, Batch, Lists
from ramp_notebook.protocols.replicated_malicious import ReplicatedMalicious
from ramp_notebook.testing.tape import TapeStream
from ramp_notebook.testing.views import LeakError, Program, check_views
from ramp_notebook.values import ring

ALL = (0, 1, 2)


class OnTape(ReplicatedMalicious):
    """Confirms without a word, and draws what can be drawn again from the tape."""

    def __init__(self, context, kept=None):
        super().__init__(context, kept)
        self.checks.confirm = lambda check, fine: None
        self.keys_drawn = 0

    def compare(self): ...

    def fresh_key_with(self, peer):
        self.keys_drawn += 1
        return (tuple(sorted((self.me, peer))), "again", (self.keys_drawn + 1) // 2)

    def stream_of(self, key):
        return TapeStream(self.context._tape, key, self.context._symbols)


def checked(domain):
    """The product of two secrets is made, and compared with one triple."""

    def run(p, s):
        p.conjunction(*s) if domain.binary else p.multiply(*s)
        batch = Batch(p, p.checks, domain, np.concatenate(p.unchecked[domain], axis=1))
        batch.make_triples()
        batch.open_and_check(None)

    return run


def put_one_triple_beside_each_lane(monkeypatch):
    monkeypatch.setattr(buckets, "cheapest_lists", lambda products, bits: Lists(1, products))
    for module, name in ((buckets, "BLOCK"), (ring, "BLOCK"), (replicated_malicious, "COPIED_WORDS")):
        monkeypatch.setattr(module, name, 1 << 24)
    monkeypatch.setattr(Batch, "_turns", lambda self, coin: [0])
    monkeypatch.setattr("ramp_notebook.protocols.checks.LEAST_BITS", 0)


@pytest.fixture(autouse=True)
def one_triple_beside_each_lane(monkeypatch):
    put_one_triple_beside_each_lane(monkeypatch)


def look_at(protocol, program):
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_one_triple_beside_each_lane(monkeypatch)
        return check_views(protocol, 3, program)


CHECKS = [Program("check of a product", (0, 1), checked(RING)), Program("check of an AND", (0, 1), checked(BITS), binary=True)]
PROGRAMS = [
    *CHECKS,
    Program("reveal to one", (0, 1), lambda p, s: (s[0] + s[1], False), to=(2,), symbols=4),
    Program("multiply", (0, 1), lambda p, s: (p.multiply(*s), False), to=ALL),
    Program("conjunction", (0, 1), lambda p, s: (p.conjunction(*s), True), binary=True, to=ALL),
    Program("bits_to_ring", (0, 1), lambda p, s: (p.bits_to_ring(s[0] ^ s[1], 64 * s[0].shape[-1]), False), binary=True, to=(1,)),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_views_do_not_depend_on_what_they_must_not(program):
    assert check_views(OnTape, 3, program) >= 256


@pytest.mark.parametrize("name", ["sign", "is_zero", "to_binary"])
def test_conversions_of_two_bit_words_show_nothing(name, monkeypatch):
    monkeypatch.setattr(summands, "WORD", 2)
    program = Program(name, (0,), lambda p, s: (getattr(p, name)(s[0]), True), to=(), symbols=4)
    assert check_views(OnTape, 3, program) >= 256


def test_a_way_back_from_a_bit_shows_nothing(monkeypatch):
    monkeypatch.setattr(summands, "WORD", 1)
    monkeypatch.setattr(OnTape, "verify", lambda self: None)
    back = Program("there and back", (0, 2), lambda p, s: (p.to_arithmetic(p.to_binary(s[0] + s[1])), False), to=ALL)
    assert check_views(OnTape, 3, back) >= 256


# -- planted bugs ------------------------------------------------------------------------------------------------------


class OneMaskForBoth(OnTape):
    """x and y are masked by the same number."""

    def fresh_key_with(self, peer):
        return (tuple(sorted((self.me, peer))), "again", 1)


class NoMask(OnTape):
    """The second factor is opened as it is."""

    def stream_of(self, key):
        stream = super().stream_of(key)
        if key[-1] % 2 == 0:
            stream.words = lambda shape: np.zeros(shape, np.uint64)
        return stream


class MaskTwiceTheNumber(OnTape):
    """Masks are even."""

    def stream_of(self, key):
        stream = super().stream_of(key)
        words = stream.words
        stream.words = lambda shape: words(shape) * np.uint64(2)
        return stream


PLANTED = [
    (OneMaskForBoth, CHECKS[0]),
    (OneMaskForBoth, CHECKS[1]),
    (NoMask, CHECKS[0]),
    (NoMask, CHECKS[1]),
    (MaskTwiceTheNumber, CHECKS[0]),
]


@pytest.mark.parametrize(("bug", "program"), PLANTED, ids=lambda value: value.name if isinstance(value, Program) else value.__name__)
def test_a_planted_bug_is_caught(bug, program):
    with pytest.raises(LeakError, match="depends on inputs"):
        look_at(bug, program)
