"""Circuits: AES-128 on many blocks under a protocol, and garbled AND gates a second between two processes.

python -m tests.benchmarks.circuits          (RAMP_DATA names a folder with circuits/aes_128.txt, a published Bristol Fashion file)
"""

import multiprocessing
import os
import socket
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from ramp_notebook.gadgets import decode_bits, encode_bits

from ramp_notebook.protocols.garbling import HalfGates, Scheme, ThreeHalves, labels
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run
from ramp_notebook.values import bristol
from ramp_notebook.values.netlist import FIRST_INPUT, Circuit
from ramp_notebook.values.streams import Stream, fresh_key

DATA = os.environ.get("RAMP_DATA")
AES = Path(DATA or "") / "circuits" / "aes_128.txt"
RIVALS = {"replicated": "MP-SPDZ rep3-bin 0.021 s", "garbled": "EMP 9.5, MP-SPDZ 11.5 million a second"}  # on the reference machine
KEY, PLAIN, CIPHER = 0x2B7E151628AED2A6ABF7158809CF4F3C, 0x3243F6A8885A308D313198A2E0370734, 0x3925841D02DC09FBDC118597196A0B32
SALT = bytes(16)


def main() -> None:
    if not (DATA and AES.is_file()):
        found = f"there is no {AES}" if DATA else "RAMP_DATA is not set"
        print(f"circuits: skipped, {found}; set RAMP_DATA to a folder with circuits/aes_128.txt")
        return
    print(f"{'AES-128':<26}{'seconds':>9}{'blocks/s':>11}{'MB/party':>10}{'rounds':>8}   ({RIVALS['replicated']} for 1,000)")
    with Coordinator(["alice", "bob", "carol"]) as parties:
        for blocks in (1, 1000, 10_000, 100_000):
            shared(parties, blocks)
    with Coordinator(["alice", "bob"]) as pair:
        for blocks in (1, 1000):
            shared(pair, blocks, "garbled")
    print(f"{'AES-128 garbled':<26}{'seconds':>9}{'ANDs/us':>11}{'garbler':>10}{'evaluator':>11}{'bytes/AND':>11}   ({RIVALS['garbled']})")
    circuit = bristol.parse(AES.read_text())
    for kind in (HalfGates, ThreeHalves):
        for blocks in (1, 100, 1000):
            garbled(kind, circuit, blocks)


def shared(parties: Coordinator, blocks: int, protocol: str = "replicated", runs: int = 5) -> None:
    """AES on secret keys and blocks, all inputs shared before."""
    inputs = {0: {"key": np.tile(encode_bits(KEY, 128), (blocks, 1))}, 1: {"plain": np.tile(encode_bits(PLAIN, 128), (blocks, 1))}}
    text = f'aes = gadgets.circuit({str(AES)!r})\nk, p = mpc.input("key", owner="alice"), mpc.input("plain", owner="bob")'
    parties.run(Cell(text, protocol=protocol, inputs=inputs))
    ran = [Run.of(parties.run(Cell("c = aes(k, p)", protocol=protocol))) for _ in range(runs + 1)][1:]
    seconds, cost = statistics.median(run.seconds for run in ran), ran[0].cost
    assert set(decode_bits(parties.run(Cell("z = mpc.reveal(c)", protocol=protocol)).outputs["z"])) == {CIPHER}
    sent = max(tally.wire_bytes for tally in cost.by_party.values())
    print(f"{f'{protocol}, {blocks:,}':<26}{seconds:>9.4f}{blocks / seconds:>11,.0f}{sent / 1e6:>10.2f}{cost.rounds:>8}", flush=True)


def garbled(kind: type[Scheme], circuit: Circuit, blocks: int) -> None:
    """Garbler and evaluator of one circuit, labels given: wall time of both together, CPU time of each a gate."""
    context = multiprocessing.get_context("spawn")
    ends, results = socket.socketpair(), context.SimpleQueue()
    sides = [
        context.Process(target=_side, args=(garbler, end, kind, circuit, blocks, results))
        for garbler, end in zip((True, False), ends, strict=True)
    ]
    for side in sides:
        side.start()
    measured = {garbler: (wall, cpu, sent) for garbler, wall, cpu, sent in (results.get() for _ in sides)}
    for side in sides:
        side.join()
    gates = circuit.and_count * blocks
    wall = max(measured[True][0], measured[False][0])
    each = "".join(f"{measured[garbler][1] / gates * 1e9:>8.0f} ns" for garbler in (True, False))
    print(f"{f'{kind.name}, {blocks:,}':<26}{wall:>9.4f}{gates / wall / 1e6:>11.2f}{each}{measured[True][2] / gates:>11.3f}", flush=True)


def _side(garbler: bool, end: socket.socket, kind: type[Scheme], circuit: Circuit, blocks: int, results: Any) -> None:
    stream, scheme = Stream(fresh_key()), kind(SALT)
    delta = labels.fresh_delta(stream)
    wires = np.zeros((circuit.rows, 2 * blocks), np.uint64)
    inputs = sum(circuit.inputs)
    wires[FIRST_INPUT : FIRST_INPUT + inputs] = stream.words((inputs, 2 * blocks))
    end.sendall(b"r")
    end.recv(1)  # both are ready
    began, cpu, sent = time.perf_counter(), time.process_time(), 0
    for layer in circuit.layers:
        a, b = np.take(wires, layer.left, axis=0), np.take(wires, layer.right, axis=0)
        if not layer.product:
            wires[layer.out] = a ^ b
            continue
        a, b = a.reshape(-1, 2), b.reshape(-1, 2)
        if garbler:
            c, table = scheme.garble(a, b, delta, stream)
            end.sendall(table)
            sent += table.nbytes
        else:
            table = np.empty(scheme.table_words(len(a)), np.uint64)
            _receive(end, memoryview(table).cast("B"))
            c = scheme.evaluate(a, b, table)
        wires[layer.out] = c.reshape(layer.out.size, -1)
    results.put((garbler, time.perf_counter() - began, time.process_time() - cpu, sent))


def _receive(end: socket.socket, view: memoryview) -> None:
    while view:
        view = view[end.recv_into(view) :]


if __name__ == "__main__":
    main()
