"""Tab completion on magic lines: options, and what they take."""

from collections.abc import Iterator, Sequence
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from ramp_notebook import registry
from ramp_notebook.protocols.garbling import SCHEMES
from ramp_notebook.protocols.preprocessing.choice import AUTO
from ramp_notebook.protocols.preprocessing.softspoken import FITTING_K
from ramp_notebook.protocols.preprocessing.sources import SOURCES
from ramp_notebook.runtime.options import LAUNCHERS, OPTIONS, STICKY, TYPES
from ramp_notebook.runtime.preparation import SINGLE, SIZED
from ramp_notebook.runtime.workspace import Workspace
from ramp_notebook.wire.mutations import HOWS
from ramp_notebook.wire.network import PRESETS

STEPS = ("input", "multiply", "and", "matmul", "reveal", "any")  # of those that most protocols have
SUBCOMMANDS = ("config", "gadgets", "help", "last", "networks", "prepare", "protocols", "restart", "start", "status", "stop", "verify")


class Completion:
    """Completes `%%mpc --pro<Tab>`, `--protocol re<Tab>`, `%mpc st<Tab>`, `%%party al<Tab>`."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace

        @context_matcher(identifier="ramp_notebook.options")
        def match(context: CompletionContext) -> Any:
            found = [SimpleCompletion(text, type="param") for text in self.candidates(context.line_with_cursor[: context.cursor_position])]
            return {"completions": found, "suppress": bool(found)}

        self.match = match

    def candidates(self, line: str) -> list[str]:
        """What may stand at the end of this line."""
        words = line.split()
        if not words or words[0] not in ("%%mpc", "%mpc", "%%party"):
            return []
        typed = "" if line[-1:].isspace() else words[-1]
        before = words[:-1] if typed else words
        return [text for text in self._possible(before, typed) if text.startswith(typed) and text != typed]

    def _possible(self, before: list[str], typed: str) -> Iterator[str]:
        if not before:
            return
        if before[0] == "%%party":
            yield from (*self.workspace.options({}).parties, "all")
        elif before == ["%mpc"]:
            yield from SUBCOMMANDS
        elif typed.startswith("-"):
            yield from (flag for flags, _ in OPTIONS for flag in flags)
        elif before[0] == "%mpc" and before[1:2] == ["config"]:
            yield from (f"{name}=" for name in STICKY)
        elif before[0] == "%mpc" and before[1:2] == ["prepare"] and not before[-1].startswith("-"):
            yield from (f"{kind}=" for kind in (*SINGLE, *SIZED))
        elif before[0] == "%mpc" and before[1:2] == ["gadgets"]:
            yield from registry.gadgets
        else:
            yield from self._values_of(before[-1], typed)

    def _values_of(self, option: str, typed: str) -> Iterator[str]:
        if option == "--protocol":
            yield from registry.protocols
        elif option == "--network":
            yield from PRESETS
        elif option == "--charts":
            yield from (*registry.charts, "none")
        elif option == "--launcher":
            yield from LAUNCHERS
        elif option == "--shape" and ":" in typed:
            yield from (f"{typed.partition(':')[0]}:{kind}" for kind in TYPES)
        elif option == "--preprocessing":
            yield from (AUTO, *SOURCES, *(f"ot:k={k}" for k in FITTING_K))
        elif option == "--garbling":
            yield from SCHEMES
        elif option == "--cheat":
            yield from _cheats(typed.split(":"), self.workspace.options({}).parties)
        elif option in ("-i", "--input", "--shape") and "@" in typed:
            name = typed.partition("@")[0]
            yield from (f"{name}@{party}" for party in self.workspace.options({}).parties)


def _cheats(typed: Sequence[str], parties: Sequence[str]) -> Iterator[str]:
    """PARTY:STEP:HOW as far as it is typed, with every way to go on."""
    ways = (parties, STEPS, [how.replace(" ", "-") for how in HOWS])
    if len(typed) <= len(ways):
        yield from (":".join([*typed[:-1], word]) for word in ways[len(typed) - 1])
