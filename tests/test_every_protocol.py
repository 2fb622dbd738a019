"""Primitives of every protocol against numpy, and everything that a secret refuses."""

import re

import numpy as np
import pytest

from ramp_notebook import registry
from ramp_notebook.runtime.cell import Cell
from ramp_notebook.runtime.coordinator import Coordinator
from ramp_notebook.secret.array import REFUSALS
from ramp_notebook.testing.conformance import party_count, quickest_source

PROTOCOLS = list(registry.protocols)
SHAPES = [((), ()), ((0,), (0,)), ((1,), (1,)), ((3, 1), (1, 4)), ((5,), ()), ((2, 3, 4), (3, 4))]


@pytest.fixture(scope="module")
def parties():
    with Coordinator(["alice", "bob", "carol"], launcher="inline") as coordinator:
        yield coordinator


def wraps(protocol):
    """Does it compute modulo 2**64, as numpy's int64 does?"""
    return registry.protocols[protocol].largest == 2**63 - 1


def numbers(shape, seed, large):
    values = np.random.default_rng(seed).integers(-large, large, shape, endpoint=True)
    return values if shape else int(values)


@pytest.fixture(scope="module")
def pair():
    with Coordinator(["alice", "bob"], launcher="inline") as coordinator:
        yield coordinator


@pytest.fixture(scope="module")
def four():
    with Coordinator(["alice", "bob", "carol", "dave"], launcher="inline") as coordinator:
        yield coordinator


