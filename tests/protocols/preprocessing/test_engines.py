"""Every engine gives correct, fresh correlated OTs, as its plan and its formula say."""

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parties_in_threads import Group, messages, plan, sent_bytes

from ramp_notebook.errors import ChannelError, MisuseError, MisuseValueError, RampError
from ramp_notebook.protocols.context import Context
from ramp_notebook.protocols.preprocessing import engine as shared
from ramp_notebook.protocols.preprocessing import ferret, softspoken
from ramp_notebook.protocols.preprocessing.engine import Batch, Engine, choose
from ramp_notebook.protocols.preprocessing.engines import engine_named, parts_of
from ramp_notebook.protocols.preprocessing.ferret import MAIN, SETUP, Ferret
from ramp_notebook.protocols.preprocessing.hashing import PI_KEY, _permutation
from ramp_notebook.protocols.preprocessing.lpn import Lpn
from ramp_notebook.protocols.preprocessing.softspoken import SoftSpoken
from ramp_notebook.trace.recorder import Recorder
from ramp_notebook.values import bits

SOFTSPOKEN = {f"softspoken {k}": functools.partial(SoftSpoken, k) for k in (1, 2, 4, 8)}
ENGINES: dict[str, Callable[..., Engine]] = {**SOFTSPOKEN, "ferret": Ferret}
kinds_of_engine = pytest.mark.parametrize("make", [ENGINES["softspoken 4"], Ferret], ids=["softspoken 4", "ferret"])
every_engine = pytest.mark.parametrize("make", ENGINES.values(), ids=list(ENGINES))
COUNTS = (1, 64, 100, 5000)


@pytest.fixture(autouse=True)
def _small_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ferret's iterations end after 1,408 OTs here, so that every test goes through several."""
    monkeypatch.setattr(ferret, "SETUP", Lpn(dimension=64, trees=40, depth=4))
    monkeypatch.setattr(ferret, "MAIN", Lpn(dimension=200, trees=60, depth=5))


class Parties:
    """A group whose parties keep their engines from cell to cell."""

    def __init__(self, count: int, make: Callable[..., Engine]):
        self.group, self.count, self.make = Group(count), count, make
        self.engines = [make() for _ in range(count)]

    def run(self, body: Callable[[Context, Engine], Any]) -> tuple[list[Any], Any]:
        return self.group.run(lambda context: body(context, self.engines[context.index]))

    def extend(self, count: int, **options: Any) -> list[Batch]:
        return list(self.run(lambda context, engine: engine.extend(context, count, **options))[0])


@functools.cache
def living(make: Callable[..., Engine], parties: int) -> Parties:
    """Parties whose base OTs are done once for all tests that need nothing else: they are the slow part."""
    return Parties(parties, make)


def check(batches: list[Batch]) -> None:
    """t = q ⊕ b·Δ in every direction that took part."""
    for sender, batch in enumerate(batches):
        for receiver, q in batch.q.items():
            other = batches[receiver]
            b = bits.unpack(other.b[sender], batch.count)
            assert q.shape == (batch.count, 2)
            assert np.array_equal(q ^ b[:, None] * batch.delta[receiver], other.t[sender])
            assert not other.b[sender][-1] >> np.uint64((batch.count - 1) % 64) >> np.uint64(1)  # padding


def blocks(batches: list[Batch]) -> np.ndarray:
    """Everything that must never come twice: the senders' blocks, in both forms."""
    return np.concatenate([form for batch in batches for peer, q in batch.q.items() for form in (q, q ^ batch.delta[peer])])


def assert_fresh(rows: np.ndarray) -> None:
    assert len(rows) == len(np.unique(rows, axis=0))


@every_engine
@pytest.mark.parametrize("parties", [2, 3])
def test_blocks_agree_for_every_direction_and_count(make: Callable[..., Engine], parties: int) -> None:
    group = living(make, parties)
    for count in COUNTS:
        check(group.extend(count))


