"""What lives between cells: groups of parties, sticky options, the last Run. Shared by the magics and the command line.

Knows neither IPython nor argparse: it takes checked options and text.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import MisuseError, MisuseValueError, OptionError
from .capture import helpers_for
from .cell import Cell
from .coordinator import Coordinator
from .finished import Run
from .options import Options, check, check_sticky
from .plan import plan_cell
from .results import CellResult

Progress = Callable[[int, tuple[str, ...], int, int], None]


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

    def configure(self, name: str, value: str) -> None:
        """Make an option sticky."""
        self.sticky[name] = check_sticky(name, value)

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
        group, key = self.group(options), (options.parties, options.launcher)
        inputs: dict[int, dict[str, Any]] = {}
        for name, party in options.inputs:
            if name not in namespace:
                raise MisuseValueError(f"-i {name}@{party}: the notebook has no variable `{name}`")
            inputs.setdefault(options.parties.index(party), {})[name] = namespace[name]
        for name, party, value in data:
            inputs.setdefault(options.parties.index(party), {})[name] = value
        planned_names = {name for name, _, _ in options.shapes}
        known = {name for names in group.directory for name in names} | {name for name, _ in options.inputs} | planned_names
        helpers = helpers_for(source, namespace, known)
        cell = Cell(source, filename, "mpc", options.protocol, inputs, helpers, options.seed, options.checksums)
        self.printed = []
        if options.plan:
            run = self._plan(options, cell, group, self.public[key])
        else:
            if options.shapes:
                raise OptionError("--shape gives sizes for a plan; add --plan, or give data with -i or a %%party cell")
            run = Run.of(self._execute(group, cell, options.timeout, progress), network=options.network, charts=options.charts)
            self.public[key].update(run.outputs)
        self.last = run
        return run

    def run_at(self, options: Options, names: tuple[str, ...], source: str, filename: str) -> CellResult:
        """Run plain Python at some parties, each for itself."""
        group = self.group(options)
        targets = tuple(options.parties.index(name) for name in names)
        key = (options.parties, options.launcher)
        result = self._execute(group, Cell(source, filename, "party", targets=targets), options.timeout, None)
        for outcome in result.outcomes:
            for name in outcome.digests if outcome else ():
                self.public[key].pop(name, None)  # bound anew at some party: no longer what all hold
        return result

    def _execute(self, group: Coordinator, cell: Cell, timeout: float | None, progress: Progress | None) -> CellResult:
        try:
            return group.run(cell, timeout=timeout, progress=progress)
        finally:
            self.printed = group.printed

    def _plan(self, options: Options, cell: Cell, group: Coordinator, public: Mapping[str, Any]) -> Run:
        shapes: dict[int, dict[str, tuple[int, ...]]] = {}
        for name, party, shape in options.shapes:
            shapes.setdefault(options.parties.index(party), {})[name] = shape
        plan = plan_cell(cell, options.parties, group.directory, public=public, shapes=shapes)
        return Run.of_plan(plan, network=options.network, charts=options.charts)


def targets_of(text: str, parties: tuple[str, ...]) -> tuple[str, ...]:
    """The parties that a `%%party` line names: `alice`, `alice,bob`, `all`; a trailing comment is ignored."""
    words = text.split("#", 1)[0].replace(",", " ").split()
    if not words:
        raise MisuseError(f"%%party takes the name of a party, several with commas, or all; the parties are {', '.join(parties)}")
    if words == ["all"]:
        return parties
    for word in words:
        if word not in parties:
            raise OptionError(f"%%party: there is no party {word!r}; the parties are {', '.join(parties)} (or all)")
    return tuple(dict.fromkeys(words))
