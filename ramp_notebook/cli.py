"""The `ramp` command: runs the body of a cell from a file, without a notebook."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import OptionError, RampError
from .runtime.finished import Run
from .runtime.options import OPTIONS
from .runtime.workspace import Workspace


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point: 0 if the cell ran, 1 if it failed, 2 for a wrong command line."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 2
    try:
        return _run(given)
    except OptionError as problem:
        print(f"ramp run: {problem}", file=sys.stderr)
        return 2
    except RampError as problem:
        print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
        remote = getattr(problem, "remote", "")
        if remote:
            print(remote.rstrip(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ramp", description="Secure multi-party computation, with the cost of every line on show.")
    commands = parser.add_subparsers(dest="command")
    run = commands.add_parser(
        "run", help="run the body of a %%mpc cell from a file", description="Run the body of a %%mpc cell from a file."
    )
    run.add_argument("cellfile", metavar="CELLFILE", help="a file with the cell's text")
    for flags, keywords in OPTIONS:
        if "--output" in flags:
            continue  # names a notebook variable
        if "--input" in flags:
            keywords = {**keywords, "metavar": "NAME@PARTY=FILE", "help": "give a file's data to one party: .npy, .txt or .csv; repeatable"}
        run.add_argument(*flags, **keywords)
    run.add_argument("--json", metavar="OUT", help="write outputs, label, seconds and cost to this file")
    return parser


def _run(given: argparse.Namespace) -> int:
    values: dict[str, Any] = {}
    inputs = []
    for number, text in enumerate(given.input or ()):
        place, equals, file = text.partition("=")
        name, at, party = place.partition("@")
        if not equals or not at:
            raise OptionError(f"-i takes NAME@PARTY=FILE, e.g. ips@alice=ips.txt; got {text!r}")
        values[f"{name}__{number}"] = read_data(Path(file))
        inputs.append((name, party, f"{name}__{number}"))
    path = Path(given.cellfile)
    if not path.is_file():
        raise OptionError(f"there is no file {given.cellfile}")
    options_given = {key: value for key, value in vars(given).items() if key not in ("command", "cellfile", "json", "input")}
    workspace = Workspace()
    try:
        options = workspace.options(options_given)
        data = [(name, known_party(party, options.parties), values[key]) for name, party, key in inputs]
        run = workspace.run(options, path.read_text(encoding="utf-8"), {}, f"<{path.name}>", data=data)
    finally:
        for party, text in workspace.printed:
            print(text if party is None else f"── {party}\n{text}", end="")
        workspace.stop()
    if not options.quiet:
        print(run.report)
    if given.json:
        Path(given.json).write_text(json.dumps(to_json(run), indent=1) + "\n", encoding="utf-8")
    return 0


def known_party(party: str, parties: Sequence[str]) -> str:
    if party not in parties:
        raise OptionError(f"-i …@{party}: there is no such party; the parties are {', '.join(parties)}")
    return party


def to_json(run: Run) -> dict[str, Any]:
    """outputs (numbers, lists, text), label, seconds, cost."""
    outputs = {name: plain(value) for name, value in run.outputs.items()}
    return {"outputs": outputs, "label": run.label.text(), "seconds": run.seconds, "planned": run.planned, "cost": run.cost.to_json()}


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)


def read_data(path: Path) -> Any:
    """The data of a file: .npy arrays; .txt with one number or text a line; .csv of numbers, with or without a heading."""
    if not path.is_file():
        raise OptionError(f"there is no file {path}")
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError:
        raise OptionError(f"{path} is not text in UTF-8") from None
    lines = [line for line in lines if line and not line.startswith("#")]
    if path.suffix == ".txt":
        return _numbers_or_text(lines)
    if path.suffix == ".csv":
        rows = [[cell.strip() for cell in line.split(",")] for line in lines]
        if rows and not all(_is_number(cell) for cell in rows[0]):
            rows = rows[1:]  # a heading
        if len({len(row) for row in rows}) > 1:
            raise OptionError(f"{path}: rows have different numbers of columns")
        table = _numbers_or_text([cell for row in rows for cell in row])
        return np.asarray(table).reshape(len(rows), -1) if rows and len(rows[0]) > 1 else table
    raise OptionError(f"{path}: expected a .npy, .txt or .csv file")


def _numbers_or_text(items: Sequence[str]) -> np.ndarray:
    for kind in (int, float):
        try:
            return np.array([kind(item) for item in items], dtype=np.int64 if kind is int else np.float64)
        except ValueError:
            continue  # the next, wider kind
        except OverflowError:
            raise OptionError("a number is beyond 64 bits") from None
    return np.array(items, dtype=np.str_)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
