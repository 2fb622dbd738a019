"""Checks of protocols against active parties: views to compare, coins that nobody fixes, one answer for all, and what is missed.

A protocol notes in passing what it will have to check, and checks it all at once before anything is revealed and at the end of
a cell: `owe` marks that something is open, `confirm` settles it. A party that finds a mistake tells all others, by one word and
no more, before any of them goes on. A step whose messages have a tag in `Protocol.owing` is open until then: a linter
(`ramp_notebook.testing.checked`) reads from traces that nothing was revealed meanwhile.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from ..errors import CheatingDetected, CheatingReported
from ..values.shaped import ShapedArray, is_shaped
from ..values.streams import Stream, derive_key, fresh_key
from .context import Context, ShapedStream

CONFIRM = "confirm"  # tag of the step that settles what was open
LEAST_BITS = 40  # a cheater gets through with probability 2^-40 in a cell, all its checks together
FINE, STOP = 0, 1
DIGEST_WORDS = 4
TAG_WORDS = 2  # of a view


class Checks:
    """One party's side of a cell's checks. All parties call everything here in the same order."""

    def __init__(self, context: Context):
        self.context = context
        self.peers = [peer for peer in range(context.count) if peer != context.index]
        self._open: dict[int, int] = {}  # cell lines with something unchecked, and when they last owed a check
        self._owed = 0  # how many times anything owed one
        self._views: dict[int, View] = {}  # by peer: a running hash of what both should have seen alike
        self._missed = 0.0  # probability that a cheater got through so far

    # -- what is open --------------------------------------------------------------------------------------------------

    @property
    def pending(self) -> bool:
        return bool(self._open or self._views)

    def owe(self) -> None:
        """Something was computed that has to be checked."""
        self._owed += 1
        self._open[self.context.recorder.line] = self._owed

    def begin(self) -> int:
        """A check begins that covers what is open now: for `confirm`, because parallel branches may owe more until then."""
        return self._owed

    # -- views ---------------------------------------------------------------------------------------------------------

    def alike(self, peer: int, *arrays: Any) -> None:
        """`peer`, who says the same of this party, should hold the same arrays; `compare` will tell. Local.

        A party that may have been lied to tells nothing of what it computed from that before a comparison of the lie itself
        passed: a tag of something that the peer does not know would help it to guess.
        """
        if peer not in self._views:
            self._views[peer] = View(None if self.context.planned else self.context.unseeded_stream(peer).words(TAG_WORDS).tobytes())
        for array in arrays:
            self._views[peer].add(array)
        self.owe()

    def compare(self) -> bool:
        """Whether all views that this party has in common with others are alike. One round, a tag of two words to each such peer."""
        views, self._views = self._views, {}
        mine = {peer: self._words(view.tag()) for peer, view in sorted(views.items())}
        theirs = self.context.exchange("compare", mine, dict.fromkeys(mine, (TAG_WORDS,)))
        return self.context.planned or all(np.array_equal(mine[peer], theirs[peer]) for peer in mine)

    # -- coins ---------------------------------------------------------------------------------------------------------

    def at_once(self, mine: Any) -> dict[int, Any]:
        """What each party says, in equally many words, when none knew another's before: all commit, then all open. Two rounds.

        A commitment names its sender, so that nobody can copy another's. Who opens something else than it committed to is None.
        """
        size, nonce = int(mine.size), fresh_key()
        content = b"" if self.context.planned else mine.tobytes()
        commitment = self._words(_committed(self.context.index, content, nonce))
        commitments = self.context.exchange(
            "commit", dict.fromkeys(self.peers, commitment), dict.fromkeys(self.peers, (DIGEST_WORDS,))
        )
        opening = np.concatenate([mine, self._words(nonce)])
        openings = self.context.exchange("open", dict.fromkeys(self.peers, opening), dict.fromkeys(self.peers, opening.shape))
        said = {self.context.index: mine}
        for peer in self.peers:
            words, its_nonce = openings[peer][:size], openings[peer][size:]
            fine = self.context.planned or commitments[peer].tobytes() == _committed(peer, words.tobytes(), its_nonce.tobytes())
            said[peer] = words if fine else None
        return {party: said[party] for party in sorted(said)}

    def coin(self) -> Any:
        """A stream of public randomness that no party could know before or bend: all commit to a key, then all open.

        Two rounds. What each party heard from whom is compared with all others when this check is confirmed, so that nobody
        got away with telling two stories; nothing depends before that on a coin that was not opened.
        """
        keys = self.at_once(self._words(fresh_key()))
        if self.context.planned:
            self._heard(ShapedArray((DIGEST_WORDS,)))
            return ShapedStream()
        content = b"".join(b"" if key is None else key.tobytes() for key in keys.values())
        joint = hashlib.blake2b(content, digest_size=8 * DIGEST_WORDS, person=b"ramp coin").digest()
        opened = all(key is not None for key in keys.values())
        self._heard(self._words(joint if opened else fresh_key() + fresh_key()))
        return Stream(derive_key(joint[:16], "coin"))

    def _heard(self, words: Any) -> None:
        for peer in self.peers:
            self.alike(peer, words)

    # -- the answer ----------------------------------------------------------------------------------------------------

    def confirm(self, check: str, fine: bool, begun: int | None = None) -> None:
        """Tell all others whether this check passed here, and stop unless it passed everywhere. One round, a word to each peer.

        What was open when it had `begun` is settled (0: nothing); without that, everything.
        """
        mine = self._words((FINE if fine else STOP).to_bytes(8, "little"))
        theirs = self.context.exchange(CONFIRM, dict.fromkeys(self.peers, mine), dict.fromkeys(self.peers, (1,)))
        covered = self._owed if begun is None else begun
        lines = sorted(line for line, owed in self._open.items() if owed <= covered)
        self._open = {line: owed for line, owed in self._open.items() if owed > covered}
        if not fine:
            problem = CheatingDetected(f"the check of {check} failed{_covering(lines)}: some party did not follow the protocol")
        elif not self.context.planned and any(int(word[0]) != FINE for word in theirs.values()):
            problem = CheatingReported("another party stopped this run: a check of its failed")
        else:
            return
        self.context.stopped_by = problem
        raise problem

    # -- what is missed ------------------------------------------------------------------------------------------------

    def note_missed(self, bits: float) -> None:
        """A check was made that a cheater passes with probability 2^-bits at most."""
        self._missed += 2.0**-bits
        if self._missed > 2.0**-LEAST_BITS:
            raise AssertionError(f"the checks of this cell together miss more than one cheater in 2^{LEAST_BITS}")

    @property
    def left(self) -> float:
        """How much more this cell's checks may miss: a probability."""
        return 2.0**-LEAST_BITS - self._missed

    @property
    def next_bits(self) -> float:
        """A check that misses no more than 2^-this takes a 256th of what is left, so that there may be any number of such."""
        return math.log2(256) - math.log2(self.left)

    @property
    def bits(self) -> int | None:
        """So many bits of statistical security are left after the union over all checks of the cell; None without any."""
        return math.floor(-math.log2(self._missed)) if self._missed else None

    def _words(self, data: bytes) -> Any:
        return ShapedArray((len(data) // 8,)) if self.context.planned else np.frombuffer(data, np.uint64)


class View:
    """A running hash of arrays under a key that two parties have to themselves and use once: GMAC, by polynomials over GF(2^128).

    Whoever does not know the key makes two views of n bytes collide with probability n / 2^132. The processor has instructions
    for it, as it has not for a hash without a key.
    """

    def __init__(self, key: bytes | None):
        self._hash: CipherContext | None = None if key is None else Cipher(AES(key), GCM(bytes(12))).encryptor()

    def add(self, array: Any) -> None:
        if self._hash is not None and not is_shaped(array) and array.size:
            self._hash.authenticate_additional_data(np.ascontiguousarray(array).reshape(-1).data.cast("B"))  # type: ignore[attr-defined]

    def tag(self) -> bytes:
        if self._hash is None:
            return bytes(8 * TAG_WORDS)
        self._hash.finalize()
        tag: bytes = self._hash.tag  # type: ignore[attr-defined]
        return tag


def _committed(party: int, content: bytes, nonce: bytes) -> bytes:
    return hashlib.blake2b(bytes([party]) + content + nonce, digest_size=8 * DIGEST_WORDS, person=b"ramp commitment").digest()


def _covering(lines: Sequence[int]) -> str:
    """Which lines of the cell were open when a check failed."""
    if not any(lines):
        return ""
    return f" (it covers line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))})"
