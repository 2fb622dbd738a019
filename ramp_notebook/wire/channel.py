"""What a party says and hears in one step: requests, expectations, and the links that carry them.

Knows arrays, peers and tags; never what a share means. `Links` is the seam between launchers: sockets between processes,
queues between threads, and the planner's answering machine all implement it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

DEALER = "dealer"  # the last participant may be one that is no party; a party cannot have its name
HEADER_BYTES = 64
FRAME_BYTES = 1 << 30  # a longer payload travels as several frames


@dataclass(slots=True)
class Expect:
    """The one array a step awaits from a peer: its shape and dtype are known before it comes.

    `out`, if given, is a C-contiguous array of that shape and dtype which receives the payload in place.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    out: Any = None


@dataclass(slots=True)
class Request:
    """One exchange step of one branch: what to send to whom, what to await from whom, under one step tag.

    `fill`, if given, is advanced while the arrays in `sends` are being sent: it yields the number of leading
    *elements* (of every array in `sends`) that are final so far, so that computing overlaps sending.
    """

    tag: str
    sends: Mapping[int, Any] = field(default_factory=dict)
    receives: Mapping[int, Expect] = field(default_factory=dict)
    fill: Iterator[int] | None = None
    line: int = 0  # cell line; travels in the header so that a mismatch names both
    span: int = -1  # the recorder's innermost open span
    phase: str = "online"


@dataclass(slots=True)
class Received:
    """One array that came, with the round its sender stamped on it."""

    array: Any
    round: int


class Links(Protocol):
    """Moves the arrays of several concurrent requests between this party and its peers, without deadlock at any size.

    All frames of one call carry `round`. Arrays arrive in the order of requests. Between two parties, the k-th message
    sent is the k-th received. Raises ProgramMismatch when tag, dtype or shape differ from the expectation, naming
    both parties' cell lines.
    """

    index: int
    names: Sequence[str]

    def exchange(self, requests: Sequence[Request], round: int) -> list[dict[int, Received]]: ...

    def pair_seed(self, peer: int) -> bytes:
        """32 bytes that only this party and that peer know, agreed when their link was made."""
        ...

    def listen(self, peer: int) -> bool:
        """Block until a message of this peer is here; False when the run is over and none will come. Only the dealer listens."""
        ...

    def carried_bytes(self) -> dict[int, int]:
        """Bytes, headers included, written so far to each peer by `exchange`."""
        ...


def parties_of(names: Sequence[str]) -> tuple[str, ...]:
    """The participants that are parties.

    >>> parties_of(["alice", "bob", "dealer"])
    ('alice', 'bob')
    """
    return tuple(names[:-1] if names[-1:] and names[-1] == DEALER else names)


def framing_bytes(payload_bytes: int) -> int:
    """Bytes of headers that carry a payload of this many bytes: closed form, so that plans of any size stay small.

    >>> framing_bytes(0), framing_bytes(8), framing_bytes(FRAME_BYTES + 1)
    (64, 64, 128)
    """
    return HEADER_BYTES if payload_bytes <= FRAME_BYTES else HEADER_BYTES * -(-payload_bytes // FRAME_BYTES)


Waiting = Callable[[int], None]  # called with the peer a party has been waiting for, now and then while it blocks
