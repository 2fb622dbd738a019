"""Owns bits that a party knows, each with a MAC towards every other party, and proofs that some of them are the ANDs of others.

They are choices of correlated OTs: of a bit x the owner has M and the other K = M ⊕ x Δ. QuickSilver (2021/076) proves z = xy:
K_x K_y ⊕ K_z Δ, in GF(2^64), is M_x M_y ⊕ (x M_y ⊕ y M_x ⊕ M_z) Δ then, and has a term in Δ² too if z is something else. A
random combination of all is enough, whose two coefficients the owner says, hidden by bits that serve nothing else. A wrong bit so
passes if Δ is the root of a polynomial that its owner fixed before: 2^-63. Nothing but that decides whether the proof is accepted.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...trace.recorder import OpenSpan
from ...values.bits import WORD_BITS
from ...values.shaped import ShapedArray, is_shaped
from ...values.universal import multiply, multiply_planes, polynomial_hash
from ..planes import from_planes, to_planes, unpack
from .authenticated import KEY_BITS
from .authentication import Authenticator

POINTS = 2  # of a combination: (n / 2^64)² that n wrong products have the sum of right ones
MISSED_BITS = 62
BLOCK = 1 << 9  # words of bits whose MACs are multiplied at a time: 4 MiB
GENERATOR = 2  # of GF(2^64): makes an element of 64 bits


@dataclass(frozen=True)
class PrivateBits:
    """`own` are this party's words (…), `macs` of these towards each peer and `keys` of each peer's: (peers, 64, …), bit k in word k."""

    own: Any
    macs: Any
    keys: Any

    def __getitem__(self, index: Any) -> "PrivateBits":
        index = index if isinstance(index, tuple) else (index,)
        return PrivateBits(self.own[index], self.macs[:, :, *index], self.keys[:, :, *index])

    def __xor__(self, other: "PrivateBits") -> "PrivateBits":
        return PrivateBits(self.own ^ other.own, self.macs ^ other.macs, self.keys ^ other.keys)

    def repeated(self, times: int) -> "PrivateBits":
        """Side by side along the last axis."""
        return PrivateBits(*(np.concatenate([each] * times, axis=-1) for each in (self.own, self.macs, self.keys)))

    def share(self, maker: Authenticator, owner: int) -> Any:
        """This party's share (65, …) of the owner's bits."""
        if owner == maker.context.index:
            macs = functools.reduce(np.bitwise_xor, list(self.macs))
            return np.concatenate([self.own[None], macs ^ maker.times_delta(self.own)])
        keys = self.keys[maker.checks.peers.index(owner)]
        return np.concatenate([keys[:1] ^ keys[:1], keys])


def joined(*parts: PrivateBits) -> PrivateBits:
    """Along the first axis of bits."""
    own, macs, keys = zip(*((part.own, part.macs, part.keys) for part in parts), strict=True)
    return PrivateBits(np.concatenate(own), np.concatenate(macs, axis=2), np.concatenate(keys, axis=2))


def private_words(maker: Authenticator, words: int) -> tuple[Any, list[Any], list[Any]]:
    """Random bits of every party: its own (words,), and by peer the MACs, a word each, of them and keys of the peer's."""
    own, batch = maker.choices(words)
    peers = maker.checks.peers
    return own, [batch.t[peer][:, 0].copy() for peer in peers], [batch.q[peer][:, 0].copy() for peer in peers]


def private_bits(maker: Authenticator, tag: str, wanted: Any) -> PrivateBits:
    """Bits as each party wants its own to be, words of shape (…): it tells all others how random ones differ. 32 bits each, and a check."""
    shape, size = wanted.shape, wanted.size
    own, macs, keys = private_words(maker, size)
    mine = wanted.reshape(size) ^ own
    peers = maker.checks.peers
    said = maker.context.exchange(tag, dict.fromkeys(peers, mine), dict.fromkeys(peers, (size,)))
    maker.heard({maker.context.index: mine, **said})
    macs_planes, key_planes = ([to_planes(each) for each in side] for side in (macs, keys))
    key_planes = [planes ^ maker.times_delta(said[peer]) for planes, peer in zip(key_planes, peers, strict=True)]
    return PrivateBits(wanted, *(np.stack(side).reshape(len(peers), KEY_BITS, *shape) for side in (macs_planes, key_planes)))


def prove_products(maker: Authenticator, x: PrivateBits, y: PrivateBits, z: PrivateBits) -> None:
    """Every party to every other that z = xy for its bits (…). Five rounds, 512 bits to each, and 128 bits like others."""
    context, peers = maker.context, maker.checks.peers
    with OpenSpan(context.recorder, "check private ANDs"):
        own, macs, keys = private_words(maker, POINTS)
        points = maker.checks.coin().words(POINTS)
        maker.checks.note_missed(MISSED_BITS)
        says: dict[int, Any] = {}
        for i, peer in enumerate(peers):
            constant = _combined(points, x.macs[i], y.macs[i]) ^ _element(macs[i])
            linear = _hashed(points, x.own & y.macs[i] ^ y.own & x.macs[i] ^ z.macs[i]) ^ _element(unpack(own, WORD_BITS * POINTS))
            says[peer] = np.stack([constant, linear])

        replies = context.exchange("private_ands", says, dict.fromkeys(peers, (2, POINTS)))

        def fits(i: int, said: Any) -> bool:
            value = _combined(points, x.keys[i], y.keys[i]) ^ _element(keys[i])
            scaled = _hashed(points, z.keys[i]) ^ said[1]
            return np.array_equal(value ^ said[0], np.array([multiply(int(each), maker.delta) for each in scaled], np.uint64))

        fine = context.planned or all(fits(i, replies[peer]) for i, peer in enumerate(peers))
        maker.checks.confirm("private ANDs", maker.checks.compare() and fine)


def _hashed(points: Any, planes: Any) -> Any:
    """The combinations (points,) of elements, of which planes (64, …) have the bits."""
    if is_shaped(planes):
        return ShapedArray((POINTS,))
    flat = planes.reshape(KEY_BITS, planes[0].size)
    return polynomial_hash(from_planes(flat, WORD_BITS * flat.shape[1])[None], [int(point) for point in points])[0]


def _combined(points: Any, x: Any, y: Any) -> Any:
    """Combinations of products of elements."""
    if is_shaped(x):
        return ShapedArray((POINTS,))
    x, y = (planes.reshape(KEY_BITS, planes[0].size) for planes in (x, y))
    product = np.empty_like(x)
    for start in range(0, x.shape[1], BLOCK):
        part = slice(start, start + BLOCK)
        product[:, part] = multiply_planes(x[:, part], y[:, part])
    return _hashed(points, product)


def _element(bits: Any) -> Any:
    """One element (points,) of every 64 in a row."""
    if is_shaped(bits):
        return ShapedArray((POINTS,))
    return polynomial_hash(bits.astype(np.uint64).reshape(POINTS, WORD_BITS), [GENERATOR])[:, 0]
