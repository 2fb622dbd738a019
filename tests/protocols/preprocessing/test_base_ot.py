"""Base OTs give equal keys where they should, separate every instance, and refuse bad points."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nacl.bindings as sodium
import nacl.exceptions
import numpy as np
import pytest
from parties_in_threads import Group, messages, plan

import ramp_notebook
from ramp_notebook.errors import PeerError
from ramp_notebook.protocols.context import Context
from ramp_notebook.protocols.preprocessing import base_ot
from ramp_notebook.protocols.preprocessing.base_ot import base_ots

COUNT = 6
CHOICES = np.array([0, 1, 1, 0, 1, 0], np.uint8)
Change = Callable[[np.ndarray], np.ndarray]


def make(context: Context) -> Any:
    return base_ots(context, {peer: CHOICES for peer in range(context.count) if peer != context.index})


def tampered(index: int, change: Change) -> Callable[[Context], Any]:
    """Base OTs in which party `index` changes what it sends."""

    def body(context: Context) -> Any:
        if context.index == index:
            honest = context.exchange
            context.exchange = lambda tag, sends, receives: honest(tag, {p: change(a) for p, a in sends.items()}, receives)  # type: ignore
        return make(context)

    return body


@pytest.mark.parametrize("parties", [2, 3])
def test_the_receiver_has_the_key_it_chose_and_not_the_other(parties: int) -> None:
    results, _ = Group(parties).run(make)
    for i in range(parties):
        for j in set(range(parties)) - {i}:
            keys, chosen = results[i][0][j], results[j][1][i]
            assert np.array_equal(keys[np.arange(COUNT), CHOICES], chosen)
            assert not (keys[np.arange(COUNT), 1 - CHOICES] == chosen).all(axis=1).any()


def test_a_plan_foretells_every_message() -> None:
    assert messages(Group(3).run(make)[1]) == messages(plan(3, make)[1])


def test_all_keys_of_all_pairs_directions_and_sessions_differ() -> None:
    group = Group(3)
    cells = [group.run(make)[0] for _ in range(2)]
    keys = np.concatenate([keys.reshape(-1, 2) for results in cells for sender, _ in results for keys in sender.values()])
    assert 2 * 6 * COUNT * 2 == len(np.unique(keys, axis=0))


# -- points ------------------------------------------------------------------------------------------------------------

P = 2**255 - 19
IDENTITY = (1).to_bytes(32, "little")
ORDER_TWO = (P - 1).to_bytes(32, "little")
ORDER_FOUR = bytes(32)
ORDER_EIGHT = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
GOOD = sodium.crypto_scalarmult_ed25519_base_noclamp((12345).to_bytes(32, "little"))


def off_the_curve() -> bytes:
    y = 2
    while True:  # x² = (y² − 1) / (d·y² + 1) has no root for half of all y
        d = -121665 * pow(121666, -1, P) % P
        square = (y * y - 1) * pow(d * y * y + 1, -1, P) % P
        if pow(square, (P - 1) // 2, P) == P - 1:
            return y.to_bytes(32, "little")
        y += 1


BAD_POINTS = {
    "identity": IDENTITY,
    "order 2": ORDER_TWO,
    "order 4": ORDER_FOUR,
    "order 8": ORDER_EIGHT,
    "prime order plus order 8": sodium.crypto_core_ed25519_add(GOOD, ORDER_EIGHT),
    "not on the curve": off_the_curve(),
    "identity, not canonical": (P + 1).to_bytes(32, "little"),
    "all ones": b"\xff" * 32,
}


@pytest.mark.parametrize("place", [0, 1, 2 * COUNT])
@pytest.mark.parametrize("name", BAD_POINTS)
def test_bad_points_are_refused_wherever_they_stand(name: str, place: int) -> None:
    def change(points: np.ndarray) -> np.ndarray:
        points = points.copy()
        points[place] = np.frombuffer(BAD_POINTS[name], np.uint64)
        return points

    with pytest.raises(PeerError, match="bob sent a point"):
        Group(2).run(tampered(1, change))


def test_the_good_point_of_these_tests_is_good() -> None:
    assert base_ot._checked(GOOD, "bob") == GOOD
    with pytest.raises(PeerError):
        base_ot._checked(ORDER_EIGHT, "bob")


def test_points_that_cancel_to_the_identity_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_ot._Instances, "to_group", lambda self, instance, side, other: GOOD)
    negative = sodium.crypto_core_ed25519_sub(sodium.crypto_core_ed25519_sub(GOOD, GOOD), GOOD)
    with pytest.raises(PeerError, match="bob sent a point"):
        Group(2).run(tampered(1, lambda points: np.tile(np.frombuffer(negative, np.uint64), (len(points), 1))))


# -- separation of instances -------------------------------------------------------------------------------------------


def keys_for_one_message() -> np.ndarray:
    """Alice's keys when bob sends one pair of points for every instance."""
    results, _ = Group(2).run(tampered_receiver)
    return np.asarray(results[0][0][1])


