"""The work that is timed: one cell each, with its data already shared, as the other frameworks are timed too."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    name: str
    cell: str
    passes: float = 0  # numpy passes over words, per party, of the leanest protocol we know
    stream_words: float = 0  # mask words per party
    goal: float | None = None  # seconds of the best rival on the reference machine, divided by the factor aimed at


SHARE = """
x, y = mpc.input("a", owner="alice"), mpc.input("b", owner="bob")
m, s, q, k = (mpc.input(name, owner="carol") for name in ("m", "s", "q", "k"))
"""
MILLION, HUNDRED_THOUSAND = 10**6, 10**5
TASKS = [
    Task("multiply 10^6", "z = x * y", 4 * MILLION, 2 * MILLION, 0.088 / 3),
    Task("less_than 10^6", "z = x < y", 12 * MILLION, 5 * MILLION, 0.51 / 3.5),
    Task("equal 10^6", "z = x == y", 6 * MILLION, 3 * MILLION, 0.62 / 5),
    Task("shuffle 10^6", "z = gadgets.shuffle(x)", 20 * MILLION, 5 * MILLION, 0.51 / 3),
    Task("inner product 10^6", "z = x @ y", 3 * MILLION, 0, 0.012 / 1.5),
    Task("matmul 512x512", "z = m @ m", 2 * 512**3 / 12, 0, 0.28 / 1.5),
    Task("sort 10^5 of 64 bits", "z = gadgets.sort(x[:100_000])", 60 * HUNDRED_THOUSAND, 20 * HUNDRED_THOUSAND, 17.9 / 20),
    Task("sort 10^5 of 32 bits", "z = gadgets.sort(k, bits=32)", 40 * HUNDRED_THOUSAND, 15 * HUNDRED_THOUSAND, 8.0 / 10),
    Task("intersect 3 x 10^4", "z = gadgets.intersection([k[:10_000], k[5_000:15_000], k[:10_000]], bits=32)", 0, 0, 2.1 / 8),
    Task("1,000 products in a row", "for _ in range(1000): s = s * s", 0, 0, 0.035),
    Task("50 comparisons in a row", "for _ in range(50): z = mpc.reveal(q < 3)", 0, 0, 50 * 0.0004),
    Task("smallest cell", "z = mpc.reveal(s * s)", 0, 0, 0.06),
]
