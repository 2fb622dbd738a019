"""IPv4 addresses between text and integers: plain functions, for owners before sharing and for everyone after revealing."""

import re
from typing import Any

import numpy as np

from ramp_notebook import MisuseValueError

_ADDRESS = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)", re.ASCII)


def ipv4_to_int(texts: Any) -> Any:
    """Return addresses such as "10.0.0.1" as integers 0 to 2**32 - 1 (int64), in the same shape.

    Surrounding blanks are forgiven; anything else that is not four decimal numbers 0-255 without leading zeros raises
    MisuseValueError with the position of the first bad item, but not the item: it is its owner's.
    >>> ipv4_to_int(["0.0.0.1", "10.0.0.0"])
    array([        1, 167772160])
    """
    array = np.asarray(texts, dtype=object)
    if array.size == 0:
        return np.zeros(array.shape, np.int64)
    items = []
    for position, text in enumerate(array.reshape(-1).tolist()):
        if not isinstance(text, str):
            raise MisuseValueError(f"expected IPv4 addresses as text, e.g. '10.0.0.1'; item {position} is a {type(text).__name__}")
        items.append(text.strip())
        if not _ADDRESS.fullmatch(items[-1]):
            raise MisuseValueError(f"item {position} is not an IPv4 address: four numbers 0-255 without leading zeros, e.g. '10.0.0.1'")
    octets = np.array(".".join(items).split("."), dtype=np.int64).reshape(-1, 4)
    numbers: np.ndarray = octets @ np.array([1 << 24, 1 << 16, 1 << 8, 1])
    return numbers.reshape(array.shape)


def int_to_ipv4(numbers: Any) -> Any:
    """Return integers 0 to 2**32 - 1 as addresses, in the same shape.

    >>> int_to_ipv4([1, 167772160]).tolist()
    ['0.0.0.1', '10.0.0.0']
    """
    if hasattr(numbers, "shape") and not isinstance(numbers, (np.ndarray, np.generic)):
        return numbers.astype("U15")  # a plan has shapes only
    array = np.asarray(numbers)
    if array.size == 0:
        return np.zeros(array.shape, "U15")
    if array.dtype.kind not in "iu" or int(array.min()) < 0 or int(array.max()) >= 2**32:
        raise MisuseValueError("an IPv4 address is an integer from 0 to 2**32 - 1")
    parts = [(array.reshape(-1) >> shift) & 255 for shift in (24, 16, 8, 0)]
    texts = [f"{a}.{b}.{c}.{d}" for a, b, c, d in zip(*(p.tolist() for p in parts), strict=True)]
    return np.array(texts, dtype="U15").reshape(array.shape)
