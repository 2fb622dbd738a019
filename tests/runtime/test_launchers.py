"""Where parties run: a process or a thread each, both seen through the same handle, both leaving nothing behind."""

import os
import resource
import select
import signal
import sys
import threading
from collections.abc import Iterator

import multiprocess.forkserver
import pytest
from census import unchanged

from ramp_notebook.errors import MisuseError, OptionError
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import ENGINE, Coordinator
from ramp_notebook.runtime.launchers import PartyHandle, check_descriptors, make_launcher
from ramp_notebook.runtime.servers import start_method

NAMES = ["alice", "bob"]


@pytest.fixture(params=["inline", pytest.param("local", marks=pytest.mark.process)])
def party(request: pytest.FixtureRequest) -> Iterator[PartyHandle]:
    with Coordinator(NAMES) as parties:
        parties.start()
    with unchanged():
        handle = make_launcher(request.param, NAMES, b"k" * 32, ENGINE).start(1)
        yield handle
        handle.kill()


def heard(party: PartyHandle) -> list[tuple[object, ...]]:
    select.select([party.control], [], [], 30)
    return party.control.receive()


def test_a_party_says_that_it_is_ready_and_ends_when_told(party: PartyHandle) -> None:
    [(kind, info)] = heard(party)
    assert ("ready", party.pid) == (kind, info["pid"])
    assert party.alive()
    party.control.post(("stop",))
    if party.sentinel is not None:
        assert select.select([party.sentinel], [], [], 5)[0]
        assert "exited with code 0" == party.end_reason()
    else:
        assert [] == heard(party)
        assert party.control.closed


def test_a_party_can_be_ended_twice_and_at_any_time(party: PartyHandle) -> None:
    party.kill()
    party.kill()
    assert not party.alive()
    assert party.end_reason() in ("killed by signal 9 (SIGKILL)", "its thread ended")


@pytest.mark.process
def test_parties_never_hold_the_notebooks_memory_nor_its_main_module(tmp_path: object) -> None:
    assert start_method() in ("forkserver", "spawn")
    sys.modules["__main__"].secret_of_the_notebook = 5  # type: ignore[attr-defined]
    try:
        with unchanged(), Coordinator(NAMES) as parties:
            text = "import sys\nfound = hasattr(sys.modules['__main__'], 'secret_of_the_notebook'), sys.modules['__main__'].__dict__.get('__file__')"
            assert (False, None) == parties.run(Cell(text, protocol="clear")).outputs["found"]
            assert all(state.preloaded for state in parties.status())
    finally:
        del sys.modules["__main__"].secret_of_the_notebook  # type: ignore[attr-defined]


@pytest.mark.process
def test_parties_draw_different_numbers_from_every_generator() -> None:
    text = "import random\ndrawn = random.random(), float(np.random.random())"
    with unchanged(), Coordinator(NAMES) as parties:
        parties.run(Cell(text, kind="party"))
        shown = parties.run(Cell("drawn", kind="party")).last_values
    assert not set(eval(shown["alice"])) & set(eval(shown["bob"]))


@pytest.mark.process
@pytest.mark.skipif(start_method() != "forkserver", reason="processes are reaped by a server only there")
def test_nothing_is_left_if_the_server_is_slow_to_see_that_parties_ended() -> None:
    with Coordinator(NAMES) as parties:
        parties.start()
    with unchanged():
        server = multiprocess.forkserver._forkserver._forkserver_pid
        parties = Coordinator(NAMES)
        parties.start()
        os.kill(server, signal.SIGSTOP)
        timer = threading.Timer(3.5, os.kill, (server, signal.SIGCONT))  # longer than a stop waits before it kills
        timer.start()
        parties.stop()
        timer.join()


def test_a_limit_of_open_files_is_told_before_it_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, 4096))
    check_descriptors(48)
    with pytest.raises(MisuseError, match="50 parties need about 264 open files, and the limit is 256: raise it with `ulimit -n 264`"):
        check_descriptors(50)


def test_unknown_launchers_and_start_methods_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="local .*inline"):
        make_launcher("remote", NAMES, b"", ENGINE)
    monkeypatch.setenv("RAMP_START_METHOD", "fork")
    with pytest.raises(OptionError, match="fork copies the notebook's memory"):
        start_method()
