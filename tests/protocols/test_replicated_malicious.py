"""`replicated-malicious`: its primitives, what they cost, and that whatever one party sends, the other two do not go on."""

import contextlib
import math

import numpy as np
import pytest

from ramp_notebook.errors import CheatingDetected, CheatingReported
from ramp_notebook.protocols import buckets, replicated_malicious
from ramp_notebook.protocols.buckets import Lists, cheapest_lists
from ramp_notebook.protocols.checks import CONFIRM, LEAST_BITS, Checks
from ramp_notebook.protocols.context import Context
from ramp_notebook.protocols.replicated_malicious import ReplicatedMalicious
from ramp_notebook.testing.checked import unchecked
from ramp_notebook.trace.recorder import OpenSpan
from ramp_notebook.values.bits import unpack, word_count
from tests.parties_in_threads import Group, messages, plan, sent_bytes

EVERYONE = (0, 1, 2)
EXTREMES = np.array([0, 1, -1, 2**63 - 1, -(2**63), 2**62, -(2**62), 12345, -99999], np.int64)


def shared(engine, values, owner=0, binary=False):
    values = np.asarray(values).view(np.uint64)
    return engine.input(owner, values if engine.me == owner else None, values.shape, binary=binary)


def opened(engine, share, binary=False):
    engine.verify()
    with OpenSpan(engine.context.recorder, "reveal"):
        return engine.reveal(share, EVERYONE, binary=binary)


def alone(run, context=Context):
    """The result at every party of `run(engine)`, and the trace."""
    results, trace = Group(3, context).run(lambda each: run(ReplicatedMalicious(each)))
    return results, trace


def value_of(run):
    results, _ = alone(run)
    assert all(np.array_equal(result, results[0]) for result in results)
    return results[0]


# -- primitives --------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[None, 64], ids=["as it is", "few words at a time"])
def few_at_a_time(request, monkeypatch):
    """Products are checked on the way, and blocks and groups of lists are small."""
    if request.param:
        monkeypatch.setattr(replicated_malicious, "MOST_WORDS", 8 * request.param)
        monkeypatch.setattr(replicated_malicious, "COPIED_WORDS", request.param)
        monkeypatch.setattr(buckets, "BLOCK", request.param)
        monkeypatch.setattr(buckets, "AT_ONCE", 8 * request.param)


@pytest.mark.parametrize("n", [0, 1, 9, 600, 3000])
def test_products_are_numpys(n, few_at_a_time):
    x, y = np.resize(EXTREMES, n), np.resize(EXTREMES[::-1], n) * 3
    with np.errstate(over="ignore"):
        expected = (x * y).view(np.uint64)
    assert np.array_equal(expected, value_of(lambda p: opened(p, p.multiply(shared(p, x), shared(p, y, 1)))))
    both = value_of(lambda p: opened(p, p.conjunction(shared(p, x, 1, True), shared(p, y, 2, True)), True))
    assert np.array_equal((x & y).view(np.uint64), both)


@pytest.mark.parametrize("shape", [((3,), (3,)), ((2, 3), (3, 4)), ((20, 7), (7, 30)), ((400, 5), (5,)), ((2, 15, 4), (4, 15)), ((0, 3), (3, 2))])
def test_matrix_products_are_numpys(shape):
    rng = np.random.default_rng(1)
    x, y = (rng.integers(-(2**63), 2**63, each) for each in shape)
    assert np.array_equal((x @ y).view(np.uint64), value_of(lambda p: opened(p, p.matmul(shared(p, x), shared(p, y, 1)))))


@pytest.mark.parametrize("n", [1, 9, 200])
def test_conversions_and_truncations_are_exact(n, few_at_a_time):
    x = np.resize(EXTREMES, n)

    def run(p):
        number, word = shared(p, x, 1), shared(p, x, 2, True)
        bits = p.sign(number)
        answers = [opened(p, p.to_binary(number), True), opened(p, p.to_arithmetic(word)), opened(p, p.truncate(number, 5))]
        return [*answers, opened(p, p.truncate_probabilistic(number, 63)), opened(p, p.bits_to_ring(bits, n)), opened(p, p.is_zero(number), True)]

    results, _ = alone(run)
    words, numbers, quotients, signs, negative, zero = results[2]
    for expected, actual in ((x, words), (x, numbers), (x >> 5, quotients), (x >> 63, signs), (x < 0, negative)):
        assert np.array_equal(expected, actual.view(np.int64))
    assert np.array_equal(x == 0, unpack(zero, n))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10])
