"""One frame's header as 64 bytes: packing, unpacking and the exact checks in between.

Knows no sockets. Every check that fails raises one of FrameCorrupt, FrameTooLarge, MessageLost or ProgramMismatch, before
anything is allocated for the payload.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from ..errors import FrameCorrupt, FrameTooLarge, MessageLost, MisuseTypeError, ProgramMismatch
from .channel import FRAME_BYTES, HEADER_BYTES

MAGIC, VERSION = b"RAMP", 1
CHECKED, DIGESTED = 1, 2  # flags: the payload has a checksum; the shape field is a digest of the shape
MAX_DIMS = 5
DTYPES: tuple[np.dtype[Any], ...] = tuple(
    np.dtype(name) for name in ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "bool", "float32", "float64")
)
DTYPE_CODES = {dtype: code for code, dtype in enumerate(DTYPES)}

# magic version flags dtype ndim | epoch sequence | tag | round line | part length | shape | payload crc | header crc
_BODY = struct.Struct("<4s4BII8sIHHI20sI")
_CRC = struct.Struct("<I")
_DIMS = [struct.Struct(f"<{n}I") for n in range(MAX_DIMS + 1)]
assert _BODY.size + _CRC.size == HEADER_BYTES

_tags: dict[bytes, str] = {}  # digests of the step tags that this process has used, so that errors can name a peer's


@dataclass(frozen=True, slots=True)
class Header:
    """What one frame says about itself."""

    epoch: int
    sequence: int  # of the message within this ordered pair and epoch; all its frames share it
    tag: bytes  # digest of the step tag
    round: int
    line: int
    dtype: int  # code
    ndim: int
    shape: bytes  # packed dimensions, or their digest
    part: int  # which frame of the message
    length: int  # payload bytes of this frame
    flags: int = 0
    payload_crc: int = 0


class Form(NamedTuple):
    """A step's tag, dtype and shape, with the header fields that follow from them."""

    tag: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    digest: bytes
    code: int
    ndim: int
    flags: int
    dims: bytes


@lru_cache(maxsize=4096)
def tag_digest(tag: str) -> bytes:
    """Eight bytes that stand for a step tag.

    >>> tag_digest("multiply") == tag_digest("multiply"), tag_digest("multiply") == tag_digest("reveal")
    (True, False)
    """
    digest = blake2b(tag.encode(), digest_size=8).digest()
    _tags[digest] = tag
    return digest


def pack_shape(shape: tuple[int, ...]) -> tuple[int, int, bytes]:
    """(ndim, flags, 20 bytes) for a shape; shapes that do not fit five 32-bit numbers travel as a digest."""
    if len(shape) <= MAX_DIMS and all(n < 1 << 32 for n in shape):
        return len(shape), 0, _DIMS[len(shape)].pack(*shape).ljust(20, b"\0")
    return min(len(shape), 255), DIGESTED, blake2b(repr(tuple(map(int, shape))).encode(), digest_size=20).digest()


def dtype_code(dtype: np.dtype[Any]) -> int:
    """The code of a dtype that may travel."""
    code = DTYPE_CODES.get(dtype)
    if code is None:
        known = ", ".join(str(d) for d in DTYPES)
        raise MisuseTypeError(f"arrays of {dtype} cannot be sent to another party; these can: {known}. Convert with astype() first.")
    return code


