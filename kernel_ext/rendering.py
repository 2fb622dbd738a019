"""Gives an exception the short look that it has under a cell, in notebooks and terminals."""

from collections.abc import Callable
from typing import TypeVar

from ramp_notebook.runtime.explain import error_lines

E = TypeVar("E", bound=BaseException)


def show_shortly(error: E, source: str = "") -> E:
    """The same exception, rendered by IPython as the lines that explain it."""
    lines = error_lines(error, source)
    renderer: Callable[[], list[str]] = lambda: lines  # noqa: E731
    error._render_traceback_ = renderer  # type: ignore[attr-defined]
    return error
