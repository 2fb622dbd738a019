"""What numpy's operators, functions and methods do to plain arrays they do to secrets: every dtype, every kind of shape."""

import warnings

import numpy as np
import pytest

from ramp_notebook.errors import RampError
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator

UNIT = 2.0**-16
SHAPES = [(), (0,), (1,), (5,), (3, 1), (2, 3, 4), (2, 0, 3)]
PAIRS = [((), ()), ((0,), ()), ((1,), (0,)), ((3, 1), (1, 4)), ((), (5,)), ((2, 3, 1), (4,)), ((65,), (65,))]
NUMBERS, BITS, INTEGERS, ALL = ("int64", "fixed"), ("bool",), ("int64",), ("int64", "fixed", "bool")

UNARY = {  # expression → dtypes for which numpy has it, and it means the same on secrets
    "-x": NUMBERS, "+x": NUMBERS, "~x": ("int64", "bool"), "abs(x)": NUMBERS, "np.square(x)": NUMBERS,
    "x // 4": ALL, "x % 4": ALL, "x >> 2": INTEGERS, "x << 3": INTEGERS, "x[...]": ALL, "x[None]": ALL, "x[:1]": ALL, "x[::-1]": ALL,
    "x[1:3]": ALL, "x[-1]": ALL, "x[[0, -1]]": ALL, "x[np.arange(len(x)) % 2 == 0]": ALL, "x[..., 0]": ALL, "x[:, 0]": ALL,
    "x.reshape(-1)": ALL, "x.ravel()": ALL, "x.T": ALL, "x.transpose()": ALL, "np.transpose(x)": ALL, "np.reshape(x, (-1, 1))": ALL,
    "np.concatenate([x, x])": ALL, "np.concatenate([x, x], axis=-1)": ALL, "np.stack([x, x])": ALL, "np.stack([x, x], axis=-1)": ALL,
    "np.split(x, 1)[0]": ALL, "np.split(x, [1], axis=-1)[1]": ALL, "np.array_split(x, 2)[0]": ALL, "np.where(x > 0, x, 0)": ALL,
    "np.where(x > 0, 1, 0)": ALL, "np.roll(x, 2)": ALL, "np.roll(x, 1, axis=-1)": ALL, "np.take(x, [0, 0])": ALL, "x.take([0])": ALL,
    "np.take(x, [0], axis=-1)": ALL, "np.flip(x)": ALL, "np.repeat(x, 2)": ALL, "np.squeeze(x)": ALL, "np.swapaxes(x, 0, -1)": ALL,
    "x.sum()": ALL, "np.sum(x, axis=0)": ALL, "x.sum(axis=-1)": ALL, "x.sum(axis=(0, 1))": ALL, "x.cumsum()": ALL,
    "np.cumsum(x, axis=0)": ALL, "(x % 2 + 1).prod()": ALL, "np.prod(x, axis=0)": INTEGERS, "x.any()": BITS, "x.all()": BITS,
    "np.any(x, axis=0)": BITS, "np.all(x, axis=-1)": BITS, "x @ x": NUMBERS, "x.dot(x)": NUMBERS, "np.dot(x, x)": NUMBERS,
    "x.min()": ALL, "x.max()": ALL, "np.amin(x, axis=0)": ALL, "np.max(x, axis=-1)": ALL, "x.argmin()": ALL, "np.argmax(x)": ALL,
    "np.argmin(x, axis=0)": ALL, "x.argmax(axis=-1)": ALL, "x.clip(-3, 5)": NUMBERS, "np.clip(x, -3, 5)": NUMBERS, "x.mean()": ALL,
    "np.mean(x, axis=0)": ALL, "np.logical_not(x)": BITS, "len(x)": ALL, "x.size": ALL, "x.ndim": ALL, "np.shape(x)": ALL,
}  # fmt: skip
BINARY = {
    "x + y": NUMBERS, "x - y": NUMBERS, "x * y": NUMBERS, "x @ y": NUMBERS, "x < y": ALL, "x <= y": ALL, "x > y": ALL, "x >= y": ALL,
    "x == y": ALL, "x != y": ALL, "x & y": ("int64", "bool"), "x | y": ("int64", "bool"), "x ^ y": ("int64", "bool"),
    "np.minimum(x, y)": ALL, "np.maximum(x, y)": ALL, "np.where(x < y, x, y)": ALL, "np.where(x < y, y, 0)": ALL,
    "np.logical_and(x, y)": BITS, "np.logical_or(x, y)": BITS, "np.logical_xor(x, y)": BITS,
}  # fmt: skip


