"""The magics as a user types them, in a shell of this process."""

import pytest
from IPython.core.interactiveshell import InteractiveShell


@pytest.fixture(scope="module")
def shell():
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "ramp_notebook")
    shell.run_line_magic("mpc", "config launcher=inline")
    yield shell
    shell.run_line_magic("unload_ext", "ramp_notebook")


def cell(shell, line, body):
    return shell.run_cell_magic("mpc", line, body)


def test_a_first_notebook(shell, capsys):
    for party, salary in (("alice", 91_000), ("bob", 78_000), ("carol", 83_500)):
        shell.run_cell_magic("party", f"{party}  # only there", f"salary = {salary}")
    run = cell(shell, "-o run", '# a comment first\nsalaries = np.stack(mpc.inputs("salary"))\ntop = mpc.reveal(gadgets.max(salaries))')
    assert 91_000 == shell.user_ns["top"] == run.outputs["top"]
    assert run is shell.user_ns["run"]
    assert "secret int64, shape (3,)" in repr(shell.user_ns["salaries"])
    assert "salary" not in shell.user_ns
    assert "semi-honest, 1 of 3" in repr(run)
    with pytest.raises(TypeError, match="lives in the parties"):
        shell.user_ns["salaries"] + 1


def test_secrets_stay_for_the_next_cell(shell):
    assert 252_500 == cell(shell, "", "total = mpc.reveal(salaries.sum())").outputs["total"]


def test_prints_come_once_or_under_headings(shell, capsys):
    cell(shell, "--quiet", 'print("same")')
    assert "same\n" == capsys.readouterr().out
    cell(shell, "--quiet", "print(mpc.party)")
    assert "── alice\nalice\n── bob\nbob\n── carol\ncarol\n" == capsys.readouterr().out


def test_a_failed_cell_changes_nothing_and_points_at_its_line(shell):
    with pytest.raises(Exception, match="ZeroDivisionError in bob at line 3") as caught:
        cell(shell, "", 'top = 5\nif mpc.party == "bob": 1 / 0\nmpc.reveal(salaries)')
    shown = "\n".join(caught.value._render_traceback_())
    assert '---->   3 if mpc.party == "bob": 1 / 0' in shown
    assert "runtime/engine" not in shown
    assert 91_000 == shell.user_ns["top"]
    assert 91_000 == cell(shell, "", "again = top").outputs["again"]


def test_syntax_errors_have_their_line(shell):
    with pytest.raises(Exception, match="SyntaxError in all parties at line 3"):
        cell(shell, "", "x = 1\nx = = 2")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("--protokol clear", "did you mean --protocol"),
        ("--protocol cleer", "Did you mean clear"),
        ("--parties alice,alice", "different names"),
        ("--parties 2", "exactly three parties"),
        ("-i rate@dave", "no party 'dave'"),
        ("-i rate", "NAME@PARTY"),
        ("-i nothing@alice", "no variable `nothing`"),
        ("--shape x@alice=many", "NAME@PARTY=N"),
        ("--shape x@alice=5", "add --plan"),
        ("--network moon", "moon"),
        ("--charts pie", "no chart 'pie'"),
        ("--timeout soon", "number of seconds"),
        ("--seed xyz", "hexadecimal"),
        ("--launcher rocket", "no launcher 'rocket'"),
        ("-o 3x", "variable's name"),
    ],
)
def test_a_wrong_option_fails_the_cell_with_one_line(shell, line, complaint):
    with pytest.raises(Exception, match=complaint) as caught:
        cell(shell, line, "x = 1")
    assert 1 == len(caught.value._render_traceback_())


def test_one_value_goes_to_one_party(shell):
    shell.user_ns["rate"] = 7
    assert 49 == cell(shell, "-i rate@bob", 'r = mpc.input("rate", owner="bob")\nsquare = mpc.reveal(r * r)').outputs["square"]
    with pytest.raises(Exception, match="belongs to bob"):
        cell(shell, "", "x = rate + 1")


def test_notebook_functions_travel_and_data_do_not(shell):
    shell.run_cell(
        "import math\ndef double(x): return twice(x)\ndef twice(x): return x * 2\nfactor = 3\ndef scaled(x): return x * factor\n"
    )
    assert 182_000 == cell(shell, "", "d = mpc.reveal(double(salaries)[0])").outputs["d"]
    with pytest.raises(Exception, match="`scaled` uses `factor`, data of the notebook"):
        cell(shell, "", "d = scaled(salaries)")


def test_a_plan_runs_nothing_and_knows_any_size(shell):
    run = cell(shell, "--plan --shape ips@alice=1_000_000_000", 'few = mpc.reveal(mpc.input("ips") < 3)')
    assert run.planned
    assert 7.5e9 < run.cost.gadget("input").sent_bytes < 8.5e9
    assert "few" not in run.outputs


def test_seeded_runs_repeat_and_say_so(shell):
    values = [cell(shell, "--seed 00ff", "v = mpc.reveal(mpc.random(3))") for _ in range(2)]
    assert values[0].outputs["v"].tolist() == values[1].outputs["v"].tolist()
    assert "seeded test" in values[0].label.text()


def test_labels_outlive_cells(shell):
    cell(shell, "--seed 01", "drawn = mpc.random(3)")
    assert "seeded test" in cell(shell, "", "shown = mpc.reveal(drawn)").label.text()


def test_a_network_adds_the_predicted_time(shell):
    assert "on satellite" in repr(cell(shell, "--network satellite", "z = mpc.reveal(salaries)"))


def test_the_protocol_can_change_for_new_secrets_only(shell):
    with pytest.raises(Exception, match="another protocol"):
        cell(shell, "--protocol clear", "z = mpc.reveal(salaries)")
    assert "cleartext reference" in cell(shell, "--protocol clear", 'z = mpc.reveal(mpc.input("salary", owner="bob"))').label.text()


@pytest.mark.parametrize("command", ["status", "config", "protocols", "gadgets", "gadgets sort", "networks", "help", "--help"])
def test_line_commands_print_the_same_each_time(shell, command, capsys):
    shell.run_line_magic("mpc", command)
    first = capsys.readouterr().out
    shell.run_line_magic("mpc", command)
    assert first == capsys.readouterr().out != ""


def test_settings_stay_until_reset(shell, capsys):
    shell.run_line_magic("mpc", "config network=wan")
    assert "on wan" in repr(cell(shell, "", "z = mpc.reveal(salaries)"))
    with pytest.raises(Exception, match="colour"):
        shell.run_line_magic("mpc", "config colour=red")
    shell.run_line_magic("mpc", "config network=none")


def test_options_complete(shell):
    complete = shell._ramp_notebook.completion.candidates
    assert ["--parties"] == complete("%%mpc --pa")
    assert ["replicated"] == complete("%%mpc --protocol re")
    assert ["carol"] == complete("%%party ca")
    assert {"start", "status", "stop"} == set(complete("%mpc st"))


def test_unknown_commands_and_parties_are_named(shell):
    with pytest.raises(Exception, match="no such command"):
        shell.run_line_magic("mpc", "dance")
    with pytest.raises(Exception, match="no party 'dave'"):
        shell.run_cell_magic("party", "dave", "x = 1")


def test_loading_twice_is_loading_once_and_unloading_takes_all(shell):
    shell.run_line_magic("reload_ext", "ramp_notebook")
    assert "mpc" in shell.magics_manager.magics["cell"]
