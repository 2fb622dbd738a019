"""Parties of a test: one function runs once per party, in threads over memory links, or planned on shapes."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from ramp_notebook.protocols.context import Context
from ramp_notebook.runtime.plan import PlanLinks, _drive
from ramp_notebook.trace.events import Trace
from ramp_notebook.trace.recorder import Recorder, merge_records
from ramp_notebook.wire.memory import MemoryHub, MemoryLinks

NAMES = ("alice", "bob", "carol", "dave", "erin")


class Group:
    """Parties that live for several cells."""

    def __init__(self, count: int, context: Callable[..., Any] = Context):
        self.context = context
        self.names = NAMES[:count]
        self.hub = MemoryHub(self.names)
        self.links = [MemoryLinks(self.hub, i) for i in range(count)]
        self.epoch = 0

    def run(self, body: Callable[[Context], Any]) -> tuple[list[Any], Trace]:
        """What `body` returns at every party, and the cell's trace. The first error is raised; the others are aborted."""
        self.epoch += 1
        results: list[Any] = [None] * len(self.links)
        errors: list[BaseException] = []
        contexts = []
        for links in self.links:
            links.begin(self.epoch)
            contexts.append(self.context(links, Recorder(), self.epoch))

        def party(i: int) -> None:
            try:
                results[i] = body(contexts[i])
            except BaseException as error:
                errors.append(error)
                for links in self.links:
                    links.abort(self.epoch)

        threads = [threading.Thread(target=party, args=(i,)) for i in range(len(self.links))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            for links in self.links:
                links.drop()
            raise errors[0]
        return results, merge_records(self.names, [context.recorder.party_record() for context in contexts])


def plan(count: int, body: Callable[[Context], Any]) -> tuple[list[Any], Trace]:
    """The same on shapes."""
    names, results, mail = NAMES[:count], [None] * count, {}  # type: ignore[var-annotated]
    contexts = [Context(PlanLinks(i, names, mail), Recorder(clock=False), 1, planned=True) for i in range(count)]

    def party(i: int) -> Callable[[], None]:
        return lambda: results.__setitem__(i, body(contexts[i]))

    _drive([party(i) for i in range(count)], names)
    return results, merge_records(names, [context.recorder.party_record() for context in contexts], planned=True)


def messages(trace: Trace) -> list[tuple[Any, ...]]:
    """All that a plan must foretell of a run."""
    return [(m.sender, m.receiver, m.sequence, m.round, m.payload_bytes, m.phase, m.tag, trace.span_path(m.sender, m.span)) for m in trace.messages]


def sent_bytes(trace: Trace, party: int, tags: Sequence[str] = ()) -> int:
    return sum(m.payload_bytes for m in trace.messages if m.sender == party and (not tags or m.tag in tags))
