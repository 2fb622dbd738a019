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
        ("--proto clear", "did you mean --protocol"),
        ("--timeout", "expected one argument"),
        ("'unclosed", "No closing quotation"),
        ("something", "unrecognized arguments: something"),
        ("--protocol cleer", "Did you mean clear"),
        ("--parties alice,alice", "different names"),
        ("--parties 2", "exactly three parties; this cell has 2.*additive or garbled"),
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
        ("--preprocessing guess", "no source 'guess'; there are: auto, ot, silent"),
        ("-o 3x", "variable's name"),
    ],
)
def test_a_wrong_option_fails_the_cell_with_one_line(shell, line, complaint):
    assert not shell.run_cell(f"%%mpc {line}\nx = 1").success  # IPython's own UsageError would pass as a success
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
    with pytest.raises(Exception, match="shared under `replicated` and this cell runs `clear`"):
        cell(shell, "--protocol clear", "z = mpc.reveal(salaries)")
    assert "cleartext reference" in cell(shell, "--protocol clear", 'z = mpc.reveal(mpc.input("salary", owner="bob"))').label.text()


@pytest.mark.process
def test_separation_is_verified_on_request(shell, capsys):
    shell.run_line_magic("mpc", "verify separation --parties ann,ben,cem")
    assert capsys.readouterr().out.endswith("separate\n")
    with pytest.raises(Exception, match="takes `separation`"):
        shell.run_line_magic("mpc", "verify everything")


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
    assert ["replicated", "replicated-malicious"] == complete("%%mpc --protocol re")
    assert ["carol"] == complete("%%party ca")
    assert {"start", "status", "stop"} == set(complete("%mpc st"))


@pytest.mark.filterwarnings("ignore::IPython.core.completer.ProvisionalCompleterWarning")
def test_options_complete_where_a_notebook_asks(shell):
    assert ["replicated", "replicated-malicious"] == shell.complete("re", "%%mpc --protocol re", 19)[1]
    assert ["--seed", "--shape", "--store"] == sorted(shell.complete("--s", "%%mpc --s", 9)[1])
    complete = shell._ramp_notebook.completion.candidates
    assert ["rate@alice", "rate@bob", "rate@carol"] == complete("%%mpc -i rate@")
    assert ["wan"] == complete("%%mpc --network w")
    assert ["x@bob=5:fixed"] == complete("%%mpc --plan --shape x@bob=5:f")
    assert ["inline"] == complete("%mpc start --launcher in")
    assert ["silent"] == complete("%%mpc --preprocessing s")
    assert ["protocol="] == complete("%mpc config pro")
    assert [] == complete("print(--pro")


@pytest.mark.parametrize("line", ["# a comment", "--quiet   # a comment", "--timeout 5 # five"])
def test_comments_end_a_magic_line(shell, line):
    cell(shell, line, "x = 1")


def test_help_comes_instead_of_a_run(shell, capsys):
    before = shell._ramp_notebook.workspace.last
    assert cell(shell, "--help", "x = 1") is None
    assert "--protocol NAME" in capsys.readouterr().out
    assert before is shell._ramp_notebook.workspace.last
    assert shell.magics_manager.magics["cell"]["mpc"].__doc__.splitlines()[2].startswith("  %%mpc [--parties NAMES]")


def test_a_wrong_option_prints_nothing_of_the_cell_before(shell, capsys):
    cell(shell, "--quiet", 'print("before")')
    capsys.readouterr()
    with pytest.raises(Exception, match="mean --protocol"):
        cell(shell, "--protokol clear", "x = 1")
    assert "" == capsys.readouterr().out


def test_what_a_failed_cell_printed_is_shown(shell, capsys):
    with pytest.raises(Exception, match="ZeroDivisionError"):
        cell(shell, "", 'print("so far")\n1 / 0')
    assert "so far\n" == capsys.readouterr().out


def test_party_cells_show_their_last_value(shell, capsys):
    shell.run_cell_magic("party", "alice, bob", 'print("at work")\nsalary + 1')
    assert "── alice\nat work\n91001\n── bob\nat work\n78001\n" == capsys.readouterr().out
    shell.run_cell_magic("party", "carol", "# only a comment\nNone")
    assert "" == capsys.readouterr().out
    with pytest.raises(Exception, match="ZeroDivisionError in bob at line 3") as caught:
        shell.run_cell_magic("party", "bob", "x = 1\n1 / 0")
    assert ["%%party bob", "x = 1", "1 / 0"] == [line[10:] for line in caught.value._render_traceback_()[2:5]]
    with pytest.raises(Exception, match="takes the name of a party"):
        shell.run_cell_magic("party", "", "x = 1")


