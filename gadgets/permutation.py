"""Secret permutations: shuffle rows, apply a permutation that is itself secret."""

from typing import Any

import numpy as np

from ramp_notebook import BOOL, MisuseTypeError, MisuseValueError, SecretArray, Session, gadget, primitives, session_of, shaped

SHUFFLE = "three re-sharing hops: Asharov et al. 2022/1595"


@gadget(paper=SHUFFLE)
def shuffle(x: Any) -> Any:
    """Return the rows in a uniformly random order that no party knows; for a list of columns, one order for all.

    Shapes: (n,) or (n, …), or a list of such with equal n; result: the same.   Reveals: nothing.
    Cost: 3 rounds and 6 elements in total per row and column under `replicated`.   Raises: MisuseValueError (lengths).
    >>> mpc.reveal(gadgets.shuffle(mpc.input("x", owner="alice")).sum())     # alice: x = [1, 5]
    6
    """
    columns = list(x) if isinstance(x, (list, tuple)) else [x]
    if not columns or any(not isinstance(c, SecretArray) or not c.shape or len(c) != len(columns[0]) for c in columns):
        raise MisuseValueError("shuffle takes secret arrays with the same number of rows")
    rows = primitives.shuffle_rows([primitives.bits_as_words(c) if c.dtype is BOOL else c for c in columns])
    shuffled = [primitives.words_as_bits(row) if c.dtype is BOOL else row for c, row in zip(columns, rows, strict=True)]
    return shuffled if isinstance(x, (list, tuple)) else shuffled[0]


@gadget(
    paper="shuffle the places, reveal them, follow them: Laur, Willemson, Zhang 2011",
    reference=lambda x, p: x[p],
    arguments=("integers", "permutation"),
    reveals=("a shuffled order",),
)
def permute(x: SecretArray, order: SecretArray) -> SecretArray:
    """Return x[order] for a secret permutation `order` of range(n); e.g. permute(x, argsort(key)).

    Shapes: x (n,) or (n, …), order (n,).
    Reveals: a uniformly random permutation, which says nothing about a valid `order`. One that is no permutation of range(n)
    is refused; its entries are then known, in a shuffled order, and nothing about x.
    Cost: two shuffles and two reveals.   Raises: MisuseTypeError, MisuseValueError (shapes, no permutation).
    >>> x = mpc.input("x", owner="alice")                              # alice: x = [4, 1, 5]
    >>> mpc.reveal(gadgets.permute(x, gadgets.argsort(x)))
    array([1, 4, 5])
    """
    if not isinstance(x, SecretArray) or not isinstance(order, SecretArray) or order.dtype.name != "int64":
        raise MisuseTypeError("permute takes a secret array and a secret permutation (int64); x[p] does it for a public one")
    if order.ndim != 1 or x.shape[:1] != order.shape:
        raise MisuseValueError(f"permute needs one place per row; got shapes {x.shape} and {order.shape}")
    session = session_of(x, order)
    target = session.public(row_numbers(session, len(x)))
    shuffled_order, shuffled_target = shuffle([order, target])
    source = session.reveal(shuffled_order)
    if not session.planned and not np.array_equal(np.sort(source), np.arange(len(x))):
        raise MisuseValueError(f"permute needs each of the places 0 to {len(x) - 1} once, and this order repeats or lacks some")

    row, place = shuffle([x[source], shuffled_target])
    places = session.reveal(place)
    return row[places if session.planned else np.argsort(places)]  # type: ignore[no-any-return]


def row_numbers(session: Session, n: int) -> Any:
    """0 to n - 1, public; a shape alone in a plan, whose n may be larger than any memory."""
    return shaped.ShapedArray((n,), np.int64) if session.planned else np.arange(n)
