"""Minimum and maximum over an axis, and where they stand: a tree of comparisons."""

from typing import Any

import numpy as np

from ramp_notebook import MisuseValueError, SecretArray, gadget, primitives, session_of, shaped

from .bits import check_axis
from .comparison import less_than, select

TREE = "tree of ceil(log2 n) comparisons and selections"


@gadget(paper=TREE, reference=np.min, arguments=("integers, at least one",), operator=("min", "np.min", "np.amin"))
def min(x: SecretArray, axis: int | None = None) -> SecretArray:
    """Return the smallest value along an axis (default: of all).

    Reveals: nothing.   Cost: ceil(log2 n) comparisons and selections deep, n - 1 of each.
    Raises: MisuseValueError for an empty axis.   Range: as for less_than.
    >>> mpc.reveal(gadgets.min(mpc.input("x", owner="alice")))     # alice: x = [4, 1, 5]
    1
    """
    return _extreme(x, axis, smallest=True)[0]


@gadget(paper=TREE, reference=np.max, arguments=("integers, at least one",), operator=("max", "np.max", "np.amax"))
def max(x: SecretArray, axis: int | None = None) -> SecretArray:
    """Return the largest value along an axis (default: of all). Cost and errors as for min.

    >>> mpc.reveal(gadgets.max(mpc.input("x", owner="alice")))     # alice: x = [4, 1, 5]
    5
    """
    return _extreme(x, axis, smallest=False)[0]


@gadget(paper=TREE, reference=np.argmin, arguments=("integers, at least one",), operator=("argmin", "np.argmin"))
def argmin(x: SecretArray, axis: int | None = None) -> SecretArray:
    """Return the (secret) position of the first smallest value, as numpy does.

    >>> mpc.reveal(gadgets.argmin(mpc.input("x", owner="alice")))     # alice: x = [4, 1, 1]
    1
    """
    return _extreme(x, axis, smallest=True, positions=True)[1]


@gadget(paper=TREE, reference=np.argmax, arguments=("integers, at least one",), operator=("argmax", "np.argmax"))
def argmax(x: SecretArray, axis: int | None = None) -> SecretArray:
    """Return the (secret) position of the first largest value, as numpy does.

    >>> mpc.reveal(gadgets.argmax(mpc.input("x", owner="alice")))     # alice: x = [4, 5, 5]
    1
    """
    return _extreme(x, axis, smallest=False, positions=True)[1]


def _extreme(x: Any, axis: int | None, *, smallest: bool, positions: bool = False) -> tuple[SecretArray, SecretArray]:
    """(value, position or None) of the extreme along an axis; among equals the first one wins."""
    session_of(x)
    check_axis(axis, x.ndim)
    x = x.ravel() if axis is None else x.local(lambda a: np.moveaxis(a, axis, 0))
    if len(x) == 0:
        raise MisuseValueError("min and max of nothing do not exist; the array has no element along that axis")
    where = np.broadcast_to(np.arange(len(x)).reshape(-1, *(1,) * (x.ndim - 1)), x.shape) if positions and not x.session.planned else None
    place = x.session.public(where) if where is not None else (x.session.public(_shape_only(x)) if positions else None)
    while len(x) > 1:
        half = len(x) // 2
        left, right = x[0 : 2 * half : 2], x[1 : 2 * half : 2]  # neighbours, so that the left one always comes first
        later_wins = less_than(right, left) if smallest else less_than(left, right)
        columns = [(left, right)] if place is None else [(left, right), (place[0 : 2 * half : 2], place[1 : 2 * half : 2])]
        winners = x.session.parallel(*(lambda pair=pair, wins=later_wins: select(wins, pair[1], pair[0]) for pair in columns))
        if len(x) % 2:
            rest = [x[2 * half :]] + ([place[2 * half :]] if place is not None else [])
            winners = [primitives.concatenate([w, r]) for w, r in zip(winners, rest, strict=True)]
        x, place = winners[0], winners[1] if place is not None else None
    first: SecretArray = x[0]
    return first, place[0] if place is not None else first


def _shape_only(x: SecretArray) -> Any:
    return shaped.ShapedArray(x.shape, np.int64)
