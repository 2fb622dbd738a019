"""Mean, variance, histogram, median, quantiles and the largest k, with numpy's meaning."""

from typing import Any

import numpy as np

from ramp_notebook import BOOL, INT64, MisuseTypeError, MisuseValueError, SecretArray, fixed, gadget, primitives

from .bits import check_axis
from .comparison import less_than
from .sorting import sort

FRACTION = 16


@gadget(
    paper="exact sum; division by the public count in corrected steps",
    reference=np.mean,
    arguments=("small integers, at least one",),
    operator=("mean", "np.mean"),
)
def mean(x: SecretArray, axis: int | None = None) -> SecretArray:
    """Return the mean along an axis (default: of all) as fixed point with 16 fractional bits.

    Range: |sum| < 2**46.   Error: at most 2**-16 up to 2**20 values.   Reveals: nothing.
    Cost: four exact truncations of the result, one after the other, whatever n: 40 rounds.
    Raises: MisuseValueError for an empty axis.
    >>> mpc.reveal(gadgets.mean(mpc.input("x", owner="alice")))     # alice: x = [1, 2, 6]
    3.0
    """
    x = _numbers(x)
    check_axis(axis, x.ndim)
    count = x.size if axis is None else x.shape[axis]
    if count == 0:
        raise MisuseValueError("the mean of nothing does not exist; the array has no element along that axis")
    return _divided(x.sum(axis=axis), count)


@gadget(paper="two passes over integers", reference=np.var, arguments=("small integers, at least one",), operator="np.var")
def variance(x: SecretArray) -> SecretArray:
    """Return the (population) variance of all values as fixed point.

    Deviations from the rounded mean are exact integers, so nothing cancels; the rest of the mean is corrected for.
    Range: integers; |sum| and the sum of squared deviations below 2**46.   Error: below 2**-14.   Reveals: nothing.
    >>> mpc.reveal(gadgets.variance(mpc.input("x", owner="alice")))     # alice: x = [1, 2, 6]
    4.6666717529296875
    """
    x = _numbers(x)
    if x.dtype.name == "fixed":
        raise MisuseTypeError("variance takes integers; scale fixed-point values to integers first, e.g. gadgets.variance of cents")
    x = x.ravel()
    if x.size == 0:
        raise MisuseValueError("the variance of nothing does not exist")
    average = _divided(x.sum(), x.size)
    centre = primitives.truncate(SecretArray(x.session, average.share, (), INT64), FRACTION)
    deviation = x - centre
    squares = _divided(deviation @ deviation, x.size)
    rest = average - SecretArray(x.session, centre.share, (), INT64)
    return squares - rest * rest


def _divided(total: SecretArray, count: int) -> SecretArray:
    """total / count as fixed point, for |total| < 2**46: a quotient by a rounded reciprocal, then quotients of what is left.

    A reciprocal of 20 bits leaves at most 2**-20 of the dividend each time. The first dividend loses its 20 low bits so that
    the product fits; the third quotient is right to one unit of 2**-16.
    """
    units = SecretArray(total.session, total.share, total.shape, INT64)
    units = (units << (FRACTION - total.dtype.fraction_bits)).ravel()
    precision = 20 + count.bit_length() - 1
    reciprocal = round(2**precision / count)
    quotient = primitives.truncate(primitives.truncate(units, 20) * reciprocal, precision - 20)
    for _ in range(2):
        rest = units - quotient * count
        quotient = quotient + primitives.truncate(rest * reciprocal + (1 << (precision - 1)), precision)
    return SecretArray(total.session, quotient.share.reshape(-1, *total.shape), total.shape, fixed(FRACTION))


@gadget(paper="comparisons with public edges", reference=lambda x, edges: np.histogram(x, edges)[0], arguments=("integers", "public edges"))
def histogram(x: SecretArray, edges: Any) -> SecretArray:
    """Return how many values fall in each bin between public, increasing edges; as numpy: half-open bins, the last closed.

    Shapes: x any, edges (k + 1,); result (k,).   Reveals: nothing.   Cost: (k + 1) n comparisons in 7 rounds, 2 rounds more.
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
    below = less_than(values[None, :], edges[:-1][:, None])  # row j: x < edge j
    beyond = less_than(np.full(1, upper), values)[None, :]
    counts = primitives.bits_to_int(primitives.concatenate([below, ~beyond])).sum(axis=1)
    return counts[1:] - counts[:-1]


@gadget(paper="sort", reference=np.median, arguments=("small integers, at least one",), operator="np.median")
def median(x: SecretArray, *, algorithm: str = "auto", bits: int | None = None) -> SecretArray:
    """Return the median of all values as fixed point: the middle one, or the mean of the two in the middle.

    Cost: one sort.   Reveals: nothing about the data (see sort).   Range: |x| < 2**46.
    >>> mpc.reveal(gadgets.median(mpc.input("x", owner="alice")))     # alice: x = [1, 2, 6, 9]
    4.0
    """
    return quantile(x, 0.5, algorithm=algorithm, bits=bits)


@gadget(paper="sort", reference=np.quantile, arguments=("small integers, at least one", "public fraction"), operator="np.quantile")
def quantile(x: SecretArray, q: float, *, algorithm: str = "auto", bits: int | None = None) -> SecretArray:
    """Return the q-quantile for a public q, interpolated linearly as numpy does, as fixed point.

    Cost: one sort and one truncation.   Range: |x| < 2**30.   Raises: MisuseValueError (q outside [0, 1], no values).
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
    raised = 0 if values.dtype.name == "fixed" else FRACTION
    units = SecretArray(values.session, ordered.share, ordered.shape, INT64) << raised
    if fraction == 0:
        result = units[low]
    else:
        product = (units[high] - units[low]) * fraction + (1 << (FRACTION - 1))
        result = units[low] + primitives.truncate(product.ravel(), FRACTION).reshape(())
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
