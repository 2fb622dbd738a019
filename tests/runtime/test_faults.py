"""Parties that fail in every way that a process can: one clear error soon, nothing left behind, and the next cell works."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from census import descendants, unchanged

from ramp_notebook.errors import (
    CellTimeout,
    MisuseError,
    PartyDied,
    PartyFailed,
    PartyOutOfMemory,
    PartyUnresponsive,
    ProgramMismatch,
    RampError,
)
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.launchers import LocalLauncher, ProcessParty

pytestmark = pytest.mark.process
NAMES = ["alice", "bob", "carol"]
GIVE = Cell("pay = 7", kind="party")
PRODUCT = Cell("total = mpc.reveal(mpc.input('pay', owner='alice') * mpc.input('pay', owner='bob'))")
CHAIN = "x = mpc.input('pay', owner='alice')\nfor k in range(100_000):\n    x = x * x\n"


@pytest.fixture(scope="module", autouse=True, params=[("forkserver", "unix"), ("spawn", "tcp")], ids=" on ".join)
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """How parties start and what their links are made of: as here, and as on systems without fork servers or Unix sockets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAMP_START_METHOD", request.param[0])
        patch.setenv("RAMP_TRANSPORT", request.param[1])
        with Coordinator(NAMES) as parties:  # servers that stay are there before the first census
            parties.start()
        yield


@pytest.fixture
def parties() -> Iterator[Coordinator]:
    with unchanged(), Coordinator(NAMES) as coordinator:
        coordinator.run(GIVE)
        yield coordinator


@contextmanager
def soon(seconds: float = 2.0) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def works(parties: Coordinator) -> None:
    """The next cell gives the right answer."""
    parties.run(GIVE)
    assert parties.run(PRODUCT).outputs["total"] == 49


def later(seconds: float, action: object, *args: object) -> threading.Timer:
    timer = threading.Timer(seconds, action, args)  # type: ignore[arg-type]
    timer.start()
    return timer


def kill_if_alive(pid: int, signal_number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal_number)


def pid_of(parties: Coordinator, name: str) -> int:
    return parties.status()[parties.names.index(name)].pid


