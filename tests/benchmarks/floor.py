"""What this machine can do at best: three processes passing bytes round a ring, and local passes over arrays."""

import multiprocessing
import socket
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from ramp_notebook.values.streams import Stream, fresh_key

ROUNDS, BLOCK = 500, bytes(1 << 20)


@dataclass(frozen=True)
class Floor:
    round_seconds: float  # every party sends 72 bytes to the next and waits for the previous
    bytes_per_second: float  # each party, all sending and receiving at once
    stream_words_per_second: float  # AES-CTR keystream
    multiply_words_per_second: float  # numpy, one pass in cache

    def seconds(self, *, rounds: int, sent_bytes: float, stream_words: float = 0, passes: float = 0) -> float:
        """Wire, waiting, keystream and numpy passes; three parties share two cores, hence 1.5."""
        local = stream_words / self.stream_words_per_second + passes / self.multiply_words_per_second
        return rounds * self.round_seconds + sent_bytes / self.bytes_per_second + 1.5 * local


def measure() -> Floor:
    keystream, words = Stream(fresh_key()), np.empty(1 << 15, np.uint64)
    stream = _rate(lambda: keystream.words_into(words), words.size)
    factor = np.arange(1 << 15, dtype=np.uint64)
    return Floor(_ring(_pass_small), 1 / _ring(_pass_large), stream, _rate(lambda: np.multiply(words, factor, out=words), words.size))


def _rate(work: Any, count: int) -> float:
    best = min(_timed(work) for _ in range(50))
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