def tampered_receiver(context: Context) -> Any:
    def repeat(points: np.ndarray) -> np.ndarray:
        return np.concatenate([points[:1], np.tile(points[1:3], (COUNT, 1))])

    return tampered(1, repeat)(context)


def test_a_repeated_message_does_not_repeat_keys() -> None:
    assert 2 * COUNT == len(np.unique(keys_for_one_message().reshape(-1, 2), axis=0))


def test_this_would_be_seen_without_the_instance_in_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = base_ot._Instances._digest
    monkeypatch.setattr(base_ot._Instances, "_digest", lambda self, label, size, instance, *rest: honest(self, label, size, 0, *rest))
    assert 2 == len(np.unique(keys_for_one_message().reshape(-1, 2), axis=0))


def test_equal_randomness_everywhere_still_separates_directions_and_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_ot, "fresh_key", lambda: bytes(16))
    results, _ = Group(2).run(make)
    keys = np.concatenate([sender[1 - i].reshape(-1, 2) for i, (sender, _) in enumerate(results)])
    assert 4 * COUNT == len(np.unique(keys, axis=0))


def test_randomness_of_zeros_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Zeros:
        def __init__(self, key: bytes):
            pass

        def words(self, count: int) -> np.ndarray:
            return np.zeros(count, np.uint64)

    monkeypatch.setattr(base_ot, "Stream", Zeros)
    with pytest.raises((nacl.exceptions.RuntimeError, PeerError)):
        Group(2).run(make)


def test_a_group_element_depends_on_every_part_of_its_domain() -> None:
    class Links:
        def pair_seed(self, peer: int) -> bytes:
            return bytes([peer]) * 32

    class Here:
        links, names = Links(), ("alice", "bob")

    def element(sender: int, receiver: int, peer: int, instance: int, side: int, other: bytes) -> bytes:
        return base_ot._Instances(Here(), sender, receiver, peer).to_group(instance, side, other)  # type: ignore[arg-type]

    base = (0, 1, 1, 0, 0, GOOD)
    others = [(1, 0, 1, 0, 0, GOOD), (0, 1, 0, 0, 0, GOOD), (0, 1, 1, 1, 0, GOOD), (0, 1, 1, 0, 1, GOOD), (0, 1, 1, 0, 0, IDENTITY)]
    assert len(others) + 1 == len({element(*domain) for domain in [base, *others]})


def test_no_two_hashes_of_the_project_share_a_label() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(ramp_notebook.__file__).parent.rglob("*.py")]
    labels = [label for source in sources for label in re.findall(r'b"(ramp [a-z ]+)"', source)]
    assert {"ramp ot key", "ramp ot to group", "ramp derive key"} <= set(labels)
    assert len(labels) == len(set(labels))
