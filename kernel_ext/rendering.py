"""How errors look under a cell: one line of cause, an arrow at the cell line, the party's own traceback if it has one."""

from collections.abc import Callable

CONTEXT_LINES = 2


def show_shortly(error: BaseException, source: str = "") -> BaseException:
    """Give an exception a short rendering in notebooks and terminals; frames of this project are nobody's business."""
    lines = _lines(error, source)
    renderer: Callable[[], list[str]] = lambda: lines  # noqa: E731
    error._render_traceback_ = renderer  # type: ignore[attr-defined]
    return error


def _lines(error: BaseException, source: str) -> list[str]:
    text = str(error.args[0]) if error.args else str(error)
    lines = [f"{type(error).__name__}: {text}"]
    line = getattr(error, "line", 0)
    if source and isinstance(line, int) and line > 0:
        lines += ["", *arrow(source, line)]
    remote = getattr(error, "remote", "")
    party = getattr(error, "party", "")
    if remote and type(error).__name__ == "PartyFailed":
        lines += ["", f"In {party or 'the party'}:", *("  " + each for each in remote.rstrip().splitlines())]
    lines += getattr(error, "__notes__", [])
    return lines


def arrow(source: str, line: int) -> list[str]:
    """The lines around one line of a cell, with an arrow at it."""
    rows = source.splitlines()
    first, last = max(1, line - CONTEXT_LINES), min(len(rows), line + CONTEXT_LINES)
    return [f"{'---->' if k == line else '     '} {k:>3} {rows[k - 1]}" for k in range(first, last + 1)]
