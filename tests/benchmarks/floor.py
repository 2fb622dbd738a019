"""What this machine can do at best: three processes passing bytes round a ring, and local passes over arrays."""

import multiprocessing
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from ramp_notebook.values.streams import Stream, fresh_key

from .tasks import Task

ROUNDS, BLOCK = 500, bytes(1 << 20)


@dataclass(frozen=True)
class Floor:
    round_seconds: float  # every party sends 72 bytes to the next and waits for the previous
    bytes_per_second: float  # each party, all sending and receiving at once
    stream_words_per_second: float  # AES-CTR keystream
    multiply_words_per_second: float  # numpy, one pass in cache
    gathers_per_second: float  # words of a million, in random order
    flops: float  # BLAS, one core

    def seconds(self, task: Task, *, rounds: int, sent_bytes: float) -> float:
        """Wire, waiting and local work; three parties share two cores, hence 1.5."""
        local = task.stream_words / self.stream_words_per_second + task.passes / self.multiply_words_per_second
        local += task.gathers / self.gathers_per_second + task.flops / self.flops
        return rounds * self.round_seconds + sent_bytes / self.bytes_per_second + 1.5 * local

    def __str__(self) -> str:
        return (
            f"{self.round_seconds * 1e6:.0f} us a round, {self.bytes_per_second / 1e9:.2f} GB/s a party, keystream "
            f"{self.stream_words_per_second * 8 / 1e9:.1f} GB/s, multiply {self.multiply_words_per_second / 1e9:.2f} and gather "
            f"{self.gathers_per_second / 1e9:.2f} G words/s, BLAS {self.flops / 1e9:.0f} GFLOP/s"
        )


def measure() -> Floor:
    keystream, words = Stream(fresh_key()), np.empty(1 << 15, np.uint64)
    stream = _rate(lambda: keystream.words_into(words), words.size)
    factor = np.arange(1 << 15, dtype=np.uint64)
    multiply = _rate(lambda: np.multiply(words, factor, out=words), words.size)
    million, order = np.zeros(10**6, np.uint64), np.random.default_rng(0).permutation(10**6)
    gather = _rate(lambda: million.take(order, mode="clip"), million.size, 10)
    return Floor(_ring(_pass_small), 1 / _ring(_pass_large), stream, multiply, gather, _one_core_flops())


def _one_core_flops() -> float:
    """In a process of its own: how many threads BLAS takes is settled when numpy is loaded."""
    work = "import numpy, timeit; a = numpy.ones((512, 512)); print(min(timeit.repeat(lambda: a @ a, number=1, repeat=20)))"
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    said = subprocess.run([sys.executable, "-c", work], env={**os.environ, **threads}, check=True, capture_output=True, text=True)
    return 2 * 512**3 / float(said.stdout)


def _rate(work: Any, count: int, runs: int = 50) -> float:
    best = min(_timed(work) for _ in range(runs))
    return count / best


def _timed(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _ring(work: Any) -> float:
    """Seconds per unit of `work` at the slowest of three processes; the median of three runs."""
    context = multiprocessing.get_context("spawn")
    times = []
    for _ in range(3):
        links = [socket.socketpair() for _ in range(3)]
        results = context.SimpleQueue()
        parties = [context.Process(target=work, args=(links[i][0], links[(i + 1) % 3][1], results)) for i in range(3)]
        for party in parties:
            party.start()
        times.append(max(results.get() for _ in parties))
        for party in parties:
            party.join()
        for pair in links:
            for end in pair:
                end.close()
    return sorted(times)[1]


def _pass_small(out: socket.socket, incoming: socket.socket, results: Any) -> None:
    message = bytes(72)
    for k in range(ROUNDS + 50):
        if k == 50:
            start = time.perf_counter()
        out.sendall(message)
        incoming.recv(72, socket.MSG_WAITALL)
    results.put((time.perf_counter() - start) / ROUNDS)


def _pass_large(out: socket.socket, incoming: socket.socket, results: Any) -> None:
    import threading

    total = 64
    sink = bytearray(len(BLOCK))
    out.sendall(b"x")
    incoming.recv(1)
    start = time.perf_counter()
    sender = threading.Thread(target=lambda: [out.sendall(BLOCK) for _ in range(total)])
    sender.start()
    left = total * len(BLOCK)
    while left:
        left -= incoming.recv_into(sink, min(left, len(sink)))
    sender.join()
    results.put((time.perf_counter() - start) / (total * len(BLOCK)))
