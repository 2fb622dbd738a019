"""Cheating on purpose: what the switch changes, what is told of it, what it leaves behind, and what it refuses."""

import pytest
from ramp_notebook.kernel_ext.listings import status

from ramp_notebook.errors import CheatingDetected, OptionError, ProgramMismatch, RampError
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.options import check
from ramp_notebook.runtime.plan import plan_cell
from ramp_notebook.wire.cheats import Cheat, parse
from ramp_notebook.wire.mutations import HOWS

NAMES = ["alice", "bob", "carol"]
PRODUCT = 'z = mpc.reveal(mpc.input("x", owner="alice") * mpc.input("y", owner="carol"))'
INPUTS = {0: {"x": 3}, 2: {"y": 5}}


@pytest.fixture(scope="module")
def parties():
    with Coordinator(NAMES, launcher="inline") as coordinator:
        yield coordinator


@pytest.fixture(scope="module")
def pair():
    with Coordinator(NAMES[:2], launcher="inline") as coordinator:
        yield coordinator


def outcome_of(parties, cell):
    """(error, result), one of them None."""
    try:
        return None, parties.run(cell)
    except RampError as problem:
        return problem, None


def product(*cheats, protocol="additive", source=PRODUCT):
    return Cell(source, protocol=protocol, inputs=INPUTS, cheats=tuple(parse(text, NAMES) for text in cheats))


def test_a_cheater_in_the_semi_honest_world_changes_the_result_and_nobody_notices(parties):
    run = Run.of(parties.run(product("bob:reveal")))
    assert run.outputs["z"] == 16
    assert "a party cheats on purpose" in run.label.text()
    assert "cheated on purpose: bob at line 1, `reveal` to alice, carol: add one" in run.report.splitlines()


def test_a_cell_may_ask_for_it_from_some_line_on(parties):
    source = PRODUCT + '\nmpc.cheat(party="bob", at="reveal", how="add one", nth=2)\nw = [mpc.reveal(mpc.public(k)) for k in (7, 8, 9)]'
    run = Run.of(parties.run(product(source=source)))
    assert (run.outputs["z"], run.outputs["w"]) == (15, [7, 9, 9])
    assert run.cheated == ("bob at line 3, `reveal` to alice, carol: add one",)


@pytest.mark.parametrize(("protocol", "cheats"), [("replicated", ["bob:multiply", "bob:reveal"]), ("additive", ["carol:multiply"]), ("shamir", ["bob:reveal"])])
def test_what_honest_parties_believe_is_shown_or_that_they_differ(protocol, cheats, parties):
    problem, result = outcome_of(parties, product(*cheats, protocol=protocol))
    if problem is None:
        assert result.outputs["z"] != 15
    else:
        assert "different values" in str(problem)
        assert "cheated on purpose" in str(problem)


def test_a_trace_shows_what_was_really_sent(parties):
    honest, twice = (parties.run(product(*cheats)).trace for cheats in ([], ["bob:reveal:duplicate"]))
    of_bob = [[m.receiver for m in trace.messages if m.tag == "reveal" and m.sender == 1] for trace in (honest, twice)]
    assert of_bob == [[0, 2], [0, 2, 0, 2]]
    assert parties.run(product()).outputs["z"] == 15  # what nobody awaited does not meet the next cell


def test_rushing_costs_a_round_and_changes_nothing_else(parties):
    honest, rushing = (Run.of(parties.run(product(*cheats))) for cheats in ([], ["bob:reveal:rush"]))
    assert rushing.outputs == honest.outputs
    assert rushing.cost.rounds == honest.cost.rounds + 1


def test_what_was_said_in_an_earlier_cell_can_be_replayed(parties):
    cheat = "bob:reveal:replay"
    first = parties.run(product(cheat))
    assert first.outputs["z"] == 15
    assert "was kept: the next one" in first.cheated[0]
    second = parties.run(product(cheat))
    assert second.outputs["z"] != 15
    assert "replay" in second.cheated[0]


def test_cancelling_cheats_leave_a_sum_right_and_its_parts_wrong(parties):
    source = "a, b = (mpc.reveal(mpc.public(k)) for k in (7, 8))"
    result = parties.run(product("bob:reveal:cancel:1", source=source))
    assert result.outputs["a"] != 7
    assert result.outputs["a"] + result.outputs["b"] == 15


def test_preprocessing_that_may_be_false_is_not_used_by_later_cells(parties):
    assert parties.run(product("bob:products")).outputs["z"] != 15
    assert parties.kept == {}
    assert parties.run(product()).outputs["z"] == 15


