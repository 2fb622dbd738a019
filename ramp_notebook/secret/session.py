"""Session: one party's handle on the joint run; a cell sees it as `mpc`.

Inputs, revealing, randomness, parallel branches, and the facts from which the run's label is made.
"""

import contextlib
import functools
import hashlib
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .. import registry
from ..errors import CheatingDetected, MisuseTypeError, MisuseValueError, did_you_mean
from ..protocols import planes as packed
from ..protocols.base import Protocol
from ..protocols.context import Context
from ..protocols.security import CHEATING, Label
from ..trace.recorder import OpenSpan
from ..values import shaped
from ..values.encoding import BOOL, INT64, DType, decode, dtype_of
from ..wire.cheats import ANY, Cheat, checked
from .array import SecretArray
from .inputs import Inputs, Wish, encoded, is_wide, parse_dtype, shaped_dtype


class Session:
    """The joint run as one party sees it.

    >>> mpc.parties                                                    # doctest: +SKIP
    ('alice', 'bob', 'carol')
    """

    def __init__(self, parties: Sequence[str]):
        self._parties = tuple(parties)
        self.epoch = 0
        self._context: Context | None = None
        self._protocols: dict[str, Protocol] = {}  # those that this cell has worked under
        self.mixed = False  # it has worked under several
        self._inputs = Inputs(self, {}, ())
        self.label_of_epoch: dict[int, Label] = {}
        self.kept: dict[str, dict[str, Any]] = {}  # by protocol: what it keeps from cell to cell
        self.generation = 0  # of `kept`
        self._recording: dict[Any, Any] = {}  # what this party sent while it was to cheat by replaying

    def begin(
        self, context: Context, protocol: str, namespace: Mapping[str, Any], directory: Sequence[Mapping[str, Any]], flags: Sequence[str]
    ) -> None:
        """Enter a cell: everything below belongs to this cell alone."""
        self.epoch = context.epoch
        self._context, self._protocols, self.mixed = context, {}, False
        context.protocol = self._protocol_named(protocol)
        self._inputs = Inputs(self, namespace, directory)
        self.label = self._label_of(context.protocol).with_flags(flags)
        self.reveal_digest = hashlib.blake2b(digest_size=16)
        self.recorded_reveals: list[Any] = []
        self.replayed_reveals: Iterator[Any] | None = None
        self.assumed: dict[str, Any] = {}
        self.peeks: list[tuple[int, str, Any]] = []
        self._joined: set[int] = set()

    def verify(self) -> None:
        """Check what protocols against active parties computed so far: before anything is revealed, and at a cell's end."""
        if self.stopped_by is not None:  # the cell caught it: in vain
            raise self.stopped_by
        for protocol in self._protocols.values():
            protocol.verify()

    def end(self) -> None:
        """Leave a cell that succeeded here."""
        self.verify()
        for protocol in self._protocols.values():
            self.label = self.label.with_missed(protocol.missed_bits)
        self.label_of_epoch[self.epoch] = self.label

    def forget(self) -> None:
        """After a failed cell: parties may have stopped at different points, so what protocols kept is not used again.

        What earlier secrets cannot do without lasts: each party has it to itself, so that none can be behind the others.
        """
        for name, kept in self.kept.items():
            self.kept[name] = {key: value for key, value in kept.items() if key in registry.protocols[name].lasting}

    def destroy(self) -> None:
        """After a check failed: keys and unused correlated randomness are gone for good."""
        self.kept.clear()

    def enter_generation(self, generation: int) -> None:
        """All parties keep things from the same generation on: one that was replaced, or failed, has nothing of an older one."""
        if generation != self.generation:
            self.forget()
            self.generation = generation

    # -- who and how ---------------------------------------------------------------------------------------------------

    @property
    def party(self) -> str:
        """This party's name."""
        return self._parties[self.context.index]

    @property
    def parties(self) -> tuple[str, ...]:
        """All parties' names, in order."""
        return self._parties

    @property
    def context(self) -> Context:
        """What the running cell works with: channel, streams, recorder."""
        if self._context is None:
            raise MisuseValueError("no %%mpc cell is running")
        return self._context

    @property
    def protocol(self) -> Protocol:
        """The engine of the current protocol."""
        if self._context is None:
            raise MisuseValueError("no %%mpc cell is running")
        return self._context.protocol  # type: ignore[no-any-return]

    @property
    def protocol_name(self) -> str:
        """The current protocol's name, as in --protocol."""
        return self._context.protocol.name if self._context is not None else "no protocol"

    @property
    def stopped_by(self) -> CheatingDetected | None:
        """The check that failed in this cell, if one did."""
        return self._context.stopped_by if self._context is not None else None

    @property
    def withstands_cheating(self) -> bool:
        """Whether any protocol that this cell has worked under does."""
        return any(protocol.security.withstands_cheating for protocol in self._protocols.values())

    def public_state(self) -> dict[str, dict[str, Any]]:
        """By protocol, what everyone knows of what it keeps."""
        return {name: protocol.public_state() for name, protocol in self._protocols.items()}

    def supplies(self) -> dict[str, tuple[int, int, int]]:
        """Of every kind of correlated randomness in use: how much this cell made and used, and how much is left."""
        return {kind: counts for protocol in self._protocols.values() for kind, counts in protocol.supplies().items()}

    def _protocol_named(self, name: str) -> Protocol:
        """This party's engine of a protocol: one for a cell."""
        if name not in self._protocols:
            cls: type[Protocol] = registry.protocols[name]
            cls.check_parties(len(self._parties))
            self._protocols[name] = cls(self.context, self.kept.setdefault(name, {}))
        return self._protocols[name]

    def _label_of(self, protocol: Protocol) -> Label:
        label = Label.of(protocol.security, len(self._parties)).with_flags(protocol.label_flags)
        return replace(label, adversary=protocol.adversary)

    @property
    def planned(self) -> bool:
        """True while the cell runs on shapes without data."""
        return self.context.planned

    def span(self, name: str) -> OpenSpan:
        """Attribute what happens inside to `name`."""
        return OpenSpan(self.context.recorder, name)

    def note(self, flags: Sequence[str] = (), reveals: Sequence[str] = ()) -> None:
        """Add to the run's label."""
        self.label = self.label.with_flags(flags, reveals)

    def adopt(self, array: SecretArray) -> None:
        """An array joins what runs now: it must be of the current protocol, and if from an earlier cell its label counts from now on."""
        if array.protocol_name != self.protocol_name:
            raise MisuseValueError(
                f"this secret was shared under `{array.protocol_name}` and this cell runs `{self.protocol_name}` here; write "
                f"mpc.convert(x) to bring it over, or work on it under --protocol {array.protocol_name} or in "
                f'`with mpc.using("{array.protocol_name}"):`'
            )
        self._join(array)

    def _join(self, array: SecretArray) -> None:
        if array.epoch == self.epoch or array.epoch in self._joined:
            return
        self._joined.add(array.epoch)
        earlier = self.label_of_epoch.get(array.epoch)
        if earlier is not None:
            self.label = self.label.join(earlier)

    # -- in ------------------------------------------------------------------------------------------------------------

    def input(
        self,
        name: str,
        owner: str | None = None,
        *,
        encode: Callable[[Any], Any] | None = None,
        dtype: str | DType | None = None,
        full_range: bool = False,
    ) -> SecretArray:
        """Share the value that `owner` has under `name`.

        The shape is public: everyone learns how long a list is, nobody what is in it. `encode` turns text into numbers at
        the owner first (e.g. gadgets.ipv4_to_int). `dtype`: "int64", "fixed" or "bool"; by default what the data are.
        Integers outside half the protocol's range ([-2**62, 2**62) in a 64-bit ring) need full_range=True, which makes their
        comparisons three times as dear.
        Cost: one round; under `replicated` one element in total per value.
        """
        index = self._inputs.owner(name, owner)
        with self.span("input"):
            return self._inputs.share(index, name, Wish(encode, dtype, full_range))

    def inputs(
        self, name: str, *, encode: Callable[[Any], Any] | None = None, dtype: str | DType | None = None, full_range: bool = False
    ) -> list[SecretArray]:
        """One secret array from each party that has `name`, in party order; all in the same rounds."""
        owners, wish = self._inputs.owners(name), Wish(encode, dtype, full_range)
        if not owners:
            self._inputs.refuse_secret(name, *self._parties)
            raise MisuseValueError(f"no party has an input named `{name}`. Bind it in a %%party cell or with -i {name}@PARTY.")
        with self.span("input"):
            return self.parallel(*(functools.partial(self._inputs.share, i, name, wish) for i in owners))

    def public(self, value: Any, dtype: str | DType | None = None, *, binary: bool = False) -> SecretArray:
        """A public value in the form of a secret, for code that takes secrets. Local; nothing is hidden.

        `binary` makes integers as XOR-shared words, for & | ^ and comparisons in that domain.
        """
        if isinstance(value, SecretArray):
            return value
        kind = parse_dtype(dtype) if dtype is not None else dtype_of(value) if not shaped.is_shaped(value) else shaped_dtype(value)
        ring = encoded(self.protocol, value, kind, binary=binary)
        if self.planned:  # known to everyone, but a plan of 10^9 rows must not allocate them once it is broadcast
            ring = shaped.ShapedArray(ring.shape, ring.dtype)
        if kind is BOOL:
            words = packed.pack(ring.reshape(-1))
            return SecretArray(self, self.protocol.public(words, binary=True), ring.shape, BOOL)
        share, domain = self.protocol.public(ring, binary=binary), "binary" if binary else "arithmetic"
        return SecretArray(self, share, ring.shape, kind, domain, is_wide(self.protocol, value, kind))

    def random_bits(self, shape: int | tuple[int, ...]) -> SecretArray:
        """Uniform secret bits that no party knows."""
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        with self.span("random_bits"):
            words = self.protocol.random((packed.word_count(int(np.prod(shape))),), binary=True)
        return SecretArray(self, words, shape, BOOL)

    def random(self, shape: int | tuple[int, ...] = ()) -> SecretArray:
        """Uniform secret ring elements (as int64, over the whole range) that no party knows."""
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        with self.span("random"):
            return SecretArray(self, self.protocol.random(shape, binary=False), shape, INT64, wide=True)

    # -- out -----------------------------------------------------------------------------------------------------------

    def reveal(self, x: Any, to: str | Sequence[str] | None = None) -> Any:
        """Make a secret public: to all parties, or to the named ones only (None elsewhere).

        Returns plain numbers (int64, float64, bool), a Python number for shape (). Objects with secret parts (a set
        result) reveal themselves. Cost under `replicated`: one round, one element from each party that sends.
        """
        if not isinstance(x, SecretArray):
            if hasattr(x, "reveal_in"):
                return x.reveal_in(self, to)
            raise MisuseTypeError(f"mpc.reveal takes a secret; got {type(x).__name__}, which is public already")
        self.adopt(x)
        receivers = self._receivers(to)
        self.verify()
        with self.span("reveal"):
            ring = self.protocol.reveal(x.share, receivers, binary=x.binary)
        if ring is None:
            return None
        value = self._decoded(ring, x)
        if to is None and not shaped.is_shaped(value):
            self.reveal_digest.update(np.ascontiguousarray(value).tobytes())
        return value

    def reveal_pattern(self, bits: SecretArray, draw: Callable[[], Any]) -> Any:
        """Reveal bits that steer the next messages and whose distribution does not depend on data.

        In a plan there are no bits: `draw` makes a typical outcome, unless the plan replays a recorded run's.
        """
        self.adopt(bits)
        self.verify()
        with self.span("reveal"):
            words = self.protocol.reveal(bits.share, range(len(self._parties)), binary=True)
        if self.planned:
            if self.replayed_reveals is None:
                return draw()
            words = next(self.replayed_reveals)
        value = packed.unpack(words, bits.size).reshape(bits.shape)
        self.recorded_reveals.append(packed.pack(value.reshape(-1)))
        return value

    def _decoded(self, ring: Any, x: SecretArray) -> Any:
        if x.dtype is BOOL:
            if shaped.is_shaped(ring):
                return shaped.ShapedArray(x.shape, bool)
            ring = packed.unpack(ring, x.size).reshape(x.shape)
        value = decode(ring, x.dtype) if x.binary else self.protocol.decode(ring, x.dtype)
        return value.reshape(()).item() if x.shape == () and not shaped.is_shaped(value) else value

    def _receivers(self, to: str | Sequence[str] | None) -> tuple[int, ...]:
        if to is None:
            return tuple(range(len(self._parties)))
        names = [to] if isinstance(to, str) else list(to)
        unknown = [n for n in names if n not in self._parties]
        if unknown or not names:
            raise MisuseValueError(f"mpc.reveal(to=…) takes party names among {', '.join(self._parties)}; got {names}")
        return tuple(sorted(self._parties.index(n) for n in names))

    def peek(self, x: SecretArray) -> None:
        """For teaching: put every party's share into the report, side by side. The label then says `shares shown`."""
        if not isinstance(x, SecretArray):
            raise MisuseTypeError(f"mpc.peek takes a secret; got {type(x).__name__}")
        self.adopt(x)
        self.note(flags=["shares shown"])
        if not shaped.is_shaped(x.share):
            share = self.protocol.shown(x.share, binary=x.binary)
            self.peeks.append((self.context.recorder.cell_line(), f"{x.dtype}, {x.domain}, shape {x.shape}", share.copy()))

    # -- several protocols ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def using(self, protocol: str) -> Iterator[None]:
        """Inside, this protocol is current: it shares, computes and reveals. The run's label then is the weaker of both.

        Secrets of another protocol come over with mpc.convert(x).
        >>> with mpc.using("garbled"):                                     # doctest: +SKIP
        ...     smaller = mpc.convert(x) < mpc.convert(y)
        """
        context, outer = self.context, self.protocol
        inner = self._protocol_named(protocol)
        self.label, self.mixed = self.label.join(self._label_of(inner)), True
        context.protocol = inner
        try:
            yield
        finally:
            context.protocol = outer

    def convert(self, x: SecretArray, *surplus: Any) -> SecretArray:
        """The same values, in the same domain, shared under the current protocol. Nothing is revealed.

        Each party shares its piece of the secret anew, and the pieces are joined. Cost: the input of every piece, all in one
        round if inputs take one; and for numbers whose pieces do not add up modulo 2^64 on both sides the way through bits.
        Numbers must lie in the current protocol's range. Those that may lie anywhere (shared with full_range=True, drawn by
        mpc.random, public and large) do not come over to a smaller one; of others nobody can check it; nor can anybody check that a
        party brings over the piece that it has, so that the label says semi-honest.
        """
        if surplus:
            protocol = surplus[0] if surplus[0] in registry.protocols else "additive"
            raise MisuseTypeError(
                "mpc.convert takes a secret and nothing else: it goes to the protocol that is current there. "
                f'Write `with mpc.using("{protocol}"): y = mpc.convert(x)`.'
            )
        if not isinstance(x, SecretArray):
            raise MisuseTypeError(f"mpc.convert takes a secret; got {type(x).__name__}. For a public value use mpc.public(value).")
        self._join(x)
        target, source = self.protocol, self._protocol_named(x.protocol_name)
        if source is target:
            return x
        if x.wide and (target.smallest > source.smallest or target.largest < source.largest):
            raise MisuseValueError(
                f"mpc.convert: these numbers may lie anywhere in the range of `{source.name}`, {source.value_range} (they were shared with "
                f"full_range=True, drawn by mpc.random, or are public and large); `{target.name}` takes {target.value_range}. "
                f"Work on them under `{source.name}`, or share them without full_range=True."
            )
        self.label = self.label.join(self._label_of(source)).among_curious()
        self.verify()
        with self.span("convert"):
            share = x.share if x.binary else x.flat()
            if x.binary or not x.size:
                share = self._rejoined(source, target, share, binary=x.binary)
            elif source.pieces_add_up and target.pieces_add_up:
                share = self._rejoined(source, target, share, binary=False)
            else:
                share = target.to_arithmetic(self._rejoined(source, target, source.to_binary(share), binary=True))
        share = share if x.dtype is BOOL else share.reshape(share.shape[0], *x.shape)
        return SecretArray(self, share, x.shape, x.dtype, x.domain, x.wide)

    def _rejoined(self, source: Protocol, target: Protocol, share: Any, *, binary: bool) -> Any:
        """The sum, or XOR, of the target's shares of the source's pieces."""
        shape = share.shape[1:]
        if not share.size:
            return target.zeros(shape, binary=binary)
        pieces = source.pieces(share, binary=binary)
        shared = self.context.parallel(
            [functools.partial(target.input, owner, piece, shape, binary=binary) for owner, piece in pieces.items()]
        )
        return functools.reduce(operator.xor if binary else target.add, shared)

    # -- structure -----------------------------------------------------------------------------------------------------

    def parallel(self, *branches: Callable[[], Any]) -> list[Any]:
        """Run independent branches (functions without arguments) so that their messages share rounds; results in order."""
        if any(not callable(b) for b in branches):
            raise MisuseTypeError("mpc.parallel takes functions without arguments, e.g. mpc.parallel(lambda: x * y, lambda: a < b)")
        return self.context.parallel(branches)

    # -- cheating on purpose -------------------------------------------------------------------------------------------

    def cheat(
        self,
        party: str,
        at: str = ANY,
        how: str = "add one",
        *,
        nth: int | None = None,
        to: str | None = None,
        round: int | None = None,
    ) -> None:
        """From here on `party` changes what it sends, to see whether anybody notices; the label says so.

        `at` is a step's tag (the report names those that a party sends), by default every step; `nth` picks one of them,
        counted from 1 and from here, `round` those of one round, `to` the messages for one peer. `how`, for every element of
        a message unless it says otherwise: "add one", "add one to the first", "add random", "add prime", "flip", "flip high",
        "flip the first", "negate", "zero", "constant", "copy own", "copy another", "echo", "swap two", "swap peers",
        "replay", "equivocate", "cancel", "truncate", "extend", "wrong type"; and for the message as a whole "drop", "delay",
        "duplicate", "rush", "silence". Of these "copy own" repeats the last message to that peer, "copy another" and "echo" first
        wait for what others say in the step, "replay" repeats what stood there in an earlier cell with the same cheat, "cancel" takes
        from the next message what it added to this one, "rush" only waits. A plan is made as if all were honest.
        >>> mpc.cheat("bob", at="multiply", nth=3, to="alice")             # doctest: +SKIP
        """
        self.start_cheating(checked(Cheat(party, at, how, nth, to, round), self._parties))

    @property
    def cheated(self) -> list[str]:
        """What this party changed on purpose in the last cell, a line each."""
        return self._context.cheated if self._context is not None else []

    def start_cheating(self, cheat: Cheat) -> None:
        """The same, of a Cheat that was checked."""
        self.note(flags=[CHEATING])
        if cheat.party == self.party and not self.planned:
            self.context.cheat(cheat, self._recording)

    def assume(self, value: Any, assumed: Any) -> Any:
        """The revealed `value` in a real run; `assumed` in a plan, where no value exists."""
        return assumed if self.planned else value

    if not TYPE_CHECKING:  # what it refuses, a type checker should refuse too

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"mpc has no `{name}`{did_you_mean(name, dir(type(self)))}")
