"""@gadget: turns a function on secrets into a named, cited, traced building block, found by name or operator.

One of the two seams that record (the other is the recording channel). Knows no particular gadget.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .. import registry
from ..errors import MisuseTypeError
from .array import SecretArray, check_same_session
from .session import Session


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


def gadget(
    *,
    paper: str,
    reference: Callable[..., Any] | None = None,
    arguments: Iterable[str] = (),
    reveals: Iterable[str] = (),
    pattern: str = "fixed",
    operator: str | Iterable[str] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function on secrets under its own name, and as the meaning of `operator` if given.

    Calling it opens a span; what it declares to reveal enters the run's label when it runs.
    """
    operators = (operator,) if isinstance(operator, str) else tuple(operator)

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        facts = GadgetFacts(function.__name__, paper, reference, tuple(arguments), tuple(reveals), pattern, operators)

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            session = session_of(*args, *kwargs.values())
            for value in args:
                if isinstance(value, SecretArray):
                    session.adopt(value)
            with session.span(facts.name):
                if facts.reveals or facts.pattern == "random":
                    session.note(["random pattern"] if facts.pattern == "random" else [], facts.reveals)
                return function(*args, **kwargs)

        run.facts = facts  # type: ignore[attr-defined]
        registry.gadgets.add(facts.name, run)
        for name in operators:
            registry.operators.add(name, run)
        return run

    return register


def primitive(name: str, operator: str | Iterable[str] = (), *, local: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a primitive: `local` ones send nothing and open no span."""
    operators = (operator,) if isinstance(operator, str) else tuple(operator)

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            check_same_session(*args)
            session = session_of(*args)
            for value in args:
                if isinstance(value, SecretArray) and value.epoch != session.epoch:
                    session.adopt(value)
            if local:
                return function(*args, **kwargs)
            with session.span(name):
                return function(*args, **kwargs)

        for each in operators:
            registry.operators.add(each, run)
        return run

    return register
