"""What lives between cells, without a notebook: groups of parties, sticky options, the last Run."""

from collections.abc import Iterator

import pytest
from census import unchanged

from ramp_notebook.errors import MisuseError, MisuseValueError, OptionError, PartyFailed
from ramp_notebook.runtime.workspace import Workspace, targets_of

PRODUCT = "r = mpc.reveal(mpc.input('x', owner='alice') * 2)"


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with unchanged():
        workspace = Workspace()
        workspace.configure({"launcher": "inline"})
        yield workspace
        workspace.stop()


def run(workspace: Workspace, source: str, namespace: dict[str, object] | None = None, **given: object) -> object:
    return workspace.run(workspace.options(given), source, namespace or {}, workspace.new_filename())


def test_a_cell_with_an_input_of_the_notebook(workspace: Workspace) -> None:
    last = run(workspace, PRODUCT, {"x": 21}, input=["x@alice"])
    assert last is workspace.last
    assert {"r": 42} == last.outputs  # type: ignore[attr-defined]
    with pytest.raises(MisuseValueError, match="-i y@alice: the notebook has no variable `y`"):
        run(workspace, PRODUCT, {}, input=["y@alice"])


def test_groups_are_kept_apart_by_names_and_launcher_and_kept_warm(workspace: Workspace) -> None:
    for names in ("3", "ann,ben,cleo", "3"):
        run(workspace, "x = len(globals())", parties=names)
    assert [("alice", "bob", "carol"), ("ann", "ben", "cleo")] == [names for names, _ in workspace.groups]
    assert 2 == workspace.stop()
    assert 0 == workspace.stop()


def test_every_cell_has_a_file_name_of_its_own(workspace: Workspace) -> None:
    assert ["<mpc cell 1>", "<mpc cell 2>"] == [workspace.new_filename(), workspace.new_filename()]


def test_settings_stay_until_they_are_forgotten(workspace: Workspace) -> None:
    workspace.configure({"protocol": "clear"})
    assert "clear" == workspace.options({}).protocol
    workspace.configure({"protocol": ""})
    assert "replicated" == workspace.options({}).protocol
    with pytest.raises(OptionError, match="no setting 'seed'"):
        workspace.configure({"seed": "00"})


def test_shapes_belong_to_plans(workspace: Workspace) -> None:
    planned = run(workspace, PRODUCT, plan=True, shape=["x@alice=10:fixed"])
    assert planned.planned  # type: ignore[attr-defined]
    assert planned.cost.rounds > 0  # type: ignore[attr-defined]
    with pytest.raises(OptionError, match="add --plan"):
        run(workspace, PRODUCT, shape=["x@alice=10"])


def test_a_failed_cell_leaves_the_last_run_and_shows_its_prints(workspace: Workspace) -> None:
    before = run(workspace, "x = 1")
    with pytest.raises(PartyFailed):
        run(workspace, "print('so far')\n1 / 0")
    assert before is workspace.last
    assert [(None, "so far\n")] == workspace.printed


def test_who_a_party_line_names() -> None:
    parties = ("alice", "bob", "carol")
    assert parties == targets_of("all", parties)
    assert ("bob", "alice") == targets_of("bob, alice bob  # two of them", parties)
    with pytest.raises(OptionError, match="no party 'eve'; the parties are alice, bob, carol"):
        targets_of("alice,eve", parties)
    with pytest.raises(MisuseError, match="takes the name of a party"):
        targets_of("# nobody", parties)


def test_settings_that_do_not_go_together_are_refused_as_a_whole():
    workspace = Workspace()
    workspace.configure({"preprocessing": "silent"})
    with pytest.raises(OptionError, match="`spdz2k` takes --preprocessing ot or dealer; from `silent` it cannot"):
        workspace.configure({"charts": "none", "protocol": "spdz2k"})
    assert {"preprocessing": "silent"} == workspace.sticky
    workspace.configure({"protocol": "spdz2k", "preprocessing": "ot"})
    assert {"protocol": "spdz2k", "preprocessing": "ot"} == workspace.sticky
