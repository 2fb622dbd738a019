"""Owns what a party opened of shares with MACs, until their MACs are checked: all of it at once, before anything is revealed.

A partial opening shows a value that something uniform hides, so that it may be wrong until the check. Shares are as in
`preprocessing.authenticated`. The check: SPDZ2k (2018/482, section 4) for numbers, whose whole words are opened; for bits the
same over GF(2) (2015/901), with as many random combinations as MACs have bits.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..trace.recorder import OpenSpan
from ..values import shaped, wide
from ..values.bits import WORD_BITS
from .checks import Checks
from .context import Context
from .preprocessing.authenticated import Keys

MOST_BYTES = 1 << 26  # of unchecked openings that a party remembers; then it checks them
BLOCK = 1024  # words of bits combined at a time
ALL_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


class Openings:
    """One party's openings of a cell. `key_bits` is how long MAC keys and random coefficients are: s in the paper."""

    def __init__(self, context: Context, checks: Checks, keys: Keys | None, key_bits: int):
        self.context, self.checks, self.keys, self.key_bits = context, checks, keys, key_bits
        self._numbers: list[tuple[Any, Any]] = []  # value and share of its MAC, (2, n) each
        self._bits: list[tuple[Any, Any]] = []  # (n,) words and (64, n)
        self._bytes = 0
        self._said = self._checking = False

    # -- opening -------------------------------------------------------------------------------------------------------

    def numbers(self, tag: str, share: Any, *, blinded: bool = False) -> Any:
        """Values modulo 2^128, (2, …), of a share (4, …), at everyone. With `blinded` no party's share is shown as it was. One round."""
        mine = wide.add(share[:2], self.zero(share[:2].shape, binary=False)) if blinded else share[:2]
        opened = self._together(tag, mine, wide.add)
        return self._remember(self._numbers, opened, share[2:].reshape(2, opened[0].size))

    def bits(self, tag: str, share: Any, *, blinded: bool = False) -> Any:
        """Words of bits of a share (65, …), at everyone. One round."""
        mine = share[0] ^ self.zero(share[0].shape, binary=True) if blinded else share[0]
        opened = self._together(tag, mine, np.bitwise_xor)
        return self._remember(self._bits, opened, share[1:].reshape(WORD_BITS, opened.size))

    def own_numbers(self, tag: str, shares: Sequence[Any]) -> list[Any]:
        """Of each party's numbers, shared (4, n) and known to it, what they are: (2, n). Nobody else adds to them. One round."""
        peers, me = self.checks.peers, self.context.index
        mine = shares[me][:2]
        said = self.context.exchange(tag, dict.fromkeys(peers, mine), dict.fromkeys(peers, mine.shape)) | {me: mine}
        self._note(np.stack([said[party] for party in sorted(said)]))
        return [self._remember(self._numbers, said[party], shares[party][2:]) for party in sorted(said)]

    def known_bits(self, words: Any, share: Any) -> None:
        """That a share (65, …) is of these public words will be checked as if they had been opened. Local."""
        self._note(words[:0])
        self._remember(self._bits, words, share[1:].reshape(WORD_BITS, words.size))

    def say(self, tag: str, owner: int, words: Any, shape: tuple[int, ...]) -> Any:
        """What the owner tells everyone, the same to all. One round."""
        peers = self.checks.peers
        sends, awaits = (dict.fromkeys(peers, words), {}) if self.context.index == owner else ({}, {owner: shape})
        replies = self.context.exchange(tag, sends, awaits)
        said = words if self.context.index == owner else replies[owner]
        self._note(said)
        return said

    def zero(self, shape: tuple[int, ...], *, binary: bool) -> Any:
        """A share of zeros, or of zeros modulo 2^128: of every two parties one adds what the other subtracts. Local."""
        share = shaped.ShapedArray(shape) if self.context.planned else np.zeros(shape, np.uint64)
        for peer in self.checks.peers:
            drawn = self.context.stream(peer).words(shape)
            share = share ^ drawn if binary else wide.add(share, drawn) if self.context.index < peer else wide.subtract(share, drawn)
        return share

    def _together(self, tag: str, mine: Any, operation: Any) -> Any:
        if not mine.size:
            return mine
        replies = self.context.exchange(tag, dict.fromkeys(self.checks.peers, mine), dict.fromkeys(self.checks.peers, mine.shape))
        for reply in replies.values():
            mine = operation(mine, reply)
        self._note(mine)
        return mine

    def _note(self, said: Any) -> None:
        """To one other party nobody can tell two stories; of more, any two compare what they heard when it is checked."""
        self.checks.owe()
        self._said = True
        if self.context.count > 2:
            for peer in self.checks.peers:
                self.checks.alike(peer, said)

    def _remember(self, kind: list[tuple[Any, Any]], opened: Any, macs: Any) -> Any:
        if opened.size:
            kind.append((opened.reshape(macs.shape) if kind is self._numbers else opened.reshape(-1), macs))
            self._bytes += opened.nbytes + macs.nbytes
            if self._bytes > MOST_BYTES:
                self.verify()
        return opened

    # -- checking ------------------------------------------------------------------------------------------------------

    def verify(self) -> None:
        """Check all that was opened and said. Six rounds; sends nothing if nothing was, and less if nothing was opened.

        The coin comes when everything is opened. What a party then opens is uniform among shares of what must be zero, and
        nobody chooses it after seeing another's.
        """
        while self._checking:
            self.context.exchange("waiting", {}, {})  # for a branch beside this one, which checks what this one opened as well
        if not self._said:
            return
        self._checking = True
        try:
            with OpenSpan(self.context.recorder, "check openings"):
                fine = self._macs_fit()
                self.checks.confirm("what was opened", self.checks.compare() and fine)
        finally:
            self._checking = False

    def _macs_fit(self) -> bool:
        numbers, bits = self._numbers, self._bits
        self._numbers, self._bits, self._bytes, self._said = [], [], 0, False
        if not (numbers or bits):
            return True
        coin = self.checks.coin()
        residues = [*([self._residue(numbers, coin)] if numbers else []), *([self._combinations(bits, coin)] if bits else [])]
        shares = self.checks.at_once(np.concatenate(residues))
        return self.context.planned or self._vanish(list(shares.values()), bool(numbers))

    def _residue(self, items: list[tuple[Any, Any]], coin: Any) -> Any:
        """A share (2,) of sum chi_j (m_j - alpha y_j) modulo 2^128, which is zero.

        A wrong y_j, modulo 2^64, passes with probability 2^(log2(s + 1) - s) at most: Theorem 1 of the paper. An error in high
        words alone changes no result; that it passes tells low bits of alpha, and is as unlikely as to guess them.
        """
        self.checks.note_missed(self.key_bits - math.log2(self.key_bits + 1))
        residue = self.zero((2,), binary=False)
        for opened, macs in items:
            both = np.concatenate([opened, macs])
            chi = coin.words(both.shape[1:]) >> np.uint64(WORD_BITS - self.key_bits)
            combined = wide.total(wide.scale(both, chi), (1,))
            if self.keys is not None:
                residue = wide.add(residue, wide.subtract(combined[2:], wide.scale(combined[:2], self.keys.alpha)))
        return residue

    def _combinations(self, items: list[tuple[Any, Any]], coin: Any) -> Any:
        """A share (64,) of random sums of m_j + Delta y_j, which are zero: bit t of word k is bit k of sum t.

        First words of bits are added up, each in as many random ways as MACs have bits; of those, bits. Bits that are wrong
        vanish in either with probability 2^-s at most, and else whoever opened them has to know Delta.
        """
        self.checks.note_missed(self.key_bits - math.log2(3))
        words = shaped.zeros((WORD_BITS, self.key_bits), like=items[0][1])
        for opened, macs in items:
            chi = coin.words(opened.shape)
            if self.keys is not None:
                for start in range(0, len(opened), BLOCK):
                    part = slice(start, start + BLOCK)
                    words ^= self._sums_of_words(opened[part], macs[:, part], chi[part])
        chosen, zero = coin.words((self.key_bits, self.key_bits)), self.zero((WORD_BITS,), binary=True)
        return zero if self.keys is None else zero ^ _parities(words, chosen)

    def _sums_of_words(self, opened: Any, macs: Any, chi: Any) -> Any:
        assert self.keys is not None
        faults, sums = macs.copy(), np.empty((WORD_BITS, self.key_bits), np.uint64)
        for k in range(WORD_BITS):
            if self.keys.delta >> k & 1:
                faults[k] ^= opened
        picked = np.empty_like(faults)
        for t in range(self.key_bits):
            np.bitwise_and(faults, -(chi >> np.uint64(t) & np.uint64(1)), out=picked)
            sums[:, t] = np.bitwise_xor.reduce(picked, axis=1)
        return sums

    def _vanish(self, shares: list[Any], with_numbers: bool) -> bool:
        """Whether everybody's words make zeros: two of numbers, if there are any, modulo 2^(64 + s), and words of bits."""
        if any(share is None for share in shares):
            return False
        start, fine = 2 * with_numbers, True
        if with_numbers:
            total = np.zeros(2, np.uint64)
            for share in shares:
                total = wide.add(total, share[:2])
            fine = wide.to_int(total) % (1 << (64 + self.key_bits)) == 0
        return fine and not np.bitwise_xor.reduce([share[start:] for share in shares], axis=0).any()


def _parities(words: Any, chosen: Any) -> Any:
    """Bit t of word k of the result is the parity of words[k] & chosen[t]."""
    odd = np.bitwise_count(np.bitwise_xor.reduce(words[:, None, :] & chosen[None], axis=2)) & 1
    return np.sum(odd.astype(np.uint64) << np.arange(chosen.shape[0], dtype=np.uint64), axis=1, dtype=np.uint64)
