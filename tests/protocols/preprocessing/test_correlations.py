"""Triples and daBits are what they say among two, three and five parties, cost what their docstrings say, and hide."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parties_in_threads import Group, messages, plan, sent_bytes

from ramp_notebook.errors import MisuseError
from ramp_notebook.protocols.context import Context
from ramp_notebook.protocols.preprocessing import correlations, products
from ramp_notebook.protocols.preprocessing import engine as shared
from ramp_notebook.protocols.preprocessing.correlations import bit_triples, dabits, matrix_triples, triples
from ramp_notebook.protocols.preprocessing.engine import Engine
from ramp_notebook.protocols.preprocessing.softspoken import SoftSpoken
from ramp_notebook.trace.events import ONLINE, PREPROCESSING, Trace
from ramp_notebook.values import bits
from ramp_notebook.values.streams import Stream

Make = Callable[[Context, Engine], Any]
PARTIES = (2, 3, 5)
COUNTS = (0, 1, 65, 300)
every_size = pytest.mark.parametrize("count", COUNTS)
every_number_of_parties = pytest.mark.parametrize("parties", PARTIES)


@functools.cache
def living(parties: int) -> tuple[Group, list[SoftSpoken]]:
    group, engines = Group(parties), [SoftSpoken() for _ in range(parties)]
    group.run(lambda context: engines[context.index].extend(context, 1))
    return group, engines


def run(parties: int, make: Make) -> tuple[list[Any], Trace]:
    """The kinds, each a list of the parties' shares; checked against the plan on the way."""
    group, engines = living(parties)
    results, trace = group.run(lambda context: make(context, engines[context.index]))
    planned, foretold = plan(parties, lambda context: make(context, ready()))
    assert messages(trace) == messages(foretold)
    assert [[array.shape for array in result] for result in results] == [[array.shape for array in result] for result in planned]
    return [list(kind) for kind in zip(*results, strict=True)], trace


def ready() -> SoftSpoken:
    engine = SoftSpoken()
    engine.assume({"ready": True})
    return engine


def xor(shares: list[np.ndarray]) -> np.ndarray:
    return np.asarray(functools.reduce(np.bitwise_xor, shares))


def total(shares: list[np.ndarray]) -> np.ndarray:
    return np.asarray(functools.reduce(np.add, shares))


@every_number_of_parties
@every_size
def test_bit_triples_multiply(parties: int, count: int) -> None:
    kinds, _ = run(parties, lambda context, engine: bit_triples(context, engine, count))
    a, b, c = (xor(kind) for kind in kinds)
    assert np.array_equal(a & b, c)


@every_number_of_parties
@every_size
def test_triples_multiply_modulo_two_to_64(parties: int, count: int) -> None:
    kinds, _ = run(parties, lambda context, engine: triples(context, engine, count))
    a, b, c = (total(kind) for kind in kinds)
    assert np.array_equal(a * b, c)


@every_number_of_parties
@every_size
def test_dabits_are_one_bit_in_both_domains(parties: int, count: int) -> None:
    (arithmetic, binary), _ = run(parties, lambda context, engine: dabits(context, engine, count))
    assert np.array_equal(bits.unpack(xor(binary), count), total(arithmetic))


@every_number_of_parties
@pytest.mark.parametrize("shape", [(3, 4, 5), (5, 4, 3), (1, 7, 1), (2, 30, 20), (0, 2, 3), (2, 0, 3)])
def test_matrix_triples_multiply(parties: int, shape: tuple[int, int, int]) -> None:
    kinds, _ = run(parties, lambda context, engine: matrix_triples(context, engine, *shape))
    a, b, c = (total(kind) for kind in kinds)
    assert (shape[:2], shape[1:]) == (a.shape, b.shape)
    assert np.array_equal(a @ b, c)


def test_batches_join(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlations, "BATCH_OTS", 256)
    kinds, _ = run(2, lambda context, engine: triples(context, engine, 11))
    assert np.array_equal(total(kinds[0]) * total(kinds[1]), total(kinds[2]))
    kinds, _ = run(2, lambda context, engine: bit_triples(context, engine, 600))
    assert np.array_equal(xor(kinds[0]) & xor(kinds[1]), xor(kinds[2]))
    monkeypatch.setattr(correlations, "MATRIX_BATCH_WORDS", 1024)
    kinds, trace = run(3, lambda context, engine: matrix_triples(context, engine, 3, 4, 5))
    assert sum(message.tag == "products" for message in trace.messages) > 6  # more than one batch
    assert np.array_equal(total(kinds[0]) @ total(kinds[1]), total(kinds[2]))


