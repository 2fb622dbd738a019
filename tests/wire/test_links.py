"""Links, over sockets and in memory: the same messages, counts, seeds and refusals; no deadlock at any size."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ramp_notebook.errors import (
    CellAborted,
    ChannelError,
    FrameCorrupt,
    FrameTooLarge,
    MessageLost,
    MisuseValueError,
    ProgramMismatch,
)
from ramp_notebook.runtime.switchboard import make_link
from ramp_notebook.wire import channel, frames, handshake
from ramp_notebook.wire.channel import Expect, Request, framing_bytes
from ramp_notebook.wire.memory import MemoryHub, MemoryLinks
from ramp_notebook.wire.sockets import SocketLinks
from ramp_notebook.wire.waiting import WaitStatus, standstill

NAMES = ["alice", "bob", "carol"]
UINT64 = np.dtype("uint64")
Pair = tuple[socket.socket, socket.socket]


def socket_links(pair: Callable[[], Pair] = socket.socketpair, keys: Sequence[bytes] = (b"k" * 32,) * 3) -> list[SocketLinks]:
    """Three parties whose links are handed out as a coordinator would."""
    links: list[SocketLinks] = []
    made: set[frozenset[int]] = set()
    lock = threading.Lock()

    def ask(party: int) -> Callable[[int], None]:
        def give(peer: int) -> None:
            with lock:
                if frozenset((party, peer)) in made:
                    return
                made.add(frozenset((party, peer)))
            near, far = pair()
            challenge = os.urandom(32)
            links[party].deliver(peer, near, challenge)
            links[peer].deliver(party, far, challenge)

        return give

    links += [SocketLinks(party, NAMES, keys[party], ask(party)) for party in range(3)]
    return links


def memory_links() -> list[MemoryLinks]:
    hub = MemoryHub(NAMES)
    return [MemoryLinks(hub, party) for party in range(3)]


MAKERS = {"unix": socket_links, "tcp": lambda: socket_links(lambda: make_link("tcp")), "memory": memory_links}
AnyLinks = list[SocketLinks] | list[MemoryLinks]


@pytest.fixture(params=MAKERS)
def links(request: pytest.FixtureRequest) -> Iterator[AnyLinks]:
    made = MAKERS[request.param]()
    for each in made:
        each.begin(1)
    yield made
    for each in made:
        each.drop()


def together(*steps: Callable[[], object]) -> list[object]:
    """Run each party's step in a thread of its own; an exception of the first failing party is raised."""
    with ThreadPoolExecutor(len(steps)) as pool:
        return [future.result(120) for future in [pool.submit(step) for step in steps]]


def swap(mine: SocketLinks | MemoryLinks, peer: int, array: np.ndarray, *, tag: str = "step", shape: tuple[int, ...] | None = None, line: int = 1) -> np.ndarray:  # fmt: skip
    request = Request(tag, {peer: array}, {peer: Expect(array.shape if shape is None else shape, array.dtype)}, line=line)
    return mine.exchange([request], 1)[0][peer].array  # type: ignore[no-any-return]


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 5), (9000,), (2, 0, 3), (1_000_003,)])
@pytest.mark.parametrize("dtype", ["uint64", "uint8", "bool"])
def test_two_parties_swap_arrays(links: AnyLinks, shape: tuple[int, ...], dtype: str) -> None:
    a = np.random.default_rng(1).integers(0, 2, shape).astype(dtype)
    b = ~a
    got_a, got_b = together(lambda: swap(links[0], 1, a), lambda: swap(links[1], 0, b))
    np.testing.assert_array_equal(got_a, b)
    np.testing.assert_array_equal(got_b, a)
    assert np.asarray(got_a).dtype == dtype
    assert {1: a.nbytes + framing_bytes(a.nbytes)} == links[0].carried_bytes()


