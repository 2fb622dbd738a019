"""The owner of parties: what they say, that they die, that they are silent, and their links, with no cell in sight."""

import os
import signal
import socket
import time
from collections.abc import Iterator

import pytest
from census import unchanged

from ramp_notebook.errors import ChannelError, OptionError
from ramp_notebook.runtime import switchboard
from ramp_notebook.runtime.coordinator import ENGINE, Coordinator
from ramp_notebook.runtime.supervisor import Supervisor, cpu_seconds

pytestmark = pytest.mark.process
NAMES = ["alice", "bob"]


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Coordinator(NAMES) as parties:
        parties.start()
    with unchanged():
        supervisor = Supervisor(NAMES, "local", ENGINE, silence_seconds=1.0)
        for index in range(2):
            supervisor.start(index)
        supervisor.open(0)
        ready: set[int] = set()
        while len(ready) < 2:
            ready |= {index for index, message in supervisor.events(5.0) if message[0] == "ready"}
        yield supervisor
        supervisor.stop()


def events(supervisor: Supervisor, seconds: float) -> list[tuple[int, str]]:
    found, deadline = [], time.monotonic() + seconds
    while not found and time.monotonic() < deadline:
        found = [(index, message[0]) for index, message in supervisor.events(0.1)]
    return found


def test_a_death_is_told_once_with_its_reason(supervisor: Supervisor) -> None:
    victim = supervisor.parties[1]
    assert victim is not None
    os.kill(victim.pid, signal.SIGKILL)
    start = time.monotonic()
    found = supervisor.events(2.0)
    assert [(1, ("died", "killed by signal 9 (SIGKILL)"))] == found
    assert time.monotonic() - start < 1.0
    assert supervisor.parties[1] is None
    assert [] == events(supervisor, 0.5)


def test_parties_that_do_nothing_are_asked_and_answer(supervisor: Supervisor) -> None:
    assert [] == events(supervisor, 2.0)


def test_a_silent_party_is_told_once(supervisor: Supervisor) -> None:
    party = supervisor.parties[0]
    assert party is not None
    os.kill(party.pid, signal.SIGSTOP)
    assert [(0, "silent")] == events(supervisor, 3.0)
    assert [] == events(supervisor, 1.5)


def test_a_replaced_party_is_another_process(supervisor: Supervisor) -> None:
    before = supervisor.parties[0]
    supervisor.replace(0)
    after = supervisor.parties[0]
    assert before is not None
    assert after is not None
    assert before.pid != after.pid
    assert not before.alive()
    assert [(0, "ready")] == events(supervisor, 10.0)


def test_stopping_twice_is_stopping_once(supervisor: Supervisor) -> None:
    supervisor.stop()
    supervisor.stop()
    assert [None, None] == supervisor.parties


def test_processor_time_of_a_process() -> None:
    before = cpu_seconds(os.getpid())
    assert before is not None
    deadline = time.process_time() + 0.05
    while time.process_time() < deadline:
        pass
    assert before < (cpu_seconds(os.getpid()) or 0.0)
    assert cpu_seconds(2**22 + 1) is None


@pytest.mark.parametrize("kind", switchboard.TRANSPORTS)
def test_a_link_has_two_ends_and_leaves_no_listener(kind: str) -> None:
    with unchanged():
        near, far = switchboard.make_link(kind)
        with near, far:
            near.sendall(b"there")
            assert b"there" == far.recv(5)
            if kind == "tcp":
                assert {"127.0.0.1"} == {near.getsockname()[0], far.getsockname()[0]}
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(far.getsockname())


def test_a_stranger_on_a_link_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    accept = socket.socket.accept

    def stranger_first(listener: socket.socket) -> tuple[socket.socket, object]:
        accept(listener)[0].close()
        with socket.create_connection(listener.getsockname()):
            return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", stranger_first)
    with unchanged(), pytest.raises(ChannelError, match="a foreign process connected"):
        switchboard.make_link("tcp")


def test_unknown_transports_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAMP_TRANSPORT", "pigeon")
    with pytest.raises(OptionError, match="'pigeon'; it may be unix or tcp"):
        switchboard.transport()
