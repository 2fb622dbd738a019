"""Owns where correlated randomness may come from: the interface of a source, and the parties' own oblivious transfers.

A kind of item is a tuple: its name and the public sizes that belong to it. Items have a leading axis of their number.
"""

import abc
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...errors import OptionError
from ...trace.recorder import OpenSpan
from ...values.bits import WORD_BITS
from ...values.shaped import ShapedArray
from ..context import Context
from .correlations import bit_triples, dabits, matrix_triples, triples
from .dealing import receive
from .engine import Engine
from .engines import engine_named, parts_of
from .translations import translations

Kind = tuple[Any, ...]  # ("triples",), ("matrix_triples", 3, 4, 5), …
Items = tuple[Any, ...]


class Source(abc.ABC):
    """Makes items of any kind, at all parties at once. It outlives cells. `flags` go into the label of what it serves."""

    flags: tuple[str, ...] = ()

    @abc.abstractmethod
    def __init__(self, name: str) -> None:
        """As its name says, which may set something."""

    @abc.abstractmethod
    def is_ready(self, context: Context) -> bool:
        """Whether what comes once, before the first item, is done; equal at all parties."""

    @abc.abstractmethod
    def set_up(self, context: Context) -> None:
        """Do that."""

    @abc.abstractmethod
    def make(self, context: Context, kind: Kind, count: int) -> Items:
        """New items, as many as asked for; what their arrays are is said by `item_shapes`."""

    @abc.abstractmethod
    def facts(self, context: Context) -> dict[str, Any]:
        """What is public about it, the same at all parties, and decides which messages come next: plain data."""

    @abc.abstractmethod
    def assume(self, facts: Mapping[str, Any]) -> None:
        """Let a new source, which a plan will use, stand where the one with these facts does."""


class ObliviousTransfers(Source):
    """Items that the parties make among themselves; nobody else is needed, and all but one may collude."""

    def __init__(self, name: str = "ot") -> None:
        self._engine: Engine = engine_named(name)

    def is_ready(self, context: Context) -> bool:
        return self._engine.is_ready(context)

    def set_up(self, context: Context) -> None:
        self._engine.extend(context, 0)

    def make(self, context: Context, kind: Kind, count: int) -> Items:
        name, *sizes = kind
        engine = self._engine
        if name == "triples":
            return triples(context, engine, count)
        if name == "bit_triples":
            return bit_triples(context, engine, WORD_BITS * count)
        if name == "dabits":
            numbers, bits = dabits(context, engine, WORD_BITS * count)
            return numbers.reshape(count, WORD_BITS), bits
        one: Callable[..., Items] = {"matrix_triples": matrix_triples, "translations": translations}[name]
        return tuple(np.stack(arrays) for arrays in zip(*(one(context, engine, *sizes) for _ in range(count)), strict=True))

    def facts(self, context: Context) -> dict[str, Any]:
        return self._engine.facts(context)

    def assume(self, facts: Mapping[str, Any]) -> None:
        self._engine.assume(facts)


class SilentTransfers(ObliviousTransfers):
    """The same from silent OTs: hardly a bit sent for each, but security rests on learning parity with noise too."""

    flags = ("regular learning parity with noise",)


class TrustedDealer(Source):
    """Items that a process makes which is no party, and which all have to trust: with any one party it could read all secrets."""

    flags = ("trusted dealer",)

    def __init__(self, name: str = "dealer") -> None:
        """It has nothing to set."""

    def is_ready(self, context: Context) -> bool:
        return True

    def set_up(self, context: Context) -> None:
        """Nothing comes before the first item."""

    def make(self, context: Context, kind: Kind, count: int) -> Items:
        with OpenSpan(context.recorder, kind[0]):
            pieces: Items | None = receive(context, kind, count)
        if pieces is not None:
            return pieces
        return tuple(ShapedArray((count, *item.shape), item.dtype) for item in item_shapes(kind, context.count))

    def facts(self, context: Context) -> dict[str, Any]:
        return {}

    def assume(self, facts: Mapping[str, Any]) -> None:
        """It is the same at all times."""


SOURCES: dict[str, type[Source]] = {"ot": ObliviousTransfers, "silent": SilentTransfers, "dealer": TrustedDealer}


def source_named(name: str) -> Source:
    """A new source; OptionError lists what there is."""
    base, _ = parts_of(name)
    if base not in SOURCES:
        raise OptionError(f"--preprocessing: there is no source {name!r} of correlated randomness; there are: {', '.join(SOURCES)}.")
    return SOURCES[base](name)


def flags_of(name: str) -> tuple[str, ...]:
    """What the label says of a source."""
    return SOURCES[parts_of(name)[0]].flags


def item_shapes(kind: Kind, parties: int) -> list[ShapedArray]:
    """Shapes and dtypes of one item's arrays.

    A triple is (a, b, c = ab), modulo 2^64, as 64 bits in a word, or as matrices; daBits come 64 together, as numbers and as
    a word; translations are (π, ΣΔ, a, b).
    """
    name, *sizes = kind
    if name in ("triples", "bit_triples"):
        return [ShapedArray(())] * 3
    if name == "dabits":
        return [ShapedArray((WORD_BITS,)), ShapedArray(())]
    if name == "matrix_triples":
        rows, inner, columns = sizes
        return [ShapedArray((rows, inner)), ShapedArray((inner, columns)), ShapedArray((rows, columns))]
    n, sums, xors = sizes
    width = sums + xors
    return [ShapedArray((n,), np.int64), ShapedArray((n, width)), *[ShapedArray((parties, n, width))] * 2]
