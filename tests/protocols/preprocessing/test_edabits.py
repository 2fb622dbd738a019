"""edaBits by cutting and choosing: at the stated cost, no message can be bent, and each step of the check is there for something."""

import math

import numpy as np
import pytest
from authenticated_parties import bent, caught, flip, flip_for_one, living
from parties_in_threads import Group, sent_bytes

from ramp_notebook.protocols.planes import from_planes, to_planes
from ramp_notebook.protocols.preprocessing import private_bits, private_edabits
from ramp_notebook.protocols.preprocessing.authenticated_transfers import AuthenticatedTransfers
from ramp_notebook.protocols.preprocessing.authentication import Authenticator
from ramp_notebook.protocols.preprocessing.private_edabits import LEAST_BITS, OPENED_WORDS, hiding_each, missed_bits
from ramp_notebook.values.streams import Stream, fresh_key
from ramp_notebook.values.universal import multiply, multiply_planes

KIND = ("edabits", 64)


def test_planes_of_elements_multiply_as_elements_do():
    x, y = (Stream(fresh_key()).words(64) for _ in range(2))
    x[:3], y[:2] = [0, 1, 2**64 - 1], [2**64 - 1, 2**64 - 1]
    product = from_planes(multiply_planes(to_planes(x), to_planes(y)), 64)
    assert [multiply(int(a), int(b)) for a, b in zip(x, y, strict=True)] == product.tolist()


# -- cost --------------------------------------------------------------------------------------------------------------


def test_edabits_cost_what_their_docstrings_say():
    words, bits = 16, 64
    _, trace = living(2).make(KIND, words)
    count, each = 64 * words, hiding_each(words, 49)
    drawn, sums = count * (each + 1) + 64 * OPENED_WORDS, count * each
    assert 5 == each
    assert (drawn + 1) * 2048 / 8 == sent_bytes(trace, 0, ["vole"])
    assert (sums + 64 * OPENED_WORDS) * 128 / 8 == sent_bytes(trace, 0, ["edabits"])
    assert sums * (bits - 1) / 8 == sent_bytes(trace, 0, ["carries"])
    assert 2 * (bits - 1) * count / 8 == sent_bytes(trace, 0, ["edabit_sums"])
    private = sum(m.payload_bytes for m in trace.messages if m.sender == 0 and "bit_triples" not in trace.span_path(0, m.span))
    assert private < 1.02 * (drawn * (31 * bits + 2048) + sums * (32 * bits + 128) + 2 * bits * count) / 8
    assert 8 * sent_bytes(trace, 0) < 100_000 * count  # 64 daBits would be 75 kbit each


def test_there_are_as_many_hiding_ones_as_there_must_be():
    for words in (1, 2, 3, 16, 64, 500):
        assert LEAST_BITS <= missed_bits(words, hiding_each(words))
        assert LEAST_BITS > missed_bits(words, hiding_each(words) - 1)
    assert [7, 6, 5, 4, 4] == [hiding_each(words) for words in (1, 2, 16, 64, 500)]


@pytest.mark.parametrize(("words", "each"), [(1, 1), (1, 7), (3, 6)])
def test_the_bound_is_that_of_counting(words, each):
    """To spoil one, or all, is best: of all sets of m · each hiding ones, the one that goes to the m that are wrong."""
    count = 64 * words
    chances = [1 / math.comb(count * each + 64, m * each) for m in range(1, count + 1)]
    assert math.isclose(-math.log2(max(chances)), missed_bits(words, each), abs_tol=1e-6)


# -- cheating ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["carries", "edabits", "private_ands", "edabit_sums"])
@pytest.mark.parametrize("parties", [2, 3])
def test_a_bent_message_ends_it_before_items_are_handed_out(tag, parties):
    results, _ = bent(Group(parties), KIND, tag, flip)
    assert all(caught(result) for result in results[1:]), results


@pytest.mark.parametrize("nth", [0, 1])
def test_numbers_that_are_opened_and_sums_are_both_checked(nth):
    assert caught(bent(Group(2), KIND, "edabits", flip, nth=nth)[0][1])


def test_carries_of_short_edabits_are_opened_under_macs():
    assert caught(bent(Group(2), ("edabits", 3), "edabit_carries", flip)[0][1])


@pytest.mark.parametrize("tag", ["carries", "edabits", "edabit_sums"])
def test_two_stories_are_compared(tag):
    results, _ = bent(Group(3), KIND, tag, flip_for_one)
    assert all(caught(result) for result in results[1:])


def test_what_is_opened_of_short_ones_is_uniform_all_the_same():
    """A sum of two of three bits would tell what they are: of 0 and 14 all."""
    opened = []

    def listen(sends):
        opened.extend(sends[1][0] >> np.uint64(4))
        return sends

    assert not caught(bent(Group(2), ("edabits", 3), "edabits", listen, nth=1)[0][1])
    assert 64 * hiding_each(1, 49) == len(opened) == len(set(opened))


