"""Owns the names that users give to engines of correlated oblivious transfer: `ot`, `ot:k=2`, `silent`."""

from collections.abc import Mapping
from typing import Any

from ...errors import OptionError
from .engine import Engine
from .ferret import Ferret
from .softspoken import FITTING_K, USUAL_K, SoftSpoken

ENGINES = ("ot", "silent")


def engine_named(name: str, deltas: Mapping[int, Any] | None = None) -> Engine:
    """A new engine; `deltas` are correlations that outlive it, by peer."""
    base, k = parts_of(name)
    return Ferret(deltas) if base == "silent" else SoftSpoken(k, deltas)


def parts_of(name: str) -> tuple[str, int]:
    """The engine and SoftSpoken's k; OptionError says what fits.

    >>> parts_of("ot"), parts_of("ot:k=8")
    (('ot', 4), ('ot', 8))
    """
    base, colon, setting = name.partition(":")
    if not colon:
        return base, USUAL_K
    known = {f"k={k}": k for k in FITTING_K}
    if base != "ot" or setting not in known:
        fitting = ", ".join(f"ot:{each}" for each in known)
        raise OptionError(f"--preprocessing: {name!r} sets nothing that there is; what can be set is SoftSpoken's k: {fitting}.")
    return base, known[setting]


def canonical(name: str) -> str:
    """One name for one thing: what is usual is not said.

    >>> canonical("ot:k=4"), canonical("ot:k=2"), canonical("silent")
    ('ot', 'ot:k=2', 'silent')
    """
    base, k = parts_of(name)
    return base if k == USUAL_K else f"{base}:k={k}"