@every_engine
def test_nothing_comes_twice_in_batches_and_cells(make: Callable[..., Engine]) -> None:
    group = living(make, 3)
    cells = [group.extend(count) for count in (1, 63, 64, 1000, 1)]
    two = group.run(lambda context, engine: [engine.extend(context, 300) for _ in range(2)])[0]
    cells += [[batches[i] for batches in two] for i in range(2)]
    for cell in cells:
        check(cell)
    assert_fresh(np.concatenate([blocks(cell) for cell in cells]))
    numbers = [(cell[0].number, cell[0].number + cell[0].count) for cell in cells]
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(numbers))


def test_a_reused_stream_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    group = living(SoftSpoken, 2)
    first = group.extend(1000)
    with monkeypatch.context() as bug:
        bug.setattr(softspoken.Stream, "words_into", lambda stream, out: out.__setitem__(..., np.arange(out.size, dtype=np.uint64)))
        repeated = [group.extend(1000) for _ in range(2)]
    check(first)
    with pytest.raises(AssertionError):
        assert_fresh(np.concatenate([blocks(cell) for cell in repeated]))


@every_engine
@pytest.mark.parametrize("parties", [2, 3])
def test_common_choices_are_the_same_towards_all_senders(make: Callable[..., Engine], parties: int) -> None:
    group = living(make, parties)
    for count in COUNTS:
        batches = group.extend(count, common=True)
        check(batches)
        for batch in batches:
            assert 1 == len({choices.tobytes() for choices in batch.b.values()})


@kinds_of_engine
def test_only_the_pairs_that_take_part_have_blocks(make: Callable[..., Engine]) -> None:
    group = living(make, 3)
    batches = group.extend(200, pairs=[(0, 2), (1, 2)], common=True)
    check(batches)
    assert [{2}, {2}, set()] == [set(batch.q) for batch in batches]
    assert [set(), set(), {0, 1}] == [set(batch.t) for batch in batches]
    check(group.extend(200))


@kinds_of_engine
def test_random_choices_turn_into_wanted_ones(make: Callable[..., Engine]) -> None:
    wanted = bits.pack(np.arange(100) % 3 == 0)

    def body(context: Context, engine: Engine) -> Batch:
        batch = engine.extend(context, 100)
        choose(context, batch, {1 - context.index: wanted}, [1 - context.index])
        return batch

    batches, _ = living(make, 2).run(body)
    check(batches)
    assert all(np.array_equal(wanted, batch.b[1 - i]) for i, batch in enumerate(batches))


@every_engine
def test_choices_and_correlations_are_balanced_and_never_shared(make: Callable[..., Engine]) -> None:
    batches = living(make, 3).extend(20_000)
    for batch in batches:
        for choices in batch.b.values():
            assert abs(int(np.bitwise_count(choices).sum()) - 10_000) < 450  # 6.4 standard deviations
    assert all(delta[0] & np.uint64(1) for batch in batches for delta in batch.delta.values())
    deltas = np.array([delta for batch in batches for delta in batch.delta.values()])
    assert_fresh(deltas)
    assert abs(int(np.bitwise_count(deltas).sum()) - 384) < 100  # 7.2 standard deviations


@pytest.mark.parametrize(("make", "parties"), [(make, 2) for make in ENGINES.values()] + [(SoftSpoken, 3), (Ferret, 3)])
@pytest.mark.parametrize("common", [False, True])
def test_a_plan_foretells_every_message(make: Callable[..., Engine], parties: int, common: bool) -> None:
    group = Parties(parties, make)
    for cell in (5000, 1, 700):
        results, trace, planned, foretold = run_and_plan(group, lambda context, engine, n=cell: engine.extend(context, n, common=common))
        assert messages(trace) == messages(foretold)
        for batch, shaped in zip(results, planned, strict=True):
            for field in ("q", "t", "b", "delta"):
                assert {p: a.shape for p, a in getattr(batch, field).items()} == {p: a.shape for p, a in getattr(shaped, field).items()}


def run_and_plan(group: Parties, body: Callable[[Context, Engine], Any]) -> tuple[list[Any], Any, list[Any], Any]:
    """The plan knows of the engines what is public."""
    facts = [engine.facts(Context(group.group.links[i], Recorder(), 1)) for i, engine in enumerate(group.engines)]
    assert all(fact == facts[0] for fact in facts)
    engines = [group.make() for _ in facts]
    for engine in engines:
        engine.assume(facts[0])
    planned, foretold = plan(group.count, lambda context: body(context, engines[context.index]))
    return *group.run(body), planned, foretold


