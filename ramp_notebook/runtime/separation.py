"""Looks for every party's private data in every other party's memory: is what the processes hold really separate?

Each party gets canaries, numbers and text that occur nowhere else; a joint cell shares the numbers; then all memory of every
party that can hold data is searched for the canaries of the others, in each form that data may take. A process forked from
this one, which holds all canaries, is the control: if the search does not find them there, it is blind.
"""

import base64
import os
import secrets
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import multiprocess
import numpy as np

from ..errors import MisuseError
from ..wire.channel import DEALER
from .cell import Cell
from .coordinator import Coordinator

CANARIES = 2  # numbers a party; together 116 random bits
PIECE_BYTES = 1 << 19  # stays in the cache while every needle is looked for
DIGIT_BITS = 30  # of a Python integer
CELL = 'shared = [mpc.input("canary", owner=party) for party in mpc.parties]\nproduct = shared[0] * shared[-1]'


@dataclass(frozen=True)
class Separation:
    """How many canaries of whom were found where. `found[process][owner]`; the last process is the forked control."""

    parties: tuple[str, ...]
    found: Mapping[str, Mapping[str, int]]  # the dealer is there if there was one
    searched_bytes: int

    @property
    def control(self) -> Mapping[str, int]:
        return self.found["control"]

    @property
    def blind(self) -> bool:
        """The search misses what is certainly there: a party's own canaries, or any in the control."""
        own = [self.found[party][party] for party in self.parties]
        return min(*own, *self.control.values()) == 0

    @property
    def separate(self) -> bool:
        """Nobody holds another party's canary, and the search is not blind."""
        return not self.blind and not any(
            count for process, found in self.found.items() if process != "control" for owner, count in found.items() if owner != process
        )

    def text(self) -> str:
        """What was found, the same for the same finding."""
        lines = [f"each party holds {CANARIES} numbers and a text that occur nowhere else; a joint cell has shared the numbers"]
        for party in self.parties:
            others = {q: self.found[party][q] for q in self.parties if q != party}
            foreign = ", ".join(f"{count} of {q}'s" for q, count in others.items() if count) or "none of another party's"
            lines.append(f"{party}: holds {'its own' if self.found[party][party] else 'NOT its own'} and {foreign}")
        if DEALER in self.found:
            foreign = ", ".join(f"{count} of {q}'s" for q, count in self.found[DEALER].items() if count) or "none of any party's"
            lines.append(f"{DEALER}: holds {foreign}")
        caught = all(self.control.values())
        control = "caught, it holds those of all" if caught else "NOT caught: the search is blind"
        lines.append(f"control, a process forked from this one: {control}")
        lines.append("separate" if self.separate else "NOT SEPARATE" if not self.blind else "NOT VERIFIED")
        return "\n".join(lines)


def verify_separation(names: Sequence[str], protocol: str, preprocessing: str = "") -> Separation:
    """Start fresh parties, plant, share, and search; the dealer too if one dealt. Takes a few seconds; needs /proc."""
    if not Path("/proc/self/mem").exists():
        raise MisuseError("verifying separation reads /proc/PID/mem, which this system does not have; it works on Linux")
    numbers = {name: [secrets.randbits(59) | 1 << 58 for _ in range(CANARIES)] for name in names}
    texts = {name: secrets.token_hex(16) for name in names}
    needles = {name: [*(form for number in numbers[name] for form in forms(number)), texts[name].encode()] for name in names}
    inputs = {k: {"canary": np.array(numbers[name]), "canary_text": texts[name]} for k, name in enumerate(names)}
    with Coordinator(names) as parties:
        parties.run(Cell(CELL, protocol=protocol, inputs=inputs, preprocessing=preprocessing))
        pids = {state.name: state.pid for state in parties.status()}
        if parties.dealer_pid is not None:
            pids[DEALER] = parties.dealer_pid
        searches = {name: search(pid, needles) for name, pid in pids.items()}
    context = multiprocess.get_context("fork")  # the one place that forks on purpose: the control must fail
    ours, theirs = context.Pipe()
    control = context.Process(target=_wait, args=(theirs,), daemon=True)
    control.start()
    try:
        searches["control"] = search(control.pid, needles)
    finally:
        ours.send(None)
        control.join()
        control.close()
        ours.close()
        theirs.close()
    return Separation(tuple(names), {name: found for name, (found, _) in searches.items()}, sum(size for _, size in searches.values()))


def _wait(pipe: Any) -> None:
    pipe.recv()
    os._exit(0)


def forms(number: int) -> list[bytes]:
    """The bytes by which memory may hold a number: integers both ways round, floats, text, Python's own digits.

    >>> [len(form) for form in forms(1 << 58)]
    [8, 8, 8, 18, 15, 11, 8]
    """
    little = struct.pack("<q", number)
    digits = b"".join(struct.pack("<I", number >> shift & (1 << DIGIT_BITS) - 1) for shift in range(0, number.bit_length(), DIGIT_BITS))
    return [
        little,
        struct.pack(">q", number),
        struct.pack("<d", float(number)),
        str(number).encode(),
        f"{number:x}".encode(),
        base64.b64encode(little).rstrip(b"="),
        digits,
    ]


def search(pid: int, needles: Mapping[str, Sequence[bytes]]) -> tuple[dict[str, int], int]:
    """How many of each owner's needles a process's readable memory holds, and how many bytes were looked at."""
    longest = max(len(needle) for owned in needles.values() for needle in owned)
    found: dict[str, set[bytes]] = {owner: set() for owner in needles}
    searched = 0
    for piece in _memory(pid, longest - 1):
        searched += len(piece)
        for owner, owned in needles.items():
            found[owner].update(needle for needle in owned if needle in piece)
    return {owner: len(hits) for owner, hits in found.items()}, searched


def _memory(pid: int, overlap: int) -> Iterator[bytes]:
    """Every mapping of a process that can hold data of its own, in overlapping pieces: read-only pages of files cannot."""
    regions = [line.split(maxsplit=5) for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for addresses, permissions, _, _, inode, *where in regions:
            of_a_file = inode != "0" and "w" not in permissions
            if "r" not in permissions or of_a_file or where[:1] in (["[vvar]"], ["[vsyscall]"]):
                continue
            start, end = (int(address, 16) for address in addresses.split("-"))
            while start < end:
                try:
                    memory.seek(start)
                    piece = memory.read(min(PIECE_BYTES, end - start))
                except (OSError, OverflowError):  # a guard page, or gone meanwhile
                    break
                if not piece:
                    break
                yield piece
                start += max(1, len(piece) - overlap) if start + len(piece) < end else len(piece)
