"""Parties of a test with a dealer beside them: one function runs once per party, in threads over memory links."""

import threading
from collections.abc import Callable
from typing import Any

from ramp_notebook.protocols.context import Context
from ramp_notebook.runtime.dealer import serve
from ramp_notebook.trace.events import Trace
from ramp_notebook.trace.recorder import Recorder, merge_records
from ramp_notebook.wire.memory import MemoryHub, MemoryLinks
from tests.parties_in_threads import NAMES


def dealt(count: int, body: Callable[[Context], Any]) -> tuple[list[Any], Trace]:
    """What `body` returns at every party, and the trace; the dealer is one more thread. `body` must not raise."""
    everyone = (*NAMES[:count], "dealer")
    hub = MemoryHub(everyone)
    links = [MemoryLinks(hub, i) for i in range(count + 1)]
    recorders, results = [Recorder() for _ in everyone], [None] * count
    for each in links:
        each.begin(1)
    contexts = [Context(each, recorder, 1, preprocessing="dealer") for each, recorder in zip(links, recorders, strict=True)]

    def party(i: int) -> None:
        results[i] = body(contexts[i])

    threads = [threading.Thread(target=party, args=(i,)) for i in range(count)]
    dealer = threading.Thread(target=serve, args=(contexts[count],))
    for thread in (*threads, dealer):
        thread.start()
    for thread in threads:
        thread.join()
    links[count].hush()
    dealer.join()
    return results, merge_records(everyone, [recorder.party_record() for recorder in recorders])
