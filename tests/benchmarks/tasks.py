"""The work that is timed: one cell each, its data shared before. No project import: the rivals' Python reads this file too."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Numbers = np.random.Generator
MILLION, HUNDRED_THOUSAND = 10**6, 10**5


def _sets(random: Numbers, n: int) -> np.ndarray:
    """Three lists of n different items each, of which half are common."""
    items = random.permutation(np.unique(random.integers(0, 2**31, 3 * n)))
    return np.stack([np.concatenate([items[: n // 2], items[(k + 1) * n // 2 : (k + 2) * n // 2]]) for k in range(3)])


DATA: dict[str, Callable[[Numbers], Any]] = {
    "x": lambda random: random.integers(-(2**61), 2**61, MILLION),
    "y": lambda random: random.integers(-(2**61), 2**61, MILLION),
    "m": lambda random: random.integers(0, 2**61, (512, 512)),
    "v": lambda random: random.integers(0, 1000, MILLION),
    "w": lambda random: random.integers(-(2**61), 2**61, HUNDRED_THOUSAND),
    "k": lambda random: random.integers(0, 2**31, HUNDRED_THOUSAND),
    "s": lambda random: np.array([3]),
    "a": lambda random: random.integers(0, 1000, 1000),
    "b": lambda random: random.integers(0, 1000, 1000),
    "c": lambda random: random.integers(0, 1000, 1000),
    "small": lambda random: _sets(random, 10_000),
    "large": lambda random: _sets(random, HUNDRED_THOUSAND),
}


@dataclass(frozen=True)
class Task:
    """`goal`: seconds of the best rival on the machine where all rivals were measured, over the factor aimed at.

    `rival_seconds`: there, of the one that is measured beside us. `shares` counts the elements of operands and result. The rest is what one party cannot do without, for the floor: numpy passes
    over words, mask words, gathered words and floating-point operations.
    """

    name: str
    cell: str
    needs: str = "x y"
    shares: float = 0
    goal: float | None = None
    rival_seconds: float | None = None
    passes: float = 0
    stream_words: float = 0
    gathers: float = 0
    flops: float = 0
    runs: int = 5


SETS = "z = gadgets.intersection(list({0}), bits=32)"
TASKS = [
    Task("multiply 10^6", "z = x * y", "x y", 3 * MILLION, 0.088 / 3, 0.103, 4 * MILLION, 2 * MILLION),
    Task("less_than 10^6", "z = x < y", "x y", 2 * MILLION, 0.51 / 3.5, 3.23, 12 * MILLION, 5 * MILLION),
    Task("equal 10^6", "z = x == y", "x y", 2 * MILLION, 0.62 / 5, 0.615, 6 * MILLION, 3 * MILLION),
    Task("shuffle 10^6", "z = gadgets.shuffle(x)", "x", 2 * MILLION, 0.51 / 3, None, 4 * MILLION, 6 * MILLION, 2 * MILLION),
    Task("inner product 10^6", "z = x @ y", "x y", 2 * MILLION, 0.012 / 1.5, 0.0406, 4 * MILLION),
    Task("matmul 512x512", "z = m @ m", "m", 2 * 512**2, 0.28 / 1.5, 0.32, flops=2 * 5 * 2 * 512**3),
    Task("mean, variance 10^6", "z = gadgets.mean(v), gadgets.variance(v)", "v", MILLION, 0.27 / 10, 0.435, 3 * MILLION),
    Task("crosstab 1000x1000", "z = (a[:, None] == b) @ c", "a b c", MILLION, 0.62 / 5, 2.47, 6 * MILLION, 3 * MILLION),
    Task("sort 10^4 of 32 bits", "z = gadgets.sort(k[:10_000], bits=32)", "k", HUNDRED_THOUSAND, 0.72 / 5, 0.80),
    Task("sort 10^4 of 64 bits", "z = gadgets.sort(w[:10_000])", "w", HUNDRED_THOUSAND, 1.58 / 5, 2.69),
    Task("sort 10^5 of 32 bits", "z = gadgets.sort(k, bits=32)", "k", 2 * HUNDRED_THOUSAND, 8.0 / 10, 8.26, runs=3),
    Task("sort 10^5 of 64 bits", "z = gadgets.sort(w)", "w", 2 * HUNDRED_THOUSAND, 17.9 / 20, 18.3, runs=3),
    Task("intersect 3 x 10^4", SETS.format("small"), "small", 60_000, 2.1 / 8, 4.6, runs=3),
    Task("intersect 3 x 10^5", SETS.format("large"), "large", 600_000, 24 / 20, None, runs=2),
    Task("1,000 products in a row", "for _ in range(1000): s = s * s", "s", 0, 0.0355, 0.575),
    Task("50 opened comparisons", "for _ in range(50): z = mpc.reveal(s < 3)", "s", 0, 50 * 0.00037, 50 * 0.0113),
    Task("1,000 comparisons in a row", "t = s\nfor _ in range(1000): t = t + (t < 500)", "s", 0, 0.37, 1.9, runs=2),
    Task("smallest cell", "z = mpc.reveal(s * s)", "s", 0, 0.06),
]  # fmt: skip
PROGRAM = "ramp run, end to end"
