"""MACs on numbers and bits: exact among two and three parties, costs as in the papers, and no message can be changed unnoticed."""

import contextlib
import itertools
from dataclasses import replace

import numpy as np
import pytest

from ramp_notebook import registry
from ramp_notebook.errors import CheatingDetected, MisuseError, OptionError
from ramp_notebook.protocols import checks, openings
from ramp_notebook.protocols.checks import Checks
from ramp_notebook.protocols.context import Context
from ramp_notebook.protocols.openings import Openings
from ramp_notebook.protocols.preprocessing.authenticated import Keys
from ramp_notebook.protocols.preprocessing.authenticated_dealing import AuthenticatedDealer, _with_mac
from ramp_notebook.protocols.security import ADVERSARIES
from ramp_notebook.protocols.spdz2k import Spdz2k
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.needs import needs_of
from ramp_notebook.runtime.options import check
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.testing.checked import unchecked
from ramp_notebook.testing.conformance import check_obliviousness
from ramp_notebook.testing.events import assert_same_events
from ramp_notebook.values import wide
from ramp_notebook.values.streams import Stream, fresh_key
from ramp_notebook.wire.cheats import Cheat
from tests import with_a_dealer

NAMES = ["alice", "bob", "carol", "dave"]
TWO = 'x, y = mpc.input("x", owner="alice"), mpc.input("y", owner="bob")\n'
EDGES = np.array([2**63 - 1, -(2**63), -1, 0, 1, 2**40, -(2**40), 2**62 + 5, -(2**62) - 5, 12345678901])


@pytest.fixture(scope="module")
def groups():
    living = {count: Coordinator(NAMES[:count], launcher="inline") for count in (2, 3)}
    yield living
    for coordinator in living.values():
        coordinator.stop()


def cell(text, **inputs):
    """Inputs are x at alice and y at bob."""
    given = {k: {name: inputs[name]} for k, name in enumerate("xy") if name in inputs}
    return Cell(text, protocol="spdz2k", preprocessing="dealer", inputs=given)


def run(parties, text, **inputs):
    """The finished run, which has to be as planned and checked in time."""
    it, before, kept = cell(text, **inputs), list(parties.directory), dict(parties.kept)
    result = parties.run(it)
    plan = plan_cell(it, parties.names, before, reveals=result.outcomes[0].reveals, kept=kept)
    assert_same_events(plan.trace, result.trace)
    assert [] == unchecked(result.trace, "spdz2k")
    return Run.of(result)


def test_a_product_among_two(groups):
    done = run(groups[2], TWO + "z = mpc.reveal(x * y)", x=np.array([3]), y=np.array([5]))
    assert [15] == done.outputs["z"]
    assert done.label.text().startswith("malicious with abort, 1 of 2, 2^-5")


@pytest.mark.parametrize("count", [2, 3])
def test_operators_at_the_ends_of_the_range(count, groups):
    x, y = EDGES, EDGES[::-1].copy()
    text = 'x, y = (mpc.input(name, owner=owner, full_range=True) for name, owner in (("x", "alice"), ("y", "bob")))\n'
    terms = ["x + y", "x - y", "x * y", "x < y", "x == y", "x & y", "x ^ y", "-x", "x << 7", "5 - x", "x * 7", "x @ y"]
    outputs = run(groups[count], text + "\n".join(f"r{k} = mpc.reveal({term})" for k, term in enumerate(terms)), x=x, y=y).outputs
    with np.errstate(over="ignore"):
        for k, term in enumerate(terms):
            np.testing.assert_array_equal(eval(term, {"x": x, "y": y}), outputs[f"r{k}"], err_msg=term)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("bits", [1, 13, 62, 63])
def test_truncation_is_exact_for_every_shift(count, bits, groups):
    z = run(groups[count], f'x = mpc.input("x", owner="alice", full_range=True)\nz = mpc.reveal(x >> {bits})', x=EDGES).outputs["z"]
    np.testing.assert_array_equal(EDGES >> bits, z)


def test_there_and_back_between_numbers_and_words(groups):
    text = (
        CONVERTING + 'x = mpc.input("x", owner="alice", full_range=True)\nw = to_binary(x)\nz, u = mpc.reveal(to_arithmetic(w)), mpc.reveal(w)'
    )
    outputs = run(groups[2], text, x=EDGES).outputs
    np.testing.assert_array_equal(EDGES, outputs["z"])
    np.testing.assert_array_equal(EDGES, outputs["u"])


