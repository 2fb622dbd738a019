"""What lives between cells: groups of parties, sticky options, the last Run. Shared by the magics and the command line.

Knows neither IPython nor argparse: it takes checked options and text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .. import registry
from ..errors import MisuseError, MisuseValueError, OptionError, RampError
from ..protocols.preprocessing.choice import AUTO, FIGURES, quicker_source
from ..wire.network import network
from .capture import helpers_for
from .cell import Cell, Description
from .coordinator import Coordinator
from .explain import add_hint
from .finished import Run
from .needs import with_needs
from .options import STICKY, Options, check, check_sticky, one_of, without_comment
from .plan import plan_cell
from .preparation import prepared_for, stocking_cell
from .results import CellResult
from .run import Progress


class Workspace:
    """Groups of parties by (names, launcher), started when first used and kept warm."""

    def __init__(self) -> None:
        self.groups: dict[tuple[tuple[str, ...], str], Coordinator] = {}
        self.public: dict[tuple[tuple[str, ...], str], dict[str, Any]] = {}  # plain values that all parties of a group hold
        self.sticky: dict[str, Any] = {}
        self.last: Run | None = None
        self.printed: list[tuple[str | None, str]] = []  # of the cell that ran last, also if it failed
        self._cells = 0

    def options(self, given: Mapping[str, Any]) -> Options:
        return check(given, self.sticky)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Make options sticky, all or, if they do not go together, none; an empty value forgets one."""
        sticky = dict(self.sticky)
        for name, value in settings.items():
            one_of("%mpc config", name, STICKY, "setting")
            if value:
                sticky[name] = check_sticky(name, value)
            else:
                sticky.pop(name, None)
        check({}, sticky)
        self.sticky = sticky

    def group(self, options: Options) -> Coordinator:
        """The parties these options name; not yet started."""
        key = (options.parties, options.launcher)
        if key not in self.groups:
            self.groups[key] = Coordinator(options.parties, options.launcher)
            self.public[key] = {}
        return self.groups[key]

    def start(self, options: Options) -> Coordinator:
        group = self.group(options)
        group.start()
        return group

    def stop(self) -> int:
        """End all groups; how many there were. Namespaces are gone."""
        count = len(self.groups)
        for group in self.groups.values():
            group.stop()
        self.groups.clear()
        self.public.clear()
        return count

    def new_filename(self) -> str:
        """A name for the next cell's text. Counted here: a notebook's own counter is not reliable."""
        self._cells += 1
        return f"<mpc cell {self._cells}>"

    def run(
        self,
        options: Options,
        source: str,
        namespace: Mapping[str, Any],
        filename: str,
        progress: Progress | None = None,
        data: Sequence[tuple[str, str, Any]] = (),
    ) -> Run:
        """Run or plan a cell's text. `namespace` is where -i values and functions are looked up; `data` are (name, party, value)."""
        self.printed = []
        group, public = self.group(options), self.public[options.parties, options.launcher]
        inputs: dict[int, dict[str, Any]] = {}
        for name, party in options.inputs:
            if name not in namespace:
                raise MisuseValueError(f"-i {name}@{party}: the notebook has no variable `{name}`")
            inputs.setdefault(options.parties.index(party), {})[name] = namespace[name]
        for name, party, value in data:
            inputs.setdefault(options.parties.index(party), {})[name] = value
        given = {name for name, _ in options.inputs} | {name for name, *_ in options.shapes}
        known = {name for names in group.directory for name in names} | given
        helpers = helpers_for(source, namespace, known, {name: value for name, value in public.items() if name not in given})
        cell = Cell(
            source, filename, "mpc", options.protocol, inputs, helpers, options.seed, options.checksums,
            garbling=options.garbling, store=options.store, cheats=options.cheats,
        )  # fmt: skip
        foresee = prepared_for if options.prepare else with_needs
        cell = foresee(cell, options.parties, directory=group.directory, public=public, shapes=_sizes(options))
        cell = with_source(cell, options, group.kept)
        if options.plan:
            run = self._plan(options, cell, group, public)
        elif options.prepare:
            run = self._stock(options, cell, progress)
        else:
            if options.shapes:
                raise OptionError("--shape gives sizes for a plan; add --plan or --prepare, or give data with -i or a %%party cell")
            run = Run.of(self._execute(group, cell, options.timeout, progress, namespace), network=options.network, charts=options.charts)
            for name in (name for names in inputs.values() for name in names):
                public.pop(name, None)  # one party's own from now on
            public.update(run.outputs)
        self.last = run
        return run

    def run_at(
        self, options: Options, names: tuple[str, ...], source: str, filename: str, namespace: Mapping[str, Any] | None = None
    ) -> CellResult:
        """Run plain Python at some parties, each for itself. `namespace` serves hints alone: the text never sees it."""
        self.printed = []
        group = self.group(options)
        targets = tuple(options.parties.index(name) for name in names)
        key = (options.parties, options.launcher)
        result = self._execute(group, Cell(source, filename, "party", targets=targets), options.timeout, None, namespace or {})
        for outcome in result.outcomes:
            for name in outcome.digests if outcome else ():
                self.public[key].pop(name, None)  # bound anew at some party: no longer what all hold
        return result

    def prepare(self, options: Options, needs: Mapping[Any, int], progress: Progress | None = None) -> Run:
        """Have so many items of correlated randomness ready at these parties."""
        self.printed = []
        cell = Cell("", "<mpc prepare>", "mpc", options.protocol, checksums=options.checksums, store=options.store)
        cell = with_source(stocking_cell(cell, needs), options, self.group(options).kept)
        self.last = self._stock(options, cell, progress)
        return self.last

    def _stock(self, options: Options, cell: Cell, progress: Progress | None) -> Run:
        result = self._execute(self.group(options), cell, options.timeout, progress, {})
        return Run.of(result, network=options.network, charts=options.charts)

    def _execute(
        self, group: Coordinator, cell: Cell, timeout: float | None, progress: Progress | None, namespace: Mapping[str, Any]
    ) -> CellResult:
        try:
            return group.run(cell, timeout=timeout, progress=progress)
        except RampError as error:
            add_hint(error, namespace, cell.kind)
            raise
        finally:
            self.printed = group.printed

    def _plan(self, options: Options, cell: Cell, group: Coordinator, public: Mapping[str, Any]) -> Run:
        plan = plan_cell(cell, options.parties, group.directory, public=public, shapes=_sizes(options), kept=group.kept)
        return Run.of_plan(plan, network=options.network, charts=options.charts)


