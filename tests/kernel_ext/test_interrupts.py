"""Ctrl-C at any moment of a session: while parties start, agree on links, move large arrays, while a result is drawn, and at the end."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from census import unchanged
from IPython.core.interactiveshell import InteractiveShell

from ramp_notebook.report import pictures

pytestmark = [pytest.mark.process, pytest.mark.slow]
SOAK = pytest.mark.soak
TWICE_SECONDS = 0.05  # between two presses in quick succession


class Session:
    """A notebook's shell, and what a user does in it from the start of parties to their end."""

    def __init__(self, items: int):
        self.shell, self.items = InteractiveShell.instance(), items
        self.shell.run_line_magic("load_ext", "ramp_notebook")

    def from_start_to_end(self) -> None:
        shell = self.shell
        shell.run_line_magic("mpc", "restart")
        shell.run_cell_magic("party", "alice", f"many = np.arange({self.items})")
        shell.run_cell_magic("mpc", "--quiet -o run", "x = mpc.input('many', owner='alice')\ns = mpc.reveal(x * x)")
        run = shell.user_ns["run"]
        run._repr_mimebundle_()
        list(pictures(run))
        shell.run_line_magic("mpc", "stop")

    def works(self) -> None:
        self.shell.run_cell_magic("party", "alice", "few = 6")
        self.shell.run_cell_magic("mpc", "--quiet", "product = mpc.reveal(mpc.input('few', owner='alice') * 7)")
        assert 42 == self.shell.user_ns["product"]


@pytest.fixture
def session(items: int) -> Iterator[Session]:
    session = Session(items)
    yield session
    session.shell.run_line_magic("unload_ext", "ramp_notebook")
    session.shell.reset()


def pressed_at(moments: list[float], session: Session) -> list[float]:
    """Press Ctrl-C at these moments of a session that goes on for ever; seconds from each press to the prompt."""
    pressed: list[float] = []

    def press() -> None:
        start = time.monotonic()
        for moment in moments:
            time.sleep(max(0.0, start + moment - time.monotonic()))
            pressed.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    prompt = 0.0
    try:
        pressing.start()
        try:
            while True:
                session.from_start_to_end()
        finally:
            prompt = time.monotonic()
            pressing.join()  # the second may come when the first has already given the prompt back
    except KeyboardInterrupt:
        pressing.join()
    return [prompt - each for each in pressed if each < prompt]


@pytest.mark.parametrize(
    ("way", "moments", "items"),
    [
        (("forkserver", "unix"), 200, 1_000_000),
        pytest.param(("forkserver", "unix"), 200, 16_000_000, marks=SOAK),
        pytest.param(("spawn", "tcp"), 200, 1_000_000, marks=SOAK),
    ],
)
def test_interrupts_at_random_moments(
    session: Session, way: tuple[str, str], moments: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAMP_START_METHOD", way[0])
    monkeypatch.setenv("RAMP_TRANSPORT", way[1])
    session.from_start_to_end()
    start = time.monotonic()
    session.from_start_to_end()
    whole = time.monotonic() - start
    chance = random.Random(7)
    first, second = [], []
    with unchanged():
        for number in range(moments):
            moment = chance.uniform(0, whole)
            waits = pressed_at([moment, moment + TWICE_SECONDS] if number % 3 == 0 else [moment], session)
            session.works()
            session.shell.run_line_magic("mpc", "stop")
            first += waits[:1]
            second += waits[1:]
    with capsys.disabled():
        print(f"\n{len(first)} presses within {whole:.2f} s: prompt after {max(first):.3f} s at most, after a second {max(second, default=0):.3f} s")
    assert moments == len(first)
    assert max(first) < 1.0
    assert max(second, default=0.0) < 0.5
