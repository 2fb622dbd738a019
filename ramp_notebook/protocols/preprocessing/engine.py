"""Owns what all engines of correlated oblivious transfer share: the batches they give and when base OTs are made.

A correlated OT between a sender, who holds Δ, and a receiver: the sender has a block q, the receiver a random bit b and the
block t = q ⊕ b·Δ. Hashed with its number it is a random OT. Blocks are rows of two words. The last bit of Δ is always 1.
"""

import abc
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ...errors import MisuseError, MisuseValueError
from ...trace.recorder import OpenSpan
from ...values.shaped import ShapedArray
from ..context import Context
from ..planes import unpack, word_count
from ..security import ADVERSARIES
from .hashing import hash_blocks

BLOCK_BITS = 128
Pairs = Collection[tuple[int, int]]


@dataclass
class Batch:
    """`count` correlated OTs between this party and its peers: q and Δ where it is the sender, t and b where the receiver.

    Each direction of each peer is hashed once; a second time raises MisuseError, because two values hidden by one pad are
    not hidden. `b` holds packed bits with zero padding.
    """

    count: int
    number: int  # of the first OT; no two OTs of one Δ have the same
    delta: dict[int, Any] = field(default_factory=dict, repr=False)
    q: dict[int, Any] = field(default_factory=dict, repr=False)
    t: dict[int, Any] = field(default_factory=dict, repr=False)
    b: dict[int, Any] = field(default_factory=dict, repr=False)
    _spent: set[tuple[int, str]] = field(default_factory=set, repr=False)

    def pads(self, peer: int) -> tuple[Any, Any]:
        """As the sender: both random strings (count, 2) of every OT."""
        return next(self.wide_pads(peer, 1))

    def chosen(self, peer: int) -> Any:
        """As the receiver: the random string (count, 2) that b chooses of every OT."""
        return next(self.wide_chosen(peer, 1))

    def wide_pads(self, peer: int, chunks: int) -> Iterator[tuple[Any, Any]]:
        """Strings of `chunks` blocks, one chunk (count, 2) at a time."""
        self._spend(peer, "sender")
        q, delta = self.q[peer], self.delta[peer]
        return ((hash_blocks(q, self.number, chunk=c), hash_blocks(q, self.number, chunk=c, offset=delta)) for c in range(chunks))

    def wide_chosen(self, peer: int, chunks: int) -> Iterator[Any]:
        self._spend(peer, "receiver")
        t = self.t[peer]
        return (hash_blocks(t, self.number, chunk=c) for c in range(chunks))

    def head(self, count: int) -> "Batch":
        """The first OTs as a batch of their own; of these two, one may be hashed."""
        q, t = ({peer: blocks[:count] for peer, blocks in each.items()} for each in (self.q, self.t))
        b = {peer: choices[: word_count(count)] for peer, choices in self.b.items()}
        return Batch(count, self.number, self.delta, q, t, b)

    def _spend(self, peer: int, role: str) -> None:
        if (peer, role) in self._spent:
            raise MisuseError(f"these oblivious transfers with party {peer} were spent as {role} before: extend again for fresh ones.")
        self._spent.add((peer, role))