class TestDeath:
    def test_party_killed_while_it_computes(self, parties: Coordinator) -> None:
        later(0.2, os.kill, pid_of(parties, "bob"), signal.SIGKILL)
        with soon(), pytest.raises(PartyDied, match=r"bob's process killed by signal 9 \(SIGKILL\).*bob has been started anew"):
            parties.run(Cell("import time\ntime.sleep(30)"))
        works(parties)

    def test_party_killed_between_messages_names_gadget_or_line(self, parties: Coordinator) -> None:
        later(0.6, os.kill, pid_of(parties, "carol"), signal.SIGKILL)
        with soon(2.6), pytest.raises(PartyDied, match=r"carol's process killed by signal 9 \(SIGKILL\) in .*round \d+"):
            parties.run(Cell(CHAIN))
        works(parties)

    @pytest.mark.parametrize("step", [0, 1, 2, 7])
    def test_party_that_kills_itself_at_a_message_index(self, parties: Coordinator, step: int) -> None:
        source = CHAIN + f"    if k == {step} and mpc.party == 'alice':\n        import os; os.kill(os.getpid(), 9)\n"
        with soon(), pytest.raises(PartyDied, match="alice"):
            parties.run(Cell(source))
        works(parties)

    def test_party_killed_between_cells_loses_its_names_and_says_so(self, parties: Coordinator) -> None:
        parties.run(Cell("kept = 5", kind="party"))
        os.kill(pid_of(parties, "bob"), signal.SIGKILL)
        time.sleep(0.1)
        with soon(), pytest.raises(PartyDied, match="bob has been started anew: it is empty"):
            parties.run(PRODUCT)
        assert {"alice": "5", "carol": "5"} == parties.run(Cell("kept", kind="party", targets=(0, 2))).last_values
        with pytest.raises(PartyFailed, match="NameError in bob"):
            parties.run(Cell("kept", kind="party", targets=(1,)))
        works(parties)

    @pytest.mark.parametrize(
        ("source", "reason"),
        [
            ("import os; os._exit(3)", "exited with code 3"),
            ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
            ("import os; os.abort()", "SIGABRT"),
        ],
    )
    def test_process_that_ends_itself(self, parties: Coordinator, source: str, reason: str) -> None:
        with soon(), pytest.raises(PartyDied, match=reason):
            parties.run(Cell(source, kind="party", targets=(1,)))
        works(parties)

    def test_party_that_becomes_another_program(self, parties: Coordinator) -> None:
        with soon(3.0), pytest.raises(PartyDied, match="bob's process closed its control channel"):
            parties.run(Cell("import os; os.execvp('sleep', ['sleep', '60'])", kind="party", targets=(1,)))
        works(parties)

    def test_party_killed_while_it_starts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        start = LocalLauncher.start

        def start_and_kill(launcher: LocalLauncher, index: int) -> ProcessParty:
            party = start(launcher, index)
            if index == 1:
                os.kill(party.pid, signal.SIGKILL)
            return party

        with unchanged(), Coordinator(NAMES) as parties:
            with monkeypatch.context() as patch:
                patch.setattr(LocalLauncher, "start", start_and_kill)
                with soon(), pytest.raises(PartyDied, match=r"bob's process killed by signal 9 \(SIGKILL\) while it was starting"):
                    parties.start()
            works(parties)

    def test_party_killed_while_all_are_told_to_end(self) -> None:
        with unchanged():
            parties = Coordinator(NAMES)
            parties.start()
            os.kill(pid_of(parties, "carol"), signal.SIGSTOP)  # it cannot hear
            later(0.05, kill_if_alive, pid_of(parties, "carol"), signal.SIGKILL)
            with soon():
                parties.stop()

    def test_all_parties_die_at_once(self, parties: Coordinator) -> None:
        deaf = "import os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})\n"  # whoever is slower is not stopped before it dies
        with soon(), pytest.raises(PartyDied, match="have been started anew"):
            parties.run(Cell(deaf + "import time\ntime.sleep(0.3)\nos._exit(1)"))  # by then all have begun
        works(parties)

    def test_sys_exit_ends_the_cell_and_not_the_party(self, parties: Coordinator) -> None:
        pid = pid_of(parties, "bob")
        with pytest.raises(PartyFailed, match=r"SystemExit in bob at line 1: the cell called sys.exit\(4\)"):
            parties.run(Cell("import sys; sys.exit(4)", kind="party", targets=(1,)))
        assert pid == pid_of(parties, "bob")
        works(parties)


class TestDeafness:
    def test_party_stopped_for_ever(self) -> None:
        with unchanged(), Coordinator(NAMES, silence_seconds=1.5) as parties:
            parties.run(GIVE)
            os.kill(pid_of(parties, "bob"), signal.SIGSTOP)
            with soon(4.5), pytest.raises(PartyUnresponsive, match="bob did not answer"):
                parties.run(PRODUCT)
            works(parties)

    def test_a_party_that_does_not_answer_is_spoken_of_before_it_is_given_up(self, parties: Coordinator) -> None:
        pid, said = pid_of(parties, "bob"), []
        os.kill(pid, signal.SIGSTOP)
        later(5.0, os.kill, pid, signal.SIGCONT)
        assert 49 == parties.run(PRODUCT, progress=said.append).outputs["total"]
        quiet = [each for each in said if each.silent_seconds]
        assert {"bob"} == {each.party for each in quiet}
        assert 3.0 <= quiet[0].silent_seconds < 4.5

    def test_long_native_call_is_not_silence(self) -> None:
        with unchanged(), Coordinator(NAMES, silence_seconds=1.0) as parties:
            parties.run(Cell("n = sum(range(100_000_000))", kind="party", targets=(0,)))

    def test_timeout_says_where_each_party_was(self, parties: Coordinator) -> None:
        with (
            soon(2.4),
            pytest.raises(CellTimeout, match="longer than 1.2 s: alice was computing; bob waited at line 3 for .*; carol waited"),
        ):
            parties.run(
                Cell("import time\nif mpc.party == 'alice': time.sleep(30)\nmpc.reveal(mpc.input('pay', owner='alice'))"), timeout=1.2
            )
        works(parties)


