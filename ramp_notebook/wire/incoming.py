"""One awaited message and how much of it has come: header, payload, next header. Knows no sockets."""

from typing import Any
from zlib import crc32

import numpy as np

from ..errors import FrameCorrupt
from . import channel, frames
from .channel import HEADER_BYTES, Expect, Received


class Incoming:
    """A message that is taken in piece by piece, each straight into its place."""

    def __init__(self, step: frames.Step, expect: Expect):
        self.step, self._expect = step, expect
        self._array: Any = None
        self._view = memoryview(b"")
        self._part, self._done, self._round = 0, 0, 0
        self._crc: int | None = None
        self._head, self._head_done = bytearray(HEADER_BYTES), 0

    def _part_length(self) -> int:
        return min(channel.FRAME_BYTES, self.step.form.nbytes - self._part * channel.FRAME_BYTES)

    def target(self) -> memoryview:
        """Where the next bytes belong: in the header, or in the result array itself."""
        if self._head_done < HEADER_BYTES:
            return memoryview(self._head)[self._head_done :]
        return self._view[self._done : self._part * channel.FRAME_BYTES + self._part_length()]

    def take(self, count: int) -> bool:
        """Note that `count` bytes came to the target; True when the message is complete."""
        if self._head_done < HEADER_BYTES:
            self._head_done += count
            if self._head_done < HEADER_BYTES:
                return False
            self._round, self._crc = frames.accept(self._head, self.step, self._part, self._part_length())
            if self._array is None:  # allocated only now: the header has passed every check
                self._array = result_array(self._expect)
                self._view = bytes_of(self._array)
        else:
            self._done += count
        start = self._part * channel.FRAME_BYTES
        if self._done < start + self._part_length():
            return False
        if self._crc is not None:
            check_payload(self._view[start : self._done], self._crc, self.step)
        self._part += 1
        self._head_done = 0
        return self._done == self.step.form.nbytes

    def result(self) -> Received:
        return Received(self._array, self._round)


def bytes_of(array: Any) -> memoryview:
    """The bytes of a C-contiguous array, uncopied."""
    return memoryview(array).cast("B") if array.size else memoryview(b"")


def result_array(expect: Expect) -> Any:
    """Where an awaited payload goes: the caller's array, or a new one."""
    return expect.out if expect.out is not None else np.empty(expect.shape, expect.dtype)


def check_payload(view: Any, crc: int, step: frames.Step) -> None:
    if crc32(view) != crc:
        where = f"from {step.peer} to {step.me} at line {step.line} ({step.form.tag})"
        raise FrameCorrupt(f"a payload {where} fails its checksum: bits changed on the way")
