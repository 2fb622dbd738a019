"""Four parties of which one may cheat: equal to numpy, planned as measured, at the paper's costs, and whoever falsifies anything is caught."""

import contextlib
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from ramp_notebook.errors import CellAborted, CheatingDetected, CheatingReported
from ramp_notebook.protocols import planes as packed
from ramp_notebook.protocols.checks import Checks
from ramp_notebook.protocols.context import Context
from ramp_notebook.protocols.fantastic_four import BLOCK, FantasticFour
from ramp_notebook.protocols.joint_messages import ROUTE_OF, ROUTES, JointMessages
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.testing.checked import unchecked
from ramp_notebook.testing.events import assert_same_events
from tests.parties_in_threads import Group, messages, plan

NAMES = ["alice", "bob", "carol", "dave"]
EXTREMES = np.array([0, 1, -1, 2**62 - 1, -(2**62), 5, -5, 2**40 + 3, -(2**40) - 3])


@pytest.fixture(scope="module")
def parties():
    with Coordinator(NAMES, launcher="inline") as coordinator:
        yield coordinator


def run(parties, text, x, y=EXTREMES):
    """A cell's outputs, after comparing its events with its plan's and reading from them that all was checked in time."""
    cell = Cell(
        'x, y = mpc.input("x", owner="alice"), mpc.input("y", owner="dave")\n' + text, protocol="fantastic-four", inputs={0: {"x": x}, 3: {"y": y}}
    )
    before = list(parties.directory)
    result = parties.run(cell)
    assert_same_events(plan_cell(cell, parties.names, before).trace, result.trace)
    assert unchecked(result.trace, "fantastic-four") == []
    return result.outputs


def test_it_computes_what_numpy_does(parties):
    text = """
less, same, joint, back = mpc.reveal(x < y), mpc.reveal(x == y), mpc.reveal(x & y), mpc.reveal((x & y) + 1)
product, counted, dot, only = mpc.reveal(x * y), mpc.reveal((x < y).sum()), mpc.reveal(x @ y), mpc.reveal(x, to="carol")
moved = mpc.reveal(gadgets.shuffle(x))"""
    x, y = EXTREMES, EXTREMES[::-1].copy()
    outputs = run(parties, text, x, y)
    expected = {"less": x < y, "same": x == y, "joint": x & y, "back": (x & y) + 1, "product": x * y, "counted": (x < y).sum(), "dot": x @ y}
    for name, value in expected.items():
        np.testing.assert_array_equal(value, outputs[name], err_msg=name)
    assert sorted(x) == sorted(outputs["moved"])


def test_products_of_many_blocks_and_of_none(parties):
    rng = np.random.default_rng(1)
    x, y = rng.integers(-(2**62), 2**62, (2, 5 * BLOCK + 17))
    text = "z, w = mpc.reveal(x * y), mpc.reveal(x & y)\ne = mpc.reveal(x[:0] * y[:0])\nm = mpc.reveal(x[:12].reshape(3, 4) @ y[:8].reshape(4, 2))"
    outputs = run(parties, text, x, y)
    np.testing.assert_array_equal(x * y, outputs["z"])
    np.testing.assert_array_equal(x & y, outputs["w"])
    np.testing.assert_array_equal(x[:12].reshape(3, 4) @ y[:8].reshape(4, 2), outputs["m"])
    assert outputs["e"].shape == (0,)


TRUNCATE = "from ramp_notebook import primitives\nz = mpc.reveal(primitives.truncate(x, {}, probabilistic={}))"


@pytest.mark.parametrize("bits", [1, 2, 31, 62])
def test_truncation_is_floor_and_at_random_floor_or_one_more(bits, parties):
    x = np.tile(EXTREMES, 100)
    np.testing.assert_array_equal(x >> bits, run(parties, TRUNCATE.format(bits, False), x)["z"])
    over = run(parties, TRUNCATE.format(bits, True), x)["z"] - (x >> bits)
    assert {0, 1} >= set(over.tolist())
    assert not over[x % 2**bits == 0].any(), "what divides evenly is not rounded"


