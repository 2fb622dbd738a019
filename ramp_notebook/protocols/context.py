"""What a protocol may use of its party: who it is, how to exchange arrays, and streams of randomness.

Also runs independent branches side by side, so that their messages share rounds. Knows nothing of shares.
"""

import contextvars
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import greenlet
import numpy as np

from ..errors import CheatingDetected
from ..trace.recorder import Recorder, RecordingLinks
from ..values.shaped import ShapedArray
from ..values.streams import Stream, derive_key, fresh_key
from ..wire.channel import Expect, Links, Received, Request, parties_of
from ..wire.cheats import Cheat
from ..wire.interception import Interception, Recording

UINT64 = np.dtype(np.uint64)
SEEDED = b"seeded: public  "  # under --seed nothing is private, and the label says so


class ShapedStream:
    """The planner's random source: answers with shapes."""

    def words(self, shape: Any) -> Any:
        return ShapedArray(shape if isinstance(shape, tuple) else (shape,), np.uint64)


class Context:
    """One party's side of one cell: its exchanges and its streams.

    Streams are keyed by (pair seed, run number, branch path): two draws that must differ never share a key, and a failed
    run's streams are never used again because the run number never goes back.
    """

    def __init__(
        self,
        links: Links,
        recorder: Recorder,
        epoch: int,
        seed: bytes | None = None,
        planned: bool = False,
        preprocessing: str = "ot",  # where the cell wants its protocol's correlated randomness to come from
        summon: Callable[[], None] | None = None,  # has the dealer listen in this run
        garbling: str = "half-gates",  # the scheme of garbled gates
        store: str = "",  # the folder of a stock on disk
        stores: dict[str, Any] | None = None,  # what this party has open of such, by folder
    ):
        self.garbling, self.preprocessing, self.store, self.stores = garbling, preprocessing, store, {} if stores is None else stores
        self.stopped_by: CheatingDetected | None = None  # after a failed check nothing is sent, whatever the cell catches
        self.keys_heard: dict[int, tuple[int, int]] = {}  # of a dealer: the MAC keys that each party came with first
        self.protocol: Any = None  # under which the branch that runs now works; the session sets it
        self.index, self.names = links.index, parties_of(links.names)
        self.count = self.dealer = len(self.names)  # the dealer, if there is one, stands behind the parties
        self._summon, self._requests = summon, 0
        self.recorder, self.epoch, self.seed, self.planned = recorder, epoch, seed, planned
        self.links = links
        self._out: RecordingLinks | Interception = RecordingLinks(links, recorder)
        self._port: Callable[[Sequence[Request]], list[dict[int, Received]]] = self._send_out
        self._parallel_calls = 0
        self._streams_at: dict[tuple[int, ...], dict[int | tuple[int, ...], Any]] = {}
        self._unseeded_at: dict[tuple[int, ...], dict[int, Any]] = {}
        self.group_keys: dict[tuple[int, ...], bytes] = {}  # by members: what a protocol had them agree on in this run
        self._enter(())

    def exchange(
        self,
        tag: str,
        sends: Mapping[int, Any],
        receives: Mapping[int, tuple[int, ...]],
        *,
        fill: Iterator[int] | None = None,
        out: Any = None,
    ) -> dict[int, Any]:
        """Send uint64 arrays and await uint64 arrays of the given shapes, in one step. `out` receives a sole reply in place.

        All parties take the same steps: who neither sends nor awaits calls it all the same, so that the steps of parallel
        branches stay aligned between parties.
        """
        if self.stopped_by is not None:
            raise self.stopped_by
        if not (sends or receives or self._path):
            return {}
        recorder = self.recorder
        awaits = {peer: Expect(shape, UINT64, out) for peer, shape in receives.items()}
        reply = self._port([Request(tag, sends, awaits, fill, recorder.line, recorder.span, recorder.phase)])[0]
        return {peer: received.array for peer, received in reply.items()}

    def _send_out(self, requests: Sequence[Request]) -> list[dict[int, Received]]:
        return self._out.exchange(requests)

    def cheat(self, cheat: Cheat, recording: Recording) -> None:
        """Change, on purpose, what this party sends from here on. `recording` lasts for a session: what may be replayed."""
        if isinstance(self._out, RecordingLinks):
            self._out = Interception(self._out.exchange, self.links.names, lambda: self.recorder.round + 1, recording)
        self._out.add(cheat)

    @property
    def cheated(self) -> list[str]:
        """What this party changed on purpose, a line each; empty if nobody asked it to cheat."""
        return self._out.report() if isinstance(self._out, Interception) else []

    def next_request(self) -> int:
        """Number of the next request to the dealer in this run, the same at all parties."""
        self._requests += 1
        return self._requests

    def summon_dealer(self) -> None:
        """Have the dealer listen from now on; once in a run is enough."""
        if self._summon is not None:
            self._summon()
            self._summon = None

    def stream(self, peer: int) -> Any:
        """The key stream that only this party and `peer` know; with itself: its own."""
        stream = self._streams.get(peer)
        if stream is None:
            stream = self._streams[peer] = self._make_stream(peer)
        return stream

    def group_stream(self, members: tuple[int, ...]) -> Any:
        """The key stream that only these parties know, this one among them; `group_keys` has its key."""
        stream = self._streams.get(members)
        if stream is None:
            stream = self._streams[members] = self._make_group_stream(members)
        return stream

    def unseeded_stream(self, peer: int) -> Any:
        """Another stream that only this party and `peer` know, for what must not come twice even in cells of one seed."""
        stream = self._unseeded.get(peer)
        if stream is None:
            seed = self.links.pair_seed(peer)
            key = derive_key(seed[:16], seed[16:], "unseeded", self.epoch, *self._path)
            stream = self._unseeded[peer] = ShapedStream() if self.planned else Stream(key)
        return stream

    def _enter(self, path: tuple[int, ...]) -> None:
        """Continue on a branch: from here on its streams are drawn from."""
        self._path, self._streams = path, self._streams_at.setdefault(path, {})
        self._unseeded = self._unseeded_at.setdefault(path, {})

    def _make_stream(self, peer: int) -> Any:
        if self.planned:
            return ShapedStream()
        if self.seed is not None:
            low, high = sorted((self.index, peer))
            return Stream(derive_key(SEEDED, self.seed, low, high, *self._path))
        if peer == self.index:
            return Stream(fresh_key())
        seed = self.links.pair_seed(peer)
        return Stream(derive_key(seed[:16], seed[16:], "run", self.epoch, *self._path))

    def _make_group_stream(self, members: tuple[int, ...]) -> Any:
        if self.planned:
            return ShapedStream()
        if self.seed is not None:
            return Stream(derive_key(SEEDED, self.seed, "group", *members, "branch", *self._path))
        return Stream(derive_key(self.group_keys[members], "branch", *self._path))

    def parallel(self, branches: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run independent branches; what they send at each step travels in one common round.

        Branches are greenlets: one runs until it exchanges, then the next; their frames leave in branch order. Every
        branch has its own streams, so its masks do not depend on how the others interleave.
        """
        self._parallel_calls += 1
        call, port, path, recorder = self._parallel_calls, self._port, self._path, self.recorder
        outer = (recorder.span, recorder.line, recorder.phase, self.protocol)
        scheduler = greenlet.getcurrent()
        results: list[Any] = [None] * len(branches)
        states = [outer] * len(branches)
        waiting: dict[int, Sequence[Request]] = {}
        workers: list[greenlet.greenlet] = []

        def body(i: int) -> None:
            results[i] = branches[i]()

        def step(i: int, replies: Any) -> None:
            self._enter((*path, call, i))
            self._port = scheduler.switch  # a branch's exchange hands its requests to the scheduler
            recorder.span, recorder.line, recorder.phase, self.protocol = states[i]
            asked = workers[i].switch(replies) if replies is not None else workers[i].switch(i)
            states[i] = (recorder.span, recorder.line, recorder.phase, self.protocol)
            if not workers[i].dead:
                waiting[i] = asked

        try:
            for i in range(len(branches)):
                workers.append(greenlet.greenlet(body))
                workers[i].gr_context = contextvars.copy_context()  # where numpy keeps that rings may wrap
                step(i, None)
            while waiting:
                order, batch = sorted(waiting), dict(waiting)
                waiting.clear()
                self._port = port
                self._enter(path)
                replies = port([request for i in order for request in batch[i]])
                start = 0
                for i in order:
                    mine = replies[start : start + len(batch[i])]
                    start += len(batch[i])
                    step(i, mine)
        finally:
            for worker in workers:
                if not worker.dead:
                    worker.throw(greenlet.GreenletExit)
            self._port = port
            self._enter(path)
            recorder.span, recorder.line, recorder.phase, self.protocol = outer
        return results