@pytest.mark.parametrize("count", [1, 5, 50_000])
def test_scalars_and_strided_arrays_travel_as_what_they_hold(links: AnyLinks, count: int) -> None:
    strided = np.arange(3 * count, dtype=UINT64)[::3]
    got, _ = together(lambda: swap(links[0], 1, strided), lambda: swap(links[1], 0, strided))
    np.testing.assert_array_equal(got, strided)
    got, _ = together(lambda: swap(links[0], 1, strided[-1]), lambda: swap(links[1], 0, strided[-1]))
    assert got == strided[-1]


def test_everyone_to_everyone_with_all_sizes_in_one_step(links: AnyLinks) -> None:
    def step(party: int) -> None:
        peers = [p for p in range(3) if p != party]
        requests = [
            Request(f"step {size}", {p: np.full(size, 10 * party + p, UINT64) for p in peers}, {p: Expect((size,), UINT64) for p in peers})
            for size in (1, 700_000, 0, 20_000)
        ]
        for size, reply in zip((1, 700_000, 0, 20_000), links[party].exchange(requests, 4), strict=True):
            for peer in peers:
                np.testing.assert_array_equal(reply[peer].array, np.full(size, 10 * peer + party))
                assert reply[peer].round == 4

    for _ in range(3):
        together(*(lambda p=p: step(p) for p in range(3)))


def test_results_land_in_the_array_that_was_given(links: AnyLinks) -> None:
    for size in (4, 100_000):
        out = np.zeros(size, UINT64)
        request = Request("step", {}, {0: Expect((size,), UINT64, out)})
        send = Request("step", {1: np.arange(size, dtype=UINT64)})
        _, [reply] = together(lambda s=send: links[0].exchange([s], 1), lambda r=request: links[1].exchange([r], 1))  # type: ignore[misc]
        assert reply[0].array is out
        np.testing.assert_array_equal(out, np.arange(size))


def test_a_party_never_aliases_anothers_memory(links: AnyLinks) -> None:
    a, b = np.zeros(4, UINT64), np.ones(4, UINT64)
    got, _ = together(lambda: swap(links[0], 1, a), lambda: swap(links[1], 0, b))
    b[:] = 9
    np.testing.assert_array_equal(got, np.ones(4))  # type: ignore[arg-type]


def test_arrays_may_be_computed_while_they_are_sent(links: AnyLinks) -> None:
    array = np.zeros((2, 500_000), UINT64)

    def fill() -> Iterator[int]:
        flat = array.reshape(-1)
        for start in range(0, flat.size, 100_000):
            flat[start : start + 100_000] = np.arange(start, start + 100_000)
            yield start + 100_000

    send = Request("step", {1: array}, {1: Expect((1,), UINT64)}, fill=fill())
    receive = Request("step", {0: np.ones(1, UINT64)}, {0: Expect(array.shape, UINT64)})
    # The two requests differ in shape, so each side sends what the other expects.
    _, [reply] = together(lambda: links[0].exchange([send], 1), lambda: links[1].exchange([receive], 1))  # type: ignore[misc]
    np.testing.assert_array_equal(reply[0].array.reshape(-1), np.arange(1_000_000))


def test_not_contiguous_arrays_travel_in_order(links: AnyLinks) -> None:
    a = np.arange(300_000, dtype=UINT64).reshape(3, -1)
    got, _ = together(
        lambda: swap(links[0], 1, np.ones((100_000, 3), UINT64)),
        lambda: swap(links[1], 0, a.T),
    )
    np.testing.assert_array_equal(got, a.T)  # type: ignore[arg-type]


def test_long_payloads_travel_as_several_frames(links: AnyLinks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "FRAME_BYTES", 100_000)
    a = np.arange(50_000, dtype=UINT64)
    got, _ = together(lambda: swap(links[0], 1, a), lambda: swap(links[1], 0, a + 1))
    np.testing.assert_array_equal(got, a + 1)  # type: ignore[arg-type]
    assert {1: 400_000 + 4 * 64} == links[0].carried_bytes()


