"""Share translations: Δ = π(a) − b for every party's permutation, sums and XORs, at the stated price."""

import numpy as np
import pytest

from ramp_notebook.protocols.permutations import network
from ramp_notebook.protocols.preprocessing import translations as module
from ramp_notebook.protocols.preprocessing.softspoken import SoftSpoken
from ramp_notebook.protocols.preprocessing.translations import minus, plus, translations
from tests.parties_in_threads import Group, messages, plan, sent_bytes


def made(count, *sizes, cells=1):
    """What every party has, and the trace, of the last cell."""
    group, engines = Group(count), [SoftSpoken() for _ in range(count)]
    for _ in range(cells):
        results, trace = group.run(lambda context: translations(context, engines[context.index], *sizes))
    return results, trace


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(("n", "sums", "xors"), [(2, 1, 0), (5, 0, 1), (33, 2, 3), (64, 1, 1)])
def test_delta_is_the_permuted_a_less_b(count, n, sums, xors):
    results, _ = made(count, n, sums, xors)
    for party, (order, delta, a, _) in enumerate(results):
        np.testing.assert_array_equal(np.arange(n), np.sort(order))
        expected = np.zeros_like(delta)
        for _, _, a, b in results:
            expected = plus(expected, minus(a[party][order], b[party], sums), sums)
        np.testing.assert_array_equal(expected, delta)


def test_batches_do_not_show(monkeypatch):
    monkeypatch.setattr(module, "BATCH_OTS", 40)
    test_delta_is_the_permuted_a_less_b(2, 33, 1, 1)


def test_labels_are_new_each_time():
    results, _ = made(2, 64, 1, 0)
    words = np.concatenate([array[1 - party].reshape(-1) for party, (_, _, *arrays) in enumerate(results) for array in arrays])
    assert len(words) == len(np.unique(words))


def test_a_switch_costs_a_word_per_column_and_an_oblivious_transfer():
    n, width = 64, 3
    switches = sum(len(layer.first) for layer in network(n))
    _, trace = made(3, n, 1, 2, cells=2)
    words = -(-switches // 64)
    assert 2 * (32 * 8 * words + 8 * switches * width) == sent_bytes(trace, 0)


def test_a_plan_foretells_the_messages():
    _, trace = made(3, 33, 1, 1)
    planned, foretold = plan(3, lambda context: translations(context, SoftSpoken(), 33, 1, 1))
    assert messages(trace) == messages(foretold)
    results, _ = made(3, 33, 1, 1)
    assert [array.shape for array in results[0]] == [array.shape for array in planned[0]]
