"""`ramp run`: a cell from a file, its data from files, its result as JSON."""

import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from ramp_notebook.cli import main
from ramp_notebook.cli.files import read_data
from ramp_notebook.errors import OptionError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_text_numbers_and_arrays_come_from_files(folder, capsys):
    (folder / "cell.py").write_text(
        'found = gadgets.int_to_ipv4(mpc.reveal(gadgets.intersection(mpc.inputs("ips", encode=gadgets.ipv4_to_int), bits=32)))\n'
        'total = mpc.reveal(mpc.input("x", owner="carol").sum())\nmean = mpc.reveal(gadgets.mean(mpc.input("t", owner="carol")))\n'
    )
    (folder / "a.txt").write_text("# feed\n1.2.3.4\n5.6.7.8\n\n")
    (folder / "b.txt").write_text("5.6.7.8\n9.9.9.9\n")
    np.save(folder / "x.npy", np.array([1, 2, 3]))
    (folder / "t.csv").write_text("value\n1\n3\n")
    data = ["-i", "ips@alice=a.txt", "-i", "ips@bob=b.txt", "-i", "x@carol=x.npy", "-i", "t@carol=t.csv"]
    assert 0 == main(["run", "cell.py", "--launcher", "inline", *data, "--json", "out.json"])
    out = json.loads((folder / "out.json").read_text())
    assert {"found": ["5.6.7.8"], "total": 6, "mean": 2.0} == out["outputs"]
    assert out["label"].startswith("semi-honest, 1 of 3")
    assert {"rounds", "messages", "sent_bytes"} <= out["cost"].keys()
    assert {"alice", "bob", "carol"} == out["cost"]["sent_bytes"].keys()
    assert out["seconds"] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["run", "missing.py"], 2, "no file missing.py"),
        (["run"], 2, "required: CELLFILE"),
        (["walk"], 2, "invalid choice: 'walk'"),
        (["run", "cell.py", "--protokol", "clear"], 2, "did you mean --protocol"),
        (["run", "cell.py", "--proto", "clear"], 2, "unrecognized arguments: --proto"),
        (["run", "cell.py", "-i", "x@alize=x.txt"], 2, "no party 'alize'.*Did you mean alice"),
        (["run", "cell.py", "-i", "x@alice=x.txt"], 2, "no file x.txt"),
        (["run", "cell.py", "-i", "x"], 2, "NAME@PARTY=FILE"),
        (["run", "cell.py", "--protocol", "clar"], 2, "Did you mean clear"),
        (["run", "cell.py", "--json", "no/where.json"], 2, "--json: there is no folder"),
        (["run", "magic.py"], 2, "begins with a %%mpc line"),
        (["run", "cell.py", "--launcher", "inline"], 1, "ZeroDivisionError in all parties at line 1.*---->   1 1 / 0"),
    ],
)
def test_what_goes_wrong_is_said_on_stderr(folder, arguments, code, complaint, capsys):
    (folder / "cell.py").write_text("1 / 0\n")
    (folder / "magic.py").write_text("%%mpc --protocol clear\nx = 1\n")
    assert code == main(arguments)
    shown = capsys.readouterr()
    assert "" == shown.out
    assert re.search(complaint, shown.err, re.DOTALL)
    assert code == 1 or 1 == shown.err.count("\n")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.txt", "# note\n1\n\n -2 \n", np.array([1, -2])),
        ("a.txt", "1\n2.5\n", np.array([1, 2.5])),
        ("a.txt", "# note\n42\n", np.array(42)),
        ("a.txt", "0.5", np.array(0.5)),
        ("a.txt", "1.2.3.4\n", np.array(["1.2.3.4"])),
        ("a.csv", "42\n", np.array([42])),
        ("a.txt", "\ufeff1.2.3.4\n# x\nzoë\n", np.array(["1.2.3.4", "zoë"])),
        ("a.txt", "", np.array([], dtype=np.int64)),
        ("a.csv", "age,pay\n30,1.5\n40,2\n", np.array([[30, 1.5], [40, 2]])),
        ("a.csv", "30,1\n40,2\n", np.array([[30, 1], [40, 2]])),
        ("a.csv", "value\n7\n", np.array([7])),
        ("a.csv", "1.2.3.4\n5.6.7.8\n", np.array(["1.2.3.4", "5.6.7.8"])),
        ("a.csv", '"a, b",c\nd,e\n', np.array([["a, b", "c"], ["d", "e"]])),
    ],
)
def test_files_are_read_whole(folder, name, text, expected):
    (folder / name).write_text(text, encoding="utf-8")
    found = read_data(folder / name)
    assert expected.tolist() == found.tolist()
    assert expected.dtype.kind == found.dtype.kind
    assert expected.shape == found.shape


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("a.txt", b"\xff\xfe1", "not text in UTF-8"),
        ("a.txt", b"99999999999999999999", "beyond 64 bits"),
        ("a.csv", b"1,2\n3\n", "row 2 has 1 columns, the first has 2"),
        ("a.npy", b"nonsense", "not a .npy file"),
        ("a.json", b"[1]", "expected a .npy, .txt or .csv"),
    ],
)
def test_files_that_cannot_be_read_are_named(folder, name, data, complaint):
    (folder / name).write_bytes(data)
    with pytest.raises(OptionError, match=complaint):
        read_data(folder / name)