# -- cost --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_softspoken_sends_128_over_k_minus_one_bits_per_ot(k: int) -> None:
    group = Parties(2, lambda: SoftSpoken(k))
    _, trace = group.run(lambda context, engine: engine.extend(context, 64 * 100))
    assert (128 / k - 1) * 6400 / 8 == sent_bytes(trace, 0, ["ot_extension"])
    assert 32 + 64 * 128 == sent_bytes(trace, 0, ["base_ot"])
    assert 32 * 128 == sent_bytes(trace, 0, ["trees"])
    assert 3 == max(message.round for message in trace.messages)


def test_common_choices_cost_a_bit_for_every_sender_but_the_first() -> None:
    group = Parties(3, SoftSpoken)
    group.extend(1)
    _, trace = group.run(lambda context, engine: engine.extend(context, 6400, common=True))
    assert [(31 + 32) * 800] * 3 == [sent_bytes(trace, party) for party in range(3)]
    assert 1 == max(message.round for message in trace.messages)


def test_spans_say_what_costs() -> None:
    _, trace = Parties(2, SoftSpoken).run(lambda context, engine: engine.extend(context, 10))
    assert {("base_ot",), ("ot_extension",)} == {trace.span_path(m.sender, m.span) for m in trace.messages}


# -- random OTs --------------------------------------------------------------------------------------------------------


@every_engine
def test_hashed_blocks_are_random_ots(make: Callable[..., Engine]) -> None:
    alice, bob = living(make, 2).extend(500)
    (zeros, ones), chosen = alice.pads(1), bob.chosen(0)
    b = bits.unpack(bob.b[0], 500)[:, None]
    assert np.array_equal(np.where(b, ones, zeros), chosen)
    assert_fresh(np.concatenate([zeros, ones]))


def test_wide_strings_have_independent_chunks() -> None:
    alice, bob = living(SoftSpoken, 2).extend(50)
    pads = [half for chunk in alice.wide_pads(1, 3) for half in chunk]
    assert_fresh(np.concatenate(pads))
    b = bits.unpack(bob.b[0], 50)[:, None]
    for i, chosen in enumerate(bob.wide_chosen(0, 3)):
        assert np.array_equal(np.where(b, pads[2 * i + 1], pads[2 * i]), chosen)


def equal_blocks() -> np.ndarray:
    """The pads of two batches in which every block is the same."""
    same = np.full((100, 2), 7, np.uint64)
    delta = np.array([1, 2], np.uint64)
    return np.concatenate([pads for number in (0, 128) for pads in Batch(100, number, {1: delta}, {1: same}).pads(1)])


def test_equal_blocks_have_different_pads() -> None:
    assert_fresh(equal_blocks())


def test_this_would_be_seen_without_the_tweak(monkeypatch: pytest.MonkeyPatch) -> None:
    def untweaked(blocks: np.ndarray, first: int, *, chunk: int = 0, offset: Any = None) -> np.ndarray:
        room = np.empty((len(blocks) + 1, 2), np.uint64)
        _permutation(PI_KEY)(np.ascontiguousarray(blocks if offset is None else blocks ^ offset), room)
        return room[:-1]

    monkeypatch.setattr(shared, "hash_blocks", untweaked)
    with pytest.raises(AssertionError):
        assert_fresh(equal_blocks())


def test_pads_are_given_once() -> None:
    alice, bob = living(SoftSpoken, 2).extend(10)
    alice.pads(1)
    bob.chosen(0)
    with pytest.raises(MisuseError, match="spent as sender before"):
        alice.pads(1)
    with pytest.raises(MisuseError, match="spent as receiver before"):
        bob.chosen(0)


# -- life --------------------------------------------------------------------------------------------------------------