GIBIBYTE = 1 << 30


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_a_gibibyte_both_ways_at_once_does_not_block(kind: str) -> None:
    """What waits for ever if both sides send first; beside the arrays themselves it takes little memory."""
    if os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < 5 * GIBIBYTE:
        pytest.skip("three arrays of 1 GiB need 5 GiB of free memory")
    sent = np.arange(GIBIBYTE // 8, dtype=UINT64)
    received = [np.empty_like(sent) for _ in range(2)]  # the two parties live in one process here, and send the same
    links = MAKERS[kind]()
    for each in links:
        each.begin(1)

    def step(me: int) -> None:
        links[me].exchange([Request("step", {1 - me: sent}, {1 - me: Expect(sent.shape, UINT64, received[me])})], 1)

    resident = resident_bytes()
    together(lambda: step(0), lambda: step(1))
    assert resident_bytes() - resident < 2.25 * GIBIBYTE
    assert all(np.array_equal(sent, each) for each in received)
    assert {1: GIBIBYTE + framing_bytes(GIBIBYTE)} == links[0].carried_bytes()
    for each in links:
        each.drop()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if Path("/proc/self/statm").exists() else 0


def test_checksums_change_nothing_but_the_check(links: AnyLinks) -> None:
    for each in links:
        each.begin(2, checksums=True)
    for size in (1, 200_000):
        a = np.arange(size, dtype=UINT64)
        got, _ = together(lambda a=a: swap(links[0], 1, a), lambda a=a: swap(links[1], 0, a + 1))  # type: ignore[misc]
        np.testing.assert_array_equal(got, a + 1)  # type: ignore[arg-type]


def test_unequal_steps_name_both_lines(links: AnyLinks) -> None:
    a = np.zeros(10, UINT64)
    with pytest.raises(
        ProgramMismatch, match=r"alice expects 'open' of \(10,\) uint64 at line 7; bob sends 'open' of \(11,\) uint64 at line 9"
    ):
        together(
            lambda: swap(links[0], 1, a, tag="open", line=7),
            lambda: swap(links[1], 0, np.zeros(11, UINT64), tag="open", shape=(10,), line=9),
        )
    with pytest.raises(ChannelError, match="an earlier exchange of this cell failed"):
        swap(links[0], 1, a)


def test_a_shorter_message_than_awaited_does_not_block(links: AnyLinks) -> None:
    send = Request("open", {1: np.zeros(1, UINT64)}, line=3)
    receive = Request("open", {}, {0: Expect((1000,), UINT64)}, line=4)
    with pytest.raises(ProgramMismatch, match=r"\(1000,\).*\(1,\)"):
        together(lambda: links[0].exchange([send], 1), lambda: links[1].exchange([receive], 1))


def test_a_party_has_no_link_to_itself_or_to_nobody(links: AnyLinks) -> None:
    for peer in (0, 3, -1):
        with pytest.raises(MisuseValueError, match="has no link"):
            links[0].exchange([Request("step", {peer: np.zeros(1, UINT64)})], 1)
        links[0].begin(1)


def test_seeds_are_shared_by_pairs_and_renewed_after_a_failure() -> None:
    for make in (memory_links, socket_links):
        links = make()
        for epoch in (1, 2):
            for each in links:
                each.begin(epoch)
            pairs = together(*(lambda p=p, q=q, links=links: links[p].pair_seed(q) for p in range(3) for q in range(3) if p != q))
            seeds = dict(zip([(p, q) for p in range(3) for q in range(3) if p != q], pairs, strict=True))
            assert all(seeds[p, q] == seeds[q, p] for p, q in seeds)
            assert 3 == len(set(seeds.values()))
            if epoch == 1:
                first = set(seeds.values())
                if make is memory_links:
                    for each in links:
                        each.drop()
                else:
                    links = socket_links()  # a coordinator hands out fresh links
        assert not first & set(seeds.values())


def test_a_blocked_party_says_what_it_waits_for(links: AnyLinks) -> None:
    said: list[tuple[str, object]] = []
    links[0].begin(1, notify=lambda kind, what: said.append((kind, what)))

    def late() -> None:
        links[1].exchange([Request("first", {0: np.zeros(1, UINT64)})], 1)
        time.sleep(0.7)
        links[1].exchange([Request("second", {0: np.zeros(1, UINT64)})], 1)

    def wait() -> None:
        for tag, line in (("first", 3), ("second", 4)):
            links[0].exchange([Request(tag, {}, {1: Expect((1,), UINT64)}, line=line)], 1)

    together(late, wait)
    [(kind, status)] = said
    assert isinstance(status, WaitStatus)
    assert ("waiting", {1: ("second", 4)}, {1: 1}, 4) == (kind, dict(status.awaits), dict(status.received), status.line)


class TestStandstill:
    def test_two_parties_that_wait_for_each_other(self) -> None:
        a, b = WaitStatus({1: ("open", 3)}), WaitStatus({0: ("open", 4)})
        assert (0, 1) == standstill([a, b])

    def test_nobody_is_blamed_while_one_computes_or_a_message_is_under_way(self) -> None:
        assert standstill([WaitStatus({1: ("open", 3)}), None]) is None
        assert standstill([WaitStatus({1: ("open", 3)}), WaitStatus({0: ("open", 4)}, sent={0: 1})]) is None

    def test_waiting_for_a_party_that_has_finished(self) -> None:
        assert (0, 1) == standstill([WaitStatus({1: ("open", 3)}, received={1: 2}), WaitStatus(sent={0: 2})])

    def test_sending_to_a_party_that_never_reads(self) -> None:
        sending = WaitStatus(sending=(1,), sent={1: 1})
        assert (0, 1) == standstill([sending, WaitStatus()])
        assert standstill([sending, WaitStatus({0: ("open", 3)}, sent={}, received={}), WaitStatus()]) is None

    def test_a_report_that_what_was_sent_has_overtaken(self) -> None:
        assert standstill([WaitStatus(sending=(1,), sent={1: 1}), WaitStatus(received={0: 1})]) is None

    def test_all_have_finished(self) -> None:
        assert standstill([WaitStatus(), WaitStatus()]) is None


# -- sockets alone ------------------------------------------------------------------------------------------------------


class Relay:
    """Sits between two link ends and may change, drop or repeat what passes from the first to the second."""

    def __init__(self, change: Callable[[bytes, int], bytes]):
        self.change = change

    def __call__(self) -> Pair:
        near, mine = socket.socketpair()
        other, far = socket.socketpair()
        threading.Thread(target=self._pass, args=(mine, other, self.change), daemon=True).start()
        threading.Thread(target=self._pass, args=(other, mine, lambda data, place: data), daemon=True).start()
        return near, far

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket, change: Callable[[bytes, int], bytes]) -> None:
        place = 0
        with contextlib.suppress(OSError):  # a party that refused what came has closed its end
            while data := source.recv(1 << 16):
                sink.sendall(change(data, place))
                place += len(data)
        sink.close()


