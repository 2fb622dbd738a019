"""Parties' processes hold nothing of each other's data; and the search that says so finds what is there."""

import os

import pytest

from ramp_notebook.runtime.separation import Separation, forms, search, verify_separation

pytestmark = pytest.mark.process
NAMES = ("alice", "bob", "carol")


def test_parties_are_separate_and_the_forked_control_is_not():
    seen = verify_separation(NAMES, "replicated")
    assert seen.separate, seen.text()
    assert all(count > 0 for count in seen.control.values())
    assert seen.text().endswith("separate")


@pytest.mark.parametrize(("protocol", "names"), [("garbled", NAMES[:2]), ("shamir", NAMES)])
def test_parties_are_separate_under_every_way_to_share(protocol, names):
    seen = verify_separation(names, protocol)
    assert seen.separate, seen.text()
    assert set(seen.found) == {*names, "control"}


def test_a_protocol_that_sends_inputs_to_all_is_found_out():
    seen = verify_separation(NAMES, "clear")
    assert not seen.separate
    assert "holds its own and 2 of bob's" in seen.text()


def test_a_search_that_misses_the_control_verifies_nothing():
    nothing = {name: {other: int(name == other) for other in NAMES} for name in NAMES}
    seen = Separation(NAMES, {**nothing, "control": dict.fromkeys(NAMES, 0)}, 0)
    assert seen.blind
    assert not seen.separate
    assert seen.text().endswith("NOT VERIFIED")


def test_every_form_of_a_number_is_found_in_memory():
    number = int.from_bytes(os.urandom(7), "big") | 1 << 58
    held = [bytes(bytearray(form)) for form in forms(number)]
    found, searched = search(os.getpid(), {"me": held})
    assert found == {"me": len(set(held))}
    assert searched > 1 << 20
