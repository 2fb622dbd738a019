"""Full-size primitives: no bit, and no pair of bits, that one party sees tells two worlds of inputs apart."""

import itertools

import numpy as np
import pytest
from privacy.joint import bits_of, largest_difference, views

from ramp_notebook.protocols.replicated import Replicated

LANES = 16_384  # their packed bits are a fraction of a block, so that blocks are whole planes
ZERO, MOST = np.zeros(LANES, np.uint64), np.full(LANES, (1 << 62) - 1, np.uint64)


def inputs(engine, worlds):
    return [engine.input(owner, values if engine.context.index == owner else None, (LANES,), binary=False) for owner, values in worlds]


def difference(engine, shares):
    """x - y, whose share is part of the view too."""
    engine.context.seen.append(shares[0] - shares[1])
    return shares[0] - shares[1]


PROGRAMS = {
    "multiply": lambda p, s: p.multiply(s[0], s[1]),
    "two products of one factor": lambda p, s: (p.multiply(s[0], s[1]), p.multiply(s[0], s[1] + s[1])),
    "sign": lambda p, s: p.sign(difference(p, s)),
    "is_zero": lambda p, s: p.is_zero(difference(p, s)),
    "truncate": lambda p, s: p.truncate(s[0] + s[1], 16),
    "truncate_probabilistic": lambda p, s: p.truncate_probabilistic(s[0] + s[1], 16),
    "to_binary": lambda p, s: p.to_binary(s[0] + s[1]),
    "to_arithmetic": lambda p, s: p.to_arithmetic(p.to_binary(s[0] + s[1])),
    "bits_to_ring": lambda p, s: p.bits_to_ring(p.sign(s[0] - s[1]), LANES),
}


def worlds_apart(protocol, program, *coalition):
    """Another party's input is 0 in one world and 2^62 - 1 in the other; the coalition's own is 0 in both."""
    other = next(party for k in range(3) if (party := (coalition[-1] + 1 + k) % 3) not in coalition)
    seen = []
    for theirs in (ZERO, MOST):
        owned = sorted([(other, theirs), (coalition[0], ZERO)], key=lambda each: each[0])
        all_see = views(protocol, 3, lambda engine, owned=owned: program(engine, inputs(engine, owned)))
        arrays = [array for party in coalition for array in all_see[party]]
        seen.append(bits_of(arrays, LANES))
    return largest_difference(*seen)


@pytest.mark.parametrize("party", range(3))
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_party_cannot_tell_two_worlds_apart(name, party):
    apart, threshold = worlds_apart(Replicated, PROGRAMS[name], party)
    if apart > threshold:  # once in a million by chance: then not twice
        apart, threshold = worlds_apart(Replicated, PROGRAMS[name], party)
    assert apart <= threshold


class ReusedMasks(Replicated):
    """Every product and every AND takes the masks of the first one."""

    def _masked(self, key, draw, out):
        if (key, out.size) not in self.kept:
            draw(out)
            self.kept[key, out.size] = out.copy()
        out[...] = self.kept[key, out.size]

    def _draw_zero_sum(self, out):
        self._masked("sum", super()._draw_zero_sum, out)

    def _draw_zero_xor(self, out):
        self._masked("xor", super()._draw_zero_xor, out)


class OpenPieces(Replicated):
    """An adder's summands are shared without a mask."""

    def _split_sum(self, x):
        from ramp_notebook.protocols import planes

        shape = (64, planes.word_count(x.shape[1]))
        s = self.zeros(shape, binary=True)
        if self.me == 0:
            s[0] = planes.to_planes(x[0] + x[1])
            self.context.exchange("input", {1: s[0], 2: s[0]}, {})
        else:
            s[0 if self.me == 2 else 1] = 0
            self.context.exchange("input", {}, {0: shape})
        return super()._split_sum(x)


@pytest.mark.parametrize(
    ("bug", "name", "party"), [(ReusedMasks, "two products of one factor", 2), (OpenPieces, "sign", 2), (OpenPieces, "sign", 1)]
)
def test_a_planted_bug_is_seen(bug, name, party):
    apart, threshold = worlds_apart(bug, PROGRAMS[name], party)
    assert apart > 2 * threshold


def features(array):
    return (((array[:, :, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)).reshape(len(array), -1)).astype(np.float32) * 2 - 1


def shuffled(protocol, order, runs=1500):
    """What each party saw in many shuffles of four rows, a row of features per shuffle."""

    def program(engine):
        x = engine.input(0, order if engine.context.index == 0 else None, (4,), binary=False)
        for _ in range(runs):
            engine.context.seen.append(None)
            engine.shuffle([(x, False)])

    rows = []
    for seen in views(protocol, 3, program):
        starts = [k for k, array in enumerate(seen) if array is None] + [len(seen)]
        each = [np.concatenate([a.reshape(-1) for a in seen[i + 1 : j]]) for i, j in itertools.pairwise(starts)]
        width = min(map(len, each))
        rows.append(features(np.array([row[:width] for row in each])))
    return rows


def test_a_shuffle_shows_nobody_its_rows():
    worlds = [shuffled(Replicated, np.array(order, np.uint64)) for order in ([0, 1, 2, 3], [2**62, 2**62, 2**62, 2**62])]
    for party in (1, 2):  # party 0 owns the rows
        apart, threshold = largest_difference(worlds[0][party], worlds[1][party])
        assert apart <= threshold


class UnmaskedHop(Replicated):
    """A pair swaps its permuted pieces as they are."""

    def _reshare_pairs(self, a, pieces, shapes, binary):
        pieces = list(pieces)
        masks = [np.zeros_like(piece) for piece in pieces]
        other = (a + 1) % 3 if self.me == a else a
        shares = []
        for piece, mask in zip(pieces, masks, strict=True):
            theirs = self.context.exchange("reshare", {other: piece}, {other: piece.shape})[other]
            shares.append(np.stack([mask, piece + theirs] if self.me == a else [piece + theirs, mask]))
        return shares

    def _reshare_pairs_idle(self, a, shapes):
        self.context.exchange("reshare", {}, {})
        return [np.zeros((2, *shape), np.uint64) for shape in shapes]


def test_an_unmasked_hop_is_seen():
    worlds = [shuffled(UnmaskedHop, np.array(order, np.uint64), 200) for order in ([0, 1, 2, 3], [2**62, 2**62, 2**62, 2**62])]
    apart, threshold = largest_difference(worlds[0][2], worlds[1][2])
    assert apart > 2 * threshold
