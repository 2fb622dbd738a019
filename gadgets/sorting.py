"""Sorting: shuffle and compare in the open (`quick`), radix with a fixed pattern, and a network for few keys.

All are stable. `quick` and `radix` shuffle the rows first by a permutation that nobody knows; what they then reveal is the
order of a uniformly random arrangement, which says nothing about the data.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ramp_notebook import BOOL, INT64, MisuseTypeError, MisuseValueError, SecretArray, gadget, primitives, session_of

from .comparison import select
from .open_order import open_order

HAMADA = "Hamada, Kikuchi, Ikarashi, Chida, Takahashi, ICISC 2012: shuffle, then compare openly"
NETWORK_ROWS = 16  # up to here "auto" takes the network: few rounds, nothing revealed
ALGORITHMS = ("auto", "quick", "radix", "network")


@gadget(
    paper=HAMADA + "; radix: 2014/121, 2019/695, 2022/1595; network: Batcher 1968",
    reference=np.sort,
    arguments=("integers",),
    operator="np.sort",
)
def sort(x: SecretArray, *, algorithm: str = "auto", bits: int | None = None) -> SecretArray:
    """Return the values in ascending order.

    Shapes: (n,) to (n,).   Range: all of int64 or fixed; `bits` promises 0 <= x < 2**bits and makes it cheaper.
    Reveals: nothing about the data; "quick" reveals the order of shuffled rows and "radix" shuffled positions.
    algorithm: "quick" for many keys: about n log2 n comparisons, whose message sizes depend on coins (label: random pattern);
    "radix": one shuffle per bit, sizes fixed; "network": n log2(n)^2 / 4 comparisons, for few keys. "auto" takes the network
    up to 16 rows, else quick.
    Raises: MisuseValueError (shape, algorithm).
    >>> mpc.reveal(gadgets.sort(mpc.input("x", owner="alice")))     # alice: x = [4, 1, 5]
    array([1, 4, 5])
    """
    return sort_by(x, [x], algorithm=algorithm, bits=bits)[0]


@gadget(paper=HAMADA, reference=lambda x: np.argsort(x, kind="stable"), arguments=("integers",), operator="np.argsort")
def argsort(x: SecretArray, *, algorithm: str = "auto", bits: int | None = None) -> SecretArray:
    """Return the (secret) positions that would sort x, stably. Cost as for sort with one column more.

    >>> mpc.reveal(gadgets.argsort(mpc.input("x", owner="alice")))     # alice: x = [4, 1, 5]
    array([1, 0, 2])
    """
    return sort_by(x, [_row_numbers(x)], algorithm=algorithm, bits=bits)[0]


@gadget(paper=HAMADA)
def sort_by(key: SecretArray, columns: Sequence[SecretArray], *, algorithm: str = "auto", bits: int | None = None) -> list[SecretArray]:
    """Return the columns with their rows in the order of `key`, stably. Options and costs as for sort.

    Shapes: key (n,), every column (n,) or (n, …) of numbers or (n,) of bits; result: as the columns.
    >>> x = mpc.input("x", owner="alice")                              # alice: x = [4, 1, 5]
    >>> mpc.reveal(gadgets.sort_by(x, [x * 10])[0])
    array([10, 40, 50])
    """
    _check(key, columns, algorithm)
    n = len(key)
    if n < 2:
        return list(columns)
    index_bits = (n - 1).bit_length()
    if bits is not None and bits + index_bits <= 64:
        words = [(((primitives.to_binary(key) << index_bits) ^ np.arange(n)), bits + index_bits)]
    else:
        ordered = primitives.to_binary(key)
        ordered = ordered ^ np.int64(-(2**63)) if bits is None else ordered  # signed order as unsigned order
        words = [(key.session.public(np.arange(n), binary=True), index_bits), (ordered, bits or 64)]
    return sort_words(words, columns, algorithm)[1]


def sort_words(
    words: Sequence[tuple[SecretArray, int]], columns: Sequence[SecretArray], algorithm: str = "auto"
) -> tuple[list[SecretArray], list[SecretArray]]:
    """Sort rows by keys of several binary words, the lowest first, each with its number of bits; all keys must differ.

    Keys that could be equal would show how many are: callers put the secret row number in the lowest bits.
    """
    n = len(words[0][0])
    if algorithm == "auto":
        algorithm = "network" if n <= NETWORK_ROWS else "quick"
    keys, bits = [_as_words(word) for word, _ in words], [count for _, count in words]
    rows = [*keys, *(primitives.bits_as_words(c) if c.dtype is BOOL else c for c in columns)]
    ordered = rows if n < 2 else {"quick": _quick, "radix": _radix, "network": _network}[algorithm](rows, bits)
    back = [primitives.words_as_bits(row) if c.dtype is BOOL else row for c, row in zip(columns, ordered[len(keys) :], strict=True)]
    return ordered[: len(keys)], back


def _quick(rows: Sequence[SecretArray], bits: Sequence[int]) -> list[SecretArray]:
    session = session_of(rows)
    session.note(["random pattern"])
    rows = primitives.shuffle_rows(rows)
    key = primitives.stack(rows[: len(bits)])
    order = open_order(session, len(rows[0]), lambda a, b: primitives.rows_are_less(key[:, a], key[:, b], bits))
    return [row[order] for row in rows]


def _radix(rows: Sequence[SecretArray], bits: Sequence[int]) -> list[SecretArray]:
    """One pass per bit, lowest first: zeros go before ones; the new places are revealed after a shuffle."""
    session, n = session_of(rows), len(rows[0])
    for word, count in enumerate(bits):
        for position in range(count):
            one = primitives.bits_to_int(primitives.words_as_bits(rows[word], position))
            ones_so_far = one.cumsum()
            zeros_so_far = primitives.subtract(1, one).cumsum()
            place = zeros_so_far + one * (zeros_so_far[n - 1] + ones_so_far - zeros_so_far) - 1

            shuffled = primitives.shuffle_rows([*rows, place])
            places = session.reveal(shuffled[-1])
            order = places if session.planned else np.argsort(places)
            rows = [row[order] for row in shuffled[:-1]]
    return list(rows)


def _network(rows: Sequence[SecretArray], bits: Sequence[int]) -> list[SecretArray]:
    """Batcher's odd-even merge sort: layers of comparators, each compare-and-exchange on whole rows."""
    rows, session = list(rows), session_of(rows)
    for low, high in comparator_layers(len(rows[0])):
        key = primitives.stack(rows[: len(bits)])
        swap = primitives.rows_are_less(key[:, high], key[:, low], bits)
        rows = session.parallel(*(functools.partial(_exchanged, row, low, high, swap) for row in rows))
    return rows


