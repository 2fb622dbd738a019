"""Statistics on views of full-size primitives: does anything that a coalition sees differ between two worlds of inputs?

Everything a party receives and draws is taken as bits; bits and products of two bits are compared between the worlds. Equal
distributions exceed the threshold once in a million tests of all pairs together.
"""

import itertools

import numpy as np
from parties_in_threads import Group

from ramp_notebook.protocols.context import Context
from ramp_notebook.values import bits as packed

FALSE_ALARMS = 1e-6


class ListeningStream:
    """A key stream that also tells what was drawn."""

    def __init__(self, stream, heard):
        self._stream, self._heard = stream, heard

    def words(self, shape):
        out = self._stream.words(shape)
        self._heard.append(out.copy())
        return out

    def words_into(self, out):
        self._stream.words_into(out)
        self._heard.append(out.copy())

    def combine_into(self, operation, out):
        operation(out, self.words(out.shape), out=out)

    def __getattr__(self, name):
        return getattr(self._stream, name)


class ListeningContext(Context):
    """A context that keeps what its party receives and draws."""

    def __init__(self, *args):
        super().__init__(*args)
        self.seen = []

    def _make_stream(self, peer):
        return ListeningStream(super()._make_stream(peer), self.seen)

    def exchange(self, *args, **kwargs):
        reply = super().exchange(*args, **kwargs)
        self.seen += [np.array(reply[peer]) for peer in sorted(reply)]
        return reply


def views(protocol, count, program):
    """What each party saw, arrays in order, while `program(engine)` ran in all of them."""
    contexts = []

    def listening(*args):
        contexts.append(ListeningContext(*args))
        return contexts[-1]

    Group(count, listening).run(lambda context: program(protocol(context)))
    return [context.seen for context in contexts]


MOST_FEATURES = 1 << 23  # of all lanes of a world: comparing pairs of features takes as long as there are features a lane
MOST_NUMBERS = 16  # up to so many numbers in a view, differences of two are looked at too


def bits_of(arrays, lanes):
    """Features (lanes, k), as ±1: every bit of every number, every packed bit, low bits of differences of two numbers.

    Blocks of several planes come flat. The more features a lane has, the fewer lanes are returned.
    """
    columns, words, numbers = [], packed.word_count(lanes), []
    for array in arrays:
        width = lanes if array.shape[-1] == lanes else words
        assert array.size % width == 0, f"{array.shape} is neither numbers nor bits for each of {lanes} lanes"
        for row in array.reshape(-1, width):
            if width == lanes:
                numbers.append(row)
                columns += _signs(row, 64)
            else:
                columns.append(packed.unpack(row, lanes).astype(np.int8) * 2 - 1)
    if len(numbers) <= MOST_NUMBERS:
        with np.errstate(over="ignore"):
            for one, other in itertools.combinations(numbers, 2):
                columns += _signs(one - other, 4)
    looked_at = min(lanes, MOST_FEATURES // len(columns))
    return np.array([column[:looked_at] for column in columns], dtype=np.float32).T


def _signs(row, bits):
    return list(((row[None, :] >> np.arange(bits, dtype=np.uint64)[:, None]) & np.uint64(1)).astype(np.int8) * 2 - 1)


def largest_difference(one, other):
    """Largest difference of a first or second moment between two worlds, in standard deviations, and the threshold for it."""
    n, k = one.shape
    both = [np.concatenate([np.ones((n, 1), np.float32), world], axis=1) for world in (one, other)]
    moments = [world.T @ world / n for world in both]
    spread = np.sqrt((2 - moments[0] ** 2 - moments[1] ** 2).clip(1e-9) / n)  # products of ±1 have variance 1 - mean²
    tests = (k + 1) * (k + 2) // 2
    return float(np.abs((moments[0] - moments[1]) / spread).max()), float(np.sqrt(2 * np.log(2 * tests / FALSE_ALARMS)))
