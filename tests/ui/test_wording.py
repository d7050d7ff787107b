"""Lengths of time as the pages say them."""

from __future__ import annotations

import pytest

from penstock.ui.wording import seconds


@pytest.mark.parametrize(
    ("length", "words", "short"),
    [
        (0.2496, "250 ms", "0 s"),
        (0.9996, "1.0 s", "1 s"),
        (3.24, "3.2 s", "3 s"),
        (9.96, "10 s", "10 s"),
        (59.7, "1 min", "1 min"),
        (250, "4 min 10 s", "4 min"),
        (7199.9, "2 h", "2 h"),
        (90_061, "1 d 1 h", "1 d"),
    ],
)
def test_a_length_is_said_in_its_two_largest_units(length: float, words: str, short: str) -> None:
    assert seconds(length) == words
    assert seconds(length, short=True) == short
