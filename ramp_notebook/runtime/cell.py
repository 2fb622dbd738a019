"""What travels between the coordinator and a party: a Cell one way, an Outcome the other. Plain data only."""

from dataclasses import dataclass, field
from typing import Any

from .. import registry
from ..wire.cheats import Cheat


@dataclass(frozen=True)
class Cell:
    """One piece of text to run, at all parties (`kind="mpc"`) or at some (`kind="party"`).

    `source` is what the user sees: line k of it is line k of the notebook cell. Magic lines are blanked, not removed.
    """

    source: str
    filename: str = "<mpc cell 1>"
    kind: str = "mpc"
    protocol: str = "replicated"
    inputs: dict[int, dict[str, Any]] = field(default_factory=dict)  # party index -> name -> value, from -i
    helpers: str = ""  # source text of notebook functions that the cell uses
    seed: bytes | None = None
    checksums: bool = False
    targets: tuple[int, ...] | None = None  # None: every party
    preprocessing: str = ""  # a source by name; empty: the protocol's default
    garbling: str = "half-gates"
    store: str = ""  # folder of a stock of it on disk
    needs: dict[Any, int] = field(default_factory=dict)  # correlated randomness to make before the text runs, by kind
    stocking: bool = False  # all of `needs` is made, whatever memory it takes; otherwise only as much as is sensible ahead
    cheats: tuple[Cheat, ...] = ()  # what parties do on purpose from the start
    generation: int = 0  # set by the coordinator: what protocols kept in another generation is dropped by all parties


def chosen_source(cell: Cell) -> str:
    """Where the cell's correlated randomness comes from: what it names, or its protocol's default."""
    return cell.preprocessing or next(iter(registry.protocols[cell.protocol].sources), "ot")


@dataclass(frozen=True)
class Description:
    """What the others may know about one name in a party's namespace: never its value.

    kind: "private" (plain data of one party), "secret" (a SecretArray), "function" (source in `text`), "imported" (a
    function or class of a module, `module:name` in `text`), "module" (its name in `text`), "other".
    """

    kind: str
    dtype: str = ""  # "int64", "fixed", "bool", "float64", "text", …
    shape: tuple[int, ...] = ()
    domain: str = ""  # secrets: "arithmetic" | "binary"
    protocol: str = ""
    text: str = ""


@dataclass(frozen=True)
class ErrorReport:
    """An exception as it leaves a party: names and places, no values of frames."""

    kind: str  # class name
    message: str
    line: int
    gadget: tuple[str, ...]
    traceback: str
    module: str = "builtins"


@dataclass
class Outcome:
    """How one party's run of a cell ended. Namespaces change only when the coordinator then says commit."""

    status: str  # "ok" | "error" | "aborted"
    printed: str = ""
    error: ErrorReport | None = None
    digests: dict[str, str] = field(default_factory=dict)  # plain new bindings: name -> digest
    secrets: dict[str, str] = field(default_factory=dict)  # secret new bindings: name -> what its handle shows
    directory: dict[str, Description] = field(default_factory=dict)
    supplies: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # of correlated randomness: made, used, left
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)  # protocol -> what everyone knows of what it keeps
    record: dict[str, Any] = field(default_factory=dict)  # trace.recorder.Recorder.party_record()
    label: dict[str, Any] = field(default_factory=dict)
    revealed_digest: str = ""  # running digest of everything revealed to all: must agree
    reveals: list[Any] = field(default_factory=list)  # pattern="random" reveals, for planning the same run again
    peeks: list[tuple[int, str, Any]] = field(default_factory=list)  # (line, dtype, share) from mpc.peek
    carried_bytes: dict[int, int] = field(default_factory=dict)  # peer -> bytes the sockets carried during this cell
    cheated: list[str] = field(default_factory=list)  # what this party changed on purpose, or why it did not; a line each
    last_value: str = ""  # repr of a %%party cell's last expression