@lru_cache(maxsize=4096)
def form(tag: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Form:
    """The fields of a header that follow from a step's tag, dtype and shape alone."""
    ndim, flags, dims = pack_shape(shape)
    return Form(tag, dtype, shape, tag_digest(tag), dtype_code(dtype), ndim, flags, dims)


def encode(form: Form, epoch: int, sequence: int, round: int, line: int, part: int, length: int, payload_crc: int | None = None) -> bytes:
    """The 64 bytes that go before a payload of `length` bytes."""
    flags = form.flags
    if payload_crc is None:
        payload_crc = 0
    else:
        flags |= CHECKED
    body = _BODY.pack(
        MAGIC,
        VERSION,
        flags,
        form.code,
        form.ndim,
        epoch,
        sequence,
        form.digest,
        round,
        min(line, 0xFFFF),
        part,
        length,
        form.dims,
        payload_crc,
    )
    return body + _CRC.pack(crc32(body))


def decode(data: Any) -> Header:
    """Read a header, or say what is wrong with it. Never looks beyond its 64 bytes."""
    if len(data) < HEADER_BYTES:
        raise FrameCorrupt(f"a frame's header has {HEADER_BYTES} bytes; only {len(data)} came")
    view = memoryview(data)
    body = view[: _BODY.size]
    if crc32(body) != _CRC.unpack_from(view, _BODY.size)[0]:
        raise FrameCorrupt("a frame's header fails its checksum: bits changed on the way, or this is no frame")
    magic, version, flags, dtype, ndim, epoch, sequence, tag, round, line, part, length, dims, payload_crc = _BODY.unpack(body)
    if magic != MAGIC or version != VERSION:
        raise FrameCorrupt(
            f"expected a frame of version {VERSION}, got magic {magic!r} and version {version}: do all parties run the same release?"
        )
    if length > FRAME_BYTES:
        raise FrameTooLarge(f"a frame announces {length} bytes; the most that one may carry is {FRAME_BYTES}")
    if flags & ~(CHECKED | DIGESTED) or dtype >= len(DTYPES) or (ndim > MAX_DIMS and not flags & DIGESTED):
        raise FrameCorrupt(f"a frame's header has impossible fields (flags {flags}, dtype code {dtype}, {ndim} dimensions)")
    if not flags & DIGESTED and any(dims[4 * ndim :]):
        raise FrameCorrupt("a frame's header has dimensions beyond its last one")
    if payload_crc and not flags & CHECKED:
        raise FrameCorrupt("a frame's header has a payload checksum that it does not announce")
    return Header(epoch, sequence, tag, round, line, dtype, ndim, dims, part, length, flags, payload_crc)


@dataclass(slots=True)
class Step:
    """What a party awaits from a peer now: against this every header is checked."""

    form: Form
    epoch: int
    sequence: int
    line: int
    me: str
    peer: str


def accept(data: Any, step: Step, part: int, length: int) -> tuple[int, int | None]:
    """Check a header against the step it should serve; return its round and its payload checksum, if it has one.

    Hot: the whole good case is one unpacking and one comparison with what is known before.
    """
    form = step.form
    body = bytes(data[:60])
    if crc32(body) == _CRC.unpack_from(data, 60)[0]:
        magic, version, flags, code, ndim, epoch, sequence, digest, round, _, got_part, got_length, dims, payload_crc = _BODY.unpack(body)
        checked = flags & CHECKED
        if (
            (digest, dims, code, ndim, flags - checked, version) == (form.digest, form.dims, form.code, form.ndim, form.flags, VERSION)
            and (magic, epoch, sequence) == (MAGIC, step.epoch, step.sequence)
            and (got_part, got_length) == (part, length)
        ):
            return round, payload_crc if checked else None
    raise refusal(decode(data), step, part, length)


def refusal(header: Header, step: Step, part: int, length: int) -> Exception:
    """The error that tells how a well-formed header differs from what its receiver awaits."""
    form = step.form
    if header.epoch != step.epoch:
        return FrameCorrupt(f"{step.me} awaits a frame of run {step.epoch}; {step.peer} sent one of run {header.epoch}")
    theirs = (header.tag, header.dtype, header.ndim, header.flags & DIGESTED, header.shape)
    if theirs != (form.digest, form.code, form.ndim, form.flags, form.dims):
        tag = repr(_tags[header.tag]) if header.tag in _tags else "another step"
        return ProgramMismatch(
            f"{step.me} expects {form.tag!r} of {_shape_text(form.shape)} {form.dtype} at line {step.line}; "
            f"{step.peer} sends {tag} of {_header_shape(header)} {DTYPES[header.dtype]} at line {header.line}. "
            "All parties must run the same steps on the same shapes."
        )
    if header.sequence != step.sequence:
        return MessageLost(
            f"{step.me} awaits message {step.sequence} from {step.peer}, but message {header.sequence} came: one was lost or repeated"
        )
    if header.part != part:
        return MessageLost(f"{step.me} awaits frame {part} of message {step.sequence} from {step.peer}, but frame {header.part} came")
    if header.length > length:
        return FrameTooLarge(
            f"{step.peer} announces {header.length} bytes at line {header.line}; {step.me} allows {length} at line {step.line}"
        )
    return FrameCorrupt(f"{step.peer} announces {header.length} bytes at line {header.line} where the shape needs {length}")


def _header_shape(header: Header) -> str:
    if header.flags & DIGESTED:
        return f"another shape ({header.ndim} dimensions)"
    return _shape_text(_DIMS[header.ndim].unpack_from(header.shape))


def _shape_text(shape: Sequence[int]) -> str:
    return str(tuple(int(n) for n in shape))
