"""What it takes to say how a party is to cheat: one `Cheat`, as keywords or as text, and what is wrong with one that cannot be.

The text is PARTY:STEP[:HOW[:NTH[:PEER]]], with hyphens for spaces, e.g. `bob:reveal:flip` or `bob:multiply:add-one:3:carol`.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import OptionError
from .mutations import HOWS

ANY = "any"  # every step
GRAMMAR = "PARTY:STEP[:HOW[:NTH[:PEER]]]"


@dataclass(frozen=True)
class Cheat:
    """What one party does to what it sends. Where nothing else is said it does so at every such step and to everyone."""

    party: str
    at: str = ANY  # a step's tag
    how: str = "add one"
    nth: int | None = None  # the how-manieth such step from here on, from 1
    to: str | None = None  # the only peer whose messages are changed
    round: int | None = None

    def text(self) -> str:
        """As the option takes it.

        >>> Cheat("bob", "reveal", "flip high").text(), Cheat("bob", to="carol").text()
        ('bob:reveal:flip-high', 'bob:any:add-one::carol')
        """
        parts = [self.party, self.at, self.how, str(self.nth or ""), self.to or ""]
        return ":".join(parts).rstrip(":").replace(" ", "-")

    def meant_for(self, tag: str) -> bool:
        """Whether it is about the steps of this tag; hyphens and spaces are one."""
        return self.at == ANY or self.at.replace("-", " ") == tag.replace("-", " ")


def checked(cheat: Cheat, parties: Sequence[str]) -> Cheat:
    """The same, or an error that names what exists. Which steps there are shows only when the cell runs."""
    _one_of("a party", cheat.party, parties)
    _one_of("a way to cheat", cheat.how, HOWS)
    peers = [name for name in parties if name != cheat.party]
    if cheat.to is not None:
        _one_of(f"a peer of {cheat.party}", cheat.to, peers)
    for what, number in (("nth", cheat.nth), ("round", cheat.round)):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise OptionError(f"cheating: {what} counts from 1; got {number!r}")
    if not isinstance(cheat.at, str) or not cheat.at:
        raise OptionError(f"cheating: `at` takes a step's tag, e.g. multiply or reveal, or {ANY}; got {cheat.at!r}")
    return cheat


def parse(text: str, parties: Sequence[str]) -> Cheat:
    """A Cheat from text.

    >>> parse("bob:reveal:flip:3:carol", ["alice", "bob", "carol"])
    Cheat(party='bob', at='reveal', how='flip', nth=3, to='carol', round=None)
    """
    party, *rest = text.split(":")
    if not 1 <= len(rest) <= 4 or not rest[0]:
        raise OptionError(f"--cheat takes {GRAMMAR}, e.g. bob:reveal or bob:multiply:add-one:3:carol; got {text!r}")
    at, how, nth, to = (*rest, "", "", "", "")[:4]
    if nth and not nth.isdigit():
        raise OptionError(f"--cheat takes {GRAMMAR} with a number as NTH; got {nth!r} in {text!r}")
    return checked(Cheat(party, at, how.replace("-", " ") or Cheat.how, int(nth) if nth else None, to or None), parties)


def near(word: str, known: Sequence[str]) -> str:
    """A hint at what a mistyped word was meant to be, with a space before it; empty if nothing is like it."""
    found = difflib.get_close_matches(word, known, 1)
    return f" Did you mean {found[0]}?" if found else ""


def _one_of(what: str, word: object, known: Sequence[str]) -> None:
    if word not in known:
        raise OptionError(f"cheating: {word!r} is not {what}; there are: {', '.join(known)}.{near(str(word), known)}")
