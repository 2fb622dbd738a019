"""`%%mpc`, `%%party` and `%mpc`: parse a line, hand the text to the workspace, show what comes back."""

import contextlib
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand, output_can_be_silenced
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from ramp_notebook import registry
from ramp_notebook.errors import OptionError, RampError, did_you_mean
from ramp_notebook.protocols.preprocessing.choice import AUTO
from ramp_notebook.report import pictures
from ramp_notebook.runtime.finished import Run
from ramp_notebook.runtime.options import OPTIONS, Options, without_comment, wrong_option
from ramp_notebook.runtime.preparation import asked_for, kinds_and_options
from ramp_notebook.runtime.separation import verify_separation
from ramp_notebook.runtime.workspace import Workspace, targets_of
from ramp_notebook.trace.units import counted

from . import listings
from .handle import SecretHandle
from .progress import Progress
from .rendering import show_shortly

STARTED_WITH = ("parties", "launcher", "protocol")  # what `%mpc start` takes, and makes stay


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
        if without_comment(line) in ("-h", "--help"):
            print(listings.help_text())
            return None
        options = self._options(line)
        text = _Text("mpc", line, cell or "")
        namespace = {**self._variables(), **(local_ns or {})}
        progress = Progress(self._in_notebook())
        try:
            with text.explained(self._show_printed):
                run = self.workspace.run(options, text.source, namespace, self.workspace.new_filename(), progress)
        finally:
            progress.close()
        self._bind(run, options)
        self._print(run.printed)
        if options.quiet:
            return None
        for picture in pictures(run) if self._in_notebook() else ():
            display(picture)
        return run

    mpc.parser.allow_abbrev = False  # `--plan` must not be had for `--pl`, a slip of the hand
    mpc.__doc__ = (mpc.__doc__ or "").replace("%mpc [", "%%mpc [", 1)

    @no_var_expand
    @cell_magic
    def party(self, line: str, cell: str) -> None:
        """%%party NAME[,NAME…]|all: run plain Python inside these parties' processes only, e.g. to load private data."""
        text = _Text("party", line, cell)
        with text.explained(self._show_printed):
            options = self.workspace.options({})
            targets = targets_of(line, options.parties)
            result = self.workspace.run_at(options, targets, text.source, self.workspace.new_filename(), self._variables())
        values = result.last_values
        self._print([(party, printed) for party, printed in result.printed if party is None or party not in values])
        for name, value in values.items():
            printed = "".join(printed for party, printed in result.printed if party == name)
            self._print([(name, f"{printed}{value}\n")])

    # -- the line magic ------------------------------------------------------------------------------------------------

    @no_var_expand
    @line_magic("mpc")  # type: ignore[arg-type]
    def mpc_line(self, line: str) -> Any:
        """%mpc start|stop|restart|prepare|status|config|protocols|gadgets|networks|verify|last|help; see %mpc help."""
        words = without_comment(line).split()
        command, rest = (words[0], words[1:]) if words else ("help", [])
        commands: dict[str, Callable[[list[str]], Any]] = {
            "start": self._start, "stop": self._stop, "restart": self._restart, "status": self._status, "config": self._config,
            "protocols": lambda rest: print(listings.protocols()), "gadgets": lambda rest: print(listings.gadgets(*rest[:1])),
            "networks": lambda rest: print(listings.networks()), "last": self._last, "verify": self._verify, "prepare": self._prepare,
            "help": lambda rest: print(listings.help_text()), "--help": lambda rest: print(listings.help_text()),
            "-h": lambda rest: print(listings.help_text()),
        }  # fmt: skip
        if command not in commands:
            known = [name for name in commands if not name.startswith("-")]
            hint = did_you_mean(command, known)
            raise show_shortly(OptionError(f"%mpc {command}: no such command{hint or '; there are: ' + ', '.join(known)}"))
        try:
            return commands[command](rest)
        except RampError as error:
            raise show_shortly(error) from None

    def _start(self, rest: list[str]) -> None:
        given = {name: value for name, value in self._given(" ".join(rest), "%mpc start").items() if value is not None}
        if surplus := [name for name in given if name not in STARTED_WITH]:
            raise OptionError(f"%mpc start takes --parties, --launcher and --protocol; --{surplus[0]} goes on a %%mpc line")
        options = self.workspace.options(given)
        if "protocol" in {**self.workspace.sticky, **given}:  # else cells may name one that fits
            registry.protocols[options.protocol].check_parties(len(options.parties))
        self.workspace.start(options)
        self.workspace.sticky.update(given)
        print(f"{counted(len(options.parties), 'party')} ready: {', '.join(options.parties)}")

    def _stop(self, rest: list[str]) -> None:
        count = self.workspace.stop()
        print("all parties ended" if count else "no parties were running")

    def _restart(self, rest: list[str]) -> None:
        self.workspace.stop()
        self._start(rest)

    def _prepare(self, rest: list[str]) -> Run | None:
        kinds, others = kinds_and_options(rest)
        needs, options = asked_for(kinds), self.workspace.options(self._given(" ".join(others), "%mpc prepare"))
        progress = Progress(self._in_notebook())
        try:
            run = self.workspace.prepare(options, needs, progress)
        finally:
            progress.close()
        return None if options.quiet else run

    def _status(self, rest: list[str]) -> None:
        print(listings.status(self.workspace))

    def _config(self, rest: list[str]) -> None:
        if rest == ["reset"]:
            self.workspace.sticky.clear()
        settings = {}
        for setting in rest if rest != ["reset"] else ():
            name, equals, settings[name] = setting.partition("=")
            if not equals:
                raise OptionError(f"%mpc config takes name=value, or reset; got {setting!r}")
        self.workspace.configure(settings)
        print(listings.config(self.workspace))

    def _last(self, rest: list[str]) -> Run | None:
        if self.workspace.last is None:
            print("no %%mpc cell has run yet")
        return self.workspace.last

    def _verify(self, rest: list[str]) -> None:
        if rest[:1] != ["separation"]:
            raise OptionError("%mpc verify takes `separation`, then --parties, --protocol, --preprocessing if others than usual are meant")
        options = self.workspace.options(self._given(" ".join(rest[1:]), "%mpc verify"))
        source = "" if options.preprocessing == AUTO else options.preprocessing
        print(verify_separation(options.parties, options.protocol, source).text())

    # -- helpers -------------------------------------------------------------------------------------------------------

    def _options(self, line: str) -> Options:
        try:
            return self.workspace.options(self._given(line, "%%mpc"))
        except RampError as error:
            raise show_shortly(error) from None

    def _given(self, line: str, magic: str) -> dict[str, Any]:
        """What the line says. IPython's own complaint would not fail the cell, so it becomes one that does."""
        line = without_comment(line)
        try:
            return dict(vars(parse_argstring(RampMagics.mpc, line)))
        except UsageError as problem:
            raise wrong_option(f"{problem} (%mpc help lists the options)", line.split(), magic) from None
        except ValueError as problem:  # a quote that does not close
            raise OptionError(f"{magic}: {problem} in {line!r}") from None

    def _bind(self, run: Run, options: Options) -> None:
        if self.shell is None:
            return
        self.shell.push({**run.outputs, **{name: SecretHandle(name, text) for name, text in run.secrets.items()}})
        if options.output:
            self.shell.push({options.output: run})

    def _variables(self) -> dict[str, Any]:
        return dict(self.shell.user_ns) if self.shell is not None else {}

    def _show_printed(self) -> None:
        self._print(self.workspace.printed)

    @staticmethod
    def _print(printed: Any) -> None:
        for party, text in printed:
            if party is not None:
                print(f"── {party}")
            print(text, end="" if text.endswith("\n") else "\n")

    def _in_notebook(self) -> bool:
        return self.shell is not None and self.shell.__class__.__name__ == "ZMQInteractiveShell"


class _Text:
    """A cell's text twice: as parties run it, its magic line blanked, and as its author sees it. Line numbers agree."""

    def __init__(self, magic: str, line: str, body: str):
        self.shown = f"%%{magic} {line}".rstrip() + "\n" + body
        self.source = "# " + self.shown

    @contextlib.contextmanager
    def explained(self, before: Callable[[], None]) -> Iterator[None]:
        """Let what goes wrong inside show itself shortly, after what was printed until then."""
        try:
            yield
        except (RampError, KeyboardInterrupt) as error:
            before()
            if isinstance(error, KeyboardInterrupt) and not error.args:
                error.args = ("the cell was stopped at all parties; nothing of it remains",)
            raise show_shortly(error, self.shown) from None
