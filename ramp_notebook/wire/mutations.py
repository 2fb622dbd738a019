"""The ways to change a message: what each makes of an array, given what the cheating party has seen.

Knows arrays, never what a share means. A way that has nothing to work on leaves the message as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..values.streams import Stream, fresh_key

PRIME = (1 << 61) - 1  # adding it names the same field element by a number that is no representative


@dataclass(frozen=True)
class Seen:
    """What a change may depend on."""

    peer: int  # who will get the message
    own: Any = None  # the last message that this party sent to that peer
    others: tuple[Any, ...] = ()  # what came in this step, if the party waited for it, else the last that came
    theirs: Any = None  # what that peer said in this step, if the party waited for it
    earlier: Any = None  # the message that stood here in an earlier run of the session
    second: bool = False  # the second message of a pair
    before: Any = None  # what was added to the first message of the pair


Change = Callable[[Any, Seen], Any]


def _to_first(array: Any, change: Callable[[Any], Any]) -> Any:
    out = array.copy()
    out.reshape(-1)[:1] = change(out.reshape(-1)[:1])
    return out


def _resized(other: Any, array: Any) -> Any:
    """Another message in this one's place."""
    return array if other is None or not other.size else np.resize(other, array.shape).astype(array.dtype)


def _swapped(array: Any, _: Seen) -> Any:
    """The first two elements that differ change places."""
    flat = array.copy().reshape(-1)
    for other in np.flatnonzero(flat != flat[:1])[:1]:
        flat[0], flat[other] = flat[other], flat[0]
    return flat.reshape(array.shape)


def _high(array: Any) -> Any:
    return array.dtype.type(1 << 8 * array.dtype.itemsize - 1)


def difference(array: Any, seen: Seen) -> Any:
    """What `cancel` adds to the first message of a pair, and takes from the second: what others just said."""
    return _resized(seen.others[0], array) if seen.others and np.any(seen.others[0]) else np.ones_like(array)


def _cancelling(array: Any, seen: Seen) -> Any:
    return array - _resized(seen.before, array) if seen.second else array + difference(array, seen)


# each gives another array for one message; all its elements are changed unless it says otherwise
REWRITES: dict[str, Change] = {
    "add one": lambda array, _: array + array.dtype.type(1),
    "add one to the first": lambda array, _: _to_first(array, lambda first: first + first.dtype.type(1)),
    "add random": lambda array, _: array + Stream(fresh_key()).words(array.shape).astype(array.dtype),
    "add prime": lambda array, _: array + np.uint64(PRIME).astype(array.dtype),
    "flip": lambda array, _: array ^ array.dtype.type(1),
    "flip high": lambda array, _: array ^ _high(array),
    "flip the first": lambda array, _: _to_first(array, lambda first: first ^ first.dtype.type(1)),
    "negate": lambda array, _: -array,
    "zero": lambda array, _: np.zeros_like(array),
    "constant": lambda array, _: np.full_like(array, 7),
    "copy own": lambda array, seen: _resized(seen.own, array),
    "copy another": lambda array, seen: _resized(seen.others[0] if seen.others else None, array),
    "echo": lambda array, seen: _resized(seen.theirs, array),
    "swap two": _swapped,
    "replay": lambda array, seen: _resized(seen.earlier, array),
    "equivocate": lambda array, seen: array + array.dtype.type(seen.peer + 1),
    "cancel": _cancelling,
    "truncate": lambda array, _: array.reshape(-1)[:-1],
    "extend": lambda array, _: np.append(array.reshape(-1), array.dtype.type(0)),
    "wrong type": lambda array, _: array.view(f"i{array.dtype.itemsize}"),
}
# these change when, whether, to whom or how often it is sent: later means with the next message, silence is for good
TIMINGS = ("drop", "delay", "duplicate", "swap peers", "rush", "silence")
LISTENERS = ("copy another", "echo", "cancel", "rush")  # wait for the others' messages of the step before sending
HOWS = (*REWRITES, *TIMINGS)
