"""Mean, variance, histogram, median, quantiles and the largest k, with numpy's meaning."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ramp_notebook import BOOL, INT64, MisuseTypeError, MisuseValueError, SecretArray, fixed, gadget, primitives

from .bits import check_axis
from .comparison import less_than
from .sorting import as_words, check_options, keeping_promise, promise_of, sort

FRACTION = 16


@gadget(
    paper="exact sum; division by the public count in corrected steps",
    reference=np.mean,
    arguments=("small integers, at least one",),
    operator=("mean", "np.mean"),
)
def mean(x: SecretArray, axis: int | None = None, *, bits: int | None = None) -> SecretArray:
    """Return the mean along an axis (default: of all) as fixed point with 16 fractional bits.

    Range: |sum| < 2**46 (2**43 under `shamir`). A sum that may exceed it is refused as far as public facts tell: for arrays
    shared with full_range=True, and for n values promised by `bits` (0 <= x < 2**bits, checked as for sort) that may add up to it.
    Error: at most 2**-16, up to 2**40 values.   Reveals: nothing; with `bits`, that the promise holds.
    Cost: four exact truncations of the result, one after the other, whatever n: 35 rounds under `replicated`.
    Raises: MisuseValueError (an empty axis, range).
    >>> mpc.reveal(gadgets.mean(mpc.input("x", owner="alice")))     # alice: x = [1, 2, 6]
    3.0
    """
    x = _numbers(x)
    check_axis(axis, x.ndim)
    count = x.size if axis is None else x.shape[axis]
    if count == 0:
        raise MisuseValueError("the mean of nothing does not exist; the array has no element along that axis")
    return _in_range(x, count, bits, lambda: _divided(x.sum(axis=axis), count))


@gadget(
    paper="two passes: deviations from a rounded mean are exact",
    reference=np.var,
    arguments=("small integers, at least one",),
    operator="np.var",
)
def variance(x: SecretArray, axis: int | None = None, *, bits: int | None = None) -> SecretArray:
    """Return the (population) variance along an axis (default: of all) as fixed point with 16 fractional bits.

    Deviations from a rounded mean are exact, so nothing cancels; what the rounding took from the mean is corrected for.
    Range: |sum| and n (variance + 1) below what a mean takes (a sum is refused as there).   Error: below 2**-14.
    Reveals: nothing; with `bits`, that the promise holds.
    Cost: two means, one truncation, and one product for each result, whatever n: 90 rounds under `replicated`. Fixed point
    takes n truncations more and 92 rounds.
    >>> mpc.reveal(gadgets.variance(mpc.input("x", owner="alice")))     # alice: x = [1, 2, 6]
    4.6666717529296875
    """
    x = _numbers(x)
    check_axis(axis, x.ndim)
    x = x.ravel() if axis is None else x.local(lambda a: np.moveaxis(a, axis, -1))
    count = x.shape[-1]
    if count == 0:
        raise MisuseValueError("the variance of nothing does not exist; the array has no element along that axis")
    return _in_range(x, count, bits, lambda: _variance_of_fractions(x, count) if x.dtype.fraction_bits else _variance_of_integers(x, count))


def _variance_of_integers(x: SecretArray, count: int) -> SecretArray:
    average = _divided(x.sum(axis=-1), count)
    centre = primitives.truncate(_units(average), FRACTION)
    deviation = x - centre[..., None]
    squares = _divided(_dot(deviation, deviation), count)
    rest = average - centre
    return squares - rest * rest


def _variance_of_fractions(x: SecretArray, count: int) -> SecretArray:
    """Each deviation d = 2**8 high + low, in units of 2**-16: the sum of d**2 2**-16 fits where that of d**2 would not."""
    half = FRACTION // 2
    deviation = _units(x) - _units(_divided(x.sum(axis=-1), count))[..., None]
    high = primitives.truncate(deviation, half)
    low = deviation - (high << half)

    mixed = (_dot(high, low) << (half + 1)) + _dot(low, low)
    squares = _dot(high, high) + primitives.truncate(mixed, FRACTION)
    return _divided(SecretArray(x.session, squares.share, squares.shape, fixed(FRACTION)), count)


def _dot(x: SecretArray, y: SecretArray) -> SecretArray:
    """Sums of products along the last axis: one product's price for each."""
    return primitives.matmul(x[..., None, :], y[..., :, None])[..., 0, 0]


def _in_range(x: SecretArray, count: int, bits: int | None, work: Callable[[], SecretArray]) -> SecretArray:
    """Do the work unless the declared range of x says that `count` values may add up to more than a fraction leaves room for."""
    check_options("auto", bits)
    most = x.session.protocol.comfortable().bit_length() - 1 - FRACTION  # 46 in a 64-bit ring
    if bits is None and x.wide:
        raise MisuseValueError(f"these integers may be any that a secret holds, and sums must stay below 2**{most}: promise less by bits=…")
    if bits is not None and count << bits > 1 << most:
        raise MisuseValueError(f"{count} values below 2**{bits} may add up to more than 2**{most}, which a mean cannot hold")
    return keeping_promise(x.session, promise_of(as_words(x), bits), work) if bits is not None else work()


def _units(x: SecretArray) -> SecretArray:
    """The integers that x is in units of 2**-16; finer fractions are rounded down."""
    integers = SecretArray(x.session, x.share, x.shape, INT64)
    surplus = x.dtype.fraction_bits - FRACTION
    return primitives.truncate(integers, surplus) if surplus > 0 else integers << -surplus if surplus else integers


