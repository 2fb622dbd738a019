"""Between a user's numbers and ring elements: int64, fixed and bool, checked at the owner before anything is shared."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import MisuseTypeError, MisuseValueError
from .shaped import ShapedArray

FRACTION_BITS = 16
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class DType:
    """What a secret's ring elements mean. `fixed` values are integers in units of 2**-fraction_bits."""

    name: str  # "int64" | "fixed" | "bool"
    fraction_bits: int = 0

    def __str__(self) -> str:
        return self.name if self.fraction_bits in (0, FRACTION_BITS) else f"fixed({self.fraction_bits})"


INT64, BOOL = DType("int64"), DType("bool")


def fixed(fraction_bits: int = FRACTION_BITS) -> DType:
    """The fixed-point type with this many fractional bits (1 to 31)."""
    if not 1 <= fraction_bits <= 31:
        raise MisuseValueError(f"fixed point takes 1 to 31 fractional bits in a 64-bit ring; got {fraction_bits}")
    return DType("fixed", fraction_bits)


def dtype_of(value: Any, name: str = "value") -> DType:
    """The secret type that plain data of this kind become.

    >>> str(dtype_of([1.5])), str(dtype_of(True)), str(dtype_of(7))
    ('fixed', 'bool', 'int64')
    """
    array = np.asarray(value)
    if array.dtype == bool:
        return BOOL
    if array.dtype.kind in "iu" or (array.size == 0 and array.dtype.kind == "f" and not isinstance(value, np.ndarray)):
        return INT64  # an empty list is an empty list of integers
    if array.dtype.kind == "f":
        return fixed()
    if array.dtype.kind in "US":
        raise MisuseTypeError(
            f"`{name}` is text, and only numbers and bits can be shared. Say how text becomes numbers, e.g. "
            f'mpc.input("{name}", …, encode=gadgets.ipv4_to_int) or mpc.inputs("{name}", encode=gadgets.ipv4_to_int).'
        )
    if array.dtype.kind == "O":
        raise MisuseTypeError(
            f"`{name}` holds Python objects that are not all numbers of 64 bits (a ragged list, None, a huge integer?); "
            "expected integers in [-2**63, 2**63), floats or booleans."
        )
    raise MisuseTypeError(f"`{name}` has dtype {array.dtype}; expected integers, floats or booleans")


def encode(value: Any, dtype: DType, name: str = "value") -> Any:
    """Ring elements (uint64) of plain numbers, or booleans unchanged. Out of range, NaN and infinity are refused.

    >>> encode([-1, 2], INT64)
    array([18446744073709551615,                    2], dtype=uint64)
    """
    if isinstance(value, ShapedArray):
        return ShapedArray(value.shape, bool if dtype.name == "bool" else np.uint64)
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise MisuseValueError(f"`{name}` has masked entries, which must not be counted: drop or fill them at the owner")
    array = np.asarray(value)
    if dtype.name == "bool":
        if array.dtype != bool:
            raise MisuseTypeError(f"`{name}` should be booleans; got {array.dtype}")
        return array
    if dtype.name == "int64":
        if array.size == 0:
            return np.zeros(array.shape, np.uint64)
        if array.dtype.kind == "u" and int(array.max()) > INT64_MAX:
            raise MisuseValueError(f"`{name}` holds an integer beyond the range of int64, [-2**63, 2**63)")
        if array.dtype.kind not in "iub":
            raise MisuseTypeError(f"`{name}` should be integers; got {array.dtype}. For fractions use the dtype `fixed`.")
        return array.astype(np.int64).view(np.uint64)
    return _encode_fixed(array, dtype, name)


def _encode_fixed(array: np.ndarray, dtype: DType, name: str) -> np.ndarray:
    if array.dtype.kind not in "fiub":
        raise MisuseTypeError(f"`{name}` should be numbers; got {array.dtype}")
    numbers = array.astype(np.float64)
    if numbers.size and not np.isfinite(numbers).all():
        raise MisuseValueError(
            f"`{name}` holds NaN or infinity, which no share can represent; clean it at its owner, e.g. with np.nan_to_num"
        )
    limit = 2.0 ** (63 - dtype.fraction_bits)
    if numbers.size and np.abs(numbers).max() >= limit:
        raise MisuseValueError(
            f"`{name}` holds a value beyond ±2**{63 - dtype.fraction_bits}, the range of {dtype}; scale it down "
            "or use fewer fractional bits"
        )
    return np.rint(numbers * 2.0**dtype.fraction_bits).astype(np.int64).view(np.uint64)


def decode(ring: Any, dtype: DType) -> Any:
    """Plain numbers of ring elements: int64, float64, or booleans unchanged."""
    if isinstance(ring, ShapedArray):
        return ShapedArray(ring.shape, {"int64": np.int64, "bool": bool}.get(dtype.name, np.float64))
    if dtype.name == "bool":
        return ring
    signed = np.asarray(ring, order="C").view(np.int64)
    return signed if dtype.name == "int64" else signed / 2.0**dtype.fraction_bits