@kinds_of_engine
def test_after_a_failed_cell_all_begins_anew(make: Callable[..., Engine]) -> None:
    group = Parties(3, make)
    before = group.extend(100)

    def failing(context: Context, engine: Engine) -> Any:
        if context.index == 0:
            raise ValueError("in the middle of a cell")
        return engine.extend(context, 100)

    with pytest.raises((ValueError, RampError)):
        group.run(failing)
    after = group.extend(100)
    check(after)
    assert_fresh(np.concatenate([blocks(before), blocks(after)]))
    assert_fresh(np.array([delta for batch in before + after for delta in batch.delta.values()]))


def test_a_cell_with_a_seed_does_not_make_ots_predictable() -> None:
    cells = []
    for _ in range(2):
        group = Parties(2, SoftSpoken)

        def body(context: Context, engine: Engine) -> Batch:
            context.seed = b"public"  # type: ignore[assignment]
            return engine.extend(context, 100)

        cells += group.run(body)[0]
    assert_fresh(blocks(cells))


def test_branches_side_by_side_draw_in_one_order() -> None:
    group = living(SoftSpoken, 3)
    group.extend(1)

    def body(context: Context, engine: Engine) -> list[Batch]:
        def slow() -> Batch:
            engine.extend(context, 10)
            return engine.extend(context, 50)

        return context.parallel([slow, lambda: engine.extend(context, 70), slow])

    results, _ = group.run(body)
    branches = [[batches[i] for batches in results] for i in range(3)]
    for batches in branches:
        check(batches)
    assert_fresh(np.concatenate([blocks(batches) for batches in branches]))


def test_engines_and_batches_do_not_print_secrets() -> None:
    group = living(SoftSpoken, 2)
    batch = group.extend(3)[0]
    assert f"Batch(count=3, number={batch.number})" == repr(batch)
    assert "array" not in repr(group.engines[0])


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(MisuseValueError, match="k is 1, 2, 4 or 8"):
        SoftSpoken(3)
    with pytest.raises(MisuseValueError, match="0 or more; got -1"):
        Group(2).run(lambda context: SoftSpoken().extend(context, -1))


def test_an_engine_whose_peers_differ_in_k_is_found_out() -> None:
    with pytest.raises((ChannelError, RampError)):
        Group(2).run(lambda context: SoftSpoken(2 << context.index).extend(context, 100))


def test_a_wanted_delta_is_the_correlation() -> None:
    """Also after base OTs begin anew, as long as it is asked for."""
    delta = np.array([0x0123456789ABCDEF, 0xFEDCBA9876543210], np.uint64)
    for _ in range(2):
        engines = [SoftSpoken(deltas={1: delta}), SoftSpoken()]
        batches, _trace = Group(2).run(lambda context, engines=engines: engines[context.index].extend(context, 100))
        np.testing.assert_array_equal(delta, batches[0].delta[1])
        check(list(batches))


@pytest.mark.parametrize("name", ["ot:k=1", "ot:k=2", "ot", "ot:k=8", "silent"])
def test_bits_per_transfer_are_those_of_the_papers_and_of_the_readme(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At real size, on shapes: as planned, so sent."""
    monkeypatch.setattr(ferret, "SETUP", SETUP)
    monkeypatch.setattr(ferret, "MAIN", MAIN)
    engines = [engine_named(name) for _ in range(2)]
    _, start = plan(2, lambda context: engines[context.index].extend(context, 0))
    plan(2, lambda context: engines[context.index].extend(context, 1))
    count = 3 * (MAIN.trees - MAIN.reserve << MAIN.depth)  # three whole iterations
    _, trace = plan(2, lambda context: engines[context.index].extend(context, count))
    each = 8 * sent_bytes(trace, 0) / count
    engine, k = parts_of(name)
    assert each == pytest.approx(128 / k - 1 if engine == "ot" else 0.44, rel=0.02)

    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    [row] = [line for line in readme.splitlines() if line.startswith(f"| `{name}`") and line.endswith("bytes |")]
    _, measured, _, begin = [cell.strip() for cell in row.strip("|").split("|")]
    assert f"{each:.3g}" == measured
    assert f"{sent_bytes(start, 0):,} bytes" == begin
