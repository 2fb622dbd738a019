"""Sets held by several owners: who shares what, without showing who holds what.

One sort brings equal items together; then each row learns, by a segmented OR over the owners' bits, who holds its item.
Duplicates within one owner's list count once. Lengths of the lists are public.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ramp_notebook import BOOL, MisuseTypeError, MisuseValueError, SecretArray, Session, gadget, primitives, session_of, shaped

from .permutation import row_numbers
from .sorting import as_words, check_options, keeping_promise, promise_of, sort_words

SORTED = "sort and compare neighbours: Huang, Evans, Katz 2012; sorting as in gadgets.sort"
SIGN = np.int64(-(2**63))


@dataclass(frozen=True, repr=False)
class SecretSet:
    """A set whose members and size are secret: items, and for each a secret bit that says whether it is a member.

    mpc.reveal(set) shows the members, sorted, and nothing else. Its length as an array is a public bound.
    """

    items: SecretArray
    valid: SecretArray

    @property
    def session(self) -> Session:
        """Where its items live."""
        return self.items.session

    def __repr__(self) -> str:
        return f"<secret set of at most {len(self.items)} items, {self.session.protocol_name}>"

    def __len__(self, *_: Any) -> int:
        raise MisuseTypeError(
            "the size of a secret set is secret: mpc.reveal(gadgets.size(s)) makes it public, mpc.reveal(s) shows the set"
        )

    __bool__ = __iter__ = __contains__ = __len__

    def reveal_in(self, session: Session, to: Any = None) -> Any:
        """The members, sorted. Non-members are blanked and all rows shuffled before anything is shown."""
        with session.span("reveal_set"):
            session.adopt(self.items)
            blanked = self.items & primitives.bits_as_masks(self.valid)
            rows = primitives.shuffle_rows([blanked, primitives.bits_as_words(self.valid)])
            items, flags = session.parallel(
                lambda: session.reveal(rows[0], to), lambda: session.reveal(primitives.words_as_bits(rows[1]), to)
            )
        if items is None or shaped.is_shaped(items):
            return items  # a plan knows the bound on the size only
        return np.sort(items[flags])


@gadget(paper="sum of bits")
def size(members: SecretSet) -> SecretArray:
    """Return the number of members, as a secret.   Cost: one bit conversion per possible member.

    >>> a, b = mpc.input("a", owner="alice"), mpc.input("b", owner="bob")     # alice: a = [1, 5] # bob: b = [5]
    >>> mpc.reveal(gadgets.size(gadgets.union([a, b])))
    2
    """
    return members.valid.sum()


@gadget(paper=SORTED, reference=lambda sets: sorted(set.intersection(*map(set, sets))), arguments=("sets",))
def intersection(sets: Sequence[SecretArray], *, bits: int | None = None, algorithm: str = "auto") -> SecretSet:
    """Return the items that every list holds.

    Shapes: a list of secret integers (n_i,), lengths may differ, duplicates and empty lists are fine.
    `bits`: promises 0 <= item < 2**bits (32 for IPv4), makes it cheaper and is checked.   `algorithm`: as for sort.
    Reveals: what the sort does, nothing about the data.   Cost: one sort of all rows, then log2(rows) cheap rounds.
    Raises: MisuseTypeError, MisuseValueError.
    >>> a, b = mpc.input("a", owner="alice"), mpc.input("b", owner="bob")     # alice: a = [1, 5] # bob: b = [5, 7]
    >>> mpc.reveal(gadgets.intersection([a, b]))
    array([5])
    """
    return _select_items(sets, bits, algorithm, lambda holders: _all_of(holders))


@gadget(paper=SORTED, reference=lambda sets: sorted(set.union(*map(set, sets))), arguments=("sets",))
def union(sets: Sequence[SecretArray], *, bits: int | None = None, algorithm: str = "auto") -> SecretSet:
    """Return the items that at least one list holds, each once. Arguments and costs as for intersection.

    >>> a, b = mpc.input("a", owner="alice"), mpc.input("b", owner="bob")     # alice: a = [1, 5] # bob: b = [5, 7]
    >>> mpc.reveal(gadgets.union([a, b]))
    array([1, 5, 7])
    """
    return _select_items(sets, bits, algorithm, lambda holders: None)


@gadget(paper=SORTED, reference=lambda sets: sorted(set(sets[0]).difference(*map(set, sets[1:]))), arguments=("sets",))
def difference(sets: Sequence[SecretArray], *, bits: int | None = None, algorithm: str = "auto") -> SecretSet:
    """Return the items of the first list that no other holds. Arguments and costs as for intersection.

    >>> a, b = mpc.input("a", owner="alice"), mpc.input("b", owner="bob")     # alice: a = [1, 5] # bob: b = [5, 7]
    >>> mpc.reveal(gadgets.difference([a, b]))
    array([1])
    """
    return _select_items(sets, bits, algorithm, lambda holders: _all_of([holders[0], *(~h for h in holders[1:])]))


@gadget(
    paper=SORTED,
    reference=lambda sets, t: sorted(i for i in set().union(*map(set, sets)) if sum(i in s for s in map(set, sets)) >= t),
    arguments=("sets", "threshold"),
)
def over_threshold(sets: Sequence[SecretArray], t: int, *, bits: int | None = None, algorithm: str = "auto") -> SecretSet:
    """Return the items that at least t of the lists hold; each list counts once. Arguments and costs as for intersection.

    >>> a, b, c = (mpc.input("s", owner=p) for p in mpc.parties[:3])     # alice: s = [1, 5] # bob: s = [5, 7] # carol: s = [7, 7]
    >>> mpc.reveal(gadgets.over_threshold([a, b, c], 2))
    array([5, 7])
    """
    if isinstance(t, bool) or not isinstance(t, (int, np.integer)) or not 1 <= t <= len(sets):
        raise MisuseValueError(f"the threshold is a public number from 1 to {len(sets)}, the number of lists; got {t!r}")
    return _select_items(sets, bits, algorithm, lambda holders: at_least(holders, int(t)))


@gadget(paper=SORTED, reference=lambda sets: len(set.intersection(*map(set, sets))), arguments=("sets",))
def intersection_cardinality(sets: Sequence[SecretArray], *, bits: int | None = None, algorithm: str = "auto") -> SecretArray:
    """Return how many items every list holds, as a secret; the items stay hidden.

    >>> a, b = mpc.input("a", owner="alice"), mpc.input("b", owner="bob")     # alice: a = [1, 5] # bob: b = [5, 7]
    >>> mpc.reveal(gadgets.intersection_cardinality([a, b]))
    1
    """
    return size(intersection(sets, bits=bits, algorithm=algorithm))


@gadget(paper=SORTED, reference=lambda sets: len(set.union(*map(set, sets))), arguments=("sets",))
def union_cardinality(sets: Sequence[SecretArray], *, bits: int | None = None, algorithm: str = "auto") -> SecretArray:
    """Return how many different items the lists hold together, as a secret.

    >>> a, b = mpc.input("a", owner="alice"), mpc.input("b", owner="bob")     # alice: a = [1, 5] # bob: b = [5, 7]
    >>> mpc.reveal(gadgets.union_cardinality([a, b]))
    3
    """
    return size(union(sets, bits=bits, algorithm=algorithm))


@gadget(paper=SORTED, reference=lambda sets: len(set(sets[0]).difference(*map(set, sets[1:]))), arguments=("sets",))
def difference_cardinality(sets: Sequence[SecretArray], *, bits: int | None = None, algorithm: str = "auto") -> SecretArray:
    """Return how many items only the first list holds, as a secret.

    >>> a, b = mpc.input("a", owner="alice"), mpc.input("b", owner="bob")     # alice: a = [1, 5] # bob: b = [5, 7]
    >>> mpc.reveal(gadgets.difference_cardinality([a, b]))
    1
    """
    return size(difference(sets, bits=bits, algorithm=algorithm))


@gadget(
    paper=SORTED,
    reference=lambda values, members: np.isin(values, members),
    arguments=("integers", "integers"),
    reveals=("places of shuffled rows",),
)
def membership(values: SecretArray, members: SecretArray, *, bits: int | None = None, algorithm: str = "auto") -> SecretArray:
    """Return secret bits, 1 where a value stands in the list `members`.

    Shapes: values (n,), members (m,); result (n,).   Cost: one sort of n + m rows, one shuffle.
    Reveals: places of shuffled rows, nothing about the data.
    >>> a, b = mpc.input("a", owner="alice"), mpc.input("b", owner="bob")     # alice: a = [1, 5] # bob: b = [5, 7]
    >>> mpc.reveal(gadgets.membership(a, b))
    array([False,  True])
    """
    items, holders, index, index_bits = _sorted_holders([members, values], bits, algorithm)
    session, n, m = session_of(values), len(values), len(members)
    if not n:
        return session.public(np.zeros(0, bool))
    same = _same_as_previous(items, bits)
    found = _segmented_or([holders[0]], same)  # members come first among equals, so every later row hears of them
    rows = primitives.shuffle_rows([index, primitives.bits_as_words(found[0])])
    place = session.reveal(rows[0] & np.int64((1 << index_bits) - 1))
    flags = primitives.words_as_bits(rows[1])
    return flags[place if session.planned else np.argsort(place)][m:]


# -- the common part ---------------------------------------------------------------------------------------------------


def _select_items(
    sets: Sequence[SecretArray], bits: int | None, algorithm: str, rule: Callable[[list[SecretArray]], SecretArray | None]
) -> SecretSet:
    """One row per item, valid where `rule` of the holders' bits says so (None: always)."""
    items, holders = _sorted_holders(sets, bits, algorithm)[:2]
    if not len(items):
        return SecretSet(items, items.session.public(np.zeros(0, bool)))
    same = _same_as_previous(items, bits)
    holders = _segmented_or(holders, same)
    last = ~primitives.concatenate([same[1:], items.session.public(np.zeros(1, bool))])
    chosen = rule(holders)
    return SecretSet(items, last if chosen is None else chosen & last)


