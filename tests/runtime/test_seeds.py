"""No two parties share randomness that they did not agree on, whatever way their processes start."""

import itertools

import pytest

from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator

pytestmark = pytest.mark.process
NAMES = ["alice", "bob", "carol", "dave"]
DRAW = """
import os, random, secrets
context = mpc.context
own = context.stream(context.index).words(64).tolist()
pairs = {peer: context.stream(peer).words(64).tolist() for peer in range(len(mpc.parties)) if peer != context.index}
print(repr((own, pairs, np.random.random(4).tolist(), [random.random() for _ in range(4)], secrets.token_hex(16))))
"""


def draws(coordinator):
    printed = coordinator.run(Cell(DRAW, protocol="clear")).printed
    assert len(printed) == len(NAMES)  # no two parties printed the same
    return [eval(text) for _, text in printed]


@pytest.mark.parametrize("method", ["forkserver", "spawn", "threads"])
def test_streams_agree_between_the_two_of_a_pair_and_nobody_else(method, monkeypatch):
    if method == "spawn":
        monkeypatch.setenv("RAMP_START_METHOD", "spawn")
    with Coordinator(NAMES, launcher="inline" if method == "threads" else "local") as coordinator:
        cells = [draws(coordinator), draws(coordinator)]
    words = [word for cell in cells for own, *_ in cell for word in own]
    for cell in cells:
        for i, j in itertools.combinations(range(len(NAMES)), 2):
            assert cell[i][1][j] == cell[j][1][i]
            words += cell[i][1][j]
    assert len(words) == len(set(words))  # 64 bits each: equal ones by chance once in 10^13 runs
    if method != "threads":  # threads share the interpreter's own generators, which make no shares or masks
        for kind in (2, 3):
            values = [value for cell in cells for each in cell for value in each[kind]]
            assert len(values) == len(set(values))
