"""The sum, as a gadget beside the others; products of sums are the protocol's dot product."""

import numpy as np

from ramp_notebook import SecretArray, gadget, primitives


@gadget(paper="additive sharing: sums are local", reference=np.sum, arguments=("integers",))
def sum(x: SecretArray, axis: int | None = None) -> SecretArray:
    """Return the sum along an axis (default: of all); bits count as 0 and 1.

    Reveals: nothing.   Cost: none for numbers; one conversion for bits.   Integers wrap modulo 2**64 (under `shamir` modulo 2**61 - 1).
    >>> mpc.reveal(gadgets.sum(mpc.input("x", owner="alice")))     # alice: x = [1, 5]
    6
    """
    return primitives.total(x, axis=axis)
