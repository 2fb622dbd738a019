"""IPv4 addresses between text and integers, and the first bad one named."""

import ipaddress

import numpy as np
import pytest
from ramp_notebook.gadgets import int_to_ipv4, ipv4_to_int

from ramp_notebook.errors import MisuseValueError


def test_there_and_back():
    numbers = np.random.default_rng(4).integers(0, 2**32, (40, 5))
    texts = int_to_ipv4(numbers)
    assert [str(ipaddress.ip_address(int(n))) for n in numbers.ravel()] == texts.ravel().tolist()
    np.testing.assert_array_equal(numbers, ipv4_to_int(texts))


@pytest.mark.parametrize("empty", [[], np.array([], dtype="U15")])
def test_no_address_is_no_number(empty):
    assert (0,) == ipv4_to_int(empty).shape == int_to_ipv4([]).shape
    assert np.int64 == ipv4_to_int(empty).dtype


BAD = [
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.-4",
    "1.2.3.4/24",
    "",
    " ",
    "1.2.3. 4",
    "::1",
    "a.b.c.d",
    "１.2.3.4",
    "1.2.3.٤",
    "1.2.3.4\0",
    "münchen",
]


@pytest.mark.parametrize("bad", BAD)
def test_the_first_bad_address_is_named_with_its_place(bad):
    with pytest.raises(MisuseValueError, match="item 1 is not an IPv4 address") as caught:
        ipv4_to_int(["1.2.3.4", bad, "also bad"])
    assert len(bad) < 5 or bad not in str(caught.value)


def test_columns_of_python_strings_are_text_too():
    assert [1, 2] == ipv4_to_int(np.array(["0.0.0.1", "0.0.0.2"], dtype=object)).tolist()


@pytest.mark.parametrize("value", [[1, 2], [b"1.2.3.4"], [None], {"1.2.3.4"}, [["1.2.3.4"], []]])
def test_what_is_not_text_is_refused(value):
    with pytest.raises(MisuseValueError, match="IPv4 addresses as text"):
        ipv4_to_int(value)


@pytest.mark.parametrize("value", [[-1], [2**32], [1.5], ["1"]])
def test_integers_that_are_no_address_are_refused(value):
    with pytest.raises(MisuseValueError, match="from 0 to"):
        int_to_ipv4(value)
