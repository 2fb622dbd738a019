"""What runs in the dealer's process in place of an Engine: it deals what it is asked for, and never sees a cell or an input."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import CellAborted
from ..protocols.context import Context
from ..protocols.preprocessing.authenticated_dealing import deal_authenticated
from ..protocols.preprocessing.dealing import deal, hear
from ..trace.events import PREPROCESSING
from ..trace.recorder import Recorder
from .cell import Cell, Description, ErrorReport, Outcome


class Dealer:
    """Serves one run after the other: from the first request until the coordinator says that all parties have finished."""

    def __init__(self, links: Any, label_flags: Sequence[str] = ()):
        self.links = links
        self.keys_heard: dict[int, tuple[int, int]] = {}

    def run(
        self, cell: Cell, epoch: int, directory: Sequence[Mapping[str, Description]], notify: Callable[[str, object], None] | None = None
    ) -> Outcome:
        recorder = Recorder()
        carried = dict(self.links.carried_bytes())
        outcome = Outcome("ok")
        try:
            context = Context(self.links, recorder, epoch)
            context.keys_heard = self.keys_heard
            serve(context)
        except CellAborted:
            outcome.status = "aborted"
        except BaseException as problem:
            text = "".join(traceback.format_exception(problem))
            report = ErrorReport(type(problem).__name__, str(problem), recorder.line, (), text, type(problem).__module__)
            outcome = Outcome("error", error=report)
        outcome.record = recorder.party_record()
        outcome.carried_bytes = {p: n - carried.get(p, 0) for p, n in self.links.carried_bytes().items() if n != carried.get(p, 0)}
        return outcome

    def commit(self, wanted: Sequence[str]) -> dict[str, Any]:
        return {}

    def rollback(self) -> None:
        """It keeps nothing but the parties' keys, and they have none after a failed cell."""
        self.keys_heard = {}

    def close(self) -> None:
        """It holds nothing open."""


def serve(context: Context) -> None:
    """Deal until nobody asks any more."""
    context.recorder.phase = PREPROCESSING
    while context.links.listen(0):
        asked = hear(context)
        (deal_authenticated if asked.authenticated else deal)(context, asked)
