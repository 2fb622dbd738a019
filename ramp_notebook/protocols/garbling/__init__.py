"""Garbled AND gates in bulk: labels, the two schemes (half-gates, three-halves) behind one interface, no messages of their own.

A label is a row of two uint64 words. For every wire the garbler holds the label of false and one offset Δ, global and odd: the
label of true is their XOR, and the lowest bits of the two differ (the colour: point and permute). XOR and NOT are free.
"""

from .gates import Scheme
from .half_gates import HalfGates
from .three_halves import ThreeHalves

SCHEMES: dict[str, type[Scheme]] = {scheme.name: scheme for scheme in (HalfGates, ThreeHalves)}

__all__ = ["SCHEMES", "HalfGates", "Scheme", "ThreeHalves"]
