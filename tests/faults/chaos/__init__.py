"""Chaos: workers and servers are killed and frozen and connections cut, at random, while runs of all kinds are made.

`python -m tests.faults.chaos` runs it in full on both databases; `tests/faults/test_chaos.py` is the short version.
"""