def _sorted_holders(
    sets: Sequence[SecretArray], bits: int | None, algorithm: str
) -> tuple[SecretArray, list[SecretArray], SecretArray, int]:
    """All rows sorted by item: items (binary words), for each list its bits, and the word that ends with the row number.

    The lists' bits and the row number travel in the key's low bits, below the item: no column of their own.
    """
    sets = _checked(sets)
    check_options(algorithm, bits)
    session, count = session_of(sets), len(sets)
    one_domain = len({s.binary for s in sets}) == 1  # then one conversion serves all lists, in the same rounds
    joint = [as_words(primitives.concatenate(sets)) if one_domain else primitives.concatenate([as_words(s) for s in sets])]
    index_bits = max(1, (len(joint[0]) - 1).bit_length())
    tail, tail_bits = _tail(session, [len(s) for s in sets], index_bits), count + index_bits
    narrow = bits if bits is not None and bits + tail_bits <= 64 else None  # then one word holds all
    promise = promise_of(joint[0], bits)
    if narrow is not None:
        words = [((joint.pop() << tail_bits) ^ tail, narrow + tail_bits)]
    else:
        words = [(session.public(tail, binary=True), tail_bits), (joint.pop() if bits is not None else joint.pop() ^ SIGN, bits or 64)]
    (tail_word, *rest), _ = keeping_promise(session, promise, lambda: sort_words(words, [], algorithm, tail_bits))
    ordered = _shifted_down(tail_word, tail_bits, narrow) if narrow is not None else rest[0]
    items = ordered if bits is not None else ordered ^ SIGN
    holders = [primitives.words_as_bits(tail_word, index_bits + k) for k in range(count)]
    return items, holders, tail_word, index_bits