@pytest.mark.parametrize("count", [2, 3])
def test_what_only_some_may_know(count, groups):
    text = TWO + 'one, both = mpc.reveal(x * y, to="bob"), mpc.reveal(x < y, to=["alice", "bob"])\n'
    text += 'print(mpc.party, None if one is None else one.tolist(), None if both is None else both.tolist())'
    printed = [outcome.printed.strip() for outcome in groups[count].run(cell(text, x=np.array([2, -3]), y=np.array([5, -7]))).outcomes]
    assert ["alice None [True, False]", "bob [10, 21] [True, False]", "carol None None"][:count] == printed


@pytest.mark.parametrize("count", [2, 3])
def test_a_shuffle_keeps_rows_together(count, groups):
    text = TWO + "a, b, c = gadgets.shuffle([x, y, x > 3])\na, b, c = mpc.reveal(a), mpc.reveal(b), mpc.reveal(c)"
    x = np.arange(9)
    orders = set()
    for _ in range(3):
        outputs = run(groups[count], text, x=x, y=x * x - 7).outputs
        np.testing.assert_array_equal(outputs["a"] ** 2 - 7, outputs["b"])
        np.testing.assert_array_equal(outputs["a"] > 3, outputs["c"])
        np.testing.assert_array_equal(x, np.sort(outputs["a"]))
        orders.add(tuple(outputs["a"]))
    assert 3 == len(orders)


@pytest.mark.parametrize("name", ["less_than", "select", "equal"])
def test_messages_do_not_depend_on_data(name, groups):
    check_obliviousness(name, registry.gadgets[name].facts, "spdz2k", groups[2])


def test_a_cell_has_made_before_exactly_what_it_spends(groups):
    text = TWO + "z = x * y\nw = gadgets.shuffle(x < y)\nu = mpc.reveal(x >> 2)\nv = x.reshape(2, 2) @ y.reshape(2, 2)"
    it = cell(text, x=np.arange(4), y=np.arange(4))
    with Coordinator(NAMES[:2], launcher="inline") as parties:
        done = Run.of(parties.run(replace(it, needs=needs_of(it, parties.names))))
    assert {"triples", "bit triples", "edaBits 64", "edaBits 2", "edaBits 62", "daBits", "masks of party 0"} < set(done.supplies)
    assert all(made == used and not left for made, used, left in done.supplies.values())
    with pytest.raises(MisuseError, match="with MACs spends no translations"), Coordinator(NAMES[:2], launcher="inline") as parties:
        parties.run(replace(it, needs={("translations", 2, 1, 1): 1}, source="", stocking=True))


# -- costs -------------------------------------------------------------------------------------------------------------


def sent(run, gadget, party=0):
    """Bytes that a party sent to all others, and in how many steps."""
    paths = run.trace.span_path
    mine = [m for m in run.trace.messages if m.sender == party and m.phase == "online" and gadget in paths(party, m.span)]
    return sum(m.payload_bytes for m in mine), sum(m.receiver == 1 - party for m in mine)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(
    ("body", "gadget", "words"),
    [("x * y", "multiply", 4 * 128), ("x.reshape(8, 16) @ y.reshape(16, 8)", "matmul", 4 * 128), ("(x < 0) & (y < 0)", "and", 2 * 2)],
)
def test_a_product_opens_two_numbers_of_two_words_in_one_round(count, body, gadget, words, groups):
    done = run(groups[count], TWO + f"z = {body}", x=np.arange(128), y=np.arange(128))
    assert (8 * words * (count - 1), 1) == sent(done, gadget)


