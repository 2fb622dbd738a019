"""Owns foreseeing what correlated randomness a cell will ask for, so that it is made before the cell's own text runs.

The text runs once more on shapes, as one party sees it, and its requests are counted. Only text that does nothing but compute
is run twice; what any other cell needs, and what depends on revealed values, is made when it is asked for.
"""

import ast
import contextlib
import copy
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .. import registry
from ..protocols.preprocessing.rehearsal import EchoLinks
from .cell import Cell, Description
from .plan import PlannedParty, announced

EFFECTS = (
    ast.Import, ast.ImportFrom, ast.While, ast.With, ast.Try, ast.TryStar, ast.ClassDef, ast.Global, ast.Nonlocal, ast.Delete, ast.Yield,
    ast.YieldFrom, ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith,
)  # fmt: skip
READY = {
    "mpc", "gadgets", "np", "abs", "all", "any", "bool", "dict", "divmod", "enumerate", "filter", "float", "frozenset", "int",
    "isinstance", "len", "list", "map", "max", "min", "print", "range", "repr", "reversed", "round", "set", "slice", "sorted", "str",
    "sum", "tuple", "zip",
}  # fmt: skip
FILES_AND_COINS = {
    "random", "save", "savez", "savez_compressed", "savetxt", "load", "loadtxt", "genfromtxt", "fromfile", "tofile", "dump", "memmap",
    "lib", "testing", "ctypeslib", "f2py",
}  # fmt: skip


def with_needs(cell: Cell, names: Sequence[str], **known: Any) -> Cell:
    """The cell, and what it will use where that is known before."""
    return replace(cell, needs=needs_of(cell, names, **known))


def needs_of(
    cell: Cell,
    names: Sequence[str],
    directory: Sequence[Mapping[str, Description]] = (),
    *,
    public: Mapping[str, Any] | None = None,
    shapes: Mapping[int, Mapping[str, tuple[int, ...] | Description]] | None = None,
) -> dict[Any, int]:
    """How many items of each kind of correlated randomness `cell` will use; empty where that is not known before."""
    if not registry.protocols[cell.protocol].security.needs_preprocessing:
        return {}
    known = announced(0, directory, cell, shapes or {})
    data = {name for name, what in known.items() if what.kind in ("private", "secret")} | set(public or {})
    try:
        if only_computes(cell.helpers + "\n" + cell.source, data):
            return count_needs(cell, names, directory, public=public, shapes=shapes)
    except Exception:  # whatever is wrong with the cell, its run will say with the place
        pass
    return {}


def count_needs(
    cell: Cell,
    names: Sequence[str],
    directory: Sequence[Mapping[str, Description]] = (),
    *,
    public: Mapping[str, Any] | None = None,
    shapes: Mapping[int, Mapping[str, tuple[int, ...] | Description]] | None = None,
) -> dict[Any, int]:
    """The same for any cell that can be planned; raises what planning it would."""
    known = [announced(i, directory, cell, shapes or {}) for i in range(len(names))]
    values = copy.deepcopy({name: value for name, value in (public or {}).items() if name in cell.helpers + cell.source})
    party = PlannedParty(EchoLinks(0, names), cell, known, values, None, {})
    with contextlib.redirect_stdout(io.StringIO()):
        return party.count_needs()


def only_computes(text: str, data: Collection[str] = ()) -> bool:
    """Whether running `text` twice cannot differ from running it once: it ends, calls nothing but numpy and ours, touches no file.

    >>> only_computes("z = mpc.reveal(x * 3)", {"x"}), only_computes("log.write(z)"), only_computes("while True: pass")
    (True, False, False)
    """
    nodes = list(ast.walk(ast.parse(text)))
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)} | {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        if isinstance(node, EFFECTS) and not _changes_the_protocol(node):
            return False
        if isinstance(node, ast.Name) and node.id not in READY and node.id not in bound and node.id not in data:
            return False
        if isinstance(node, ast.Attribute) and (node.attr.startswith("_") or node.attr in FILES_AND_COINS):
            return False
    return True


def _changes_the_protocol(node: ast.AST) -> bool:
    """Whether it is `with mpc.using(…):`, which opens nothing outside."""
    return isinstance(node, ast.With) and all(
        isinstance(item.context_expr, ast.Call) and ast.unparse(item.context_expr.func) == "mpc.using" for item in node.items
    )
