"""The README keeps its word: its cells run in order in one kernel, its commands exist, its tables name what is there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat.v4
import pytest
from tools.notebooks import execute, output_text

from ramp_notebook import registry
from ramp_notebook.protocols.security import FLAGS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body.rstrip("\n") for kind, body in BLOCKS if kind == language]


def command_lines() -> list[str]:
    return [line for body in blocks("bash") for line in body.splitlines()]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each of the README's cells with the text that it shows, all run in order in one fresh kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(body) for body in blocks("python")])
    execute(notebook, tmp_path_factory.mktemp("readme"))
    return {cell.source: output_text(cell) for cell in notebook.cells}


@pytest.mark.process
def test_the_first_cell_shows_the_result_and_the_label_that_is_explained(shown: dict[str, str]) -> None:
    report = next(text for source, text in shown.items() if source.startswith("%%mpc"))
    assert "planned: sizes only" in next(text for source, text in shown.items() if source.startswith("%%mpc --plan"))
    assert "top = 91000" in report
    [label] = blocks("label")
    assert f"label: {label}" in report.splitlines()
    pictured = re.search(r"(\d+ rounds), (\d+ messages) and (\S+ KiB), and a timeline", TEXT)
    assert pictured, "the picture's text says what it shows"
    assert f"3 parties · {' · '.join(pictured.groups())} online" in report.splitlines()


def test_every_flag_of_a_label_is_explained() -> None:
    assert [] == [flag for flag in FLAGS if f"| `{flag}` |" not in TEXT]


@pytest.mark.process
def test_the_new_gadget_computes_its_reference(shown: dict[str, str], tmp_path: Path) -> None:
    assert shown  # the file as printed runs as it stands; now it runs in every party
    [file] = [body for body in blocks("python") if "@gadget" in body]
    cell = file + '\n\ndistance = mpc.reveal(squared_distance(mpc.input("x", owner="alice"), mpc.input("y", owner="bob")))'
    sources = ["%load_ext ramp_notebook", "%%party alice\nx = [1, 2, 3]", "%%party bob\ny = [3, 2, 7]", f"%%mpc\n{cell}", "distance"]
    sources[1:1] = ["%mpc start --parties alice,bob,carol"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    execute(notebook, tmp_path)
    assert "20" in output_text(notebook.cells[-1])


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE)) | {f"{name}=1" for name in re.findall(r"^([A-Z]+) \?=", makefile, re.MULTILINE)}
    named = {word for code in re.findall(r"`(make [^`]+)`", TEXT) for word in code.split()[1:]}
    named |= {word for line in command_lines() if line.startswith("make ") for word in line.split()[1:]}
    assert {"demo", "test", "lab"} <= named <= targets


def test_the_ramp_commands_exist() -> None:
    command = shutil.which("ramp", path=str(Path(sys.executable).parent))
    assert command, "the console script is not installed beside this Python"
    for line in [line for line in command_lines() if line.startswith("ramp ")]:
        offered = subprocess.run([command, line.split()[1], "--help"], capture_output=True, text=True, check=True).stdout
        assert [option for option in re.findall(r"(?<=\s)--?[a-z][a-z-]*", line) if option not in offered] == []


@pytest.mark.process
def test_the_ramp_commands_run_as_printed(tmp_path: Path) -> None:
    [block] = [body for body in blocks("bash") if "ramp run" in body]
    places = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    shown = subprocess.run(["bash", "-e", "-c", block], cwd=tmp_path, env=places, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "product = 42" in shown
    assert 42 == json.loads((tmp_path / "out.json").read_text())["outputs"]["product"]


def test_the_workflow_names_files_and_options_that_exist() -> None:
    [workflow] = blocks("yaml")
    [code] = re.findall(r"\$\(python -c '(.*?)'\)", workflow)
    folder = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    [file] = re.findall(r"\)/([\w.]+)\"", workflow)
    assert (Path(folder) / file).is_file()
    offered = subprocess.run([sys.executable, "-m", "pytest", "--help"], capture_output=True, text=True, check=True).stdout
    assert [option for option in re.findall(r"--nbval[a-z-]*", workflow) if option not in offered] == []


def table(heading: str) -> list[str]:
    """The rows under a table's head line that starts with `heading`."""
    return re.findall(r"^\|.*$", TEXT.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0], re.MULTILINE)[1:]


def test_the_gadget_table_names_gadgets() -> None:
    from ramp_notebook import gadgets

    named = {name for row in table("gadgets") for name in re.findall(r"`(\w+)`", row)}
    assert sorted(name for name in named if not callable(getattr(gadgets, name, None))) == []


def test_the_protocol_table_is_complete() -> None:
    import ramp_notebook.protocols  # noqa: F401  fills the registry

    named = [re.findall(r"`([\w-]+)`", row)[0] for row in table("protocols")]
    assert sorted(registry.protocols) == named


def test_links_and_pictures_lead_somewhere() -> None:
    local = [target for target in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in target]
    assert local
    assert [target for target in local if not (ROOT / target).exists()] == []