def flip(at: int) -> Callable[[bytes, int], bytes]:
    """Flip one bit of the stream's byte `at`, counted after the hello."""

    def change(data: bytes, place: int) -> bytes:
        index = at + handshake.HELLO_BYTES - place
        if not 0 <= index < len(data):
            return data
        return data[:index] + bytes([data[index] ^ 4]) + data[index + 1 :]

    return change


def tampered(change: Callable[[bytes, int], bytes], size: int, checksums: bool = True) -> np.ndarray:
    """What bob receives when alice's array of `size` passes through a relay."""
    links = socket_links(Relay(change))
    for each in links:
        each.begin(1, checksums=checksums)
    send, receive = Request("step", {1: np.zeros(size, UINT64)}), Request("step", {}, {0: Expect((size,), UINT64)})
    try:
        _, [reply] = together(lambda: links[0].exchange([send], 1), lambda: links[1].exchange([receive], 1))  # type: ignore[misc]
        return reply[0].array  # type: ignore[no-any-return]
    finally:
        for each in links:
            each.drop()


@pytest.mark.parametrize(("size", "at"), [(1, 0), (1, 30), (1, 64), (1, 71), (100_000, 63), (100_000, 64), (100_000, 500_000)])
def test_one_bit_corrupted_in_transit_is_seen(size: int, at: int) -> None:
    with pytest.raises(FrameCorrupt):
        tampered(flip(at), size)


