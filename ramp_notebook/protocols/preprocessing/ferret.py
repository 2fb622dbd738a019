"""Ferret (Yang, Weng, Lan, Zhang, Wang, 2020/924): correlated OTs for less than half a bit each, with regular noise; semi-honest.

1. Each of `trees` trees gives 2^depth correlated OTs whose choices are 0 but for one random leaf α: the receiver learns all
   leaves but α through `depth` OTs, and at α the leaf ⊕ Δ, from Δ ⊕ (the sum of all leaves).
2. Both add, to every output, COLUMNS entries of a short vector of correlated OTs, at public positions. By LPN the choices,
   sparse noise plus a codeword, look uniform.
3. Some trees are kept to start the next iteration, so that only the first one needs another engine: SoftSpoken.

The last bit of a block is the choice: 0 at the sender, whose Δ ends in 1, so b at the receiver. Security rests on LPN with
regular noise, whose attacks are still improving (2022/712, 2023/176, 2025/1476); SoftSpoken needs AES and the hash alone.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ...trace.recorder import OpenSpan
from ...values import bits
from ...values.shaped import ShapedArray
from ...values.streams import Stream, fresh_key
from ..context import Context
from .engine import Batch, Directions, Engine, choose, peers, shaped_batch
from .hashing import Blocks, hash_blocks
from .lpn import Code, Lpn
from .softspoken import SoftSpoken
from .trees import grow, puncture

SETUP = Lpn(dimension=36_288, trees=1_269, depth=9)
MAIN = Lpn(dimension=589_760, trees=1_319, depth=13)
TREE_CHUNK = 1 << 32  # this part of the hash's tweaks belongs to the trees
LAST_BIT = np.uint64(1)
Pair = tuple[int, int]


class Ferret(Engine):
    """Correlated OTs for 2·13·128 + 128 bits per 8,192, sent by the sender; about 10 million per iteration.

    Rounds: one per call, two more where an iteration ends; four before the first call, with 0.58 MB to every peer. `deltas` (2,),
    by peer, are odd Δs that outlive this engine.
    """

    def __init__(self, deltas: Mapping[int, Any] | None = None) -> None:
        super().__init__()
        self._wanted = deltas
        self._sending: dict[int, _Sender] = {}
        self._receiving: dict[int, _Receiver] = {}
        self._progress: dict[Pair, _Progress] = {}
        self._busy = False

    def facts(self, context: Context) -> dict[str, Any]:
        progress = {f"{s} {r}": [p.opened, p.stock] for (s, r), p in self._progress.items()}
        return {**super().facts(context), "progress": progress}

    def assume(self, facts: Mapping[str, Any]) -> None:
        super().assume(facts)
        for name, (opened, stock) in facts["progress"].items():
            sender, receiver = map(int, name.split())
            self._progress[sender, receiver] = _Progress(opened, stock)

    def _set_up(self, context: Context) -> None:
        first = SoftSpoken(deltas=self._wanted).extend(context, SETUP.seeds)
        every = [(s, r) for s in range(context.count) for r in range(context.count) if s != r]
        self._progress = {pair: _Progress() for pair in every}
        if not context.planned:
            for peer in peers(context):
                choices = bits.unpack(first.b[peer], first.count)
                key = context.unseeded_stream(peer).words((2,)).tobytes()  # of this start alone: Δ may outlive it, and tweaks begin anew
                self._sending[peer] = _Sender(SETUP, _with_last_bit(first.q[peer], 0), key, first.delta[peer])
                self._receiving[peer] = _Receiver(SETUP, _with_last_bit(first.t[peer], choices), key)
        self._open(context, SETUP, dict.fromkeys(every, SETUP.trees), restarting=every)

    def _extend(self, context: Context, batch: Batch, directions: Directions) -> None:
        self._fill_stock(context, directions, batch.count)
        for pair in directions.pairs:
            self._progress[pair].stock -= batch.count
        if context.planned:
            shaped_batch(batch, directions)
        else:
            self._take(batch, directions)
        self._agree(context, batch, directions)

    def _foresee(self, context: Context, directions: Directions, count: int) -> None:
        """Trees for all in one step."""
        with OpenSpan(context.recorder, "ot_extension"):
            self._fill_stock(context, directions, count)

    def _fill_stock(self, context: Context, directions: Directions, count: int) -> None:
        """Open trees until so many are in stock; of branches that run side by side one does, the others wait in step."""
        while self._busy:
            context.exchange("waiting", {}, {})
        self._busy = True
        try:
            self._open_until(context, directions, count)
        finally:
            self._busy = False

    def _open_until(self, context: Context, directions: Directions, count: int) -> None:
        while steps := {pair: trees for pair in directions.pairs if (trees := self._progress[pair].trees_for(count))}:
            restarting = [pair for pair in steps if self._progress[pair].at_end()]
            self._open(context, MAIN, steps, restarting)
            for pair, trees in steps.items():
                self._progress[pair].advance(trees, pair in restarting)

    def _take(self, batch: Batch, directions: Directions) -> None:
        for peer in directions.receivers:
            batch.q[peer], batch.delta[peer] = self._sending[peer].take(batch.count), self._sending[peer].delta
        for peer in directions.senders:
            batch.t[peer] = self._receiving[peer].take(batch.count)
            batch.b[peer] = bits.pack(batch.t[peer][:, 0] & LAST_BIT != 0)

    def _agree(self, context: Context, batch: Batch, directions: Directions) -> None:
        """Make common choices where they are asked for."""
        me = context.index
        chooser = {peer: directions.chooser(peer, me) for peer in directions.senders}
        wanted = {peer: batch.b[leader] for peer, leader in chooser.items() if leader != peer}
        choose(context, batch, wanted, [peer for peer in directions.receivers if directions.chooser(me, peer) != me])

    def _open(self, context: Context, lpn: Lpn, steps: Mapping[Pair, int], restarting: Collection[Pair]) -> None:
        """Open the next trees of each pair. Their outputs join its stock, or start its next iteration."""
        me = context.index
        shapes = {pair: (trees, 2 * lpn.depth + 1, 2) for pair, trees in steps.items()}
        awaited = {s: shape for (s, r), shape in shapes.items() if r == me}
        if context.planned:
            context.exchange("trees", {r: ShapedArray(shape) for (s, r), shape in shapes.items() if s == me}, awaited)
            return
        sends = {r: self._sending[r].open(trees) for (s, r), trees in steps.items() if s == me}

        replies = context.exchange("trees", sends, awaited)

        for peer, message in replies.items():
            self._receiving[peer].open(message)
        for s, r in steps:
            if me in (s, r):
                self._side(me, s, r).finish((s, r) in restarting)

    def _side(self, me: int, sender: int, receiver: int) -> "_Side":
        return self._sending[receiver] if me == sender else self._receiving[sender]


class _Progress:
    """What is public of one direction: trees opened in this iteration, and correlated OTs in stock."""

    def __init__(self, opened: int = 0, stock: int = 0):
        self.opened, self.stock = opened, stock

    def trees_for(self, count: int) -> int:
        """How many trees to open next, so that `count` are in stock after as few steps as possible."""
        if self.stock >= count:
            return 0
        return MAIN.reserve if self.at_end() else min(self._left(), -(-(count - self.stock) >> MAIN.depth))

    def at_end(self) -> bool:
        """Whether only the trees are left that start the next iteration."""
        return self._left() == 0

    def advance(self, trees: int, restarted: bool) -> None:
        self.opened = 0 if restarted else self.opened + trees
        self.stock += 0 if restarted else trees << MAIN.depth

    def _left(self) -> int:
        return MAIN.trees - MAIN.reserve - self.opened


class _Side:
    """One party's part of one direction: the seeds of this iteration, and the blocks in stock."""

    def __init__(self, lpn: Lpn, blocks: Blocks, key: bytes):
        self._key = key
        self._iteration, self._number = 0, 0
        self._stock = np.empty((0, 2), np.uint64)
        self._start(lpn, blocks)

    def _start(self, lpn: Lpn, blocks: Blocks) -> None:
        self._lpn = lpn
        self._secret = blocks[: lpn.dimension].copy()
        self._paths = blocks[lpn.dimension : lpn.seeds].copy()
        self._code = Code(lpn.dimension, self._iteration)
        self._used = 0

    def _next_paths(self, trees: int) -> tuple[Blocks, int]:
        """Correlated OTs (trees · depth, 2) for the paths of the next trees, and the number of the first."""
        size, number = trees * self._lpn.depth, self._number
        paths = self._paths[self._used : self._used + size]
        self._used, self._number = self._used + size, number + size
        return paths, number

    def _encode(self, leaves: Blocks) -> None:
        """Add the codeword to the leaves, in place."""
        self._opened = leaves.reshape(-1, 2)
        self._code.add_to(self._opened, self._secret)

    def finish(self, restarting: bool) -> None:
        if restarting:
            self._iteration += 1
            self._start(MAIN, self._opened)
        else:
            self._stock = np.concatenate([self._stock, self._opened])
        del self._opened

    def take(self, count: int) -> Blocks:
        taken, self._stock = self._stock[:count], self._stock[count:].copy()
        return taken


