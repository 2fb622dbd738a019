"""`fantastic-four`: four parties, one may be active. x = x_0 + x_1 + x_2 + x_3 (or XOR); party i misses x_i and holds the others.

Dalskov, Escudero, Keller 2020/1330. Every component is held by three parties and every product of two components by two, so
that whatever a party must be told two others know: one sends it, the other vouches for it (`joint_messages`). A stream of
randomness belongs to every three parties. Party i's components stand in the order x_{i+1}, x_{i+2}, x_{i+3}.

A party that falsifies anything is caught for certain (unless it finds a collision of BLAKE2b), before anything is revealed, and learns nothing.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ..registry import protocol
from ..trace.recorder import OpenSpan
from ..values import ring, shaped
from ..values.streams import KEY_BYTES, fresh_key
from . import circuits
from . import planes as packed
from .base import Protocol, Share
from .joint_messages import PARTIES, ROUTE_OF, ROUTES, JointMessages, Route, add_to, digest_of, running_digest
from .permutations import random_permutation
from .security import Security

WORD = 64
BLOCK = 8192  # words: a dozen blocks of 64 KiB, factors and products, stay in the L2 cache
SENT_WORDS = 16384  # 128 KiB: a system call for fewer costs more than the peer gains by having them early
LOW, HIGH = frozenset((2, 3)), frozenset((0, 1))  # who knows x_0 + x_1, and who x_2 + x_3

Known = tuple[frozenset[int], Any, Share]  # two parties, what they know (None at others), the share that it is added to


@dataclass(frozen=True)
class Gates:
    """What adding and multiplying are in a domain."""

    add: np.ufunc
    subtract: np.ufunc
    multiply: np.ufunc


RING, BITS = Gates(np.add, np.subtract, np.multiply), Gates(np.bitwise_xor, np.bitwise_xor, np.bitwise_and)


@protocol("fantastic-four")
class FantasticFour(Protocol):
    """Replicated sharing among four, modulo 2^64 and on bits: a product costs 6 elements in total and one round.

    The first step of a cell that needs randomness is preceded by a round in which keys are dealt. All checks of a cell
    together take two rounds before each reveal and 32 + 8 bytes from each party to each other, whatever they cover.
    """

    security = Security("malicious with abort", 1, "4", "Dalskov, Escudero, Keller 2020/1330")
    arithmetic_components = binary_components = 3
    takes = "exactly four parties"
    owing = frozenset({"keys", "input", "joint input", "multiply", "and", "matmul", "shuffle", "open masked", "reveal"})

    @classmethod
    def fits(cls, count: int) -> bool:
        return count == PARTIES

    def __init__(self, context: Any, kept: dict[str, Any] | None = None):
        super().__init__(context, kept)
        self.me = context.index
        self.checks = JointMessages(context)
        self._keys_dealt = False

    def constant_components(self, *, binary: bool) -> tuple[int, ...]:
        """Constants live in component 0, which party 0 misses."""
        return (self._at(0),) if self.me else ()

    # -- checks --------------------------------------------------------------------------------------------------------

    def verify(self) -> None:
        """Compare all joint messages, keys and inputs since the last time: a round, and one to tell all."""
        if self.checks.pending:
            with OpenSpan(self.context.recorder, "check joint messages"):
                begun = self.checks.begin()
                self.checks.confirm("joint messages", self.checks.compare(), begun)

    # -- randomness that three parties know ----------------------------------------------------------------------------

    def _agree(self) -> None:
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
            self.context.group_keys[_all_but(me - 1)] = key
            for dealer in before:
                self.context.group_keys[_all_but(dealer - 1)] = heard[dealer].tobytes()
        self._keys_dealt = True

    def _stream(self, outsider: int) -> Any:
        """The stream that all but one party know."""
        return self.context.group_stream(_all_but(outsider))

    # -- sharing -------------------------------------------------------------------------------------------------------

    def input(self, owner: int, value: Any, shape: tuple[int, ...], *, binary: bool) -> Share:
        """Owner i draws x_{i+1} and x_{i+2}, each with the two others that hold it, and sends x_{i+3}; x_i is 0.

        Its two receivers compare what they got. Cost: 2 elements in total, one round.
        """
        self._agree()
        share = self.zeros(shape, binary=binary)
        one, other, rest = ((owner + k) % PARTIES for k in (1, 2, 3))
        for component in (one, other):
            if self.me != component:
                share[self._at(component)] = self._stream(component).words(shape)
        self.checks.owe()
        if self.me == owner:
            hide = _gates(binary).subtract
            sent = hide(hide(value, share[0]), share[1])
            share[2] = sent
            self.context.exchange("input", {one: sent, other: sent}, {})
        elif self.me == rest:
            self.context.exchange("input", {}, {})
        else:
            came = self.context.exchange("input", {}, {owner: shape})[owner]
            self.checks.alike(other if self.me == one else one, digest_of(came))
            share[self._at(rest)] = came
        return share

    def reveal(self, x: Share, to: Sequence[int], *, binary: bool) -> Any:
        """Party i gets x_i from the next party and its hash from the one after, compares, and all tell all whether they are content.

        Everything was checked before, so that all honest parties hold shares of the same value and the hash says nothing new.
        Cost: an element for each who gets the value, 32 bytes for its hash; two rounds.
        """
        sender, voucher = (self.me + 1) % PARTIES, (self.me + 2) % PARTIES
        previous, second = (self.me - 1) % PARTIES, (self.me - 2) % PARTIES
        sends = {previous: x[2]} if previous in to else {}
        if second in to:
            sends[second] = digest_of(x[1])
        receives = {sender: x.shape[1:], voucher: digest_of(x[0]).shape} if self.me in to else {}
        reply = self.context.exchange("reveal", sends, receives)
        fine = self.me not in to or self.context.planned or np.array_equal(digest_of(reply[sender]), reply[voucher])
        with OpenSpan(self.context.recorder, "check reveal"):
            self.checks.confirm("what was revealed", fine, begun=0)  # settles nothing else: other branches may owe a check
        if self.me not in to:
            return None
        add = _gates(binary).add
        return add(add(x[0], x[1]), add(x[2], reply[sender]))

    def random(self, shape: tuple[int, ...], *, binary: bool) -> Share:
        """Local: component j comes from the stream that its three holders share."""
        self._agree()
        return np.stack([self._stream(component).words(shape) for component in self._held()])

    def pieces(self, x: Share, *, binary: bool) -> dict[int, Any]:
        """x_1 + x_2 + x_3 of party 0, x_0 of party 1."""
        add = _gates(binary).add
        own = {0: lambda: add(add(x[0], x[1]), x[2]), 1: lambda: x[2]}
        return {party: own[party]() if party == self.me else None for party in own}

    # -- products ------------------------------------------------------------------------------------------------------

    def multiply(self, x: Share, y: Share) -> Share:
        """x_i y_j + x_j y_i is known to the two parties that miss neither, who share it jointly: 6 elements in total, one round.

        With the four of them in which j = i + 1 goes x_j y_j, which the same two know.
        """
        return self._product("multiply", [(x, y)], x.shape[1:], RING)

    def conjunction(self, x: Share, y: Share) -> Share:
        return self._product("and", [(x, y)], x.shape[1:], BITS)

    def conjunctions(self, factors: Iterable[circuits.Factors], shapes: Sequence[circuits.Shape]) -> list[Share]:
        """A pair is asked for when those before it are masked and on their way."""
        if len(shapes) == 1 or self.context.planned:
            return super().conjunctions(factors, shapes)
        words = sum(planes * width for planes, width in shapes)
        return list(circuits.split(self._product("and", factors, (words,), BITS), shapes))

    def _product(self, tag: str, factors: Iterable[tuple[Share, Share]], shape: tuple[int, ...], gates: Gates) -> Share:
        """Send masked products of one pair of factors after the other while they are computed."""
        self._agree()
        z = self.zeros(shape, binary=False)
        messages = [shaped.empty(shape, like=z) if route.sender == self.me else None for route in ROUTES]
        digests = [running_digest() for _ in ROUTES]
        fill = None
        if not self.context.planned:
            flat = [None if message is None else message.reshape(-1) for message in messages]
            fill = self._masked_products(factors, gates, z.reshape(3, -1), flat, digests)
        came = self.checks.deliver(tag, ROUTES, messages, [shape] * len(ROUTES), fill=fill, digests=digests)
        for route, piece in zip(ROUTES, came, strict=True):
            if piece is not None:
                held = z[self._at(route.rest), ...]
                gates.add(held, piece, out=held)
        return z

    def _masked_products(
        self, factors: Iterable[tuple[Share, Share]], gates: Gates, z: Any, messages: Sequence[Any], digests: Sequence[Any]
    ) -> Iterator[int]:
        """Compute z but for what this party receives; yield how many leading words are final, now and then: each time they are sent."""
        start = said = 0
        for pair in factors:
            x, y = ([np.ascontiguousarray(part).reshape(-1) for part in factor] for factor in pair)
            for begin in range(0, x[0].size, BLOCK):
                here = slice(begin, begin + BLOCK)
                words = x[0][here].size
                there = slice(start, start + words)
                block = [None if message is None else message[there] for message in messages]
                self._mask_block([part[here] for part in x], [part[here] for part in y], gates, z[:, there], block, digests)
                start += words
                if start - said >= SENT_WORDS:
                    said = start
                    yield said

    def _mask_block(self, x: Sequence[Any], y: Sequence[Any], gates: Gates, z: Any, messages: Sequence[Any], digests: Sequence[Any]) -> None:
        mask, term, unsent = np.empty((3, z.shape[1]), np.uint64)
        for route, message, digest in zip(ROUTES, messages, digests, strict=True):
            if self.me == route.receiver:
                continue
            self._stream(route.receiver).words_into(mask)
            masked = z[self._at(route.receiver)]
            gates.add(masked, mask, out=masked)
            if self.me == route.rest:
                continue
            i, j = self._at(route.receiver), self._at(route.rest)
            out = unsent if message is None else message
            gates.multiply(x[i], y[j], out=out)
            gates.subtract(out, mask, out=out)
            cofactor = gates.add(y[i], y[j], out=term) if _takes_square(route) else y[i]
            gates.add(out, gates.multiply(cofactor, x[j], out=term), out=out)
            gates.add(z[j], out, out=z[j])
            if message is None:
                add_to(digest, out)

    def matmul(self, x: Share, y: Share) -> Share:
        """A matrix product costs 6 elements per *output* element: local products are summed before they are masked."""
        shape = shaped.matmul_shape(x.shape[1:], y.shape[1:])
        z = self.zeros(shape, binary=False)
        known = [(frozenset((route.sender, route.voucher)), self._matrix_term(x, y, route, shape), z) for route in ROUTES]
        self._add_jointly("matmul", known, binary=False)
        return z

    def _matrix_term(self, x: Share, y: Share, route: Route, shape: tuple[int, ...]) -> Any:
        if self.me not in (route.sender, route.voucher):
            return None
        if shaped.is_shaped(x, y):
            return shaped.ShapedArray(shape)
        i, j = self._at(route.receiver), self._at(route.rest)
        return ring.matmul_sum([(x[j], y[i] + y[j] if _takes_square(route) else y[i]), (x[i], y[j])])

    # -- what two parties know, shared -----------------------------------------------------------------------------------

    def _share_jointly(self, known: Sequence[tuple[frozenset[int], Any]], shape: tuple[int, ...], *, binary: bool) -> list[Share]:
        """Shares of values that two parties each know, no two the same: one element in total for each, one round."""
        shares = [self.zeros(shape, binary=binary) for _ in known]
        self._add_jointly("joint input", [(*each, share) for each, share in zip(known, shares, strict=True)], binary=binary)
        return shares

    def _add_jointly(self, tag: str, known: Sequence[Known], *, binary: bool) -> None:
        """Two parties miss components i and j: all others draw a mask for i, and j gets the rest, which is told to party i."""
        self._agree()
        gates, shapes = _gates(binary), [share.shape[1:] for _, _, share in known]
        routes, messages = [ROUTE_OF[pair] for pair, _, _ in known], []
        for route, (_, value, share), shape in zip(routes, known, shapes, strict=True):
            message = None
            if self.me != route.receiver:
                mask = self._stream(route.receiver).words(shape)
                self._add_to(share, route.receiver, mask, gates)
                if self.me != route.rest:
                    message = gates.subtract(value, mask)
                    self._add_to(share, route.rest, message, gates)
            messages.append(message)
        for route, (_, _, share), came in zip(routes, known, self.checks.deliver(tag, routes, messages, shapes), strict=True):
            if came is not None:
                self._add_to(share, route.rest, came, gates)

    def _add_to(self, share: Share, component: int, value: Any, gates: Gates) -> None:
        share[self._at(component)] = gates.add(share[self._at(component)], value)

    def _low_and_high(self, x: Share, *, binary: bool = False) -> tuple[Any, Any]:
        """s = x_0 + x_1 and t = x_2 + x_3, where known: together they are the secret."""
        add = _gates(binary).add
        s = add(x[self._at(0)], x[self._at(1)]) if self.me in LOW else None
        t = add(x[self._at(2)], x[self._at(3)]) if self.me in HIGH else None
        return s, t

    # -- between the domains: an adder of s and t, each of which two parties know and share bit by bit -------------------

    def sign(self, x: Share) -> Share:
        """The carry into bit 63 by a tree over the lower 63 positions, then p_63 ^ carry. 7 rounds, 2 + 6 * 116 / 64 elements in total."""
        s, p = self._planes_of_sum(x)
        low, top = slice(0, WORD - 1), p[:, WORD - 1].copy()
        blocks = [circuits.Block(s[:, low, columns], p[:, low, columns], carry_known=True) for columns in circuits.pieces(s)]
        del s, p  # the blocks let go of them as they fold
        return top ^ self.carries_of(blocks)

    def to_binary(self, x: Share) -> Share:
        """The whole sum, by a prefix tree. 7 rounds."""
        return packed.from_planes(circuits.add_planes(*self._planes_of_sum(x), self.conjunctions), x.shape[1])

    def is_zero(self, x: Share) -> Share:
        """s + t = 0 exactly if all bits of ~(s ^ -t) are one: no adder. 7 rounds, 63 ANDs."""
        s, t = self._low_and_high(x)
        s, minus_t = self._share_planes(s, None if t is None else -t, x.shape[1])
        return self.planes_are_zero(s ^ minus_t)

    def _planes_of_sum(self, x: Share) -> tuple[Share, Share]:
        """Planes of s and of p = s ^ t: what an adder of s and t needs. Two elements in total, one round."""
        s, t = self._share_planes(*self._low_and_high(x), x.shape[1])
        return s, np.bitwise_xor(s, t, out=t)

    def _share_planes(self, s: Any, t: Any, n: int) -> list[Share]:
        s, t = (None if v is None else packed.to_planes(v, WORD) for v in (s, t))
        return self._share_jointly([(LOW, s), (HIGH, t)], (WORD, packed.word_count(n)), binary=True)

    def bits_to_ring(self, bits: Share, n: int) -> Share:
        """b = s ^ t = s + t - 2 s t, with s and t shared as numbers: 6 elements in total, 2 rounds."""
        s, t = self._low_and_high(bits, binary=True)
        s, t = (None if v is None else unpack_to_ring(v, n) for v in (s, t))
        s, t = self._share_jointly([(LOW, s), (HIGH, t)], (n,), binary=False)
        return s + t - (self._low_by_high(s, t) << np.uint64(1))

    def _low_by_high(self, s: Share, t: Share) -> Share:
        """s t where s consists of components 0 and 1 and t of components 2 and 3: only four products are left. 4 elements, one round."""
        product = self.zeros(s.shape[1:], binary=False)
        known = []
        for i, j in ((0, 2), (0, 3), (1, 2), (1, 3)):
            pair = frozenset(range(PARTIES)) - {i, j}
            known.append((pair, s[self._at(i)] * t[self._at(j)] if self.me in pair else None, product))
        self._add_jointly("multiply", known, binary=False)
        return product

    def to_arithmetic(self, x: Share) -> Share:
        """y_0 and y_1 are drawn, d = x - y_0 - y_1 comes out of a binary adder and is told to parties 0 and 1, who share it jointly.

        Everything is checked before that: d is uniform to each of them only if the adder really subtracted. Cost: 4 elements in
        total beside the adder; 11 rounds.
        """
        self._agree()
        n = x.shape[1]
        y = self.zeros((n,), binary=False)
        for component in (0, 1):
            if self.me != component:
                y[self._at(component)] = self._stream(component).words((n,))
        minus_r = packed.to_planes(-(y[self._at(0)] + y[self._at(1)]), WORD) if self.me in LOW else None
        [s] = self._share_jointly([(LOW, minus_r)], (WORD, packed.word_count(n)), binary=True)
        total = circuits.add_planes(s, packed.to_planes(x, WORD) ^ s, self.conjunctions)

        self.verify()
        d = self._open_to_0_and_1(total, BITS)
        d = None if d is None else packed.from_planes(d, n)
        self._add_jointly("joint input", [(HIGH, d, y)], binary=False)
        return y

    def _open_to_0_and_1(self, x: Share, gates: Gates) -> Any:
        """The value of a share that nothing can be read from: to parties 0 and 1, who miss one component each. One round."""
        routes = [Route(2, 3, 0), Route(3, 2, 1)]
        known = [x[self._at(route.receiver)] if self.me in LOW else None for route in routes]
        came = self.checks.deliver("open masked", routes, known, [x.shape[1:]] * 2)
        if self.me in LOW:
            return None
        return gates.add(gates.add(x[0], x[1]), gates.add(x[2], came[self.me]))

    # -- truncation ------------------------------------------------------------------------------------------------------

    def truncate(self, x: Share, bits: int) -> Share:
        """floor(x / 2**bits), exactly.

        x + 2^63 = s + t - 2^64 w as integers, so its quotient is (s >> b) + (t >> b) + c - w 2^(64-b), where c is the
        carry out of the low b bits and w the carry out of bit 63: one tree yields both. 10 rounds for up to 32 bits.
        """
        n = x.shape[1]
        x = self.add_public(x, np.uint64(1 << 63))
        self._agree()
        quotient, (c, w) = self.context.parallel([lambda: self._sum_of_quotients(x, bits), lambda: self._carries(x, bits)])
        quotient = quotient + c[:, :n] - (w[:, :n] << np.uint64(64 - bits))
        return self.add_public(quotient, np.uint64((1 << 64) - (1 << (63 - bits))))

    def _sum_of_quotients(self, x: Share, bits: int) -> Share:
        s, t = (None if v is None else v >> np.uint64(bits) for v in self._low_and_high(x))
        quotient = self.zeros(x.shape[1:], binary=False)
        self._add_jointly("joint input", [(LOW, s, quotient), (HIGH, t, quotient)], binary=False)
        return quotient

    def _carries(self, x: Share, bits: int) -> tuple[Share, Share]:
        """Of s + t the carries, as numbers, out of the low bits and out of all."""
        s, p = self._planes_of_sum(x)
        blocks = [circuits.Block(s[:, :bits], p[:, :bits], carry_known=True), circuits.Block(s[:, bits:], p[:, bits:])]
        low, high = circuits.reduce_carries(blocks, self.conjunctions)
        wrap = high[0] ^ self.conjunction(high[1], high[0] ^ low[0])
        lanes = packed.word_count(x.shape[1]) * WORD
        both = self.bits_to_ring(np.concatenate([low[0], wrap], axis=1).reshape(3, -1), 2 * lanes)
        return both[:, :lanes], both[:, lanes:]

    def truncate_probabilistic(self, x: Share, bits: int) -> Share:
        """x / 2**bits rounded down or up (up with the probability of the fraction) for |x| < 2^62: 3 rounds, 10 elements.

        Parties 2 and 3 know a random r = r_0 + r_1; parties 0 and 1 alone learn c = x + 2^62 + r, which is uniform to each of
        them whatever x became: r enters nothing before. Both pairs share the quotient and the top bit of theirs. The top
        bits' XOR says whether the low 63 bits borrow, so that no |x| < 2^62 fails.
        """
        n, shift, top, low63 = x.shape[1], np.uint64(bits), np.uint64(63), np.uint64((1 << 63) - 1)
        weight = np.uint64(63 - bits)  # of the borrow, after the shift
        self._agree()
        x = self.add_public(x, np.uint64(1 << 62))
        r = self.zeros((n,), binary=False)
        for component in (0, 1):
            if self.me != component:
                r[self._at(component)] = self._stream(component).words((n,))
        c = self._open_to_0_and_1(x + r, RING)

        known = r[self._at(0)] + r[self._at(1)] if self.me in LOW else c
        both = np.stack([(known & low63) >> shift, known >> top])
        told = [(LOW, both if self.me in LOW else None), (HIGH, both if self.me in HIGH else None)]
        of_r, of_c = self._share_jointly(told, (2, n), binary=False)

        borrow = of_c[:, 1] + of_r[:, 1] - (self._low_by_high(of_r[:, 1], of_c[:, 1]) << np.uint64(1))
        return self.add_public(of_c[:, 0] - of_r[:, 0] + (borrow << weight), np.uint64((1 << 64) - (1 << (62 - bits))))

    # -- permutations ----------------------------------------------------------------------------------------------------

    def shuffle(self, columns: list[tuple[Share, bool]]) -> list[Share]:
        """Four hops: all parties but one permute by a permutation that this one does not know, and share anew with it.

        12 elements per row and column in total, 4 rounds; any single party misses one of the four permutations. The hops of
        2022/1595 (three parties, curious) with joint messages: for party a the others take x_a + x_{a+1}, x_{a+2}, x_{a+3}, of which
        any two of them know one more, permute, and subtract masks that a does not know and that make up the new x_a. All that
        is sent, the three differences to a, is known to two of them, so that a party which permutes or sends anything
        else is caught as it is in a product; nobody else takes part with anything of its own.
        """
        for a in range(PARTIES):
            self._permute_for(a, columns)
        return [share for share, _ in columns]

    def _permute_for(self, a: int, columns: list[tuple[Share, bool]]) -> None:
        """The columns are taken out of the list, and come back permuted."""
        self._agree()
        others = [(a + k) % PARTIES for k in (1, 2, 3)]
        routes = [Route(others[(k + 1) % 3], others[(k + 2) % 3], a) for k in range(3)]  # component a + 1 + k to party a
        shapes, kinds = [share.shape[1:] for share, _ in columns], [binary for _, binary in columns]
        shares, messages = [], [None, None, None]
        if self.me == a:
            columns.clear()
        else:
            shares = list(self._permuted(a, columns))
            for k, route in enumerate(routes):
                if self.me != route.rest:
                    messages[k] = _in_a_row([share[self._at(route.rest)] for share in shares])
        sizes = [math.prod(shape) for shape in shapes]
        came = self.checks.deliver("shuffle", routes, messages, [(sum(sizes),)] * 3)
        if self.me == a:
            ends = list(accumulate(sizes, initial=0))
            spans = zip(shapes, pairwise(ends), strict=True)
            shares = [np.stack([piece[start:stop].reshape(shape) for piece in came]) for shape, (start, stop) in spans]
        columns += zip(shares, kinds, strict=True)

    def _permuted(self, a: int, columns: list[tuple[Share, bool]]) -> Iterator[Share]:
        """New shares of every column, taken out of the list, by an order that all but party a know."""
        order = random_permutation(self._stream(a), columns[0][0].shape[1])
        while columns:
            share, binary = columns.pop(0)
            gates, new = _gates(binary), self.zeros(share.shape[1:], binary=binary)
            for component in ((a + k) % PARTIES for k in (1, 2, 3)):
                mask = self._stream(a).words(share.shape[1:])
                self._add_to(new, a, mask, gates)
                if self.me == component:
                    continue
                piece = share[self._at(component)]
                if component == (a + 1) % PARTIES:
                    piece = gates.add(piece, share[self._at(a)])
                new[self._at(component)] = gates.subtract(np.take(piece, order, axis=0), mask)
            yield new

    # -- small helpers ---------------------------------------------------------------------------------------------------

    def _at(self, component: int) -> int:
        """Where this party has a component that it does not miss."""
        return (component - self.me - 1) % PARTIES

    def _held(self) -> list[int]:
        return [(self.me + k) % PARTIES for k in (1, 2, 3)]


def _gates(binary: bool) -> Gates:
    return BITS if binary else RING


def _all_but(outsider: int) -> tuple[int, ...]:
    return tuple(party for party in range(PARTIES) if party != outsider % PARTIES)


def _takes_square(route: Route) -> bool:
    """Four of the six joint messages of a product carry a component's product with itself: that of the component that travels."""
    return route.rest == (route.receiver + 1) % PARTIES


def _in_a_row(arrays: Sequence[Any]) -> Any:
    return arrays[0].reshape(-1) if len(arrays) == 1 else np.concatenate([array.reshape(-1) for array in arrays])


def unpack_to_ring(words: Any, n: int) -> Any:
    """0 or 1 in the ring for each of n packed bits."""
    return packed.unpack(words, n).astype(np.uint64)
