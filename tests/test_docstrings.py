"""Whatever a cell or an author of gadgets can name says what it is for; a name that is not there says which was meant."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ramp_notebook import gadgets
from ramp_notebook.secret.session import Session

ROOT = Path(__file__).parents[1]
PUBLIC = [*sorted((ROOT / "gadgets").glob("*.py")), *(ROOT / "ramp_notebook" / "secret" / f"{name}.py" for name in ("session", "array"))]


def undocumented(source: str) -> Iterator[str]:
    """Public functions, classes and methods without a docstring; what is inside a function is its own business."""

    def inside(body: list[ast.stmt], path: str) -> Iterator[str]:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                if ast.get_docstring(node) is None:
                    yield path + node.name
                if isinstance(node, ast.ClassDef):
                    yield from inside(node.body, f"{path}{node.name}.")

    yield from inside(ast.parse(source).body, "")


@pytest.mark.parametrize("path", PUBLIC, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_public_function_has_a_docstring(path: Path) -> None:
    assert [] == list(undocumented(path.read_text(encoding="utf-8")))


def test_a_missing_docstring_is_found() -> None:
    source = 'def f():\n    "Says."\nclass C:\n    def g(self): ...\n    def _h(self): ...\ndef k(): ...\n'
    assert ["C", "C.g", "k"] == list(undocumented(source))


def test_names_of_gadgets_and_nothing_else_are_offered() -> None:
    assert sorted(gadgets.__all__) == dir(gadgets)
    assert [] == [name for name in gadgets.__all__ if not hasattr(gadgets, name)]


@pytest.mark.parametrize(
    ("home", "slip", "meant"),
    [
        (Session(["alice"]), "revael", "mpc has no `revael`; did you mean `reveal`"),
        (gadgets, "maxx", "gadgets has no `maxx`; did you mean `max`"),
    ],
)
def test_a_slip_of_the_hand_is_told_what_was_meant(home: object, slip: str, meant: str) -> None:
    with pytest.raises(AttributeError, match=meant):
        getattr(home, slip)
    with pytest.raises(AttributeError, match="has no `qqqq`$"):
        home.qqqq  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(home, slip)
