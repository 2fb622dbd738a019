"""Owns preparing ahead: what a user asks for by kind, what a cell will need, and the cell without text that has it made."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .. import registry
from ..errors import MisuseError, OptionError
from ..protocols.planes import word_count
from .cell import Cell
from .needs import count_needs
from .options import OPTIONS

Kind = tuple[Any, ...]
SINGLE = ("triples", "bit_triples", "dabits", "transfers")  # counted one by one
SIZED = {"matrix_triples": "ROWSxINNERxCOLUMNS", "translations": "ROWSxSUMSxXORS"}  # one item for each time it is asked for
EXAMPLE = "%mpc prepare triples=1_000_000 bit_triples=64_000 dabits=1000 matrix_triples=2x3x4"


def asked_for(words: Sequence[str]) -> dict[Kind, int]:
    """How many items of which kind `words` name; bits are kept 64 to an item.

    >>> asked_for(["triples=1_000", "bit_triples=65", "matrix_triples=2x3x4"])
    {('triples',): 1000, ('bit_triples',): 2, ('matrix_triples', 2, 3, 4): 1}
    """
    if not words:
        raise OptionError(f"%mpc prepare takes what is to be made and how much of it, e.g. {EXAMPLE}")
    needs: dict[Kind, int] = {}
    for word in words:
        name, equals, amount = word.partition("=")
        if not equals or name not in (*SINGLE, *SIZED):
            known = ", ".join((*SINGLE, *SIZED))
            raise OptionError(f"%mpc prepare takes KIND=NUMBER, of these kinds: {known}; got {word!r}, e.g. {EXAMPLE}")
        if name in SIZED:
            sizes = _numbers(word, amount, SIZED[name])
            needs[name, *sizes] = needs.get((name, *sizes), 0) + 1
        else:
            (count,) = _numbers(word, amount, "NUMBER")
            needs[(name,)] = needs.get((name,), 0) + (count if name == "triples" else word_count(count))
    return needs


def kinds_and_options(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """What `%mpc prepare` is asked for, and its options with their values; either may come first.

    >>> kinds_and_options(["--store", "folder", "triples=2", "--quiet", "dabits=3"])
    (['triples=2', 'dabits=3'], ['--store', 'folder', '--quiet'])
    """
    taking_a_value = {flag for flags, keywords in OPTIONS for flag in flags if "metavar" in keywords}
    kinds: list[str] = []
    options: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        (options if word.startswith("-") or before in taking_a_value else kinds).append(word)
    return kinds, options


def _numbers(word: str, text: str, form: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(number) for number in text.split("x"))
    except ValueError:
        numbers = ()
    if len(numbers) != form.count("x") + 1 or min(numbers, default=0) < 1:
        raise OptionError(f"%mpc prepare: {word.partition('=')[0]} takes {form}, whole numbers from 1 on; got {text!r}")
    return numbers


def stocking_cell(cell: Cell, needs: Mapping[Kind, int]) -> Cell:
    """A cell that has so much made, as `cell` would have it made, and does nothing else."""
    prepared = registry.protocols[cell.protocol].prepares
    if not prepared:
        needing = ", ".join(name for name, cls in registry.protocols.items() if cls.prepares)
        raise MisuseError(f"`{cell.protocol}` spends no correlated randomness that could be made ahead; what does: {needing}.")
    if unknown := sorted({kind[0] for kind in needs} - set(prepared)):
        named = ", ".join(kind for kind in (*SINGLE, *SIZED) if kind in prepared)
        raise MisuseError(f"`{cell.protocol}` spends no {', '.join(unknown)}; what can be made ahead for it: {named}.")
    return replace(cell, source="", helpers="", inputs={}, needs=dict(needs), stocking=True)


def prepared_for(cell: Cell, names: Sequence[str], **known: Any) -> Cell:
    """The cell that has made exactly what `cell` will use. Its text runs on shapes alone, as in a plan."""
    stocking_cell(cell, {})  # refuses before the text is looked at
    return stocking_cell(cell, count_needs(cell, names, **known))
