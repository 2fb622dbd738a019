"""Sources of authenticated items for tests: parties that keep theirs from cell to cell, what their shares say, and one that cheats."""

import functools

import numpy as np
from parties_in_threads import Group, messages, plan

from ramp_notebook.errors import CheatingDetected
from ramp_notebook.protocols.checks import Checks
from ramp_notebook.protocols.preprocessing.authenticated import KEY_BITS, Keys, item_shapes
from ramp_notebook.protocols.preprocessing.authenticated_transfers import AuthenticatedTransfers
from ramp_notebook.values import wide


class Parties:
    """Sources that live from cell to cell, as a session keeps them."""

    def __init__(self, count):
        self.count, self.group = count, Group(count)
        self.keys = [Keys.fresh() for _ in range(count)]
        self.sources = [AuthenticatedTransfers(keys) for keys in self.keys]

    @property
    def alpha(self):
        return sum(keys.alpha for keys in self.keys)

    @property
    def delta(self):
        return functools.reduce(int.__xor__, [keys.delta for keys in self.keys])

    def make(self, kind, count=1):
        """Every party's arrays, and the trace, which has to be as planned."""
        facts, planned = None, [AuthenticatedTransfers(None) for _ in self.keys]

        def body(sources):
            def run(context):
                source = sources[context.index]
                source.checks = Checks(context)
                if not source.is_ready(context):
                    source.set_up(context)
                return source.make(context, kind, count)

            return run

        facts = {"ready": self.sources[0]._maker._ready}
        results, trace = self.group.run(body(self.sources))
        for source in planned:
            source.assume(facts)
        foretold, expected = plan(self.count, body(planned))
        assert messages(expected) == messages(trace)
        shapes = [(count, *item.shape) for item in item_shapes(kind, self.count)]
        for arrays in (*results, *foretold):
            assert shapes == [array.shape for array in arrays]
        return list(zip(*results, strict=True)), trace

    def number(self, shares):
        """Numbers (2, items, …), whose MACs have to fit."""
        joint = functools.reduce(wide.add, [np.moveaxis(share, 1, 0) for share in shares])
        np.testing.assert_array_equal(wide.scale(joint[:2], self.alpha), joint[2:])
        return joint[:2]

    def bits(self, shares):
        joint = functools.reduce(np.bitwise_xor, [np.moveaxis(share, 1, 0) for share in shares])
        for k in range(KEY_BITS):
            np.testing.assert_array_equal(joint[1 + k], joint[0] if self.delta >> k & 1 else np.zeros_like(joint[0]))
        return joint[0]


@functools.cache
def living(count):
    return Parties(count)


def bent(group, kind, tag, change, nth=0, count=1, sources=None):
    """What becomes of each party when party 0 changes the nth message of a tag: an error's class, or its items."""
    sources = sources or [AuthenticatedTransfers(Keys.fresh()) for _ in group.links]

    def body(context):
        source = sources[context.index]
        source.checks = Checks(context)
        if context.index == 0:
            honest, seen = context.exchange, [0]

            def exchange(name, sends, receives, **rest):
                if name == tag and sends:
                    seen[0] += 1
                    if seen[0] == nth + 1:
                        sends = change({peer: words.copy() for peer, words in sends.items()})
                return honest(name, sends, receives, **rest)

            context.exchange = exchange
        try:
            source.set_up(context)
            return source.make(context, kind, count)
        except CheatingDetected as problem:
            return type(problem)

    return group.run(body)[0], sources


def flip(sends):
    """The lowest bit of the first word of what goes to each."""
    for words in sends.values():
        words.reshape(-1)[0] ^= np.uint64(1)
    return sends


def flip_for_one(sends):
    sends[max(sends)].reshape(-1)[0] ^= np.uint64(1)
    return sends


def caught(result):
    return isinstance(result, type) and issubclass(result, CheatingDetected)
