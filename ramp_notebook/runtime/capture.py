"""Notebook functions that a cell uses, as source text: they travel with the functions they call; data do not.

Knows ast and inspect, not IPython.
"""

import ast
import builtins
import inspect
import linecache
import symtable
import sys
import textwrap
import types
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..errors import MisuseError
from .engine import digest_of

READY = frozenset({"mpc", "gadgets", "np", *dir(builtins)})


def helpers_for(
    source: str, namespace: Mapping[str, Any], known: Collection[str], public: Mapping[str, Any] | None = None, home: str = "__main__"
) -> str:
    """Source text that defines what `source` uses of `namespace` and the parties do not have (`known` is what they have).

    Functions and classes written in the notebook go as text, modules and what came from them as imports. A notebook's
    data never travel unasked: MisuseError names them and says what to write instead. So it does for a name whose value
    all parties hold (`public`) and that the notebook has bound anew: two values under one name are a wrong result.
    """
    try:
        used = _outer_names(source)
    except SyntaxError:
        return ""  # the parties will show the error, with its line
    capture = _Capture(namespace, known, public or {}, home)
    lines = _first_lines(source)
    for name in sorted(used, key=lambda name: (lines.get(name, 0), name)):
        capture.add(name, f"line {lines.get(name, 0)} of the cell")
    return "\n\n".join(capture.pieces.values())


class _Capture:
    """Text per name, each after what it needs."""

    def __init__(self, namespace: Mapping[str, Any], known: Collection[str], public: Mapping[str, Any], home: str):
        self.namespace, self.known, self.public, self.home = namespace, known, public, home
        self.pieces: dict[str, str] = {}
        self._seen: set[str] = set()

    def add(self, name: str, used_by: str) -> None:
        if name in READY or name in self._seen or name not in self.namespace:
            return
        value = self.namespace[name]
        self._seen.add(name)
        if self._is_written_here(value):
            text = _source_of(name, value)
            for inner in sorted(_outer_names(text)):
                self.add(inner, f"`{name}`")
            self.pieces[name] = text
        elif name in self.known:
            self._check_same(name, value, used_by)
        elif isinstance(value, types.ModuleType):
            self.pieces[name] = f"import {value.__name__} as {name}" if "." not in value.__name__ else _import_submodule(name, value)
        elif place := _importable(name, value, self.home):
            self.pieces[name] = f"from {place[0]} import {place[1]} as {name}"
        elif getattr(type(value), "lives_in_parties", False):
            raise MisuseError(
                f"{used_by} uses `{name}`, a secret that these parties do not hold: the parties that held it have ended, or are others. "
                f"Run again the cell that made it."
            )
        elif not name.startswith("_"):
            raise MisuseError(
                f"{used_by} uses `{name}`, data of the notebook ({type(value).__name__}) that no party has. Parties see only what they "
                f"are given: write -i {name}@PARTY on the %%mpc line, bind it in a %%party cell, or write the value in the cell itself."
            )

    def _check_same(self, name: str, value: Any, used_by: str) -> None:
        if name not in self.public or value is self.public[name]:
            return
        digest = digest_of(value)
        if digest is None or digest != digest_of(self.public[name]):
            raise MisuseError(
                f"{used_by} uses `{name}`, which the notebook has bound anew: the parties hold another value under that name. "
                f"Bind it in the cell itself, or give yours a new name and write -i NEW_NAME@PARTY."
            )

    def _is_written_here(self, value: Any) -> bool:
        plain = inspect.unwrap(value) if callable(value) and not isinstance(value, type) else value
        return isinstance(plain, (types.FunctionType, type)) and plain.__module__ == self.home


def _import_submodule(name: str, module: types.ModuleType) -> str:
    parent, _, last = module.__name__.rpartition(".")
    if getattr(sys.modules.get(parent), last, None) is module:
        return f"from {parent} import {last} as {name}"
    return f"import {module.__name__} as {name}"


def _importable(name: str, value: Any, home: str) -> tuple[str, str] | None:
    """The module and name under which every process finds this very object; None for data."""
    module = getattr(value, "__module__", None)
    if not callable(value) or not isinstance(module, str) or module == home:
        return None
    for candidate in (getattr(value, "__qualname__", ""), getattr(value, "__name__", ""), name):
        if candidate and "." not in candidate and getattr(sys.modules.get(module), candidate, None) is value:
            return module, candidate
    return None


# -- source ------------------------------------------------------------------------------------------------------------


def _source_of(name: str, value: Any) -> str:
    """The text that defines a function or class of the notebook, decorators included, under `name`."""
    plain = value if isinstance(value, type) else inspect.unwrap(value)
    if isinstance(plain, types.FunctionType) and plain.__closure__ and plain.__code__.co_freevars != ("__class__",):
        captured = ", ".join(plain.__code__.co_freevars)
        raise MisuseError(f"the function `{name}` captures {captured} from the function around it; pass them as arguments instead")
    try:
        text = _class_source(plain) if isinstance(plain, type) else textwrap.dedent(inspect.getsource(plain))
        first = ast.parse(text).body[0]
    except (OSError, TypeError, SyntaxError, LookupError):
        raise MisuseError(
            f"the source of `{name}` is not at hand; define it with `def` or `class` in a cell of its own, or in the %%mpc cell"
        ) from None
    if isinstance(first, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and first.name != name:
        return f"{text}\n{name} = {first.name}"
    return text


def _class_source(cls: type) -> str:
    """A class written in a cell. `inspect` asks for a module's file here, and a notebook has none: look into the cells."""
    cells = [name for name, entry in linecache.cache.items() if len(entry) == 4 and entry[1] is None]
    files = {each.__code__.co_filename for each in vars(cls).values() if isinstance(each, types.FunctionType)}.intersection(cells)
    found = {text for file in files or cells for text in _definitions(file, cls.__qualname__)}
    (text,) = found if len(found) == 1 else (None,)
    if text is None:
        raise LookupError(cls.__qualname__)  # nowhere, or in several forms of which one cannot tell which is meant
    return text


def _definitions(file: str, name: str) -> Iterator[str]:
    lines = linecache.getlines(file)
    if not any(f"class {name}" in line for line in lines):
        return
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        return  # a cell with magics, or one that failed
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield "".join(lines[first - 1 : node.end_lineno])


# -- names -------------------------------------------------------------------------------------------------------------


def _outer_names(source: str) -> set[str]:
    """Names that the text reads and does not bind itself."""
    top = symtable.symtable(source, "<cell>", "exec")
    bound = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    used = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    for table in _inner_tables(top):
        used |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
    return used - bound


def _inner_tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner_tables(child)


def _first_lines(source: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            lines[node.id] = min(node.lineno, lines.get(node.id, node.lineno))
    return lines
