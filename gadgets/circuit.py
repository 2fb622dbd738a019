"""Boolean circuits from Bristol Fashion files as gadgets on secret bits, and numbers of any width as plain bits and back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ramp_notebook import BOOL, MisuseTypeError, MisuseValueError, SecretArray, Session, bristol, session_of, shaped

LANES = 64  # a wire of all instances is whole words


@dataclass(frozen=True, repr=False)
class CircuitGadget:
    """A circuit that is called like a gadget; made by `gadgets.circuit`."""

    name: str
    circuit: Any

    def __repr__(self) -> str:
        takes, gives = (", ".join(map(str, widths)) for widths in (self.circuit.inputs, [len(o) for o in self.circuit.outputs]))
        return f"<circuit {self.name}: bits ({takes}) -> bits ({gives}), {self.circuit.and_count} ANDs in {self.circuit.and_depth} rounds>"

    def __call__(self, *inputs: SecretArray) -> Any:
        """The outputs of the circuit on each instance: one secret array, or a tuple where the circuit has several outputs."""
        session = session_of(*inputs)
        with session.span(self.name):
            results = evaluated(self.name, self.circuit, inputs)
        return results[0] if len(results) == 1 else tuple(results)


def evaluated(name: str, circuit: Any, inputs: Sequence[SecretArray]) -> list[SecretArray]:
    """The outputs of a circuit on each instance; complaints say `name`."""
    session = session_of(*inputs)
    lead = _checked(session, name, circuit.inputs, inputs)
    instances = math.prod(lead)
    if not instances:
        return [session.public(np.zeros((*lead, len(output)), bool)) for output in circuit.outputs]
    planes = session.protocol.evaluate(circuit, [_planes(bits, lead, instances) for bits in inputs], instances)
    return [_from_planes(session, output, lead, instances) for output in planes]


def _checked(session: Session, name: str, widths: Sequence[int], inputs: Sequence[Any]) -> tuple[int, ...]:
    """The instance axes that all inputs share."""
    if len(inputs) != len(widths):
        raise MisuseTypeError(f"{name} takes {len(widths)} inputs; got {len(inputs)}")
    for bits, width in zip(inputs, widths, strict=True):
        if not isinstance(bits, SecretArray) or bits.dtype is not BOOL or not bits.shape or bits.shape[-1] != width:
            expected = f"secret bits of shape (…, {width}), lowest first; mpc.public makes public bits such"
            got = repr(bits) if isinstance(bits, SecretArray) else type(bits).__name__
            raise MisuseTypeError(f"{name} takes {expected}; got {got}")
        if bits.session is not session:
            raise MisuseTypeError("these secrets belong to different groups of parties; run the cell where all of them live")
        session.adopt(bits)
    try:
        return np.broadcast_shapes(*(bits.shape[:-1] for bits in inputs))
    except ValueError:
        raise MisuseValueError(f"the instance axes of {[bits.shape for bits in inputs]} do not broadcast") from None


def circuit(path: str | Path, name: str | None = None) -> CircuitGadget:
    """Return the circuit of a Bristol Fashion file as a gadget on secret bits.

    Shapes: the gadget takes an array (…, width) of secret bits for each input of the circuit, wire by wire, and gives one for
    each output; instance axes broadcast and run side by side. Numbers stand lowest bit first; a block of bytes, as AES takes,
    is one number with its first byte highest: encode_bits(int.from_bytes(block, "big"), 128).   Reveals: nothing.
    Cost: a round for each depth of ANDs, whatever the number of instances n; under `replicated` each party sends ceil(n / 64)
    words an AND.   Traced as `name`, by default the file's. Make it in the cell that uses it: a file read before is not read
    through again, and a plan knows what its own cell makes.
    Raises: MisuseValueError with the line of the file that is wrong.   Source: Bristol Fashion, nigelsmart.github.io/MPC-Circuits.
    >>> add = gadgets.circuit("adder64.txt")                            # doctest: +SKIP
    >>> gadgets.decode_bits(mpc.reveal(add(x, y)))                      # doctest: +SKIP
    """
    path = Path(path)
    try:
        if path.stat().st_size > bristol.MAX_BYTES:
            raise MisuseValueError(f"a circuit file has at most {bristol.MAX_BYTES} bytes; {path} has {path.stat().st_size}")
        text = path.read_bytes().decode("ascii", "replace")
    except OSError as problem:
        raise MisuseValueError(f"cannot read the circuit {path}: {problem.strerror}") from None
    return CircuitGadget(name or path.stem, bristol.parse(text))


def _planes(bits: SecretArray, lead: tuple[int, ...], instances: int) -> Any:
    """The share as (components, width, words): row w packs wire w of all instances."""
    width = bits.shape[-1]
    padding = np.zeros((width, -instances % LANES), bool)

    def by_wire(a: Any) -> Any:
        return np.concatenate([np.transpose(np.broadcast_to(a, (*lead, width)).reshape(instances, width)), padding], axis=1)

    share = bits.local(by_wire).share
    return share.reshape(share.shape[0], width, -1)


def _from_planes(session: Session, planes: Any, lead: tuple[int, ...], instances: int) -> SecretArray:
    components, width, words = planes.shape
    by_wire = SecretArray(session, planes.reshape(components, width * words), (width, words * LANES), BOOL)
    return by_wire.local(lambda a: np.transpose(a[:, :instances])).reshape((*lead, width))


def encode_bits(numbers: Any, width: int) -> Any:
    """Return the low `width` bits of Python or numpy integers (two's complement), lowest first, along a new last axis.

    A plain function, for owners before sharing. Raises MisuseValueError where a number needs more bits.
    >>> encode_bits([1, 6], 3).astype(int).tolist()
    [[1, 0, 0], [0, 1, 1]]
    """
    array = np.asarray(numbers, dtype=object)
    items = [_integer(item) for item in array.reshape(-1)]
    if not all(-(1 << width) <= 2 * item and item < (1 << width) for item in items):
        raise MisuseValueError(f"expected integers of at most {width} bits; got a longer one")
    octets = -(-width // 8)
    joined = b"".join((item & ((1 << width) - 1)).to_bytes(octets, "little") for item in items)
    table = np.unpackbits(np.frombuffer(joined, np.uint8).reshape(-1, octets), axis=1, count=width, bitorder="little")
    return table.reshape(*array.shape, width).astype(bool)


def decode_bits(bits: Any) -> Any:
    """Return the Python integers of bits along the last axis, lowest first: the way back, for non-negative numbers.

    A plain function, for everyone after revealing. One number for a single row, else an array of Python integers.
    >>> decode_bits([[True, False, False], [False, True, True]]).tolist()
    [1, 6]
    """
    if shaped.is_shaped(bits):
        return bits[..., 0].astype(object)  # a plan has shapes only
    array = np.asarray(bits, dtype=bool)
    rows = np.packbits(array.reshape(-1, array.shape[-1]), axis=1, bitorder="little")
    numbers = np.array([int.from_bytes(row.tobytes(), "little") for row in rows], dtype=object)
    return numbers.reshape(array.shape[:-1]) if array.ndim > 1 else numbers[0]


def _integer(item: Any) -> int:
    if isinstance(item, (int, np.integer)) and not isinstance(item, bool):
        return int(item)
    raise MisuseTypeError(f"expected integers; got {type(item).__name__}")
