"""Mutation testing of the checks: each is removed or weakened in turn, and the attacks must then find a wrong result.

Mutants are made from the source by rule, so that none is forgotten and no protocol lists its own: in a protocol's module, and in
those of `protocols/` that it uses and that know of checks,
  - every function loses all its calls of `alike`; `compare()` says that all is alike, or as a statement is left out; `confirm(check,
    fine)` is told that all is fine; `verify()` is left out; an `array_equal` says yes; what is assigned to `fine` is true;
  - a function that answers yes or no (`-> bool`) answers yes at each of its returns, unless its answer is no check's.
A mutant lives if the seeded attacks see nothing wrong under it, no honest run fails, and the linter over traces has nothing to say.
Some checks are about other things than right results, which is all that attacks can judge: privacy, or memory; some overlap with
others. `DIRECT` names for each the test that attacks it directly, and this test has to fail under the mutant.

`python -m tests.attacks.mutants [PROTOCOL…]` tries all, on all cores.
"""

import argparse
import ast
import contextlib
import functools
import gc
import inspect
import io
import os
import re
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from ramp_notebook import registry
from ramp_notebook.testing.checked import unchecked

from . import matrix
from .parties import DONE, run_cell, trace_of
from .programs import BY_NAME, PROGRAMS, cell_of, parties_of
from .whole import against_active_parties, in_processes

WORDS = ("alike", "compare", "confirm", "verify", "array_equal")
ATTACKS, SEED = 400, 1
SMALL = ("input", "own input", "multiply", "to one")

# By function and change: the test that attacks this check directly, and why attacks on whole programs may see nothing without it.
FOUR, SPDZ, THREE, CHECKS = (f"tests/protocols/test_{name}.py::test_" for name in ("fantastic_four", "spdz2k", "replicated_malicious", "checks"))
HEARD = CHECKS + "a_coin_that_somebody_bends_is_noticed_by_all_others"  # only who chooses both stories by a use of the coin gains
LEFT_OUT = FOUR + "a_check_left_out_lets_somebody_through"  # programs with a product too many notice most lies by another message
STORIES = SPDZ + "two_stories_of_a_single_bit_are_compared"  # MACs notice two stories, too, but for a guess of one bit
REVEALED = SPDZ + "a_changed_reveal_is_noticed_whichever_it_is"  # between two; among three views differ as well
WHATEVER = THREE + "whatever_a_party_changes_the_others_stop_before_they_see_a_wrong_result"
DIRECT: dict[tuple[str, str], str] = {
    ("Checks._heard", "no alike"): HEARD,
    ("FantasticFour.input", "no alike"): LEFT_OUT,
    ("JointMessages.deliver", "no alike"): LEFT_OUT,
    # privacy: what is opened is checked later anyway
    ("Halves.to_arithmetic", "no verify"): FOUR + "a_conversion_opens_nothing_that_comes_out_of_a_falsified_adder",
    ("Checks.compare", "array_equal says yes"): STORIES,
    ("Checks.compare", "answers yes"): STORIES,
    ("Openings.verify", "compare says yes"): STORIES,
    ("Checks.at_once", "fine is taken for granted"): SPDZ + "who_listens_before_it_opens_what_has_to_vanish_is_noticed",
    ("Openings.verify", "fine is taken for granted"): REVEALED,
    ("Openings._vanish", "fine is taken for granted"): REVEALED,
    ("Openings._vanish", "answers yes"): REVEALED,
    ("Openings._macs_fit", "answers yes"): REVEALED,
    # memory: what is not checked here is checked before the next reveal
    ("Openings._remember", "no verify"): SPDZ + "long_cells_check_in_between_so_that_memory_stays_the_same",
    # privacy: a later comparison tells, too
    ("Batch._open_group", "no compare"): THREE + "a_party_that_was_lied_to_tells_nothing_of_its_shares",
    ("ReplicatedMalicious.joint_coin", "no compare"): THREE + "who_hears_another_coin_knows_it_before_anything_is_opened",
    # what is kept of it is told by the reveal that follows; if one does
    ("ReplicatedMalicious.verify", "no compare"): WHATEVER,
    ("ReplicatedMalicious.verify", "confirm is told that all is fine"): WHATEVER,
}


@dataclass(frozen=True)
class Mutant:
    """One function with other code."""

    module: str
    function: str  # its qualified name
    change: str
    line: int
    code: types.CodeType

    def __str__(self) -> str:
        return f"{self.module.removeprefix('ramp_notebook.')}:{self.line} {self.function}: {self.change}"


