"""AES-128 on secret keys and blocks: its circuit, built from FIPS 197 with the S-box's inverse taken in a tower of fields.

The tower is GF(2) ⊂ GF(4) ⊂ GF(16) ⊂ GF(256), each field the pairs h·z + l of the one below with z² = z + c. A product takes
three of the field below (Karatsuba), hence 9 ANDs in GF(16). With N = h² c + h l + l², which lies in the field below, the
inverse of h z + l is (h/N) z + (h + l)/N: in GF(256) three products and an inverse in GF(16), 33 ANDs, four after each other.
A byte is eight wires, lowest first; XORs cost nothing, so every map that is linear over GF(2) is free.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ramp_notebook import SecretArray, gadget, netlist

from .circuit import encode_bits, evaluated

BLOCK_BITS = 128
ROUNDS = 10
POLYNOMIAL = 0x11B  # x^8 + x^4 + x^3 + x + 1, of FIPS 197
TOWER_CONSTANTS = {2: 1, 4: 2, 8: 8}  # c by the field's bits: z² = z + c has no solution in the field below

Byte = list[int]


def _reference(key: Any, block: Any) -> Any:
    """AES-128 of the library that also makes our masks, on rows of bits."""
    key, block = np.broadcast_arrays(key, block)
    rows = [_encrypted(_octets(k), _octets(b)) for k, b in zip(key.reshape(-1, BLOCK_BITS), block.reshape(-1, BLOCK_BITS), strict=True)]
    return encode_bits([int.from_bytes(row, "big") for row in rows], BLOCK_BITS).reshape(block.shape)


def _encrypted(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def _octets(bits: Any) -> bytes:
    return np.packbits(np.asarray(bits, bool)[::-1]).tobytes()


@gadget(
    paper="FIPS 197; S-box in a tower of fields after Satoh et al. 2001, Canright 2005",
    reference=_reference,
    arguments=("blocks", "blocks"),
)
def aes128(key: SecretArray, block: SecretArray) -> SecretArray:
    """Return the AES-128 encryption of each block under its key: the block cipher alone, no mode of operation.

    Shapes: key (…, 128) and block (…, 128) of bits; leading axes broadcast; result (…, 128). A block is one number whose first
    byte is highest, its lowest bit first: encode_bits(int.from_bytes(block, "big"), 128).   Reveals: nothing.
    Cost: 6,600 ANDs a block, 1,320 of them its key schedule, all blocks side by side in 40 rounds; under `replicated` each party
    sends a bit an AND, under `garbled` all is one message.   Raises: MisuseTypeError (not bits, not 128), MisuseValueError
    (axes that do not broadcast).
    >>> cipher = gadgets.aes128(mpc.public([False] * 128), mpc.input("block", owner="alice"))
    >>> hex(gadgets.decode_bits(mpc.reveal(cipher)))     # alice: block = [k < 0 for k in range(128)]
    '0x66e94bd4ef8a2c3b884cfa59ca342b2e'
    """
    [cipher] = evaluated("aes128", aes128_circuit(), [key, block])
    return cipher


# -- FIPS 197 ----------------------------------------------------------------------------------------------------------


@functools.cache
def aes128_circuit() -> Any:
    """Key and plaintext to ciphertext, as numbers of 128 bits whose highest byte is byte 0."""
    build = netlist.Builder(BLOCK_BITS, BLOCK_BITS)
    key, state = ([number[8 * k : 8 * k + 8] for k in range(15, -1, -1)] for number in build.inputs)
    state = _xor_bytes(build, state, key)
    constant = 1
    for number in range(1, ROUNDS + 1):
        state = [_s_box(build, byte) for byte in state]
        state = [state[(4 * (column + row) + row) % 16] for column in range(4) for row in range(4)]
        if number < ROUNDS:
            state = _mix_columns(build, state)
        key = _next_key(build, key, constant)
        state = _xor_bytes(build, state, key)
        constant = _times(constant, 2)
    return build.circuit([wire for byte in reversed(state) for wire in byte])


def _next_key(build: netlist.Builder, key: list[Byte], constant: int) -> list[Byte]:
    """KeyExpansion, one step: each word is the XOR of the one before and of its counterpart; the first goes through the S-box."""
    word = [_s_box(build, key[k]) for k in (13, 14, 15, 12)]
    word[0] = _xor_constant(build, word[0], constant)
    new: list[Byte] = []
    for k in range(0, 16, 4):
        word = _xor_bytes(build, key[k : k + 4], word)
        new += word
    return new


def _mix_columns(build: netlist.Builder, state: list[Byte]) -> list[Byte]:
    """Each byte of a column becomes 2·a + 3·b + c + d = 2·(a + b) + b + c + d of it and the three below, cyclically."""
    mixed = []
    for start in range(0, 16, 4):
        column = state[start : start + 4]
        for row in range(4):
            a, b, c, d = (column[(row + k) % 4] for k in range(4))
            doubled = _mapped(build, [_times(1 << k, 2) for k in range(8)], _xor(build, a, b))
            mixed.append(_xor(build, doubled, b, c, d))
    return mixed


def _s_box(build: netlist.Builder, byte: Byte) -> Byte:
    """The affine map of the inverse (section 5.1.1); the ways into and out of the tower are linear, and free."""
    into, out = _isomorphism()
    inverse = _inverse_256(build, _mapped(build, into, byte))
    return _xor_constant(build, _mapped(build, [_rotations(image) for image in out], inverse), 0x63)


def _rotations(v: int) -> int:
    """v and its rotations by 1 to 4 bits, XORed: the affine map's linear part."""
    return functools.reduce(lambda total, k: total ^ (v << k | v >> (8 - k)) & 0xFF, range(1, 5), v)


