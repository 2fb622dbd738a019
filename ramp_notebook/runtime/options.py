"""The options of a cell: one table for the notebook's magics and the command line, and what their values mean."""

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import registry
from ..errors import MisuseError, OptionError
from ..protocols.garbling import SCHEMES
from ..protocols.preprocessing.choice import AUTO
from ..protocols.preprocessing.engines import canonical, parts_of
from ..protocols.preprocessing.sources import SOURCES
from ..wire.channel import DEALER
from ..wire.cheats import GRAMMAR, Cheat, parse
from ..wire.network import network

PARTY_NAMES = (
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kim", "leo", "mallory", "niaj", "olivia", "peggy",
)  # fmt: skip
LAUNCHERS = ("local", "inline")
TYPES = ("int64", "fixed", "bool", "text")  # of an input that a plan is to imagine

# (flags, argparse keywords); every default is None, so that sticky defaults can tell what was given
OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--parties",), {"metavar": "NAMES", "help": "how many parties (3), or their names (alice,bob,carol)"}),
    (("--protocol",), {"metavar": "NAME", "help": "how values are shared; `%%mpc protocols` lists them"}),
    (("--preprocessing",), {"metavar": "NAME", "help": "where correlated randomness comes from: auto, ot, ot:k=8, silent, dealer"}),
    (("--garbling",), {"metavar": "NAME", "help": "the scheme of garbled gates: half-gates (usual), three-halves"}),
    (("--store",), {"metavar": "FOLDER", "help": "a folder in which each party keeps prepared correlated randomness, encrypted"}),
    (("-i", "--input"), {"metavar": "NAME@PARTY", "action": "append", "help": "give one value to one party; repeatable"}),
    (("-o", "--output"), {"metavar": "NAME", "help": "bind the Run to this name"}),
    (("--launcher",), {"metavar": "local|inline", "help": "parties as processes (local) or threads (inline)"}),
    (("--plan",), {"action": "store_true", "default": None, "help": "count the cost on shapes without data; runs nothing"}),
    (("--prepare",), {"action": "store_true", "default": None, "help": "make the correlated randomness it will use; runs nothing else"}),
    (
        ("--shape",),
        {
            "metavar": "NAME@PARTY=N[:TYPE]",
            "action": "append",
            "help": "for --plan, --prepare: an input's size, e.g. x@alice=1_000_000 or 9x20, and its type: int64, fixed, bool or text",
        },
    ),
    (("--network",), {"metavar": "NAME", "help": "add the predicted time on this network: lan, wan, mobile, satellite"}),
    (("--charts",), {"metavar": "NAMES", "help": "charts to draw, e.g. timeline,tree; or none"}),
    (("--timeout",), {"metavar": "SECONDS", "help": "abort the cell after so long"}),
    (("--seed",), {"metavar": "HEX", "help": "reproducible randomness, for tests: not private, and the label says so"}),
    (("--checksums",), {"action": "store_true", "default": None, "help": "check every payload for bits changed on the way"}),
    (
        ("--cheat",),
        {
            "metavar": GRAMMAR,
            "action": "append",
            "help": "a party changes what it sends, e.g. bob:reveal:flip or bob:multiply:add-one:3:carol; repeatable, and labelled",
        },
    ),
    (("--quiet",), {"action": "store_true", "default": None, "help": "no report under the cell"}),
)
NAMES = tuple(flags[-1].lstrip("-") for flags, _ in OPTIONS)
DEFAULTS: dict[str, Any] = {
    "parties": "alice,bob,carol", "protocol": "replicated", "preprocessing": AUTO, "garbling": "half-gates",
    "launcher": "local", "charts": "timeline",
}  # fmt: skip
STICKY = (
    "parties", "protocol", "preprocessing", "garbling", "store", "launcher", "network", "charts", "timeout", "quiet", "checksums",
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """One cell's options, checked."""

    parties: tuple[str, ...]
    protocol: str
    launcher: str
    inputs: tuple[tuple[str, str], ...] = ()  # (name, party)
    output: str | None = None
    plan: bool = False
    shapes: tuple[tuple[str, str, tuple[int, ...], str], ...] = ()  # (name, party, shape, type or "" for what is known)
    network: str | None = None
    charts: tuple[str, ...] = ()
    timeout: float | None = None
    seed: bytes | None = None
    checksums: bool = False
    quiet: bool = False
    preprocessing: str = AUTO
    garbling: str = "half-gates"
    prepare: bool = False
    store: str = ""
    cheats: tuple[Cheat, ...] = ()


def check(given: Mapping[str, Any], sticky: Mapping[str, Any]) -> Options:
    """Given values over sticky ones over defaults, each checked; OptionError names the option and what it takes."""
    value = {**DEFAULTS, **sticky, **{name: v for name, v in given.items() if v is not None}}
    parties = party_names(value["parties"])
    protocol = one_of("--protocol", value["protocol"], list(registry.protocols))
    source = _source(given, value["preprocessing"], protocol)
    if given.get("store") and not registry.protocols[protocol].stores:
        raise OptionError(f"--store means nothing under --protocol {protocol}, which keeps no preprocessing on disk; leave it out")
    if value.get("cheat") and (value.get("plan") or value.get("prepare")):
        raise OptionError("--cheat changes messages of a run; with --plan or --prepare there is none. Leave out one of them")
    scheme = one_of("--garbling", value["garbling"], list(SCHEMES), "scheme")
    if given.get("garbling") and not registry.protocols[protocol].chooses_garbling:
        raise OptionError(f"--garbling means nothing under --protocol {protocol}, which garbles no gates; leave it out")
    return Options(
        parties,
        protocol,
        one_of("--launcher", value["launcher"], LAUNCHERS),
        tuple(name_at_party("--input", text, parties) for text in value.get("input") or ()),
        identifier("--output", value["output"]) if value.get("output") else None,
        bool(value.get("plan")),
        tuple(_shape(text, parties) for text in value.get("shape") or ()),
        _network(value.get("network")),
        chart_names(value["charts"]),
        _seconds(value.get("timeout")),
        _seed(value.get("seed")),
        bool(value.get("checksums")),
        bool(value.get("quiet")),
        source,
        scheme,
        bool(value.get("prepare")),
        os.path.abspath(os.path.expanduser(value["store"])) if value.get("store") else "",
        tuple(parse(text, parties) for text in value.get("cheat") or ()),
    )


def _source(given: Mapping[str, Any], chosen: str, protocol: str) -> str:
    """Where correlated randomness comes from. What a protocol cannot build on is refused, not replaced."""
    sources, chosen = registry.protocols[protocol].sources, canonical(chosen)
    base, _ = parts_of(chosen)
    one_of("--preprocessing", base, [AUTO, *SOURCES], "source")
    if given.get("preprocessing") and not sources:
        raise OptionError(f"--preprocessing means nothing under --protocol {protocol}, which leaves no choice of it; leave it out")
    if sources and base != AUTO:
        try:
            registry.protocols[protocol].source_named(base)
        except MisuseError as problem:
            raise OptionError(f"--preprocessing: {problem}") from None
    return chosen


def party_names(text: str) -> tuple[str, ...]:
    """`3` or `alice,bob,carol`, as names.

    >>> party_names("2")
    ('alice', 'bob')
    """
    text = str(text).strip()
    if text.isdigit():
        count = int(text)
        if not 1 <= count <= 1000:
            raise OptionError(f"--parties takes 1 to 1000 parties; got {count}")
        return tuple(PARTY_NAMES[:count]) + tuple(f"party{i}" for i in range(len(PARTY_NAMES) + 1, count + 1))
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if not (name.isidentifier() and name.isascii()):
            raise OptionError(f"--parties takes a number or names like alice,bob,carol; {name!r} is not a name")
        if name == DEALER:
            raise OptionError(f"--parties: `{DEALER}` is the process that deals correlated randomness; name the party otherwise")
    if len(set(names)) < len(names):
        raise OptionError(f"--parties takes different names; got {text}")
    return names


def name_at_party(option: str, text: str, parties: Sequence[str]) -> tuple[str, str]:
    name, at, party = text.partition("@")
    if not at or not name.isidentifier():
        raise OptionError(f"{option} takes NAME@PARTY, e.g. salary@alice; got {text!r}")
    return name, one_of(option, party, parties, "party")


def one_of(option: str, value: str, known: Sequence[str], what: str = "") -> str:
    if value in known:
        return value
    near = difflib.get_close_matches(str(value), known, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise OptionError(f"{option}: there is no {what or option.lstrip('-')} {value!r}; there are: {', '.join(known)}.{hint}")


def identifier(option: str, text: str) -> str:
    if not text.isidentifier():
        raise OptionError(f"{option} takes a variable's name; got {text!r}")
    return text


def chart_names(text: str) -> tuple[str, ...]:
    if text == "none":
        return ()
    known = list(registry.charts)
    return tuple(one_of("--charts", name.strip(), [*known, "none"], "chart") for name in str(text).split(","))


def wrong_option(problem: object, words: Sequence[str], magic: str = "%%mpc") -> OptionError:
    """What a parser could not read, in one line, with the option that a mistyped one was meant to be."""
    flags = [flag for each, _ in OPTIONS for flag in each]
    wrong = next((word.split("=", 1)[0] for word in words if word.startswith("--") and word.split("=", 1)[0] not in flags), "")
    near = difflib.get_close_matches(wrong, flags, 1) if wrong else []
    hint = f"; did you mean {near[0]}?" if near else ""
    return OptionError(f"{magic}: {problem}{hint}")


def without_comment(line: str) -> str:
    """A magic's line without the comment at its end.

    >>> without_comment("alice  # only there")
    'alice'
    """
    return re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()


def check_sticky(name: str, value: str) -> Any:
    """A sticky default given as text, checked as the option itself would be."""
    if name in ("quiet", "checksums"):
        if value.lower() not in ("true", "false"):
            raise OptionError(f"{name} takes true or false; got {value!r}")
        return value.lower() == "true"
    check({}, {name: value})
    return value


def _shape(text: str, parties: Sequence[str]) -> tuple[str, str, tuple[int, ...], str]:
    left, _, right = text.partition("=")
    size, colon, kind = right.partition(":")
    try:
        shape = tuple(int(n) for n in size.split("x"))
    except ValueError:
        shape = (-1,)
    if min(shape) < 0:
        raise OptionError(f"--shape takes NAME@PARTY=N[:TYPE], e.g. ips@alice=1_000_000:text or table@bob=1000x20; got {text!r}")
    return (*name_at_party("--shape", left, parties), shape, one_of("--shape", kind, TYPES, "type") if colon else "")


def _network(name: Any) -> str | None:
    if name is None or name == "none":
        return None
    try:
        network(name)
    except Exception as problem:
        raise OptionError(f"--network: {problem}") from None
    return str(name)


def _seconds(text: Any) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise OptionError(f"--timeout takes a number of seconds, e.g. 30; got {text!r}")
    return seconds


def _seed(text: Any) -> bytes | None:
    if text is None:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise OptionError(f"--seed takes an even number of hexadecimal digits, e.g. 00ff; got {text!r}") from None