def modules_of(protocol: str) -> list[types.ModuleType]:
    """The protocol's module, and those it uses that know of checks."""
    found: dict[str, types.ModuleType] = {}
    open_ = [registry.protocols[protocol].__module__]
    while open_:
        name = open_.pop()
        module = sys.modules[name]
        if name in found or not re.search(r"\bChecks\b|\.checks\b", inspect.getsource(module)):
            continue
        found[name] = module
        used = {getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in vars(module).values()}
        open_ += sorted(each for each in used if str(each).startswith("ramp_notebook.protocols.") and each in sys.modules)
    return [found[name] for name in sorted(found)]


@functools.cache
def mutants(protocol: str) -> list[Mutant]:
    """All of functions that honest runs of the programs call."""
    called = _called_by(protocol)
    return [each for module in modules_of(protocol) for each in _of_module(module) if (each.module, each.function) in called]


def _called_by(protocol: str) -> set[tuple[str, str]]:
    called: set[tuple[str, str]] = set()

    def note(frame: types.FrameType, event: str, what: Any) -> None:
        called.add((frame.f_globals.get("__name__", ""), frame.f_code.co_qualname))

    outer = sys.getprofile()
    sys.setprofile(note)
    try:
        for program in PROGRAMS:
            run_cell(parties_of(protocol), cell_of(program, protocol, 0))
    finally:
        sys.setprofile(outer)
    return called


def _of_module(module: types.ModuleType) -> Iterator[Mutant]:
    source, filename = inspect.getsource(module), inspect.getfile(module)
    tree = ast.parse(source)
    for name, function in _functions(tree):
        for change, line, edit in _changes(function):
            mutated = ast.parse(source)
            twin = dict(_functions(mutated))[name]
            edit(twin)
            ast.fix_missing_locations(mutated)
            code = _code(compile(mutated, filename, "exec"), name)
            if code is not None:
                yield Mutant(module.__name__, name, change, line, code)


