"""Owns rehearsals: a step of a protocol runs on shapes first, to learn what correlated randomness it will spend.

Nothing is sent and nothing of the cell's own code runs. The same step then finds all of it made in one go.
"""

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...trace.recorder import Recorder
from ...values.shaped import ShapedArray
from ...wire.channel import Received, Request
from ..context import Context
from .sources import Items, Kind
from .supply import Supply

Step = Callable[..., Any]


class Counting(Supply):
    """In front of a supply's class: it counts what it is asked for, and answers with shapes."""

    def __init__(self, context: Context):
        self.context = context
        self.used: Counter[Kind] = Counter()

    def _take(self, kind: Kind, count: int) -> Items:
        self.used[kind] += count
        return tuple(ShapedArray((count, *item.shape), item.dtype) for item in self.item_shapes(kind, self.context.count))

    def prepare(self, needs: Mapping[Kind, int], *, all_of_it: bool = False) -> None:
        """Nothing runs out here."""


class CountingSupply(Counting, Supply):
    """Of a protocol among curious parties."""


class EchoLinks:
    """Links on which every message that is awaited has come: its shape is known."""

    def __init__(self, index: int, names: Sequence[str]):
        self.index, self.names = index, names

    def exchange(self, requests: Sequence[Request], round: int) -> list[dict[int, Received]]:
        return [
            {peer: Received(ShapedArray(awaited.shape, awaited.dtype), 0) for peer, awaited in request.receives.items()}
            for request in requests
        ]

    def pair_seed(self, peer: int) -> bytes:
        return bytes(32)  # shapes are drawn, not numbers

    def listen(self, peer: int) -> bool:
        return False

    def carried_bytes(self) -> dict[int, int]:
        return {}


def in_one_go(step: Step) -> Step:
    """Make a protocol's step have all that it spends made before it begins, instead of by and by."""

    @functools.wraps(step)
    def run(self: Any, *args: Any) -> Any:
        if not isinstance(self.supply, Counting):
            shapes = tuple(arg.shape if hasattr(arg, "shape") else None for arg in args)
            public = tuple(None if hasattr(arg, "shape") else tuple(arg) if isinstance(arg, Sequence) else arg for arg in args)
            cls: Any = type(self)
            context = self.context
            self.supply.prepare(_needs(step, cls, (context.index, context.names, context.preprocessing), shapes, public))
        return step(self, *args)

    return run


@functools.lru_cache(maxsize=256)
def _needs(step: Step, cls: Any, party: tuple[Any, ...], shapes: tuple[Any, ...], public: tuple[Any, ...]) -> dict[Kind, int]:
    """At `party`: its index, all names, where its items come from."""
    index, names, preprocessing = party
    protocol = cls(Context(EchoLinks(index, names), Recorder(clock=False), 0, planned=True, preprocessing=preprocessing))
    needs = protocol.count_needs()
    step(protocol, *(value if shape is None else ShapedArray(shape) for shape, value in zip(shapes, public, strict=True)))
    return dict(needs)
