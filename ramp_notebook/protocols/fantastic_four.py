"""`fantastic-four`: four parties, one may be active. x = x_0 + x_1 + x_2 + x_3 (or XOR); party i misses x_i and holds the others.

Dalskov, Escudero, Keller 2020/1330. Every component is held by three parties and every product of two components by two, so
that whatever a party must be told two others know: one sends it, the other vouches for it (`joint_messages`). Every three parties
have a stream of randomness (`joint_sharing`). Conversions are in `halves`.

A party that falsifies anything is caught, and before anything is revealed, unless it finds a collision of BLAKE2b or two tags of 128
bits under a key it does not know agree: nothing that a label's 40 or 64 bits would count. Who is at fault is not found out,
and nothing is repeated: an abort is all there is.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ..registry import protocol
from ..trace.recorder import OpenSpan
from ..values import ring, shaped
from . import circuits
from .base import Share
from .halves import Halves
from .joint_messages import PARTIES, ROUTES, Route, add_to, digest_of, running_digest
from .joint_sharing import BITS, RING, Gates, gates_of
from .permutations import random_permutation
from .security import Security

BLOCK = 8192  # words: a dozen blocks of 64 KiB, factors and products, stay in the L2 cache
SENT_WORDS = 16384  # 128 KiB: a system call for fewer costs more than the peer gains by having them early


@protocol("fantastic-four")
class FantasticFour(Halves):
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

    def constant_components(self, *, binary: bool) -> tuple[int, ...]:
        """Constants live in component 0, which party 0 misses."""
        return (self.at(0),) if self.me else ()

    # -- sharing -------------------------------------------------------------------------------------------------------

    def input(self, owner: int, value: Any, shape: tuple[int, ...], *, binary: bool) -> Share:
        """Owner i draws x_{i+1} and x_{i+2}, each with the two others that hold it, and sends x_{i+3}; x_i is 0.

        Its two receivers compare what they got. Cost: 2 elements in total, one round.
        """
        self.agree()
        share = self.zeros(shape, binary=binary)
        one, other, rest = ((owner + k) % PARTIES for k in (1, 2, 3))
        for component in (one, other):
            if self.me != component:
                share[self.at(component)] = self.stream_without(component).words(shape)
        self.checks.owe()
        if self.me == owner:
            hide = gates_of(binary).subtract
            sent = hide(hide(value, share[0]), share[1])
            share[2] = sent
            self.context.exchange("input", {one: sent, other: sent}, {})
        elif self.me == rest:
            self.context.exchange("input", {}, {})
        else:
            came = self.context.exchange("input", {}, {owner: shape})[owner]
            self.checks.alike(other if self.me == one else one, digest_of(came))
            share[self.at(rest)] = came
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
        add = gates_of(binary).add
        return add(add(x[0], x[1]), add(x[2], reply[sender]))

    def random(self, shape: tuple[int, ...], *, binary: bool) -> Share:
        """Local: component j comes from the stream that its three holders share."""
        self.agree()
        return np.stack([self.stream_without(component).words(shape) for component in self.held()])

    def pieces(self, x: Share, *, binary: bool) -> dict[int, Any]:
        """x_1 + x_2 + x_3 of party 0, x_0 of party 1."""
        add = gates_of(binary).add
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
        self.agree()
        z = self.zeros(shape, binary=False)
        messages = [shaped.empty(shape, like=z) if route.sender == self.me else None for route in ROUTES]
        digests = [running_digest() for _ in ROUTES]
        fill = None
        if not self.context.planned:
            parts = zip(ROUTES, messages, digests, strict=True)
            steps = [_Step(self, route, message, digest) for route, message, digest in parts if route.receiver != self.me]
            fill = _masked_products(factors, gates, z.reshape(3, -1), steps)
        came = self.checks.deliver(tag, ROUTES, messages, [shape] * len(ROUTES), fill=fill, digests=digests)
        for route, piece in zip(ROUTES, came, strict=True):
            if piece is not None:
                held = z[self.at(route.rest), ...]
                gates.add(held, piece, out=held)
        return z

    def matmul(self, x: Share, y: Share) -> Share:
        """A matrix product costs 6 elements per *output* element: local products are summed before they are masked."""
        shape = shaped.matmul_shape(x.shape[1:], y.shape[1:])
        z = self.zeros(shape, binary=False)
        known = [(frozenset((route.sender, route.voucher)), self._matrix_term(x, y, route, shape), z) for route in ROUTES]
        self.add_jointly("matmul", known, binary=False)
        return z

    def _matrix_term(self, x: Share, y: Share, route: Route, shape: tuple[int, ...]) -> Any:
        if self.me not in (route.sender, route.voucher):
            return None
        if shaped.is_shaped(x, y):
            return shaped.ShapedArray(shape)
        i, j = self.at(route.receiver), self.at(route.rest)
        return ring.matmul_sum([(x[j], y[i] + y[j] if _takes_square(route) else y[i]), (x[i], y[j])])

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
        self.agree()
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
                    messages[k] = _in_a_row([share[self.at(route.rest)] for share in shares])
        sizes = [math.prod(shape) for shape in shapes]
        came = self.checks.deliver("shuffle", routes, messages, [shapes[0] if len(shapes) == 1 else (sum(sizes),)] * 3)
        if self.me == a:
            ends = list(accumulate(sizes, initial=0))
            spans = zip(shapes, pairwise(ends), strict=True)
            shares = [np.stack([piece.reshape(-1)[start:stop].reshape(shape) for piece in came]) for shape, (start, stop) in spans]
        columns += zip(shares, kinds, strict=True)

    def _permuted(self, a: int, columns: list[tuple[Share, bool]]) -> Iterator[Share]:
        """New shares of every column, taken out of the list, by an order that all but party a know."""
        order = random_permutation(self.stream_without(a), columns[0][0].shape[1])
        while columns:
            share, binary = columns.pop(0)
            gates, new = gates_of(binary), self.zeros(share.shape[1:], binary=binary)
            for component in ((a + k) % PARTIES for k in (1, 2, 3)):
                mask = self.stream_without(a).words(share.shape[1:])
                self.add_to(new, a, mask, gates)
                if self.me == component:
                    continue
                piece = share[self.at(component)]
                if component == (a + 1) % PARTIES:
                    piece = gates.add(piece, share[self.at(a)])
                new[self.at(component)] = gates.subtract(np.take(piece, order, axis=0), mask)
            yield new


class _Step:
    """One party's part in one of the six joint messages of a product: as sender, as voucher, or as the one that knows only the mask.

    Holds the stream of the branch in which the product began: products are computed while others' messages are sent too.
    """

    def __init__(self, party: FantasticFour, route: Route, message: Any, digest: Any):
        self.route, self.digest = route, digest
        self.message = None if message is None else message.reshape(-1)
        self.draw = party.stream_without(route.receiver).words_into
        self.masked, self.rest = party.at(route.receiver), party.at(route.rest)
        self.knows = party.me in (route.sender, route.voucher)


def _masked_products(factors: Iterable[tuple[Share, Share]], gates: Gates, z: Any, steps: Sequence[_Step]) -> Iterator[int]:
    """Compute z but for what this party receives; yield how many leading words are final, now and then: each time they are sent."""
    start = said = 0
    for pair in factors:
        x, y = ([np.ascontiguousarray(part).reshape(-1) for part in factor] for factor in pair)
        for begin in range(0, x[0].size, BLOCK):
            here = slice(begin, begin + BLOCK)
            there = slice(start, start + x[0][here].size)
            _mask_block([part[here] for part in x], [part[here] for part in y], gates, z[:, there], there, steps)
            start = there.stop
            if start - said >= SENT_WORDS:
                said = start
                yield said


def _mask_block(x: Sequence[Any], y: Sequence[Any], gates: Gates, z: Any, there: slice, steps: Sequence[_Step]) -> None:
    """Draw the masks of a block, add what this party knows to z, write what it sends, hash what it vouches for."""
    mask, term, unsent = np.empty((3, z.shape[1]), np.uint64)
    for step in steps:
        i, j = step.masked, step.rest
        step.draw(mask)
        gates.add(z[i], mask, out=z[i])
        if not step.knows:
            continue
        message = unsent if step.message is None else step.message[there]
        gates.multiply(x[i], y[j], out=message)
        gates.subtract(message, mask, out=message)
        cofactor = gates.add(y[i], y[j], out=term) if _takes_square(step.route) else y[i]
        gates.add(message, gates.multiply(cofactor, x[j], out=term), out=message)
        gates.add(z[j], message, out=z[j])
        if step.message is None:
            add_to(step.digest, message)


def _takes_square(route: Route) -> bool:
    """Four of the six joint messages of a product carry a component's product with itself: that of the component that travels."""
    return route.rest == (route.receiver + 1) % PARTIES


def _in_a_row(arrays: Sequence[Any]) -> Any:
    return arrays[0] if len(arrays) == 1 else np.concatenate([array.reshape(-1) for array in arrays])
