"""Notebook functions that a cell uses, as source text: they travel with the functions they call; data do not.

Knows ast and inspect, not IPython.
"""

import ast
import builtins
import inspect
import textwrap
import types
from collections.abc import Collection, Mapping
from typing import Any

from ..errors import MisuseError

READY = {"mpc", "gadgets", "np"}


def helpers_for(source: str, namespace: Mapping[str, Any], known: Collection[str], home: str = "__main__") -> str:
    """Source text that defines what `source` uses of `namespace` and the parties do not have.

    Functions and classes written in the notebook go as text, modules and what came from them as imports. A notebook's
    data never travel unasked: MisuseError names them and says what to write instead.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ""  # the parties will show the error, with its line
    bound = _bound_names(tree)
    pieces: dict[str, str] = {}
    for name, line in _used_names(tree).items():
        if name in bound or name in READY or hasattr(builtins, name) or name not in namespace:
            continue
        value = namespace[name]
        if name in known and not _is_written_here(value, home):
            continue
        _add(name, value, namespace, known, home, pieces, f"line {line} of the cell")
    return "\n\n".join(pieces.values())


def _add(
    name: str, value: Any, namespace: Mapping[str, Any], known: Collection[str], home: str, pieces: dict[str, str], used_by: str
) -> None:
    if name in pieces:
        return
    if isinstance(value, types.ModuleType):
        pieces[name] = f"import {value.__name__} as {name}"
    elif _is_written_here(value, home):
        pieces[name] = ""  # a function may call itself
        text = _source_of(name, value)
        for inner in _used_names(ast.parse(text)):
            if (
                inner in READY
                or hasattr(builtins, inner)
                or inner not in namespace
                or inner == name
                or inner in _bound_names(ast.parse(text))
            ):
                continue
            if inner in known and not _is_written_here(namespace[inner], home):
                continue
            _add(inner, namespace[inner], namespace, known, home, pieces, f"the function `{name}`")
        pieces[name] = pieces.pop(name) or text  # after what it needs
    elif callable(value) and getattr(value, "__module__", None) not in (None, home) and hasattr(value, "__qualname__"):
        if "." in value.__qualname__:
            raise MisuseError(f"{used_by} uses `{name}`, which cannot be imported by name; define it in the cell")
        pieces[name] = f"from {value.__module__} import {value.__qualname__} as {name}"
    elif not name.startswith("_"):
        raise MisuseError(
            f"{used_by} uses `{name}`, data of the notebook ({type(value).__name__}) that no party has. Parties see only what they are "
            f"given: write -i {name}@PARTY on the %%mpc line, bind it in a %%party cell, or write the value in the cell itself."
        )


def _is_written_here(value: Any, home: str) -> bool:
    return isinstance(value, (types.FunctionType, type)) and value.__module__ == home


def _source_of(name: str, value: Any) -> str:
    if isinstance(value, types.FunctionType) and value.__closure__:
        captured = ", ".join(value.__code__.co_freevars)
        raise MisuseError(f"the function `{name}` captures {captured} from the function around it; pass them as arguments instead")
    try:
        text = textwrap.dedent(inspect.getsource(value))
        tree = ast.parse(text)
    except (OSError, TypeError, SyntaxError):
        raise MisuseError(
            f"the source of `{name}` is not at hand; define it with `def` in a cell of its own, or in the %%mpc cell"
        ) from None
    first = tree.body[0]
    if isinstance(first, (ast.FunctionDef, ast.ClassDef)) and first.name != name:
        return f"{text}\n{name} = {first.name}"
    return text


def _used_names(tree: ast.AST) -> dict[str, int]:
    """Names that are read, with the first line."""
    used: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            used.setdefault(node.id, node.lineno)
    return used


def _bound_names(tree: ast.AST) -> set[str]:
    """Names that the text binds itself anywhere: assignments, definitions, imports, arguments."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return bound