def _times(a: int, b: int) -> int:
    """The product of two bytes modulo AES's polynomial."""
    product = 0
    for bit in range(8):
        product ^= (a << bit) * (b >> bit & 1)
    for bit in range(14, 7, -1):
        product ^= (POLYNOMIAL << (bit - 8)) * (product >> bit & 1)
    return product


# -- the tower ---------------------------------------------------------------------------------------------------------


def _inverse_256(build: netlist.Builder, x: Byte) -> Byte:
    """27 ANDs and an inverse in GF(16)."""
    low, high = x[:4], x[4:]
    both = _xor(build, low, high)
    squared = [_tower_times(TOWER_CONSTANTS[8], _tower_times(1 << k, 1 << k, 4), 4) for k in range(4)]  # c h²: linear
    norm = _xor(build, _product(build, low, both), _mapped(build, squared, high))
    scale = _inverse_16(build, norm)
    return [*_product(build, both, scale), *_product(build, high, scale)]


def _inverse_16(build: netlist.Builder, x: Byte) -> Byte:
    """Six ANDs, two after each other: as the inverse's four bits have degree 3, two products of degree 2 and four more suffice."""
    x0, x1, x2, x3 = x
    xor = functools.partial(_sum, build)
    p = build.conjunction(x0, xor(x2, x3))
    q = xor(build.conjunction(x1, x3), x2)
    return [
        xor(build.conjunction(xor(x1, x2), xor(p, q)), x0, x1, p),
        xor(build.conjunction(xor(x0, x2), q), x1, x3),
        xor(build.conjunction(x2, xor(x1, p, q)), p),
        xor(build.conjunction(x2, xor(x0, q)), x3, p),
    ]


def _product(build: netlist.Builder, x: Sequence[int], y: Sequence[int]) -> Byte:
    """The product in the field of len(x) bits: three products of halves, down to single ANDs."""
    bits = len(x)
    if bits == 1:
        return [build.conjunction(x[0], y[0])]
    half = bits // 2
    low, high = _product(build, x[:half], y[:half]), _product(build, x[half:], y[half:])
    middle = _product(build, _xor(build, x[:half], x[half:]), _xor(build, y[:half], y[half:]))
    by_constant = [_tower_times(TOWER_CONSTANTS[bits], 1 << k, half) for k in range(half)]
    return [*_xor(build, low, _mapped(build, by_constant, high)), *_xor(build, middle, low)]


def _tower_times(a: int, b: int, bits: int) -> int:
    """The same product, of numbers."""
    if bits == 1:
        return a & b
    half = bits // 2
    (a_high, a_low), (b_high, b_low) = (divmod(v, 1 << half) for v in (a, b))
    low, high = _tower_times(a_low, b_low, half), _tower_times(a_high, b_high, half)
    middle = _tower_times(a_high ^ a_low, b_high ^ b_low, half)
    return (middle ^ low) << half | low ^ _tower_times(TOWER_CONSTANTS[bits], high, half)


@functools.cache
def _isomorphism() -> tuple[list[int], list[int]]:
    """What each bit of a byte is in the tower, and the way back: x goes to a root of AES's polynomial."""
    return min((both_ways for root in range(2, 256) if (both_ways := _powers_of(root))), key=_ones)


def _powers_of(root: int) -> tuple[list[int], list[int]] | None:
    powers = [1]
    for _ in range(8):
        powers.append(_tower_times(powers[-1], root, 8))
    if _image(powers, POLYNOMIAL):
        return None
    origin = {_image(powers, v): v for v in range(256)}
    return powers[:8], [origin[1 << k] for k in range(8)]


def _ones(maps: tuple[list[int], list[int]]) -> int:
    """What the maps take in XORs, nearly."""
    into, out = maps
    return sum(image.bit_count() for image in [*into, *map(_rotations, out)])


def _image(images: Sequence[int], v: int) -> int:
    """The XOR of the images of v's bits."""
    return functools.reduce(lambda total, k: total ^ images[k] * (v >> k & 1), range(len(images)), 0)


# -- wires -------------------------------------------------------------------------------------------------------------


def _mapped(build: netlist.Builder, images: Sequence[int], x: Sequence[int]) -> Byte:
    """A map over GF(2), given by the images of single bits."""
    return [_sum(build, *(wire for wire, image in zip(x, images, strict=True) if image >> bit & 1)) for bit in range(len(x))]


def _xor_bytes(build: netlist.Builder, one: list[Byte], other: list[Byte]) -> list[Byte]:
    return [_xor(build, a, b) for a, b in zip(one, other, strict=True)]


def _xor(build: netlist.Builder, *numbers: Sequence[int]) -> Byte:
    return [_sum(build, *wires) for wires in zip(*numbers, strict=True)]


def _xor_constant(build: netlist.Builder, x: Byte, constant: int) -> Byte:
    return [build.xor(wire, netlist.ONE) if constant >> bit & 1 else wire for bit, wire in enumerate(x)]


def _sum(build: netlist.Builder, *wires: int) -> int:
    """Pairs, then pairs of those: few layers."""
    if len(wires) < 2:
        return wires[0] if wires else netlist.ZERO
    half = len(wires) // 2
    return build.xor(_sum(build, *wires[:half]), _sum(build, *wires[half:]))