def test_party_cells_never_touch_the_notebook(shell):
    shell.user_ns["untouched"] = 1
    shell.run_cell_magic("party", "all", "untouched = 2\nelsewhere = 3")
    assert 1 == shell.user_ns["untouched"]
    assert "elsewhere" not in shell.user_ns


def test_status_names_things_and_shows_no_value(shell, capsys):
    shell.run_line_magic("mpc", "status")
    shown = capsys.readouterr().out
    assert "alice, bob, carol (inline)" in shown
    assert "salary (private int64)" in shown
    assert "salaries (secret int64, shape (3,))" in shown
    assert "top (known to all int64)" in shown
    assert "91000" not in shown


def test_a_plan_starts_nobody(shell, capsys):
    cell(shell, "--plan --parties ann,ben,cleo --shape x@ann=1000x20", 'z = mpc.reveal(mpc.input("x", owner="ann").sum())')
    shell.run_line_magic("mpc", "status")
    assert "ann" not in capsys.readouterr().out


def test_a_number_of_parties_gets_names(shell):
    run = cell(shell, "--protocol clear --parties 18", "everyone = list(mpc.parties)")
    assert ["alice", "bob", "carol", "dave"] == run.outputs["everyone"][:4]
    assert ["party17", "party18"] == run.outputs["everyone"][-2:]


def test_a_cell_stops_at_its_time_limit(shell):
    others = "--parties ann,ben,cleo --quiet"  # threads can only be asked to stop: these will be replaced
    with pytest.raises(Exception, match=r"longer than 0.3 s.*started anew"):
        cell(shell, f"{others} --timeout 0.3", "import time\ntime.sleep(1.5)")
    cell(shell, f"{others} -o run", "x = 1")
    assert 1 == shell.user_ns["run"].outputs["x"]


def test_checksums_change_no_result(shell):
    assert 252_500 == cell(shell, "--checksums", "total = mpc.reveal(salaries.sum())").outputs["total"]


def test_handles_explain_themselves_and_refuse(shell):
    handle = shell.user_ns["salaries"]
    for use in (bool, int, float, len, list, hash, lambda x: x + 1, lambda x: 1 - x, lambda x: x < 2, lambda x: x[0], lambda x: f"{x:d}"):
        with pytest.raises(TypeError, match="`salaries` is a secret that lives in the parties"):
            use(handle)
    with pytest.raises(AttributeError, match="Use it in a %%mpc cell"):
        handle.sum()
    import numpy as np

    with pytest.raises(TypeError):
        np.asarray(handle)


def test_overwriting_a_handle_does_no_harm(shell):
    cell(shell, "--quiet", 'kept = mpc.input("salary", owner="bob")')
    shell.user_ns["kept"] = None
    assert 78_000 == cell(shell, "", "k = mpc.reveal(kept)").outputs["k"]


@pytest.mark.parametrize("command", ["start --plan", "start --parties alice,alice", "config timeout=soon", "config protocol", "gadgets srot"])
def test_line_commands_refuse_what_they_do_not_take(shell, command):
    assert not shell.run_cell(f"%mpc {command}").success
    with pytest.raises(Exception, match="%mpc start takes|different names|number of seconds|takes name=value|Did you mean sort"):
        shell.run_line_magic("mpc", command)


@pytest.mark.parametrize("line", ["--parties alice,bob --protocol replicated", "--parties 2 --protocol fantastic-four"])
def test_parties_that_no_cell_could_use_are_not_started(shell, line):
    with pytest.raises(Exception, match="exactly (three|four) parties; this cell has 2. Take --parties (3|4), or for 2 take"):
        shell.run_line_magic("mpc", f"start {line}")
    assert "protocol" not in shell.magics_manager.registry["RampMagics"].workspace.sticky


