"""Sorting: shuffle and compare in the open (`quick`), radix with a fixed pattern, and a network for few keys.

All are stable. `quick` and `radix` shuffle the rows first by a permutation that nobody knows; what they then reveal is the
order of a uniformly random arrangement, which says nothing about the data.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from ramp_notebook import BOOL, INT64, MisuseTypeError, MisuseValueError, SecretArray, Session, gadget, primitives, session_of

from .bits import all as all_bits
from .comparison import select
from .open_order import Compare, open_order
from .permutation import row_numbers

HAMADA = "Hamada, Kikuchi, Ikarashi, Chida, Takahashi, ICISC 2012: shuffle, then compare openly"
NETWORK_ROWS = 16  # up to here "auto" takes the network: few rounds, nothing revealed
ALGORITHMS = ("auto", "quick", "radix", "network")
R = TypeVar("R")


@gadget(
    paper=HAMADA + "; radix: 2014/121, 2019/695, 2022/1595; network: Batcher 1968",
    reference=np.sort,
    arguments=("integers",),
    operator="np.sort",
)
def sort(x: SecretArray, *, algorithm: str = "auto", bits: int | None = None) -> SecretArray:
    """Return the values in ascending order.

    Shapes: (n,) to (n,).   Range: all of int64 or fixed; `bits` promises 0 <= x < 2**bits, which makes it cheaper and is
    checked: the cell fails if some value breaks it.
    Reveals: nothing about the data; "quick" reveals the order of shuffled rows, "radix" the places of shuffled rows, `bits`
    that the promise holds. The label says which of them.
    algorithm: "auto" takes the network up to 16 rows, else quick. With b key bits, and m = b + log2 n of them with the row number:
    "quick": about 1.16 n log2 n comparisons of 2 m ANDs, 7 log2 n levels of log2 m + 1 rounds at most; message sizes depend on
    coins (label: random pattern). "radix": b / 2 passes of 8 rounds, each about 9 elements a row and party, sizes fixed.
    "network": log2(n)^2 / 2 layers of n / 2 comparisons at most; sizes fixed, and nothing revealed.
    Raises: MisuseTypeError (not one axis of secret numbers), MisuseValueError (algorithm, bits).
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
    return sort_by(x, [x.session.public(row_numbers(x.session, len(x)))], algorithm=algorithm, bits=bits)[0]


@gadget(paper=HAMADA)
def sort_by(key: SecretArray, columns: Sequence[SecretArray], *, algorithm: str = "auto", bits: int | None = None) -> list[SecretArray]:
    """Return the columns with their rows in the order of `key`, stably. Options and costs as for sort.

    Shapes: key (n,), every column (n,) or (n, …) of numbers or (n,) of bits; result: as the columns.
    >>> x = mpc.input("x", owner="alice")                              # alice: x = [4, 1, 5]
    >>> mpc.reveal(gadgets.sort_by(x, [x * 10])[0])
    array([10, 40, 50])
    """
    _check(key, columns)
    check_options(algorithm, bits)
    n = len(key)
    if n < 2:
        return list(columns)
    index_bits = (n - 1).bit_length()
    ordered = [as_words(key)]
    promise = promise_of(ordered[0], bits)
    words = _distinct(ordered, bits, index_bits)
    return keeping_promise(key.session, promise, lambda: sort_words(words, columns, algorithm, index_bits)[1])


def _distinct(ordered: list[SecretArray], bits: int | None, index_bits: int) -> list[tuple[SecretArray, int]]:
    """The key, taken out of the list, above the row number: words and their bits, the lowest first; one if both fit in."""
    key = ordered.pop()
    rows = row_numbers(key.session, len(key))
    if bits is not None and bits + index_bits <= 64:
        return [((key << index_bits) ^ rows, bits + index_bits)]
    signed = key if bits is not None else key ^ np.int64(-(2**63))  # signed order as unsigned order
    return [(key.session.public(rows, binary=True), index_bits), (signed, bits or 64)]


def check_options(algorithm: Any, bits: Any) -> None:
    """Refuse an unknown algorithm or a promise that means nothing."""
    if algorithm not in ALGORITHMS:
        raise MisuseValueError(f"algorithm is one of {', '.join(ALGORITHMS)}; got {algorithm!r}")
    if bits is not None and (isinstance(bits, bool) or not isinstance(bits, (int, np.integer)) or not 1 <= bits <= 64):
        raise MisuseValueError(f"bits promises 0 <= x < 2**bits, with a public number from 1 to 64; got {bits!r}")


def promise_of(words: SecretArray, bits: int | None) -> Callable[[], None] | None:
    """What finds out whether really 0 <= x < 2**bits, and refuses if not; it keeps the bits that must be zero, not the words."""
    if bits is None:
        return None
    words.session.note(reveals=[f"that values lie in [0, 2**{bits})"])
    kept = min(bits, 63)
    beyond = primitives.bit_planes([words.ravel() >> kept], [64 - kept])
    return functools.partial(_require_zero, beyond, words.size, bits)


def keeping_promise(session: Session, promise: Callable[[], None] | None, work: Callable[[], R]) -> R:
    """Do the work, and beside it, in the same rounds, see whether the promise holds.

    One bit becomes public, and the label says so: that the promise holds.
    """
    if promise is None:
        return work()
    results: list[Any] = session.parallel(promise, work)
    result: R = results[1]
    return result


