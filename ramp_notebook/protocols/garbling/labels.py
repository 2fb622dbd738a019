"""Owns wire labels: offsets, labels of bits, of constants, and back. Free XOR (Kolesnikov & Schneider 2008) is numpy's ^.

Labels have shape (…, 2) in uint64 words; the colour is the lowest bit of the first word.
"""

from typing import Any

import numpy as np

from ...errors import MisuseValueError, PeerError
from ...values import shaped

Labels = Any  # uint64 ndarray or ShapedArray, (…, 2)
LOWEST = np.uint64(1)


def fresh_delta(stream: Any) -> Labels:
    """Return an offset Δ (2,) from the garbler's own stream: 127 random bits, and a lowest bit of 1 so that colours differ."""
    delta = stream.words((2,))
    delta[0] = delta[0] | LOWEST
    return delta


def check_delta(delta: Labels) -> None:
    """Raise MisuseValueError unless the offset is odd."""
    if not int(delta[0]) & 1:
        raise MisuseValueError("the offset of all labels must be odd, or colours would not tell true from false: use fresh_delta")


def colours(labels: Labels) -> Any:
    """Return the colours (…,) as words 0 or 1."""
    return labels[..., 0] & LOWEST


def active(zeros: Labels, delta: Labels, bits: Any) -> Labels:
    """Return the labels of `bits` (…,), given those of false."""
    return zeros ^ offsets(bits, delta)


def offsets(bits: Any, delta: Labels) -> Labels:
    """Return Δ where a bit is 1, else 0. They are also the garbler's zero labels of constants: the active ones are 0."""
    if shaped.is_shaped(bits, delta):
        return shaped.ShapedArray((*bits.shape, 2))
    choices = np.stack([np.zeros(2, np.uint64), delta])
    return np.take(choices, np.asarray(bits).astype(np.intp), axis=0)


def decode(labels: Labels, zeros: Labels, delta: Labels) -> Any:
    """Return the bits of active labels that came back to the garbler; raise PeerError for one that belongs to neither bit."""
    if shaped.is_shaped(labels, zeros):
        return shaped.ShapedArray(labels.shape[:-1], bool)
    bits = (colours(labels) ^ colours(zeros)).astype(bool)
    wrong = np.count_nonzero((labels != active(zeros, delta, bits)).any(axis=-1))
    if wrong:
        raise PeerError(
            f"{wrong} of {bits.size} wire labels that came back are neither that of false nor of true: the evaluator computed "
            "with another table or other inputs than were sent. Run the cell again; if it stays, its memory or program differs."
        )
    return bits
