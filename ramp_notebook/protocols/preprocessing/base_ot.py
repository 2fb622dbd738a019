"""Owns the first oblivious transfers, made by public-key operations on Ed25519's prime-order subgroup.

Endemic OT of Masny and Rindal (2019/706), with Diffie-Hellman as its key agreement: secure against active parties in the
random-oracle model, in that a cheating party may choose its own keys. B is the base point, H hashes to the group:

1. Receiver with choice c: draws a and a random point r[1-c], sets r[c] = a·B − H(r[1-c]), sends r[0], r[1].
2. Sender: draws b, sends b·B. Its keys are the hashes of b·(r[0] + H(r[1])) and b·(r[1] + H(r[0])).
3. The receiver's key is the hash of a·(b·B).

Neither message waits for the other, so all parties are done with all peers in both roles after one round.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import nacl.bindings as sodium
import nacl.exceptions
import numpy as np

from ...errors import PeerError
from ...values.shaped import ShapedArray
from ...values.streams import Stream, fresh_key
from ..context import Context
from .hashing import Blocks

POINT_WORDS = 4


def base_ots(context: Context, choices: Mapping[int, Any]) -> tuple[dict[int, Any], dict[int, Any]]:
    """Return keys (count, 2, 2) as the sender to each peer, and (count, 2) as the receiver from each peer.

    `choices` holds this party's bits (count,) for every peer; keys[j][i, c] of the sender equals the receiver's keys[i] for
    its choice c. One round; every party sends 32 + 64·count bytes to every peer.
    Raises: PeerError if a peer sends anything but points of the prime-order subgroup other than the identity.
    """
    shapes = {peer: (1 + 2 * len(bits), POINT_WORDS) for peer, bits in choices.items()}
    if context.planned:
        context.exchange("base_ot", {peer: ShapedArray(shape) for peer, shape in shapes.items()}, shapes)
        return {p: ShapedArray((len(c), 2, 2)) for p, c in choices.items()}, {p: ShapedArray((len(c), 2)) for p, c in choices.items()}

    senders = {peer: _Sender(context, peer) for peer in choices}
    receivers = {peer: _Receiver(context, peer, bits) for peer, bits in choices.items()}
    sends = {peer: _words([senders[peer].point, *receivers[peer].points]) for peer in choices}

    replies = context.exchange("base_ot", sends, shapes)

    as_sender, as_receiver = {}, {}
    for peer, reply in replies.items():
        theirs = [_checked(row.tobytes(), context.names[peer]) for row in reply]
        as_sender[peer] = senders[peer].keys(theirs[1:])
        as_receiver[peer] = receivers[peer].keys(theirs[0])
    return as_sender, as_receiver


class _Instances:
    """What both roles hash: labels of this session, direction, instance and side stand before the points."""

    def __init__(self, context: Context, sender: int, receiver: int, peer: int):
        self._domain = context.links.pair_seed(peer) + sender.to_bytes(4, "little") + receiver.to_bytes(4, "little")
        self._randomness = Stream(fresh_key())
        self._peer_name = context.names[peer]

    def scalar(self) -> bytes:
        return sodium.crypto_core_ed25519_scalar_reduce(self._randomness.words(8).tobytes())

    def to_group(self, instance: int, side: int, other: bytes) -> bytes:
        """H: the sum of two Elligator images is indifferentiable from a random point (Brier et al. 2009/340)."""
        digest = self._digest(b"ramp ot to group", 64, instance, side, other)
        return sodium.crypto_core_ed25519_add(
            sodium.crypto_core_ed25519_from_uniform(digest[:32]), sodium.crypto_core_ed25519_from_uniform(digest[32:])
        )

    def key(self, instance: int, side: int, point: bytes, messages: bytes) -> bytes:
        return self._digest(b"ramp ot key", 16, instance, side, point + messages)

    def multiply(self, scalar: bytes, point: bytes) -> bytes:
        try:
            return sodium.crypto_scalarmult_ed25519_noclamp(scalar, point)
        except nacl.exceptions.RuntimeError:  # the identity: no honest run meets it
            raise _refused(self._peer_name) from None

    def _digest(self, label: bytes, size: int, instance: int, side: int, content: bytes) -> bytes:
        head = self._domain + instance.to_bytes(4, "little") + bytes([side])
        return hashlib.blake2b(head + content, digest_size=size, person=label).digest()


class _Sender(_Instances):
    def __init__(self, context: Context, peer: int):
        super().__init__(context, context.index, peer, peer)
        self._b = self.scalar()
        self.point = sodium.crypto_scalarmult_ed25519_base_noclamp(self._b)

    def keys(self, points: list[bytes]) -> Blocks:
        keys = []
        for instance in range(len(points) // 2):
            r = points[2 * instance : 2 * instance + 2]
            for side in (0, 1):
                public = sodium.crypto_core_ed25519_add(r[side], self.to_group(instance, side, r[1 - side]))
                keys.append(self.key(instance, side, self.multiply(self._b, public), self.point + r[0] + r[1]))
        return np.frombuffer(b"".join(keys), np.uint64).reshape(-1, 2, 2)


class _Receiver(_Instances):
    def __init__(self, context: Context, peer: int, choices: Any):
        super().__init__(context, peer, context.index, peer)
        self._choices = [int(c) for c in choices]
        self._scalars = [self.scalar() for _ in self._choices]
        self.points = [point for i, c in enumerate(self._choices) for point in self._pair(i, c)]

    def _pair(self, instance: int, choice: int) -> list[bytes]:
        public = sodium.crypto_scalarmult_ed25519_base_noclamp(self._scalars[instance])
        other = sodium.crypto_scalarmult_ed25519_base_noclamp(self.scalar())
        own = sodium.crypto_core_ed25519_sub(public, self.to_group(instance, choice, other))
        return [other, own] if choice else [own, other]

    def keys(self, point: bytes) -> Blocks:
        keys = []
        for instance, (choice, scalar) in enumerate(zip(self._choices, self._scalars, strict=True)):
            messages = point + self.points[2 * instance] + self.points[2 * instance + 1]
            keys.append(self.key(instance, choice, self.multiply(scalar, point), messages))
        return np.frombuffer(b"".join(keys), np.uint64).reshape(-1, 2)


def _words(points: list[bytes]) -> Blocks:
    return np.frombuffer(b"".join(points), np.uint64).reshape(-1, POINT_WORDS)


def _checked(point: bytes, name: str) -> bytes:
    """The point itself, if it is canonical, on the curve, of prime order and not the identity."""
    if not sodium.crypto_core_ed25519_is_valid_point(point):
        raise _refused(name)
    return point


def _refused(name: str) -> PeerError:
    return PeerError(
        f"{name} sent a point that is not in Ed25519's prime-order subgroup, or is its identity; base OTs go on with no other points. "
        f"An honest party never sends one: check what {name} runs."
    )