class Engine(abc.ABC):
    """Makes correlated OTs between this party and all others. One for a session; it holds secrets and never shows them.

    All parties make the same calls. What it knows belongs to one life of the links: after a failed run the links, and with
    them the pairs' seeds, are new, and the next call makes base OTs again. Its randomness always comes from the operating
    system, so that no cell with a seed of its own makes it predictable.
    """

    adversary: ClassVar[str] = ADVERSARIES[1]  # against whom its OTs are as they should be; nothing made of them withstands more

    def __init__(self) -> None:
        self._planned_ready = False
        self._life: dict[int, bytes] = {}
        self._number = 0

    def facts(self, context: Context) -> dict[str, Any]:
        """What is public about this engine, the same at all parties, and decides which messages come next."""
        return {"ready": self.is_ready(context)}

    def assume(self, facts: Mapping[str, Any]) -> None:
        """Let a new engine, which a plan will use, stand where the one with these facts does."""
        self._planned_ready = facts["ready"]

    def is_ready(self, context: Context) -> bool:
        """Whether base OTs are done for the links of now; equal at all parties."""
        return self._planned_ready if context.planned else self._life == _life(context)

    def extend(self, context: Context, count: int, pairs: Pairs | None = None, *, common: bool = False) -> Batch:
        """Return `count` correlated OTs for each (sender, receiver) of `pairs`, by default for every two parties both ways.

        A receiver's choices b are random; `common` makes them the same towards all its senders, for a bit per OT and sender
        but the first.
        """
        if count < 0:
            raise MisuseValueError(f"a number of oblivious transfers is 0 or more; got {count}.")
        self._make_ready(context)
        batch = Batch(count, self._number)
        self._number += BLOCK_BITS * -(-count // BLOCK_BITS)
        if count:
            with OpenSpan(context.recorder, "ot_extension"):
                self._extend(context, batch, Directions(context, pairs, common))
        return batch

    def foresee(self, context: Context, count: int, pairs: Pairs | None = None) -> None:
        """Make ready for so many correlated OTs in all, which several calls, perhaps side by side, will ask for next."""
        self._make_ready(context)
        self._foresee(context, Directions(context, pairs, False), count)

    def _make_ready(self, context: Context) -> None:
        if not self.is_ready(context):
            with OpenSpan(context.recorder, "base_ot"):
                self._set_up(context)
            self._life, self._planned_ready = _life(context), True

    def _foresee(self, context: Context, directions: "Directions", count: int) -> None:  # noqa: B027 - most engines make each call's own
        """Do for all of them together what can be."""

    @abc.abstractmethod
    def _set_up(self, context: Context) -> None:
        """Make the base OTs and all that follows from them, with every peer in both roles."""

    @abc.abstractmethod
    def _extend(self, context: Context, batch: Batch, directions: "Directions") -> None:
        """Fill the batch: t and b from each sender, q and Δ for each receiver."""


class Directions:
    """Who sends to this party and to whom it sends, of the (sender, receiver) pairs that take part; and whose OTs choose."""

    def __init__(self, context: Context, pairs: Pairs | None, common: bool):
        me, count = context.index, context.count
        every = {(s, r) for s in range(count) for r in range(count) if s != r}
        taking_part = every if pairs is None else every & set(pairs)
        self.senders = sorted(s for s, r in taking_part if r == me)
        self.receivers = sorted(r for s, r in taking_part if s == me)
        self.pairs = sorted(taking_part)
        self.common = common
        self._first = {to: min((s for s, r in taking_part if r == to), key=lambda s: (s - to) % count) for _, to in taking_part}

    def chooser(self, sender: int, receiver: int) -> int:
        """The sender whose OTs' random choices `receiver` takes towards `sender`."""
        return self._first[receiver] if self.common else sender


def choose(context: Context, batch: Batch, wanted: Mapping[int, Any], receivers: Collection[int]) -> None:
    """Turn random choices into wanted ones (packed), by sender; `receivers` are the peers who do so towards this party.

    One round; the receiver sends a bit per OT.  Source: Beaver, CRYPTO 1995.
    """
    changes = {peer: choices ^ batch.b[peer] for peer, choices in wanted.items()}

    replies = context.exchange("choices", changes, dict.fromkeys(receivers, (word_count(batch.count),)))

    batch.b.update(wanted)
    for peer, changed in replies.items():
        batch.q[peer] = batch.q[peer] ^ unpack(changed, batch.count)[:, None] * batch.delta[peer]


def shaped_batch(batch: Batch, directions: Directions) -> None:
    """Fill a batch with what a plan knows."""
    for peer in directions.receivers:
        batch.delta[peer], batch.q[peer] = ShapedArray((2,)), ShapedArray((batch.count, 2))
    for peer in directions.senders:
        batch.b[peer], batch.t[peer] = ShapedArray((word_count(batch.count),)), ShapedArray((batch.count, 2))


def peers(context: Context) -> list[int]:
    return [peer for peer in range(context.count) if peer != context.index]


def random_bits(stream: Any, count: int) -> np.ndarray:
    return np.asarray(stream.words(count) & np.uint64(1), np.uint8)


def _life(context: Context) -> dict[int, bytes]:
    return {peer: context.links.pair_seed(peer) for peer in peers(context)}
