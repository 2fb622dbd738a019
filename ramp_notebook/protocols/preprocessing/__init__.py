"""Correlated randomness made by the parties themselves: oblivious transfer, and what protocols spend that is made from it.

`softspoken` and `ferret` are engines of one interface (`engine.py`); `correlations` turns their output into triples and daBits.
Engines outlive cells and take the `Context` of the running cell per call.
"""
