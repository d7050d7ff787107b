"""docs/errors.md is what the tests before this one were shown (`test_bad_input`, `test_full_disk`)."""

from __future__ import annotations

import os

import pytest

from tests.faults.catalogue import PAGE, Catalogue

ENTRIES = 65
"""How many there are when all tests that fill the page have run."""


def test_page_lists_what_is_shown(seen: Catalogue) -> None:
    if seen.count < ENTRIES:
        pytest.skip(f"only {seen.count} of {ENTRIES} entries were made: run all of tests/faults")
    if os.environ.get("PENSTOCK_TEST_WRITE"):
        PAGE.write_text(seen.page())
    assert PAGE.read_text() == seen.page()
