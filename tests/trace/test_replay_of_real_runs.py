"""The proof of replay: a trace recorded on an ideal network foretells how long the same cell takes on a slow one."""

import importlib.util
import secrets
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ramp_notebook.runtime.cell import Cell, Description, Outcome
from ramp_notebook.runtime.engine import Engine
from ramp_notebook.trace.events import Trace
from ramp_notebook.trace.recorder import merge_records
from ramp_notebook.trace.replay import replay
from ramp_notebook.wire.network import NetworkModel
from ramp_notebook.wire.sockets import SocketLinks

spec = importlib.util.spec_from_file_location("relay", Path(__file__).with_name("relay.py"))
assert spec is not None
assert spec.loader is not None
relay = importlib.util.module_from_spec(spec)
spec.loader.exec_module(relay)

NAMES = ("alice", "bob", "carol")
SLOW = NetworkModel("slow", latency_seconds=0.020, bandwidth_bytes_per_second=1_000_000)
CELL = """\
x, y = mpc.inputs("x")[0], mpc.inputs("y")[0]
product = x * y
for _ in range(4):
    product = product * y
mpc.reveal(product[:10])
mpc.reveal(x[:100] < y[:100])
"""
INPUTS = {0: {"x": np.arange(8_000)}, 1: {"y": np.arange(8_000) % 7}}


class Parties:
    """Three parties in threads, over real sockets; `port` leads through a relay, without it they are joined directly."""

    def __init__(self, port: int | None = None):
        key = secrets.token_bytes(32)
        self.links = [SocketLinks(party, NAMES, key, lambda peer: None) for party in range(len(NAMES))]
        for party in range(len(NAMES)):
            for peer in range(party):
                ends = socket.socketpair() if port is None else (relay.connect(port, party, peer), relay.connect(port, peer, party))
                challenge = secrets.token_bytes(32)
                self.links[party].deliver(peer, ends[0], challenge)
                self.links[peer].deliver(party, ends[1], challenge)
        self.engines = [Engine(links) for links in self.links]
        self.epoch = 0
        self.run(Cell("mpc.reveal(mpc.inputs('z')[0])", inputs={p: {"z": np.arange(3)} for p in range(3)}))  # makes the links

    def run(self, cell: Cell) -> tuple[Trace, float]:
        self.epoch += 1
        outcomes: dict[int, Outcome] = {}
        directory: list[dict[str, Description]] = [{} for _ in NAMES]
        barrier = threading.Barrier(len(NAMES) + 1)

        def party(index: int) -> None:
            self.links[index].begin(self.epoch)
            barrier.wait()
            outcomes[index] = self.engines[index].run(cell, self.epoch, directory)

        threads = [threading.Thread(target=party, args=(index,)) for index in range(len(NAMES))]
        for thread in threads:
            thread.start()
        barrier.wait()
        began = time.monotonic()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - began
        assert [None] * 3 == [outcomes[p].error for p in range(3)]
        return merge_records(NAMES, [outcomes[p].record for p in range(3)], source=cell.source), seconds


@pytest.mark.process
def test_a_run_through_a_slow_relay_takes_the_predicted_time():
    cell = Cell(CELL, inputs=INPUTS)
    trace, _ = Parties().run(cell)
    predicted = replay(trace, SLOW).seconds
    took = []
    with relay.slow_network(len(NAMES), SLOW.latency_seconds, SLOW.bandwidth_bytes_per_second) as port:
        parties = Parties(port)
        for _ in range(3):  # a busy machine can only make a run longer
            took.append(parties.run(cell)[1])
            if abs(took[-1] / predicted - 1) <= 0.15:
                return
    pytest.fail(f"predicted {predicted:.3f} s, took {', '.join(f'{seconds:.3f}' for seconds in took)} s")
