"""Runs Shamir's protocol at several parties, threads of this process, and keeps what each of them was sent."""

from concurrent.futures import ThreadPoolExecutor

from ramp_notebook.protocols.context import Context
from ramp_notebook.protocols.shamir import Shamir
from ramp_notebook.trace.recorder import Recorder
from ramp_notebook.wire.memory import MemoryHub, MemoryLinks


class Party(Shamir):
    """A party that remembers its messages: (tag, {sender: array})."""

    def __init__(self, hub, index):
        super().__init__(Context(MemoryLinks(hub, index), Recorder(clock=False), epoch=1))
        self.heard = []
        exchange = self.context.exchange

        def remembering(tag, sends, receives, **options):
            reply = exchange(tag, sends, receives, **options)
            self.heard.append((tag, reply))
            return reply

        self.context.exchange = remembering


def together(count, program):
    """What `program(party)` returns at each of `count` parties, and the parties."""
    hub = MemoryHub([f"p{i}" for i in range(count)])
    parties = [Party(hub, index) for index in range(count)]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(program, parties)), parties


def own(party, owner, value):
    """The value at its owner, None elsewhere."""
    return value if party.me == owner else None
