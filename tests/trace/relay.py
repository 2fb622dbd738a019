"""A slow network in a process of its own: forwards bytes between parties on loopback TCP, late and at a limited rate.

Run as `python relay.py PARTIES LATENCY_SECONDS BYTES_PER_SECOND`; prints its port. Whoever connects says in two bytes who it is
and whom it wants to talk to. Everything one party sends shares one uplink; nothing else is slowed.
"""

import contextlib
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

CHUNK_BYTES = 16_384


@contextlib.contextmanager
def slow_network(parties: int, latency_seconds: float, bytes_per_second: float) -> Iterator[int]:
    """The port of a relay process that lives as long as the block."""
    command = [sys.executable, str(Path(__file__)), str(parties), str(latency_seconds), str(bytes_per_second)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def connect(port: int, party: int, peer: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(bytes([party, peer]))
    return sock


class Uplink:
    """One party's access line: bytes leave it one after the other."""

    def __init__(self, bytes_per_second: float):
        self.bytes_per_second = bytes_per_second
        self.free_at = 0.0
        self.lock = threading.Lock()

    def departure(self, count: int) -> float:
        with self.lock:
            self.free_at = max(self.free_at, time.monotonic()) + count / self.bytes_per_second
            return self.free_at


def carry(source: socket.socket, target: socket.socket, uplink: Uplink, latency_seconds: float) -> None:
    """Take in all that comes at once, so that the sender never feels the far end; give it on when it is due."""
    due: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

    def deliver() -> None:
        while True:
            when, data = due.get()
            time.sleep(max(0.0, when - time.monotonic()))
            target.sendall(data)

    threading.Thread(target=deliver, daemon=True).start()
    while data := source.recv(CHUNK_BYTES):
        due.put((uplink.departure(len(data)) + latency_seconds, data))


def main(parties: int, latency_seconds: float, bytes_per_second: float) -> None:
    uplinks = [Uplink(bytes_per_second) for _ in range(parties)]
    ends: dict[tuple[int, int], socket.socket] = {}
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while len(ends) < parties * (parties - 1):
            sock, _ = server.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            who = sock.recv(2)
            ends[who[0], who[1]] = sock
    for (party, peer), sock in ends.items():
        threading.Thread(target=carry, args=(sock, ends[peer, party], uplinks[party], latency_seconds), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
