"""What is installed: the package list names the folders, and the wheel holds them and nothing else."""

import importlib
import re
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path
from sys import stdlib_module_names

import pytest
from test_layers import MODULES, imports
from tools.wheel import ROOT, build_wheel, expected_files, wheel_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_one_namespace_holds_all_three_folders() -> None:
    import ramp_notebook

    assert ramp_notebook.__version__ == version("ramp-notebook")
    for folder in ("gadgets", "kernel_ext"):
        module = importlib.import_module(f"ramp_notebook.{folder}")
        assert Path(str(module.__file__)).parent.name == folder


def test_the_package_list_names_every_folder_with_code() -> None:
    folders = {path.parent.relative_to(ROOT) for top in ("ramp_notebook", "gadgets", "kernel_ext") for path in (ROOT / top).rglob("*.py")}
    names = {".".join(folder.parts if folder.parts[0] == "ramp_notebook" else ("ramp_notebook", *folder.parts)) for folder in folders}
    assert sorted(names) == PROJECT["tool"]["setuptools"]["packages"]


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    files = wheel_files(wheel)
    assert sorted(files) == sorted(expected_files())
    assert {name.split("/")[0] for name in files} == {"ramp_notebook"}  # no tests, tutorials, gadgets at the top
    assert {"ramp_notebook/py.typed", "ramp_notebook/gadgets/__init__.py", "ramp_notebook/kernel_ext/__init__.py"} <= files


def test_the_command_exists() -> None:
    module, function = PROJECT["project"]["scripts"]["ramp"].split(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_what_the_code_imports_is_declared() -> None:
    """An import that only a development environment satisfies would break a plain installation."""
    project = PROJECT["project"]
    optional = [name for names in project["optional-dependencies"].values() for name in names]
    declared = {re.split(r"[\[>=<]", name)[0].lower() for name in project["dependencies"] + optional} | {"ramp_notebook"}
    declared |= {"nacl"} & {name.removeprefix("py") for name in declared}  # PyNaCl imports under this name
    for module in MODULES:
        tops = {name.split(".")[0].lower() for _, name, _ in imports(module)}
        assert tops - declared - {name.lower() for name in stdlib_module_names} <= {"traitlets"}, module  # comes with IPython


def test_top_level_holds_what_was_agreed() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\n")
    agreed = {"README.md", "LICENSE", "CHANGELOG.md", "Makefile", "pyproject.toml"}
    agreed |= {"ramp_notebook", "kernel_ext", "tutorials", "gadgets", "tests"}
    assert {name.split("/")[0] for name in tracked if name and not name.startswith(".")} <= agreed
