"""Secure building blocks by name: `gadgets.sort`, `gadgets.intersection`, …; they run unchanged under every protocol."""

from .comparison import (
    absolute,
    clip,
    equal,
    greater_equal,
    greater_than,
    less_equal,
    less_than,
    maximum,
    minimum,
    not_equal,
    select,
)

__all__ = [
    "absolute",
    "clip",
    "equal",
    "greater_equal",
    "greater_than",
    "less_equal",
    "less_than",
    "maximum",
    "minimum",
    "not_equal",
    "select",
]