def _tail(session: Session, lengths: Sequence[int], index_bits: int) -> Any:
    """What every row's key ends with: one bit for its list, above the row number."""
    rows = row_numbers(session, sum(lengths))
    return rows if session.planned else (np.int64(1) << np.repeat(np.arange(len(lengths)), lengths) << index_bits) | rows


def _shifted_down(words: SecretArray, by: int, bits: int) -> SecretArray:
    return (words >> by) & np.int64((1 << bits) - 1)


def _same_as_previous(items: SecretArray, bits: int | None) -> SecretArray:
    """Row i holds the item of row i - 1; the first row never does."""
    same = primitives.words_are_equal(items[1:], items[:-1], bits or 64)
    return primitives.concatenate([items.session.public(np.zeros(1, bool)), same])


def _segmented_or(columns: Sequence[SecretArray], same: SecretArray) -> list[SecretArray]:
    """OR of each column from the start of a run of equal items up to each row: Hillis & Steele's scan, log2 n rounds."""
    n, count, step = len(same), len(columns), 1
    rows = primitives.stack([*columns, same])  # the last row: whether the run reaches so far back
    while step < n:
        earlier = rows.local(functools.partial(_moved, by=step))
        reaching = rows.local(lambda a: np.repeat(a[count:], count + 1, axis=0))
        reached = primitives.conjunction(earlier, reaching)
        rows = primitives.concatenate([primitives.disjunction(rows[:count], reached[:count]), reached[count:]])
        step *= 2
    return list(rows[:count])