@pytest.fixture(scope="module")
def parties():
    with Coordinator(["alice", "bob", "carol"], launcher="inline") as coordinator:
        yield coordinator


def values(shape, dtype, seed):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    integers = rng.integers(-40, 40, shape)
    return np.asarray(integers if dtype == "int64" else integers / 8)


def on_plain(term, **names):
    """numpy's answer, or None where it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.asarray(eval(term, {"np": np, **names}))
        except (ValueError, TypeError, IndexError, AttributeError):
            return None


def on_secrets(parties, terms, secret, public, protocol):
    """The revealed result of every term, in one cell; a Misuse error as text, where that is the answer."""
    owners = dict(zip("xy", ("alice", "bob"), strict=True))
    lines = [f'{name} = mpc.input("{name}", owner="{owners[name]}")' for name in secret]
    lines += [f"{name} = np.array({v.tolist()!r}, dtype='{v.dtype}').reshape({v.shape})" for name, v in public.items()]
    lines.append("def shown(term):\n    r = term()\n    return mpc.reveal(r) if hasattr(r, 'share') else np.asarray(r)")
    lines += [f"r{k} = shown(lambda: {term})" for k, term in enumerate(terms)]
    inputs = {"xy".index(name): {name: v} for name, v in secret.items()}
    outputs = parties.run(Cell("\n".join(lines), protocol=protocol, inputs=inputs)).outputs
    return [np.asarray(outputs[f"r{k}"]) for k in range(len(terms))]


def compare(expected, actual, term):
    assert expected.shape == actual.shape, term
    if expected.dtype.kind == "f" or actual.dtype.kind == "f":
        np.testing.assert_allclose(actual, expected, rtol=1e-7, atol=UNIT, err_msg=term)
    else:
        np.testing.assert_array_equal(actual, expected, err_msg=term)
        assert expected.dtype == actual.dtype, term


@pytest.mark.parametrize("protocol", ["clear", "replicated"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ALL)
def test_functions_of_one_array_are_numpys(protocol, shape, dtype, parties):
    x = values(shape, dtype, 3)
    empty = "mean", "min", "max"  # of nothing: numpy warns or raises, we raise
    terms = [t for t, kinds in UNARY.items() if dtype in kinds and on_plain(t, x=x) is not None]
    terms = [t for t in terms if not (shape == () and "axis" in t) and not (x.size == 0 and any(word in t for word in empty))]
    for term, actual in zip(terms, on_secrets(parties, terms, {"x": x}, {}, protocol), strict=True):
        compare(on_plain(term, x=x), actual, term)


@pytest.mark.parametrize("secret", ["xy", "x", "y"])
@pytest.mark.parametrize("shapes", PAIRS, ids=str)
@pytest.mark.parametrize("dtypes", [*((d, d) for d in ALL), ("int64", "fixed"), ("int64", "bool"), ("fixed", "bool")], ids="-".join)
def test_operators_of_two_arrays_are_numpys_with_public_and_secret_operands(secret, shapes, dtypes, parties):
    given = {name: values(shape, dtype, seed) for seed, (name, shape, dtype) in enumerate(zip("xy", shapes, dtypes, strict=True))}
    mixed = dtypes[0] != dtypes[1]  # then bits count as numbers, but & | ^ want two of one kind
    terms = [t for t, kinds in BINARY.items() if (kinds in (ALL, NUMBERS) if mixed else dtypes[0] in kinds)]
    terms = [t for t in terms if on_plain(t, **given) is not None]
    public = {name: value for name, value in given.items() if name not in secret}
    for protocol in ("clear", "replicated"):
        results = on_secrets(parties, terms, {name: given[name] for name in secret}, public, protocol)
        for term, actual in zip(terms, results, strict=True):
            compare(on_plain(term, **given), actual, term)


@pytest.mark.parametrize("public", [np.array([200, 3], np.uint8), np.array([-128, 127], np.int8), np.array([2**62, 1], np.uint64)], ids=str)
def test_public_operands_of_small_and_unsigned_types_do_not_wrap_around(public, parties):
    x = np.array([5, -5])
    for term in ("x - y", "y - x", "x + y", "x < y", "y >= x", "x == y"):
        [actual] = on_secrets(parties, [term], {"x": x}, {"y": public}, "clear")
        np.testing.assert_array_equal(eval(term, {"x": x, "y": public.astype(np.int64)}), actual)


def test_bits_count_when_they_are_added(parties):
    x = np.array([True, True, False])
    terms = ["x + x", "x @ x", "x * 2", "x.prod()", "1 - x"]
    expected = [[2, 2, 0], 2, [2, 2, 0], 0, [0, 0, 1]]
    for want, got in zip(expected, on_secrets(parties, terms, {"x": x}, {}, "replicated"), strict=True):
        assert want == got.tolist()


def test_remainders_of_binary_words_cost_nothing(parties):
    text = 'x = mpc.input("x", owner="alice") & -1\nr = mpc.reveal(x % 8)'
    result = parties.run(Cell(text, inputs={0: {"x": np.array([-9, 13])}}))
    assert [7, 5] == result.outputs["r"].tolist()
    assert {"input", "to_binary", "reveal"} >= {span.name for span in result.trace.spans if span.name not in ("and", "remainder")}


@pytest.mark.parametrize(
    ("term", "complaint"),
    [
        ("x // 3", "power of two"),
        ("x % 0", "power of two"),
        ("x % 2**63", "power of two"),
        ("5 % x", "% by a secret"),
        ("np.logical_not(x)", "takes bits"),
        ("np.logical_and(x, True)", "takes bits"),
        ("x & 1.5", "got fixed and int64"),
        ("x | np.array([True])", "& takes two arrays of bits"),
        ("x[3]", "out of bounds for axis 0 with size 3"),
        ("x[np.array([0, 7])]", "out of bounds for axis 0 with size 3"),
        ("x[x]", "index must be public"),
        ("np.take(np.arange(3), x)", "cannot become an ndarray"),
        ("np.arange(3)[x]", "cannot become an ndarray"),
        ("(x > 1).any(axis=1)", "axis 1 is out of range"),
        ("np.add.reduce(x)", "np.add.reduce does not work"),
        ("np.exp(x)", "np.exp does not work on secrets. What works"),
        ("x.sort()", "has no `sort`. What works"),
        ("x += 'a'", "is text"),
        ("x - 2**70", "integers"),
        ("x.argsort", "has no `argsort`. What works"),
    ],
)
def test_what_has_no_meaning_on_secrets_says_what_works(term, complaint, parties):
    with pytest.raises(RampError, match=complaint):
        parties.run(Cell(f'x = mpc.input("x", owner="alice")\n{"" if "+=" in term else "y = "}{term}', inputs={0: {"x": np.arange(3)}}))


def test_rings_wrap_without_a_warning_in_parallel_branches_too(parties):
    text = 'x = mpc.input("x", owner="alice")\ny = mpc.parallel(lambda: x * x, lambda: x * x * x)\nz = [mpc.reveal(v) for v in y]'
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert [9, 27] == parties.run(Cell(text, inputs={0: {"x": 3}})).outputs["z"]
    assert [] == [str(warning.message) for warning in seen]