def test_comparing_opens_one_number_and_the_inputs_of_120_ands(groups):
    """One number of 128 bits and two bits an AND: 368 bits each way. MP-SPDZ's circuit takes 118 ANDs (data61/MP-SPDZ#1405)."""
    done = run(groups[2], TWO + "z = x < y", x=np.arange(640), y=np.arange(640))
    assert (640 * (128 + 2 * 120) // 8, 7) == sent(done, "less_than")


def test_few_elements_open_few_words(groups):
    """The 63, 31, 15, 7, 3 and 1 ANDs of a comparison's levels are a word each for one element, and not one for every AND."""
    done = run(groups[2], TWO + "z = x < y", x=np.array([3]), y=np.array([5]))
    assert (16 + 2 * 8 * 6, 7) == sent(done, "less_than")
    assert {"edaBits 64": (64, 64, 0), "bit triples": (64 * 6, 64 * 6, 0)}.items() <= done.supplies.items()


@pytest.mark.parametrize("n", [1, 31, 32, 33, 64])
def test_small_numbers_of_elements_are_compared_exactly(n, groups):
    x, y = np.arange(n) - 7, (np.arange(n) * 5) % 11 - 5
    z = run(groups[2], TWO + "z = mpc.reveal(x < y), mpc.reveal(x == y), mpc.reveal(x >> 2)", x=x, y=y).outputs["z"]
    for expected, computed in zip((x < y, x == y, x >> 2), z, strict=True):
        np.testing.assert_array_equal(expected, computed)


CONVERTING = "from ramp_notebook.secret.conversions import to_arithmetic, to_binary\n"


@pytest.mark.parametrize(
    ("body", "primitive", "rounds", "ands"),
    [
        ("x == 0", "is_zero", 7, 63), ("to_binary(x)", "to_binary", 7, 6 * 64), ("to_arithmetic(to_binary(x))", "to_arithmetic", 7, 6 * 64),
        ("x >> 1", "truncate", 9, 2 * 64), ("x >> 32", "truncate", 9, 2 * 64),
    ],
)  # fmt: skip
def test_what_goes_between_numbers_and_bits_takes_as_many_rounds_as_stated(body, primitive, rounds, ands, groups):
    done = run(groups[2], CONVERTING + f'x = mpc.input("x", owner="alice")\nz = {body}', x=np.arange(640))
    sent_bytes, steps = sent(done, primitive)
    assert rounds == steps
    assert sent_bytes <= 640 * (128 + 2 + 2 * ands) // 8


@pytest.mark.parametrize("count", [2, 3])
def test_a_shuffle_takes_a_round_for_every_layer_of_switches(count, groups):
    """20 switches of 8 rows in 5 layers for each party: settings, a word of daBits for all of them, and a product each."""
    it = cell('x = mpc.input("x", owner="alice")\nz = gadgets.shuffle(x)', x=np.arange(8))
    done = Run.of(groups[count].run(replace(it, needs=needs_of(it, groups[count].names))))
    mine = [m for m in done.trace.messages if m.sender == 0 and m.phase == "online" and "shuffle" in done.trace.span_path(0, m.span)]
    assert 2 + 5 * count == len({m.sent_at for m in mine})
    assert 8 * (count - 1) * (1 + 1 + count * 4 * 20) == sum(m.payload_bytes for m in mine)


def test_a_check_costs_six_rounds_and_a_few_words_whatever_it_covers(groups):
    for n in (1, 1000):
        done = run(groups[2], TWO + "z = x * y", x=np.arange(n), y=np.arange(n))
        assert (8 * (4 + (2 + 2) + 4 + (2 + 2) + 2 + 1), 6) == sent(done, "check openings")


def test_long_cells_check_in_between_so_that_memory_stays_the_same(groups, monkeypatch):
    monkeypatch.setattr(openings, "MOST_BYTES", 3000)
    done = run(groups[2], TWO + "for _ in range(10): x = x * y\nz = mpc.reveal(x)", x=np.ones(30, np.int64), y=np.ones(30, np.int64))
    assert [1] * 30 == done.outputs["z"].tolist()
    assert 3 < sum(m.tag == "confirm" and m.sender == 0 and m.line == 2 for m in done.trace.messages)


# -- cheating ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def cheating(monkeypatch, tag, change, party=1, peers=None, nth=0):
    """Within, `party` changes what it sends at the nth step with this tag: to all, or to some only."""
    exchange, seen = Context.exchange, itertools.count()
    done = []

    def bent(self, name, sends, receives, **options):
        if self.index == party and name == tag and sends and not self.planned and next(seen) == nth:
            done.append(name)
            sends = {peer: change(words.copy()) if peers is None or peer in peers else words for peer, words in sends.items()}
        return exchange(self, name, sends, receives, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Context, "exchange", bent)
        yield
    assert done, f"nothing was sent at {tag}"


def one_more(words):
    words.reshape(-1)[0] += np.uint64(1)
    return words


def high_bit(words):
    words.reshape(-1)[0] ^= np.uint64(1 << 63)
    return words


def noise(words):
    return words ^ Stream(fresh_key()).words(words.shape)


ALL_STEPS = TWO + (
    "a = mpc.reveal(x * y)\nb = mpc.reveal(x < y)\nc = mpc.reveal((x > 0) & (y > 0))\nd = mpc.reveal((x > y).sum())\n"
    'e = mpc.reveal(x @ y)\nf = mpc.reveal(x >> 3, to="alice")\ng = mpc.reveal(gadgets.shuffle(x))\nh = mpc.reveal(x & y)'
)
KEY_WORDS = 2  # of a coin, and of the check of numbers, which follows it
TAGS = ["input", "multiply", "masked", "and", "bits_to_ring", "matmul", "reveal", "commit", "open", "confirm"]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("change", [one_more, high_bit, noise])
@pytest.mark.parametrize("tag", TAGS)
def test_whatever_is_changed_is_noticed_before_anything_is_revealed(tag, change, count, monkeypatch):
    with Coordinator(NAMES[:count], launcher="inline") as parties:
        with cheating(monkeypatch, tag, change), pytest.raises(CheatingDetected):
            parties.run(cell(ALL_STEPS, x=np.array([3, -4, 5]), y=np.array([5, 5, -6])))
        with pytest.raises(MisuseError, match="cheating was noticed"):
            parties.run(cell("z = 1"))


@pytest.mark.parametrize("tag", ["multiply", "masked", "reveal"])
def test_what_is_changed_in_high_words_changes_no_result(tag, monkeypatch):
    """An error of 2^127 meets alpha and chi in their lowest bits alone, and no result in any."""

    def highest_bit(words):
        words.reshape(2, -1)[1] ^= np.uint64(1 << 63)
        return words

    x, y = np.array([3, -4, 5]), np.array([5, 5, -6])
    passed = 0
    for _ in range(12):
        with Coordinator(NAMES[:2], launcher="inline") as parties, cheating(monkeypatch, tag, highest_bit), contextlib.suppress(CheatingDetected):
            outputs = parties.run(cell(TWO + "z, w = mpc.reveal(x * y), mpc.reveal(x < y)", x=x, y=y)).outputs
            np.testing.assert_array_equal(x * y, outputs["z"])
            np.testing.assert_array_equal(x < y, outputs["w"])
            passed += 1
    assert passed


@pytest.mark.parametrize("tag", ["reveal", "reveal to one"])
@pytest.mark.parametrize("nth", [0, 2, 5])
def test_a_changed_reveal_is_noticed_whichever_it_is(tag, nth, monkeypatch):
    to = ', to="alice"' if tag == "reveal to one" else ""
    text = TWO + "".join(f"\na{k} = mpc.reveal({term}{to})" for k, term in enumerate(["x", "x < y", "x * y", "x > y", "x[0]", "y"]))
    with Coordinator(NAMES[:2], launcher="inline") as parties, cheating(monkeypatch, "reveal", one_more, nth=nth), pytest.raises(CheatingDetected) as told:
        parties.run(cell(text, x=np.array([3, -4, 5]), y=np.array([5, 5, -6])))
    assert f"line {nth + 3}" in str(told.value)


@pytest.mark.parametrize("tag", ["input", "multiply", "and", "masked", "bits_to_ring", "reveal", "open", "compare"])
def test_two_stories_are_noticed(tag, monkeypatch):
    with Coordinator(NAMES[:3], launcher="inline") as parties, cheating(monkeypatch, tag, one_more, peers=[2]), pytest.raises(CheatingDetected):
        parties.run(cell(ALL_STEPS, x=np.array([3, -4, 5]), y=np.array([5, 5, -6])))


def test_a_point_that_base_transfers_refuse_is_cheating_too():
    """Any error that another party is to blame for ends the parties, whatever it is called among curious ones."""
    spoiled = replace(cell(TWO + "z = mpc.reveal(x * y)", x=3, y=5), preprocessing="ot", cheats=(Cheat("bob", "base_ot"),))
    with Coordinator(NAMES[:2], launcher="inline") as parties:
        with pytest.raises(CheatingDetected, match="not what its step allows .bob sent a point"):
            parties.run(replace(spoiled, needs=needs_of(spoiled, parties.names, parties.directory)))
        assert parties.ended_by_cheating


def test_who_listens_before_it_opens_what_has_to_vanish_is_noticed(monkeypatch):
    """A rushing party spoils a product and opens, in the check, what makes the sum vanish; it had committed to something else."""
    at_once = Checks.at_once

    def rushing(self, mine):
        if self.context.index != 1 or self.context.planned or (mine.size == KEY_WORDS and not seen["coin"]):
            seen["coin"] |= self.context.index == 1
            return at_once(self, mine)
        everyone, seen["coin"] = dict.fromkeys(self.peers, (mine.size + 2,)), False
        self.context.exchange("commit", {0: np.zeros(4, np.uint64)}, {0: (4,)})
        heard = self.context.exchange("open", {}, everyone)[0][: mine.size]
        answer = wide.negate(heard)
        self.context.exchange("open", {0: np.concatenate([answer, np.zeros(2, np.uint64)])}, {})
        seen["answers"] += 1
        return {0: heard, 1: answer}

    seen = {"coin": False, "answers": 0}
    monkeypatch.setattr(Checks, "at_once", rushing)
    with Coordinator(NAMES[:2], launcher="inline") as parties, cheating(monkeypatch, "multiply", one_more), pytest.raises(CheatingDetected):
        parties.run(cell(TWO + "z = mpc.reveal(x * y)", x=np.array([3]), y=np.array([5])))
    assert 1 == seen["answers"]


def test_reveals_side_by_side_wait_for_one_check_of_what_both_depend_on(groups):
    text = TWO + "a = x * y\nz, w = mpc.parallel(lambda: mpc.reveal(a), lambda: mpc.reveal(a + 1))"
    outputs = run(groups[3], text, x=np.array([3]), y=np.array([5])).outputs
    assert ([15], [16]) == (outputs["z"], outputs["w"])


PRODUCT = TWO + "z = mpc.reveal(x * y)\nw = mpc.reveal((x > 0) & (y > 0))"


@pytest.mark.parametrize(("tag", "output"), [("multiply", "z"), ("and", "w")])
def test_without_the_check_of_macs_results_are_wrong(tag, output, monkeypatch, groups):
    """The planted fault: what has to vanish is not looked at."""
    monkeypatch.setattr(Openings, "_vanish", lambda *_: True)
    x, y = np.arange(-50, 50), np.arange(100)[::-1] - 50
    with cheating(monkeypatch, tag, noise):
        outputs = groups[2].run(cell(PRODUCT, x=x, y=y)).outputs
    assert not np.array_equal({"z": x * y, "w": (x > 0) & (y > 0)}[output], outputs[output])


@pytest.mark.parametrize("tag", ["input", "multiply"])
def test_without_comparing_what_was_heard_macs_still_notice_two_stories(tag, monkeypatch):
    monkeypatch.setattr(Openings, "_note", lambda self, said: (self.checks.owe(), setattr(self, "_said", True)))
    with Coordinator(NAMES[:3], launcher="inline") as parties, cheating(monkeypatch, tag, one_more, peers=[2]), pytest.raises(CheatingDetected):
        parties.run(cell(PRODUCT, x=np.array([3, -4, 5]), y=np.array([5, 5, -6])))


def test_two_stories_of_a_single_bit_are_compared(monkeypatch):
    """What was heard is looked at by itself: here nobody looks at the MACs."""
    monkeypatch.setattr(Openings, "_vanish", lambda *_: True)
    with Coordinator(NAMES[:3], launcher="inline") as parties, cheating(monkeypatch, "and", one_more, peers=[2]), pytest.raises(CheatingDetected):
        parties.run(cell(PRODUCT, x=np.array([3, -4, 5]), y=np.array([5, 5, -6])))


def test_a_party_that_changes_its_shares_is_noticed(monkeypatch, groups):
    """Not what it sends but what it has: an input's mask, of which the others know nothing."""
    masks = AuthenticatedDealer.make

    def bent(self, context, kind, count):
        items = masks(self, context, kind, count)
        if context.index == 1 and kind == ("masks", 1) and not context.planned:
            items[0][...] += np.uint64(1)
        return items

    with monkeypatch.context() as patch:
        patch.setattr(AuthenticatedDealer, "make", bent)
        outputs = Coordinator(NAMES[:2], launcher="inline")
        with outputs as parties:  # another input is its own affair
            assert [3 * 4] == parties.run(cell(TWO + "z = mpc.reveal(x * y)", x=np.array([3]), y=np.array([5]))).outputs["z"]


# -- how likely cheating is missed -------------------------------------------------------------------------------------


class Alone:
    """A context of two parties side by side, without messages."""

    count, planned = 2, False

    def __init__(self, index, key):
        self.index, self._stream = index, Stream(key)

    def stream(self, peer):
        return self._stream


class Counting:
    def __init__(self, index):
        self.peers, self.missed = [1 - index], []

    def note_missed(self, bits):
        self.missed.append(bits)


def missed(key_bits, error, binary, words=3):
    """Whether a single opening with this error passes, under fresh keys and coins; and what was said of that before."""
    shared, keys = fresh_key(), [Keys.fresh(key_bits) for _ in range(2)]
    alpha, delta = keys[0].alpha + keys[1].alpha, keys[0].delta ^ keys[1].delta
    own = Stream(fresh_key())
    secret = own.words((words,)) if binary else own.words((2, words))
    joint = _with_mac(secret, 65 if binary else 4, alpha, delta)
    first = own.words(joint.shape)
    shares = [first, joint ^ first if binary else wide.subtract(joint, first)]
    opened = secret.copy()
    if binary:
        opened[0] ^= np.uint64(error)
    else:
        opened[:, :1] = wide.add(opened[:, :1], wide.of_int(error).reshape(2, 1))
    said, coin = [], fresh_key()
    for index in range(2):
        one = Openings(Alone(index, shared), Counting(index), keys[index], key_bits)
        part = [(opened, shares[index][1:])] if binary else [(opened, shares[index][2:])]
        said.append(one._combinations(part, Stream(coin)) if binary else one._residue(part, Stream(coin)))
    return one._vanish(said, not binary), one.checks.missed[0]


def chance_of_missing(key_bits, error, binary):
    """By counting keys and coins. Of numbers: alpha chi error = 0 modulo 2^(64 + s); of bits: one of three chances of 2^-s."""
    if binary:
        return 1 - (1 - 2.0**-key_bits) ** 3
    sums = np.convolve(np.ones(1 << key_bits), np.ones(1 << key_bits))
    chis = np.arange(1 << key_bits)
    modulus = 1 << (64 + key_bits)
    passing = sum(sums[alpha] * sum((alpha * int(chi) * error) % modulus == 0 for chi in chis) for alpha in range(len(sums)))
    return float(passing) / (1 << 3 * key_bits)


@pytest.mark.parametrize(("error", "binary"), [(1, False), (1 << 62, False), (1 << 63, False), (1, True), (1 << 63, True)])
def test_short_keys_miss_as_often_as_the_formula_says(error, binary):
    tries, key_bits = 4000, 6
    expected = chance_of_missing(key_bits, error, binary)
    count = sum(missed(key_bits, error, binary)[0] for _ in range(tries))
    assert abs(count - expected * tries) < 5 * np.sqrt(expected * tries)
    assert expected <= 2.0 ** -missed(key_bits, error, binary)[1]


@pytest.mark.parametrize("secret", [0, 2**62])
def test_whole_runs_with_short_keys_miss_as_often_whatever_is_secret(secret, monkeypatch):
    """The same through the protocol: what passes is a product of a wrong factor, whose MAC fits. Whether it does tells nothing."""
    tries, key_bits, results = 400, 3, []
    monkeypatch.setattr(Spdz2k, "key_bits", key_bits)
    monkeypatch.setattr(checks, "LEAST_BITS", -100)
    number, five = np.full(1, secret, np.uint64), np.full(1, 5, np.uint64)

    def body(context):
        party = Spdz2k(context)
        x = party.input(0, None if context.index else number, (1,), binary=False)
        y = party.input(1, five if context.index else None, (1,), binary=False)
        x = wide.add(x, np.array([[context.index], [0], [0], [0]], np.uint64))  # party 1 changes its share, but not that of the MAC
        try:
            product = party.multiply(x, y)
            party.verify()
            return party.reveal(product, range(2), binary=False)
        except CheatingDetected:
            return None

    for _ in range(tries):
        results += with_a_dealer.dealt(2, body)[0]
    passed = [result for result in results[::2] if result is not None]
    expected = chance_of_missing(key_bits, 1, False) * tries
    assert abs(len(passed) - expected) < 5 * np.sqrt(expected)
    assert {5 * (secret + 1) % 2**64} == {int(result[0]) for result in passed}
    assert [result is None for result in results[::2]] == [result is None for result in results[1::2]]


@pytest.mark.parametrize("binary", [False, True])
def test_full_keys_miss_nothing_and_let_pass_what_is_right(binary):
    assert all(missed(64, 0, binary)[0] for _ in range(200))
    assert not any(missed(64, error, binary)[0] for error in (1, 2, 1 << 32, 1 << 63) for _ in range(500))


def test_what_a_cell_misses_is_in_its_label_and_must_stay_small(groups, monkeypatch):
    done = run(groups[2], TWO + "z = mpc.reveal(x * y)\nw = mpc.reveal(x < y)", x=3, y=5)
    assert "2^-56" in done.label.text() or "2^-55" in done.label.text()
    monkeypatch.setattr(checks, "LEAST_BITS", 60)
    with pytest.raises(Exception, match="miss more than one cheater"), Coordinator(NAMES[:2], launcher="inline") as parties:
        parties.run(cell(TWO + "z = mpc.reveal(x * y)", x=3, y=5))


# -- what hides values -------------------------------------------------------------------------------------------------


def test_high_words_and_shares_are_new_at_every_reveal(groups, monkeypatch):
    seen, numbers = [], Openings.numbers

    def noted(self, tag, share, *, blinded=False):
        opened = numbers(self, tag, share, blinded=blinded)
        if tag == "reveal" and not self.context.planned:
            seen.append(opened[1].copy())
        return opened

    monkeypatch.setattr(Openings, "numbers", noted)
    groups[2].run(cell(TWO + "a, b = mpc.reveal(x), mpc.reveal(x)", x=np.arange(5), y=1))
    assert 2 * 5 == len(np.unique(np.concatenate(seen)))


def test_with_another_protocol_the_label_is_the_weaker_one(groups):
    text = TWO + 'with mpc.using("additive"):\n    w = mpc.reveal(mpc.convert(x) * mpc.convert(y))\nz = mpc.reveal(x * y)'
    done = Run.of(groups[2].run(cell(text, x=np.array([3]), y=np.array([5]))))
    assert ([15], [15]) == (done.outputs["w"], done.outputs["z"])
    assert done.label.text().startswith("semi-honest")


# -- composition -------------------------------------------------------------------------------------------------------


def test_preprocessing_for_curious_parties_is_refused_by_name():
    for source in ("silent",):
        with pytest.raises(OptionError, match=f"`spdz2k` takes --preprocessing .*dealer.*from `{source}`"):
            check({"protocol": "spdz2k", "preprocessing": source}, {})
        with pytest.raises(OptionError, match="spdz2k"):
            check({"protocol": "spdz2k"}, {"preprocessing": source})
    with pytest.raises(OptionError, match="--store means nothing under --protocol spdz2k"):
        check({"protocol": "spdz2k", "store": "stock"}, {})
    with Coordinator(NAMES[:2], launcher="inline") as parties:
        with pytest.raises(MisuseError, match="from `silent` it cannot"):
            parties.run(Cell("z = 1", protocol="spdz2k", preprocessing="silent"))
        with pytest.raises(MisuseError, match="no --store"):
            parties.run(Cell("z = 1", protocol="spdz2k", preprocessing="dealer", store="stock"))


def test_the_label_is_the_minimum_of_the_protocol_and_its_source(groups, monkeypatch):
    assert ADVERSARIES[2] == Spdz2k.security.adversary == AuthenticatedDealer.adversary
    monkeypatch.setattr(AuthenticatedDealer, "adversary", ADVERSARIES[1])
    done = Run.of(groups[2].run(cell(TWO + "z = mpc.reveal(x * y)", x=3, y=5)))
    assert done.label.text().startswith("semi-honest, 1 of 2")
    assert "trusted dealer" in done.label.text()


def test_one_party_is_refused():
    with pytest.raises(ValueError, match="two parties or more"):
        Spdz2k.check_parties(1)
