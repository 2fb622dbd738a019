"""Owns the choice `--preprocessing auto`: the source that has ready sooner, on the cell's network, what the cell is known to need.

Silent transfers send hardly a bit, take more work and have more to send before the first; so they win where much is needed and
the uplink is narrow. Where no network is named, or the need is not known ahead, it is SoftSpoken, which assumes less.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...values.bits import WORD_BITS
from ...wire.network import NetworkModel
from ..permutations import network as switching_network

AUTO, USUAL = "auto", "ot"
Kind = tuple[Any, ...]


@dataclass(frozen=True)
class Figures:
    """What an engine takes of one party, for one peer and both directions.

    Bytes, bits and rounds are exact. Seconds are those of the processor of one party, measured by `python -m
    tests.benchmarks.preprocessing` on a server's core with AES instructions: another machine's break-even lies elsewhere.
    """

    start_bytes: int
    start_rounds: int
    start_seconds: float
    bits_per_ot: float
    seconds_per_ot: float


FIGURES = {
    "ot": Figures(12_320, 2, 0.067, 31, 78e-9),
    "silent": Figures(583_104, 4, 0.17, 0.447, 220e-9),
}


def quicker_source(needs: Mapping[Kind, int], parties: int, model: NetworkModel | None, kept: Mapping[str, Any] | None = None) -> str:
    """`ot` or `silent`. `kept` is what earlier cells left, by source: engines that are ready need no start, stock is not made again."""
    if model is None or not needs:
        return USUAL
    seconds = {}
    for name, figures in FIGURES.items():
        state = (kept or {}).get(name, {"source": {"ready": False}, "stock": {}})
        ots = sum(transfers(kind) * max(0, count - state["stock"].get(kind, 0)) for kind, count in needs.items())
        seconds[name] = making_seconds(figures, ots, parties - 1, model, ready=state["source"]["ready"])
    return min(seconds, key=lambda name: seconds[name])


def making_seconds(figures: Figures, ots: int, peers: int, model: NetworkModel, *, ready: bool = False) -> float:
    """How long a party works and sends for so many transfers with each of its peers; what both engines' items take alike is left out."""
    if not ots:
        return 0.0
    started = 0 if ready else 1
    sent_bytes = peers * (started * figures.start_bytes + figures.bits_per_ot * ots / 8)
    worked = peers * (started * figures.start_seconds + figures.seconds_per_ot * ots)
    return worked + model.serialisation_seconds(round(sent_bytes)) + started * figures.start_rounds * model.latency_seconds


def transfers(kind: Kind) -> int:
    """Oblivious transfers that one item takes with each peer, in each direction."""
    name, *sizes = kind
    if name == "translations":
        return sum(len(layer.first) for layer in switching_network(sizes[0]))
    if name == "matrix_triples":
        rows, inner, columns = map(int, sizes)
        return WORD_BITS * inner * min(rows, columns)
    return WORD_BITS  # a triple, 64 bit triples, 64 daBits
