"""Polynomial hashing agrees with its definition and is linear over the bits."""

import numpy as np
import pytest

from ramp_notebook.values.shaped import ShapedArray
from ramp_notebook.values.streams import Stream
from ramp_notebook.values.universal import multiply, polynomial_hash


def carryless(x, y):
    """By long division of the whole product."""
    product = 0
    for bit in range(64):
        product ^= (x << bit) * (y >> bit & 1)
    for bit in range(127, 63, -1):
        product ^= (1 << 64 | 0b11011) << bit - 64 if product >> bit & 1 else 0
    return product


def test_elements_multiply_as_polynomials_do():
    words = [int(word) for word in Stream(b"some test vector").words(40)]
    for x, y in zip(words[::2], words[1::2], strict=True):
        assert carryless(x, y) == multiply(x, y)
    assert 0b11011 == multiply(1 << 63, 2)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 64, 100])
def test_values_are_those_of_the_polynomial(n):
    stream = Stream(b"some test vector")
    rows, points = stream.words((3, n)), [int(word) for word in stream.words(2)]
    values = polynomial_hash(rows, points)
    for i, row in enumerate(rows):
        for j, point in enumerate(points):
            expected = 0
            for word in row:
                expected = carryless(expected ^ int(word), point)
            assert expected == int(values[i, j])
    assert (3, 2) == polynomial_hash(ShapedArray((3, n)), points).shape


def test_it_is_linear():
    stream = Stream(b"some test vector")
    x, y = stream.words((2, 4, 77))
    points = [int(stream.word())]
    np.testing.assert_array_equal(polynomial_hash(x ^ y, points), polynomial_hash(x, points) ^ polynomial_hash(y, points))
