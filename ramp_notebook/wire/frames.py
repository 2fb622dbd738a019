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

# What follows from the step's form stands first, so that a receiver compares it in one go; then what varies; then a checksum.
_FORM = struct.Struct("<4s4B8s20s")  # magic, version, flags, dtype code, ndim; tag digest; shape
_VARIES = struct.Struct("<IIHIIHI")  # epoch, sequence, part, length, round, line, payload checksum
_CRC = struct.Struct("<I")
_HEADER = struct.Struct("<36sIIHIIHII")  # the bytes of _FORM, then _VARIES and _CRC, at once
_DIMS = [struct.Struct(f"<{n}I") for n in range(MAX_DIMS + 1)]
_FORM_BYTES, _BODY_BYTES = _FORM.size, _FORM.size + _VARIES.size
assert _BODY_BYTES + _CRC.size == _HEADER.size == HEADER_BYTES
_MOST_LINES = 0xFFFF

_tags: dict[bytes, str] = {}  # digests of the step tags that this process has used, so that errors can name a peer's


class Form(NamedTuple):
    """A step's tag, dtype and shape, and the header bytes that follow from them."""

    tag: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    nbytes: int
    head: bytes
    checked_head: bytes  # the same, announcing a payload checksum
    head_crc: int  # a header's checksum goes on from here over what varies
    checked_head_crc: int


@dataclass(frozen=True, slots=True)
class Header:
    """What one frame says about itself."""

    flags: int
    code: int  # of the dtype
    ndim: int
    tag: bytes  # digest of the step tag
    dims: bytes  # packed dimensions, or their digest
    epoch: int
    sequence: int  # of the message within this ordered pair and epoch; all its frames share it
    part: int  # which frame of the message
    length: int  # payload bytes of this frame
    round: int
    line: int
    payload_crc: int

    @property
    def head(self) -> bytes:
        """The bytes that follow from the sender's form, the announcement of a checksum apart."""
        return _FORM.pack(MAGIC, VERSION, self.flags & ~CHECKED, self.code, self.ndim, self.tag, self.dims)


class Step(NamedTuple):
    """What a party awaits from a peer now: against this every header is checked."""

    form: Form
    epoch: int
    sequence: int
    line: int
    me: str
    peer: str


@lru_cache(maxsize=4096)
def tag_digest(tag: str) -> bytes:
    """Eight bytes that stand for a step tag.

    >>> tag_digest("multiply") == tag_digest("multiply"), tag_digest("multiply") == tag_digest("reveal")
    (True, False)
    """
    digest = blake2b(tag.encode(), digest_size=8).digest()
    _tags[digest] = tag
    return digest


