"""SoftSpokenOT (Roy, 2022/192): correlated OTs for 128/k − 1 bits each, from 128 base OTs; semi-honest.

1. Base OTs, k for each of 128/k trees of 2^k leaves: the receiver of the extension knows all leaves, the sender all but
   number Δ_g of tree g. Δ is the sender's correlation.
2. Small-field VOLE: every leaf x is expanded to a bit stream r_x. The receiver has u = ⊕ r_x and, for each bit i of x, the
   plane v_i = ⊕ of the r_x with that bit set. The sender has w_i = ⊕ of the r_x whose x ⊕ Δ_g has it set: r at Δ_g is never
   needed, and w_i = v_i ⊕ Δ_{g,i}·u.
3. Repetition code: the receiver takes the first tree's u as its choices, sends u ⊕ u_g for the others; the sender adds them
   where Δ has a bit. Column j of the 128 planes is then one OT's block.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...errors import MisuseValueError
from ...values import bits
from ...values.shaped import ShapedArray
from ...values.streams import Stream, fresh_key
from ..context import Context
from .base_ot import base_ots
from .engine import BLOCK_BITS, Batch, Directions, Engine, peers, random_bits, shaped_batch
from .hashing import Blocks
from .trees import grow, puncture

FITTING_K, USUAL_K = (1, 2, 4, 8), 4
PIECE_WORDS = 1 << 16  # all leaves of a tree together: 512 KiB
FEWEST_WORDS = 4096  # 32 KiB: a shorter draw costs much of what this one does


class SoftSpoken(Engine):
    """Correlated OTs for 128/k − 1 bits each, sent by the receiver; work grows with 2^k / k.

    `deltas` (2,), by peer, are Δs that outlive this engine; they must be odd, and what they correlate must make pads only under a key
    of one life, since numbers begin anew.
    Rounds: one per call; two more before the first, with 32 + 2^13 bytes of points and 2^12 bytes of trees to every peer.
    `SoftSpokenActive` adds the checks for parties who do not follow this; here they are empty.
    """

    delta_bits: ClassVar[int] = BLOCK_BITS
    spare_words: ClassVar[int] = 0  # words more of OTs than were asked for, which a check uses up

    def __init__(self, k: int = USUAL_K, deltas: Mapping[int, Any] | None = None):
        if k not in FITTING_K:
            raise MisuseValueError(f"SoftSpoken's k is 1, 2, 4 or 8: bits shrink with 1/k, work grows with 2^k / k; got {k}.")
        super().__init__()
        self.k, self.groups = k, self.delta_bits // k
        self._wanted = {} if deltas is None else deltas
        self._receiving: dict[int, Leaves] = {}  # by the peer who sends
        self._sending: dict[int, Leaves] = {}
        self._delta: dict[int, np.ndarray] = {}  # bits (groups, k)

    def _set_up(self, context: Context) -> None:
        randomness, shape = Stream(fresh_key()), (self.groups, self.k)
        known = {peer: random_bits(randomness, self.delta_bits) for peer in peers(context)}  # the sides whose sums are learnt
        for sides in known.values():
            sides[self.k - 1] = 0  # the last bit of the first tree's missing leaf, and so of Δ, is 1
        for peer, delta in self._wanted.items():
            known[peer] = 1 - bits.unpack(delta, self.delta_bits).astype(np.uint8).reshape(shape)[:, ::-1].reshape(-1)
        as_sender, as_receiver = base_ots(context, known)
        message = (*shape, 2, 2)
        if context.planned:
            context.exchange("trees", {peer: ShapedArray(message) for peer in known}, dict.fromkeys(known, message))
            self._check_trees(context)
            return
        sends = {}
        for peer in known:
            leaves, sums = grow(randomness.words((self.groups, 2)), self.k)
            self._receiving[peer] = Leaves(leaves)
            sends[peer] = sums ^ as_sender[peer].reshape(message)

        replies = context.exchange("trees", sends, dict.fromkeys(known, message))

        for peer, sums in replies.items():
            sides = known[peer].reshape(shape).astype(np.intp)
            missing = (1 - sides) @ (1 << np.arange(self.k)[::-1])
            opened = np.take_along_axis(sums, sides[..., None, None], axis=2)[:, :, 0] ^ as_receiver[peer].reshape(*shape, 2)
            leaves = puncture(missing, opened)
            order = np.arange(1 << self.k) ^ missing[:, None]
            self._sending[peer] = Leaves(np.take_along_axis(leaves, order[..., None], axis=1), known=1)
            self._delta[peer] = missing[:, None] >> np.arange(self.k) & 1
        self._check_trees(context)

    def _extend(self, context: Context, batch: Batch, directions: Directions) -> None:
        me, wanted = context.index, bits.word_count(batch.count)
        words = wanted + self.spare_words
        chooser = {peer: directions.chooser(peer, me) for peer in directions.senders}
        skipped = {peer: int(chooser[peer] == peer) for peer in directions.senders}  # no correction where u is the choice itself
        to_come = {peer: self.groups - (directions.chooser(me, peer) == me) for peer in directions.receivers}
        awaited = {peer: (rows, words) for peer, rows in to_come.items()}
        if context.planned:
            context.exchange("ot_extension", {p: ShapedArray((self.groups - n, words)) for p, n in skipped.items()}, awaited)
            self._check_choices(context, directions, words, {}, {})
            shaped_batch(batch, directions)
            return
        drawn = {peer: self._receiving[peer].draw(words) for peer in directions.senders}
        planes = {peer: self._sending[peer].draw(words)[1] for peer in directions.receivers}  # here, so that branches draw in one order
        choices = {peer: drawn[chooser[peer]][0][0] for peer in drawn}

        corrections = context.exchange("ot_extension", {p: u[skipped[p] :] ^ choices[p] for p, (u, _) in drawn.items()}, awaited)

        for peer, rows in corrections.items():
            mask = np.uint64(0) - self._delta[peer].astype(np.uint64)
            for group, correction in enumerate(rows, self.groups - len(rows)):
                planes[peer][group] ^= mask[group][:, None] & correction
        q = {peer: plane.reshape(BLOCK_BITS, words) for peer, plane in planes.items()}
        t = {peer: v.reshape(BLOCK_BITS, words) for peer, (_, v) in drawn.items()}
        self._check_choices(context, directions, words, q, {peer: (choices[peer], t[peer]) for peer in t})
        for peer in t:
            batch.b[peer] = bits.without_padding(choices[peer][:wanted].copy(), batch.count)  # not a view of all rows
            batch.t[peer] = columns(t[peer][:, :wanted], batch.count)
        for peer in q:
            batch.q[peer] = columns(q[peer][:, :wanted], batch.count)
            batch.delta[peer] = bits.pack(self._delta[peer].reshape(BLOCK_BITS).astype(np.bool_))

    def _check_trees(self, context: Context) -> None:
        """Curious parties grow their trees as they should."""

    def _check_choices(
        self, context: Context, directions: Directions, words: int, q: Mapping[int, Any], mine: Mapping[int, Any]
    ) -> None:
        """Curious receivers send corrections to one choice. `q`: planes (128, words) by receiver; `mine`: choices and planes by sender."""


class Leaves:
    """The streams of all trees' leaves, drawn in step; `known` is 1 if leaf 0 of every tree is missing."""

    def __init__(self, leaves: Blocks, known: int = 0):
        self._trees = [[Stream(leaf.tobytes()) for leaf in tree[known:]] for tree in leaves]
        self._known, self._width, self._depth = known, leaves.shape[1], leaves.shape[1].bit_length() - 1

    def words_of(self, tree: int, words: int) -> Blocks:
        """The next words (2^k, words) of every leaf of one tree, zeros for one that is missing."""
        rows = np.zeros((self._width, words), np.uint64)
        for row, stream in enumerate(self._trees[tree], self._known):
            stream.words_into(rows[row])
        return rows

    def draw(self, words: int) -> tuple[Any, Any]:
        """The next `words` of every leaf: their sums (trees, words) and planes (trees, depth, words)."""
        sums = np.empty((len(self._trees), words), np.uint64)
        planes = np.empty((len(self._trees), self._depth, words), np.uint64)
        step = min(words, max(FEWEST_WORDS, PIECE_WORDS // self._width))
        room, half = np.zeros((2, self._width * step), np.uint64)
        for start in range(0, words, step):
            size = min(step, words - start)
            piece = room[: self._width * size].reshape(self._width, size)
            piece[: self._known] = 0
            for tree, streams in enumerate(self._trees):
                for row, stream in enumerate(streams, self._known):
                    stream.words_into(piece[row])
                sums[tree, start : start + size] = _fold(piece, half, planes[tree, :, start : start + size])
        return sums, planes


def _fold(rows: Blocks, room: Blocks, planes: Blocks) -> Blocks:
    """Set plane i to the XOR of all rows whose number has bit i; return the XOR of all rows. Halves the rows in each step."""
    for plane in planes:
        np.bitwise_xor.reduce(rows[1::2], axis=0, out=plane)
        count, size = len(rows) // 2, rows.shape[1]
        halved = room[: count * size].reshape(count, size)
        np.bitwise_xor(rows[0::2], rows[1::2], out=halved)
        rows, room = halved, room[count * size :]
    everything: Blocks = rows[0]
    return everything


def columns(planes: Blocks, count: int) -> Blocks:
    """Blocks (count, 2): block j has as its bits column j of 128 planes."""
    blocks = np.empty((count, 2), np.uint64)
    blocks[:, 0] = bits.from_planes(planes[:64], count)
    blocks[:, 1] = bits.from_planes(planes[64:], count)
    return blocks
