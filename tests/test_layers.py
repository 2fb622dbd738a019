"""The house rules on imports, read from the source: layers point downward, the wire cannot execute, masks are cryptographic."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = (  # lowest first; units of one line are neighbours and may see each other
    ("errors", "registry"),
    ("values",),
    ("wire",),
    ("trace",),
    ("protocols",),
    ("secret",),
    ("runtime",),
    ("cli", "testing"),
    ("charts", "report"),
    ("gadgets",),
    ("kernel_ext",),
)
RANK = {unit: rank for rank, units in enumerate(LAYERS) for unit in units}
PUBLIC = ""  # ramp_notebook itself: the names offered to gadgets, kernel_ext and users
EXECUTORS = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "copyreg"}


def modules() -> dict[str, Path]:
    """Every source file under the name it is imported by, without `ramp_notebook.`; packages by their own name."""
    files = [(path, path.relative_to(ROOT / "ramp_notebook")) for path in (ROOT / "ramp_notebook").rglob("*.py")]
    files += [(path, path.relative_to(ROOT)) for folder in ("gadgets", "kernel_ext") for path in (ROOT / folder).rglob("*.py")]
    named = {}
    for path, relative in files:
        parts = list(relative.with_suffix("").parts)
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


MODULES = modules()


def unit(module: str) -> str:
    return module.split(".", 1)[0]


def imports(module: str) -> Iterator[tuple[int, str, bool]]:
    """(line, absolute name imported, relative?) of each import statement, those inside functions included."""
    path = MODULES[module]
    package = ["ramp_notebook", *(module.split(".") if module else [])]
    if path.name != "__init__.py":
        package.pop()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:  # `from . import x` may name a module or a value of the package
                named = f"{origin}.{alias.name}"
                yield node.lineno, named if named.removeprefix("ramp_notebook.") in MODULES else origin, node.level > 0


def own_imports(module: str) -> Iterator[tuple[int, str, bool]]:
    """Imports of this project's modules, as names in MODULES."""
    for line, name, relative in imports(module):
        if name.split(".")[0] == "ramp_notebook":
            yield line, name.removeprefix("ramp_notebook").removeprefix("."), relative


def place(module: str, line: int) -> str:
    return f"{MODULES[module].relative_to(ROOT)}:{line}"


def test_every_module_has_a_layer() -> None:
    assert {unit(module) for module in MODULES} - {PUBLIC} <= set(RANK)


@pytest.mark.parametrize("module", [m for m in MODULES if m != PUBLIC])
def test_imports_point_downward(module: str) -> None:
    rank, upward = RANK[unit(module)], []
    for line, target, _ in own_imports(module):
        height = RANK["gadgets"] - 0.5 if target == PUBLIC else RANK[unit(target)]
        if height > rank:
            upward.append(f"{place(module, line)} imports {target or 'ramp_notebook'}")
    assert upward == []


def test_the_public_names_hand_over_to_the_extension_only_inside_functions() -> None:
    tree = ast.parse(MODULES[PUBLIC].read_text(encoding="utf-8"))
    at_import = {f".{node.module or ''}" for node in tree.body if isinstance(node, ast.ImportFrom) and node.level}
    assert not {name for name in at_import if unit(name[1:]) in ("gadgets", "kernel_ext")}
    assert {unit(target) for _, target, _ in own_imports(PUBLIC) if RANK.get(unit(target), -1) >= RANK["gadgets"]} <= {"kernel_ext"}


@pytest.mark.parametrize("module", [m for m in MODULES if unit(m) != "kernel_ext"])
def test_only_the_extension_knows_ipython(module: str) -> None:
    seen = [place(module, line) for line, name, _ in imports(module) if name.split(".")[0] in ("IPython", "ipykernel")]
    assert seen == []


@pytest.mark.parametrize("module", [m for m in MODULES if unit(m) == "wire"])
def test_the_wire_cannot_execute_what_it_receives(module: str) -> None:
    seen = [place(module, line) for line, name, _ in imports(module) if name.split(".")[0] in EXECUTORS]
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name) and node.id in ("eval", "exec", "compile", "__import__"):
            seen.append(place(module, node.lineno))
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            seen.append(place(module, node.value.lineno))
    assert seen == []


@pytest.mark.parametrize("module", [m for m in MODULES if unit(m) == "gadgets"])
def test_gadgets_see_siblings_and_public_names_only(module: str) -> None:
    wrong = []
    for line, target, relative in own_imports(module):
        if unit(target) != "gadgets" if relative else target != PUBLIC:
            wrong.append(f"{place(module, line)} imports {target}")
    assert wrong == []


@pytest.mark.parametrize("module", MODULES)
def test_no_statistical_generator_makes_shares_or_masks(module: str) -> None:
    """`random` and `numpy.random` are never drawn from; a party only reseeds both, for the user's own code."""
    wrong = []
    if unit(module) != "runtime":
        wrong = [place(module, line) for line, name, _ in imports(module) if name == "random" or name.startswith("numpy.random")]
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    reseeded = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "seed"}
    for node in ast.walk(tree):
        if id(node) in reseeded and unit(module) == "runtime":
            continue
        if isinstance(node, ast.Attribute) and node.attr == "random" and ast.unparse(node.value) in ("np", "numpy", "sys.modules['numpy']"):
            wrong.append(place(module, node.lineno))
        if isinstance(node, ast.Name) and node.id == "random" and isinstance(node.ctx, ast.Load) and unit(module) == "runtime":
            wrong.append(place(module, node.lineno))
    assert wrong == []
