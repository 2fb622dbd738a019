"""What every protocol step of `fantastic-four` stands on: streams that three parties know, and shares of what two parties know.

Dalskov, Escudero, Keller 2020/1330. Knows nothing of products or conversions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..trace.recorder import OpenSpan
from ..values import shaped
from ..values.streams import KEY_BYTES, fresh_key
from .base import Protocol, Share
from .joint_messages import PARTIES, ROUTE_OF, JointMessages, digest_of

Known = tuple[frozenset[int], Any, Share]  # two parties, what they know (None at others), the share that it is added to


@dataclass(frozen=True)
class Gates:
    """What adding and multiplying are in a domain."""

    add: np.ufunc
    subtract: np.ufunc
    multiply: np.ufunc


RING, BITS = Gates(np.add, np.subtract, np.multiply), Gates(np.bitwise_xor, np.bitwise_xor, np.bitwise_and)


class JointSharing(Protocol):
    """Shares of four components, of which party i misses the i-th; the others stand in the order i + 1, i + 2, i + 3."""

    def __init__(self, context: Any, kept: dict[str, Any] | None = None):
        super().__init__(context, kept)
        self.me: int = context.index
        self.checks = JointMessages(context)
        self._keys_dealt = False

    def at(self, component: int) -> int:
        """Where this party has a component that it does not miss."""
        return (component - self.me - 1) % PARTIES

    def held(self) -> list[int]:
        """The components that this party holds, in their order."""
        return [(self.me + k) % PARTIES for k in (1, 2, 3)]

    def verify(self) -> None:
        """Compare all joint messages, keys and inputs since the last time: a round, and one to tell all."""
        if self.checks.pending:
            with OpenSpan(self.context.recorder, "check joint messages"):
                begun = self.checks.begin()
                self.checks.confirm("joint messages", self.checks.compare(), begun)

    # -- randomness that three parties know ----------------------------------------------------------------------------

    def agree(self) -> None:
        """Party i deals a key to the next two, who compare: so much for the stream that party i - 1 does not know.

        New keys in every cell: one round, 16 bytes in each of 8 messages.
        """
        if self._keys_dealt:
            return
        me, key = self.me, fresh_key()
        words = shaped.ShapedArray((KEY_BYTES // 8,)) if self.context.planned else np.frombuffer(key, np.uint64)
        after, before = [(me + k) % PARTIES for k in (1, 2)], [(me - k) % PARTIES for k in (1, 2)]
        heard = self.context.exchange("keys", dict.fromkeys(after, words), dict.fromkeys(before, words.shape))
        self.checks.alike((me + 1) % PARTIES, digest_of(heard[before[0]]))
        self.checks.alike((me - 1) % PARTIES, digest_of(heard[before[1]]))
        if not self._keys_dealt and not self.context.planned:  # branches that began together each dealt; the first one's hold
            self.context.group_keys[all_but(me - 1)] = key
            for dealer in before:
                self.context.group_keys[all_but(dealer - 1)] = heard[dealer].tobytes()
        self._keys_dealt = True

    def stream_without(self, outsider: int) -> Any:
        """The stream that all but one party know."""
        return self.context.group_stream(all_but(outsider))

    # -- what two parties know, shared -----------------------------------------------------------------------------------

    def share_jointly(self, known: Sequence[tuple[frozenset[int], Any]], shape: tuple[int, ...], *, binary: bool) -> list[Share]:
        """Shares of values that two parties each know, no two the same: one element in total for each, one round."""
        shares = [self.zeros(shape, binary=binary) for _ in known]
        self.add_jointly("joint input", [(*each, share) for each, share in zip(known, shares, strict=True)], binary=binary)
        return shares

    def add_jointly(self, tag: str, known: Sequence[Known], *, binary: bool) -> None:
        """Two parties miss components i and j: all others draw a mask for i, and j gets the rest, which is told to party i."""
        self.agree()
        gates, shapes = gates_of(binary), [share.shape[1:] for _, _, share in known]
        routes, messages = [ROUTE_OF[pair] for pair, _, _ in known], []
        for route, (_, value, share), shape in zip(routes, known, shapes, strict=True):
            message = None
            if self.me != route.receiver:
                mask = self.stream_without(route.receiver).words(shape)
                self.add_to(share, route.receiver, mask, gates)
                if self.me != route.rest:
                    message = gates.subtract(value, mask)
                    self.add_to(share, route.rest, message, gates)
            messages.append(message)
        for route, (_, _, share), came in zip(routes, known, self.checks.deliver(tag, routes, messages, shapes), strict=True):
            if came is not None:
                self.add_to(share, route.rest, came, gates)

    def add_to(self, share: Share, component: int, value: Any, gates: Gates) -> None:
        """Add to one component of a share, in place."""
        share[self.at(component)] = gates.add(share[self.at(component)], value)


def gates_of(binary: bool) -> Gates:
    """Of numbers modulo 2^64, or of words of bits."""
    return BITS if binary else RING


def all_but(outsider: int) -> tuple[int, ...]:
    """The three other parties."""
    return tuple(party for party in range(PARTIES) if party != outsider % PARTIES)
