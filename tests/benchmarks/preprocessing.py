"""Correlated randomness between two processes: how many of each kind a second, and how many bits a party sends for each.

python -m tests.benchmarks.preprocessing
"""

import os
import resource
import socket
import statistics
import time
from collections.abc import Callable
from typing import Any

import multiprocess
import numpy as np

from ramp_notebook.protocols.context import Context
from ramp_notebook.protocols.preprocessing.correlations import BATCH_OTS, bit_triples, dabits, triples
from ramp_notebook.protocols.preprocessing.engine import Engine
from ramp_notebook.protocols.preprocessing.ferret import Ferret
from ramp_notebook.protocols.preprocessing.softspoken import SoftSpoken
from ramp_notebook.trace.recorder import Recorder
from ramp_notebook.wire.sockets import SocketLinks

ENGINES: dict[str, Callable[[], Engine]] = {f"softspoken k={k}": (lambda k=k: SoftSpoken(k)) for k in (1, 2, 4, 8)} | {"ferret": Ferret}
RUNS = 3


def correlated(context: Context, engine: Engine, count: int) -> None:
    for start in range(0, count, BATCH_OTS):
        engine.extend(context, min(BATCH_OTS, count - start))


def random(context: Context, engine: Engine, count: int) -> None:
    for start in range(0, count, BATCH_OTS):
        batch = engine.extend(context, min(BATCH_OTS, count - start))
        batch.pads(1 - context.index)
        batch.chosen(1 - context.index)


KINDS: dict[str, tuple[Callable[..., Any], int, list[str]]] = {  # each is made in both directions, so that both parties work alike
    "correlated OTs": (correlated, 2_000_000, list(ENGINES)),
    "random OTs": (random, 2_000_000, ["softspoken k=4"]),
    "bit triples": (bit_triples, 2_000_000, ["softspoken k=4", "softspoken k=8", "ferret"]),
    "triples": (triples, 100_000, ["softspoken k=2", "softspoken k=4", "softspoken k=8", "ferret"]),
    "daBits": (dabits, 1_000_000, ["softspoken k=4"]),
}


def party(index: int, sock: socket.socket, challenge: bytes, kind: str, engine_name: str, result: Any) -> None:
    links = SocketLinks(index, ("alice", "bob"), bytes(32), lambda peer: None)
    links.deliver(1 - index, sock, challenge)
    make, count, _ = KINDS[kind]
    engine, seconds, cpu, sent = ENGINES[engine_name](), [], [], 0
    for run in range(RUNS + 1):
        links.begin(run)
        recorder = Recorder()
        context = Context(links, recorder, run)
        began, busy = time.perf_counter(), time.process_time()
        with np.errstate(over="ignore"):
            make(context, engine, count if run else 1)  # the first one makes the base OTs
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - busy)
        sent = recorder.sent_bytes
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result.send((seconds[0], statistics.median(seconds[1:]), statistics.median(cpu[1:]), sent, memory))


def measure(kind: str, engine: str) -> None:
    spawn = multiprocess.get_context("spawn")
    challenge, pipes = os.urandom(32), [spawn.Pipe() for _ in range(2)]
    sockets = socket.socketpair()
    parties = [spawn.Process(target=party, args=(i, sockets[i], challenge, kind, engine, pipes[i][1])) for i in range(2)]
    for process in parties:
        process.start()
    setup, seconds, cpu, sent, memory = (max(figures) for figures in zip(*(pipe.recv() for pipe, _ in pipes), strict=True))
    for process in parties:
        process.join()
    count = KINDS[kind][1]
    print(
        f"{kind:<16}{engine:<16}{count:>10,}{seconds:>9.3f}{cpu:>9.3f}{count / seconds:>14,.0f}{8 * sent / count:>10.2f}"
        f"{setup:>9.3f}{memory:>7.0f}",
        flush=True,
    )


def main() -> None:
    print(f"{'kind':<16}{'engine':<16}{'count':>10}{'seconds':>9}{'CPU s':>9}{'a second':>14}{'bits each':>10}{'setup s':>9}{'MB':>7}")
    for kind, (_, _, engines) in KINDS.items():
        for engine in engines:
            measure(kind, engine)


if __name__ == "__main__":
    main()
