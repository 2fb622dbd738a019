"""Links between processes: stream sockets that are made when first used, and exchanges that never deadlock.

Small messages take the shortest way (one send, one blocking receive per peer). Whatever does not fit the sockets' buffers
is pumped: sending, receiving and computing the next block take turns.
"""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import CellAborted, ChannelError, MisuseValueError
from . import frames, handshake
from .channel import Received, Request
from .incoming import Incoming
from .link import READY, SMALL_BYTES, Fill, Link
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
        self._hush, self._hushed = socket.socketpair()
        self._hushed.setblocking(False)
        self._carried: dict[int, int] = {}  # by links that are closed
        self._epoch, self._checksums = 0, False
        self._notify: Callable[[str, object], None] | None = None
        self._said: tuple[int, ...] = ()  # the counts of the last waiting report: one report per wait
        self.broken: BaseException | None = None  # what stopped an exchange halfway: from then on this run cannot go on

    def begin(self, epoch: int, *, checksums: bool = False, notify: Callable[[str, object], None] | None = None) -> None:
        """Open run `epoch`: its messages are numbered anew, and nothing of another run is accepted."""
        self._epoch, self._checksums, self._notify = epoch, checksums, notify
        self._said, self.broken = (), None
        with contextlib.suppress(BlockingIOError):
            while self._hushed.recv(16):  # of the run before
                pass
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
        for sock in (self._hush, self._hushed, *(sock for sock, _, _ in self._delivered.values())):
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
        return WaitStatus(sent={link.peer: link.sent for link in links}, received={link.peer: link.received for link in links})

    def listen(self, peer: int) -> bool:
        """Block until something of this peer is here (True), or until `hush` (False)."""
        with Selector() as selector:
            selector.register(self._link(peer).sock, selectors.EVENT_READ, True)
            selector.register(self._hushed, selectors.EVENT_READ, False)
            while not (ready := selector.select(WAITING_SECONDS)):
                self._waiting({peer: ("request", 0)})
            return any(key.data for key, _ in ready)

    def hush(self) -> None:
        """End the listening of this run; from any thread."""
        self._hush.send(b"!")

    def exchange(self, requests: Sequence[Request], round: int) -> list[dict[int, Received]]:
        if self.broken is not None:
            raise ChannelError(f"an earlier exchange of this cell failed ({self.broken}); the cell cannot go on") from self.broken
        try:
            if len(requests) == 1 and requests[0].fill is None and not self._checksums:
                return [self._exchange_one(requests[0], round)]
            return self._receive(requests, *self._send(requests, round))
        except BaseException as error:
            self.broken = error
            raise

    def _exchange_one(self, request: Request, round: int) -> dict[int, Received]:
        """The shortest way for a single request: if all its messages are small, one system call for each."""
        tag, line, links = request.tag, request.line, self._links
        left: list[Link] = []
        for peer, array in request.sends.items():
            link = links.get(peer) or self._make(peer)
            form = frames.form(tag, array.dtype, array.shape)
            if form.nbytes <= SMALL_BYTES:
                link.send_small(form, array, round, line)
            else:
                link.queue(form, _sendable(array, READY), round, line, False)
            if link.outgoing and not link.flush():
                left.append(link)
        large = False
        for expect in request.receives.values():
            large = large or frames.form(tag, expect.dtype, expect.shape).nbytes > SMALL_BYTES
        if left or large:
            # Never one large message after the other: a third party may wait for whoever is stuck behind us.
            return self._receive([request], left, [])[0]
        reply: dict[int, Received] = {}
        for peer, expect in request.receives.items():
            link = links.get(peer) or self._make(peer)
            reply[peer] = link.pull_small(frames.form(tag, expect.dtype, expect.shape), expect.out, line)
        return reply

    def _send(self, requests: Sequence[Request], round: int) -> tuple[list[Link], list[Fill]]:
        """Hand over what goes at once, many messages in one system call; the links with a rest, and the fills that go on."""
        used: dict[int, Link] = {}
        fills = []
        for request in requests:
            fill = _start_fill(request, self._checksums)
            if fill.steps is not None:
                fills.append(fill)
            for peer, array in request.sends.items():
                link = used[peer] = self._link(peer)
                array = _sendable(np.asarray(array), fill)
                link.queue(frames.form(request.tag, array.dtype, array.shape), array, round, request.line, self._checksums, fill)
        return [link for link in used.values() if not link.flush()], fills

    def _receive(self, requests: Sequence[Request], sending: list[Link], fills: list[Fill]) -> list[dict[int, Received]]:
        """Await messages of any size while the rest of ours goes out."""
        awaited: list[tuple[int, int, Incoming]] = []
        for number, request in enumerate(requests):
            for peer, expect in request.receives.items():
                link = self._link(peer)
                form = frames.form(request.tag, np.dtype(expect.dtype), tuple(expect.shape))
                sequence = link.received + len(link.incoming)
                step = frames.Step(form, self._epoch, sequence, request.line, self.names[self.index], self.names[peer])
                message = Incoming(step, expect)
                link.incoming.append(message)
                awaited.append((number, peer, message))
        self._pump([*sending, *(self._links[peer] for _, peer, _ in awaited)], fills)
        replies: list[dict[int, Received]] = [{} for _ in requests]
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
                    self._waiting({k.peer: (k.incoming[0].step.form.tag, k.incoming[0].step.line) for k in links if k.incoming})
                for key, events in ready:
                    if events & selectors.EVENT_WRITE:
                        key.data.flush()
                    if events & selectors.EVENT_READ:
                        key.data.take()

    def _waiting(self, awaits: dict[int, tuple[str, int]]) -> None:
        """Report, once per wait, what this party is blocked on: peer -> step tag and line."""
        links = self._links.values()
        counts = tuple(n for link in links for n in (link.peer, link.sent, link.received))
        if self._notify is None or counts == self._said:
            return
        self._said = counts
        sending = tuple(link.peer for link in links if link.outgoing)
        line = max((line for _, line in awaits.values()), default=0)
        self._notify("waiting", WaitStatus(awaits, sending, {k.peer: k.sent for k in links}, {k.peer: k.received for k in links}, line))

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
        seed = handshake.pair_seed(self._key, challenge, nonces)
        names = (self.names[self.index], self.names[peer])
        link = Link(sock, peer, names, seed, lambda peer, tag, line: self._waiting({peer: (tag, line)}))
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