def test_a_lost_message_is_seen() -> None:
    frame = 72
    sent = bytearray()

    def drop_first(data: bytes, place: int) -> bytes:
        sent.extend(data)
        hello = handshake.HELLO_BYTES
        return bytes(sent[:hello] + sent[hello + frame :]) if len(sent) >= hello + 2 * frame else b""

    links = socket_links(Relay(drop_first))
    for each in links:
        each.begin(1)
    send, receive = Request("step", {1: np.zeros(1, UINT64)}), Request("step", {}, {0: Expect((1,), UINT64)})
    with pytest.raises(MessageLost, match="bob awaits message 0 from alice, but message 1 came"):
        together(
            lambda: [links[0].exchange([send], 1) for _ in range(2)] and links[0].pair_seed(1), lambda: links[1].exchange([receive], 1)
        )


def test_an_announced_length_is_refused_before_allocation(monkeypatch: pytest.MonkeyPatch) -> None:
    links = socket_links()
    for each in links:
        each.begin(1)
    together(lambda: links[0].pair_seed(1), lambda: links[1].pair_seed(0))
    head = frames.encode(frames.form("step", UINT64, (20_000,)), 1, 0, 1, 1, 0, channel.FRAME_BYTES)
    links[0]._links[1].sock.sendall(head)
    monkeypatch.setattr(np, "empty", lambda *_: pytest.fail("allocated before the header was checked"))
    with pytest.raises(FrameTooLarge, match="alice announces"):
        links[1].exchange([Request("step", {}, {0: Expect((20_000,), UINT64)})], 1)


def test_the_wrong_key_is_refused() -> None:
    links = socket_links(keys=[b"k" * 32, b"j" * 32, b"k" * 32])
    with pytest.raises(ChannelError, match="does not know this run's key"):
        together(lambda: links[0].pair_seed(1), lambda: links[1].pair_seed(0))


def test_a_hello_for_others_is_refused() -> None:
    key, challenge = os.urandom(32), os.urandom(32)
    _, message = handshake.hello(key, challenge, 0, 2)
    with pytest.raises(ChannelError, match="answered by party 0 for party 2"):
        handshake.read_hello(message, key, challenge, 0, 1)
    with pytest.raises(ChannelError, match="does not know"):
        handshake.read_hello(message, key, os.urandom(32), 0, 2)  # replayed on another link
    for bad in (b"", message[:-1], b"x" * handshake.HELLO_BYTES):
        with pytest.raises(ChannelError):
            handshake.read_hello(bad, key, challenge, 0, 2)


def test_a_peer_that_leaves_aborts_who_waits_for_it() -> None:
    links = socket_links()
    for each in links:
        each.begin(1)
    together(lambda: links[0].pair_seed(1), lambda: links[1].pair_seed(0))
    links[1].drop()
    with pytest.raises(CellAborted, match="bob closed its link"):
        links[0].exchange([Request("step", {}, {1: Expect((1,), UINT64)})], 1)


def test_a_memory_party_can_be_stopped_while_it_waits() -> None:
    links = memory_links()
    for each in links:
        each.begin(5)
    threading.Timer(0.1, links[0].abort, (5,)).start()
    with pytest.raises(CellAborted):
        links[0].exchange([Request("step", {}, {1: Expect((1,), UINT64)})], 1)