def _moved(rows: Any, by: int) -> Any:
    """Each row's entries so many places further on, after zeros."""
    return np.concatenate([shaped.zeros((len(rows), by), rows, bool), rows[:, :-by]], axis=1)


def at_least(bits: Sequence[SecretArray], t: int) -> SecretArray:
    """Secret bits: at least t of these bits are 1. Carry-save adders to a binary count, then a comparison with t."""
    columns: list[list[SecretArray]] = [list(bits)]
    weight = 0
    while weight < len(columns):
        column = columns[weight]
        while len(column) > 1:
            a, b = column.pop(0), column.pop(0)
            c = column.pop(0) if column else None
            column.append(a ^ b if c is None else a ^ b ^ c)
            carry = a & b if c is None else ((a ^ c) & (b ^ c)) ^ c
            if len(columns) == weight + 1:
                columns.append([])
            columns[weight + 1].append(carry)
        weight += 1
    result: SecretArray | None = None  # None stands for true: an empty tail of bits is at least an empty tail
    for k, (bit,) in enumerate(columns):
        if t >> k & 1:
            result = bit if result is None else bit & result
        elif result is not None:
            result = bit | result
    if t >> len(columns):
        return bits[0] ^ bits[0]
    assert result is not None  # t >= 1 has a bit
    return result


def _all_of(bits: Sequence[SecretArray]) -> SecretArray:
    together = list(bits)
    while len(together) > 1:
        pairs = [together[i] & together[i + 1] for i in range(0, len(together) - 1, 2)]
        together = pairs + together[len(together) - len(together) % 2 :]
    return together[0]


def _checked(sets: Any) -> list[SecretArray]:
    """The lists; a single number, as a file with one line gives, is a list of one."""
    if not isinstance(sets, (list, tuple)) or not sets:
        raise MisuseTypeError(
            'expected a list of secret arrays, one for each owner\'s list, e.g. mpc.inputs("ips", encode=gadgets.ipv4_to_int)'
        )
    for s in sets:
        if not isinstance(s, SecretArray) or s.ndim > 1 or s.dtype is BOOL or s.dtype.name == "fixed":
            raise MisuseTypeError(f"every list must be secret integers of shape (n,); got {s!r}")
    if len(sets) > 32:
        raise MisuseValueError(f"at most 32 lists at once; got {len(sets)}. Join some of them at their owner first.")
    return [s.reshape(-1) for s in sets]
