"""Every primitive by name, for those who write gadgets: operands converted, costs attributed.

Free (local) under sharing schemes: adding, products with public integers, XOR, NOT, shape operations. Everything else opens a
span. They stand by subject in `conversions`, `numbers`, `logic` and `shapes`.
"""

from .conversions import (
    ALL_ONES,
    arithmetic,
    bit_planes,
    bits_as_masks,
    bits_as_words,
    bits_to_int,
    is_zero,
    planes_are_zero,
    rows_are_less,
    shuffle_rows,
    sign,
    to_arithmetic,
    to_binary,
    truncate,
    words_are_equal,
    words_are_less,
    words_as_bits,
)
from .logic import conjunction, disjunction, invert, multiply_by_bits, public_words, xor
from .numbers import add, cumsum, floor_divide, matmul, multiply, negate, prod, shift_left, shift_right, square, subtract, total
from .shapes import concatenate, split, stack

__all__ = [
    "ALL_ONES", "add", "arithmetic", "bit_planes", "bits_as_masks", "bits_as_words", "bits_to_int", "concatenate", "conjunction",
    "cumsum", "disjunction", "floor_divide", "invert", "is_zero", "matmul", "multiply", "multiply_by_bits", "negate",
    "planes_are_zero", "prod", "public_words", "rows_are_less", "shift_left", "shift_right", "shuffle_rows", "sign", "split", "square",
    "stack", "subtract", "to_arithmetic", "to_binary", "total", "truncate", "words_are_equal", "words_are_less", "words_as_bits", "xor",
]  # fmt: skip
