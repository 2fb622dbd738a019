"""Exact views are worth what they catch: each planted bug is run in one case, with the bug and without, and all are counted."""

from privacy import (
    test_exact_conversions_additive,
    test_exact_truncation_replicated,
    test_exact_views,
    test_exact_views_additive,
    test_exact_views_four,
    test_exact_views_garbled,
    test_exact_views_malicious,
)

from ramp_notebook.testing.views import LeakError

FEWEST = 31  # the README says that there are more than 30
TESTS = (
    test_exact_views,
    test_exact_views_additive,
    test_exact_conversions_additive,
    test_exact_truncation_replicated,
    test_exact_views_garbled,
    test_exact_views_malicious,
    test_exact_views_four,
)


def first_cases():
    """Of each bug the first case that it is planted in, which is its smallest, and what looks at it."""
    cases = {}
    for module in TESTS:
        for bug, *case in module.PLANTED:
            cases.setdefault(bug, (module.look_at, case))
    return cases.items()


def leaks(look_at, protocol, case):
    try:
        look_at(protocol, *case)
    except LeakError:
        return True
    return False


def test_every_planted_bug_is_caught_where_the_protocol_without_it_is_not_and_they_are_more_than_thirty():
    """One that is planted in several protocols under one name counts once."""
    caught = set()
    for bug, (look_at, case) in first_cases():
        sound = bug.__mro__[1]
        assert leaks(look_at, bug, case), f"{bug.__name__} is missed: {bug.__doc__}"
        assert not leaks(look_at, sound, case), f"{sound.__name__} is said to leak where {bug.__name__} does"
        caught.add(bug.__name__)
    assert len(caught) >= FEWEST, f"{len(caught)} different bugs are caught; at least {FEWEST} must be"