def test_a_shuffle_keeps_rows_together(n):
    x = np.arange(2 * n).reshape(n, 2)

    def run(p):
        columns = [(shared(p, x, 0), False), (shared(p, x[:, 0], 1, True), True), (shared(p, -x[:, 1], 2), False)]
        first, second, third = p.shuffle(columns)
        return np.column_stack([opened(p, first), opened(p, second, True), -opened(p, third)])

    rows = value_of(run).reshape(n, 4)
    assert np.array_equal(rows[:, :2], rows[:, 2:])
    assert np.array_equal(x, rows[np.argsort(rows[:, 0]), :2])


def test_all_orders_of_three_rows_are_equally_likely():
    counts = np.zeros(6)

    def run(p):
        rows = [p.shuffle([(shared(p, np.arange(3)), False)])[0] for _ in range(300)]
        return opened(p, np.stack(rows, axis=1))

    for order in value_of(run):
        counts[int(order[0]) * 2 + int(order[1] > order[2])] += 1
    assert ((counts - 50) ** 2 / 50).sum() < 35  # chi square of 5 degrees: once in 700,000


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_a_check_takes_the_cheapest_lists_that_miss_little_enough():
    for products in (1, 2, 3, 10, 1000, 2003, 10**5, 10**6, 1_000_003, 2**21):
        for bits in (40.1, 42, 50, 60):
            lists = cheapest_lists(products, bits)
            assert lists.missed_bits >= bits
            assert lists.length > products
            assert all(lists.length % k for k in range(2, math.isqrt(lists.length) + 1))
    assert cheapest_lists(10**6, 40.1).count == 2


@pytest.mark.parametrize(("n", "elements"), [(1000, 17), (10**5, 10.1), (10**6, 7.5), (2 * 10**6, 7.3)])
def test_a_product_costs_one_element_and_three_for_every_triple(n, elements):
    def run(context):
        engine = ReplicatedMalicious(context)
        x = engine.random((n,), binary=False)
        engine.verify()
        engine.multiply(x, x)
        engine.verify()
        return cheapest_lists(n, -math.log2(2.0**-LEAST_BITS * buckets.share_of_budget(n)))

    results, trace = plan(3, run)
    fixed = 8 * 2 * (4 + 4 + 2 + 2 + 2 + 1)  # to both peers: commitment, opening, three comparisons, a word
    fixed -= 0 if results[0].count * results[0].length <= buckets.AT_ONCE else -8 * 2 * 2 * (results[0].count - 1)
    for party in EVERYONE:
        sent = sent_bytes(trace, party)
        assert sent == 8 * (n + 3 * results[0].places) + fixed
        assert sent / n / 8 < elements


def test_what_all_checks_of_a_cell_miss_stays_below_the_bound():
    def run(context):
        engine = ReplicatedMalicious(context)
        for n in [10**6, 1, 2**21, 2**21, 10**5, *[2**21] * 20, *[1] * 500, 2**20]:
            x = engine.random((n,), binary=False)
            engine.multiply(x, x)
            engine.verify()
        return engine.missed_bits

    assert plan(3, run)[0][0] >= LEAST_BITS


@pytest.mark.parametrize(
    ("operation", "rounds"),
    [("multiply", 1), ("sign", 7), ("to_binary", 7), ("is_zero", 8), ("bits_to_ring", 2)],
)
def test_rounds_are_those_stated(operation, rounds):
    arguments = {"multiply": lambda p, x: (x, x), "bits_to_ring": lambda p, x: (x[:, : word_count(1000)], 1000)}

    def run(context):
        engine = ReplicatedMalicious(context)
        x = engine.random((1000,), binary=False)
        getattr(engine, operation)(*arguments.get(operation, lambda p, x: (x,))(engine, x))

    _, trace = plan(3, run)
    assert max(m.round for m in trace.messages) == rounds
    assert messages(trace)


