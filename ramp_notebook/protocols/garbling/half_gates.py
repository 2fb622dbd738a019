"""Half-gates: an AND for two ciphertexts of κ = 128 bits, four hashes of the garbler and two of the evaluator.

Zahur, Rosulek, Evans 2014/756. Letters as there: p a colour of a zero label, s one of an active label, T_G and T_E the
ciphertexts. A table holds T_G of all gates, then T_E of all.
"""

from typing import Any

from .gates import Piece, Scheme, Words, label_masks

GARBLER_HALF, EVALUATOR_HALF = 0, 1


class HalfGates(Scheme):
    """32 bytes an AND."""

    name = "half-gates"
    paper = "Zahur, Rosulek, Evans 2014/756; hash TMMO of 2019/074, keyed anew every 2^20 gates after 2019/1168"

    def table_words(self, gates: int) -> int:
        return 4 * gates

    def _garble_piece(self, piece: Piece, a: Words, b: Words, deltas: Words, stream: Any, c: Words, table: Words) -> None:
        t_g, t_e = table.reshape(2, -1, 2)[:, piece.start : piece.stop]
        p_a, p_b = label_masks(a), label_masks(b)
        h_a, h_b = piece.hash(a, GARBLER_HALF), piece.hash(b, EVALUATOR_HALF)
        both_b = h_b ^ piece.hash(b ^ deltas, EVALUATOR_HALF)

        t_g[...] = h_a ^ piece.hash(a ^ deltas, GARBLER_HALF) ^ (p_b & deltas)
        t_e[...] = both_b ^ a
        c[...] = h_a ^ (p_a & t_g) ^ h_b ^ (p_b & both_b)

    def _evaluate_piece(self, piece: Piece, a: Words, b: Words, table: Words, c: Words) -> None:
        t_g, t_e = table.reshape(2, -1, 2)[:, piece.start : piece.stop]
        s_a, s_b = label_masks(a), label_masks(b)
        c[...] = piece.hash(a, GARBLER_HALF) ^ (s_a & t_g) ^ piece.hash(b, EVALUATOR_HALF) ^ (s_b & (t_e ^ a))
