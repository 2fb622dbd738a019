"""Garbled circuits whose labels are two bits, one in each word, and whose hash is a random oracle: both are read from the tape.

The protocol's and the schemes' own code runs. The oracle is sampled when it is asked; an answer is part of the view of who asks, so
that views hold what the oracle says where a party's program asks it, and nothing of elsewhere.
"""

import contextlib
import threading
from unittest import mock

import numpy as np

from ramp_notebook.protocols import garbled
from ramp_notebook.protocols.garbled import EVALUATOR, GARBLER, Garbled
from ramp_notebook.protocols.garbling import SCHEMES, ThreeHalves, gates, labels
from ramp_notebook.protocols.garbling.transfers import KINDS, WireTransfers
from ramp_notebook.protocols.preprocessing.engine import Batch
from ramp_notebook.testing.views import check_views
from ramp_notebook.values.bits import pack, word_count

LABELS = 4
DELTAS = [{(GARBLER,): delta} for delta in range(LABELS // 2)]  # of two bits the lower one is 1
ASKING = threading.local()  # its context: each party is a thread
UNCUT = 1 << 40


def label_of(symbols):
    """Labels (n, 2) of symbols below 4: the colour is the lower bit."""
    return np.stack([symbols & np.uint64(1), symbols >> np.uint64(1)], axis=-1)


def symbol_of(label):
    return label[..., 0] | label[..., 1] << np.uint64(1)


class Oracle:
    """A random function of a tweak and a label."""

    asked = staticmethod(symbol_of)  # what it depends on
    draws_for_all = False  # else the evaluator, who should ask what the garbler asked, has something drawn only where it asks more

    def __init__(self):
        self.known = {}  # by tweak, all that was asked: points and what is drawn for them where they are new

    def hash_blocks(self, blocks, first, *, chunk=0, key=b""):
        context, lanes = ASKING.context, ASKING.context._tape.lanes
        points = self.asked(blocks).reshape(-1, lanes)
        answers = [self._answer(context, self.tweak(key, first // lanes + gate, chunk), each) for gate, each in enumerate(points)]
        context.received += answers
        return label_of(np.concatenate(answers))

    def tweak(self, key, gate, chunk):
        return key, gate, chunk

    def _answer(self, context, tweak, points):
        known = self.known.setdefault(tweak, [])
        answers, new = np.zeros(len(points), np.uint64), np.ones(len(points), bool)
        for before, drawn in known:
            answers = np.where(new & (points == before), drawn, answers)
            new &= points != before
        if self.draws_for_all or context.index == GARBLER or new.any():  # whether points are equal differs between lanes
            drawn = context._tape.column(((), "oracle", *tweak, len(known)), LABELS)
            answers = np.where(new, drawn, answers)
            known.append((points, drawn))
        return answers


class Transfers:
    """Correlated OTs, dealt: t and b are the evaluator's, from the tape; q completes them."""

    def __init__(self, delta):
        self.delta, self.made = delta, 0

    def extend(self, context, count, pairs):
        self.made += 1
        column, (sender, receiver) = context._tape.column, pairs[0]
        t = label_of(column(((receiver,), "t", self.made), LABELS))
        b = self.choices(column(((receiver,), "b", self.made), 2))
        batch = Batch(count, 0)
        if context.index == sender:
            batch.delta[receiver], batch.q[receiver] = self.delta, labels.active(t, self.delta, b)
            context.received.append(symbol_of(batch.q[receiver]))
        else:
            batch.t[sender], batch.b[sender] = t, pack(b.astype(bool))
        return batch

    def choices(self, drawn):
        return drawn


class Dealt:
    """A supply that asks its transfers, dealt, for just what is wanted."""

    def __init__(self, context, transfers):
        self.context, self.source = context, WireTransfers("ot")
        self.source._engine = transfers

    def wires(self, words):
        [items] = self.source.make(self.context, KINDS, words)
        return np.ascontiguousarray(np.moveaxis(items, 0, 1))


class ShortLabels:
    """A stream whose labels, in bit slices, have one random bit in each word."""

    def __init__(self, stream):
        self.stream = stream

    def words(self, shape):
        if shape[0] != garbled.BITS:
            return self.stream.words(shape)
        out = np.zeros(shape, np.uint64)
        out[:: garbled.WORD] = self.stream.words((2, *shape[1:]))
        return out


class Salts:
    """Public, and another for each table."""

    def __init__(self):
        self.drawn = 0

    def words(self, shape):
        self.drawn += 1
        return np.full(shape, self.drawn, np.uint64)


class OnTape(Garbled):
    oracle, transfers_of, salts, stream_of = Oracle, Transfers, Salts, ShortLabels
    scheme_name = "half-gates"
    check_delta = staticmethod(labels.check_delta)

    @staticmethod
    def delta_of(choice):
        return np.array([1, choice], np.uint64)

    def __init__(self, context):
        ASKING.context = context
        delta = self.delta_of(self.offset)
        super().__init__(context, {"delta": delta} if context.index == GARBLER else {})
        self.supply = Dealt(context, self.transfers_of(delta))
        self.scheme = SCHEMES[self.scheme_name]
        stream, exchange, salts = context.stream, context.exchange, self.salts()
        context.stream = lambda peer: self.stream_of(stream(peer))
        context.unseeded_stream = lambda peer: salts

        def noting(tag, *args, **options):
            reply = exchange(tag, *args, **options)
            if tag == "and" and reply:
                context.received[-1:] = self._rows(reply[GARBLER], context._tape.lanes)
            return reply

        context.exchange = noting

    def _rows(self, table, lanes):
        """The ciphertexts of a table of one gate a lane, lanes last."""
        if self.scheme is not ThreeHalves:
            return list(symbol_of(table.reshape(2, lanes, 2)))
        return [*table[: 3 * lanes].reshape(3, lanes), table[3 * lanes :].reshape(-1, word_count(lanes))]


def check_garbled(protocol, program, coalitions=((GARBLER,), (EVALUATOR,)), **options):
    """Views at all offsets; no layer is cut, so that all lanes stand side by side."""

    @contextlib.contextmanager
    def chosen(choice):
        protocol.offset = choice[(GARBLER,)]
        with mock.patch.object(gates, "hash_blocks", protocol.oracle().hash_blocks):
            yield

    with (
        mock.patch.multiple(gates, PIECE=UNCUT, GATES_PER_KEY=UNCUT, check_delta=protocol.check_delta),
        mock.patch.object(garbled, "PIECE_WORDS", UNCUT),
    ):
        return check_views(protocol, 2, program, coalitions, choices=DELTAS, chosen=chosen, **options)
