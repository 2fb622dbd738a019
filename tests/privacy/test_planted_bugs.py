"""Tests of privacy are worth what they catch: enough different bugs are planted in them, under every scheme they look at."""

from privacy import (
    test_exact_conversions_additive,
    test_exact_truncation_replicated,
    test_exact_views,
    test_exact_views_additive,
    test_exact_views_four,
)

FEWEST = 12
TESTS = (test_exact_views, test_exact_views_additive, test_exact_conversions_additive, test_exact_truncation_replicated, test_exact_views_four)


def test_at_least_twelve_different_bugs_are_planted_in_exact_views_and_each_is_caught():
    """Each pair in `PLANTED` is a test of its own, which fails if the bug is not caught."""
    planted = {bug for module in TESTS for bug, *_ in module.PLANTED}
    assert all(bug.__doc__ and bug.__mro__[1] is not object for bug in planted)
    assert len(planted) >= FEWEST, f"{len(planted)} different bugs are planted; at least {FEWEST} must be"
