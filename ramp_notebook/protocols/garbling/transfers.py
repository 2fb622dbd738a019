"""Owns the oblivious transfers behind the evaluator's inputs: made before the inputs are known, and each spent once.

A transfer whose correlation is Δ is a wire whose bit is random and known to the evaluator alone: q is the label of false, and
t = q ⊕ b·Δ the active one. Its colours are set to the bit: 0 at the garbler, b at the evaluator.
"""

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...values.shaped import ShapedArray, shape_rule
from ..context import Context
from ..preprocessing.engine import Engine
from ..preprocessing.engines import engine_named
from ..preprocessing.rehearsal import Counting
from ..preprocessing.sources import Items, Kind, Source
from ..preprocessing.supply import Supply
from . import slices
from .labels import Labels

GARBLER, EVALUATOR = 0, 1
KINDS = ("transfers",)  # 64 to an item, which is a share of a word: (128,)


class WireTransfers(Source):
    """Transfers in one direction, by the engine of this name; `delta` is the garbler's, None elsewhere and in a plan."""

    def __init__(self, name: str, delta: Labels | None = None) -> None:
        self._engine: Engine = engine_named(name, None if delta is None else {EVALUATOR: delta})

    def is_ready(self, context: Context) -> bool:
        return self._engine.is_ready(context)

    def set_up(self, context: Context) -> None:
        self._engine.extend(context, 0)

    def make(self, context: Context, kind: Kind, count: int) -> Items:
        batch = self._engine.extend(context, slices.WORD_BITS * count, [(GARBLER, EVALUATOR)])
        if context.planned:
            return (ShapedArray((count, slices.LABEL_BITS)),)
        wires = batch.q[EVALUATOR] if context.index == GARBLER else batch.t[GARBLER]
        share = slices.to_planes(wires.reshape(1, *wires.shape))[:, 0]
        share[0] = np.uint64(0) if context.index == GARBLER else batch.b[GARBLER]
        return (share.T,)

    def facts(self, context: Context) -> dict[str, Any]:
        return self._engine.facts(context)

    def assume(self, facts: Mapping[str, Any]) -> None:
        self._engine.assume(facts)


def item_shapes(kind: Kind, parties: int) -> list[ShapedArray]:
    """Of the one kind that there is."""
    return [ShapedArray((slices.LABEL_BITS,))]


class WireSupply(Supply):
    """What garbled circuits ask for in one cell; `kept` is what outlives the cell."""

    growing: ClassVar[tuple[str, ...]] = KINDS
    item_shapes = staticmethod(item_shapes)

    def __init__(self, context: Context, kept: dict[str, Any], name: str, delta: Labels | None):
        super().__init__(context, kept, functools.partial(WireTransfers, name, delta))

    def wires(self, words: int) -> slices.Slices:
        """A share (128, words) of random bits, which are its colours at the evaluator."""
        [items] = self._take(KINDS, words)
        return _contiguous(np.moveaxis(items, 0, 1))


class CountingWires(Counting, WireSupply):
    """It counts what it is asked for, and answers with shapes."""


_contiguous = shape_rule(lambda shape: shape)(np.ascontiguousarray)
