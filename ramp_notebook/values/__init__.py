"""Rings, packed bits, encodings, key streams and shape-only arrays: numbers without a protocol."""