def test_truncation_at_random_rounds_up_as_often_as_the_fraction_says(parties):
    x = np.full(40_000, -(2**30) * 16 + 5)
    ups = int((run(parties, TRUNCATE.format(4, True), x)["z"] - (x >> 4)).sum())
    assert abs(ups - len(x) * 5 / 16) < 5 * np.sqrt(len(x) * 5 / 16 * 11 / 16)


# -- costs ---------------------------------------------------------------------------------------------------------------

CHECKS = ("keys", "compare", "confirm")
AND = 6 / 64  # an element is 64 bits


@pytest.mark.parametrize(("text", "elements", "rounds"), [
    ("z = mpc.input('v', owner='bob')", 2, 1),
    ("z = mpc.random(1280)", 0, 0),
    ("z = mpc.public(x).sum()", 0, 0),
    ("z = mpc.public(x) * x[::-1] * mpc.public(x)", 6, 1),
    ("z = mpc.public(x) @ mpc.public(x)", 6 / 1280, 1),
    ("z = mpc.random_bits(1280 * 64) & mpc.random_bits(1280 * 64)", 6, 1),
    ("z = gadgets.shuffle(mpc.public(x))", 12, 4),
    ("z = mpc.public(x) < 0", 2 + 120 * AND, 7),
    ("z = mpc.public(x) == 0", 2 + 63 * AND, 7),
    ("from ramp_notebook import primitives\nz = primitives.bits_to_int(mpc.random_bits(1280))", 6, 2),
    ("from ramp_notebook import primitives\nz = primitives.to_arithmetic(primitives.bits_as_words(mpc.random_bits(1280)))", 4 + 321 * AND, 9),
    ("from ramp_notebook import primitives\nz = primitives.truncate(mpc.public(x), 8, probabilistic=True)", 10, 2),
    ("from ramp_notebook import primitives\nz = primitives.truncate(mpc.public(x), 8)", 2 + 2 + 123 * AND + 12, 10),
])  # fmt: skip
def test_what_four_parties_send(text, elements, rounds):
    """Elements in total per number, and rounds, but for keys and checks."""
    cell = Cell("x = np.arange(1280)\n" + text, protocol="fantastic-four", inputs={1: {"v": np.arange(1280)}})
    trace = plan_cell(cell, NAMES).trace
    sent = [message for message in trace.messages if message.tag not in CHECKS]
    assert elements == sum(message.payload_bytes for message in sent) / 8 / 1280
    assert rounds == len({message.round for message in sent})


def test_all_checks_of_a_cell_together_cost_40_bytes_from_each_to_each_and_two_rounds():
    texts = [f"x = mpc.public(np.arange({n}))\n" + "x = x * x\n" * depth for n, depth in ((10, 1), (10_000, 20))]
    for text in texts:
        trace = plan_cell(Cell(text, protocol="fantastic-four"), NAMES).trace
        checks = [message for message in trace.messages if message.tag in ("compare", "confirm")]
        assert 12 * (32 + 8) == sum(message.payload_bytes for message in checks)
        assert 2 == len({message.round for message in checks})


def test_a_reveal_costs_an_element_and_a_hash_for_each_who_gets_the_value():
    for receivers, text in ((4, "mpc.reveal(x)"), (1, 'mpc.reveal(x, to="bob")')):
        trace = plan_cell(Cell(f"x = mpc.public(np.arange(100))\n{text}", protocol="fantastic-four"), NAMES).trace
        assert receivers * (8 * 100 + 32) == sum(message.payload_bytes for message in trace.messages if message.tag == "reveal")


# -- joint messages ------------------------------------------------------------------------------------------------------


def test_every_two_parties_have_a_route_and_no_two_routes_share_a_link():
    assert {frozenset(pair) for pair in combinations(range(4), 2)} == set(ROUTE_OF)
    assert len({(route.sender, route.receiver) for route in ROUTES}) == 6
    for route in ROUTES:
        assert {0, 1, 2, 3} == {route.sender, route.voucher, route.receiver, route.rest}


# -- cheating ------------------------------------------------------------------------------------------------------------


