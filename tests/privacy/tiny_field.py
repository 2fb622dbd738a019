"""A small prime in the place of 2^61 - 1."""

import numpy as np

from ramp_notebook.values import field


def numbers_modulo(prime, monkeypatch):
    p = np.uint64(prime)

    def combine(coefficients, arrays):
        return sum(np.uint64(c % prime) * array for c, array in zip(coefficients, arrays, strict=True)) % p

    tiny = {
        "P": prime, "combine": combine, "canonical": lambda x: x % p, "add": lambda x, y: (x + y) % p, "negate": lambda x: (p - x) % p,
        "subtract": lambda x, y: (x + p - y) % p, "multiply": lambda x, y: x * y % p, "add_up": lambda arrays: combine([1] * len(arrays), arrays),
        "draw": lambda stream, shape: stream.words(shape) % p,
    }  # fmt: skip
    for name, value in tiny.items():
        monkeypatch.setattr(field, name, value)