# -- one party sends something else ------------------------------------------------------------------------------------


class Tampering(Context):
    """Changes one message of one party on its way out: the nth of those with a tag."""

    cheater, tag, nth, change = -1, "", 0, None
    counted: dict[str, int] = {}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sent = {}

    def exchange(self, tag, sends, receives, *, fill=None, out=None):
        if self.index != self.cheater or not sends:
            return super().exchange(tag, sends, receives, fill=fill, out=out)
        number = self.sent[tag] = self.sent.get(tag, -1) + 1
        self.counted[tag] = max(self.counted.get(tag, 0), number + 1)
        if tag == self.tag and number == self.nth:
            for _ in fill or ():
                pass
            fill = None
            sends = {peer: type(self).change(np.array(values), peer) for peer, values in sends.items()}
            if tag == CONFIRM:  # who says that something is wrong does not go on either
                super().exchange(tag, sends, {})
                raise CheatingReported("itself")
        return super().exchange(tag, sends, receives, fill=fill, out=out)


def cheating(cheater, tag, nth, change):
    return type("Cheating", (Tampering,), {"cheater": cheater, "tag": tag, "nth": nth, "change": staticmethod(change), "counted": {}})


def add_one(values, peer):
    values.reshape(-1)[-1:] += np.uint64(1)
    return values


def flip_top(values, peer):
    values.reshape(-1)[:1] ^= np.uint64(1 << 63)
    return values


def tell_one_only(values, peer):
    return add_one(values, peer) if peer == 1 else values


def everything(engine):
    """A program of all primitives; how each party ended, and what was revealed to it."""
    shown = []
    try:
        x, y = shared(engine, EXTREMES, 0), shared(engine, EXTREMES[::-1], 1)
        product, smaller, matrix = engine.multiply(x, y), engine.sign(x), engine.matmul(x[:, :, None], y[:, None, :])
        number = engine.to_arithmetic(engine.to_binary(y))
        quotient, zero, bit = engine.truncate(x, 3), engine.is_zero(y), engine.bits_to_ring(smaller, 9)
        (row,) = engine.shuffle([(x[:, :3], False)])
        big = engine.matmul(np.concatenate([x, y], axis=1)[:, :, None], np.concatenate([x, y], axis=1)[:, None, :])
        for share, binary in ((product, False), (matrix, False), (number, False), (quotient, False), (zero, True), (bit, False), (row, False), (big, False)):
            shown.append(opened(engine, share, binary))
    except (CheatingDetected, CheatingReported) as problem:
        return problem, shown
    return None, shown


TAGS = ["multiply", "and", "matmul", "helpers", "commit", "open", "compare", "masked", "confirm", "reveal"]


@pytest.fixture(scope="module")
def counted():
    """Of every party, how many messages of each tag it sends."""
    contexts = [cheating(party, "", 0, None) for party in EVERYONE]
    for context in contexts:
        assert [None] * 3 == [ended for ended, _ in alone(everything, context)[0]]
    return [context.counted for context in contexts]


def test_a_program_of_all_primitives_sends_nothing_but_what_is_tampered_with(counted):
    assert all({*TAGS, "input"} == {*each, "input"} for each in counted)


def test_everything_is_checked_before_it_is_revealed_inside_a_conversion_too():
    assert unchecked(alone(everything)[1], "replicated-malicious") == []


def test_branches_side_by_side_reveal_only_what_was_checked():
    """The second branch wants to reveal while the first still checks what both depend on."""

    def run(context):
        engine = ReplicatedMalicious(context)
        product = engine.multiply(shared(engine, EXTREMES), shared(engine, EXTREMES))

        with pytest.raises((CheatingDetected, CheatingReported)) if cheats else contextlib.nullcontext():
            return context.parallel([lambda: opened(engine, product)] * 2)

    for cheats, context in ((False, Context), (True, cheating(1, "multiply", 0, add_one))):
        results, trace = Group(3, context).run(run)
        reveals = [m.round for m in trace.messages if m.tag == "reveal"]
        if cheats:
            assert not reveals
        else:
            assert all(np.array_equal((EXTREMES * EXTREMES).view(np.uint64), value) for values in results for value in values)


