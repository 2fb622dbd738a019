"""Owns the source of authenticated items that needs nobody but the parties, of which all but one may be active: oblivious transfers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import CheatingDetected
from ...trace.recorder import OpenSpan
from ...values.bits import WORD_BITS
from ...values.shaped import zeros
from ..context import Context
from ..security import ADVERSARIES
from .authenticated import NUMBER, AuthenticatedSource, Keys
from .authenticated_ands import bit_triples
from .authenticated_triples import matrix_triples, triples
from .authentication import Authenticator
from .edabits import edabits
from .linked_bits import dabits, randoms
from .sources import Items, Kind
from .voles import NUMBER_WORDS


class AuthenticatedTransfers(AuthenticatedSource):
    """All items are checked before they are handed out. After a failed check nothing is left of it."""

    adversary = ADVERSARIES[2]

    def __init__(self, keys: Keys | None):
        super().__init__(keys)
        self._maker = Authenticator(keys)

    def is_ready(self, context: Context) -> bool:
        return self._maker.is_ready(context)

    def set_up(self, context: Context) -> None:
        self._at_work(context).set_up()

    def facts(self, context: Context) -> dict[str, Any]:
        return {"ready": self.is_ready(context)}

    def assume(self, facts: Mapping[str, Any]) -> None:
        self._maker.assume(facts["ready"])

    def make(self, context: Context, kind: Kind, count: int) -> Items:
        try:
            shares = self._make(self._at_work(context), kind, count)
        except CheatingDetected:
            self._maker = Authenticator(self.keys)
            raise
        return tuple(shares)

    def _at_work(self, context: Context) -> Authenticator:
        self._maker.begin(context, self.checks)
        return self._maker

    def _make(self, maker: Authenticator, kind: Kind, count: int) -> list[Any]:
        name, *sizes = kind
        if name == "matrix_triples":
            made = [matrix_triples(maker, *sizes) for _ in range(count)]
            return [np.stack(shares) for shares in zip(*made, strict=True)]
        if name in ("masks", "bit_masks"):
            return _masks(maker, name == "bit_masks", sizes[0], count)
        if name == "random_bits":
            return [_items_first(maker.bits(count)[1])]
        if name == "randoms":
            with OpenSpan(maker.context.recorder, "randoms"):
                return [_items_first(randoms(maker, count))]
        if name == "dabits":
            numbers, bits = dabits(maker, count)
            return [np.moveaxis(numbers.reshape(NUMBER, count, WORD_BITS), 0, 1), _items_first(bits)]
        if name == "edabits":
            numbers, bits = edabits(maker, count, sizes[0])
            return [np.moveaxis(numbers.reshape(NUMBER, count, WORD_BITS), 0, 1), np.moveaxis(bits, 2, 0)]
        return [_items_first(share) for share in (triples if name == "triples" else bit_triples)(maker, count)]


def _masks(maker: Authenticator, binary: bool, owner: int, count: int) -> list[Any]:
    with OpenSpan(maker.context.recorder, "bit_masks" if binary else "masks"):
        mine = maker.context.index == owner
        if binary:
            own, share, _ = maker.bits(count, [owner])
            return [own, _items_first(share)]
        numbers = maker.random((NUMBER_WORDS, count)) if mine else zeros((NUMBER_WORDS, count), like=maker.random((1,)))
        return [_items_first(numbers), _items_first(maker.numbers([owner], numbers)[0])]


def _items_first(share: Any) -> Any:
    return np.moveaxis(share, 0, 1)


