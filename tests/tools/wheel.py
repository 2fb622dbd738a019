"""Builds the wheel from a copy of what belongs in it, and says which of its files do not.

python tests/tools/wheel.py build/dist
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "ramp_notebook", "gadgets", "kernel_ext")
MAPPED = {"gadgets": "ramp_notebook/gadgets", "kernel_ext": "ramp_notebook/kernel_ext"}
SUFFIXES = (".py", ".typed", ".cfg")


def expected_files() -> set[str]:
    """The package's files as a wheel names them, from the source folders."""
    files = set()
    for folder in ("ramp_notebook", "gadgets", "kernel_ext"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in SUFFIXES:
                files.add(f"{MAPPED.get(folder, folder)}/{path.relative_to(ROOT / folder).as_posix()}")
    return files


def build_wheel(into: Path) -> Path:
    """Build in a copy: the remains of an earlier build beside the sources would slip into the wheel."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in SOURCES:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, copy / name)
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(into.resolve()), str(copy)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"building the wheel failed:\n{done.stdout}{done.stderr}")
    return max(into.glob("*.whl"), key=lambda path: path.stat().st_mtime)


def wheel_files(wheel: Path) -> set[str]:
    """All files of the wheel but its metadata, which the build tool writes."""
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def main() -> None:
    into = Path(sys.argv[1])
    into.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel(into)
    missing, extra = expected_files() - wheel_files(wheel), wheel_files(wheel) - expected_files()
    if missing or extra:
        raise SystemExit(f"{wheel.name}: missing {sorted(missing)}, not expected {sorted(extra)}")
    print(wheel)


if __name__ == "__main__":
    main()
