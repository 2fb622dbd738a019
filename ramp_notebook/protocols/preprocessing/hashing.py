"""Owns hashing of 128-bit blocks in bulk, with AES under fixed public keys; it never knows what the blocks mean.

A block is a row of two uint64 words. π, and λ and ρ for trees, are AES-128 under constants, taken as random permutations.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from numpy.typing import NDArray

from ...values.shaped import shape_rule

Blocks = NDArray[np.uint64]
PI_KEY, LAMBDA_KEY, RHO_KEY = b"ramp fixed key 1", b"ramp fixed key 2", b"ramp fixed key 3"
PIECE_BLOCKS = 8192  # 128 KiB for each of three buffers: they stay in the L2 cache


@shape_rule(lambda shape, *args, **kwargs: shape)
def hash_blocks(blocks: Blocks, first: int, *, chunk: int = 0, offset: Blocks | None = None, key: bytes = PI_KEY) -> Blocks:
    """Return π(π(x) ⊕ i) ⊕ π(x) for every block x of (n, 2), with the tweak i = (first + row, chunk).

    This is TMMO of Guo, Katz, Wang and Yu (2019/074): tweakable circular correlation robust in the
    ideal-permutation model, provided that no tweak is used twice with one secret correlation. `offset` (2,) is XORed to
    every block first; further chunks of one row give further independent output. π is AES under the public `key`.
    """
    hashed = np.empty(blocks.shape, np.uint64)
    permute = _permutation(key)
    most = min(len(blocks), PIECE_BLOCKS)
    numbers = np.arange(most, dtype=np.uint64)
    start_of, twice = np.empty((2, most + 1, 2), np.uint64)  # the cipher wants room for a block more than it writes
    for start, x in _pieces(blocks):
        size = len(x)
        once, masked = start_of[:size], hashed[start : start + size]
        permute(x if offset is None else np.bitwise_xor(x, offset, out=masked), start_of)
        np.add(numbers[:size], np.uint64(first + start), out=masked[:, 0])
        masked[:, 1] = chunk
        np.bitwise_xor(masked, once, out=masked)
        permute(masked, twice)
        np.bitwise_xor(twice[:size], once, out=masked)
    return hashed


def double(seeds: Blocks) -> Blocks:
    """Return two children (..., 2, 2) of every seed x of (..., 2): λ(x) ⊕ x and ρ(x) ⊕ x, a length-doubling generator."""
    flat = np.ascontiguousarray(seeds).reshape(-1, 2)
    children = np.empty((len(flat), 2, 2), np.uint64)
    room = np.empty((min(len(flat), PIECE_BLOCKS) + 1, 2), np.uint64)
    for side, key in enumerate((LAMBDA_KEY, RHO_KEY)):
        permute = _permutation(key)
        for start, x in _pieces(flat):
            permute(x, room)
            np.bitwise_xor(room[: len(x)], x, out=children[start : start + len(x), side])
    return children.reshape(*seeds.shape[:-1], 2, 2)


def _pieces(blocks: Blocks) -> Iterator[tuple[int, Blocks]]:
    blocks = np.ascontiguousarray(blocks)
    for start in range(0, len(blocks), PIECE_BLOCKS):
        yield start, blocks[start : start + PIECE_BLOCKS]


def _permutation(key: bytes) -> Any:
    """AES under `key` as a function (blocks, room): the images stand in `room`, which has one block more."""
    encrypt = Cipher(AES(key), ECB()).encryptor().update_into

    def permute(blocks: Blocks, room: Blocks) -> None:
        encrypt(blocks.data.cast("B"), room.data.cast("B"))

    return permute
