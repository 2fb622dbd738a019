"""Packed bits and bit planes for protocols: the kernels of `values.bits`, which here answer shapes without data as well."""

import numpy as np

from ..values import bits
from ..values.shaped import shape_rule

WORD_BITS = bits.WORD_BITS
word_count = bits.word_count
pack = shape_rule(lambda shape: (*shape[:-1], word_count(shape[-1])))(bits.pack)
unpack = shape_rule(lambda shape, n: (*shape[:-1], n), np.bool_)(bits.unpack)
to_planes = shape_rule(lambda shape, planes=64: (*shape[:-1], planes, word_count(shape[-1])))(bits.to_planes)
words_to_planes = shape_rule(lambda shape, counts: (*shape[:-2], sum(counts), word_count(shape[-1])))(bits.words_to_planes)
without_padding = shape_rule(lambda shape, n: shape)(bits.without_padding)
from_planes = shape_rule(lambda shape, n: (*shape[:-2], n))(bits.from_planes)
transpose = shape_rule(lambda shape: shape)(bits.transpose)


def numbers_in(columns: slice) -> slice:
    """Of the numbers that planes hold, those in these words."""
    return slice(columns.start * WORD_BITS, columns.stop * WORD_BITS)
