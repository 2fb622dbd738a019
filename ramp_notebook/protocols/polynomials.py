"""Sharing by polynomials: party i holds f(i + 1) of a polynomial f of degree t whose value at 0 is the secret.

Dealing, revealing and products, once for every field (see `polynomial_fields`). A *piece* is a party's share weighted by its
Lagrange coefficient: pieces of t + 1 parties add up to the secret, those of 2t + 1 parties to one of degree 2t.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..trace.events import PREPROCESSING
from ..values import shaped
from .context import Context

A_ROUND = 1 << 16  # bytes that a party rather sends than wait for one round more


class Sharing(ABC):
    """One party's side of sharings of degree t among all parties. Shares: (components, *shape); values and pieces: (*shape)."""

    components: int

    def __init__(self, context: Context, threshold: int):
        self.context, self.me, self.count, self.t = context, context.index, context.count, threshold
        self.multiplying = range(2 * threshold + 1)  # whose pieces make up a product
        self._coefficients: dict[tuple[tuple[int, ...], int], list[int]] = {}

    # -- the field -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def scalar(self, a: int, b: int) -> int:
        """a * b of two numbers that stand for elements."""

    @abstractmethod
    def scalar_difference(self, a: int, b: int) -> int: ...

    @abstractmethod
    def scalar_inverse(self, a: int) -> int: ...

    @abstractmethod
    def draw(self, stream: Any, shape: tuple[int, ...]) -> Any:
        """A uniform share from a stream."""

    @abstractmethod
    def combine(self, coefficients: Sequence[int], shares: Sequence[Any], coefficient: int = 0, value: Any = None) -> Any:
        """The sum of coefficient * share, and of coefficient * value."""

    @abstractmethod
    def add_up(self, shares: Sequence[Any]) -> Any: ...

    @abstractmethod
    def weighted(self, coefficient: int, share: Any) -> Any:
        """coefficient * share as a piece."""

    @abstractmethod
    def weighted_product(self, coefficient: int, x: Any, y: Any) -> Any:
        """coefficient * x * y as a piece."""

    @abstractmethod
    def element_product(self, x: Any, y: Any) -> Any:
        """x * y of two shares, not reduced in degree."""

    @abstractmethod
    def subtract(self, x: Any, y: Any) -> Any: ...

    def power(self, a: int, exponent: int) -> int:
        result = 1
        for _ in range(exponent):
            result = self.scalar(result, a)
        return result

    def lagrange(self, parties: Sequence[int], at: int, *, zero: bool = False) -> list[int]:
        """Coefficients that give f at the point `at` from f at the parties' points, and at 0 (then first) if `zero`."""
        points = (*([0] if zero else []), *(party + 1 for party in parties))
        if (points, at) not in self._coefficients:
            self._coefficients[points, at] = [self._lagrange(own, points, at) for own in points]
        return self._coefficients[points, at]

    def _lagrange(self, own: int, points: Sequence[int], at: int) -> int:
        above, below = 1, 1
        for other in points:
            if other != own:
                above = self.scalar(above, self.scalar_difference(at, other))
                below = self.scalar(below, self.scalar_difference(own, other))
        return self.scalar(above, self.scalar_inverse(below))

    # -- dealing -------------------------------------------------------------------------------------------------------

    def deal(self, tag: str, dealers: Sequence[int], value: Any, shape: tuple[int, ...]) -> list[Any]:
        """Each dealer shares its own `value` (None at all others); the shares, in the dealers' order. One round.

        A value is a number or word (shape), or an element of the field (components, *shape).
        The polynomial is fixed by the value and by what the dealer's streams with its next t parties give at their points;
        the n - 1 - t other parties are sent their shares. Any t parties see uniform values.
        """
        return self._deal(tag, dealers, value, shape, self.t)

    def random(self, shape: tuple[int, ...]) -> Any:
        """The share of a uniform element that no t parties know: the sum of what t + 1 parties deal.

        A polynomial nobody chose: t + 1 streams fix it, the value at 0 included. So n = 3 needs no message.
        """
        return self.add_up(self._deal("random", range(self.t + 1), None, shape, self.t + 1))

    def _deal(self, tag: str, dealers: Sequence[int], value: Any, shape: tuple[int, ...], drawn: int) -> list[Any]:
        """Polynomials through the value and `drawn` = t streams' points, or through t + 1 streams' points."""
        shares: dict[int, Any] = {}
        sends: dict[int, Any] = {}
        receives: dict[int, tuple[int, ...]] = {}
        with_value = drawn == self.t
        for dealer in dealers:
            by_stream = [(dealer + k) % self.count for k in range(1, drawn + 1)]
            if self.me == dealer:
                streams = [self.draw(self.context.stream(party), shape) for party in by_stream]
                for party in set(range(self.count)) - set(by_stream):
                    first, *rest = [0] * (not with_value) + self.lagrange(by_stream, party + 1, zero=with_value)
                    if with_value and value.ndim > len(shape):
                        share = self.combine([first, *rest], [value, *streams])
                    else:
                        share = self.combine(rest, streams, first, value)
                    if party == dealer:
                        shares[dealer] = share
                    else:
                        sends[party] = share
            elif self.me in by_stream:
                shares[dealer] = self.draw(self.context.stream(dealer), shape)
            else:
                receives[dealer] = (self.components, *shape)
        shares.update(self.context.exchange(tag, sends, receives))
        return [shares[dealer] for dealer in dealers]

    # -- pieces --------------------------------------------------------------------------------------------------------

    def piece(self, share: Any, parties: Sequence[int]) -> Any:
        """This party's piece of a secret of which these parties have all pieces; None at others."""
        return self.weighted(self.weight(parties), share) if self.me in parties else None

    def weight(self, parties: Sequence[int]) -> int:
        return self.lagrange(parties, 0)[list(parties).index(self.me)]

    # -- products ------------------------------------------------------------------------------------------------------
    # The product of two polynomials has degree 2t: pieces of 2t + 1 parties add up to its value at 0.

    def product(self, tag: str, x: Any, y: Any) -> Any:
        """x * y elementwise."""
        shape, active = x.shape[1:], self.me in self.multiplying
        if self.many(x.size):
            return self.through_kings(tag, self.element_product(x, y) if active else None, shape)
        return self.reshare(tag, self.weighted_product(self.weight(self.multiplying), x, y) if active else None, shape)

    def reduce_degree(self, tag: str, product: Any) -> Any:
        """The share of a value whose polynomial has degree 2t: few, or among three, in one round; many through kings."""
        shape, active = product.shape[1:], self.me in self.multiplying
        if self.many(product.size):
            return self.through_kings(tag, product if active else None, shape)
        return self.reshare(tag, self.piece(product, self.multiplying), shape)

    def many(self, size: int) -> bool:
        """Do kings save so many words that their two rounds more are worth it? Among three they save none."""
        n, t = self.count, self.t
        saved = (2 * t + 1) * (n - 1 - t) - (2 * t + (n - 1 - t) + 2 * t * (n - 2 - t) / n)
        return saved * 8 * size / n > 2 * A_ROUND

    def reshare(self, tag: str, piece: Any, shape: tuple[int, ...]) -> Any:
        """Gennaro, Rabin, Rabin: 2t + 1 parties deal their pieces. One round, (2t + 1)(n - 1 - t) elements per product."""
        return self.add_up(self.deal(tag, self.multiplying, piece, shape))

    def through_kings(self, tag: str, share: Any, shape: tuple[int, ...]) -> Any:
        """Each party is king of a part: it learns z + r of a random r, deals it anew, and all subtract their shares of r.

        Damgård & Nielsen's products, with what ATLAS (2021/833) saves: r need be independent among t kings only. Two rounds,
        2t + (n - 1 - t) elements per product, and 2t (n - 2 - t) / n in a round before that no secret enters ("preprocessing").
        """
        n, dealers, size = self.count, self.multiplying, math.prod(shape)
        part = -(-size // n)
        masks = self._masks(part)
        own = None
        if self.me in dealers:
            coefficient = self.weight(dealers)
            filling = shaped.zeros((self.components, n * part - size), like=share)
            padded = np.concatenate([share.reshape(self.components, size), filling], axis=1)
            own = self.combine([coefficient, coefficient], [padded.reshape(masks.shape), masks])
            own = self.add_up([own, self._zero(dealers, own.shape[1:])])
        sends = {} if own is None else {king: own[:, king] for king in range(n) if king != self.me}
        shape_of_part = (self.components, part)
        reply = self.context.exchange(tag, sends, {party: shape_of_part for party in dealers if party != self.me})
        masked = self.add_up([*reply.values(), *([] if own is None else [own[:, self.me]])])

        dealt = np.stack(self.deal(tag, range(n), masked, (part,)), axis=1)
        z = self.subtract(dealt, masks).reshape(self.components, n * part)
        return z[:, :size].reshape(self.components, *shape)

    def _masks(self, size: int) -> Any:
        """Shares (components, n, size) of random elements, of which those of any t kings are independent and unknown to t parties.

        Of what 2t parties deal, t are random combinations although t dealers may be curious: every t columns of their
        Vandermonde matrix are independent. Every t of n combinations of those are, again by Vandermonde's matrix.
        """
        t, n, recorder = self.t, self.count, self.context.recorder
        before, recorder.phase = recorder.phase, PREPROCESSING
        dealt = self._deal("masks", range(2 * t), None, (size,), t + 1)
        recorder.phase = before
        extract = [[self.power(dealer + 1, k) for dealer in range(2 * t)] for k in range(t)]
        random = [self.combine(row, dealt) for row in extract]
        return np.stack([self.combine([self.power(king + 1, k) for k in range(t)], random) for king in range(n)], axis=1)

    def _zero(self, parties: Sequence[int], shape: tuple[int, ...]) -> Any:
        """Elements that add up to zero over `parties` and are otherwise random to any who miss one: from their pairwise streams."""
        added: list[Any] = []
        taken: list[Any] = []
        for party in parties:
            if party != self.me:
                (added if party > self.me else taken).append(self.draw(self.context.stream(party), shape))
        nothing = shaped.zeros((self.components, *shape), like=(added + taken)[0])
        return self.subtract(self.add_up([nothing, *added]), self.add_up([nothing, *taken]))

    def reveal(self, share: Any, to: Sequence[int]) -> Any:
        """The value at each receiver, from its own piece and those of the t parties after it; None elsewhere."""
        shape = share.shape[1:]
        sends, receives = {}, {}
        for receiver in to:
            having = [(receiver + k) % self.count for k in range(self.t + 1)]
            if self.me == receiver:
                receives = dict.fromkeys(having[1:], shape)
            elif self.me in having:
                sends[receiver] = self.piece(share, having)
        reply = self.context.exchange("reveal", sends, receives)
        if self.me not in to:
            return None
        having = [(self.me + k) % self.count for k in range(self.t + 1)]
        return self.add_up([self.piece(share, having), *(reply[party] for party in having[1:])])
