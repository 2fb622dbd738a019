"""Bulk hashing equals the paper's formula, computed block by block."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from ramp_notebook.protocols.preprocessing.hashing import LAMBDA_KEY, PI_KEY, PIECE_BLOCKS, RHO_KEY, double, hash_blocks
from ramp_notebook.values.shaped import ShapedArray
from ramp_notebook.values.streams import Stream


def aes(key: bytes, block: int) -> int:
    cipher = Cipher(AES(key), ECB()).encryptor()
    return int.from_bytes(cipher.update(block.to_bytes(16, "little")), "little")


def as_ints(blocks: np.ndarray) -> list[int]:
    return [int(low) | int(high) << 64 for low, high in blocks.reshape(-1, 2)]


def tmmo(block: int, tweak: int) -> int:
    once = aes(PI_KEY, block)
    return aes(PI_KEY, once ^ tweak) ^ once


BLOCKS = Stream(b"blocks to hash..").words((20, 2))


def test_every_block_is_hashed_under_its_own_number() -> None:
    assert [tmmo(x, 5 + i) for i, x in enumerate(as_ints(BLOCKS))] == as_ints(hash_blocks(BLOCKS, 5))


def test_chunks_and_offsets_enter_as_the_formula_says() -> None:
    offset = BLOCKS[3]
    expected = [tmmo(x ^ as_ints(offset)[0], (7 << 64) + i) for i, x in enumerate(as_ints(BLOCKS))]
    assert expected == as_ints(hash_blocks(BLOCKS, 0, chunk=7, offset=offset))


def test_the_permutation_is_aes() -> None:
    """FIPS 197, appendix B, so that a mistake in the reference above cannot hide one in the code."""
    key, plain = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"), bytes.fromhex("3243f6a8885a308d313198a2e0370734")
    assert bytes.fromhex("3925841d02dc09fbdc118597196a0b32") == aes(key, int.from_bytes(plain, "little")).to_bytes(16, "little")


@pytest.mark.parametrize("count", [0, 1, PIECE_BLOCKS, PIECE_BLOCKS + 1, 2 * PIECE_BLOCKS + 5])
def test_pieces_join_without_a_seam(count: int) -> None:
    blocks = Stream(b"blocks to hash..").words((count, 2))
    hashed = hash_blocks(blocks, 9)
    assert (count, 2) == hashed.shape
    for row in {0, PIECE_BLOCKS - 1, PIECE_BLOCKS, count - 1} & set(range(count)):
        assert np.array_equal(hash_blocks(blocks[row : row + 1], 9 + row)[0], hashed[row])


def test_one_block_under_many_tweaks_never_repeats() -> None:
    same = np.tile(BLOCKS[0], (1000, 1))
    seen = as_ints(hash_blocks(same, 0)) + as_ints(hash_blocks(same, 0, chunk=1)) + as_ints(hash_blocks(same, 1000))
    assert 3000 == len(set(seen))


def test_hashing_does_not_change_its_input() -> None:
    before = BLOCKS.copy()
    hash_blocks(BLOCKS, 0, offset=BLOCKS[0])
    double(BLOCKS)
    assert np.array_equal(before, BLOCKS)


def test_doubling_is_two_permutations_with_feed_forward() -> None:
    expected = [aes(key, x) ^ x for x in as_ints(BLOCKS) for key in (LAMBDA_KEY, RHO_KEY)]
    assert 3 == len({PI_KEY, LAMBDA_KEY, RHO_KEY})
    assert expected == as_ints(double(BLOCKS))


def test_a_plan_hashes_shapes() -> None:
    assert (3, 2) == hash_blocks(ShapedArray((3, 2)), 0, chunk=1).shape