def test_a_setting_can_be_forgotten(shell, capsys):
    shell.run_line_magic("mpc", "config timeout=9 quiet=true")
    assert "timeout       9  (set)" in capsys.readouterr().out
    shell.run_line_magic("mpc", "config timeout= quiet=")
    lines = capsys.readouterr().out.splitlines()
    assert "timeout       —" in lines
    assert len({len(line) - len(line.split(maxsplit=1)[1]) for line in lines}) == 1, "values stand in one column"


def test_unknown_commands_and_parties_are_named(shell):
    with pytest.raises(Exception, match="no such command; there are: start, stop"):
        shell.run_line_magic("mpc", "dance")
    with pytest.raises(Exception, match="no such command; did you mean `start`"):
        shell.run_line_magic("mpc", "strat")
    with pytest.raises(Exception, match="no party 'dave'"):
        shell.run_cell_magic("party", "dave", "x = 1")


def test_secrets_of_parties_that_ended_are_told_apart_from_data(shell, capsys):
    shell.run_line_magic("mpc", "restart")
    assert "3 parties ready: alice, bob, carol" in capsys.readouterr().out
    with pytest.raises(Exception, match="`salaries`, a secret that these parties do not hold.*Run again the cell that made it"):
        cell(shell, "", "total = mpc.reveal(salaries.sum())")
    shell.run_line_magic("mpc", "stop")
    shell.run_line_magic("mpc", "stop")
    assert "all parties ended\nno parties were running\n" == capsys.readouterr().out
    shell.run_line_magic("mpc", "status")
    assert "no parties are running" in capsys.readouterr().out


def test_loading_twice_is_loading_once_and_unloading_takes_all(shell):
    import sys
    import threading

    completer, matchers, stdout = shell.Completer, len(shell.Completer.custom_matchers), sys.stdout
    shell.run_line_magic("reload_ext", "ramp_notebook")
    shell.extension_manager.load_extension("ramp_notebook")
    assert matchers == len(completer.custom_matchers)
    assert {"mpc", "party"} <= shell.magics_manager.magics["cell"].keys()
    cell(shell, "--launcher inline --quiet", "x = 1")
    assert any("ramp party" in thread.name for thread in threading.enumerate())
    assert stdout is sys.stdout
    shell.run_line_magic("unload_ext", "ramp_notebook")
    assert not {"mpc", "party"} & (shell.magics_manager.magics["cell"].keys() | shell.magics_manager.magics["line"].keys())
    assert matchers - 1 == len(completer.custom_matchers)
    assert not any("ramp party" in thread.name for thread in threading.enumerate())
    shell.run_line_magic("load_ext", "ramp_notebook")


def test_correlated_randomness_is_prepared_by_name_and_by_cell(shell, capsys):
    line = "--parties alice,bob --protocol additive --launcher inline"
    prepare = f"prepare triples=20 bit_triples=65 {line}"
    run = shell.run_line_magic("mpc", prepare)
    assert "correlated randomness made and not used yet: 128 bit triples · 20 triples" in repr(run)
    assert not run.cost.by_phase["online"].messages
    again = shell.run_line_magic("mpc", f"prepare {line} bit_triples=65 triples=20")
    assert not again.cost.messages
    assert "correlated randomness in stock already: 128 bit triples · 20 triples" in repr(again)
    shell.run_line_magic("mpc", "status")
    assert "stock      128 bit triples · 20 triples (additive, ot)" in capsys.readouterr().out
    body = 'x = mpc.input("x", owner="alice")\nz = mpc.reveal(x * x)'
    shell.user_ns["x"] = 3
    assert "20 triples" not in repr(run := cell(shell, f"-i x@alice {line}", body))
    assert 9 == run.outputs["z"]
    ahead = cell(shell, f"--prepare --shape x@alice=30 {line}", body)
    assert "30 triples" in repr(ahead)
    assert 11 == ahead.supplies["triples"][0]  # 19 were left


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "takes what is to be made"),
        ("triplets=3", "got 'triplets=3'"),
        ("triples=many", "takes NUMBER, whole numbers from 1 on; got 'many'"),
        ("triples=0", "from 1 on"),
        ("matrix_triples=2x3", "takes ROWSxINNERxCOLUMNS"),
        ("triples=3 --protocol replicated", "`replicated` spends no correlated randomness.*what does: additive"),
    ],
)
def test_a_wrong_preparation_says_what_is_right(shell, words, complaint):
    with pytest.raises(Exception, match=complaint):
        shell.run_line_magic("mpc", f"prepare {words}")
