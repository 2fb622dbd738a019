"""Secure building blocks by name: `gadgets.sort`, `gadgets.intersection`, …; they run unchanged under every protocol."""

from typing import NoReturn

from ramp_notebook import did_you_mean

from .aes import aes128
from .bits import all, any, from_bits, to_bits
from .circuit import circuit, decode_bits, encode_bits
from .comparison import absolute, clip, equal, greater_equal, greater_than, less_equal, less_than, maximum, minimum, not_equal, select
from .ipv4 import int_to_ipv4, ipv4_to_int
from .permutation import permute, shuffle
from .reductions import argmax, argmin, max, min
from .sets import (
    SecretSet,
    difference,
    difference_cardinality,
    intersection,
    intersection_cardinality,
    membership,
    over_threshold,
    size,
    union,
    union_cardinality,
)
from .sorting import argsort, sort, sort_by
from .statistics import histogram, mean, median, quantile, top_k, variance
from .sums import sum

__all__ = [
    "SecretSet", "absolute", "aes128", "all", "any", "argmax", "argmin", "argsort", "circuit", "clip", "decode_bits", "difference",
    "difference_cardinality", "encode_bits", "equal", "from_bits", "greater_equal", "greater_than", "histogram", "int_to_ipv4",
    "intersection", "intersection_cardinality", "ipv4_to_int", "less_equal", "less_than", "max", "maximum", "mean", "median", "membership",
    "min", "minimum", "not_equal", "over_threshold", "permute", "quantile", "select", "shuffle", "size", "sort", "sort_by", "sum",
    "to_bits", "top_k", "union", "union_cardinality", "variance",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(f"gadgets has no `{name}`{did_you_mean(name, __all__)}")
