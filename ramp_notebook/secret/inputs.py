"""Owns how a value that one party has becomes a secret: whose it is, what type it has, whether it is in range.

It never sends: the protocol shares what comes out of here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MisuseError, MisuseTypeError, MisuseValueError
from ..protocols import planes as packed
from ..protocols.base import Protocol
from ..values import shaped
from ..values.encoding import BOOL, INT64, DType, dtype_of, encode, fixed
from .array import SecretArray

if TYPE_CHECKING:
    from .session import Session


@dataclass(frozen=True)
class Wish:
    """How an input is to be shared."""

    encode: Callable[[Any], Any] | None = None  # text to numbers, at the owner
    dtype: str | DType | None = None  # by default what the data are
    full_range: bool = False


class Inputs:
    """What the parties' names offer to one cell."""

    def __init__(self, session: "Session", namespace: Mapping[str, Any], directory: Sequence[Mapping[str, Any]]):
        self._session, self._namespace, self._directory = session, namespace, directory

    def owners(self, name: str) -> list[int]:
        """The parties that have an input of this name."""
        return [i for i, names in enumerate(self._directory) if _is_input(names.get(name))]

    def owner(self, name: str, owner: str | None) -> int:
        """The party meant by `owner`, or the only one that has `name`."""
        if not isinstance(name, str):
            raise MisuseTypeError(
                f"mpc.input takes the *name* of a value, as text; got {type(name).__name__}. For a public value use mpc.public(value)."
            )
        parties = self._session.parties
        having = [parties[i] for i in self.owners(name)]
        if owner is None:
            if not having:
                self.refuse_secret(name, *parties)
            if len(having) != 1:
                raise MisuseValueError(f"say whose `{name}` is meant: owner=… (it is at: {', '.join(having) or 'no party'})")
            owner = having[0]
        if owner not in parties:
            raise MisuseValueError(f"there is no party named `{owner}`; the parties are {', '.join(parties)}")
        if owner not in having:
            held = self._directory[parties.index(owner)].get(name)
            if held is not None and held.kind == "other":
                raise MisuseTypeError(
                    f"`{name}` at {owner} is a {held.dtype}, which has no array form; give an array or a list, of a set e.g. sorted({name})"
                )
            self.refuse_secret(name, owner)
            where = f"; it is at {', '.join(having)}" if having else ""
            raise MisuseValueError(
                f"{owner} has no input named `{name}`{where}. "
                f"Bind it before this cell, in a `%%party {owner}` cell or with -i {name}@{owner}."
            )
        return parties.index(owner)

    def refuse_secret(self, name: str, *owners: str) -> None:
        """Raise if an earlier cell named a secret like the input, and so took its place: what running a cell twice comes upon."""
        for owner in owners:
            held = self._directory[self._session.parties.index(owner)].get(name)
            if held is not None and held.kind == "secret":
                raise MisuseValueError(
                    f"`{name}` at {owner} is a secret now, shared by an earlier cell; run the `%%party {owner}` cell again, "
                    "or name the secret differently"
                )

    def share(self, owner: int, name: str, wish: Wish) -> SecretArray:
        """The secret of what `owner` has under `name`; everyone calls this, one of them has it."""
        session, protocol = self._session, self._session.protocol
        shape = tuple(self._directory[owner][name].shape)
        mine = owner == session.context.index
        kind = self._dtype(owner, name, wish)
        value: Any = None
        if mine:
            value = _encoded(protocol, self._namespace[name], name, wish, kind, shape)
        if kind is BOOL:
            words = (packed.word_count(int(np.prod(shape))),)
            if mine:
                value = packed.pack(value.reshape(-1))
            return SecretArray(session, protocol.input(owner, value, words, binary=True), shape, BOOL)
        return SecretArray(session, protocol.input(owner, value, shape, binary=False), shape, kind, wide=wish.full_range)

    def _dtype(self, owner: int, name: str, wish: Wish) -> DType:
        if wish.dtype is not None:
            return parse_dtype(wish.dtype)
        described = self._directory[owner][name].dtype
        if wish.encode is not None:
            return INT64
        if described == "text":
            return dtype_of(np.array(["text"]), name)  # raises: text has to be encoded first
        if described not in ("int64", "fixed", "bool"):
            raise MisuseTypeError(
                f"`{name}` at {self._session.parties[owner]} is {described or 'not a number'}; "
                "expected integers, floats or booleans of one regular shape, integers of at most 64 bits"
            )
        return parse_dtype(described)


def _is_input(description: Any) -> bool:
    return description is not None and description.kind == "private"


def _encoded(protocol: Protocol, value: Any, name: str, wish: Wish, kind: DType, shape: tuple[int, ...]) -> Any:
    """The owner's value as the protocol shares it, after a look at its shape and range."""
    if shaped.is_shaped(value):
        return encoded(protocol, value, kind, name)
    if wish.encode is not None:
        try:
            value = wish.encode(value)
        except MisuseError as problem:
            raise type(problem)(f"`{name}`: {problem}") from None
    array = np.asanyarray(value)
    if array.shape != shape:
        raise MisuseValueError(
            f"`{name}` has shape {array.shape} now, but {shape} was announced; "
            "encoders must keep the shape, and inputs must not change in the cell"
        )
    integers = kind is INT64 and array.dtype.kind in "iu"
    if integers and not wish.full_range and is_wide(protocol, array, kind) and _within(array, protocol.smallest, protocol.largest):
        bits = protocol.comfortable().bit_length() - 1
        raise MisuseValueError(
            f"`{name}` holds an integer outside [-2**{bits}, 2**{bits}), where a difference of two may overflow. "
            "Pass full_range=True to mpc.input to share it all the same (comparisons then cost three times as much)."
        )
    return encoded(protocol, array, kind, name)


def encoded(protocol: Protocol, value: Any, kind: DType, name: str = "value", *, binary: bool = False) -> Any:
    """What the protocol shares for plain numbers; words and bits are the same under every protocol."""
    return encode(value, kind, name) if binary or kind is BOOL else protocol.encode(value, kind, name)


def _within(array: np.ndarray, smallest: int, largest: int) -> bool:
    return array.size == 0 or (smallest <= int(array.min()) and int(array.max()) <= largest)


def is_wide(protocol: Protocol, value: Any, kind: DType) -> bool:
    """Whether differences of such plain numbers may overflow."""
    if kind is BOOL or shaped.is_shaped(value):  # a plan does not know what is revealed
        return False
    limit = protocol.comfortable() >> kind.fraction_bits
    return not _within(np.asarray(value), -limit, limit - 1)


def parse_dtype(dtype: str | DType) -> DType:
    """The type that a user names."""
    if isinstance(dtype, DType):
        return dtype
    known = {"int64": INT64, "bool": BOOL, "fixed": fixed()}
    if dtype not in known:
        raise MisuseValueError(f'a secret dtype is "int64", "fixed" or "bool"; got {dtype!r}')
    return known[dtype]


def shaped_dtype(value: Any) -> DType:
    """The type of a secret of such data, of which only a shape is there."""
    return BOOL if value.dtype == bool else fixed() if value.dtype.kind == "f" else INT64