class Cheating(Context):
    """One party changes one message: the k-th of those that it sends."""

    cheater, at, change = -1, -1, staticmethod(lambda words: words + np.uint64(1))
    sent: Counter = Counter()

    def exchange(self, tag, sends, receives, **options):
        if self.index != self.cheater:
            return super().exchange(tag, sends, receives, **options)
        for _ in options.get("fill") or ():
            pass
        options.pop("fill", None)
        changed = {}
        for peer, array in sorted(sends.items()):
            changed[peer] = array
            if self.sent["now"] == self.at and array.size:
                changed[peer] = np.array(array)
                changed[peer].reshape(-1)[-1:] = self.change(changed[peer].reshape(-1)[-1:])
            self.sent["now"] += 1
            self.sent[tag, peer] += 1
        return super().exchange(tag, changed, receives, **options)


N = 3
STOPPED = (CheatingDetected, CheatingReported, CellAborted)


def everything(p):
    """All primitives; the tags of all that can be falsified."""
    own = np.array([3, 2**62, 5], np.uint64)
    x, y = (p.input(owner, own if p.me == owner else None, (N,), binary=False) for owner in (0, 3))
    x, y = p.multiply(x, y), p.multiply(y, p.random((N,), binary=False))
    bits = p.conjunction(p.sign(x), p.is_zero(y))
    x = p.matmul(p.bits_to_ring(bits, N).reshape(3, 1, N), y.reshape(3, N, 1)).reshape(3, 1) + x
    words = p.to_binary(x)
    x, words = p.shuffle([(p.to_arithmetic(words), False), (words, True)])
    x = p.truncate(x, 3) + p.truncate_probabilistic(y, 3)
    p.verify()
    return [p.reveal(x, (0, 1, 2, 3), binary=False), p.reveal(words, (2, 1), binary=True)]


def outcomes(program=everything, protocol=FantasticFour, **cheat):
    """What became of every party: its results, or the kind of error that stopped it. An honest one that is told to stop ends the run."""

    class Context(Cheating):
        sent = Counter()

    for name, value in cheat.items():
        setattr(Context, name, value)

    results = [None] * 4

    def body(context):
        party = protocol(context)
        try:
            results[party.me] = program(party)
            party.verify()
        except STOPPED as error:
            results[party.me] = type(error)
            if isinstance(error, CheatingReported) and party.me != Context.cheater:
                raise

    with contextlib.suppress(CheatingReported):
        Group(4, Context).run(body)
    return results, Context.sent


def caught(result):
    return result in STOPPED if isinstance(result, type) else False


def sent_by(party, program):
    """(tag, receiver) of every message, in the order in which `Cheating` counts them."""
    sent = []

    class Noting(Cheating):
        def exchange(self, tag, sends, receives, **options):
            if self.index == party:
                sent.extend((tag, peer) for peer in sorted(sends))
            return super().exchange(tag, sends, receives, **options)

    def body(context):
        engine = FantasticFour(context)
        program(engine)
        engine.verify()

    Group(4, Noting).run(body)
    return sent


def attacks(program=everything):
    """For every party the first and the last message of every kind to every other party."""
    for cheater in range(4):
        sent = sent_by(cheater, program)
        for kind in dict.fromkeys(sent):
            places = [k for k, other in enumerate(sent) if other == kind]
            for at in sorted({places[0], places[-1]}):
                yield cheater, at, kind[0]


CHANGES = [lambda words: words + np.uint64(1), lambda words: words ^ np.uint64(1 << 63), lambda words: words * np.uint64(0) + np.uint64(7)]


def test_whoever_falsifies_any_message_stops_all_others_before_they_reveal_anything():
    seen = Counter()
    for cheater, at, tag in attacks():
        results, _ = outcomes(cheater=cheater, at=at, change=staticmethod(CHANGES[at % 3]))
        honest = [result for party, result in enumerate(results) if party != cheater]
        stops = any if tag == "confirm" else all  # who is told to stop stops: others find nothing wrong, and nothing is
        assert stops(map(caught, honest)), f"party {cheater} got through with `{tag}`, its message {at}: {results}"
        if tag not in ("compare", "confirm", "reveal"):
            assert honest == [CheatingDetected] * 3, f"who notices `{tag}` of party {cheater} must not say anything: {results}"
        seen[tag] += 1
    assert set(seen) == FantasticFour.owing | {"compare", "confirm"}
    assert sum(seen.values()) > 100


