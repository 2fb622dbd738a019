"""Oblivious transfers against active parties: exact among honest ones, and every message that is bent ends them at all others."""

import numpy as np
import pytest
from parties_in_threads import Group, messages, plan, sent_bytes

from ramp_notebook.errors import CheatingDetected
from ramp_notebook.protocols.checks import Checks
from ramp_notebook.protocols.preprocessing.softspoken_active import SoftSpokenActive
from ramp_notebook.values import bits

TAGS = ("base_ot", "trees", "tree_proofs", "ot_extension", "choice_values")


def extended(context, count=300, engine=None, **options):
    engine = engine or SoftSpokenActive()
    engine.checks = Checks(context)
    return engine.extend(context, count, **options)


def outcome(body, context, bend=None):
    """What `body` returns, or the kind of error; party 0's messages go through `bend`."""
    if context.index == 0 and bend:
        honest = context.exchange
        context.exchange = lambda tag, sends, receives, **rest: honest(tag, bend(tag, dict(sends)), receives, **rest)
    try:
        return body(context)
    except CheatingDetected as problem:
        return type(problem)


def one_bit(tag_to_bend, everyone=True):
    def bend(tag, sends):
        if tag == tag_to_bend:
            for peer in list(sends)[: None if everyone else 1]:
                sends[peer] = sends[peer].copy()
                place = (slice(None), 0) if tag == "ot_extension" else 0  # one group alone would be a guess of four bits of Δ
                (sends[peer] if tag == "ot_extension" else sends[peer].reshape(-1))[place] ^= np.uint64(1 << 7)
        return sends

    return bend


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("common", [False, True])
@pytest.mark.parametrize("k", [1, 4])
def test_blocks_agree_and_a_plan_foretells_every_message(parties, common, k):
    def body(context):
        return extended(context, engine=SoftSpokenActive(k), common=common)

    batches, trace = Group(parties).run(body)
    assert messages(plan(parties, body)[1]) == messages(trace)
    for sender, batch in enumerate(batches):
        for receiver, q in batch.q.items():
            b = bits.unpack(batches[receiver].b[sender], 300)
            assert np.array_equal(q ^ b[:, None] * batch.delta[receiver], batches[receiver].t[sender])


def test_cost_is_what_the_docstring_says():
    _, trace = Group(2).run(lambda context: extended(context, 6400))
    assert 31 * (6400 + 128) / 8 == sent_bytes(trace, 0, ["ot_extension"])
    assert 16 * 129 == sent_bytes(trace, 0, ["choice_values"])


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("tag", TAGS[1:])
@pytest.mark.parametrize("everyone", [True, False])
def test_a_bent_message_ends_it_for_all_who_are_honest(parties, tag, everyone):
    results, _ = Group(parties).run(lambda context: outcome(extended, context, one_bit(tag, everyone)))
    assert all(isinstance(result, type) and issubclass(result, CheatingDetected) for result in results[1:]) or tag == "trees"
    if tag == "trees":  # half of what a tree's maker sends is never looked at: a guess of the path
        assert len({isinstance(result, type) for result in results}) == 1


class TwoFaced(SoftSpokenActive):
    """Turns a choice towards party 2 on all groups of the code, and goes on as if it had been so from the start."""

    def _check_choices(self, context, directions, words, q, mine):
        if context.index == 0:
            turned = mine[2][0].copy()
            turned[0] ^= np.uint64(4)
            mine = {**mine, 2: (turned, mine[2][1])}
        super()._check_choices(context, directions, words, q, mine)


def test_different_choices_towards_different_senders_are_noticed():
    def bend(tag, sends):
        if tag == "ot_extension":
            sends[2] = sends[2].copy()
            sends[2][:, 0] ^= np.uint64(4)
        return sends

    results, _ = Group(3).run(lambda context: outcome(lambda c: extended(c, engine=TwoFaced(), common=True), context, bend))
    assert all(isinstance(result, type) for result in results[1:])


class Trusting(SoftSpokenActive):
    def _choices_fit(self, peer, q, points, values):
        return True


def test_without_the_check_wrong_corrections_would_pass():
    results, _ = Group(2).run(lambda context: outcome(lambda c: extended(c, engine=Trusting()), context, one_bit("ot_extension")))
    assert not any(isinstance(result, type) for result in results)


def test_a_failure_destroys_the_base_transfers():
    engines = [SoftSpokenActive() for _ in range(2)]
    bend = one_bit("choice_values")
    Group(2).run(lambda context: outcome(lambda c: extended(c, engine=engines[c.index]), context, bend))
    for engine in engines:
        assert not any((engine._receiving, engine._sending, engine._delta, engine._life))
