"""What a dealer hands out is what the kinds say, at the cost of one correction, and it knows no more than it drew."""

import numpy as np
import pytest

from ramp_notebook.protocols.planes import unpack
from ramp_notebook.protocols.preprocessing.dealing import corrections, draw, settle
from ramp_notebook.protocols.preprocessing.supply import Supply
from ramp_notebook.protocols.preprocessing.translations import minus, plus
from ramp_notebook.values.streams import Stream, fresh_key
from tests import with_a_dealer


def dealt(count, body):
    """What `body` returns of a supply at every party, and the trace."""
    return with_a_dealer.dealt(count, lambda context: body(Supply(context, {})))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_items_are_what_they_are_called(count):
    results, _ = dealt(count, lambda s: (s.triples(50), s.bit_triples(3), s.dabits(70), s.matrix_triples(2, 3, 4), s.matrix_triples(4, 1, 1)))
    triples, bit_triples, dabits, *matrices = zip(*results, strict=True)
    a, b, c = np.sum(triples, axis=0)
    np.testing.assert_array_equal(a * b, c)
    assert 150 == len(np.unique([a, b, c]))
    a, b, c = np.bitwise_xor.reduce(bit_triples, axis=0)
    np.testing.assert_array_equal(a & b, c)
    numbers, words = sum(each[0] for each in dabits), np.bitwise_xor.reduce([each[1] for each in dabits], axis=0)
    np.testing.assert_array_equal(unpack(words, 70).astype(np.uint64), numbers)
    for each in matrices:
        a, b, c = (sum(shares[k] for shares in each) for k in range(3))
        np.testing.assert_array_equal(a @ b, c)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize(("sums", "xors"), [(2, 1), (0, 1), (1, 0)])
def test_translations_move_rows_by_every_partys_permutation(count, sums, xors):
    results, _ = dealt(count, lambda s: s.translations(6, sums, xors))
    for permuting, (order, delta, _, _) in enumerate(results):
        np.testing.assert_array_equal(np.sort(order), np.arange(6))
        total = np.zeros_like(delta)
        for party, (_, _, a, b) in enumerate(results):
            if party == permuting:
                assert not a[permuting].any()
                assert not b[permuting].any()
            else:
                total = minus(plus(total, a[permuting][order], sums), b[permuting], sums)
        np.testing.assert_array_equal(total, delta)


@pytest.mark.parametrize("count", [2, 5])
def test_a_triple_costs_one_element_in_all_and_two_rounds(count):
    _, trace = dealt(count, lambda s: s.triples(1000))
    request, correction = trace.messages
    assert (0, count, 1, "request") == (request.sender, request.receiver, request.round, request.tag)
    assert (count, count - 1, 2, "deal", 8 * 1000) == (*correction[:2], correction.round, correction.tag, correction.payload_bytes)
    assert {"preprocessing"} == {m.phase for m in trace.messages}


def test_branches_side_by_side_share_rounds_and_nothing_else():
    results, trace = dealt(3, lambda s: s.context.parallel([lambda: s.triples(3), lambda: s.triples(3), lambda: s.bit_triples(1)]))
    assert [1, 1, 1, 2, 2, 2] == sorted(m.round for m in trace.messages)
    for branch in (0, 1):
        a, b, c = np.sum([each[branch] for each in results], axis=0)
        np.testing.assert_array_equal(a * b, c)
    assert 6 == len(np.unique([results[0][branch][0] for branch in (0, 1)]))


def test_a_large_request_is_dealt_in_parts_of_bounded_size():
    _, trace = dealt(2, lambda s: s.prepare({("triples",): 500_000}, all_of_it=True))
    assert 500_000 * 8 == sum(m.payload_bytes for m in trace.messages if m.tag == "deal")
    assert 1 << 22 > max(m.payload_bytes for m in trace.messages)
    assert 2 == max(m.round for m in trace.messages)


@pytest.mark.parametrize("kind", [("triples",), ("bit_triples",), ("dabits",), ("matrix_triples", 2, 2, 2), ("translations", 4, 1, 1)])
def test_every_correction_counts(kind):
    """The planted fault: a bit of a correction is wrong."""

    def holds(flip):
        drawn = [draw(kind, 2, 3, party, Stream(key)) for party, key in enumerate(keys)]
        correction = corrections(kind, drawn)
        correction.reshape(-1)[-1] ^= np.uint64(flip)
        drawn[2] = settle(kind, drawn[2], correction)
        return _is_right(kind, drawn)

    keys = [fresh_key() for _ in range(3)]
    assert holds(0)
    assert not holds(1)


def _is_right(kind, drawn):
    if kind[0] == "translations":
        orders, deltas, a, b = zip(*drawn, strict=True)
        for p in range(3):
            total = np.zeros_like(deltas[p])
            for q in set(range(3)) - {p}:
                total = minus(plus(total, np.take_along_axis(a[q][:, p], orders[p][:, :, None], 1), 1), b[q][:, p], 1)
            if not np.array_equal(total, deltas[p]):
                return False
        return True
    if kind[0] == "dabits":
        bits = np.bitwise_xor.reduce([words for _, words in drawn])
        return np.array_equal(unpack(bits, 128), np.sum([numbers for numbers, _ in drawn], axis=0).reshape(-1))
    add = np.bitwise_xor.reduce if kind[0] == "bit_triples" else sum
    a, b, c = (add(shares) for shares in zip(*drawn, strict=True))
    return np.array_equal(a & b if kind[0] == "bit_triples" else a * b if kind[0] == "triples" else a @ b, c)
