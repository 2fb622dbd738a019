"""Checks offered to authors and users: costs that a test can pin down, and plans compared with measurements."""

from .cost import assert_cost
from .events import assert_same_events

__all__ = ["assert_cost", "assert_same_events"]