@lru_cache(maxsize=4096)
def form(tag: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Form:
    """The part of a header that follows from a step's tag, dtype and shape alone."""
    dtype = np.dtype(dtype)
    ndim, flags, dims = pack_shape(shape)
    fields = (dtype_code(dtype), ndim, tag_digest(tag), dims)
    nbytes = dtype.itemsize
    for n in shape:
        nbytes *= n
    head, checked = _FORM.pack(MAGIC, VERSION, flags, *fields), _FORM.pack(MAGIC, VERSION, flags | CHECKED, *fields)
    return Form(tag, dtype, shape, nbytes, head, checked, crc32(head), crc32(checked))


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


def encode(form: Form, epoch: int, sequence: int, round: int, line: int, part: int, length: int, payload_crc: int | None = None) -> bytes:
    """The 64 bytes that go before a payload of `length` bytes."""
    if line > _MOST_LINES:
        line = _MOST_LINES
    if payload_crc is None:
        varies = _VARIES.pack(epoch, sequence, part, length, round, line, 0)
        return form.head + varies + _CRC.pack(crc32(varies, form.head_crc))
    varies = _VARIES.pack(epoch, sequence, part, length, round, line, payload_crc)
    return form.checked_head + varies + _CRC.pack(crc32(varies, form.checked_head_crc))


def decode(data: Any) -> Header:
    """Read a header, or say what is wrong with it. Never looks beyond its 64 bytes."""
    if len(data) < HEADER_BYTES:
        raise FrameCorrupt(f"a frame's header has {HEADER_BYTES} bytes; only {len(data)} came")
    body = bytes(data[:_BODY_BYTES])
    if crc32(body) != _CRC.unpack_from(data, _BODY_BYTES)[0]:
        raise FrameCorrupt("a frame's header fails its checksum: bits changed on the way, or this is no frame")
    magic, version, *fields = _FORM.unpack_from(body)
    if magic != MAGIC or version != VERSION:
        raise FrameCorrupt(f"expected a frame of version {VERSION}, got {magic!r}, version {version}: do all parties run the same release?")
    header = Header(*fields, *_VARIES.unpack_from(body, _FORM_BYTES))
    if header.length > FRAME_BYTES:
        raise FrameTooLarge(f"a frame announces {header.length} bytes; the most that one may carry is {FRAME_BYTES}")
    digested = header.flags & DIGESTED
    if header.flags & ~(CHECKED | DIGESTED) or header.code >= len(DTYPES) or (header.ndim > MAX_DIMS and not digested):
        raise FrameCorrupt(f"a frame's header has impossible fields: flags {header.flags}, dtype {header.code}, {header.ndim} dimensions")
    if not digested and any(header.dims[4 * header.ndim :]):
        raise FrameCorrupt("a frame's header has dimensions beyond its last one")
    if header.payload_crc and not header.flags & CHECKED:
        raise FrameCorrupt("a frame's header has a payload checksum that it does not announce")
    return header


def accept(data: Any, step: Step, part: int, length: int) -> tuple[int, int | None]:
    """Check a header against the step it should serve; return its round and its payload checksum, if it has one."""
    found = match(data, step.form, step.epoch, step.sequence, part, length)
    if found is None:
        raise refusal(decode(data), step, part, length)
    return found


def match(data: Any, form: Form, epoch: int, sequence: int, part: int, length: int) -> tuple[int, int | None] | None:
    """Round and payload checksum of a header that is exactly as awaited; None for any other.

    Hot: one unpacking and a few comparisons with what is known before.
    """
    head, got_epoch, got_sequence, got_part, got_length, round, _, payload_crc, crc = _HEADER.unpack_from(data)
    if got_sequence == sequence and got_epoch == epoch and got_length == length and got_part == part:
        if head == form.head:
            if not payload_crc and crc == crc32(data[_FORM_BYTES:_BODY_BYTES], form.head_crc):
                return round, None
        elif head == form.checked_head and crc == crc32(data[_FORM_BYTES:_BODY_BYTES], form.checked_head_crc):
            return round, payload_crc
    return None


def refusal(header: Header, step: Step, part: int, length: int) -> Exception:
    """The error that tells how a well-formed header differs from what its receiver awaits."""
    form, me, peer = step.form, step.me, step.peer
    if header.epoch != step.epoch:
        return FrameCorrupt(f"{me} awaits a frame of run {step.epoch}; {peer} sent one of run {header.epoch}")
    if header.head != form.head:
        tag = repr(_tags[header.tag]) if header.tag in _tags else "another step"
        return ProgramMismatch(
            f"{me} expects {form.tag!r} of {_shape_text(form.shape)} {form.dtype} at line {step.line}; "
            f"{peer} sends {tag} of {_header_shape(header)} {DTYPES[header.code]} at line {header.line}. "
            "All parties must run the same steps on the same shapes."
        )
    if header.sequence != step.sequence:
        return MessageLost(f"{me} awaits message {step.sequence} from {peer}, but message {header.sequence} came: one was lost or repeated")
    if header.part != part:
        return MessageLost(f"{me} awaits frame {part} of message {step.sequence} from {peer}, but frame {header.part} came")
    if header.length > length:
        return FrameTooLarge(f"{peer} announces {header.length} bytes at line {header.line}; {me} allows {length} at line {step.line}")
    return FrameCorrupt(f"{peer} announces {header.length} bytes at line {header.line} where the shape needs {length}")


def _header_shape(header: Header) -> str:
    if header.flags & DIGESTED:
        return f"another shape ({header.ndim} dimensions)"
    return _shape_text(_DIMS[header.ndim].unpack_from(header.dims))


def _shape_text(shape: Sequence[int]) -> str:
    return str(tuple(int(n) for n in shape))
