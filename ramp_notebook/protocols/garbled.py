"""`garbled`: two parties, either may be curious. Party 0 garbles, party 1 evaluates (Yao 1986); XOR is free.

A share is a wire's label in bit slices: word k of 128 holds bit k of the labels of 64 wires. The garbler holds the labels of
false, the evaluator the active ones; both XOR. The label of true is that of false ⊕ Δ, and Δ is odd: bit 0 is the colour.
Numbers are 64 wires. Nothing that the evaluator has depends on another message of its own, so that rounds are free.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import MisuseError
from ..registry import protocol
from ..values import shaped
from ..values.netlist import FIRST_INPUT, ONE, ZERO, Circuit
from ..values.streams import Stream, fresh_key
from . import planes as packed
from .base import Protocol, Share
from .garbling import SCHEMES, labels, netlists, slices
from .garbling.labels import Labels
from .garbling.transfers import EVALUATOR, GARBLER, KINDS, CountingWires, WireSupply, WireTransfers
from .permutations import network, random_permutation, route
from .preprocessing.engines import ENGINES, parts_of
from .preprocessing.sources import flags_of
from .preprocessing.supply import planned_supply, supply_state
from .security import Security

WORD = 64
BITS = slices.LABEL_BITS
PIECE_WORDS = 1 << 19  # of table: 4 MiB that one party garbles while the other evaluates those before


@protocol("garbled")
class Garbled(Protocol):
    """Garbled circuits: 256 bits an AND, all sent by party 0; XOR, NOT, shifts and truncation are free; a sum takes 63 ANDs."""

    security = Security(
        "semi-honest",
        1,
        "2",
        "Yao 1986; half-gates 2014/756 (or three-halves 2021/749); hash 2019/074, 2019/1168; inputs by correlated OT 2022/192",
        ", ".join(ENGINES),
    )
    arithmetic_components = binary_components = BITS
    linear_is_local = False
    numbers_are_words = True
    pieces_add_up = False
    prepares = KINDS
    lasting = ("delta",)
    sources = ENGINES
    chooses_garbling = True

    takes = "exactly two parties"

    @classmethod
    def fits(cls, count: int) -> bool:
        return count == 2

    def __init__(self, context: Any, kept: dict[str, Any] | None = None):
        super().__init__(context, kept)
        self.garbler, self.peer = context.index == GARBLER, 1 - context.index
        self.delta = self._kept_delta()
        self.transfers = context.preprocessing if parts_of(context.preprocessing)[0] in ENGINES else ENGINES[0]
        self.scheme = SCHEMES[context.garbling]
        self.supply: WireSupply = WireSupply(context, self.kept.setdefault(self.transfers, {}), self.transfers, self.delta)

    @classmethod
    def source_named(cls, name: str) -> str:
        if name not in ENGINES:
            raise MisuseError(f"`garbled` takes {' or '.join(ENGINES)}; `{name}` cannot give what depends on the garbler's own offset.")
        return name

    @property
    def label_flags(self) -> tuple[str, ...]:
        return flags_of(self.transfers)

    def _kept_delta(self) -> Any:
        """Δ, at the garbler: one for all cells, as secrets of earlier ones have labels under it. A seed does not decide it."""
        if self.garbler and not self.context.planned:
            if "delta" not in self.kept:
                self.kept["delta"] = labels.fresh_delta(Stream(fresh_key()))
            return self.kept["delta"]
        return None

    def prepare(self, needs: dict[Any, int], *, all_of_it: bool = False) -> None:
        self.supply.prepare(needs, all_of_it=all_of_it)

    def count_needs(self) -> dict[Any, int]:
        self.supply = CountingWires(self.context)
        return self.supply.used

    def supplies(self) -> dict[str, tuple[int, int, int]]:
        return self.supply.balance()

    def public_state(self) -> dict[str, Any]:
        return {name: supply_state(self.context, kept) for name, kept in self.kept.items() if name not in self.lasting}

    @classmethod
    def of_public_state(cls, state: dict[str, Any], parties: int) -> dict[str, Any]:
        return {name: planned_supply(each, parties, WireTransfers(name), WireSupply) for name, each in state.items()}

    def constant_components(self, *, binary: bool) -> tuple[int, ...]:
        """The active label of a constant is 0, so that of false is Δ where the constant is true: its bits, at the garbler."""
        return () if self.delta is None else tuple(np.flatnonzero(packed.unpack(self.delta, BITS)).tolist())

    # -- inputs, revealing, randomness ---------------------------------------------------------------------------------

    def input(self, owner: int, value: Any, shape: tuple[int, ...], *, binary: bool) -> Share:
        """The garbler's: free, as both draw the active labels. The evaluator's: 31 bits a wire ahead (under SoftSpoken), and one online."""
        if owner == EVALUATOR:
            return self._transferred(value, shape)
        active = self.context.stream(self.peer).words((BITS, *shape))
        return active ^ self.public(value, binary=True) if self.garbler else active

    def _transferred(self, value: Any, shape: tuple[int, ...]) -> Share:
        """A wire whose bit b is random, and known to the evaluator, who says value ⊕ b: which is added as public."""
        if not math.prod(shape):
            return self.zeros(shape, binary=True)
        wires = self.supply.wires(math.prod(shape)).reshape(BITS, *shape)
        change = None if self.garbler else value ^ wires[0]
        sends, receives = ({}, {EVALUATOR: shape}) if self.garbler else ({GARBLER: change}, {})
        reply = self.context.exchange("choices", sends, receives)
        return self.xor_public(wires, reply[EVALUATOR] if self.garbler else change)

    def reveal(self, x: Share, to: Sequence[int], *, binary: bool) -> Any:
        """The value is the XOR of both colours: one bit a wire to each receiver."""
        sends = {self.peer: x[0]} if self.peer in to else {}
        receives = {self.peer: x.shape[1:]} if self.context.index in to else {}
        reply = self.context.exchange("reveal", sends, receives)
        return x[0] ^ reply[self.peer] if self.context.index in to else None

    def pieces(self, x: Share, *, binary: bool) -> dict[int, Any]:
        """The colours, which XOR to the value."""
        return {party: x[0] if party == self.context.index else None for party in (GARBLER, EVALUATOR)}

    def random(self, shape: tuple[int, ...], *, binary: bool) -> Share:
        """The XOR of an input of each."""
        own = self.context.stream(self.context.index).words(shape)
        one, other = (self.input(owner, own if owner == self.context.index else None, shape, binary=True) for owner in (GARBLER, EVALUATOR))
        return one ^ other

    # -- gates ---------------------------------------------------------------------------------------------------------

    def conjunction(self, x: Share, y: Share) -> Share:
        return self.conjunction_of(x, y, WORD * x.shape[-1] if x.ndim > 1 else WORD)

    def conjunction_of(self, x: Share, y: Share, lanes: int) -> Share:
        """256 bits from garbler to evaluator for each bit that counts."""
        shape = x.shape
        if not x.size:
            return x
        a, b = (slices.of_planes(v.reshape(BITS, -1, shape[-1] if len(shape) > 1 else 1), lanes) for v in (x, y))
        [c] = self._garbled(netlists.conjunction(), [v.reshape(1, -1, 2) for v in (a, b)])
        return slices.to_planes(c.reshape(a.shape)).reshape(shape)

    def evaluate(self, circuit: Circuit, inputs: Sequence[Share], lanes: int) -> list[Share]:
        return [slices.to_planes(output) for output in self._garbled(circuit, [slices.of_planes(planes, lanes) for planes in inputs])]

    def _garbled(self, circuit: Circuit, inputs: Sequence[Labels]) -> list[Labels]:
        """The outputs' labels (width, lanes, 2). Of many lanes some at a time, so that garbling and evaluating overlap."""
        lanes = inputs[0].shape[1]
        words = self.scheme(bytes(16)).table_words(circuit.and_count)
        step = max(1, PIECE_WORDS // max(1, words) // WORD) * WORD
        pieces = [self._piece(circuit, [v[:, start : start + step] for v in inputs]) for start in range(0, lanes, step)]
        if not pieces:
            return [shaped.zeros((len(output), 0, 2), like=inputs[0]) for output in circuit.outputs]
        return pieces[0] if len(pieces) == 1 else [np.concatenate(parts, axis=1) for parts in zip(*pieces, strict=True)]

    def _piece(self, circuit: Circuit, inputs: Sequence[Labels]) -> list[Labels]:
        """Garble or evaluate a circuit whose table is one message.

        Its salt is of this piece alone, and known to both: as Δ lasts, two tables under one salt would show it.
        """
        context, lanes = self.context, inputs[0].shape[1]
        salt = context.unseeded_stream(self.peer).words((2,))
        scheme = self.scheme(bytes(16) if context.planned else salt.tobytes())
        sizes = [scheme.table_words(layer.out.size * lanes) for layer in circuit.layers if layer.product]
        table = shaped.empty((sum(sizes),), like=inputs[0])
        if not self.garbler:
            table = context.exchange("and", {}, {GARBLER: table.shape})[GARBLER]
        if context.planned:
            if self.garbler:
                context.exchange("and", {EVALUATOR: table}, {})
            return [shaped.ShapedArray((len(output), lanes, 2)) for output in circuit.outputs]

        rows = shaped.empty((circuit.rows, lanes, 2), like=inputs[0])
        rows[ZERO], rows[ONE] = np.uint64(0), np.uint64(0) if self.delta is None else self.delta
        rows[FIRST_INPUT : FIRST_INPUT + sum(circuit.inputs)] = np.concatenate(inputs)
        start = 0
        for layer in circuit.layers:
            left, right = np.take(rows, layer.left, axis=0), np.take(rows, layer.right, axis=0)
            if not layer.product:
                rows[layer.out] = left ^ right
                continue
            a, b = left.reshape(-1, 2), right.reshape(-1, 2)
            part = slice(start, start + scheme.table_words(a.shape[0]))
            if self.garbler:
                c, table[part] = scheme.garble(a, b, self.delta, context.stream(GARBLER))
            else:
                c = scheme.evaluate(a, b, table[part])
            rows[layer.out] = c.reshape(left.shape)
            start = part.stop

        if self.garbler:
            context.exchange("and", {EVALUATOR: table}, {})
        return [np.take(rows, output, axis=0) for output in circuit.outputs]

    # -- numbers -------------------------------------------------------------------------------------------------------

    def _numbers(self, circuit: Circuit, *operands: Share) -> Share:
        """A circuit on numbers of one shape, with a number as its output."""
        [result] = self._garbled(circuit, [slices.of_numbers(x.reshape(BITS, -1)) for x in operands])
        return slices.to_numbers(result).reshape(operands[0].shape)

    def _bits(self, circuit: Circuit, *operands: Labels) -> Share:
        """A circuit with a bit as its output: packed bits."""
        [result] = self._garbled(circuit, operands)
        return slices.to_planes(result)[:, 0]

    def add(self, x: Share, y: Share) -> Share:
        """63 ANDs."""
        shape = np.broadcast_shapes(x.shape, y.shape)
        return self._numbers(netlists.adder(), np.broadcast_to(x, shape), np.broadcast_to(y, shape))

    def subtract(self, x: Share, y: Share) -> Share:
        """x - y = ~(~x + y): 63 ANDs."""
        return self.invert(self.add(self.invert(x), y))

    def negate(self, x: Share) -> Share:
        """-x = ~(x - 1): 63 ANDs."""
        return self.invert(self.add_public(x, np.uint64(0xFFFFFFFFFFFFFFFF)))

    def add_public(self, x: Share, value: Any) -> Share:
        """As dear as adding a secret."""
        shape = np.broadcast_shapes(x.shape[1:], np.shape(value))
        x = np.broadcast_to(_aligned(x, len(shape)), (BITS, *shape))
        return self.add(x, self.public(np.broadcast_to(value, shape), binary=True))

    def multiply(self, x: Share, y: Share) -> Share:
        """4033 ANDs."""
        return self._numbers(netlists.multiplier(), x, y)

    def scale(self, x: Share, value: Any) -> Share:
        """1953 ANDs, whatever the value: what it is worth must not show in a plan of it."""
        shape = np.broadcast_shapes(x.shape[1:], np.shape(value))
        wires = slices.of_numbers(np.broadcast_to(x, (BITS, *shape)).reshape(BITS, -1))
        value = np.broadcast_to(value, shape).reshape(-1)
        rows = [wires[: WORD - i] * (value >> np.uint64(i) & np.uint64(1))[:, None] for i in range(WORD)]
        [result] = self._garbled(netlists.shifted_sum(), rows)
        return slices.to_numbers(result).reshape(BITS, *shape)

    def shift_left(self, x: Share, bits: int) -> Share:
        return x << np.uint64(bits)

    def total(self, x: Share, axes: tuple[int, ...]) -> Share:
        """63 ANDs an addition; halves against halves, so that many are made at once."""
        rest = tuple(n for axis, n in enumerate(x.shape) if axis not in axes and axis)
        terms = np.moveaxis(x, axes, tuple(range(1, 1 + len(axes)))).reshape(BITS, math.prod(x.shape[axis] for axis in axes), *rest)
        if not terms.shape[1]:
            return self.zeros(rest, binary=False)
        while terms.shape[1] > 1:
            half = terms.shape[1] // 2
            sums = self.add(terms[:, :half], terms[:, half : 2 * half])
            terms = np.concatenate([sums, terms[:, 2 * half :]], axis=1)
        return terms[:, 0]

    def running_total(self, x: Share, axis: int) -> Share:
        """Below two additions a number: sums of pairs, their running totals, then what lies between (Brent, Kung 1982)."""
        x = np.moveaxis(x, axis, 1)
        n = x.shape[1]
        if n > 1:
            pairs = self.running_total(self.add(x[:, : n - 1 : 2], x[:, 1::2]), 1)
            between = self.add(pairs[:, : (n - 1) // 2], x[:, 2::2])
            out = shaped.empty(x.shape, like=x)
            out[:, :1], out[:, 1::2], out[:, 2::2] = x[:, :1], pairs, between
            x = out
        return np.moveaxis(x, 1, axis)

    def matmul(self, x: Share, y: Share) -> Share:
        """A multiplication and an addition for each of the terms."""
        return self._summed(x, y, self.multiply)

    def matmul_public(self, x: Share, value: Any, *, secret_left: bool) -> Share:
        value = value.reshape(1, *value.shape)  # in place of the components
        return self._summed(x, value, self._scaled) if secret_left else self._summed(value, x, lambda a, b: self._scaled(b, a))

    def _scaled(self, x: Share, value: Any) -> Share:
        return self.scale(x, value[0])

    def _summed(self, x: Any, y: Any, product: Any) -> Share:
        """Σ over the inner index of the products of all terms."""
        shape = shaped.matmul_shape(x.shape[1:], y.shape[1:])
        left = x[:, None, :] if x.ndim == 2 else x
        right = y[..., None] if y.ndim == 2 else y
        stack = np.broadcast_shapes(left.shape[1:-2], right.shape[1:-2])
        terms = (*stack, left.shape[-2], right.shape[-1], left.shape[-1])
        left = _aligned(left, len(terms) - 1)[..., None, :]
        right = np.swapaxes(_aligned(right, len(terms) - 1), -1, -2)[..., None, :, :]
        products = product(*(np.broadcast_to(v, (v.shape[0], *terms)) for v in (left, right)))
        return self.total(products, (products.ndim - 1,)).reshape(BITS, *shape)

    # -- between the domains: a number is its bits ---------------------------------------------------------------------

    def sign(self, x: Share) -> Share:
        return packed.pack((x >> np.uint64(WORD - 1)).astype(np.bool_))

    def is_zero(self, x: Share) -> Share:
        """63 ANDs."""
        return self._bits(netlists.all_zero(WORD), slices.of_numbers(x))

    def bits_to_ring(self, bits: Share, n: int) -> Share:
        return packed.unpack(bits, n).astype(np.uint64)

    def to_binary(self, x: Share) -> Share:
        return x

    def to_arithmetic(self, x: Share) -> Share:
        return x

    def truncate(self, x: Share, bits: int) -> Share:
        """Free: the sign's label goes on."""
        return x if shaped.is_shaped(x) else (x.view(np.int64) >> np.int64(bits)).view(np.uint64)

    truncate_probabilistic = truncate

    def words_are_less(self, x: Share, y: Share, bits: Sequence[int]) -> Share:
        """An AND a bit."""
        a, b = (np.concatenate([slices.of_numbers(v[:, j])[:count] for j, count in enumerate(bits)]) for v in (x, y))
        return self._bits(netlists.less(sum(bits)), a, b)

    def words_are_equal(self, x: Share, y: Share, bits: int) -> Share:
        """An AND a bit but for one."""
        return self._bits(netlists.all_zero(bits), slices.of_numbers(x ^ y)[:bits])

    def planes_are_zero(self, x: Share) -> Share:
        return self.evaluate(netlists.all_zero(x.shape[1]), [x], WORD * x.shape[2])[0][:, 0]

    # -- permutations --------------------------------------------------------------------------------------------------

    def shuffle(self, columns: Sequence[tuple[Share, bool]]) -> list[Share]:
        """Each party in turn sets a network of switches to a permutation of its own: 64 ANDs a switch and word of a row.

        Either order alone is uniform, so that of both is to whoever knows one.
        """
        n = columns[0][0].shape[1]
        widths = [math.prod(share.shape[2:]) for share, _ in columns]
        rows = np.concatenate([slices.of_numbers(share.reshape(BITS, -1)).reshape(WORD, n, -1, 2) for share, _ in columns], axis=2)
        if n > 1:
            for owner in (GARBLER, EVALUATOR):
                rows = self._permuted(rows, owner)
        stops = np.cumsum(widths).tolist()
        parts = [rows[:, :, stop - width : stop] for stop, width in zip(stops, widths, strict=True)]
        return [slices.to_numbers(part.reshape(WORD, -1, 2)).reshape(x.shape) for part, (x, _) in zip(parts, columns, strict=True)]

    def _permuted(self, rows: Labels, owner: int) -> Labels:
        """Rows (64, n, words, 2) as the owner's permutation orders them; its switches are inputs of the owner."""
        layers = network(rows.shape[1])
        counts = [len(layer.first) for layer in layers]
        settings, shape = None, (packed.word_count(sum(counts)),)
        if owner == self.context.index:
            order = random_permutation(self.context.stream(owner), rows.shape[1])
            settings = shaped.ShapedArray(shape) if shaped.is_shaped(order) else packed.pack(np.concatenate(route(order)))
        controls = slices.of_planes(self.input(owner, settings, shape, binary=True).reshape(BITS, 1, -1), sum(counts))[0]
        start = 0
        for layer, count in zip(layers, counts, strict=True):
            control = np.broadcast_to(controls[start : start + count, None], (WORD, count, *rows.shape[2:]))
            start += count
            rows = self._switched(rows, control, layer.first)[:, layer.then]
        return rows

    def _switched(self, rows: Labels, control: Labels, first: Any) -> Labels:
        """Rows `first` and the ones after them swapped where `control` is set: both change by the AND of it and their difference."""
        differ = rows[:, first] ^ rows[:, first + 1]
        [change] = self._garbled(netlists.conjunction(), [v.reshape(1, -1, 2) for v in (control, differ)])
        change, out = change.reshape(differ.shape), rows.copy()
        out[:, first], out[:, first + 1] = rows[:, first] ^ change, rows[:, first + 1] ^ change
        return out


def _aligned(x: Any, ndim: int) -> Any:
    """Axes of length 1 after the component axis, up to this many value axes."""
    return x.reshape(x.shape[0], *(1,) * (ndim + 1 - x.ndim), *x.shape[1:]) if x.ndim <= ndim else x
