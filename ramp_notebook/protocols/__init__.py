"""Sharing schemes, each in a file of its own, with the circuits they need themselves."""

from . import clear, replicated, shamir

__all__ = ["clear", "replicated", "shamir"]