class TestErrors:
    def test_exception_in_one_party_only(self, parties: Coordinator) -> None:
        source = "y = 1\nif mpc.party == 'alice':\n    y / 0\nmpc.reveal(mpc.input('pay', owner='alice'))"
        with soon(1.0), pytest.raises(PartyFailed, match="ZeroDivisionError in alice at line 3: division by zero") as caught:
            parties.run(Cell(source))
        assert ("alice", "ZeroDivisionError", 3) == (caught.value.party, caught.value.kind, caught.value.line)
        assert "y / 0" in caught.value.remote
        works(parties)

    def test_same_exception_everywhere_is_told_once(self, parties: Coordinator) -> None:
        with soon(1.0), pytest.raises(PartyFailed, match="ZeroDivisionError in all parties at line 1"):
            parties.run(Cell("1 / 0"))

    def test_misuse_keeps_its_class(self, parties: Coordinator) -> None:
        with pytest.raises(MisuseError, match="in all parties at line 1"):
            parties.run(Cell("bool(mpc.input('pay', owner='alice'))"))
        works(parties)

    def test_failed_cell_changes_nothing(self, parties: Coordinator) -> None:
        with pytest.raises(PartyFailed):
            parties.run(Cell("pay = 8\nif mpc.party == 'bob': 1 / 0"))
        assert 49 == parties.run(PRODUCT).outputs["total"]

    def test_other_shape(self, parties: Coordinator) -> None:
        source = "n = 11 if mpc.party == 'bob' else 10\n\nmpc.reveal(mpc.input('pay', owner='alice') * np.arange(n))"
        with soon(1.0), pytest.raises(ProgramMismatch, match=r"\(1[01],\).*at line 3.*\(1[01],\).*at line 3"):
            parties.run(Cell(source))
        works(parties)

    def test_one_more_round_in_one_party(self, parties: Coordinator) -> None:
        source = "x = mpc.input('pay', owner='alice')\nmpc.reveal(x)\nif mpc.party == 'carol':\n    mpc.reveal(x)"
        with (
            soon(1.5),
            pytest.raises(ProgramMismatch, match="carol waits at line 4 .* who has already finished|has already finished the cell"),
        ):
            parties.run(Cell(source))
        works(parties)

    def test_other_step(self, parties: Coordinator) -> None:
        source = "x = mpc.input('pay', owner='alice')\nif mpc.party == 'carol':\n    x * x\nelse:\n    mpc.reveal(x)"
        with soon(1.5), pytest.raises(ProgramMismatch, match="line [35].*line [35]"):
            parties.run(Cell(source))
        works(parties)

    def test_memory_that_cannot_be_had(self, parties: Coordinator) -> None:
        limit = "import resource\nroom = int(open('/proc/self/statm').read().split()[0]) * 4096 + (1 << 28)\n"
        source = limit + "resource.setrlimit(resource.RLIMIT_AS, (room, room))\nbig = np.ones(1 << 30)"
        with soon(), pytest.raises(PartyOutOfMemory, match="in carol at line 4: .*8.00 GiB"):
            parties.run(Cell(source, kind="party", targets=(2,)))
        works(parties)


    def test_a_gadget_that_runs_out_of_memory_in_one_party(self, parties: Coordinator) -> None:
        limit = "import resource\nroom = int(open('/proc/self/statm').read().split()[0]) * 4096 + (1 << 25)\n"
        parties.run(Cell("many = np.arange(4_000_000)", kind="party", targets=(0,)))
        parties.run(Cell(limit + "resource.setrlimit(resource.RLIMIT_AS, (room, room))", kind="party", targets=(2,)))
        with soon(), pytest.raises(PartyOutOfMemory, match=r"in carol at line 1 \(gadgets: .*allocate"):
            parties.run(Cell("x = mpc.input('many', owner='alice')\ny = x * x"))
        works(parties)

    def test_checksums_are_asked_for_by_the_cell(self, parties: Coordinator) -> None:
        assert 49 == parties.run(replace(PRODUCT, checksums=True)).outputs["total"]

    def test_frames_that_announce_too_much_are_refused_before_allocation(self, parties: Coordinator) -> None:
        forge = (
            "from ramp_notebook.wire import frames\nx = mpc.reveal(mpc.input('pay', owner='alice'))\n"
            "if mpc.party == 'alice':\n"
            "    link = mpc.context.links._links[1]\n"
            "    form = frames.form('forged', np.dtype('uint64'), (1,))\n"
            "    link.sock.sendall(frames.encode(form, link.epoch, link.sent, 1, 9, 0, 1 << 29, None))\n"
            "mpc.reveal(mpc.input('pay', owner='alice'))"
        )
        with soon(), pytest.raises(RampError, match="alice .*bob"):
            parties.run(Cell(forge))
        works(parties)


