"""What `%mpc status`, `protocols`, `gadgets`, `networks`, `config` and `help` print: plain text, the same each time."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ramp_notebook import registry
from ramp_notebook.protocols.preprocessing.supply import amount, described
from ramp_notebook.runtime.cell import Description
from ramp_notebook.runtime.options import DEFAULTS, OPTIONS, STICKY, one_of
from ramp_notebook.runtime.preparation import EXAMPLE, SINGLE, SIZED
from ramp_notebook.runtime.workspace import Workspace
from ramp_notebook.trace.units import counted_items
from ramp_notebook.wire.channel import DEALER
from ramp_notebook.wire.network import PRESETS, network


def protocols() -> str:
    """Adversary, threshold, parties, domains, preprocessing and paper of every protocol."""
    rows = [("protocol", "adversary", "may collude", "parties", "values", "preprocessing", "paper")]
    for name, cls in registry.protocols.items():
        facts = cls.security
        may_collude = facts.threshold_text or str(facts.threshold)
        values = f"{cls.value_range}, bits"
        rows.append((name, facts.adversary, may_collude, facts.parties, values, facts.preprocessing, facts.paper))
    return table(rows)


def gadgets(name: str = "") -> str:
    """All gadgets with their first line, or one with all it says of itself."""
    if name:
        one_of("%mpc gadgets", name, list(registry.gadgets), "gadget")
        function = registry.gadgets[name]
        return f"{name}\n\n{(function.__doc__ or '').strip()}\n\nSource: {function.facts.paper}"
    rows = [("gadget", "what it does", "source")]
    for each, function in registry.gadgets.items():
        rows.append((each, (function.__doc__ or "").strip().splitlines()[0], function.facts.paper))
    return table(rows)


def networks() -> str:
    return "\n".join(f"{name:<10} {network(name).describe()}" for name in PRESETS)


def config(workspace: Workspace) -> str:
    """Every sticky setting with its value; changed ones are marked."""
    lines, width = [], max(map(len, STICKY))
    for name in STICKY:
        value = workspace.sticky.get(name, DEFAULTS.get(name))
        lines.append(f"{name:<{width}} {'—' if value in (None, '') else value}{'  (set)' if name in workspace.sticky else ''}")
    return "\n".join(lines)


def status(workspace: Workspace) -> str:
    """Living groups; of each party what its names are like, never their values."""
    lines = []
    for (names, launcher), group in workspace.groups.items():
        states, public = group.status(), workspace.public[names, launcher]
        if group.ended_by_cheating:
            lines.append(f"{', '.join(names)} ({launcher})")
            lines.append("  ended when cheating was noticed, with all they held; %mpc start starts new ones")
        if not any(state.alive for state in states):
            continue
        lines.append(f"{', '.join(names)} ({launcher})")
        for state, directory in zip(states, group.directory, strict=True):
            held = ", ".join(f"{name} ({_kind(name, d, public)})" for name, d in sorted(directory.items()) if d.kind in KINDS)
            lines.append(f"  {state.name:<10} {'ready' if state.alive else 'not running'}; {held or 'holds nothing'}")
        if group.dealer_pid is not None:
            lines.append(f"  {DEALER:<10} ready; is no party, and deals correlated randomness")
        lines += stock_lines(group.kept)
    return "\n".join(lines) or "no parties are running; the first %%mpc cell starts them"


def stock_lines(kept: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Correlated randomness that waits for later cells, by protocol and source."""
    lines = []
    for protocol, sources in kept.items():
        for source, state in sources.items():
            if stock := state["stock"]:
                amounts = " · ".join(counted_items(amount(kind, count), described(kind)) for kind, count in stock.items())
                place = f", in {state['opened']}" if state["opened"] else ""
                lines.append(f"  stock      {amounts} ({protocol}, {source}{place})")
    return lines


KINDS = ("private", "secret", "other")


def _kind(name: str, description: Description, public: Collection[str]) -> str:
    kind = "known to all" if name in public else "own" if description.kind == "other" else description.kind
    dimensions = f", shape {description.shape}" if description.shape else ""
    return f"{kind} {description.dtype}{dimensions}"


def help_text() -> str:
    lines = [
        "%%mpc [options]        run the cell at every party; it finds mpc, gadgets and np ready",
        "%%party NAME|all       run plain Python inside one party, several (alice,bob), or all",
        "%mpc start [options]   start parties now (they start with the first cell otherwise); takes --parties, --launcher, --protocol",
        "%mpc stop | restart    end all parties; end and start again",
        "%mpc status            who runs, and what each party holds (never values)",
        "%mpc config            show settings that stay; name=value sets one, name= forgets it, reset forgets all",
        "%mpc protocols | gadgets [NAME] | networks",
        "%mpc last              the last Run",
        "%mpc verify separation look for each party's data in the memory of all others, with a control that must fail;",
        "                       takes --parties, --protocol and --preprocessing, and starts parties of its own",
        "",
        "correlated randomness, made ahead of the cell that spends it:",
        f"%mpc prepare KIND=N …  e.g. {EXAMPLE.removeprefix('%mpc prepare ')};",
        f"                       kinds: {', '.join([*SINGLE, *(f'{kind}={form}' for kind, form in SIZED.items())])}",
        "%%mpc --prepare        make just what this cell will use, as its plan counts it; runs nothing else of it",
        "                       both take --preprocessing ot|silent|dealer, and with --store FOLDER keep it in files, encrypted,",
        "                       for later sessions; each item is used once, %mpc status shows what is left",
        "",
        "several protocols in one cell:",
        '  with mpc.using("garbled"):             what is inside shares, computes and reveals under that protocol',
        "      smaller = mpc.convert(x) < 5       a secret of another protocol comes over; nothing is revealed",
        "  total = mpc.convert(smaller).sum()     and back, under the cell's own protocol",
        "",
        "options of %%mpc:",
    ]
    for flags, keywords in OPTIONS:
        metavar = f" {keywords['metavar']}" if "metavar" in keywords else ""
        lines.append(f"  {', '.join(flags) + metavar:<28} {keywords['help'].replace('%%', '%')}")
    return "\n".join(lines)


def table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