def _divided(total: SecretArray, count: int) -> SecretArray:
    """total / count as fixed point, for |total| < 2**46: a quotient by a rounded reciprocal, then quotients of what is left.

    A reciprocal of 20 bits leaves at most 2**-20 of the dividend each time. The first dividend loses its 20 low bits so that
    the product fits; the third quotient is right to one unit of 2**-16.
    """
    units = _units(total)
    precision = 20 + count.bit_length() - 1
    reciprocal = round(2**precision / count)
    quotient = primitives.truncate(primitives.truncate(units, 20) * reciprocal, precision - 20)
    for _ in range(2):
        rest = units - quotient * count
        quotient = quotient + primitives.truncate(rest * reciprocal + (1 << (precision - 1)), precision)
    return SecretArray(total.session, quotient.share, total.shape, fixed(FRACTION))


@gadget(paper="comparisons with public edges", reference=lambda x, edges: np.histogram(x, edges)[0], arguments=("integers", "public edges"))
def histogram(x: SecretArray, edges: Any) -> SecretArray:
    """Return how many values fall in each bin between public, increasing edges; as numpy: half-open bins, the last closed.

    Shapes: x any, edges (k + 1,); result (k,).   Reveals: nothing.   Cost: (k + 1) n comparisons, 8 rounds under `replicated`.
    Raises: MisuseValueError for edges that do not increase.
    >>> mpc.reveal(gadgets.histogram(mpc.input("x", owner="alice"), [0, 2, 4]))     # alice: x = [1, 2, 4]
    array([1, 2])
    """
    edges = np.asarray(edges)
    if edges.ndim != 1 or len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise MisuseValueError(f"histogram takes at least two increasing edges; got {edges.tolist()}")
    values = _numbers(x).ravel()
    if not values.size:
        return values.session.public(np.zeros(len(edges) - 1, np.int64))
    upper = edges[-1]
    below, beyond = values.session.parallel(
        lambda: less_than(values[None, :], edges[:-1][:, None]),  # row j: x < edge j
        lambda: less_than(np.full(1, upper), values)[None, :],
    )
    counts = primitives.bits_to_int(primitives.concatenate([below, ~beyond])).sum(axis=1)
    return counts[1:] - counts[:-1]


@gadget(paper="sort", reference=np.median, arguments=("small integers, at least one",), operator="np.median")
def median(x: SecretArray, *, algorithm: str = "auto", bits: int | None = None) -> SecretArray:
    """Return the median of all values as fixed point: the middle one, or the mean of the two in the middle.

    Cost: one sort.   Reveals: nothing about the data (see sort).   Range: as for quantile.
    >>> mpc.reveal(gadgets.median(mpc.input("x", owner="alice")))     # alice: x = [1, 2, 6, 9]
    4.0
    """
    return quantile(x, 0.5, algorithm=algorithm, bits=bits)


@gadget(paper="sort", reference=np.quantile, arguments=("small integers, at least one", "public fraction"), operator="np.quantile")
def quantile(x: SecretArray, q: float, *, algorithm: str = "auto", bits: int | None = None) -> SecretArray:
    """Return the q-quantile for a public q, interpolated linearly as numpy does, as fixed point.

    Cost: one sort, for fractions one truncation more.
    Range: |x| < 2**46 for integers, 2**30 for fixed point (under `shamir` 2**43 and 2**27).
    Error: (the distance of the two neighbours + 1) 2**-17.   Raises: MisuseValueError (q outside [0, 1], no values).
    >>> mpc.reveal(gadgets.quantile(mpc.input("x", owner="alice"), 0.25))     # alice: x = [1, 2, 6, 9, 9]
    2.0
    """
    values = _numbers(x).ravel()
    if not isinstance(q, (int, float, np.number)) or not 0 <= q <= 1:
        raise MisuseValueError(f"a quantile is a public fraction from 0 to 1, one at a time; got {q!r}")
    if not values.size:
        raise MisuseValueError("the quantile of nothing does not exist")
    ordered = sort(values, algorithm=algorithm, bits=bits)
    place = q * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    fraction = round((place - low) * 2**FRACTION)
    step = ordered[high] - ordered[low]
    part = SecretArray(step.session, step.share, (), INT64) * fraction  # in units of 2**-16 of what step is in
    if step.dtype.fraction_bits and fraction:
        part = primitives.truncate(part + (1 << (step.dtype.fraction_bits - 1)), step.dtype.fraction_bits)
    result = _units(ordered[low]) + part
    return SecretArray(values.session, result.share, (), fixed(FRACTION))


@gadget(paper="sort", reference=lambda x, k: np.sort(x)[::-1][:k], arguments=("integers", "public count"))
def top_k(x: SecretArray, k: int, *, algorithm: str = "auto", bits: int | None = None) -> SecretArray:
    """Return the k largest values, in descending order.   Cost: one sort.   Raises: MisuseValueError unless 0 <= k <= n.

    >>> mpc.reveal(gadgets.top_k(mpc.input("x", owner="alice"), 2))     # alice: x = [4, 1, 5]
    array([5, 4])
    """
    values = _numbers(x).ravel()
    if not isinstance(k, (int, np.integer)) or not 0 <= k <= values.size:
        raise MisuseValueError(f"top_k takes 0 to {values.size} of {values.size} values; got {k!r}")
    return sort(values, algorithm=algorithm, bits=bits)[::-1][:k]


def _numbers(x: Any) -> SecretArray:
    if not isinstance(x, SecretArray):
        raise MisuseTypeError(f"expected a secret array; got {type(x).__name__}")
    return primitives.bits_to_int(x) if x.dtype is BOOL else primitives.arithmetic(x)
