"""The stream between the coordinator and a party: whole messages, sockets beside them, no blocking here and no loss."""

import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from ramp_notebook.runtime.control import ControlEnd, encode

Ends = tuple[ControlEnd, ControlEnd]


@pytest.fixture
def ends() -> Iterator[Ends]:
    here, there = socket.socketpair()
    pair = ControlEnd(here, blocking=False), ControlEnd(there, blocking=True)
    yield pair
    for end in pair:
        end.close()


def test_messages_arrive_whole_and_in_order(ends: Ends) -> None:
    here, there = ends
    for number in range(3):
        here.post(("run", number, [1, "two"]))
    assert [("run", number, [1, "two"]) for number in range(3)] == there.receive()


def test_a_message_larger_than_any_buffer_goes_when_the_other_end_reads(ends: Ends) -> None:
    here, there = ends
    big = np.arange(2_000_000)
    here.post(("run", big))
    assert here.pending
    here.post(("stop",))
    got: list[tuple[object, ...]] = []
    while len(got) < 2:
        here.flush()
        got += there.receive()
    assert not here.pending
    assert np.array_equal(big, got[0][1])
    assert ("stop",) == got[1]


def test_sockets_travel_with_their_message_and_leave_the_sender(ends: Ends) -> None:
    here, there = ends
    near, far = socket.socketpair()
    here.post(("note",))
    here.post(("link", 1), [near])
    assert -1 == near.fileno()
    messages = there.receive()
    while len(messages) < 2:
        messages += there.receive()
    note, (kind, peer, (arrived,)) = messages
    assert (("note",), "link", 1) == (note, kind, peer)
    assert not arrived.get_inheritable(), "a program that takes a party's place gets none of its sockets"
    arrived.sendall(b"hello")
    assert b"hello" == far.recv(5)
    arrived.close()
    far.close()


def test_the_end_of_the_stream_is_seen_at_both_ends(ends: Ends) -> None:
    here, there = ends
    there.close()
    assert [] == here.receive()
    assert here.closed
    here.post(("to nobody",))  # whoever waits for the answer reads that the stream has ended


def test_sockets_that_nobody_took_are_closed(ends: Ends) -> None:
    here, there = ends
    near, far = socket.socketpair()
    here.post(("link", 1), [near])
    there.close()
    here.close()
    assert b"" == far.recv(1)
    far.close()


def test_a_value_that_cannot_be_read_here_spoils_its_message_only(ends: Ends) -> None:
    here, there = ends
    here.post(encode(("run", 1)).replace(b"run", b"ru\xff"))
    here.post(("ping",))
    got = there.receive()
    assert "unreadable" == got[0][0]
    assert ("ping",) == got[1]


def test_two_threads_may_post_at_once(ends: Ends) -> None:
    here, there = ends
    posting = [threading.Thread(target=lambda who=who: [there.post((who, n)) for n in range(200)]) for who in "ab"]
    for thread in posting:
        thread.start()
    got: list[tuple[object, ...]] = []
    while len(got) < 400:
        got += here.receive()
    for thread in posting:
        thread.join()
    assert [[n for who, n in got if who == name] for name in "ab"] == [list(range(200))] * 2
