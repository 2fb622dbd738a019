"""Networks of switches pass every permutation, with as many switches as the papers count."""

import itertools

import numpy as np
import pytest

from ramp_notebook.protocols.permutations import layer_sizes, network, route


def passed(order):
    """What comes out of the network, set for `order`, when its rows are numbered."""
    rows = np.arange(len(order))
    for layer, crossed in zip(network(len(order)), route(order), strict=True):
        upper = layer.first[crossed]
        rows[upper], rows[upper + 1] = rows[upper + 1].copy(), rows[upper].copy()
        rows = rows[layer.then]
    return rows


@pytest.mark.parametrize("n", range(1, 7))
def test_every_permutation_of_few_rows_passes(n):
    for order in itertools.permutations(range(n)):
        np.testing.assert_array_equal(order, passed(np.array(order)))


@pytest.mark.parametrize("n", [7, 8, 31, 33, 100, 1000, 1023, 1024, 1025, 5000])
def test_permutations_of_many_rows_pass(n):
    generator = np.random.default_rng(n)
    for order in [np.arange(n), np.arange(n)[::-1], *(generator.permutation(n) for _ in range(3))]:
        np.testing.assert_array_equal(order, passed(order))


@pytest.mark.parametrize("n", [2, 4, 64, 4096])
def test_a_power_of_two_takes_benes_number_of_switches(n):
    assert n * (n.bit_length() - 1) - n // 2 == sum(len(layer.first) for layer in network(n))


@pytest.mark.parametrize("n", [3, 5, 100, 1000, 3000, 100_003])
def test_other_numbers_take_hardly_more(n):
    assert sum(len(layer.first) for layer in network(n)) < 1.1 * n * np.log2(n)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 100, 1023, 1024, 1025, 5000])
def test_sizes_of_layers_are_known_without_the_network(n):
    assert layer_sizes(n) == [len(layer.first) for layer in network(n)]


def test_sizes_are_known_for_any_number_of_rows():
    assert 10**9 // 2 == layer_sizes(10**9)[0]
