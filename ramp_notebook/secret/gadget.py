"""@gadget: turns a function on secrets into a named, cited, traced building block, found by name or operator.

One of the two seams that record (the other is the recording channel). Knows no particular gadget.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from .. import registry
from ..errors import MisuseTypeError
from .array import SecretArray, check_call
from .session import Session

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class GadgetFacts:
    """What is declared about a gadget beside its code; `ramp_notebook.gadgets` lists them."""

    name: str
    paper: str
    reference: Callable[..., Any] | None  # the same function on plain values
    arguments: tuple[str, ...]  # kinds of arguments, for the conformance suite (see testing.conformance)
    reveals: tuple[str, ...]  # what becomes public on the way, by design; goes into the label
    pattern: str  # "fixed": messages depend on public shapes only; "random": also on coins that it reveals
    operators: tuple[str, ...]


def session_of(*values: Any) -> Session:
    """The session in which these secrets live (searched in arguments and in lists of them)."""
    for value in values:
        if isinstance(value, SecretArray):
            return value.session
        found = getattr(value, "session", None)
        if isinstance(found, Session):
            return found
        if isinstance(value, (list, tuple)) and value:
            try:
                return session_of(*value)
            except MisuseTypeError:
                continue
    raise MisuseTypeError("expected at least one secret among the arguments; share one with mpc.input(…) or mpc.public(…)")


def _joint_session(args: tuple[Any, ...]) -> Session:
    """The one session of all secrets among the arguments; arrays of earlier cells join the running one."""
    session = _found_session(args)
    return session if session is not None else session_of(*args)


def _found_session(args: Iterable[Any]) -> Session | None:
    session: Session | None = None
    for value in args:
        kind = type(value)
        if kind is SecretArray:
            found: Session | None = value.session
            if value.epoch != value.session.epoch or value.session.mixed:
                value.session.adopt(value)
        elif kind is list or kind is tuple:
            found = _found_session(value)
        else:
            continue
        if session is None:
            session = found
        elif found is not None and found is not session:
            raise MisuseTypeError("these secrets belong to different groups of parties; run the cell where all of them live")
    return session


def gadget(
    *,
    paper: str,
    reference: Callable[..., Any] | None = None,
    arguments: Iterable[str] = (),
    reveals: Iterable[str] = (),
    pattern: str = "fixed",
    operator: str | Iterable[str] = (),
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a function on secrets under its own name, and as the meaning of `operator` if given.

    Calling it opens a span; what it declares to reveal enters the run's label when it runs.
    """
    operators = (operator,) if isinstance(operator, str) else tuple(operator)

    def register(function: Callable[P, R]) -> Callable[P, R]:
        facts = GadgetFacts(function.__name__, paper, reference, tuple(arguments), tuple(reveals), pattern, operators)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            session = _joint_session(args) if not kwargs else _joint_session((*args, *kwargs.values()))
            with session.span(facts.name):
                if facts.reveals or facts.pattern == "random":
                    session.note(["random pattern"] if facts.pattern == "random" else [], facts.reveals)
                try:
                    return function(*args, **kwargs)
                except TypeError:
                    check_call(f"gadgets.{facts.name}", function, args, kwargs)
                    raise

        run.facts = facts  # type: ignore[attr-defined]
        registry.gadgets.add(facts.name, run)
        for name in operators:
            registry.operators.add(name, run)
        return run

    return register


def primitive(name: str, operator: str | Iterable[str] = (), *, local: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a primitive. `local` ones send nothing and open no span, unless under this protocol even sums talk."""
    operators = (operator,) if isinstance(operator, str) else tuple(operator)

    def register(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            session = _joint_session(args)
            if local and session.protocol.linear_is_local:
                return function(*args, **kwargs)
            with session.span(name):
                return function(*args, **kwargs)

        for each in operators:
            registry.operators.add(each, run)
        return run

    return register