class Liar(Authenticator):
    """Inputs another number than its bits make, in so many of its edaBits, and goes on as the protocol says."""

    wrong, by = 1, 1

    def numbers(self, owners, numbers):
        if len(numbers[0]) > 64 and self.context.index == 0:
            numbers = numbers.copy()
            numbers[0, : self.wrong] += np.uint64(self.by)
        return super().numbers(owners, numbers)


def lie(monkeypatch, kind=KIND, wrong=1, by=1):
    monkeypatch.setattr(Liar, "wrong", wrong)
    monkeypatch.setattr(Liar, "by", by)
    it = living(2)
    sources = [AuthenticatedTransfers(keys) for keys in it.keys]
    sources[0]._maker = Liar(it.keys[0])
    results, _ = bent(Group(2), kind, "nothing", flip, sources=sources)
    return results


@pytest.mark.parametrize("by", [1, 2**63])
@pytest.mark.parametrize("wrong", [1, 100])
def test_a_number_that_its_bits_do_not_make_is_noticed(monkeypatch, wrong, by):
    assert all(caught(result) for result in lie(monkeypatch, wrong=wrong, by=by))


def test_a_number_with_a_bit_too_high_is_noticed(monkeypatch):
    assert all(caught(result) for result in lie(monkeypatch, ("edabits", 3), by=64))


def test_a_batch_that_is_wrong_throughout_is_noticed_by_the_opened_ones(monkeypatch):
    assert all(caught(result) for result in lie(monkeypatch, wrong=64 * (hiding_each(1, 49) + 1 + OPENED_WORDS)))


# -- planted bugs ------------------------------------------------------------------------------------------------------


def spoiled(results):
    """Whether a number and its bits differ."""
    it = living(2)
    numbers, planes = zip(*results, strict=True)
    low = it.number(numbers)[0]
    return not np.array_equal(from_planes(it.bits(planes)[0][:, None], 64), low[0])


def test_without_the_buckets_a_wrong_private_edabit_passes(monkeypatch):
    monkeypatch.setattr(private_edabits, "_check_buckets", lambda *_: None)
    assert spoiled(lie(monkeypatch, wrong=300))


def test_without_the_proof_wrong_carries_pass_and_hide_a_wrong_number(monkeypatch):
    """Carries that are what sums need them to be make any number fit any bits."""
    honest = private_edabits.private_bits

    def fitting(maker, tag, wanted):
        if maker.context.index == 0:
            x, y, total = fitting.planes
            wanted = (x ^ y ^ total)[1:]
        return honest(maker, tag, wanted)

    def sums(maker, x, y):
        if maker.context.index == 0:
            total = x.numbers[0][0] + y.numbers[0][0]
            fitting.planes = x.bits.own, y.bits.own, to_planes(total)
        return honest_sums(maker, x, y)

    honest_sums = private_edabits._sums
    monkeypatch.setattr(private_edabits, "private_bits", fitting)
    monkeypatch.setattr(private_edabits, "_sums", sums)
    with pytest.MonkeyPatch.context() as once:  # the proof is what notices them
        assert all(caught(result) for result in lie(once, wrong=64, by=2))
    monkeypatch.setattr(private_edabits, "prove_products", lambda *_: None)
    assert spoiled(lie(monkeypatch, wrong=64, by=2))


def test_without_the_opened_ones_a_batch_that_is_wrong_throughout_passes(monkeypatch):
    """+2^63 at each: in every sum of two it is gone."""
    monkeypatch.setattr(private_edabits, "OPENED_WORDS", 0)
    monkeypatch.setattr(private_edabits, "hiding_each", lambda *_: 1)
    monkeypatch.setattr(private_edabits, "missed_bits", lambda *_: 48)
    assert spoiled(lie(monkeypatch, wrong=128, by=2**63))


def test_without_the_macs_of_what_owners_say_anything_passes(monkeypatch):
    monkeypatch.setattr(private_edabits.Openings, "verify", lambda self: None)
    assert not caught(bent(Group(2), KIND, "edabits", flip, nth=1)[0][1])


def test_a_wrong_and_is_noticed_by_whom_it_is_proven_to(monkeypatch):
    """Of 64 · 63 ANDs one is wrong, in the owner's head alone."""
    honest = private_bits.private_bits

    def once(maker, tag, wanted):
        if maker.context.index == 0:
            wanted = wanted.copy()
            wanted[7, 0] ^= np.uint64(1 << 9)
        return honest(maker, tag, wanted)

    monkeypatch.setattr(private_edabits, "private_bits", once)
    monkeypatch.setattr(private_edabits, "_say", lambda *_: None)
    assert all(caught(result) for result in bent(Group(3), KIND, "nothing", flip)[0])
