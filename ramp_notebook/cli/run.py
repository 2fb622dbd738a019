"""`ramp run`: the body of a cell from a file, its data from files, its result as JSON; without a notebook."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..errors import OptionError, RampError
from ..runtime.explain import error_lines
from ..runtime.finished import Run
from ..runtime.options import OPTIONS, Options, name_at_party, wrong_option
from ..runtime.workspace import Workspace
from .files import read_data, read_text


class _Parser(argparse.ArgumentParser):
    """Complains in one line, as the magics do."""

    words: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        raise wrong_option(message, self.words, self.prog)


def command(words: Sequence[str]) -> int:
    """Run one command line; its exit code."""
    _Parser.words = words
    parser = _parser()
    shown = ""
    try:
        given = parser.parse_args(words)
        if given.command is None:
            parser.print_help()
            return 2
        shown = _cell_text(Path(given.cellfile))
        return _run(given, shown)
    except OptionError as problem:
        said = str(problem)  # what the parser says begins with the command's name
        print(f"{said} (see ramp run --help)" if said.startswith("ramp") else f"ramp run: {said}", file=sys.stderr)
        return 2
    except RampError as problem:
        print("\n".join(error_lines(problem, shown)), file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="ramp", description="Secure multi-party computation, with the cost of every line on show.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command")
    text = "Run the body of a %%mpc cell from a file."
    run = commands.add_parser("run", help="run the body of a %%mpc cell from a file", description=text, allow_abbrev=False)
    run.add_argument("cellfile", metavar="CELLFILE", help="a file with the cell's text")
    for flags, keywords in OPTIONS:
        if "--output" in flags:
            continue  # names a notebook variable
        if "--input" in flags:
            keywords = {**keywords, "metavar": "NAME@PARTY=FILE", "help": "give a file's data to one party: .npy, .txt or .csv; repeatable"}
        run.add_argument(*flags, **keywords)
    run.add_argument("--json", metavar="OUT", help="write outputs, label, seconds and cost to this file; - for the terminal, alone")
    return parser


def _cell_text(path: Path) -> str:
    text = read_text(path, "a file with the text of a cell")
    if text.lstrip().startswith("%%mpc"):
        raise OptionError(f"{path} begins with a %%mpc line; remove it and write its options on the command line")
    return text


def _run(given: argparse.Namespace, source: str) -> int:
    workspace = Workspace()
    options = workspace.options({key: value for key, value in vars(given).items() if key not in ("command", "cellfile", "json", "input")})
    data = [_input(text, options) for text in given.input or ()]
    if given.json not in (None, "-") and not Path(given.json).resolve().parent.is_dir():
        raise OptionError(f"--json: there is no folder {Path(given.json).resolve().parent}")
    alone = given.json == "-"
    try:
        run = workspace.run(options, source, {}, f"<{Path(given.cellfile).name}>", data=data)
    finally:
        for party, text in workspace.printed:
            print(text if party is None else f"── {party}\n{text}", end="", file=sys.stderr if alone else sys.stdout)
        workspace.stop()
    if not (options.quiet or alone):
        print(run.report)
    if given.json:
        text = json.dumps(to_json(run), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        if alone:
            print(text, end="")
        else:
            Path(given.json).write_text(text, encoding="utf-8")
    return 0


def _input(text: str, options: Options) -> tuple[str, str, Any]:
    """(name, party, data) of one `-i NAME@PARTY=FILE`."""
    place, equals, file = text.partition("=")
    if not equals or not file:
        raise OptionError(f"-i takes NAME@PARTY=FILE, e.g. ips@alice=ips.txt; got {text!r}")
    return (*name_at_party("-i", place, options.parties), read_data(Path(file)))


def to_json(run: Run) -> dict[str, Any]:
    """outputs (numbers, lists, text), label, seconds, cost."""
    outputs = {name: plain(value) for name, value in run.outputs.items()}
    return {"outputs": outputs, "label": run.label.text(), "seconds": run.seconds, "planned": run.planned, "cost": run.cost.to_json()}


def plain(value: Any) -> Any:
    """A value as JSON knows it; infinities and NaN, which it does not know, as text."""
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=lambda item: (type(item).__name__, item))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)
