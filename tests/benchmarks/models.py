"""Security models side by side: seconds, bytes and memory of the same work under each protocol, preprocessing included and apart.

python -m tests.benchmarks.models
"""

import statistics
from collections.abc import Iterator

import numpy as np

from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run

from .memory import Peaks

SHARE = 'x, y = mpc.input("x", owner="alice"), mpc.input("y", owner="bob")'
BITS = "x, y = mpc.random_bits({n}), mpc.random_bits({n})"
PRODUCTS, COMPARISONS, ANDS, SORTS = "z = x * y", "z = x < y", "z = x & y", "z = gadgets.sort(x)"

# protocol, preprocessing, parties, work, how many, MP-SPDZ on the reference machine: seconds and bytes a party (0: not measured)
WORK = [
    ("additive", "ot", 2, PRODUCTS, 10**5, 1.486, 104_021_000),
    ("additive", "silent", 2, PRODUCTS, 10**5, 1.486, 104_021_000),
    ("additive", "dealer", 2, PRODUCTS, 10**5, 0, 0),
    ("additive", "ot", 2, COMPARISONS, 10**5, 3.357, 154_116_000),
    ("additive", "silent", 2, COMPARISONS, 10**5, 3.357, 154_116_000),
    ("shamir", "ot", 3, PRODUCTS, 10**6, 0.655, 16_000_000),
    ("shamir", "ot", 3, COMPARISONS, 10**5, 23.69, 475_200_000),
    ("spdz2k", "dealer", 2, PRODUCTS, 10**5, 0, 0),
    ("spdz2k", "dealer", 2, COMPARISONS, 10**5, 0, 0),
    ("spdz2k", "dealer", 3, PRODUCTS, 10**5, 0, 0),
    ("garbled", "ot", 2, COMPARISONS, 10**5, 0, 0),
    ("fantastic-four", "ot", 4, PRODUCTS, 10**6, 0, 0),
    ("fantastic-four", "ot", 4, COMPARISONS, 10**5, 0, 0),
    ("replicated", "ot", 3, PRODUCTS, 10**6, 0.088, 8_000_000),
    ("replicated", "ot", 3, ANDS, 10**8, 0.299, 12_500_000),
    ("replicated-malicious", "ot", 3, PRODUCTS, 10**6, 0.388, 13_000_000),
    ("replicated-malicious", "ot", 3, COMPARISONS, 10**5, 1.774, 41_567_000),
    ("replicated-malicious", "ot", 3, SORTS, 10**3, 15.04, 481_457_000),
]


def main(runs: int = 3) -> None:
    print("seconds: median of cells, preprocessing included; MB: most sent by one party; rounds of the cell; most memory of one party")
    print(f"{'protocol':<22}{'from':<9}{'work':<21}{'n':>12}{'seconds':>10}{'MB before':>11}{'MB online':>11}{'rounds':>8}{'MB held':>9}{'MP-SPDZ s':>11}{'MB':>8}")
    for protocol, source, parties, work, n, rival, rival_bytes in WORK:
        *_, (run, held) = results = list(_runs(protocol, source, parties, work, n, runs + 1))
        sent = [max(run.cost.by_phase_and_party[phase, name].sent_bytes for name in run.trace.parties) / 1e6 for phase in ("preprocessing", "online")]
        beside = f"{rival:>11.3f}{rival_bytes / 1e6:>8.1f}" if rival else f"{'-':>11}{'-':>8}"
        line = f"{protocol:<22}{source:<9}{work:<21}{n:>12,}{statistics.median(each.seconds for each, _ in results[1:]):>10.3f}{sent[0]:>11.1f}{sent[1]:>11.1f}"
        print(f"{line}{run.cost.rounds:>8}{'-' if held is None else f'{held / 1e6:.0f}':>9}{beside}", flush=True)


def _runs(protocol: str, source: str, count: int, work: str, n: int, times: int) -> Iterator[tuple[Run, int | None]]:
    """The same cell several times on parties of their own; stock never covers it, so that each makes what it spends."""
    numbers = np.random.default_rng(0).integers(-(2**58), 2**58, (2, n if work != ANDS else 1))
    share = BITS.format(n=n) if work == ANDS else SHARE
    with Coordinator(["alice", "bob", "carol", "dave"][:count]) as parties:
        parties.run(Cell(share, protocol=protocol, preprocessing=source, inputs={0: {"x": numbers[0]}, 1: {"y": numbers[1]}}))
        for _ in range(times):
            peaks = Peaks([party.pid for party in parties.status()])
            run = Run.of(parties.run(Cell(work, protocol=protocol, preprocessing=source)))
            yield run, peaks.highest_bytes()


if __name__ == "__main__":
    main()