def _require_zero(beyond: SecretArray, n: int, bits: int) -> None:
    session = beyond.session
    kept = session.reveal(all_bits(primitives.planes_are_zero(beyond, n)))
    if not session.planned and not kept:
        raise MisuseValueError(f"bits={bits} promises 0 <= x < 2**{bits}, but some value lies outside: give more bits, or leave `bits` out")


def sort_words(
    words: list[tuple[SecretArray, int]], columns: Sequence[SecretArray], algorithm: str, tail_bits: int
) -> tuple[list[SecretArray], list[SecretArray]]:
    """Sort rows by keys of several binary words, the lowest first, each with its number of bits.

    The lowest `tail_bits` of the first word make all keys different and ascend with the row number: keys that could be
    equal would show how many are, and a stable sort may leave them out. Takes the words out of the list: see `shuffle_rows`.
    """
    n, bits = len(words[0][0]), [count for _, count in words]
    if algorithm == "auto":
        algorithm = "network" if n <= NETWORK_ROWS else "quick"
    rows = [*(as_words(word) for word, _ in words), *(primitives.bits_as_words(c) if c.dtype is BOOL else c for c in columns)]
    words.clear()
    if n > 1:
        rows = _radix(rows, bits, tail_bits) if algorithm == "radix" else {"quick": _quick, "network": _network}[algorithm](rows, bits)
    back = [primitives.words_as_bits(row) if c.dtype is BOOL else row for c, row in zip(columns, rows[len(bits) :], strict=True)]
    return rows[: len(bits)], back


def _quick(rows: list[SecretArray], bits: Sequence[int]) -> list[SecretArray]:
    session = session_of(rows)
    session.note(["random pattern"], ["the order of shuffled rows"])
    rows = primitives.shuffle_rows(rows)
    order = open_order(session, len(rows[0]), comparing(rows[: len(bits)], bits))
    return [rows.pop(0)[order] for _ in range(len(rows))]


def comparing(key: Sequence[SecretArray], bits: Sequence[int]) -> Compare:
    """How open_order compares keys of several words, of which word j has bits[j] bits. Keys met again are sliced only once."""

    def against(b: np.ndarray) -> Callable[[np.ndarray], SecretArray]:
        planes = primitives.bit_planes(key, bits, b)
        return lambda a: primitives.rows_are_less(key, bits, a, planes)

    return against


def _radix(rows: list[SecretArray], bits: Sequence[int], skipped: int) -> list[SecretArray]:
    """Two bits a pass, lowest first, each pass a stable counting sort; places are revealed after a shuffle."""
    session = session_of(rows)
    session.note(reveals=["places of shuffled rows"])
    digits = [(word, position) for word, count in enumerate(bits) for position in range(count)][skipped:]
    for pass_digits in (digits[i : i + 2] for i in range(0, len(digits), 2)):
        rows.append(_places([primitives.words_as_bits(rows[word], position) for word, position in pass_digits]))
        rows = primitives.shuffle_rows(rows)
        places = session.reveal(rows.pop())
        order = places if session.planned else np.argsort(places)
        rows = [rows.pop(0)[order] for _ in range(len(rows))]
    return rows


def _places(flags: Sequence[SecretArray]) -> SecretArray:
    """Where each row goes when rows are counted by the digit that one or two bits make, lowest bit first; stably.

    Row i of digit d goes after all smaller digits and the earlier rows of its own: sum over d of [digit is d] times that.
    """
    if len(flags) == 1:
        last = primitives.bits_to_int(flags[0])[None, :]
    else:
        low, high = flags
        both = low & high
        last = primitives.bits_to_int(primitives.stack([low ^ both, high ^ both, both]))  # digits 1, 2, 3
    first = primitives.subtract(1, last.sum(axis=0))[None, :]
    is_digit = primitives.concatenate([first, last])
    digits, n = is_digit.shape
    earlier = is_digit.ravel().cumsum().reshape(digits, n)
    return primitives.matmul(is_digit.T[:, None, :], earlier.T[:, :, None]).reshape(n) - 1


def _network(rows: list[SecretArray], bits: Sequence[int]) -> list[SecretArray]:
    """Batcher's odd-even merge sort: layers of comparators, each compare-and-exchange on whole rows."""
    session = session_of(rows)
    for low, high in comparator_layers(len(rows[0])):
        swap = comparing(rows[: len(bits)], bits)(low)(high)
        rows = session.parallel(*(functools.partial(_exchanged, row, low, high, swap) for row in rows))
    return rows


def _exchanged(row: SecretArray, low: np.ndarray, high: np.ndarray, swap: SecretArray) -> SecretArray:
    a, b = row[low], row[high]
    if row.binary:
        change = (a ^ b) & primitives.bits_as_masks(swap)
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


def as_words(x: SecretArray) -> SecretArray:
    """A key column in the binary domain, as plain integers."""
    words = primitives.to_binary(x)
    return SecretArray(words.session, words.share, words.shape, INT64, "binary")


def _check(key: Any, columns: Sequence[Any]) -> None:
    if not isinstance(key, SecretArray) or key.ndim != 1 or key.dtype is BOOL:
        raise MisuseTypeError(f"sorting takes a key of secret numbers of shape (n,); got {key!r}. Flatten it, or sort each row on its own.")
    for column in columns:
        if not isinstance(column, SecretArray) or column.shape[:1] != key.shape:
            raise MisuseValueError(f"every column needs the key's {len(key)} rows; got {column!r}")