def test_a_conversion_opens_nothing_that_comes_out_of_a_falsified_adder():
    """What two parties see of it is uniform only if the adder really subtracted what they do not know."""

    def converting(p):
        words = p.input(0, np.array([3, 2**62, 5], np.uint64) if p.me == 0 else None, (N,), binary=True)
        deliver = p.checks.deliver

        def noting(tag, *rest, **options):
            opened.extend([p.me] * (tag == "open masked"))
            return deliver(tag, *rest, **options)

        p.checks.deliver = noting
        p.to_arithmetic(words)

    opened = []
    ands = [(cheater, at) for cheater, at, tag in attacks(converting) if tag == "and"]
    assert {*opened} == {0, 1, 2, 3}
    for cheater, at in ands:
        opened.clear()
        results, _ = outcomes(converting, cheater=cheater, at=at)
        assert all(caught(result) for party, result in enumerate(results) if party != cheater)
        assert not {*opened} - {cheater}


@pytest.mark.parametrize("party", range(4))
def test_a_party_that_could_cheat_and_does_not_passes(party):
    results, sent = outcomes(cheater=party)
    assert sent["now"] > 60
    assert not any(map(caught, results))


def test_honest_parties_pass_and_agree():
    results, _ = outcomes()
    assert all(np.array_equal(result[0], results[0][0]) for result in results)
    assert np.array_equal(results[1][1], results[2][1])
    assert results[0][1] is results[3][1] is None
    assert messages(plan(4, lambda context: everything(FantasticFour(context)))[1]) == messages(
        Group(4).run(lambda context: everything(FantasticFour(context)))[1]
    )


class NobodyVouches(JointMessages):
    """The planted bug: who vouches for a message compares nothing."""

    def deliver(self, tag, routes, values, shapes, **options):
        views, self._views = self._views, {}
        came = super().deliver(tag, routes, values, shapes, **options)
        self._views = views
        return came


class Unvouched(FantasticFour):
    def __init__(self, context, kept=None):
        super().__init__(context, kept)
        self.checks = NobodyVouches(context)


class BlindReveal(FantasticFour):
    """The planted bug: nobody compares what is revealed with its hash."""

    def reveal(self, x, to, *, binary):
        confirm, self.checks.confirm = self.checks.confirm, lambda check, fine, begun: confirm(check, True, begun)
        try:
            return super().reveal(x, to, binary=binary)
        finally:
            del self.checks.confirm


class Unasked(FantasticFour):
    """The planted bug: what two receivers of an input got is not compared."""

    def input(self, owner, value, shape, *, binary):
        self.agree()
        views, self.checks._views = self.checks._views, {}
        share = super().input(owner, value, shape, binary=binary)
        self.checks._views = views
        return share


class AnyKey(FantasticFour):
    """The planted bug: two parties do not compare the keys that they were dealt."""

    def agree(self):
        super().agree()
        self.checks._views.clear()


def sharing(p):
    return p.input(0, np.array([3], np.uint64) if p.me == 0 else None, (1,), binary=False)


BUGS = [
    (Unvouched, "multiply", lambda p: p.multiply(sharing(p), sharing(p))),
    (BlindReveal, "reveal", lambda p: p.reveal(p.zeros((1,), binary=False), (0, 1, 2, 3), binary=False)),
    (Unasked, "input", sharing),
    (AnyKey, "keys", lambda p: p.random((1,), binary=False)),
]


@pytest.mark.parametrize(("bug", "tag", "program"), BUGS, ids=lambda value: getattr(value, "__name__", value))
def test_a_check_left_out_lets_somebody_through(bug, tag, program):
    def through(protocol):
        results = [outcomes(program, protocol, cheater=cheater, at=at)[0] for cheater, at, kind in attacks(program) if kind == tag]
        return sum(not any(map(caught, result)) for result in results)

    assert through(bug) > 0
    assert through(FantasticFour) == 0


# -- what a failed check tells --------------------------------------------------------------------------------------------


def two_stories(secret):
    """Party 3 tells two others different shares of its input, whose product with a secret bit then differs, or does not."""

    def program(p):
        x = p.input(0, np.array([secret], np.uint64) if p.me == 0 else None, (1,), binary=False)
        y = p.input(3, np.array([5], np.uint64) if p.me == 3 else None, (1,), binary=False)
        x[...] = 0  # a secret that stands in one component alone, where it makes all the difference
        if p.me != SECRET:
            x[p.at(SECRET)] = secret
        p.multiply(x, y)

    return program