def test_objects_are_never_unpickled(folder):
    np.save(folder / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(OptionError, match="not a .npy file of plain numbers"):
        read_data(folder / "a.npy")


def test_json_alone_on_the_terminal(folder, capsys):
    (folder / "cell.py").write_text("print('said')\nodd = [float('inf'), np.float64('nan'), {3, 1}, {'a': np.int64(2)}, None, 1j]\n")
    assert 0 == main(["run", "cell.py", "--launcher", "inline", "--json", "-"])
    shown = capsys.readouterr()
    assert ["inf", "nan", [1, 3], {"a": 2}, None, "1j"] == json.loads(shown.out)["outputs"]["odd"]
    assert "said\n" == shown.err


def test_a_plan_needs_no_data(folder, capsys):
    (folder / "cell.py").write_text('few = mpc.reveal(mpc.input("ips") < 3)\n')
    assert 0 == main(["run", "cell.py", "--plan", "--shape", "ips@alice=1_000_000", "--network", "wan", "--json", "out.json"])
    assert "planned: sizes only" in capsys.readouterr().out
    assert json.loads((folder / "out.json").read_text())["planned"] is True


@pytest.mark.process
def test_the_command_runs_on_processes_and_imports_no_notebook(folder):
    (folder / "cell.py").write_text('total = mpc.reveal(mpc.input("x", owner="alice").sum())\n')
    (folder / "x.txt").write_text("1\n2\n")
    program = (
        "import sys; from ramp_notebook.cli import main; code = main(sys.argv[1:]); "
        "print(sorted({'IPython', 'plotly', 'ipywidgets', 'pandas', 'tqdm'} & set(sys.modules)), code)"
    )
    words = [sys.executable, "-c", program, "run", "cell.py", "-i", "x@alice=x.txt"]
    shown = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    assert "total = 3" in shown.stdout
    assert shown.stdout.endswith("[] 0\n")
    assert "" == shown.stderr


@pytest.mark.process
@pytest.mark.parametrize(("number", "code", "said"), [(signal.SIGINT, 130, "interrupted\n"), (signal.SIGTERM, -15, ""), (signal.SIGKILL, -9, "")])
def test_a_run_that_is_stopped_leaves_no_process(folder, number, code, said):
    (folder / "cell.py").write_text("x = mpc.random(10)\nwhile True:\n    x = x * x\n")
    command = subprocess.Popen([sys.executable, "-m", "ramp_notebook.cli", "run", "cell.py"], stdout=-1, stderr=-1, text=True)
    deadline = time.monotonic() + 60
    while len(below := psutil.Process(command.pid).children(recursive=True)) < 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    command.send_signal(number)
    assert not psutil.wait_procs(below, timeout=4)[1]  # well within a second on a quiet machine
    assert ("", said) == command.communicate(timeout=10)
    assert code == command.returncode


def test_malformed_addresses_are_named_at_their_owner(folder, capsys):
    (folder / "cell.py").write_text('x = mpc.inputs("ips", encode=gadgets.ipv4_to_int)\n')
    (folder / "a.txt").write_text("1.2.3.4\n1.2.3.256\n")
    assert 1 == main(["run", "cell.py", "--launcher", "inline", "-i", "ips@alice=a.txt"])
    assert "item 1 is not an IPv4 address" in capsys.readouterr().err
