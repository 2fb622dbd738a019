"""`additive`: two or more parties, all but one may be curious. x = Σ x_i modulo 2^64, or ⊕ x_i; party i holds x_i.

Products of numbers spend Beaver triples (CRYPTO 1991) and ANDs bit triples, as in GMW (STOC 1987). A triple is (a, b, c) with
c = ab: d = x − a and e = y − b are opened, and xy = c + d·b + e·a + d·e. Triples and the like come from a supply.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..registry import protocol
from ..values import ring, shaped
from . import circuits
from . import planes as packed
from .base import Protocol, Share
from .preprocessing.rehearsal import CountingSupply, in_one_go
from .preprocessing.sources import SOURCES, source_named
from .preprocessing.supply import Supply, planned_supply, supply_state
from .preprocessing.translations import minus, plus
from .security import Security

WORD = 64


@protocol("additive")
class Additive(Protocol):
    """Additive secret sharing modulo 2^64 and on bits: a product costs each party 2 (n - 1) elements and one round."""

    security = Security(
        "semi-honest",
        lambda count: count - 1,
        "n ≥ 2",
        "Beaver 1991; Goldreich, Micali, Wigderson 1987; shuffle 2019/1340; triples from oblivious transfer 2022/192",
        ", ".join(SOURCES),
        threshold_text="n - 1",
    )

    prepares = ("triples", "bit_triples", "dabits", "matrix_triples", "translations")

    takes = "two parties or more"
    sources = tuple(SOURCES)
    stores = True

    @classmethod
    def fits(cls, count: int) -> bool:
        return count >= 2

    def __init__(self, context: Any, kept: dict[str, Any] | None = None):
        super().__init__(context, kept)
        self.me = context.index
        self.peers = [peer for peer in range(context.count) if peer != self.me]
        self.supply: Supply = Supply(context, self.kept.setdefault(context.preprocessing, {}))

    @property
    def label_flags(self) -> tuple[str, ...]:
        return self.supply.source.flags

    def prepare(self, needs: dict[Any, int], *, all_of_it: bool = False) -> None:
        self.supply.open_store()
        self.supply.prepare(needs, all_of_it=all_of_it)

    def count_needs(self) -> dict[Any, int]:
        self.supply = CountingSupply(self.context)
        return self.supply.used

    def supplies(self) -> dict[str, tuple[int, int, int]]:
        return self.supply.balance()

    def public_state(self) -> dict[str, Any]:
        return {name: supply_state(self.context, kept) for name, kept in self.kept.items()}

    @classmethod
    def of_public_state(cls, state: dict[str, Any], parties: int) -> dict[str, Any]:
        return {name: planned_supply(each, parties, source_named(name)) for name, each in state.items()}

    def constant_components(self, *, binary: bool) -> tuple[int, ...]:
        return () if self.me else (0,)

    # -- sharing -------------------------------------------------------------------------------------------------------

    def input(self, owner: int, value: Any, shape: tuple[int, ...], *, binary: bool) -> Share:
        """Everybody's share is drawn with the owner, who takes what is missing to the value: nothing is sent."""
        if self.me != owner:
            return self.context.stream(owner).words((1, *shape))
        share = value.reshape(1, *shape)
        for peer in self.peers:
            drawn = self.context.stream(peer).words((1, *shape))
            share = share ^ drawn if binary else share - drawn
        return share

    def reveal(self, x: Share, to: Sequence[int], *, binary: bool) -> Any:
        """Each party sends its share, masked by a fresh share of zero: nothing that was computed from inputs is shown as it was."""
        shape = x.shape[1:]
        masked = self._masked(x, binary)
        sends = {peer: masked for peer in self.peers if peer in to}
        receives = dict.fromkeys(self.peers, shape) if self.me in to else {}
        replies = self.context.exchange("reveal", sends, receives)
        return _sum(masked, replies, np.bitwise_xor if binary else np.add) if self.me in to else None

    def random(self, shape: tuple[int, ...], *, binary: bool) -> Share:
        """Local: each party draws its share."""
        return self.context.stream(self.me).words((1, *shape))

    def pieces(self, x: Share, *, binary: bool) -> dict[int, Any]:
        """Every party's share, masked by a fresh share of zero."""
        masked = self._masked(x, binary)
        return {party: masked if party == self.me else None for party in range(self.context.count)}

    def _masked(self, x: Share, binary: bool) -> Any:
        zero = self._zero(x.shape[1:], binary=binary)
        return x[0] ^ zero if binary else x[0] + zero

    def _zero(self, shape: tuple[int, ...], *, binary: bool) -> Any:
        """A share of zero: of every two parties one adds what the other subtracts."""
        share = self.zeros(shape, binary=binary)[0]
        for peer in self.peers:
            drawn = self.context.stream(peer).words(shape)
            share = share ^ drawn if binary else share + drawn if self.me < peer else share - drawn
        return share

    def _open(self, tag: str, mine: Any, operation: Any) -> Any:
        """The value of something masked by fresh randomness, which may therefore be shown as it is. One round."""
        return _sum(mine, self.context.exchange(tag, dict.fromkeys(self.peers, mine), dict.fromkeys(self.peers, mine.shape)), operation)

    # -- products ------------------------------------------------------------------------------------------------------

    def multiply(self, x: Share, y: Share) -> Share:
        """One triple per product: 2 (n - 1) elements sent by each party, one round."""
        shape = x.shape
        a, b, c = (part.reshape(shape[1:]) for part in self.supply.triples(x[0].size))
        opened = self._open("multiply", np.stack([x[0] - a, y[0] - b]), np.add)
        d, e = opened[0], opened[1]
        return (c + d * (b if self.me else b + e) + e * a).reshape(shape)

    def conjunction(self, x: Share, y: Share) -> Share:
        """The same on words of 64 bits, of which all are paid for: 2 (n - 1) bits per AND and bit of a word."""
        shape = x.shape
        a, b, c = (part.reshape(shape[1:]) for part in self.supply.bit_triples(x[0].size))
        opened = self._open("and", np.stack([x[0] ^ a, y[0] ^ b]), np.bitwise_xor)
        d, e = opened[0], opened[1]
        return (c ^ d & (b if self.me else b ^ e) ^ e & a).reshape(shape)

    def matmul(self, x: Share, y: Share) -> Share:
        """One matrix triple per product of two matrices: as many elements opened as the two have, in one round."""
        shape = shaped.matmul_shape(x.shape[1:], y.shape[1:])
        left = x[0].reshape(1, -1) if x.ndim == 2 else x[0]
        right = y[0].reshape(-1, 1) if y.ndim == 2 else y[0]
        if not left.size or not right.size:
            return self.zeros(shape, binary=False)
        if right.ndim == 2:
            return self._matrix_product(left.reshape(-1, left.shape[-1]), right).reshape(1, *shape)
        stack = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        left = np.broadcast_to(left, (*stack, *left.shape[-2:])).reshape(-1, *left.shape[-2:])
        right = np.broadcast_to(right, (*stack, *right.shape[-2:])).reshape(-1, *right.shape[-2:])
        products = self.context.parallel([functools.partial(self._matrix_product, left[i], right[i]) for i in range(len(left))])
        return np.stack(products).reshape(1, *shape)

    def _matrix_product(self, x: Any, y: Any) -> Any:
        a, b, c = self.supply.matrix_triples(x.shape[0], x.shape[1], y.shape[1])
        masked = np.concatenate([(x - a).reshape(-1), (y - b).reshape(-1)])
        opened = self._open("matmul", masked, np.add)
        if shaped.is_shaped(opened):
            return c
        d, e = opened[: x.size].reshape(x.shape), opened[x.size :].reshape(y.shape)
        return c + ring.matmul_sum([(d, b if self.me else b + e), (a, e)])

    # -- from numbers to bits: every party knows its share, so the share's bits are shared without a message ------------

    @in_one_go
    def sign(self, x: Share) -> Share:
        """The carry into bit 63 by a tree over the lower 63 positions. 6 rounds and about 120 ANDs for two parties.

        Bits of 64 numbers share a word: one number costs as much as 64.
        """
        s, t, _ = self._summands(x)
        p = s ^ t
        return p[:, WORD - 1] ^ self.carries_of([circuits.Block(s[:, : WORD - 1], p[:, : WORD - 1], carry_known=True)])

    @in_one_go
    def to_binary(self, x: Share) -> Share:
        """The whole sum, by a prefix tree."""
        s, t, _ = self._summands(x)
        return packed.from_planes(circuits.add_planes(s, s ^ t, self.conjunctions), x.shape[1])

    @in_one_go
    def is_zero(self, x: Share) -> Share:
        """s + t = 0 without an adder: for two parties s = -t, bit by bit; else s ^ t = 2 (s | t) (Cortadella, Llaberia 1992)."""
        if self.context.count == 2:
            differing = self._own_planes(-x[0] if self.me else x[0])
        else:
            s, t, _ = self._summands(x)
            either = s ^ t ^ self.conjunction(s, t)
            differing = s ^ t ^ circuits.known_carry(either[:, : WORD - 1])
        return circuits.fold_and(self.invert(differing), self.conjunction)[:, 0]

    def _summands(self, x: Share) -> tuple[Share, Share, list[Share]]:
        """Planes of two numbers whose sum is x, and the carries that adding more than two left behind."""
        own = self._own_planes(x[0])
        nothing = self.zeros(own.shape[1:], binary=True)
        return circuits.carry_save([own if party == self.me else nothing for party in range(self.context.count)], self.conjunction)

    def _own_planes(self, value: Any) -> Share:
        """This party's planes of a number that all parties' shares XOR to, or that it alone knows. Local."""
        return packed.to_planes(value, WORD).reshape(1, WORD, -1)

    # -- from bits to numbers ------------------------------------------------------------------------------------------

    def bits_to_ring(self, bits: Share, n: int) -> Share:
        """A daBit r per bit: e = b ^ r is opened and b = e + r - 2 e r. One bit sent to each party, one round."""
        numbers, words = self.supply.dabits(n)
        e = packed.unpack(self._open("bits_to_ring", bits[0] ^ words, np.bitwise_xor), n).astype(np.uint64)
        return self.add_own(numbers * (np.uint64(1) - np.uint64(2) * e), e).reshape(1, n)

    def to_arithmetic(self, x: Share) -> Share:
        """Σ 2^i b_i with a daBit for each of the 64 bits: one round. An adder with a random summand would cost thrice the bytes."""
        n = x.shape[1]
        lanes = packed.word_count(n) * packed.WORD_BITS
        bits = self.bits_to_ring(packed.to_planes(x, WORD).reshape(1, -1), WORD * lanes).reshape(1, WORD, lanes)
        weights = np.uint64(1) << np.arange(WORD, dtype=np.uint64)
        return np.sum(bits * weights[:, None], axis=1)[:, :n]

    def add_own(self, share: Any, value: Any) -> Any:
        """A party's share of the sum with a public value."""
        return share if self.me else share + value

    # -- truncation ----------------------------------------------------------------------------------------------------

    @in_one_go
    def truncate(self, x: Share, bits: int) -> Share:
        """floor(x / 2**bits), exactly.

        x + 2^63 = Σ x_i - 2^64 w as integers, so its quotient is Σ (x_i >> b) + c - 2^(64-b) w, where c counts the carries
        out of the low b bits and w those out of bit 63: one tree yields both. Two daBits for each party but one.
        """
        n = x.shape[1]
        x = self.add_public(x, np.uint64(1 << 63))
        s, t, carried = self._summands(x)
        p = s ^ t
        blocks = [circuits.Block(s[:, :bits], p[:, :bits], carry_known=True), circuits.Block(s[:, bits:], p[:, bits:])]
        low, high = circuits.reduce_carries(blocks, self.conjunctions)
        wrap = high[0] ^ self.conjunction(high[1], high[0] ^ low[0])
        counted = [low[0], *(carry[:, bits - 1 : bits] for carry in carried), wrap, *(carry[:, WORD - 1 :] for carry in carried)]
        lanes = packed.word_count(n) * packed.WORD_BITS
        numbers = self.bits_to_ring(np.concatenate(counted, axis=1).reshape(1, -1), len(counted) * lanes)
        numbers = np.sum(numbers.reshape(1, 2, len(counted) // 2, lanes), axis=2)[:, :, :n]
        quotient = (x >> np.uint64(bits)) + numbers[:, 0] - (numbers[:, 1] << np.uint64(64 - bits))
        return self.add_public(quotient, np.uint64((1 << 64) - (1 << (63 - bits))))

    @in_one_go
    def truncate_probabilistic(self, x: Share, bits: int) -> Share:
        """x / 2**bits rounded up with the probability of its fraction, for |x| < 2^62; for more than two parties exactly.

        Two parties, after SecureML 2017/396: x + 2^62 = s - t + 2^64 w, and (s >> b) - (t >> b) rounds. There the borrow w is
        left to chance; here it is known from the top bits, as the sum is below 2^63: one AND and one daBit, 2 rounds.
        """
        if self.context.count > 2:
            return type(self).truncate(self, x, bits)
        n = x.shape[1]
        own = self.add_public(x, np.uint64(1 << 62))
        own = -own if self.me else own  # s at party 0, t at party 1
        top = packed.pack((own >> np.uint64(63)) != np.uint64(self.me == 0))  # NOT s_63, and t_63
        nothing = self.zeros(top.shape[1:], binary=True)
        w = self.bits_to_ring(self.conjunction(*((nothing, top) if self.me else (top, nothing))), n)
        shifted = own >> np.uint64(bits)
        quotient = (-shifted if self.me else shifted) + (w << np.uint64(64 - bits))
        return self.add_public(quotient, np.uint64((1 << 64) - (1 << (62 - bits))))

    # -- comparing words -----------------------------------------------------------------------------------------------

    planes_are_less = in_one_go(Protocol.planes_are_less)
    planes_are_zero = in_one_go(Protocol.planes_are_zero)

    # -- permutations --------------------------------------------------------------------------------------------------

    def shuffle(self, columns: Sequence[tuple[Share, bool]]) -> list[Share]:
        """Each party in turn permutes all rows by a permutation of its own (Chase, Ghosh, Poburinnaya 2019/1340).

        n rounds; in each, all parties but one send an element per row and column. As long as one keeps its permutation, the
        order is uniform to the others.
        """
        n = columns[0][0].shape[1]
        if n < 2:
            return [share for share, _ in columns]
        sums, xors = ([share[0].reshape(n, -1) for share, binary in columns if binary == kind] for kind in (False, True))
        rows = np.concatenate([*sums, *xors], axis=1)
        width = sum(part.shape[1] for part in sums)
        order, delta, a, b = self.supply.translations(n, width, rows.shape[1] - width)
        for permuting in range(self.context.count):
            if self.me == permuting:
                replies = self.context.exchange("shuffle", {}, dict.fromkeys(self.peers, rows.shape))
                for reply in replies.values():
                    rows = plus(rows, reply, width)
                rows = plus(np.take(rows, order, axis=0), delta, width)
            else:
                self.context.exchange("shuffle", {permuting: minus(rows, a[permuting], width)}, {})
                rows = b[permuting]

        positions, results = [0, width], []  # where the next column of sums, and of XORs, begins
        for share, binary in columns:
            start = positions[binary]
            positions[binary] += int(np.prod(share.shape[2:]))
            results.append(rows[:, start : positions[binary]].reshape(share.shape))
        return results


def _sum(mine: Any, replies: dict[int, Any], operation: Any) -> Any:
    for reply in replies.values():
        mine = operation(mine, reply)
    return mine
