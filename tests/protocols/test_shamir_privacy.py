"""What belongs to Shamir's sharing: degrees of polynomials, shares that say nothing, masks that are fresh. Planted bugs are caught."""

import numpy as np
import pytest

from ramp_notebook.protocols import polynomials
from ramp_notebook.protocols.polynomials import Sharing
from ramp_notebook.values import field

from .shamir_parties import own, together

N = 6000
SECRET = np.full(N, 7, np.uint64)


@pytest.fixture(autouse=True)
def kings(monkeypatch):
    """A hundred products are many enough for kings."""
    monkeypatch.setattr(polynomials, "A_ROUND", 100)


def on_polynomials(shares, sharing, degree):
    """Do the parties' shares lie on polynomials of this degree?"""
    known = range(degree + 1)
    return all(
        np.array_equal(shares[party], sharing.combine(sharing.lagrange(known, party + 1), [shares[k] for k in known]))
        for party in range(degree + 1, len(shares))
    )


def everything(party):
    """A share of every kind that the protocol makes."""
    x = party.input(0, own(party, 0, SECRET), (N,), binary=False)
    y = party.input(1, own(party, 1, SECRET), (N,), binary=False)
    b = party.input(2, own(party, 2, SECRET), (N,), binary=True)
    few, numbers = x[:, :9], [x, party.random((N,), binary=False), party.multiply(x, y), party.multiply(x[:, :5], y[:, :5])]
    numbers += [party.matmul(x, y).reshape(1, 1), party.bits_to_ring(b[:, :2], 100), party.truncate(few, 2), party.to_arithmetic(b[:, :9])]
    words = [b, party.random((9,), binary=True), party.conjunction(b, b), party.conjunction(b[:, :2], b[:, 2:4]), party.sign(few)]
    words += [party.is_zero(few), party.to_binary(few)]
    shuffled = party.shuffle([(few, False), (b[:, :9], True)])
    return [*numbers, shuffled[0]], [*words, shuffled[1]]


@pytest.mark.parametrize("count", [3, 4, 5, 7])
def test_every_share_has_degree_t(count):
    made, parties = together(count, everything)
    for kind, sharing in enumerate((parties[0].numbers, parties[0].bits)):
        for shares in zip(*(result[kind] for result in made), strict=True):
            assert on_polynomials(shares, sharing, parties[0].t)
            assert not np.any(shares[0]) or not on_polynomials(shares, sharing, parties[0].t - 1)


def far_from_uniform(*columns):
    """Pearson's chi-square of the columns' lowest two bits together, in units in which uniform columns stay below one."""
    joint = sum((np.asarray(column).reshape(-1) & np.uint64(3)) << np.uint64(2 * k) for k, column in enumerate(columns))
    cells = 4 ** len(columns)
    counts = np.bincount(joint.astype(int), minlength=cells)
    statistic = ((counts - counts.mean()) ** 2 / counts.mean()).sum()
    return statistic / (cells + 6 * np.sqrt(2 * cells) + 12)  # six standard deviations and some skew above the mean


def deal(party):
    return party.input(0, own(party, 0, SECRET), (N,), binary=False)


def product(party):
    x = party.public(SECRET, binary=False)
    return party.multiply(x, x)


@pytest.mark.parametrize("program", [deal, product])
def test_t_shares_of_one_secret_are_uniform_together(program):
    shares, _ = together(5, program)
    for a in range(5):
        for b in range(a):
            assert far_from_uniform(shares[a], shares[b]) < 1


def test_a_polynomial_of_too_low_a_degree_is_caught(monkeypatch):
    original = Sharing._deal

    def lower(self, tag, dealers, value, shape, drawn):  # the planted bug: t - 1 coefficients instead of t
        self.t, drawn = self.t - 1, drawn - 1
        try:
            return original(self, tag, dealers, value, shape, drawn)
        finally:
            self.t += 1

    monkeypatch.setattr(Sharing, "_deal", lower)
    shares, _ = together(5, deal)
    assert max(far_from_uniform(shares[a], shares[b]) for a in range(1, 5) for b in range(1, a)) > 1


