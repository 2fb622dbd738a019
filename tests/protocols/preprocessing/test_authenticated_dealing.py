"""What a dealer hands out with MACs is what the kinds say, under the parties' keys, and shares of it tell nothing to one party less."""

import numpy as np
import pytest

from ramp_notebook.protocols.checks import Checks
from ramp_notebook.protocols.planes import from_planes, unpack
from ramp_notebook.protocols.preprocessing.authenticated import BIT, KEY_BITS, NUMBER, Authenticated, Keys
from ramp_notebook.protocols.preprocessing.authenticated_dealing import AuthenticatedDealer
from ramp_notebook.values import wide
from tests import with_a_dealer


def dealt(count, body):
    """What `body` returns of a supply at every party, the sums of their keys, and the trace."""
    keys = [Keys.fresh() for _ in range(count)]

    def party(context):
        return body(Authenticated(context, {}, AuthenticatedDealer, keys[context.index], Checks(context)))

    results, trace = with_a_dealer.dealt(count, party)
    alpha, delta = sum(key.alpha for key in keys), int(np.bitwise_xor.reduce([np.uint64(key.delta) for key in keys]))
    return results, (alpha, delta), trace


def number(shares, alpha):
    """The numbers (2, …) that shares make up; their MACs have to fit."""
    joint = shares[0]
    for share in shares[1:]:
        joint = wide.add(joint, share)
    np.testing.assert_array_equal(wide.scale(joint[:2], alpha), joint[2:])
    return joint[:2]


def bits(shares, delta):
    joint = np.bitwise_xor.reduce(shares)
    for k in range(KEY_BITS):
        np.testing.assert_array_equal(joint[1 + k], joint[0] if delta >> k & 1 else np.zeros_like(joint[0]))
    return joint[0]


@pytest.mark.parametrize("count", [2, 3])
def test_products(count):
    results, (alpha, delta), _ = dealt(count, lambda s: (s.triples(70), s.bit_triples(3), s.matrix_triples(2, 3, 4)))
    for k, matrices in ((0, False), (2, True)):
        a, b, c = (number([result[k][j] for result in results], alpha) for j in range(3))
        np.testing.assert_array_equal(wide.matmul(a, b) if matrices else wide.multiply(a, b), c)
        assert len(np.unique([np.unique(a), np.unique(b)][0])) == a.size
    a, b, c = (bits([result[1][j] for result in results], delta) for j in range(3))
    np.testing.assert_array_equal(a & b, c)
    assert {(NUMBER, 70)} == {share.shape for share in results[0][0]}
    assert {(BIT, 3)} == {share.shape for share in results[0][1]}


@pytest.mark.parametrize("count", [2, 3])
def test_numbers_and_their_bits(count):
    results, (alpha, delta), _ = dealt(count, lambda s: (s.dabits(70), s.edabits(5), s.edabits(70, 13)))
    dabits, full, short = zip(*results, strict=True)
    low = number([numbers for numbers, _ in dabits], alpha)[0]
    np.testing.assert_array_equal(unpack(bits([words for _, words in dabits], delta), 70).astype(np.uint64), low)
    assert {0, 1} == set(low.tolist())
    for each, n in ((full, 5), (short, 70)):
        numbers = number([share for share, _ in each], alpha)
        np.testing.assert_array_equal(from_planes(bits([planes for _, planes in each], delta), n), numbers[0])
        assert n == len(np.unique(numbers[1]))
    assert number([share for share, _ in short], alpha)[0].max() < 1 << 13


@pytest.mark.parametrize("count", [2, 3])
def test_only_the_owner_knows_a_mask(count):
    def body(supply):
        masks = [supply.masks(owner, (2, 3), binary=binary) for owner in range(count) for binary in (False, True)]
        return [*masks, supply.random(4), supply.random_bits(4)]

    results, (alpha, delta), _ = dealt(count, body)
    for owner in range(count):
        for binary in (False, True):
            known, shares = zip(*(result[2 * owner + binary] for result in results), strict=True)
            assert [party == owner for party in range(count)] == [bool(each.any()) for each in known]
            np.testing.assert_array_equal(known[owner], bits(shares, delta) if binary else number(shares, alpha))
    assert 8 == number([result[-2] for result in results], alpha).size
    assert 4 == bits([result[-1] for result in results], delta).size


def test_branches_side_by_side_get_what_they_asked_for():
    results, (alpha, _), trace = dealt(3, lambda s: s.context.parallel([lambda: s.triples(3), lambda: s.random(5), lambda: s.triples(2)]))
    for branch in (0, 2):
        a, b, c = (number([result[branch][j] for result in results], alpha) for j in range(3))
        np.testing.assert_array_equal(wide.multiply(a, b), c)
    assert 2 == max(message.round for message in trace.messages)


def test_keys_are_not_shown():
    assert "MAC keys" in repr(Keys(1234567, 7654321))
    assert "1234567" not in repr(Keys(1234567, 7654321))
