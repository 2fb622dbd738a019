"""Three-halves: an AND for three ciphertexts of κ/2 = 64 bits and 5 bits, six hashes of the garbler and three of the evaluator.

Rosulek, Roy 2021/749 ("slicing and dicing"). Labels are worked on in halves, left L and right R: the two words. Letters as
there: A_i and B_j are the operands' labels of colours i and j, G_0, G_1, G_2 the ciphertexts. The evaluator computes

    C_L = H(A_i) ⊕ H(A_i ⊕ B_j) ⊕ i G_0 ⊕ (i ⊕ j) G_2 ⊕ left half of R_ij (A_i, B_j)
    C_R = H(B_j) ⊕ H(A_i ⊕ B_j) ⊕ j G_1 ⊕ (i ⊕ j) G_2 ⊕ right half of R_ij (A_i, B_j)

where R_ij = R_P,ij ⊕ r_1 S_1 ⊕ r_2 S_2: R_P is public, and the two control bits r_1, r_2 of each (i, j) are uniform by
themselves but hide the colours (a, b) at which the gate is true. They are encrypted like the halves, in five bits z.
"""

from typing import Any

import numpy as np

from ...values import bits
from .gates import Piece, Scheme, Words, label_masks, masks
from .labels import LOWEST

OF_A, OF_B, OF_BOTH = 0, 1, 2
CONTROL_BITS = 5
Pair = tuple[Words, Words]


class ThreeHalves(Scheme):
    """24 bytes and 5 bits an AND."""

    name = "three-halves"
    paper = "Rosulek, Roy 2021/749; hash TMMO of 2019/074, keyed anew every 2^20 gates after 2019/1168"

    def table_words(self, gates: int) -> int:
        return 3 * gates + CONTROL_BITS * bits.word_count(gates)

    def _garble_piece(self, piece: Piece, a: Words, b: Words, deltas: Words, stream: Any, c: Words, table: Words) -> None:
        (g_0, g_1, g_2), z = _parts(table, piece)
        p_a, p_b = a[:, 0] & LOWEST, b[:, 0] & LOWEST
        a_0, b_0 = a ^ (label_masks(a) & deltas), b ^ (label_masks(b) & deltas)  # the labels of colour 0
        x_0 = np.bitwise_xor(a_0, b_0)
        at_a, at_b = p_a ^ LOWEST, p_b ^ LOWEST  # the gate is true at colours (a, b)
        h_a, f_a = _hash(piece, a_0, OF_A)
        h_b, f_b = _hash(piece, b_0, OF_B)
        h_x, f_x = _hash(piece, x_0, OF_BOTH)
        both_a, bits_a = _xor(_hash(piece, a_0 ^ deltas, OF_A), (h_a, f_a))
        both_b, bits_b = _xor(_hash(piece, b_0 ^ deltas, OF_B), (h_b, f_b))
        both_x, bits_x = _xor(_hash(piece, x_0 ^ deltas, OF_BOTH), (h_x, f_x))

        r_1, r_2 = _coins(stream, len(a))
        delta = deltas[0, :, None]
        left_0, right_0 = _halves(a_0), _halves(b_0)
        left_1, right_1 = left_0 ^ delta, right_0 ^ delta
        # what the halves must be at colours (0, 0), (1, 0) and (0, 1) beside their hashes; (1, 1) follows, as K R = 0 in the paper
        y_00 = _linear(r_1, r_2, left_0, right_0) ^ (masks(p_a & p_b) & delta)
        y_00 ^= np.stack([right_0[0], left_0[1]])
        y_10 = _linear(r_1 ^ at_b, r_2 ^ at_a ^ at_b, left_1, right_0) ^ (masks(at_a & p_b) & delta)
        y_10[1] ^= left_1[1]
        y_01 = _linear(r_1 ^ at_a ^ at_b, r_2 ^ at_a, left_0, right_1) ^ (masks(p_a & at_b) & delta)
        y_01[0] ^= right_1[0]

        c[:, 0] = h_a ^ h_x ^ y_00[0]
        c[:, 1] = h_b ^ h_x ^ y_00[1]
        y = y_00[0] ^ y_00[1]
        g_0[...] = both_a ^ y_10[0] ^ y_10[1] ^ y
        g_1[...] = both_b ^ y_01[0] ^ y_01[1] ^ y
        g_2[...] = both_x ^ y_10[1] ^ y_00[1]
        z_bits = [r_1 ^ f_a ^ f_x, r_2 ^ f_b ^ f_x, at_a ^ bits_a, at_b ^ bits_b, at_a ^ at_b ^ bits_x]
        z[...] = bits.pack(np.stack([each.astype(bool) for each in z_bits]))

    def _evaluate_piece(self, piece: Piece, a: Words, b: Words, table: Words, c: Words) -> None:
        (g_0, g_1, g_2), z = _parts(table, piece)
        z_0, z_1, z_2, z_3, z_4 = bits.unpack(z, len(a)).astype(np.uint64)
        i, j = a[:, 0] & LOWEST, b[:, 0] & LOWEST
        h_a, f_a = _hash(piece, a, OF_A)
        h_b, f_b = _hash(piece, b, OF_B)
        h_x, f_x = _hash(piece, a ^ b, OF_BOTH)

        differ = i ^ j
        r_1 = f_a ^ f_x ^ z_0 ^ (i & z_2) ^ (differ & z_4)
        r_2 = f_b ^ f_x ^ z_1 ^ (j & z_3) ^ (differ & z_4)
        left, right = _linear(r_1, r_2, _halves(a), _halves(b))
        common = h_x ^ (masks(differ) & g_2)
        c[:, 0] = h_a ^ common ^ (masks(i) & g_0) ^ left ^ (masks(i ^ LOWEST) & b[:, 0])
        c[:, 1] = h_b ^ common ^ (masks(j) & g_1) ^ right ^ (masks(j ^ LOWEST) & a[:, 1])


