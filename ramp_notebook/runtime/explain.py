"""An error as its reader sees it: one line of cause, an arrow at the cell line, the party's own traceback if it has one.

Frames of this project are nobody's business. Shared by notebooks and the command line.
"""

import re
from collections.abc import Mapping
from typing import Any

from ..errors import PartyFailed

CONTEXT_LINES = 2
_UNDEFINED = re.compile(r"name '(\w+)' is not defined")


def error_lines(error: BaseException, source: str = "") -> list[str]:
    """The whole explanation, a line each; `source` is the cell's text as its author sees it."""
    lines = [f"{type(error).__name__}: {error.args[0] if error.args else error}".removesuffix(": ")]
    line = getattr(error, "line", 0)
    if source and isinstance(line, int) and line > 0:
        lines += ["", *arrow(source, line)]
    if isinstance(error, PartyFailed) and error.remote and error.kind != "SyntaxError":
        lines += ["", f"In {error.party}:", *("  " + each for each in error.remote.rstrip().splitlines())]
    notes = getattr(error, "__notes__", [])
    return [*lines, *([""] if notes and len(lines) > 1 else []), *notes]


def arrow(source: str, line: int) -> list[str]:
    """The lines around one line of a cell, with an arrow at it."""
    rows = source.splitlines()
    first, last = max(1, line - CONTEXT_LINES), min(len(rows), line + CONTEXT_LINES)
    return [f"{'---->' if k == line else '     '} {k:>3} {rows[k - 1]}".rstrip() for k in range(first, last + 1)]


def add_hint(error: BaseException, namespace: Mapping[str, Any], kind: str) -> None:
    """Where a party misses a name that the notebook has, or that other cells find ready, say so. `kind` is the cell's."""
    found = _UNDEFINED.search(str(error))
    if found is None or getattr(error, "kind", "") != "NameError":
        return
    name = found[1]
    if kind == "party" and name in ("mpc", "gadgets"):
        error.add_note(f"`{name}` is at hand in %%mpc cells; a %%party cell runs plain Python inside one party.")
    elif kind == "party" and name in namespace:
        error.add_note(f"`{name}` is a variable of the notebook; %%party cells see the party's own names only.")
    elif name in namespace:
        error.add_note(f"`{name}` is a variable of the notebook, and parties see only what they are given, e.g. by -i {name}@PARTY.")