@pytest.fixture
def fitting(protocol, pair, parties, four):
    """As many parties as the protocol runs with."""
    return {2: pair, 3: parties, 4: four}[party_count(protocol)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_operators_are_numpys(protocol, left, right, fitting):
    large = registry.protocols[protocol].comfortable() - 1
    values = {"x": numbers(left, 1, large), "y": numbers(right, 2, large)}
    growing = large if wraps(protocol) else 2 ** (large.bit_length() // 2) - 1  # where nothing wraps, products must fit
    values |= {"u": numbers(left, 3, growing), "v": numbers(right, 4, growing)}
    text = 'x, u, y, v = *(mpc.input(k, owner="alice") for k in "xu"), *(mpc.input(k, owner="bob") for k in "yv")\n'
    terms = [
        "x + y",
        "x - y",
        "u * v",
        "x < y",
        "x == y",
        "x & y",
        "x | y",
        "x ^ y",
        "~x",
        "-x",
        "u << 3",
        "x >> 5",
        "x // 8",
        "x + 3",
        "5 - x",
        "u * 7",
    ]
    text += "\n".join(f"r{k} = mpc.reveal({term})" for k, term in enumerate(terms))
    outputs = fitting.run(Cell(text, protocol=protocol, preprocessing=quickest_source(protocol), inputs={0: {k: values[k] for k in "xu"}, 1: {k: values[k] for k in "yv"}})).outputs
    with np.errstate(over="ignore"):
        for k, term in enumerate(terms):
            expected = eval(term, {name: np.int64(value) if np.shape(value) == () else value for name, value in values.items()})
            np.testing.assert_array_equal(outputs[f"r{k}"], expected, err_msg=term)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_fixed_point_products_round_to_nearest(protocol, fitting):
    x, y = np.array([1.5, -2.25, 100.125, 0.0, -0.5]), np.array([2.0, 4.0, -3.0, 5.0, 0.5])
    text = 'x, y = mpc.input("x", owner="alice"), mpc.input("y", owner="bob")\nz = mpc.reveal(x * y); w = mpc.reveal(x * 0.5)'
    outputs = fitting.run(Cell(text, protocol=protocol, preprocessing=quickest_source(protocol), inputs={0: {"x": x}, 1: {"y": y}})).outputs
    np.testing.assert_array_equal(outputs["z"], x * y)
    np.testing.assert_array_equal(outputs["w"], x * 0.5)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_full_range_comparisons_are_exact(protocol, fitting):
    low, high = registry.protocols[protocol].smallest, registry.protocols[protocol].largest
    x, y = np.array([high, low, 0, -1, high]), np.array([low, high, high, low, high])
    text = 'x = mpc.input("x", owner="alice", full_range=True)\ny = mpc.input("y", owner="bob", full_range=True)\nz = mpc.reveal(x < y)'
    assert np.array_equal(x < y, fitting.run(Cell(text, protocol=protocol, preprocessing=quickest_source(protocol), inputs={0: {"x": x}, 1: {"y": y}})).outputs["z"])


ASKED = {
    "__bool__": "bool(x)", "__int__": "int(x)", "__float__": "float(x)", "__complex__": "complex(x)", "__index__": "range(3)[x]",
    "__hash__": "hash(x)", "__contains__": "1 in x", "__format__": "f'{x:d}'", "__round__": "round(x)", "__trunc__": "__import__('math').trunc(x)",
    "__floor__": "__import__('math').floor(x)", "__ceil__": "__import__('math').ceil(x)", "__divmod__": "divmod(x, 2)",
    "__rdivmod__": "divmod(2, x)", "__mod__": "x % 2", "__rmod__": "2 % x", "__truediv__": "x / 2", "__rtruediv__": "2 / x",
    "__rfloordiv__": "2 // x", "__pow__": "x ** 2", "__rpow__": "2 ** x", "__setitem__": "x.__setitem__(0, 1)", "__delitem__": "x.__delitem__(0)",
    "__array__": "np.asarray(x)", "__reduce_ex__": "__import__('pickle').dumps(x)", "__buffer__": "x.__buffer__(0)", "__bytes__": "bytes(x)",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_a_secret_refuses_what_would_show_it(name, parties):
    with pytest.raises(TypeError):
        parties.run(Cell(f'x = mpc.input("x", owner="alice")\nz = {ASKED[name]}', inputs={0: {"x": 5}}))


def test_every_special_method_of_a_number_or_array_is_decided():
    """A method that ints, floats or ndarrays have is either supported, or refused with advice: none is forgotten."""
    from ramp_notebook import SecretArray

    harmless = {
        "__class__", "__delattr__", "__dir__", "__doc__", "__eq__", "__ge__", "__getattribute__", "__getnewargs__", "__gt__", "__init__",
        "__init_subclass__", "__le__", "__lt__", "__ne__", "__new__", "__reduce__", "__repr__", "__setattr__", "__sizeof__", "__str__",
        "__subclasshook__", "__pos__", "__getstate__", "__getformat__", "__setstate__", "__copy__", "__deepcopy__", "__class_getitem__",
        "__dlpack__", "__dlpack_device__", "__array_finalize__", "__array_interface__", "__array_priority__", "__array_struct__",
        "__array_wrap__", "__array_namespace__", "__iadd__", "__iand__", "__ifloordiv__", "__ilshift__", "__imatmul__", "__imod__",
        "__imul__", "__ior__", "__ipow__", "__irshift__", "__isub__", "__itruediv__", "__ixor__", "__release_buffer__", "__set_format__",
    }  # fmt: skip
    wanted = {n for kind in (int, float, np.ndarray) for n in dir(kind) if n.startswith("__")} - harmless
    missing = {name for name in wanted if not hasattr(SecretArray, name) and getattr(SecretArray, name, 0) == 0 and name != "__hash__"}
    assert set() == missing


def test_unsupported_numpy_functions_say_what_works(parties):
    with pytest.raises(TypeError, match="What works"):
        parties.run(Cell('x = mpc.input("x", owner="alice")\nz = np.linalg.inv(x)', inputs={0: {"x": np.eye(2)}}))


def test_the_wrong_number_of_parties_says_what_fits():
    with Coordinator(["alice", "bob"], launcher="inline") as two, pytest.raises(Exception, match="exactly three parties.*additive or garbled"):
        two.run(Cell("z = 1"))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 64])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_takes_some_numbers_of_parties_and_names_others_for_the_rest(protocol, count):
    cls = registry.protocols[protocol]
    if cls.fits(count):
        cls.check_parties(count)
        return
    fitting = [name for name in PROTOCOLS if name != "clear" and registry.protocols[name].fits(count)]
    with pytest.raises(ValueError, match=" or ".join(fitting) or "no protocol that protects anything") as caught:
        cls.check_parties(count)
    example = re.search(r"Take --parties (\d+),", str(caught.value))
    assert example is not None
    assert cls.fits(int(example[1]))
