"""What every protocol offers to secret arrays: the interface, and the linear operations that most inherit.

A share is a uint64 ndarray with a leading component axis. Two domains: `arithmetic` shares are linear over the protocol's
numbers (here Z_2^64; a protocol over another ring or field overrides that part); `binary` shares are words of bits that are
linear under XOR. Secret bits are binary shares packed 64 to a word over the flattened array.
"""

import functools
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from .. import registry
from ..errors import MisuseError, MisuseValueError
from ..trace.recorder import OpenSpan
from ..values import encoding, ring, shaped
from ..values.encoding import DType
from ..values.netlist import FIRST_INPUT, ONE, ZERO, Circuit
from . import circuits
from . import planes as packed
from .context import Context
from .security import ADVERSARIES, Security

Share = Any  # uint64 ndarray or ShapedArray, leading axis: components


class Protocol(ABC):
    """One party's engine of a sharing scheme. Methods take and return shares; all parties call them in the same order.

    `kept` belongs to this protocol at this party and outlives the cell (state of preprocessing, for instance). When a cell
    fails or a party is replaced it is emptied at all parties but for what is `lasting`, so that their pieces never drift apart.
    """

    name: ClassVar[str]
    security: ClassVar[Security]
    takes: ClassVar[str]  # how many parties, in words
    arithmetic_components: ClassVar[int] = 1
    binary_components: ClassVar[int] = 1
    value_range: ClassVar[str] = "signed 64-bit integers"
    smallest: ClassVar[int] = -(2**63)
    largest: ClassVar[int] = 2**63 - 1
    prepares: ClassVar[tuple[str, ...]] = ()  # kinds of correlated randomness that it spends and that can be made ahead
    linear_is_local: ClassVar[bool] = True  # adding, and scaling by public numbers, send nothing
    numbers_are_words: ClassVar[bool] = False  # arithmetic shares are binary shares of the same numbers
    sources: ClassVar[tuple[str, ...]] = ()  # what --preprocessing may name, the default first; none if there is no choice
    stores: ClassVar[bool] = False  # --store means something
    chooses_garbling: ClassVar[bool] = False  # --garbling means something
    pieces_add_up: ClassVar[bool] = True  # a number's pieces are summands modulo 2^64; else they are XORed, as words' are
    lasting: ClassVar[tuple[str, ...]] = ()  # names in `kept` that shares depend on: they survive a failed cell
    ends_with_a_failed_cell: ClassVar[bool] = False  # it keeps MAC keys, which a party may have learned from a check that it broke off
    owing: ClassVar[frozenset[str]] = frozenset()  # tags of messages that have to be checked before anything is revealed

    def __init__(self, context: Context, kept: dict[str, Any] | None = None):
        self.context = context
        self.kept = {} if kept is None else kept

    @classmethod
    def source_named(cls, name: str) -> str:
        """The name of a source, MisuseError if results could not be worth what this protocol promises with items from there."""
        if name not in cls.sources:
            raise MisuseError(
                f"`{cls.name}` takes --preprocessing {' or '.join(cls.sources)}; from `{name}` it cannot: "
                "what is made there is right only if every party follows the protocol."
            )
        return name

    @property
    def adversary(self) -> str:
        """What results of this cell withstand, on account of the protocol and of all it uses."""
        return self.security.adversary

    @property
    def label_flags(self) -> tuple[str, ...]:
        """What results of this cell say in their label on account of where its correlated randomness came from."""
        return ()

    def verify(self) -> None:  # noqa: B027 - there is nothing to check where parties are only curious
        """Check everything that was computed since the last time; raise CheatingDetected at all parties unless it is as it should be."""

    @property
    def missed_bits(self) -> int | None:
        """A cheater gets through this cell's checks with probability 2^-bits at most; None if there were none that can miss."""
        return None

    def prepare(self, needs: dict[Any, int], *, all_of_it: bool = False) -> None:  # noqa: B027 - most protocols need none
        """Have correlated randomness ready, so many items of each kind; unless `all_of_it`, only as much as fits memory well."""

    def count_needs(self) -> dict[Any, int]:
        """From now on answer with shapes; the result counts, as the cell goes on, what it asks for."""
        return {}

    def supplies(self) -> dict[str, tuple[int, int, int]]:
        """Of every kind of correlated randomness in use: how much this cell made and used, and how much is left for later ones."""
        return {}

    def public_state(self) -> dict[str, Any]:
        """What everyone knows of `kept` at the end of a cell: plain data, from which a plan of the next cell starts."""
        return {}

    @classmethod
    def of_public_state(cls, state: dict[str, Any], parties: int) -> dict[str, Any]:
        """What a planned party keeps, in place of one with this public state."""
        return {}

    @classmethod
    @abstractmethod
    def fits(cls, count: int) -> bool:
        """Whether the protocol runs with so many parties."""

    @classmethod
    def check_parties(cls, count: int) -> None:
        """Raise MisuseValueError, saying what would fit, unless the protocol runs with this many parties."""
        if cls.fits(count):
            return
        private = [name for name, other in registry.protocols.items() if other.fits(count) and other.security.adversary != ADVERSARIES[0]]
        others = f"for {count} take --protocol {' or '.join(private)}" if private else "no protocol that protects anything takes so few"
        fitting = next(each for each in itertools.count(1) if cls.fits(each))
        raise MisuseValueError(f"`{cls.name}` runs with {cls.takes}; this cell has {count}. Take --parties {fitting}, or {others}.")

    @classmethod
    def components(cls, count: int, *, binary: bool) -> int:
        """How many components a share has among `count` parties."""
        return cls.binary_components if binary else cls.arithmetic_components

    # -- numbers: what plain values are in this protocol's arithmetic --------------------------------------------------

    @classmethod
    def comfortable(cls) -> int:
        """Integers in [-c, c) have differences that the protocol can represent, so that their signs compare them."""
        return int((cls.largest + 1) // 2)

    @classmethod
    def encode(cls, value: Any, dtype: DType, name: str = "value") -> Any:
        """Ring elements of plain numbers; what is out of range is refused."""
        return encoding.encode(value, dtype, name)

    @classmethod
    def decode(cls, numbers: Any, dtype: DType) -> Any:
        """Plain numbers of ring elements."""
        return encoding.decode(numbers, dtype)

    # -- required: sharing, products, revealing, randomness ------------------------------------------------------------

    @abstractmethod
    def input(self, owner: int, value: Any, shape: tuple[int, ...], *, binary: bool) -> Share:
        """Share the owner's ring elements or words; `value` is None at everyone else."""

    @abstractmethod
    def multiply(self, x: Share, y: Share) -> Share:
        """Elementwise product of two equally shaped arithmetic shares."""

    @abstractmethod
    def conjunction(self, x: Share, y: Share) -> Share:
        """Bitwise AND of two equally shaped binary shares."""

    def conjunctions(self, factors: Iterable[circuits.Factors], shapes: Sequence[circuits.Shape]) -> list[Share]:
        """Bitwise ANDs of many pairs of planes, whose shapes are known before, in one exchange.

        Pairs are asked for in turn, so that a protocol need never hold the next before the last is masked.
        """
        if len(shapes) == 1:
            return [self.conjunction(*pair) for pair in factors]
        left, right = (np.concatenate([part.reshape(part.shape[0], -1) for part in side], axis=1) for side in zip(*factors, strict=True))
        return list(circuits.split(self.conjunction(left, right), shapes))

    @abstractmethod
    def matmul(self, x: Share, y: Share) -> Share:
        """Matrix product by numpy's rules on the axes after the component axis."""

    @abstractmethod
    def reveal(self, x: Share, to: Sequence[int], *, binary: bool) -> Any:
        """The value, at the parties in `to`; None elsewhere."""

    def shown(self, x: Share, *, binary: bool) -> Share:
        """What mpc.peek may show of a share without giving away more than this one value."""
        return x

    @abstractmethod
    def random(self, shape: tuple[int, ...], *, binary: bool) -> Share:
        """Uniform ring elements or words that nobody knows."""

    @abstractmethod
    def pieces(self, x: Share, *, binary: bool) -> dict[int, Any]:
        """What values are made of: by party, a piece that it knows, here this party's own, else None. Local.

        Pieces of numbers add up modulo 2^64 where `pieces_add_up`; those of words XOR. Who has one is public.
        """

    # -- required: between the domains ---------------------------------------------------------------------------------

    @abstractmethod
    def sign(self, x: Share) -> Share:
        """Packed bits: 1 where the signed arithmetic value is negative. `x` has shape (components, n)."""

    @abstractmethod
    def is_zero(self, x: Share) -> Share:
        """Packed bits: 1 where the arithmetic value is zero. `x` has shape (components, n)."""

    @abstractmethod
    def bits_to_ring(self, bits: Share, n: int) -> Share:
        """Arithmetic 0 or 1 of each of n packed bits."""

    @abstractmethod
    def to_binary(self, x: Share) -> Share:
        """Binary words (two's complement, 64 bits) of arithmetic values, same shape (components, n)."""

    @abstractmethod
    def to_arithmetic(self, x: Share) -> Share:
        """Arithmetic values of binary words, same shape (components, n)."""

    @abstractmethod
    def truncate(self, x: Share, bits: int) -> Share:
        """floor(x / 2**bits) of the signed value, exactly. Shape (components, n)."""

    @abstractmethod
    def truncate_probabilistic(self, x: Share, bits: int) -> Share:
        """x / 2**bits rounded up or down at random, for |x| < largest / 2."""

    @abstractmethod
    def shuffle(self, columns: list[tuple[Share, bool]]) -> list[Share]:
        """Apply one uniformly random permutation that no party knows to the rows of every (share, binary) column.

        May take the columns out of the list, so that memory need not hold them before and after.
        """

    # -- inherited: comparing binary words -----------------------------------------------------------------------------

    def words_are_less(self, x: Share, y: Share, bits: Sequence[int]) -> Share:
        """Packed bits: x < y as unsigned numbers. Binary shares (components, k, n): k words a number, the lowest first.

        Of word j the low bits[j] bits count.
        """
        return self.planes_are_less(packed.words_to_planes(x, bits), packed.words_to_planes(y, bits))

    def planes_of(self, words: Sequence[Share], bits: Sequence[int]) -> Share:
        """Bit planes (components, sum(bits), words) of numbers of several words (components, n), the lowest first."""
        planes = [packed.to_planes(word, count) for word, count in zip(words, bits, strict=True)]
        return planes[0] if len(planes) == 1 else np.concatenate(planes, axis=1)

    def planes_at(self, words: Sequence[Share], bits: Sequence[int], at: np.ndarray) -> Share:
        """The same of the numbers at these places, a piece at a time."""
        planes = shaped.empty((words[0].shape[0], sum(bits), packed.word_count(len(at))), like=words[0])
        for columns in circuits.pieces(planes):
            planes[..., columns] = self.planes_of([np.take(word, at[packed.numbers_in(columns)], axis=1) for word in words], bits)
        return planes

    def rows_are_less(self, words: Sequence[Share], bits: Sequence[int], at: np.ndarray, y: Share) -> Share:
        """Packed bits: the numbers at these places < y in bit planes."""
        return self.planes_are_less(self.planes_at(words, bits, at), y)

    def planes_are_less(self, x: Share, y: Share) -> Share:
        """Packed bits: x < y as unsigned numbers in bit planes (components, k, words), the lowest first."""
        return self.pieces_are_less(lambda columns: x[..., columns], y)

    def pieces_are_less(self, x: Callable[[slice], Share], y: Share) -> Share:
        """The same, where x makes the planes of a piece when its turn comes.

        The highest bit in which x and y differ decides, by y's: a carry that passes where they are equal.
        """

        def alike(columns: slice) -> Share:
            return self.invert(x(columns) ^ y[..., columns])

        pieces = [(y[..., columns], functools.partial(alike, columns)) for columns in circuits.pieces(y)]
        return self.carries_of([circuits.Block(g, p, carry_known=True) for g, p in pieces])

    def carries_of(self, blocks: Sequence[circuits.Block]) -> Share:
        """The carries out of blocks that stand side by side, as packed bits."""
        return np.concatenate([g[:, 0] for g, _ in circuits.reduce_carries(blocks, self.conjunctions)], axis=1)

    def words_are_equal(self, x: Share, y: Share, bits: int) -> Share:
        """Packed bits: low `bits` bits equal. Binary shares of shape (components, n)."""
        return self.planes_are_zero(packed.to_planes(x ^ y, bits))

    def planes_are_zero(self, x: Share) -> Share:
        """Packed bits: each of the numbers in bit planes is zero."""
        return circuits.fold_and(self.invert(x), self.conjunction)[:, 0]

    # -- inherited: many gates -----------------------------------------------------------------------------------------

    def conjunction_of(self, x: Share, y: Share, lanes: int) -> Share:
        """AND of planes (components, …, words) of which the first `lanes` bits count: for protocols that pay by the bit."""
        return self.conjunction(x, y)

    def evaluate(self, circuit: Circuit, inputs: Sequence[Share], lanes: int) -> list[Share]:
        """The circuit's outputs as planes (components, width, words), of inputs of that form: one exchange for a depth of ANDs."""
        rows = self._circuit_rows(circuit, inputs)
        for layer in circuit.layers:
            left, right = np.take(rows, layer.left, axis=1), np.take(rows, layer.right, axis=1)
            if not layer.product:
                rows[:, layer.out] = left ^ right
                continue
            with OpenSpan(self.context.recorder, "and"):
                rows[:, layer.out] = self.conjunction_of(left, right, lanes)
        return [np.take(rows, output, axis=1) for output in circuit.outputs]

    def _circuit_rows(self, circuit: Circuit, inputs: Sequence[Share]) -> Share:
        """Planes of all the circuit's rows, of which constants and inputs are set."""
        components, _, words = inputs[0].shape
        rows = shaped.empty((components, circuit.rows, words), like=inputs[0])
        ones = shaped.empty((1, words), like=inputs[0])
        ones[...] = np.uint64(0xFFFFFFFFFFFFFFFF)
        rows[:, ZERO], rows[:, ONE] = self.zeros((words,), binary=True), self.public(ones, binary=True)[:, 0]
        rows[:, FIRST_INPUT : FIRST_INPUT + sum(circuit.inputs)] = np.concatenate(inputs, axis=1)
        return rows

    # -- inherited: linear operations on binary shares, all local ------------------------------------------------------

    def constant_components(self, *, binary: bool) -> tuple[int, ...]:
        """Indices of this party's components that carry public constants."""
        return (0,)

    def zeros(self, shape: tuple[int, ...], *, binary: bool) -> Share:
        """The share of zeros that everyone knows to be zeros."""
        full = (self.components(self.context.count, binary=binary), *shape)
        return shaped.ShapedArray(full) if self.context.planned else np.zeros(full, np.uint64)

    def public(self, value: Any, *, binary: bool) -> Share:
        """The share of a value everyone knows. Local."""
        share = self.zeros(value.shape, binary=binary)
        for component in self.constant_components(binary=binary):
            share[component] = value
        return share

    def xor_public(self, x: Share, value: Any) -> Share:
        """x ^ value for public words whose shape broadcasts with x's."""
        return self._with_constant(x, value, np.bitwise_xor, binary=True)

    def invert(self, words: Share) -> Share:
        """Bitwise NOT of binary shares."""
        return self.xor_public(words, np.uint64(0xFFFFFFFFFFFFFFFF))

    def _with_constant(self, x: Share, value: Any, operation: Callable[[Any, Any], Any], *, binary: bool) -> Share:
        shape = x.shape[1:] if np.shape(value) == () else np.broadcast_shapes(x.shape[1:], np.shape(value))
        out = align(x, len(shape))
        if out.shape[1:] != shape:
            out = np.broadcast_to(out, (x.shape[0], *shape))
        if shaped.is_shaped(x, value):
            return shaped.ShapedArray(out.shape)
        out = out.copy()
        for component in self.constant_components(binary=binary):
            out[component] = operation(out[component], value)
        return out

    # -- inherited: linear operations on arithmetic shares, for numbers in Z_2^64 --------------------------------------

    def add(self, x: Share, y: Share) -> Share:
        return x + y

    def negate(self, x: Share) -> Share:
        return -x

    def subtract(self, x: Share, y: Share) -> Share:
        return self.add(x, self.negate(y))

    def add_public(self, x: Share, value: Any) -> Share:
        """x + value for ring elements whose shape broadcasts with x's."""
        return self._with_constant(x, value, np.add, binary=False)

    def scale(self, x: Share, value: Any) -> Share:
        """x * value for ring elements whose shape broadcasts with x's; x has an axis for every axis of the result."""
        return x * value

    def total(self, x: Share, axes: tuple[int, ...]) -> Share:
        """Sum over axes of the share (0 is the component axis)."""
        return np.sum(x, axis=axes)

    def running_total(self, x: Share, axis: int) -> Share:
        return np.cumsum(x, axis=axis)

    def matmul_public(self, x: Share, value: Any, *, secret_left: bool) -> Share:
        """x @ value, or value @ x, by numpy's rules: component by component."""
        inner = x.shape[1:]
        shape = shaped.matmul_shape(inner, value.shape) if secret_left else shaped.matmul_shape(value.shape, inner)
        if shaped.is_shaped(x, value):
            return shaped.ShapedArray((x.shape[0], *shape))
        products = [np.asarray(ring.matmul(c, value) if secret_left else ring.matmul(value, c)) for c in x]
        return np.stack(products).reshape(x.shape[0], *shape)

    def shift_left(self, x: Share, bits: int) -> Share:
        """x * 2**bits."""
        return self.scale(x, np.uint64(1 << bits))


def align(share: Share, ndim: int) -> Share:
    """Insert axes of length 1 after the component axis, so that numpy broadcasts values and not components."""
    missing = ndim + 1 - share.ndim
    return share if missing <= 0 else share.reshape(share.shape[0], *(1,) * missing, *share.shape[1:])