class TestWhatCellsStart:
    def test_processes_that_a_cell_leaves_behind_end_with_the_party(self, parties: Coordinator) -> None:
        parties.run(Cell("import subprocess\nsubprocess.Popen(['sleep', '60'])\nNone", kind="party", targets=(0,)))
        parties.run(Cell("import os\npid = os.fork()\nif pid == 0:\n    import time; time.sleep(60)", kind="party", targets=(1,)))
        parties.run(Cell("import os\nif os.fork() == 0:\n    pass", kind="party", targets=(2,)))
        assert any("sleep" in process.name() for process in descendants())
        works(parties)

    def test_party_that_dies_with_children(self, parties: Coordinator) -> None:
        source = "import os, subprocess\nsubprocess.Popen(['sleep', '61'])\nos._exit(0)"
        with pytest.raises(PartyDied, match="exited with code 0"):
            parties.run(Cell(source, kind="party", targets=(0,)))
        assert not [process for process in descendants() if "sleep" in process.name()]


class TestInterrupts:
    @pytest.mark.parametrize(
        "source",
        [
            "while True: pass",
            "import time\ntime.sleep(60)",
            "if mpc.party == 'alice':\n    while True: pass\nmpc.reveal(mpc.input('pay', owner='alice'))",
            CHAIN,
        ],
        ids=["loop", "sleep", "blocked", "exchanging"],
    )
    def test_interrupt_is_prompt_and_keeps_the_parties(self, parties: Coordinator, source: str) -> None:
        pids = [state.pid for state in parties.status()]
        later(0.3, os.kill, os.getpid(), signal.SIGINT)
        with soon(1.3), pytest.raises(KeyboardInterrupt) as caught:
            parties.run(Cell(source))
        assert NAMES == [note.split()[0] for note in caught.value.__notes__], "one line for each party's position"
        assert pids == [state.pid for state in parties.status()]
        assert 49 == parties.run(PRODUCT).outputs["total"]

    def test_cell_that_catches_everything_is_ended(self, parties: Coordinator) -> None:
        later(0.3, os.kill, os.getpid(), signal.SIGINT)
        with soon(1.4), pytest.raises(KeyboardInterrupt):
            parties.run(Cell("while True:\n    try:\n        while True: pass\n    except Exception: pass", kind="party", targets=(0,)))
        works(parties)

    def test_two_interrupts_in_quick_succession(self, parties: Coordinator) -> None:
        presses = [later(delay, os.kill, os.getpid(), signal.SIGINT) for delay in (0.3, 0.32)]
        with soon(1.5), pytest.raises(KeyboardInterrupt):
            try:
                parties.run(Cell("import time\ntime.sleep(60)"))
            finally:
                for press in presses:  # the second one may come when the cell has already been stopped
                    press.join()
        works(parties)

    def test_interrupt_from_another_thread(self, parties: Coordinator) -> None:
        later(0.2, parties.interrupt)
        with soon(1.2), pytest.raises(KeyboardInterrupt):
            parties.run(Cell("import time\ntime.sleep(60)"))
        works(parties)