def _linear(r_1: Words, r_2: Words, a: Words, b: Words) -> Words:
    """Halves of (r_1 S_1 ⊕ r_2 S_2)(A, B), with S_1 = (A_L ⊕ A_R ⊕ B_L, A_L ⊕ B_R) and S_2 = (A_L ⊕ B_R, A_R ⊕ B_L ⊕ B_R)."""
    (a_l, a_r), (b_l, b_r), one, two = a, b, masks(r_1), masks(r_2)
    shared, rest = a_l ^ b_r, a_r ^ b_l
    return np.stack([(one & (a_l ^ rest)) ^ (two & shared), (one & shared) ^ (two & (rest ^ b_r))])


def _halves(labels: Words) -> Words:
    """L and R of all labels as rows (2, gates)."""
    return np.ascontiguousarray(labels.T)


def _hash(piece: Piece, labels: Words, which: int) -> Pair:
    """The 64 bits that mask a half, and the bit that masks a control bit."""
    hashed = piece.hash(labels, which)
    return hashed[:, 0], hashed[:, 1] & LOWEST


def _coins(stream: Any, gates: int) -> Pair:
    """r_1 and r_2 at colours (0, 0): uniform, so that what the evaluator sees of R says nothing about a and b."""
    first, second = bits.unpack(stream.words((2, bits.word_count(gates))), gates).astype(np.uint64)
    return first, second


def _parts(table: Words, piece: Piece) -> tuple[Words, Words]:
    """The piece's ciphertexts (3, gates) and packed control bits (5, words) within a layer's table."""
    gates = _gates_of(len(table))
    words = slice(piece.start // 64, bits.word_count(piece.stop))
    return table[: 3 * gates].reshape(3, gates)[:, piece.start : piece.stop], table[3 * gates :].reshape(CONTROL_BITS, -1)[:, words]


def _gates_of(size: int) -> int:
    """The number of gates whose table has `size` words: 64 of them take 3 * 64 + 5."""
    full, rest = divmod(size, 3 * 64 + CONTROL_BITS)
    return 64 * full + (max(0, rest - CONTROL_BITS)) // 3


def _xor(one: Pair, other: Pair) -> Pair:
    return one[0] ^ other[0], one[1] ^ other[1]