def what_kings_hear():
    """The pieces that reach each king of a product of public numbers, by sender: what the masks must hide."""
    _, parties = together(5, product)
    heard = [next(reply for tag, reply in party.heard if tag == "multiply") for party in parties]
    return [{sender: array[0] for sender, array in reply.items()} for reply in heard]


def test_what_kings_hear_is_uniform():
    """One king's pieces, and the sums of any two kings' pieces: t kings learn nothing."""
    heard = what_kings_hear()
    for king, pieces in enumerate(heard):
        senders = list(pieces)
        assert far_from_uniform(*(pieces[sender] for sender in senders[:3])) < 1
        for other in range(king):
            shared = [sender for sender in pieces if sender in heard[other]]
            assert far_from_uniform(pieces[shared[0]], heard[other][shared[0]]) < 1
            differences = [field.subtract(pieces[sender], heard[other][sender]) for sender in shared]
            assert far_from_uniform(*differences) < 1


def sums_of_kings():
    """The masked products z + r at the kings, by taking all pieces from the dealing that follows."""
    sums = {}
    original = Sharing._deal

    def watching(self, tag, dealers, value, shape, drawn):
        if tag == "multiply" and self.me in dealers:
            sums[self.me] = value
        return original(self, tag, dealers, value, shape, drawn)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sharing, "_deal", watching)
        together(5, product)
    return [sums[king] for king in range(5)]


def test_masked_products_are_uniform_at_any_t_kings():
    sums = sums_of_kings()
    assert all(far_from_uniform(sums[a], sums[b]) < 1 for a in range(5) for b in range(a))


def test_masks_that_kings_share_are_caught(monkeypatch):
    masks = Sharing._masks
    monkeypatch.setattr(Sharing, "_masks", lambda self, size: np.repeat(masks(self, size)[:, :1], self.count, axis=1))
    sums = sums_of_kings()
    assert far_from_uniform(sums[0], sums[1]) > 1


def test_no_mask_is_caught(monkeypatch):
    monkeypatch.setattr(Sharing, "_masks", lambda self, size: np.zeros((1, self.count, size), np.uint64))
    assert far_from_uniform(sums_of_kings()[0]) > 1


def follow_the_weights(zeros, sharing):
    """Do the pieces of zero lie on a polynomial of degree t once the Lagrange weights are taken off?"""
    weights = sharing.lagrange(sharing.multiplying, 0)
    return on_polynomials([field.combine([pow(w, -1, field.P)], [z]) for w, z in zip(weights, zeros, strict=True)], sharing, sharing.t)


def test_pieces_carry_a_fresh_sharing_of_zero():
    """Without one, a king would learn the product's polynomial of degree 2t, and with it more than z + r."""

    def zero(party):
        return party.numbers._zero(range(5), (N,))

    zeros, parties = together(5, zero)
    assert not np.any(field.add_up(zeros))
    assert not follow_the_weights(zeros, parties[0].numbers)
    for left_out in range(5):
        assert far_from_uniform(*(zeros[k] for k in range(5) if k != left_out)) < 1


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("to", [[0], [3], [1, 4]])
def test_a_value_is_revealed_by_t_pieces_and_to_its_receivers_only(binary, to):
    def program(party):
        x = party.input(0, own(party, 0, SECRET), (N,), binary=binary)
        party.heard.clear()
        return party.reveal(x, to, binary=binary)

    values, parties = together(5, program)
    for party, value in zip(parties, values, strict=True):
        assert (value is None) == (party.me not in to)
        assert value is None or np.array_equal(SECRET, value)
        assert [2 if party.me in to else 0] == [len(reply) for _, reply in party.heard]


def test_every_pair_and_every_run_has_masks_of_its_own():
    def words(party):
        return party.numbers.draw(party.context.stream((party.me + 1) % 3), (4,))

    drawn = [tuple(value.reshape(-1).tolist()) for _ in range(3) for value in together(3, words)[0]]
    assert len(drawn) == len(set(drawn))