def _exchanged(row: SecretArray, low: np.ndarray, high: np.ndarray, swap: SecretArray) -> SecretArray:
    a, b = row[low], row[high]
    if row.binary:
        full = primitives.bits_as_words(swap)
        mask = SecretArray(full.session, full.share * np.uint64(0xFFFFFFFFFFFFFFFF), full.shape, full.dtype, "binary")
        change = (a ^ b) & mask
        new_a, new_b = a ^ change, b ^ change
    else:
        condition = swap.reshape(-1, *(1,) * (row.ndim - 1))
        new_a = select(condition, b, a)
        new_b = a + b - new_a
    rest = np.setdiff1d(np.arange(len(row)), np.concatenate([low, high]))
    position = np.argsort(np.concatenate([low, high, rest]))
    return primitives.concatenate([new_a, new_b, row[rest]])[position]


def comparator_layers(n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Batcher's network for n rows: layers of (low, high) positions; comparators beyond n fall away.

    >>> [(a.tolist(), b.tolist()) for a, b in comparator_layers(3)]
    [([0], [1]), ([0], [2]), ([1], [2])]
    """
    layers, p = [], 1
    while p < n:
        k = p
        while k >= 1:
            starts = np.concatenate([np.arange(j, min(j + k, n - k)) for j in range(k % p, n - k, 2 * k)] or [np.zeros(0, int)]).astype(int)
            starts = starts[starts // (2 * p) == (starts + k) // (2 * p)]
            if len(starts):
                layers.append((starts, starts + k))
            k //= 2
        p *= 2
    return layers


def _as_words(x: SecretArray) -> SecretArray:
    """A key column in the binary domain, as plain integers."""
    words = primitives.to_binary(x)
    return SecretArray(words.session, words.share, words.shape, INT64, "binary")


def _row_numbers(x: SecretArray) -> SecretArray:
    return x.session.public(np.arange(len(x)))


def _check(key: Any, columns: Sequence[Any], algorithm: str) -> None:
    if algorithm not in ALGORITHMS:
        raise MisuseValueError(f"algorithm is one of {', '.join(ALGORITHMS)}; got {algorithm!r}")
    if not isinstance(key, SecretArray) or key.ndim != 1 or key.dtype is BOOL:
        raise MisuseTypeError(f"sorting takes a key of secret numbers of shape (n,); got {key!r}. Flatten it, or sort each row on its own.")
    for column in columns:
        if not isinstance(column, SecretArray) or column.shape[:1] != key.shape:
            raise MisuseValueError(f"every column needs the key's {len(key)} rows; got {column!r}")
