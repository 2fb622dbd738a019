"""Private folders: gone with their process, and swept by the next one if it was killed; a living owner keeps its own."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ramp_notebook.runtime import folders

OWNER = "from ramp_notebook.runtime import folders; print(folders.claim(), flush=True); input()"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def owner() -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen([sys.executable, "-c", OWNER], stdin=-1, stdout=-1, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_folder_goes_with_its_process() -> None:
    process, folder = owner()
    assert folder.is_dir()
    process.communicate("\n", timeout=30)
    assert not folder.exists()


def test_a_killed_process_leaves_its_folder_to_the_next(place: Path) -> None:
    (killed, left), (living, kept) = owner(), owner()
    killed.kill()
    killed.wait()
    (place / "ramp-of-somebody").mkdir()
    assert left.is_dir()
    assert 1 == folders.sweep()
    assert 0 == folders.sweep()
    assert {kept.name, "ramp-of-somebody"} == {each.name for each in place.iterdir()}
    living.communicate("\n", timeout=30)
