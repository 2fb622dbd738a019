"""`ramp run`: a cell from a file, its data from files, its result as JSON."""

import json

import numpy as np
import pytest

from ramp_notebook.cli import main


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
        (["run", "cell.py", "-i", "x@alize=x.txt"], 2, "no file x.txt|no such party"),
        (["run", "cell.py", "-i", "x"], 2, "NAME@PARTY=FILE"),
        (["run", "cell.py", "--protocol", "clar"], 2, "Did you mean clear"),
        (["run", "cell.py", "--launcher", "inline"], 1, "ZeroDivisionError in all parties at line 1"),
    ],
)
def test_what_goes_wrong_is_said_on_stderr(folder, arguments, code, complaint, capsys):
    (folder / "cell.py").write_text("1 / 0\n")
    assert code == main(arguments)
    import re

    assert re.search(complaint, capsys.readouterr().err)


def test_malformed_addresses_are_named_at_their_owner(folder, capsys):
    (folder / "cell.py").write_text('x = mpc.inputs("ips", encode=gadgets.ipv4_to_int)\n')
    (folder / "a.txt").write_text("1.2.3.4\n1.2.3.256\n")
    assert 1 == main(["run", "cell.py", "--launcher", "inline", "-i", "ips@alice=a.txt"])
    assert "item 1 is not an IPv4 address: '1.2.3.256'" in capsys.readouterr().err
