"""SoftSpokenOT against active parties (Roy, 2022/192): correlated OTs whose receivers, and the makers of their trees, are checked.

1. Trees (figures 13, 14): whoever grew them sends, of every tree, the sum of what all its leaves give first, and one hash of all
   that. Who holds all leaves but one gets the missing one's part from the sum and hashes the same. A tree that is not one tree is
   noticed, unless the cheater guessed where the hole is; then it knows what the guess told it, and lost if it was wrong.
2. Choices (figure 8): when all corrections have come a joint coin gives two points. Of every plane, and of the choices, the
   receiver sends the values at both points (`values.universal`), masked by two more words of OTs that serve nothing else. The
   sender compares: corrections to more than one choice pass with probability (n / 2^64)^2 for n words of OTs, or by a guess of Δ.
   Towards several senders with `common` choices the values of the choices are compared among these: they got the same choices.

Not the check of Keller, Orsini and Scholl (2015/546): its proof does not hold. A failed check may be the one that a guess of Δ
cost, so base OTs are destroyed with it.
"""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import CheatingDetected
from ...trace.recorder import OpenSpan
from ...values.shaped import ShapedArray
from ...values.universal import polynomial_hash
from ..checks import DIGEST_WORDS, Checks
from ..context import Context
from ..security import ADVERSARIES
from .engine import BLOCK_BITS, Directions
from .hashing import Blocks
from .softspoken import Leaves, SoftSpoken

PROOF_WORDS = 4  # of every leaf: twice the security parameter, so that no two leaves give the same
POINTS = 2


class SoftSpokenActive(SoftSpoken):
    """The same for parties of which all but one may be active. `checks` are the running cell's; its owner sets them.

    Each call sends (128/k − 1)(n + 128)/8 bytes of corrections and 16 · 129 of values to each sender, beside the coin: six rounds.
    """

    adversary = ADVERSARIES[2]
    spare_words = POINTS
    checks: Checks

    def _check_trees(self, context: Context) -> None:
        message = (self.groups + 1, PROOF_WORDS)
        with OpenSpan(context.recorder, "check trees"):
            mine = self._tree_proofs(context, message)
            replies = context.exchange("tree_proofs", mine, dict.fromkeys(mine, message))
            self._confirm("trees", context.planned or all(self._tree_fits(peer, proof) for peer, proof in replies.items()))

    def _tree_proofs(self, context: Context, message: tuple[int, ...]) -> dict[int, Any]:
        if context.planned:
            return {peer: ShapedArray(message) for peer in self.checks.peers}
        proofs = {}
        for peer, leaves in self._receiving.items():
            parts = self._parts(leaves)
            proofs[peer] = np.concatenate([np.bitwise_xor.reduce(parts, axis=1), _hashed(parts)])
        return proofs

    def _parts(self, leaves: Leaves) -> Blocks:
        return np.stack([leaves.words_of(tree, PROOF_WORDS) for tree in range(self.groups)])

    def _tree_fits(self, peer: int, proof: Blocks) -> bool:
        missing = self._delta[peer] @ (1 << np.arange(self.k))
        parts = self._parts(self._sending[peer])
        parts[:, 0] = proof[:-1] ^ np.bitwise_xor.reduce(parts, axis=1)
        order = np.arange(1 << self.k) ^ missing[:, None]
        return np.array_equal(_hashed(np.take_along_axis(parts, order[..., None], axis=1)), proof[-1:])

    def _check_choices(
        self, context: Context, directions: Directions, words: int, q: Mapping[int, Any], mine: Mapping[int, Any]
    ) -> None:
        with OpenSpan(context.recorder, "check choices"):
            self.checks.note_missed(POINTS * (64 - math.log2(words)) - 2 * math.log2(self.groups * context.count))
            points = self.checks.coin().words(POINTS)
            shape = (1 + BLOCK_BITS, POINTS)
            values: dict[int, Any] = {peer: ShapedArray(shape) for peer in directions.senders}
            if not context.planned:
                points = [int(point) for point in points]
                values = {peer: _values(np.concatenate([choices[None], planes]), points) for peer, (choices, planes) in mine.items()}

            replies = context.exchange("choice_values", values, dict.fromkeys(directions.receivers, shape))

            fine = context.planned or all(self._choices_fit(peer, q[peer], points, values) for peer, values in replies.items())
            for party in range(context.count) if directions.common else ():
                for other in (sender for sender, receiver in directions.pairs if receiver == party and sender != context.index):
                    if party in replies:
                        self.checks.alike(other, replies[party][0])
            self._confirm("oblivious transfers", self.checks.compare() and fine)

    def _choices_fit(self, peer: int, q: Blocks, points: list[int], values: Blocks) -> bool:
        mask = np.uint64(0) - self._delta[peer].reshape(BLOCK_BITS, 1).astype(np.uint64)
        return np.array_equal(_values(q, points), values[1:] ^ mask & values[:1])

    def _confirm(self, what: str, fine: bool) -> None:
        try:
            self.checks.confirm(what, fine)
        except CheatingDetected:
            self.destroy()
            raise

    def destroy(self) -> None:
        """Forget all base OTs and all that came of them."""
        self._life = {}
        for secrets in (self._receiving, self._sending, self._delta):
            secrets.clear()


def _values(planes: Blocks, points: list[int]) -> Blocks:
    return np.asarray(polynomial_hash(planes[:, :-POINTS], points) ^ planes[:, -POINTS:])


def _hashed(parts: Blocks) -> Blocks:
    digest = hashlib.blake2b(np.ascontiguousarray(parts).data, digest_size=8 * DIGEST_WORDS, person=b"ramp ot trees").digest()
    return np.frombuffer(digest, np.uint64)[None]
