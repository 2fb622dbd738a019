"""Owns the authenticated correlated randomness that a party of `spdz2k` holds: what it can ask for, and who may make it.

Shares. A number of Z_2^128, of which the low 64 bits count, is four words along the component axis: the low and the high word of
the party's summand of x, then of its summand of alpha x modulo 2^128; alpha is the sum of the parties' keys, integers of
`KEY_BITS` bits (SPDZ2k, 2018/482). A word of 64 bits is 65: the party's share of the bits, then word k of the shares of their
MACs, whose bit i is bit k of the MAC x_i Delta of bit i; Delta is the XOR of the parties' keys (2015/901). Both are linear.
"""

import abc
import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...errors import MisuseError
from ...values.bits import WORD_BITS, word_count
from ...values.shaped import ShapedArray, shape_rule
from ...values.streams import Stream, fresh_key
from ..checks import Checks
from ..context import Context
from .rehearsal import Counting
from .sources import Items, Kind, Source
from .supply import Supply

NUMBER = 4  # components of a number
BIT = 1 + WORD_BITS  # components of bits
KEY_BITS = 64
GROWING = ("triples", "bit_triples", "dabits", "randoms", "random_bits", "edabits", "masks", "bit_masks")


@dataclass(frozen=True)
class Keys:
    """A party's summands of the two MAC keys. Only ever sent to who makes its items. Shares of any cell are under the same keys."""

    alpha: int
    delta: int

    @staticmethod
    def fresh(bits: int = KEY_BITS) -> "Keys":
        alpha, delta = (int(word) >> (WORD_BITS - bits) for word in Stream(fresh_key()).words(2))
        return Keys(alpha, delta)

    def __repr__(self) -> str:
        return "<MAC keys>"


class AuthenticatedSource(Source):
    """Makes authenticated items: a cheater is caught here, or whoever uses them catches it by their MACs.

    `make` returns arrays as `item_shapes` says: the number of items first, then components, so that share arrays (components,
    count, …) go in as np.moveaxis(share, 1, 0). A source made for a plan has no keys. What it checks by itself it does with
    `checks`, which are the running cell's: coins, and what they miss counts in its label.
    """

    adversary: ClassVar[str]  # against whom its items are as they should be; results are worth no more
    checks: Checks

    def __init__(self, keys: Keys | None):
        self.keys = keys

    @abc.abstractmethod
    def make(self, context: Context, kind: Kind, count: int) -> Items: ...


def item_shapes(kind: Kind, parties: int) -> list[ShapedArray]:
    """Shapes and dtypes of one item's arrays.

    ("triples",)               a, b, ab uniform modulo 2^128: (4,) each
    ("bit_triples",)           a, b, a & b: (65,) each, 64 triples
    ("matrix_triples", m,k,n)  A, B, A @ B modulo 2^128: (4, m, k), (4, k, n), (4, m, n)
    ("randoms",)               uniform modulo 2^128, known to nobody: (4,)
    ("random_bits",)           64 uniform bits: (65,)
    ("masks", owner)           a uniform number modulo 2^128 in plain, (2,), zeros at all but its owner; and its share: (4,)
    ("bit_masks", owner)       64 bits in plain, (), zeros at all but the owner; and their share: (65,)
    ("dabits",)                64 uniform bits as numbers, whose high words are anything: (4, 64); and as bits: (65,)
    ("edabits", k)             64 numbers whose low words are uniform below 2^k and whose high words are uniform, so that
                               one hides whatever is added: (4, 64); and their bits as k planes: (65, k)
    """
    name, *sizes = kind
    if name in ("masks", "bit_masks"):
        return [ShapedArray((2,)), ShapedArray((NUMBER,))] if name == "masks" else [ShapedArray(()), ShapedArray((BIT,))]
    return [ShapedArray((components, *rest)) for components, rest in parts(name, sizes)]