def with_source(cell: Cell, options: Options, kept: Mapping[str, Any]) -> Cell:
    """The cell, and where its correlated randomness comes from; `auto` looks at what it needs and at the network that is named."""
    source = options.preprocessing
    if source == AUTO:
        model = network(options.network) if options.network else None
        both = set(FIGURES) <= set(registry.protocols[cell.protocol].sources)
        source = quicker_source(cell.needs, len(options.parties), model, kept.get(cell.protocol, {})) if both else ""
    return replace(cell, preprocessing=source)


def _sizes(options: Options) -> dict[int, dict[str, Description]]:
    """What --shape says, by party."""
    shapes: dict[int, dict[str, Description]] = {}
    for name, party, shape, dtype in options.shapes:
        shapes.setdefault(options.parties.index(party), {})[name] = Description("private", dtype, shape)
    return shapes


def targets_of(text: str, parties: tuple[str, ...]) -> tuple[str, ...]:
    """The parties that a `%%party` line names: `alice`, `alice,bob`, `all`; a trailing comment is ignored."""
    words = without_comment(text).replace(",", " ").split()
    if not words:
        raise MisuseError(f"%%party takes the name of a party, several with commas, or all; the parties are {', '.join(parties)}")
    if words == ["all"]:
        return parties
    for word in words:
        if word not in parties:
            raise OptionError(
                f"%%party: there is no party {word!r}; the parties are {', '.join(parties)} (or all). Others: %mpc config parties=NAMES"
            )
    return tuple(dict.fromkeys(words))
