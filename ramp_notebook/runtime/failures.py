"""From what the parties report to the one exception a user sees: the first cause, its party, gadget and cell line."""

from collections.abc import Mapping, Sequence

from .. import errors
from ..errors import PartyFailed, PartyOutOfMemory, RampError
from .cell import ErrorReport, Outcome

MEMORY_ERRORS = ("MemoryError", "_ArrayMemoryError")


def failure_of(outcomes: Mapping[int, Outcome], names: Sequence[str]) -> RampError:
    """The exception for these outcomes; errors that all parties raised alike are told once."""
    raised = {i: o.error for i, o in sorted(outcomes.items()) if o.status == "error" and o.error is not None}
    if not raised:
        aborted = [names[i] for i, o in outcomes.items() if o.status == "aborted"]
        return errors.CellAborted(f"the cell was stopped in {', '.join(aborted)}")
    first = min(raised, key=lambda i: (raised[i].kind == "ChannelError", i))
    report = raised[first]
    same = [i for i, r in raised.items() if (r.kind, r.message, r.line) == (report.kind, report.message, report.line)]
    party = "all parties" if len(same) == len(outcomes) and len(same) > 1 else ", ".join(names[i] for i in same)
    return _exception(report, party, [names[i] for i, o in outcomes.items() if o.status == "aborted"])


def _exception(report: ErrorReport, party: str, aborted: Sequence[str]) -> RampError:
    place = f"in {party}" + (f" at line {report.line}" if report.line else "")
    if report.gadget:
        place += f" ({' › '.join(report.gadget)})"
    tail = f" [{', '.join(aborted)}: aborted by {party}]" if aborted else ""
    if report.kind in MEMORY_ERRORS:
        problem: RampError = PartyOutOfMemory(f"out of memory {place}: {report.message or 'the allocation failed'}{tail}")
    elif report.module == errors.__name__ and report.kind != "PartyFailed":
        problem = getattr(errors, report.kind)(f"{report.message} [{place}]")
    else:
        problem = PartyFailed(f"{report.kind} {place}: {report.message}{tail}")
    for name, value in {"party": party, "kind": report.kind, "line": report.line, "gadget": report.gadget, "remote": report.traceback}.items():
        setattr(problem, name, value)
    return problem