@pytest.mark.parametrize("how", [how for how in HOWS if how != "replay"])
@pytest.mark.parametrize("protocol", ["replicated", "garbled", "clear"])
def test_every_way_ends_in_a_result_or_an_error_of_the_family(protocol, how, parties, pair):
    cell = Cell(
        'z = mpc.reveal(mpc.input("x", owner="alice") * mpc.input("y", owner="bob"))', protocol=protocol,
        inputs={0: {"x": [3, 4]}, 1: {"y": [5, 6]}}, cheats=(Cheat("bob", "reveal", how),),
    )  # fmt: skip
    problem, result = outcome_of(pair if protocol == "garbled" else parties, cell)
    assert any("bob" in line for line in (problem.__notes__ if problem else result.cheated))


@pytest.mark.process
def test_processes_cheat_too_and_live_on():
    with Coordinator(NAMES) as parties:
        assert parties.run(product("bob:reveal")).outputs["z"] == 16
        assert parties.run(product("bob:any:duplicate", protocol="replicated")).outputs["z"] == 15
        assert parties.run(product(protocol="replicated")).outputs["z"] == 15
        with pytest.raises(ProgramMismatch) as told:
            parties.run(product("bob:reveal:silence"))
        assert told.value.__notes__ == ["cheated on purpose: bob at line 1, `reveal` to alice, carol: silence"]
        assert parties.run(product()).outputs["z"] == 15


def test_a_cheat_that_never_struck_says_what_there_is(parties):
    told = parties.run(product("bob:revael", "bob:reveal:flip:5")).cheated
    assert "bob:revael:add-one never struck" in told[0]
    assert "Did you mean reveal?" in told[0]
    assert "came only 1 times" in told[1]
    assert parties.run(product("bob:reveal:duplicate::carol")).cheated == ["bob at line 1, `reveal` to carol: duplicate"]


def test_a_plan_is_of_honest_parties():
    source = 'mpc.cheat("bob", how="duplicate")\n' + PRODUCT
    cheating, honest = (plan_cell(Cell(text, inputs=INPUTS), NAMES) for text in (source, PRODUCT))
    assert len(cheating.trace.messages) == len(honest.trace.messages)
    assert "a party cheats on purpose" in cheating.label.text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bbo:reveal", "alice, bob, carol.*Did you mean bob"),
        ("bob", "PARTY:STEP"),
        ("bob:reveal:filp", "Did you mean flip"),
        ("bob:reveal:flip:x", "number as NTH"),
        ("bob:reveal:flip:0", "counts from 1"),
        ("bob:reveal:flip:1:bob", "a peer of bob.*alice, carol"),
        ("bob:reveal:flip:1:carol:more", "PARTY:STEP"),
    ],
)
def test_a_cheat_that_cannot_be_names_what_exists(text, said):
    with pytest.raises(OptionError, match=said):
        check({"cheat": [text]}, {})


def test_cheating_is_no_matter_of_plans():
    with pytest.raises(OptionError, match="--cheat changes messages"):
        check({"cheat": ["bob:reveal"], "plan": True}, {})


def test_text_and_keywords_say_the_same():
    for cheat in (Cheat("bob"), Cheat("bob", "reveal", "flip high", 3, "carol"), Cheat("bob", "and", "zero", None, "alice")):
        assert parse(cheat.text(), NAMES) == cheat


def test_a_cheater_that_is_noticed_ends_the_parties_and_the_honest_ones_are_named(monkeypatch):
    from ramp_notebook import registry
    from ramp_notebook.protocols.checks import Checks
    from ramp_notebook.protocols.replicated import Replicated
    from ramp_notebook.protocols.security import Security
    from ramp_notebook.runtime.workspace import Workspace

    class Comparing(Replicated):
        """All compare what was revealed."""

        name, security = "comparing", Security("malicious with abort", 1, "3", "a test")

        def reveal(self, x, to, *, binary):
            value, checks = super().reveal(x, to, binary=binary), Checks(self.context)
            for peer in checks.peers:
                checks.alike(peer, value)
            checks.confirm("what was revealed", checks.compare())
            return value

    monkeypatch.setitem(registry.protocols._entries, "comparing", Comparing)
    workspace = Workspace()
    options = workspace.options({"protocol": "comparing", "launcher": "inline", "input": ["x@alice"], "cheat": ["bob:reveal"]})
    honest = workspace.options({"protocol": "comparing", "launcher": "inline", "input": ["x@alice"]})
    assert workspace.run(honest, 'z = mpc.reveal(mpc.input("x", owner="alice"))', {"x": 3}, workspace.new_filename()).outputs == {"z": 3}
    with pytest.raises(CheatingDetected) as told:
        workspace.run(options, 'z = mpc.reveal(mpc.input("x", owner="alice"))', {"x": 3}, workspace.new_filename())
    assert "the check of what was revealed failed" in str(told.value)
    assert "[in alice and carol at line 1 (gadgets: reveal)]" in str(told.value)
    assert told.value.__notes__ == ["cheated on purpose: bob at line 1, `reveal` to carol: add one"]
    assert "ended when cheating was noticed" in status(workspace)
    workspace.stop()
