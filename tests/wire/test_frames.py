"""Headers: what goes in comes out, and nothing else is accepted."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramp_notebook.errors import ChannelError, FrameCorrupt, FrameTooLarge, MessageLost, MisuseTypeError, ProgramMismatch
from ramp_notebook.wire import frames
from ramp_notebook.wire.channel import FRAME_BYTES, HEADER_BYTES
from ramp_notebook.wire.frames import Step

UINT64 = np.dtype("uint64")
FORM = frames.form("multiply", UINT64, (10,))
STEP = Step(FORM, 3, 7, 5, "alice", "bob")


def header(form: frames.Form = FORM, **changed: int) -> bytes:
    fields = {"epoch": 3, "sequence": 7, "round": 2, "line": 9, "part": 0, "length": form.nbytes}
    return frames.encode(form, **{**fields, **changed})


def test_a_header_says_what_its_step_awaits() -> None:
    assert HEADER_BYTES == len(header())
    assert (2, None) == frames.accept(header(), STEP, 0, 80)
    decoded = frames.decode(header())
    assert (3, 7, 2, 9, 80) == (decoded.epoch, decoded.sequence, decoded.round, decoded.line, decoded.length)


@given(
    st.sampled_from(frames.DTYPES), st.lists(st.integers(0, 1 << 40), max_size=7).map(tuple), st.text(max_size=20),
    st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1), st.one_of(st.none(), st.integers(0, 2**32 - 1)),
)  # fmt: skip
def test_every_header_is_read_as_it_was_written(dtype, shape, tag, epoch, sequence, line, crc) -> None:  # type: ignore[no-untyped-def]
    form = frames.form(tag, dtype, shape)
    data = frames.encode(form, epoch, sequence, 11, line, 4, 100, crc)
    assert (11, crc) == frames.accept(data, Step(form, epoch, sequence, line, "a", "b"), 4, 100)
    decoded = frames.decode(data)
    assert (form.head, epoch, sequence, line, 4, 100) == (
        decoded.head, decoded.epoch, decoded.sequence, decoded.line, decoded.part, decoded.length,
    )  # fmt: skip


@given(st.binary(min_size=0, max_size=200))
def test_garbage_is_refused_by_its_own_error(data: bytes) -> None:
    with pytest.raises(ChannelError):
        frames.decode(data)


@given(st.integers(0, 8 * HEADER_BYTES - 1))
def test_one_changed_bit_is_seen(bit: int) -> None:
    data = bytearray(header())
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameCorrupt):
        frames.accept(data, STEP, 0, 80)


@given(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 255)), min_size=1, max_size=8))
def test_forged_fields_with_a_right_checksum_are_refused_without_allocating(edits: list[tuple[int, int]]) -> None:
    body = bytearray(header()[:60])
    for place, value in edits:
        body[place] = value
    data = bytes(body) + frames.crc32(bytes(body)).to_bytes(4, "little")
    tracemalloc.start()
    try:
        frames.accept(data, STEP, 0, 80)
        assert all(54 > place >= 50 or place in (54, 55) or data[place] == header()[place] for place, _ in edits)  # round and line are free
    except (ChannelError, ProgramMismatch):
        pass  # the only errors a decoder may raise
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1 << 20


def test_other_shapes_name_both_sides() -> None:
    other = header(frames.form("multiply", UINT64, (11,)))
    with pytest.raises(
        ProgramMismatch, match=r"alice expects 'multiply' of \(10,\) uint64 at line 5; bob sends 'multiply' of \(11,\) uint64 at line 9"
    ):
        frames.accept(other, STEP, 0, 80)


def test_other_steps_and_dtypes_are_told() -> None:
    with pytest.raises(ProgramMismatch, match="bob sends 'reveal'"):
        frames.accept(header(frames.form("reveal", UINT64, (10,))), STEP, 0, 80)
    with pytest.raises(ProgramMismatch, match=r"bob sends 'multiply' of \(10,\) bool"):
        frames.accept(header(frames.form("multiply", np.dtype(bool), (10,))), STEP, 0, 80)
    with pytest.raises(ProgramMismatch, match="another shape"):
        frames.accept(header(frames.form("multiply", UINT64, (1,) * 9)), STEP, 0, 80)


def test_gaps_and_repetitions_are_lost_messages() -> None:
    for sequence in (6, 8):
        with pytest.raises(MessageLost, match=f"awaits message 7 from bob, but message {sequence} came"):
            frames.accept(header(sequence=sequence), STEP, 0, 80)
    with pytest.raises(MessageLost, match="frame 0"):
        frames.accept(header(part=1), STEP, 0, 80)


def test_lengths_beyond_what_is_awaited_are_refused() -> None:
    with pytest.raises(FrameTooLarge, match="bob announces 81 bytes at line 9; alice allows 80 at line 5"):
        frames.accept(header(length=81), STEP, 0, 80)
    with pytest.raises(FrameTooLarge):
        frames.decode(header(length=FRAME_BYTES + 1))
    with pytest.raises(FrameCorrupt):
        frames.accept(header(length=79), STEP, 0, 80)


def test_frames_of_another_run_are_refused() -> None:
    with pytest.raises(FrameCorrupt, match="run 3; bob sent one of run 2"):
        frames.accept(header(epoch=2), STEP, 0, 80)


def test_only_plain_numbers_travel() -> None:
    with pytest.raises(MisuseTypeError, match="arrays of object cannot be sent"):
        frames.form("multiply", np.dtype(object), (1,))
