"""Fields of 2**m elements: their laws by exhaustion, and bit-sliced arrays against their numbers."""

import itertools

import numpy as np
import pytest

from ramp_notebook.values import bitfield

DEGREES = list(bitfield.IRREDUCIBLE)


def sliced(m, numbers):
    """Numbers as arrays of one bit a word."""
    return np.array([[number >> b & 1 for number in numbers] for b in range(m)], dtype=np.uint64)


def joined(words):
    return [int(sum(int(word) << b for b, word in enumerate(column))) for column in words.T]


@pytest.mark.parametrize("m", DEGREES)
def test_elements_other_than_zero_form_a_group(m):
    size = 1 << m
    for a in range(1, size):
        assert 1 == bitfield.multiply(m, a, bitfield.invert(m, a))
        assert sorted(range(1, size)) == sorted(bitfield.multiply(m, a, b) for b in range(1, size))


@pytest.mark.parametrize("m", [2, 3, 4])
def test_products_commute_associate_and_distribute(m):
    def times(a, b):
        return bitfield.multiply(m, a, b)

    for a, b, c in itertools.product(range(1 << m), repeat=3):
        assert times(a, b) == times(b, a)
        assert times(times(a, b), c) == times(a, times(b, c))
        assert times(a, b ^ c) == times(a, b) ^ times(a, c)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_arrays_follow_their_numbers(m):
    pairs = list(itertools.product(range(1 << m), repeat=2))
    x, y = ([pair[k] for pair in pairs] for k in (0, 1))
    bits = np.array([k % 2 for k in range(len(pairs))], dtype=np.uint64)
    for a in range(1 << m):
        b = a ^ 1
        expected = [bitfield.multiply(m, a, p) ^ bitfield.multiply(m, b, q) ^ (a * (k % 2)) for k, (p, q) in enumerate(pairs)]
        assert expected == joined(bitfield.combine(m, [a, b], [sliced(m, x), sliced(m, y)], a, bits))
        assert [bitfield.multiply(m, a, p) & 1 for p in x] == bitfield.bit_of(m, a, sliced(m, x)).tolist()
        product = [bitfield.multiply(m, a, bitfield.multiply(m, p, q)) & 1 for p, q in pairs]
        assert product == bitfield.bit_of_product(m, a, sliced(m, x), sliced(m, y)).tolist()


@pytest.mark.parametrize(("count", "m"), [(3, 2), (4, 3), (7, 3), (8, 4), (15, 4), (16, 5), (20, 5), (63, 6)])
def test_the_field_has_a_point_for_every_party(count, m):
    assert m == bitfield.degree_above(count)