@pytest.mark.parametrize(("make", "count", "rounds"), [(triples, 27, 2), (bit_triples, 1700, 1), (dabits, 1700, 2)])
def test_batches_share_rounds_and_send_no_more(make: Any, count: int, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlations, "BATCH_OTS", 256)  # 7 batches
    measured = {}
    for together in (8, 4, 1):
        monkeypatch.setattr(correlations, "BATCHES_AT_ONCE", together)
        _, trace = run(2, lambda context, engine: make(context, engine, count))
        measured[together] = max(m.round for m in trace.messages), [sent_bytes(trace, party) for party in (0, 1)]
    assert [rounds, 2 * rounds, 7 * rounds] == [measured[together][0] for together in (8, 4, 1)]
    assert measured[8][1] == measured[4][1] == measured[1][1]


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_corrections_survive_packing(count: int) -> None:
    scaled = Stream(b"some corrections").words((64, count)) << np.arange(64, dtype=np.uint64)[:, None]
    packed = products._pack(scaled)
    assert (32 * count + (count + 1) // 2,) == packed.shape
    assert np.array_equal(scaled, products._unpack(packed, 64, count))


# -- cost --------------------------------------------------------------------------------------------------------------


@every_number_of_parties
def test_every_kind_costs_what_its_docstring_says(parties: int) -> None:
    n = parties

    def bits_sent(make: Make, count: int) -> list[float]:
        return [8 * sent_bytes(run(n, make)[1], party) / count for party in range(n)]

    assert [(n - 1) * 31 + 2 * (n - 2)] * n == bits_sent(lambda c, e: bit_triples(c, e, 6400), 6400)
    assert [(n - 1) * 64 * (31 + 32.5) + 64 * (n - 2) - 64] * n == bits_sent(lambda c, e: triples(c, e, 64), 64)
    assert [(32 * i - (i > 0)) + 64 * (n - 1 - i) for i in range(n)] == bits_sent(lambda c, e: dabits(c, e, 6400), 6400)
    corrections, extension = 64 * 32.5 * 3 * 4 * 8, 64 * 4 * 3
    assert [(n - 1) * (corrections + 31 * extension) + (n - 2) * extension] * n == bits_sent(lambda c, e: matrix_triples(c, e, 3, 4, 8), 1)


def test_two_parties_pay_500_bytes_for_a_triple_and_31_bits_for_a_bit_triple() -> None:
    assert 500 == sent_bytes(run(2, lambda context, engine: triples(context, engine, 64))[1], 0) / 64
    assert 31 == 8 * sent_bytes(run(2, lambda context, engine: bit_triples(context, engine, 6400))[1], 0) / 6400


@pytest.mark.parametrize(("make", "rounds"), [(bit_triples, (1, 2)), (triples, (2, 2)), (dabits, (2, 3))])
def test_rounds_of_a_batch(make: Any, rounds: tuple[int, int]) -> None:
    for parties, expected in zip((2, 3), rounds, strict=True):
        _, trace = run(parties, lambda context, engine: make(context, engine, 100))
        assert expected == max(message.round for message in trace.messages)


def test_phase_and_spans_tell_preprocessing_apart() -> None:
    def make(context: Context, engine: Engine) -> Any:
        with context.recorder.in_phase(PREPROCESSING):
            made = triples(context, engine, 3)
        context.exchange("online", {1 - context.index: made[0]}, {1 - context.index: (3,)})
        return made

    _, trace = run(2, make)
    assert {PREPROCESSING, ONLINE} == {message.phase for message in trace.messages}
    paths = {trace.span_path(message.sender, message.span) for message in trace.messages if message.phase == PREPROCESSING}
    assert {("triples", "ot_extension"), ("triples",)} == paths


# -- privacy -----------------------------------------------------------------------------------------------------------

BYTES = 1 << 18
CHI_SQUARE_LIMIT = 380.0  # p = 10^-6 with 255 degrees of freedom


def chi_square(words: np.ndarray) -> float:
    counts = np.bincount(np.ascontiguousarray(words).view(np.uint8).reshape(-1), minlength=256)
    expected = counts.sum() / 256
    return float(((counts - expected) ** 2 / expected).sum())


def corrections_sent(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """What alice sends for products of a = 0 with numbers of one bit, where a pad that is missing shows."""
    group, engines = living(2)
    sent: list[np.ndarray] = []

    def body(context: Context) -> None:
        if context.index == 0:
            honest = context.exchange
            context.exchange = lambda tag, sends, receives: sent.append(sends.get(1)) or honest(tag, sends, receives)  # type: ignore
        batch = engines[context.index].extend(context, BYTES // 8)
        products.add_products(context, batch, np.zeros((1, 1, BYTES // 8), np.uint64))

    group.run(body)
    return sent[-1]


def test_corrections_look_uniform(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chi_square(corrections_sent(monkeypatch)) < CHI_SQUARE_LIMIT


def test_this_would_be_seen_if_both_pads_were_one(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = shared.hash_blocks
    monkeypatch.setattr(shared, "hash_blocks", lambda blocks, first, chunk=0, offset=None: honest(blocks, first, chunk=chunk))
    assert chi_square(corrections_sent(monkeypatch)) > CHI_SQUARE_LIMIT


@pytest.mark.parametrize("make", [triples, dabits])
def test_shares_look_uniform(make: Any) -> None:
    kinds, _ = run(2, lambda context, engine: make(context, engine, 8192))
    for share in kinds[0]:
        assert chi_square(share) < CHI_SQUARE_LIMIT


def test_two_runs_give_different_triples() -> None:
    first, second = (run(2, lambda context, engine: triples(context, engine, 50))[0] for _ in range(2))
    words = np.concatenate([share for kinds in (first, second) for kind in kinds for share in kind])
    assert len(words) == len(np.unique(words))


def test_a_batch_makes_products_once() -> None:
    group, engines = living(2)

    def body(context: Context) -> None:
        batch = engines[context.index].extend(context, 64)
        for _ in range(2):
            products.add_products(context, batch, np.zeros((1, 64, 1), np.uint64))

    with pytest.raises(MisuseError, match="spent as sender before"):
        group.run(body)
    living.cache_clear()
