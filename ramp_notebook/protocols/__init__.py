"""Sharing schemes, each in a file of its own, with the circuits they need themselves."""

from . import additive, clear, fantastic_four, garbled, replicated, replicated_malicious, shamir, spdz2k

__all__ = ["additive", "clear", "fantastic_four", "garbled", "replicated", "replicated_malicious", "shamir", "spdz2k"]