SECRET = 0


def stopped(protocol, component):
    """The outcomes of the honest parties with a secret 0 and with a secret 1."""
    global SECRET
    SECRET = component
    first_input = next(at for cheater, at, tag in attacks(two_stories(0)) if cheater == 3 and tag == "input")
    return [outcomes(two_stories(secret), protocol, cheater=3, at=first_input)[0][:3] for secret in (0, 1)]


class Telling(FantasticFour):
    """The planted bug: parties send each other plain hashes, and who finds a difference says so."""

    def __init__(self, context, kept=None):
        super().__init__(context, kept)
        self.checks.compare = lambda: Checks.compare(self.checks)


def test_who_stops_does_not_depend_on_secrets():
    for component in range(4):
        assert stopped(FantasticFour, component) == [[CheatingDetected] * 3] * 2
    assert any(without != with_it for without, with_it in (stopped(Telling, component) for component in range(4)))


def test_what_a_cheater_hears_in_a_failed_comparison_is_no_hash_of_what_others_have():
    """Both times the same views: what honest parties say of them together is their hash under the cheater's keys only if they agree."""

    def together(differ):
        def body(context):
            checks = JointMessages(context)
            for peer in checks.peers:
                checks.alike(peer, np.array([int(differ and context.index == 1 and peer == 2)], np.uint64))
            heard = []
            exchange = context.exchange
            context.exchange = lambda tag, sends, receives: heard.append(exchange(tag, sends, receives)) or heard[-1]
            passed = checks.compare()
            return passed, np.bitwise_xor.reduce(list(heard[0].values()))

        return Group(4).run(body)[0]

    assert [passed for passed, _ in together(False)] == [True] * 4
    assert [passed for passed, _ in together(True)] == [False] * 4


def test_what_parallel_branches_owe_while_a_check_is_under_way_stays_open():
    """One branch checks and reveals while the other still multiplies: the cheat in its last product is caught."""

    def program(p):
        x = p.input(0, np.array([3], np.uint64) if p.me == 0 else None, (1,), binary=False)

        def short():
            p.verify()
            return p.reveal(x, (0, 1, 2, 3), binary=False)

        def long():
            p.multiply(x, x)
            return p.multiply(x, x)

        return p.context.parallel([short, long])

    assert [int(result[0][0]) for result in outcomes(program)[0]] == [3] * 4
    for cheater, at, tag in attacks(program):
        if tag != "confirm":
            results, _ = outcomes(program, cheater=cheater, at=at)
            assert all(caught(result) for party, result in enumerate(results) if party != cheater), f"`{tag}` of party {cheater}"


@pytest.mark.parametrize("component", range(4))
def test_halves_add_up_however_a_number_splits(component):
    """All of the secret in one component, the rest zero or -1: carries run through, or stop at, every half."""
    values = np.array([0, 1, 2**63, 2**64 - 1, 2**63 - 1], np.uint64)
    for others in (0, 2**64 - 1):
        numbers = values + np.uint64(3 * others % 2**64)
        signed = numbers.view(np.int64)

        def program(p, others=others):
            x = np.full((3, len(values)), others, np.uint64)
            if p.me != component:
                x[p.at(component)] = values
            told = [packed.unpack(p.reveal(bits, range(4), binary=True), len(values)) for bits in (p.sign(x), p.is_zero(x))]
            words = p.reveal(p.to_binary(x), range(4), binary=True)
            return [*told, words, *(p.reveal(y, range(4), binary=False) for y in (p.truncate(x, 5), p.to_arithmetic(p.to_binary(x))))]

        negative, zero, words, shifted, back = outcomes(program)[0][2]
        np.testing.assert_array_equal(signed < 0, negative)
        np.testing.assert_array_equal(signed == 0, zero)
        np.testing.assert_array_equal(numbers, words)
        np.testing.assert_array_equal((signed >> 5).view(np.uint64), shifted)
        np.testing.assert_array_equal(numbers, back)