@pytest.mark.parametrize("cheater", EVERYONE)
@pytest.mark.parametrize("tag", TAGS)
def test_whatever_a_party_changes_the_others_stop_before_they_see_a_wrong_result(tag, cheater, counted, right):
    for nth in sorted({0, counted[cheater][tag] // 2, counted[cheater][tag] - 1}):
        for change in (add_one, flip_top) if nth else (add_one,):
            stops(cheating(cheater, tag, nth, change), right, CheatingDetected if tag != CONFIRM else CheatingReported)


@pytest.mark.parametrize("cheater", [0, 2])
@pytest.mark.parametrize("tag", ["commit", "open"])
def test_a_coin_of_which_one_party_hears_another_story_is_not_used(tag, cheater, counted, right):
    for nth in (0, counted[cheater][tag] - 1):
        stops(cheating(cheater, tag, nth, tell_one_only), right, CheatingDetected)


def stops(context, right, how):
    results, _ = alone(everything, context)
    assert context.counted[context.tag] > context.nth, "nothing was changed"
    honest = [result for party, result in enumerate(results) if party != context.cheater]
    stopped = [ended for ended, _ in honest]
    assert None not in stopped, (context.tag, context.nth, stopped)
    assert how in map(type, stopped)
    if context.tag in ("multiply", "and", "matmul"):  # a reveal would notice as well, if the cheater does not stand by what it sent
        assert any("check of products" in str(problem) for problem in stopped)
    for _, shown in honest:
        for mine, expected in zip(shown, right, strict=False):
            assert np.array_equal(np.sort(mine), np.sort(expected))


@pytest.fixture(scope="module")
def right():
    return alone(everything)[0][0][1]


class NoViews(ReplicatedMalicious):
    """Leaves the last step of the check out."""

    def view_of_zero(self, share, domain): ...


class ByOneMore(cheating(1, "multiply", 0, add_one)):
    """Stands by its wrong product when it is revealed."""

    def exchange(self, tag, sends, receives, *, fill=None, out=None):
        if self.index == self.cheater and tag == "reveal":
            sends = {peer: add_one(np.array(values), peer) for peer, values in sends.items()}
        return super().exchange(tag, sends, receives, fill=fill, out=out)


def test_without_the_last_comparison_a_wrong_product_is_revealed():
    def run(context, kind):
        engine = kind(context)
        return opened(engine, engine.multiply(shared(engine, EXTREMES), shared(engine, EXTREMES)))

    results, _ = Group(3, ByOneMore).run(lambda context: run(context, NoViews))
    assert not np.array_equal((EXTREMES * EXTREMES).view(np.uint64), results[0])
    with pytest.raises((CheatingDetected, CheatingReported)):
        Group(3, ByOneMore).run(lambda context: run(context, ReplicatedMalicious))


@pytest.mark.parametrize("tag", ["masked", "open"])
def test_a_party_that_was_lied_to_tells_nothing_of_its_shares(tag, monkeypatch):
    """Carol's remainders would show a factor to whoever sent her one wrong sum: where there is a product, they are noise."""
    monkeypatch.setattr(buckets, "cheapest_lists", lambda products, bits: Lists(1, products + 2))
    monkeypatch.setattr(Checks, "note_missed", lambda self, bits: None)
    told = {}

    class Telling(ReplicatedMalicious):
        def view_of_zero(self, share, domain):
            told[self.me] = share.copy()
            super().view_of_zero(share, domain)

    def run(context):
        engine = Telling(context)
        engine.multiply(shared(engine, EXTREMES), shared(engine, EXTREMES))
        engine.verify()

    Group(3).run(run)
    assert np.array_equal(told[0][0], told[2][1])  # both hold component 0
    with pytest.raises((CheatingDetected, CheatingReported)):
        Group(3, cheating(1, tag, 0, lambda values, peer: add_one(values, peer) if peer == 2 else values)).run(run)
    assert (told[0][0] == told[2][1]).sum() <= 2


def test_who_hears_another_coin_knows_it_before_anything_is_opened():
    engines, fine = {}, {}

    class Watched(cheating(1, "open", 0, lambda values, peer: add_one(values, peer) if peer == 2 else values)):
        def exchange(self, tag, sends, receives, *, fill=None, out=None):
            if tag == "masked":
                fine.setdefault(self.index, engines[self.index].fine)
            return super().exchange(tag, sends, receives, fill=fill, out=out)

    def run(context):
        engine = engines[context.index] = ReplicatedMalicious(context)
        engine.multiply(shared(engine, EXTREMES), shared(engine, EXTREMES))
        engine.verify()

    with pytest.raises((CheatingDetected, CheatingReported)):
        Group(3, Watched).run(run)
    assert (fine[0], fine[2]) == (False, False)


# -- how often, and on what it depends ---------------------------------------------------------------------------------


def passed(monkeypatch, lists, runs, change, x, y):
    """Of so many checks of the product x y with few lists, how many pass where party 1 changes messages."""
    monkeypatch.setattr(buckets, "cheapest_lists", lambda products, bits: lists)
    monkeypatch.setattr(Checks, "note_missed", lambda self, bits: None)

    class Guessing(Context):
        def exchange(self, tag, sends, receives, *, fill=None, out=None):
            if self.index == 1 and sends and tag in change:
                for _ in fill or ():
                    pass
                fill, sends = None, {peer: change[tag](np.array(values)) for peer, values in sends.items()}
            return super().exchange(tag, sends, receives, fill=fill, out=out)

    def run(context):
        engine, count = ReplicatedMalicious(context), 0
        left, right = shared(engine, [x] * lists.length)[:, : lists.length - 1], shared(engine, [y] * lists.length)[:, : lists.length - 1]
        for _ in range(runs):
            engine.multiply(left, right)
            try:
                engine.verify()
                count += 1
            except (CheatingDetected, CheatingReported):
                engine.fine, engine.unchecked = True, {domain: [] for domain in engine.unchecked}
                engine.context.stopped_by = None  # the same parties try again, which none may
        return count

    results, _ = Group(3, Guessing).run(run)
    assert results[0] == results[2]
    return results[0]


def adding(places, error=1):
    def change(values):
        values.reshape(-1)[list(places)] += np.uint64(error)
        return values

    return change


def assert_likely(count, runs, probability):
    spread = math.sqrt(runs * probability * (1 - probability))
    assert abs(count - runs * probability) < 5 * spread, f"{count} of {runs} passed; {runs * probability:.0f} are expected"


@pytest.mark.parametrize(
    ("lists", "products", "triples"),
    [
        (Lists(1, 3), [0], [0]),
        (Lists(2, 3), [0], [0, 3]),
        (Lists(1, 5), [0, 2], [1, 3]),  # one turn of five lays one pair of errors on the other
        (Lists(1, 5), [0, 1, 2, 3], [0, 1, 2, 3]),
    ],
)
def test_a_cheater_who_guesses_gets_through_as_often_as_the_formula_says(lists, products, triples, monkeypatch):
    runs = 600
    count = passed(monkeypatch, lists, runs, {"multiply": adding(products), "helpers": adding(triples)}, 3, 4)
    assert_likely(count, runs, 2.0**-lists.missed_bits)


@pytest.mark.parametrize(
    "change",
    [
        {"multiply": adding([0])},  # no triple has the same error
        {"helpers": adding([0])},  # no product has
        {"multiply": adding([0]), "helpers": adding([0, 1])},
        {"multiply": adding([0], 1 << 63), "helpers": adding([0, 1], 1 << 62)},  # zero divisors gain nothing
        {"masked": adding([0], 1 << 63)},
    ],
)
def test_errors_that_do_not_match_never_get_through(change, monkeypatch):
    assert passed(monkeypatch, Lists(1, 3), 60, change, 3, 4) == 0


def test_whether_a_run_is_stopped_does_not_depend_on_inputs(monkeypatch):
    runs = 1000
    change = {"multiply": adding([0], 1 << 63), "helpers": adding([0], 1 << 63)}
    for x, y in ((0, 0), (-1, 2**63 - 1)):
        assert_likely(passed(monkeypatch, Lists(1, 3), runs, change, x, y), runs, 1 / 3)
