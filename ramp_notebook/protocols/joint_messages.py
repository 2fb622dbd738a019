"""Joint messages among four parties: what two of them know and a third needs, sent by one and vouched for by the other.

Dalskov, Escudero, Keller 2020/1330, section 2. The receiver and the party that vouches keep a hash of all that they should have alike
and compare these before anything is revealed. One party cheats at most, so one of sender and voucher is honest: what
passes is what the honest one computed.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..values.shaped import ShapedArray, is_shaped
from .checks import DIGEST_WORDS, Checks

PARTIES = 4


@dataclass(frozen=True)
class Route:
    """Who sends a joint message, who vouches for it, who needs it."""

    sender: int
    voucher: int
    receiver: int

    @property
    def rest(self) -> int:
        """The component of a share that it carries: the one that neither of these three misses."""
        return 6 - self.sender - self.voucher - self.receiver


# Two parties that know a value share it: a component is drawn by all parties but the one that misses it, and to that one goes the
# rest. A route for each pair that may know something; no two have sender and receiver in common, and each party vouches, receives
# and sends once or twice.
ROUTES = (*(Route((i + 2) % PARTIES, (i + 3) % PARTIES, i) for i in range(PARTIES)), Route(1, 3, 0), Route(0, 2, 1))
ROUTE_OF = {frozenset((route.sender, route.voucher)): route for route in ROUTES}


def digest_of(array: Any) -> Any:
    """A hash of all of an array, as words."""
    return ShapedArray((DIGEST_WORDS,)) if is_shaped(array) else finished(running_digest(array))


def running_digest(*parts: Any) -> Any:
    """A hash to which more can be added."""
    digest = hashlib.blake2b(digest_size=8 * DIGEST_WORDS)
    for part in parts:
        add_to(digest, part)
    return digest


def add_to(digest: Any, part: Any) -> None:
    digest.update(np.ascontiguousarray(part).data if part.size else b"")


def finished(digest: Any) -> Any:
    return np.frombuffer(digest.digest(), np.uint64)


class JointMessages(Checks):
    """One party's joint messages of a cell, and their comparison."""

    def deliver(
        self,
        tag: str,
        routes: Sequence[Route],
        values: Sequence[Any],
        shapes: Sequence[tuple[int, ...]],
        *,
        fill: Iterator[int] | None = None,
        digests: Sequence[Any] | None = None,
    ) -> list[Any]:
        """One round: what came by each route, at its receiver (else None). No two routes have sender and receiver in common.

        Sender and voucher know the value. With `fill` the sender computes it meanwhile, and the voucher need not hold it:
        `digests` are then its hashes by route.
        """
        me = self.context.index
        sends = {route.receiver: value for route, value in zip(routes, values, strict=True) if route.sender == me}
        receives = {route.sender: shape for route, shape in zip(routes, shapes, strict=True) if route.receiver == me}
        reply = self.context.exchange(tag, sends, receives, fill=fill)
        came = [reply[route.sender] if route.receiver == me else None for route in routes]
        self.owe()
        for k, route in enumerate(routes):  # only now, when all parties are at the same step of the same branch
            if route.receiver == me:
                self.alike(route.voucher, digest_of(came[k]))
            elif route.voucher == me:
                self.alike(route.receiver, digest_of(values[k]) if digests is None else finished(digests[k]))
        return came

    def compare(self) -> bool:
        """Whether everything that any two parties should have alike is: one answer for all pairs, and nothing else. One round.

        Once one message was falsified, honest parties go on with values that differ by something that may depend on
        secrets: a hash of theirs, or only which of them differ, would tell the cheater by trial what these are. So nobody
        sends a hash. With every other party p, this party hashes what they have in common under a key that only these
        two know, once for each party q that will judge; q gets the XOR over all p, and everything that all sent to q, and q
        itself would have, must XOR to zero. If any two honest parties differ, two hashes under their key do not cancel: all that
        the cheater gets is uniform, and every honest judge refuses, whatever else differs. 4 words to each other party.
        """
        views, self._views = self._views, {}
        me, said = self.context.index, {judge: self._words(bytes(8 * DIGEST_WORDS)) for judge in range(self.context.count)}
        for peer in self.peers:
            key = self.context.stream(peer).words((2,))
            if self.context.planned:
                continue
            view = views[peer].tag() if peer in views else b""
            for judge in said:
                hashed = hashlib.blake2b(view, key=key.tobytes(), digest_size=8 * DIGEST_WORDS, salt=bytes([judge]), person=b"ramp compare")
                said[judge] = said[judge] ^ self._words(hashed.digest())
        heard = self.context.exchange("compare", {peer: said[peer] for peer in self.peers}, dict.fromkeys(self.peers, (DIGEST_WORDS,)))
        return self.context.planned or not np.bitwise_xor.reduce([said[me], *heard.values()]).any()
