"""`%%mpc`, `%%party` and `%mpc`: parse a line, hand the text to the workspace, show what comes back."""

import shlex
from collections.abc import Callable
from functools import reduce
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand, output_can_be_silenced
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from ramp_notebook.errors import OptionError, RampError
from ramp_notebook.report import pictures
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.options import OPTIONS, Options, nearest_option
from ramp_notebook.runtime.workspace import Workspace, targets_of

from . import listings
from .handle import SecretHandle
from .progress import Progress
from .rendering import show_shortly


def cell_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Declare the options of a cell, once for all magics that take them."""
    declared: Callable[..., Any] = reduce(lambda f, option: argument(*option[0], **option[1])(f), reversed(OPTIONS), function)
    return declared


@magics_class
class RampMagics(Magics):
    """Secure multi-party computation in cells."""

    def __init__(self, shell: InteractiveShell, workspace: Workspace):
        super().__init__(shell)
        self.workspace = workspace

    # -- cells ---------------------------------------------------------------------------------------------------------

    @no_var_expand
    @output_can_be_silenced
    @needs_local_scope
    @magic_arguments()
    @cell_options
    @cell_magic
    def mpc(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:
        """Run the cell at every party and show the result's label and cost.

        The same text runs in each party's process. It finds ready: mpc (input, inputs, reveal, parties, …), gadgets, np.
        What it reveals to everyone becomes a notebook variable; secrets become handles for later cells.
        """
        source = f"# %%mpc {line}".rstrip() + "\n" + (cell or "")
        namespace = {**self._variables(), **(local_ns or {})}
        filename = self.workspace.new_filename()
        progress = Progress(self._in_notebook())
        try:
            options = self._parse(line)
            run = self.workspace.run(options, source, namespace, filename, progress)
        except (RampError, KeyboardInterrupt) as error:
            progress.close()
            self._print(self.workspace.printed)
            shown = source.replace("# %%mpc", "%%mpc", 1)
            raise (show_shortly(error, shown) if isinstance(error, RampError) else error) from None
        progress.close()
        self._bind(run, options)
        self._print(run.printed)
        if options.quiet:
            return None
        for picture in pictures(run) if self._in_notebook() else ():
            display(picture)
        return run

    @no_var_expand
    @cell_magic
    def party(self, line: str, cell: str) -> None:
        """%%party NAME[,NAME…]|all: run plain Python inside these parties' processes only, e.g. to load private data."""
        source = f"# %%party {line}".rstrip() + "\n" + cell
        try:
            options = self.workspace.options({})
            result = self.workspace.run_at(options, targets_of(line, options.parties), source, self.workspace.new_filename())
        except RampError as error:
            self._print(self.workspace.printed)
            raise show_shortly(error, source.replace("# %%party", "%%party", 1)) from None
        values = result.last_values
        self._print([(party, text) for party, text in result.printed if party is None or party not in values])
        for name, value in values.items():
            text = "".join(text for party, text in result.printed if party == name)
            self._print([(name, f"{text}{value}\n")])

    # -- the line magic ------------------------------------------------------------------------------------------------

    @no_var_expand
    @line_magic("mpc")  # type: ignore[arg-type]
    def mpc_line(self, line: str) -> Any:
        """%mpc start|stop|restart|status|config|protocols|gadgets|networks|last|help; see %mpc help."""
        words = shlex.split(line, comments=True)
        command, rest = (words[0], words[1:]) if words else ("help", [])
        commands: dict[str, Callable[[list[str]], Any]] = {
            "start": self._start, "stop": self._stop, "restart": self._restart, "status": self._status, "config": self._config,
            "protocols": lambda rest: print(listings.protocols()), "gadgets": lambda rest: print(listings.gadgets(*rest[:1])),
            "networks": lambda rest: print(listings.networks()), "last": lambda rest: self.workspace.last,
            "help": lambda rest: print(listings.help_text()), "--help": lambda rest: print(listings.help_text()),
            "-h": lambda rest: print(listings.help_text()),
        }  # fmt: skip
        if command not in commands:
            known = ", ".join(name for name in commands if not name.startswith("-"))
            raise show_shortly(OptionError(f"%mpc {command}: no such command; there are: {known}"))
        try:
            return commands[command](rest)
        except RampError as error:
            raise show_shortly(error) from None

    def _start(self, rest: list[str]) -> None:
        given = self._given(" ".join(rest))
        options = self.workspace.options(given)
        for name in ("parties", "launcher", "protocol"):
            if given.get(name) is not None:
                self.workspace.sticky[name] = given[name]
        self.workspace.start(options)
        print(f"{len(options.parties)} parties ready: {', '.join(options.parties)}")

    def _stop(self, rest: list[str]) -> None:
        count = self.workspace.stop()
        print("all parties ended" if count else "no parties were running")

    def _restart(self, rest: list[str]) -> None:
        self.workspace.stop()
        self._start(rest)

    def _status(self, rest: list[str]) -> None:
        print(listings.status(self.workspace))

    def _config(self, rest: list[str]) -> None:
        if rest == ["reset"]:
            self.workspace.sticky.clear()
        for setting in rest if rest != ["reset"] else ():
            name, equals, value = setting.partition("=")
            if not equals:
                raise OptionError(f"%mpc config takes name=value, or reset; got {setting!r}")
            self.workspace.configure(name, value)
        print(listings.config(self.workspace))

    # -- helpers -------------------------------------------------------------------------------------------------------

    def _parse(self, line: str) -> Options:
        return self.workspace.options(self._given(line))

    def _given(self, line: str) -> dict[str, Any]:
        """What the line says. IPython's own complaint would not fail the cell, so it becomes one that does."""
        try:
            return dict(vars(parse_argstring(RampMagics.mpc, line.split(" #", 1)[0])))
        except UsageError as problem:
            wrong = next((word for word in line.split() if word.startswith("-") and not _is_option(word)), "")
            near = nearest_option(wrong) if wrong else ""
            hint = f"; did you mean {near}?" if near else ""
            raise OptionError(f"%%mpc: {problem}{hint} (%mpc help lists the options)") from None

    def _bind(self, run: Run, options: Options) -> None:
        if self.shell is None:
            return
        self.shell.push({**run.outputs, **{name: SecretHandle(name, text) for name, text in run.secrets.items()}})
        if options.output:
            self.shell.push({options.output: run})

    def _variables(self) -> dict[str, Any]:
        return dict(self.shell.user_ns) if self.shell is not None else {}

    @staticmethod
    def _print(printed: Any) -> None:
        for party, text in printed:
            if party is not None:
                print(f"── {party}")
            print(text, end="" if text.endswith("\n") else "\n")

    def _in_notebook(self) -> bool:
        return self.shell is not None and self.shell.__class__.__name__ == "ZMQInteractiveShell"


def _is_option(word: str) -> bool:
    return word.split("=", 1)[0] in [flag for flags, _ in OPTIONS for flag in flags]
