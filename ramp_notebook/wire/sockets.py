"""Links between processes: stream sockets that are made when first used, and exchanges that never deadlock.

Small messages take the shortest way (one send, one blocking receive per peer). Whatever does not fit the sockets' buffers
is pumped: sending, receiving and computing the next block take turns.
"""

import selectors
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import CellAborted, ChannelError, MisuseValueError
from . import frames, handshake
from .channel import Received, Request
from .link import SMALL_BYTES, Fill, Incoming, Link
from .waiting import WAITING_SECONDS, WaitStatus

Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)  # neither owns a descriptor


class SocketLinks:
    """One party's links to all others.

    `ask(peer)` requests a link; whoever hears it calls `deliver` at both ends, from any thread. `begin` opens a run and
    `drop` closes all links after a run that failed: no byte of it can then reach the next one.
    """

    def __init__(self, index: int, names: Sequence[str], key: bytes, ask: Callable[[int], None]):
        self.index, self.names = index, tuple(names)
        self._key, self._ask = key, ask
        self._links: dict[int, Link] = {}
        self._delivered: dict[int, tuple[socket.socket, bytes, bytes]] = {}  # peer -> socket, challenge, own nonce
        self._arrival = threading.Condition()
        self._carried: dict[int, int] = {}  # by links that are closed
        self._epoch, self._checksums = 0, False
        self._notify: Callable[[str, object], None] | None = None
        self._said: tuple[int, ...] = ()  # the counts of the last waiting report: one report per wait
        self.broken: BaseException | None = None  # what stopped an exchange halfway: from then on this run cannot go on

    def begin(self, epoch: int, *, checksums: bool = False, notify: Callable[[str, object], None] | None = None) -> None:
        """Open run `epoch`: its messages are numbered anew, and nothing of another run is accepted."""
        self._epoch, self._checksums, self._notify = epoch, checksums, notify
        self._said, self.broken = (), None
        for link in list(self._links.values()):
            link.enter(epoch)

    def deliver(self, peer: int, sock: socket.socket, challenge: bytes) -> None:
        """Take one end of a fresh link and say hello on it; never blocks."""
        nonce, message = handshake.hello(self._key, challenge, self.index, peer)
        sock.sendall(message)
        with self._arrival:
            self._delivered[peer] = (sock, challenge, nonce)
            self._arrival.notify_all()

    def drop(self) -> None:
        """Close every link; later exchanges make new ones."""
        with self._arrival:
            for link in self._links.values():
                self._carried[link.peer] = self._carried.get(link.peer, 0) + link.carried
                link.close()
            for sock, _, _ in self._delivered.values():
                sock.close()
            self._links, self._delivered = {}, {}

    def forsake(self) -> None:
        """Close this process's copies after a fork; takes no lock, since whoever held one is not in this process."""
        for link in self._links.values():
            link.close()
        for sock, _, _ in self._delivered.values():
            sock.close()
        self.broken = ChannelError("a forked process has no links")

    def pair_seed(self, peer: int) -> bytes:
        return self._link(peer).seed

    def carried_bytes(self) -> dict[int, int]:
        carried = dict(self._carried)
        for peer, link in self._links.items():
            carried[peer] = carried.get(peer, 0) + link.carried
        return carried

    def status(self) -> WaitStatus:
        """How many messages went and came so far in this run."""
        links = self._links.values()
        return WaitStatus(
            {link.peer: (link.incoming[0].step.form.tag, link.incoming[0].step.line) for link in links if link.incoming},
            tuple(link.peer for link in links if link.outgoing),
            {link.peer: link.sent for link in links},
            {link.peer: link.received for link in links},
        )

    def exchange(self, requests: Sequence[Request], round: int) -> list[dict[int, Received]]:
        if self.broken is not None:
            raise ChannelError(f"an earlier exchange of this cell failed ({self.broken}); the cell cannot go on") from self.broken
        try:
            return self._exchange(requests, round)
        except BaseException as error:
            self.broken = error
            raise

    def _exchange(self, requests: Sequence[Request], round: int) -> list[dict[int, Received]]:
        used: dict[int, Link] = {}
        fills = []
        checksums = self._checksums
        for request in requests:
            fill = _start_fill(request, checksums)
            if fill.steps is not None:
                fills.append(fill)
            for peer, array in request.sends.items():
                link = used[peer] = self._link(peer)
                array = _sendable(array, fill)
                link.queue(frames.form(request.tag, array.dtype, array.shape), array, round, request.line, checksums, fill)
        left = False
        for link in used.values():
            left = not link.flush() or left
        return self._receive(requests, list(used.values()), fills, left)

    def _receive(self, requests: Sequence[Request], sending: list[Link], fills: list[Fill], left: bool) -> list[dict[int, Received]]:
        awaited: list[tuple[int, int, Incoming]] = []
        places: dict[int, int] = {}  # peer -> messages of this call already counted
        small = not left and not fills
        for number, request in enumerate(requests):
            for peer, expect in request.receives.items():
                link = self._link(peer)
                before = places.get(peer, 0)
                places[peer] = before + 1
                dtype = np.dtype(expect.dtype)
                form = frames.form(request.tag, dtype, tuple(expect.shape))
                step = frames.Step(form, self._epoch, link.received + before, request.line, self.names[self.index], self.names[peer])
                message = Incoming(step, expect)
                small = small and message.nbytes <= SMALL_BYTES
                awaited.append((number, peer, message))
        replies: list[dict[int, Received]] = [{} for _ in requests]
        if small:
            # Every awaited message fits a socket's buffer, so no sender can be stuck behind it while we read another.
            for number, peer, message in awaited:
                link = self._links[peer]
                replies[number][peer] = link.pull_small(
                    message.step, message.expect, message.nbytes, lambda m=message, p=peer: self._waiting({p: m})
                )
            return replies
        for _, peer, message in awaited:
            self._links[peer].incoming.append(message)
        self._pump([*sending, *(self._links[peer] for peer in places)], fills)
        for number, peer, message in awaited:
            replies[number][peer] = message.result()
        return replies

    def _pump(self, links: list[Link], fills: list[Fill]) -> None:
        """Send, receive and compute in turns until all messages of this exchange went and came."""
        links = list({link.peer: link for link in links}.values())
        while fills:
            fills = [fill for fill in fills if fill.advance()]
            for link in links:
                link.flush()
                link.take()
        with Selector() as selector:
            registered: dict[int, int] = {}
            while True:
                open_links = 0
                for link in links:
                    events = (selectors.EVENT_WRITE if link.outgoing else 0) | (selectors.EVENT_READ if link.incoming else 0)
                    _register(selector, registered, link, events)
                    open_links += bool(events)
                if not open_links:
                    return
                ready = selector.select(WAITING_SECONDS)
                if not ready:
                    self._waiting({link.peer: link.incoming[0] for link in links if link.incoming})
                for key, events in ready:
                    if events & selectors.EVENT_WRITE:
                        key.data.flush()
                    if events & selectors.EVENT_READ:
                        key.data.take()

    def _waiting(self, awaits: dict[int, Incoming]) -> None:
        """Report, once per wait, what this party is blocked on."""
        links = self._links.values()
        counts = tuple(n for link in links for n in (link.peer, link.sent, link.received))
        if self._notify is None or counts == self._said:
            return
        self._said = counts
        self._notify(
            "waiting",
            WaitStatus(
                {peer: (message.step.form.tag, message.step.line) for peer, message in awaits.items()},
                tuple(link.peer for link in links if link.outgoing),
                {link.peer: link.sent for link in links},
                {link.peer: link.received for link in links},
                max((message.step.line for message in awaits.values()), default=0),
            ),
        )

    def _link(self, peer: int) -> Link:
        link = self._links.get(peer)
        return link if link is not None else self._make(peer)

    def _make(self, peer: int) -> Link:
        """Get a link from whoever hands them out, hear the peer's hello, and agree on the pair's seed."""
        if not 0 <= peer < len(self.names) or peer == self.index:
            raise MisuseValueError(f"party {self.index} of {len(self.names)} has no link to party {peer}")
        self._ask(peer)
        with self._arrival:
            while peer not in self._delivered:
                self._arrival.wait()
            sock, challenge, own = self._delivered.pop(peer)
        sock.settimeout(None)
        message = b""
        while len(message) < handshake.HELLO_BYTES:
            piece = sock.recv(handshake.HELLO_BYTES - len(message))
            if not piece:
                sock.close()
                raise CellAborted(f"{self.names[peer]} closed its link before it said hello")
            message += piece
        theirs = handshake.read_hello(message, self._key, challenge, peer, self.index)
        nonces = (own, theirs) if self.index < peer else (theirs, own)
        link = Link(sock, peer, self.names[peer], handshake.pair_seed(self._key, challenge, nonces))
        link.enter(self._epoch)
        self._links[peer] = link
        return link


def _start_fill(request: Request, checksums: bool) -> Fill:
    fill = Fill(request.fill)
    if checksums:  # the checksum stands before the payload, so the payload must be final first
        while fill.advance():
            pass
    return fill


def _sendable(array: Any, fill: Fill) -> Any:
    """The array as one block of bytes: itself whenever possible."""
    array = np.asarray(array)
    if array.flags.c_contiguous:
        return array
    if fill.steps is not None:
        raise MisuseValueError("an array that is filled while it is sent must be C-contiguous")
    return np.ascontiguousarray(array)


def _register(selector: Any, registered: dict[int, int], link: Link, events: int) -> None:
    before = registered.get(link.peer, 0)
    if events == before:
        return
    if not before:
        selector.register(link.sock, events, link)
    elif not events:
        selector.unregister(link.sock)
    else:
        selector.modify(link.sock, events, link)
    registered[link.peer] = events