class _Sender(_Side):
    def __init__(self, lpn: Lpn, blocks: Blocks, key: bytes, delta: Blocks):
        super().__init__(lpn, blocks, key)
        self.delta = delta
        self._randomness = Stream(fresh_key())

    def open(self, trees: int) -> Blocks:
        """The message (trees, 2·depth + 1, 2): both sums of every level under the OTs' pads, and Δ ⊕ the sum of all leaves."""
        depth = self._lpn.depth
        leaves, sums = grow(self._randomness.words((trees, 2)), depth)
        paths, number = self._next_paths(trees)
        pads = [hash_blocks(paths, number, chunk=TREE_CHUNK, offset=offset, key=self._key) for offset in (None, self.delta)]
        leaves = _with_last_bit(leaves, 0)
        message = np.empty((trees, 2 * depth + 1, 2), np.uint64)
        message[:, :-1] = (sums ^ np.stack(pads, axis=1).reshape(sums.shape)).reshape(trees, 2 * depth, 2)
        message[:, -1] = self.delta ^ np.bitwise_xor.reduce(leaves, axis=1)
        self._encode(leaves)
        return message


class _Receiver(_Side):
    def open(self, message: Blocks) -> None:
        """An OT's choice is the side whose sum becomes known: α takes the other."""
        trees, depth = len(message), self._lpn.depth
        paths, number = self._next_paths(trees)
        sides = (paths[:, 0] & LAST_BIT).astype(np.intp).reshape(trees, depth)
        sums = message[:, :-1].reshape(trees, depth, 2, 2)
        chosen = np.take_along_axis(sums, sides[..., None, None], axis=2)[:, :, 0]
        missing = (1 - sides) @ (1 << np.arange(depth)[::-1])
        pads = hash_blocks(paths, number, chunk=TREE_CHUNK, key=self._key).reshape(chosen.shape)
        leaves = _with_last_bit(puncture(missing, chosen ^ pads), 0)
        leaves[np.arange(trees), missing] = message[:, -1] ^ np.bitwise_xor.reduce(leaves, axis=1)
        self._encode(leaves)


def _with_last_bit(blocks: Blocks, bit: Any) -> Blocks:
    """These blocks with another last bit, in place."""
    blocks[..., 0] &= ~LAST_BIT
    blocks[..., 0] |= np.asarray(bit, np.uint64)
    return blocks
