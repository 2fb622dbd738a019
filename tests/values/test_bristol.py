"""Bristol Fashion texts: every kind of gate, and every way in which a file can be wrong, with its line."""

import re

import netlists
import numpy as np
import pytest

from ramp_notebook.errors import MisuseTypeError, MisuseValueError
from ramp_notebook.values import bristol


def test_a_text_with_every_kind_of_gate_is_read():
    text = "6 12\n2 1 3\n2 1 2\n\n2 1 0 1 4 XOR\n1 1 4 5 INV\n1 1 1 6 EQ\n4 2 0 1 5 6 7 8 MAND\n1 1 6 9 EQW\n4 2 7 8 4 9 10 11 MAND\n"
    circuit = bristol.parse(text)
    assert ((1, 3), [1, 2], 4, 2) == (circuit.inputs, [len(o) for o in circuit.outputs], circuit.and_count, circuit.and_depth)


def test_blank_lines_blanks_and_carriage_returns_do_not_matter():
    text = netlists.adder(3)
    spaced = text.replace("\n", " \r\n\r\n").replace(" ", "  ")
    assert bristol.parse(text).and_count == bristol.parse(spaced).and_count


HEAD = "1 3\n1 2\n1 1\n"
BAD = {
    "nothing": ("", "line 0: expected a line `gates wires`"),
    "words": ("one two\n", "line 1: expected a number"),
    "one number": ("1\n", "line 1: expected a line `gates wires`"),
    "no inputs": ("1 3\n", "expected a line `count widths… of the inputs`"),
    "negative": ("-1 3\n1 2\n1 1\n", "line 1: expected a number"),
    "huge": (f"1 {'9' * 5000}\n1 2\n1 1\n", "line 1: expected a number"),
    "too many wires": ("1 9999999\n1 2\n1 1\n", "line 1: expected at most 1048576 wires"),
    "more gates than wires": ("9 3\n1 2\n1 1\n", "line 1: .*no more gates than wires"),
    "other digits": ("１ 3\n1 2\n1 1\n", "line 1: expected a number"),
    "older format": ("1 3\n1 1 1\n\n2 1 0 1 2 AND\n", "line 2: expected 1 input widths; got 2 .*older Bristol"),
    "a width of 0": ("1 3\n1 0\n1 1\n", "line 2: expected input widths from 1 to 3"),
    "a width beyond the wires": ("1 3\n1 4\n1 1\n", "line 2: expected input widths"),
    "outputs that are inputs": ("0 2\n1 2\n1 1\n", "line 3: expected inputs and outputs on wires of their own"),
    "an unknown gate": (HEAD + "2 1 0 1 2 OR\n", "line 4: expected a gate XOR, AND"),
    "a short line": (HEAD + "2 1\n", "line 4: expected a gate XOR, AND"),
    "a kind alone": (HEAD + "AND\n", "line 4: "),
    "too few operands": (HEAD + "2 1 0 2 AND\n", "line 4: expected AND as `2 1 wires… AND`"),
    "a wrong count": (HEAD + "3 1 0 1 2 AND\n", "line 4: expected AND as `2 1 wires… AND`"),
    "an odd MAND": (HEAD + "3 1 0 1 1 2 MAND\n", "line 4: expected MAND as `2 1 wires… MAND`"),
    "a MAND of none": (HEAD + "0 0 MAND\n", "line 4: "),
    "a wire too high": (HEAD + "2 1 0 9 2 AND\n", "line 4: expected a number from 0 to 2"),
    "a wire below zero": (HEAD + "2 1 0 -1 2 AND\n", "line 4: expected a number from 0 to 2"),
    "a wire read before it is set": (HEAD + "2 1 0 2 2 AND\n", "line 4: expected wires set before they are read"),
    "a cycle": ("2 4\n1 2\n1 1\n2 1 0 3 2 XOR\n2 1 2 1 3 XOR\n", "line 4: expected wires set before they are read; got wire 3"),
    "an input set": (HEAD + "2 1 0 1 1 AND\n", "line 4: expected every wire set once; got wire 1"),
    "a wire set twice": ("2 4\n1 2\n1 1\n2 1 0 1 3 AND\n2 1 0 1 3 XOR\n", "line 5: expected every wire set once"),
    "a constant of 2": (HEAD + "1 1 2 2 EQ\n", "line 4: expected a number from 0 to 1"),
    "a gate too many": (HEAD + "1 1 0 2 INV\n1 1 0 2 INV\n", "line 5: expected 1 gates, as line 1 says; got one more"),
    "a gate too few": ("2 4\n1 2\n1 1\n1 1 0 3 INV\n", "line 4: expected 2 gates, as line 1 says; got 1 before the end"),
    "a wire that nothing sets": ("1 4\n1 2\n1 1\n1 1 0 3 INV\n", "expected a gate that sets every wire; got none that sets wire 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_text_is_refused_with_its_line(name):
    text, complaint = BAD[name]
    with pytest.raises(MisuseValueError, match=complaint):
        bristol.parse(text)


def test_every_cut_of_a_text_is_refused():
    text = netlists.adder(2)
    lines = text.splitlines(keepends=True)
    for kept in range(len(lines)):
        with pytest.raises(MisuseValueError, match=r"circuit, line \d+: expected"):
            bristol.parse("".join(lines[:kept]))


def test_any_word_replaced_is_refused_or_still_a_circuit():
    rng = np.random.default_rng(0)
    words = re.split(r"(\s+)", netlists.random(rng, 20))
    for position in range(0, len(words) - 1, 2):
        for bad in ("999999999", "x", "", "0"):
            try:
                bristol.parse("".join([*words[:position], bad, *words[position + 1 :]]))
            except MisuseValueError:
                continue
            assert bad == "0"  # another wire, or a count that was 0


def test_only_text_of_bounded_size_is_read(monkeypatch):
    with pytest.raises(MisuseTypeError, match="is text"):
        bristol.parse(b"1 3")
    monkeypatch.setattr(bristol, "MAX_BYTES", 10)
    with pytest.raises(MisuseValueError, match="at most 10 bytes"):
        bristol.parse("1 3\n1 2\n1 1\n\n2 1 0 1 2 AND\n")
