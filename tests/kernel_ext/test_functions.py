"""Functions and classes of the notebook in a cell: they travel as text with what they use; data stay where they are."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

NOTEBOOK = """
import functools, math, os.path as op
import numpy as np
from collections import OrderedDict
from dataclasses import dataclass
from math import sqrt, pi
from typing import Any, Optional
from ramp_notebook import gadget

def deco(fn):
    @functools.wraps(fn)
    def inner(*args): return fn(*args)
    return inner

@deco
def plus_one(x: Any) -> Optional[int]: return x + 1

@functools.lru_cache
def cached(x): return plus_one(x) + 1

double = lambda x: x * 2

def even(n): return n == 0 or odd(n - 1)
def odd(n): return n != 0 and even(n - 1)

class Base:
    def value(self): return plus_one(2)
class Plain(Base): pass
class Deep(Base):
    def value(self): return super().value() + 1

@dataclass
class Point:
    x: int
    y: int = 2

def local_rate():
    rate = 5
    return [rate * k for k in range(2)]

def make(k):
    def scaled(x): return x * k
    return scaled

@gadget(paper="a notebook")
def thrice(x):
    '''Return 3 x.'''
    return x * 3

rate = 3
by_default = lambda x, factor=rate: x * factor
times_two = make(2)
point = Point(1)
partial = functools.partial(plus_one, 1)
"""


@pytest.fixture(scope="module")
def shell():
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "ramp_notebook")
    shell.run_line_magic("mpc", "config launcher=inline")
    assert shell.run_cell(NOTEBOOK).success
    yield shell
    shell.run_line_magic("unload_ext", "ramp_notebook")
    shell.reset()


def value(shell, expression):
    return shell.run_cell_magic("mpc", "--quiet -o run", f"result = {expression}") or shell.user_ns["run"].outputs["result"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("double(4)", 8),
        ("plus_one(1)", 2),
        ("cached(1)", 3),
        ("even(4)", True),
        ("Base().value()", 3),
        ("Plain().value()", 3),
        ("Deep().value()", 4),
        ("Point(1).y", 2),
        ("local_rate()", [0, 5]),
        ("sqrt(4)", 2.0),
        ("math.floor(2.5)", 2),
        ("op.basename('a/b')", "b"),
        ("list(OrderedDict(a=1))", ["a"]),
        ("mpc.reveal(thrice(mpc.public(5)))", 15),
        ("[double(rate) for rate in (1, 2)]", [2, 4]),
    ],
)
def test_what_travels(shell, expression, expected):
    assert expected == value(shell, expression)


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("rate + 1", "line 2 of the cell uses `rate`, data of the notebook .int. .* write -i rate@PARTY"),
        ("by_default(1)", "`by_default` uses `rate`, data of the notebook"),
        ("times_two(1)", "`times_two` captures k .* pass them as arguments"),
        ("point.x", "`point`, data of the notebook .Point."),
        ("partial()", "`partial`, data of the notebook"),
        ("pi", "`pi`, data of the notebook .float."),
    ],
)
def test_what_stays(shell, expression, complaint):
    with pytest.raises(Exception, match=complaint) as caught:
        value(shell, expression)
    assert 1 == len(caught.value._render_traceback_())


def test_a_changed_function_is_the_one_that_runs(shell):
    shell.run_cell("def version(): return 1")
    assert 1 == value(shell, "version()")
    shell.run_cell("def version(): return 2")
    assert 2 == value(shell, "version()")


def test_a_function_cannot_be_found_among_two_classes_of_one_name(shell):
    for base in ("Base", "Plain"):
        shell.run_cell(f"class Ambiguous({base}): pass")
    with pytest.raises(Exception, match="source of `Ambiguous` is not at hand"):
        value(shell, "Ambiguous()")


def test_an_error_in_a_function_shows_its_text_and_the_cell_line(shell):
    shell.run_cell("def broken(v):\n    w = v\n    return w / 0")
    with pytest.raises(Exception, match="ZeroDivisionError in all parties at line 3") as caught:
        shell.run_cell_magic("mpc", "", "a = 1\nb = broken(a)")
    shown = "\n".join(caught.value._render_traceback_())
    assert "---->   3 b = broken(a)" in shown
    assert "return w / 0" in shown
    assert "ramp_notebook/" not in shown


def test_a_plan_takes_functions_too(shell):
    run = shell.run_cell_magic("mpc", "--plan --shape x@alice=10", 'r = mpc.reveal(double(mpc.input("x", owner="alice")))')
    assert run.planned


def test_a_result_that_the_notebook_bound_anew_is_refused(shell):
    shell.run_cell_magic("mpc", "--quiet", "total = 4\nlist_of = [1, 2]")
    shell.user_ns["list_of"] = [1, 2]  # an equal value is the same value
    assert [1, 2] == value(shell, "list_of")
    shell.user_ns["total"] = 99
    with pytest.raises(Exception, match="`total`, which the notebook has bound anew"):
        value(shell, "total + 1")
    assert 6 == shell.run_cell_magic("mpc", "", "total = 5\nnext_total = total + 1").outputs["next_total"]
    shell.run_cell_magic("party", "all", "total = 7")
    shell.user_ns["total"] = 1
    assert 8 == value(shell, "total + 1"), "what a %%party cell bound is the parties' own"


@pytest.mark.parametrize(("magic", "line", "name"), [("mpc", "", "rate"), ("party", "bob", "rate"), ("party", "bob", "mpc")])
def test_missing_names_come_with_a_hint(shell, magic, line, name):
    with pytest.raises(Exception, match="NameError") as caught:
        shell.run_cell_magic(magic, line, f"{name} = {name} * 2")
    assert f"`{name}` is" in caught.value._render_traceback_()[-1]
