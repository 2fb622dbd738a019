"""Cells in two phases: run everywhere, then committed everywhere or nowhere. Parties are threads here; faults have their own file."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from census import unchanged

from ramp_notebook.errors import MisuseError, MisuseValueError, PartyFailed, RampError
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.engine import Engine

NAMES = ["alice", "bob", "carol"]


@pytest.fixture
def parties() -> Iterator[Coordinator]:
    with unchanged(), Coordinator(NAMES, "inline") as coordinator:
        yield coordinator


def test_what_all_parties_know_comes_back_and_what_one_knows_stays(parties: Coordinator) -> None:
    result = parties.run(Cell("same = 3\nown = mpc.party\nsecret = mpc.random(2)\n_hidden = 1\n"))
    assert {"same": 3} == result.outputs
    assert ["secret"] == list(result.secrets)
    assert {"alice": "'alice'", "bob": "'bob'", "carol": "'carol'"} == parties.run(Cell("own", kind="party")).last_values


def test_a_cell_at_some_parties_says_nothing_about_the_others(parties: Coordinator) -> None:
    result = parties.run(Cell("x = 5\nprint('here')", kind="party", targets=(1,)))
    assert ({}, [("bob", "here\n")]) == (result.outputs, result.printed)
    assert [False, True, False] == ["x" in state.names for state in parties.status()]


def test_namespaces_are_as_before_after_a_failed_cell(parties: Coordinator) -> None:
    parties.run(Cell("kept = 1"))
    with pytest.raises(PartyFailed):
        parties.run(Cell("kept = 2\nnew = 3\nif mpc.party == 'carol': 1 / 0"))
    assert {"seen": (1, False)} == parties.run(Cell("seen = (kept, 'new' in globals())")).outputs
    assert [("kept", "seen")] * 3 == [state.names for state in parties.status()]


def test_inputs_are_data_at_their_party_and_shapes_elsewhere(parties: Coordinator) -> None:
    inputs = {1: {"x": np.arange(4)}}
    result = parties.run(Cell("kind = type(x).__name__ if mpc.party != 'bob' else 'Private'\nr = mpc.reveal(mpc.input('x', owner='bob'))", inputs=inputs))
    assert "Private" == result.outputs["kind"]
    assert [0, 1, 2, 3] == result.outputs["r"].tolist()


def test_printed_text_is_kept_when_the_cell_fails(parties: Coordinator) -> None:
    with pytest.raises(PartyFailed):
        parties.run(Cell("print('so far')\n1 / 0"))
    assert [(None, "so far\n")] == parties.printed


@pytest.mark.parametrize("names", [[], ["alice", "alice"]])
def test_parties_need_different_names(names: list[str]) -> None:
    with pytest.raises(MisuseValueError, match="different names"):
        Coordinator(names)


def test_a_cell_for_a_party_that_is_not_there_is_refused(parties: Coordinator) -> None:
    with pytest.raises(MisuseValueError, match="there are 3 parties"):
        parties.run(Cell("x = 1", kind="party", targets=(3,)))


def test_inputs_that_cannot_travel_are_refused(parties: Coordinator) -> None:
    with pytest.raises(MisuseError, match="an input for alice cannot be sent .* give arrays, numbers, text or lists"):
        parties.run(Cell("x", inputs={0: {"x": threading.Lock()}}))
    assert {"y": 1} == parties.run(Cell("y = 1")).outputs


def test_one_cell_at_a_time(parties: Coordinator) -> None:
    parties.start()
    thread = threading.Thread(target=lambda: parties.run(Cell("import time; time.sleep(0.3)")))
    thread.start()
    time.sleep(0.1)
    with pytest.raises(MisuseError, match="running a cell already"):
        parties.run(Cell("x = 1"))
    thread.join()
    assert {"x": 1} == parties.run(Cell("x = 1")).outputs


def test_parties_that_were_stopped_start_again_empty(parties: Coordinator) -> None:
    parties.run(Cell("x = 1"))
    parties.stop()
    parties.stop()
    assert [()] * 3 == [state.names for state in parties.status()]
    with pytest.raises(PartyFailed, match="NameError"):
        parties.run(Cell("x"))


class Disagreeing(Engine):
    """A planted fault: this engine's parties saw different values revealed."""

    def run(self, *args: object, **more: object) -> object:  # type: ignore[override]
        outcome = super().run(*args, **more)  # type: ignore[arg-type]
        outcome.revealed_digest += str(self.links.index)
        return outcome


class Forgetting(Engine):
    """A planted fault: a message that went over the wire is missing in the trace."""

    def run(self, *args: object, **more: object) -> object:  # type: ignore[override]
        outcome = super().run(*args, **more)  # type: ignore[arg-type]
        if self.links.index == 1:
            outcome.record["sent"].pop()
        return outcome


@pytest.mark.parametrize(("engine", "complaint"), [(Disagreeing, "revealed different values"), (Forgetting, "bob's trace has .* but the wire carried")])
def test_results_that_do_not_add_up_are_never_shown(engine: type, complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ramp_notebook.runtime.engine.Planted", engine, raising=False)
    with unchanged(), Coordinator(NAMES, "inline", engine="ramp_notebook.runtime.engine:Planted") as parties:
        with pytest.raises(RampError, match=complaint):
            parties.run(Cell("r = mpc.reveal(mpc.random(3))"))
        assert [()] * 3 == [state.names for state in parties.status()]
