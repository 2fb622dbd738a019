"""Owns how parties come to share numbers and bits with MACs, when all but one may be active: what they are, and that they fit.

Numbers: every party's key times an owner's numbers is a vector OLE (`voles`); a random combination of the numbers, hidden by one
more, is opened and its MAC checked (2018/482). An owner who sent differences to several numbers has to guess the bits of keys that
decide its errors. An error in high bits alone, 2^(128 − v) at most, is met with 2^-v, and then moves only so many bits of MACs:
a cheater gains no more by it than it lost, and to open a wrong low word costs 2^-64 in all, times 64 · 64 ways to divide that.

Bits: the choices of correlated OTs with the parties' keys as Δ, of which MACs are the first 64 bits; the check of OTs is that of
MACs, and that choices are the same towards all (`softspoken_active`).

Among three or more a party could have other keys towards each. So once, before anything else, all share random bits; each party
commits to its share of the check for every value that their sum can have, and only then they say their bits: `_same_keys`.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...trace.recorder import OpenSpan
from ...values import wide
from ...values.bits import WORD_BITS
from ...values.shaped import ShapedArray, zeros
from ...values.streams import Stream, fresh_key
from ...values.universal import polynomial_hash
from ..checks import DIGEST_WORDS, Checks
from ..context import Context, ShapedStream
from ..openings import Openings
from ..planes import pack, to_planes, unpack
from .authenticated import KEY_BITS, Keys
from .engine import Batch, Pairs
from .softspoken_active import SoftSpokenActive
from .voles import NumberVole

KEY_TRIALS = 160  # a wrong key passes each with probability 3/4 at most
MISSED_BITS = 52  # of wrong MACs of numbers, per check
NONCE_WORDS = 2
POINTS = 2


class Authenticator:
    """One party's side of all that carries MACs; lives as long as the keys. `begin` says which cell's checks it works with."""

    def __init__(self, keys: Keys | None, k: int = 4):
        self.keys, self._k = keys, k
        self._engines: tuple[SoftSpokenActive, SoftSpokenActive, NumberVole] | None = None
        self._ready = False

    def begin(self, context: Context, checks: Checks) -> None:
        self.context, self.checks = context, checks
        if self._engines is None:
            alpha, delta = (0, 0) if self.keys is None else (self.keys.alpha, self.keys.delta)
            wide_delta = np.array([delta, Stream(fresh_key()).word()], np.uint64)
            self._engines = (
                SoftSpokenActive(self._k),
                SoftSpokenActive(self._k, dict.fromkeys(checks.peers, wide_delta)),
                NumberVole(self._k, dict.fromkeys(checks.peers, np.array([alpha], np.uint64))),
            )
        self.ots, self.correlated, self._vole = self._engines  # one Δ for pads, another for MACs
        for engine in self._engines:
            engine.checks = checks
            if context.planned:
                engine.assume({"ready": self._ready})

    def is_ready(self, context: Context) -> bool:
        if context.planned:
            return self._ready
        return self._ready and self._engines is not None and all(engine.is_ready(context) for engine in self._engines)

    def assume(self, ready: bool) -> None:
        self._ready = ready

    def set_up(self) -> None:
        """Base OTs and trees for all three, and that keys are the same towards all."""
        if self._ready and self.context.planned:
            return
        for engine in (self.ots, self.correlated, self._vole):
            engine.extend(self.context, 0)
        if self.context.count > 2:
            self._same_keys()
        self._ready = True

    # -- numbers -------------------------------------------------------------------------------------------------------

    def numbers(self, owners: Sequence[int], numbers: Any) -> list[Any]:
        """A share (4, count) of each owner's numbers (2, count); who is none gives zeros. 2048 bits each to every party, and a check."""
        count = numbers.shape[1]
        mine = np.concatenate([numbers, self.random((2, 1)) if self.context.index in owners else zeros((2, 1), like=numbers)], axis=1)
        shares = self._unchecked(owners, mine)
        with OpenSpan(self.context.recorder, "check MACs"):
            coin = self.checks.coin()
            openings = self.openings()
            chi = coin.words(count)
            combined = [wide.add(wide.total(wide.scale(share[:, :count], chi), (1,)), share[:, count]) for share in shares]
            self.checks.note_missed(MISSED_BITS)
            openings.numbers("combinations", np.stack(combined, axis=1))
            openings.verify()
        return [share[:, :count] for share in shares]

    def _unchecked(self, owners: Sequence[int], numbers: Any) -> list[Any]:
        alpha = self.keys.alpha if self.keys is not None else 0
        macs = self._vole.products(self.context, owners, numbers)
        own = [numbers if owner == self.context.index else zeros(numbers.shape, like=numbers) for owner in owners]
        return [np.concatenate([x, wide.add(macs[i], wide.scale(x, alpha))]) for i, x in enumerate(own)]

    # -- bits ----------------------------------------------------------------------------------------------------------

    def bits(self, words: int, owners: Sequence[int] | None = None) -> tuple[Any, Any, Batch]:
        """Random bits: this party's own (words,), its share (65, words) of the XOR of all owners' bits, and the OTs behind them."""
        own, batch = self.choices(words, owners)
        return own, self.of_ots(own, batch), batch

    def choices(self, words: int, owners: Sequence[int] | None = None) -> tuple[Any, Batch]:
        """Random bits that this party knows, if it is an owner, and OTs whose choices they are."""
        context, me = self.context, self.context.index
        owners = range(context.count) if owners is None else owners
        pairs: Pairs = [(peer, owner) for owner in owners for peer in range(context.count) if peer != owner]
        batch = self.correlated.extend(context, WORD_BITS * words, pairs, common=True)
        own: Any = ShapedArray((words,)) if context.planned else np.zeros(words, np.uint64)
        if words and me in owners:
            own = next(iter(batch.b.values()))
        return own, batch

    def of_ots(self, own: Any, batch: Batch) -> Any:
        """The share (65, words) whose own bits are `own`."""
        blocks = [*batch.q.values(), *batch.t.values()]
        if not blocks:
            return zeros((1 + KEY_BITS, *own.shape), like=own)
        macs = blocks[0][:, 0]
        for block in blocks[1:]:
            macs = macs ^ block[:, 0]
        macs = to_planes(macs)
        return np.concatenate([own[None], macs ^ self.times_delta(own)])

    @property
    def delta(self) -> int:
        return self.keys.delta if self.keys is not None else 0

    def times_delta(self, own: Any) -> Any:
        """This party's Δ where words (…) have a one: (64, …)."""
        rows = np.array([-(self.delta >> k & 1) & (1 << 64) - 1 for k in range(KEY_BITS)], np.uint64)
        return own[None] & rows.reshape(KEY_BITS, *(1,) * own.ndim)

    def plus(self, share: Any, words: Any) -> Any:
        """A share (65, …) with public bits added: party 0 has them, all their MACs."""
        first = words if self.context.index == 0 else words ^ words
        return share ^ np.concatenate([first[None], self.times_delta(words)])

    def plus_number(self, share: Any, numbers: Any) -> Any:
        """A share (4, …) with public numbers (2, …) added."""
        alpha = 0 if self.keys is None else self.keys.alpha
        first = numbers if self.context.index == 0 else numbers ^ numbers
        return wide.add(share, np.concatenate([first, wide.scale(numbers, alpha)]))

    # -- common --------------------------------------------------------------------------------------------------------

    def random(self, shape: tuple[int, ...]) -> Any:
        """Known to this party alone."""
        return (ShapedStream() if self.context.planned else Stream(fresh_key())).words(shape)

    def said(self, tag: str, mine: Any) -> Any:
        """The XOR of what all parties say; that it was the same to all is checked with the next comparison."""
        peers = self.checks.peers
        for words in self.context.exchange(tag, dict.fromkeys(peers, mine), dict.fromkeys(peers, mine.shape)).values():
            mine = mine ^ words
        self.heard({0: mine})
        return mine

    def heard(self, said: Mapping[int, Any]) -> None:
        """What parties said to all; it will be compared. To one other nobody can tell two stories."""
        for peer in self.checks.peers if self.context.count > 2 else ():
            self.checks.alike(peer, *(said[party] for party in sorted(said)))

    def vanish(self, words: Any) -> bool:
        """Whether the XOR of all parties' words (n,) is zero for every one: values of a polynomial are opened, at once. Four rounds."""
        points, zero = self.checks.coin().words(POINTS), self.openings().zero((POINTS,), binary=True)
        self.checks.note_missed(POINTS * (64 - math.log2(max(1, len(words)))))
        value = polynomial_hash(words[None], [0] * POINTS if self.context.planned else [int(point) for point in points])[0]
        said = self.checks.at_once(value ^ zero).values()
        if self.context.planned:
            return True
        return all(each is not None for each in said) and not np.bitwise_xor.reduce(list(said)).any()

    def openings(self) -> Openings:
        return Openings(self.context, self.checks, self.keys, KEY_BITS)

    # -- keys ----------------------------------------------------------------------------------------------------------

    def _same_keys(self) -> None:
        """Random bits of all, summed: a party's key towards one other that is not its key towards another makes MACs of sums wrong."""
        parties, trials = self.context.count, WORD_BITS * -(-KEY_TRIALS // WORD_BITS)
        with OpenSpan(self.context.recorder, "check keys"):
            own, share, _ = self.bits(trials // WORD_BITS)
            macs = unpack(share[1:], trials).astype(np.uint64)
            word = zeros((trials,), like=macs)
            for k in range(KEY_BITS):
                word = word ^ macs[k] << np.uint64(k)
            delta = np.uint64(0 if self.keys is None else self.keys.delta)
            fine = self._prove(unpack(own, trials), [word[None], word[None] ^ delta], lambda total: total % 2, np.bitwise_xor)

            bits = unpack(self.random((trials // WORD_BITS,)), trials)
            shares = self._unchecked(range(parties), wide.of_words(bits.astype(np.uint64)))
            joint = shares[0]
            for each in shares[1:]:
                joint = wide.add(joint, each)
            alpha = 0 if self.keys is None else self.keys.alpha
            options = [wide.subtract(joint[2:], wide.of_int(total * alpha)[:, None]) for total in range(parties + 1)]
            fine = self._prove(bits, options, lambda total: total, wide.add) and fine
            self.checks.note_missed(KEY_TRIALS * math.log2(4 / 3))
            self.checks.confirm("MAC keys", self.checks.compare() and fine)

    def _prove(self, bits: Any, options: list[Any], choose: Callable[[Any], Any], add: Callable[[Any, Any], Any]) -> bool:
        """Commit to `options` (words, trials) for each value of the sum of bits, say the bits, open what fits: these add up to zero."""
        context, peers, (width, trials) = self.context, self.checks.peers, options[0].shape
        contents = np.stack([np.concatenate([option, self.random((NONCE_WORDS, trials))]) for option in options])
        committed = _commitments(context.index, contents)
        heard = context.exchange("key_commit", dict.fromkeys(peers, committed), dict.fromkeys(peers, committed.shape))
        packed = pack(bits)
        said = context.exchange("key_bits", dict.fromkeys(peers, packed), dict.fromkeys(peers, packed.shape))
        total = bits.astype(np.int64)
        for theirs in said.values():
            total = total + unpack(theirs, trials)
        choice: Any = None if context.planned else choose(total)
        shape = (width + NONCE_WORDS, trials)
        opened: Any = ShapedArray(shape) if context.planned else contents[choice, :, np.arange(trials)].T.copy()
        openings = context.exchange("key_open", dict.fromkeys(peers, opened), dict.fromkeys(peers, shape))
        everything = {context.index: (committed, packed), **{peer: (heard[peer], said[peer]) for peer in peers}}
        for peer in peers:
            self.checks.alike(peer, *(array for party in sorted(everything) for array in everything[party]))
        if context.planned:
            return True
        fine, sums = True, opened[:width]
        for peer in peers:
            digests = _commitments(peer, openings[peer][None])[0]
            fine = fine and np.array_equal(digests, heard[peer][choice, np.arange(trials)])
            sums = add(sums, openings[peer][:width])
        return fine and not sums.any()


def _commitments(party: int, contents: Any) -> Any:
    """Digests (options, trials, 4) of contents (options, words, trials)."""
    options, _, trials = contents.shape
    if isinstance(contents, ShapedArray):
        return ShapedArray((options, trials, DIGEST_WORDS))
    head = bytes([party])
    digests = [
        hashlib.blake2b(head + column.tobytes(), digest_size=8 * DIGEST_WORDS, person=b"ramp MAC keys").digest()
        for option in contents
        for column in np.ascontiguousarray(option.T)
    ]
    return np.frombuffer(b"".join(digests), np.uint64).reshape(options, trials, DIGEST_WORDS)