def _functions(tree: ast.AST, path: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield path + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{path}{node.name}.")


def _code(code: types.CodeType, name: str) -> types.CodeType | None:
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            if each.co_qualname == name:
                return each
            if (inner := _code(each, name)) is not None:
                return inner
    return None


Edit = Callable[[ast.FunctionDef], Any]


def _changes(function: ast.FunctionDef) -> Iterator[tuple[str, int, Edit]]:
    """What may be changed in a function: a name for it, its line, and what does it to a copy of the function."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and _called(node) in WORDS]
    statements = [node.value for node in ast.walk(function) if isinstance(node, ast.Expr)]
    if any(_called(call) == "alike" for call in calls) and function.name != "alike":
        yield "no alike", function.lineno, lambda twin: _Without(lambda call: _called(call) == "alike").visit(twin)
    for call in calls:
        name, place = _called(call), (call.lineno, call.col_offset)

        def here(other: ast.Call, place: tuple[int, int] = place, name: str = name) -> bool:
            return (other.lineno, other.col_offset) == place and _called(other) == name

        if name == "verify" or (name == "compare" and call in statements):
            yield f"no {name}", call.lineno, lambda twin, here=here: _Without(here).visit(twin)
        elif name == "confirm" and len(call.args) >= 2:
            yield "confirm is told that all is fine", call.lineno, lambda twin, here=here: _Fine(here).visit(twin)
        elif name in ("compare", "array_equal"):
            yield f"{name} says yes", call.lineno, lambda twin, here=here: _Yes(here).visit(twin)
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["fine"] and not any(call in calls for call in ast.walk(node)):
            yield "fine is taken for granted", node.lineno, lambda twin, line=node.lineno: _Granted(line).visit(twin)
    if isinstance(function.returns, ast.Name) and function.returns.id == "bool" and function.name not in ("fits", "pending"):
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant | None):
                yield "answers yes", node.lineno, lambda twin, line=node.lineno: _Answer(line).visit(twin)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""


class _Without(ast.NodeTransformer):
    """Statements that are such a call are gone."""

    def __init__(self, meant: Callable[[ast.Call], bool]):
        self.meant = meant

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Call) and self.meant(node.value):
            return ast.copy_location(ast.Pass(), node)
        return node


class _Fine(_Without):
    """The call's second argument is True."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if self.meant(node):
            node.args[1] = ast.Constant(True)
        return node

    visit_Expr = ast.NodeTransformer.generic_visit  # type: ignore[assignment]


class _Yes(_Fine):
    """The call is made, since others wait for its messages, and its answer is not heard."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return _made_and_true(node) if self.meant(node) else node


class _Granted(ast.NodeTransformer):
    """What is assigned at this line is made, and is fine."""

    def __init__(self, line: int):
        self.line = line

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if node.lineno == self.line:
            node.value = _made_and_true(node.value)
        return node


class _Answer(ast.NodeTransformer):
    """What is returned at this line is made, and the answer is yes."""

    def __init__(self, line: int):
        self.line = line

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if node.lineno == self.line and node.value is not None:
            node.value = _made_and_true(node.value)
        return node


def _made_and_true(node: ast.expr) -> ast.expr:
    """True, once it was made: a tuple of one is no empty one."""
    return ast.Call(ast.Name("bool", ast.Load()), [ast.Tuple([node], ast.Load())], [])


@contextlib.contextmanager
def in_place(mutant: Mutant) -> Iterator[None]:
    """While it lasts the function runs the mutant's code."""
    found = [
        each for each in gc.get_objects()
        if isinstance(each, types.FunctionType) and each.__module__ == mutant.module and each.__code__.co_qualname == mutant.function
    ]  # fmt: skip
    codes = [function.__code__ for function in found]
    assert found, str(mutant)
    for function in found:
        function.__code__ = mutant.code
    try:
        yield
    finally:
        for function, code in zip(found, codes, strict=True):
            function.__code__ = code


def killed_by(protocol: str, mutant: Mutant, cases: list[matrix.Attack]) -> str:
    """What notices the mutant; empty if nothing does."""
    with in_place(mutant):
        for program in PROGRAMS:
            records: list[Any] = []
            ends = run_cell(parties_of(protocol), cell_of(program, protocol, 0), records=records)
            if not all(end.how == DONE for end in ends):
                return f"an honest run of {program.name!r} fails"
            if faults := unchecked(trace_of(parties_of(protocol), records), protocol):
                return f"the linter: {faults[0]}"
        for attack in cases:
            found, ends = matrix.outcome(attack)
            if found in matrix.FAILURES:
                return f"{found} {attack}"
        test = DIRECT.get((mutant.function, mutant.change), "")
        return f"{test} fails" if test and fails(test) else ""


def fails(test: str) -> bool:
    """Whether a test, run inside this process, fails; one that cannot be run is an error here."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", test])
    assert code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), said.getvalue()
    return code == pytest.ExitCode.TESTS_FAILED


def telling(protocol: str, count: int) -> list[matrix.Attack]:
    """All attacks on the smallest programs, and a seeded sample of others, in ways that change what is said."""
    small = matrix.attacks(protocol, [BY_NAME[name] for name in SMALL])
    cases = [*small, *matrix.sample(protocol, 3 * count, Random(SEED))]
    return [attack for attack in cases if attack.cheats[0].how in LOUD]


def tried(protocol: str, place: int, count: int) -> tuple[str, str]:
    """One of a protocol's mutants, and what kills it."""
    mutant = mutants(protocol)[place]
    return str(mutant), killed_by(protocol, mutant, telling(protocol, count))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.mutants", description=__doc__)
    parser.add_argument("protocols", nargs="*")
    parser.add_argument("--attacks", type=int, default=ATTACKS)
    given = parser.parse_args()
    protocols = given.protocols or against_active_parties()
    direct = sorted(set(DIRECT.values()))
    broken = [test for test, code in in_processes(fails, [(test,) for test in direct], os.cpu_count() or 1) if code]
    assert not broken, f"these fail without any mutant: {broken}"
    living = total = 0
    todo = [(protocol, place, given.attacks) for protocol in protocols for place in range(len(mutants(protocol)))]
    for (protocol, *_), (mutant, reason) in in_processes(tried, todo, os.cpu_count() or 1):
        total += 1
        living += not reason
        print(f"{protocol}  {'killed' if reason else 'LIVES '}  {mutant}  {reason}", flush=True)
    print(f"{total} mutants, {living} live")
    return int(living > 0)


LOUD = ("add one", "add one to the first", "add random", "flip", "flip the first", "flip high", "equivocate", "negate", "copy own")


if __name__ == "__main__":
    sys.exit(main())
