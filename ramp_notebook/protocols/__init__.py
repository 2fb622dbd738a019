"""Sharing schemes, each in a file of its own, with the circuits they need themselves."""

from . import additive, clear, garbled, replicated, replicated_malicious, shamir

__all__ = ["additive", "clear", "garbled", "replicated", "replicated_malicious", "shamir"]