def parts(name: str, sizes: Any) -> list[tuple[int, tuple[int, ...]]]:
    """Of every share in an item of this kind: how many components it has, and the shape of one."""
    if name == "matrix_triples":
        rows, inner, columns = sizes
        return [(NUMBER, (rows, inner)), (NUMBER, (inner, columns)), (NUMBER, (rows, columns))]
    if name == "edabits":
        return [(NUMBER, (WORD_BITS,)), (BIT, (sizes[0],))]
    known: dict[str, list[tuple[int, tuple[int, ...]]]] = {
        "triples": [(NUMBER, ())] * 3, "bit_triples": [(BIT, ())] * 3, "randoms": [(NUMBER, ())], "random_bits": [(BIT, ())],
        "masks": [(NUMBER, ())], "bit_masks": [(BIT, ())], "dabits": [(NUMBER, (WORD_BITS,)), (BIT, ())],
    }  # fmt: skip
    if name not in known:
        raise MisuseError(f"a protocol with MACs spends no {name}; it spends matrix_triples, edabits, {', '.join(known)}")
    return known[name]


class Authenticated(Supply):
    """What a protocol with MACs asks for in one cell; shares come with components first. `kept` is what outlives the cell.

    `keys` are the party's (None in a plan), and last as long as secrets do. `source` is the class of the source that was chosen.
    """

    source: AuthenticatedSource

    growing = GROWING
    item_shapes = staticmethod(item_shapes)

    def __init__(self, context: Context, kept: dict[str, Any], source: type[AuthenticatedSource], keys: Keys | None, checks: Checks):
        super().__init__(context, kept, functools.partial(source, keys))
        self.source.checks = checks

    def keys(self) -> Keys | None:
        """This party's keys; None in a plan."""
        return self.source.keys

    def masks(self, owner: int, shape: tuple[int, ...], *, binary: bool) -> tuple[Any, Any]:
        """A random value, (2, *shape) of numbers or words of shape, that its owner knows (zeros elsewhere), and its share."""
        count = int(np.prod(shape))
        known, share = self._take(("bit_masks" if binary else "masks", owner), count)
        known = known.reshape(shape) if binary else _contiguous(np.moveaxis(known, 0, 1)).reshape(2, *shape)
        return known, _first(share).reshape(BIT if binary else NUMBER, *shape)

    def random(self, count: int) -> Any:
        """(4, count): uniform modulo 2^128."""
        return _first(self._take(("randoms",), count)[0])

    def random_bits(self, words: int) -> Any:
        """(65, words)."""
        return _first(self._take(("random_bits",), words)[0])

    def triples(self, count: int) -> Items:
        """Three shares (4, count)."""
        return tuple(_first(share) for share in super().triples(count))

    def bit_triples(self, words: int) -> Items:
        """Three shares (65, words)."""
        return tuple(_first(share) for share in super().bit_triples(words))

    def matrix_triples(self, rows: int, inner: int, columns: int) -> Items:
        """Shares (4, rows, inner), (4, inner, columns), (4, rows, columns)."""
        return super().matrix_triples(rows, inner, columns)

    def dabits(self, count: int) -> Items:
        """Random bits: (4, count) as numbers and (65, ceil(count / 64)) packed."""
        numbers, bits = self._take(("dabits",), word_count(count))
        return _lanes(numbers, count), _first(bits)

    def edabits(self, count: int, bits: int = WORD_BITS) -> Items:
        """Random numbers below 2^bits: (4, count) with high words that hide whatever is added, and planes (65, bits, ceil(count / 64))."""
        numbers, planes = self._take(("edabits", bits), word_count(count))
        return _lanes(numbers, count), _contiguous(np.moveaxis(planes, 0, -1))


class CountingAuthenticated(Counting, Authenticated):
    """It counts what it is asked for, and answers with shapes."""


_contiguous = shape_rule(lambda shape: shape)(np.ascontiguousarray)


def _first(share: Any) -> Any:
    """Items of one number each, components first."""
    return _contiguous(np.moveaxis(share, 0, 1))


def _lanes(numbers: Any, count: int) -> Any:
    """(items, 4, 64) as (4, count)."""
    return _contiguous(np.moveaxis(numbers, 0, 1)).reshape(NUMBER, numbers.shape[0] * WORD_BITS)[:, :count]
