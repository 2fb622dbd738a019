"""Options: given over sticky over default, each checked in one line that says what it takes."""

import pytest

from ramp_notebook.errors import OptionError
from ramp_notebook.runtime.options import DEFAULTS, OPTIONS, STICKY, check, check_sticky, party_names, without_comment, wrong_option


def test_what_is_given_stands_over_what_is_sticky_and_that_over_the_defaults() -> None:
    options = check({"protocol": "clear", "timeout": None}, {"parties": "2", "protocol": "replicated", "timeout": "9"})
    assert (("alice", "bob"), "clear", "local", 9.0) == (options.parties, options.protocol, options.launcher, options.timeout)


def test_every_option_has_a_help_line_and_no_default_of_its_own() -> None:
    for flags, keywords in OPTIONS:
        assert keywords["help"], flags
        assert keywords.get("default") is None
    assert DEFAULTS.keys() <= set(STICKY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ips@alice=1_000_000", ("ips", "alice", (1_000_000,), "")),
        ("table@bob=1000x20:fixed", ("table", "bob", (1000, 20), "fixed")),
        ("none@bob=0:bool", ("none", "bob", (0,), "bool")),
        ("names@carol=5:text", ("names", "carol", (5,), "text")),
    ],
)
def test_shapes_have_sizes_and_a_type(text: str, expected: object) -> None:
    assert (expected,) == check({"shape": [text]}, {}).shapes


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"shape": ["x@alice=5:float"]}, "no type 'float'; there are: int64, fixed, bool, text"),
        ({"shape": ["x@alice=5:"]}, "no type ''"),
        ({"shape": ["x@alice=-1"]}, "takes NAME@PARTY=N"),
        ({"shape": ["x@alice"]}, "takes NAME@PARTY=N"),
        ({"shape": ["x@eve=5"]}, "no party 'eve'"),
        ({"input": ["2x@alice"]}, "takes NAME@PARTY, e.g. salary@alice"),
        ({"parties": "0"}, "1 to 1000"),
        ({"parties": "alice,b b"}, "'b b' is not a name"),
        ({"timeout": "-1"}, "number of seconds"),
        ({"timeout": "inf"}, "number of seconds"),
        ({"seed": "abc"}, "even number of hexadecimal digits"),
        ({"network": "lam"}, "--network"),
        ({"charts": "timeline,pie"}, "no chart 'pie'"),
        ({"launcher": "inlin"}, "Did you mean inline"),
        ({"protocol": "additive", "preprocessing": "ot:k=3"}, "'ot:k=3' sets nothing.*ot:k=1, ot:k=2, ot:k=4, ot:k=8"),
        ({"protocol": "additive", "preprocessing": "silent:k=4"}, "'silent:k=4' sets nothing"),
        ({"protocol": "additive", "preprocessing": "silnt"}, "there are: auto, ot, silent, dealer. Did you mean silent"),
        ({"protocol": "garbled", "preprocessing": "dealer"}, "`garbled` takes ot or silent; `dealer` cannot"),
        ({"protocol": "garbled", "store": "stock"}, "means nothing under --protocol garbled"),
        ({"protocol": "additive", "garbling": "half-gates"}, "means nothing under --protocol additive"),
        ({"protocol": "garbled", "garbling": "halfgates"}, "no scheme 'halfgates'; there are: half-gates, three-halves"),
    ],
)
def test_bad_values_are_named_in_one_line(given: dict[str, object], complaint: str) -> None:
    with pytest.raises(OptionError, match=complaint) as caught:
        check(given, {})
    assert "\n" not in str(caught.value)


def test_parties_by_number_and_by_name() -> None:
    assert ("alice", "bob", "carol") == party_names("3")
    assert ("ann", "ben") == party_names(" ann, ben")
    assert 50 == len(set(party_names("50")))


def test_where_randomness_comes_from_may_be_settled_before_a_protocol_needs_it():
    assert "silent" == check_sticky("preprocessing", "silent")
    assert "replicated" == check({}, {"preprocessing": "dealer", "store": "stock"}).protocol
    assert "dealer" == check({"protocol": "additive"}, {"preprocessing": "dealer"}).preprocessing
    for option in ({"preprocessing": "dealer"}, {"store": "stock"}):
        with pytest.raises(OptionError, match="means nothing under --protocol replicated"):
            check(option, {})


def test_what_is_usual_has_one_name() -> None:
    given = ("ot:k=4", "ot", "ot:k=2", "auto")
    assert ["ot", "ot", "ot:k=2", "auto"] == [check({"protocol": "garbled", "preprocessing": name}, {}).preprocessing for name in given]


def test_sticky_values_are_checked_when_they_are_set() -> None:
    assert check_sticky("quiet", "True") is True
    with pytest.raises(OptionError, match="true or false"):
        check_sticky("quiet", "yes")
    with pytest.raises(OptionError, match="Did you mean clear"):
        check_sticky("protocol", "cleer")


def test_a_mistyped_option_is_told_the_right_one() -> None:
    assert "%%mpc: unknown; did you mean --protocol?" == str(wrong_option("unknown", ["--protokol=clear"]))
    assert "%%mpc: unknown" == str(wrong_option("unknown", ["x"]))


@pytest.mark.parametrize(("line", "expected"), [("# all", ""), ("alice # x", "alice"), ("--seed 0# 1", "--seed 0# 1"), ("a\t#b", "a")])
def test_comments_begin_after_a_space(line: str, expected: str) -> None:
    assert expected == without_comment(line)
