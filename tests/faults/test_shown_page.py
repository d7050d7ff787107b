"""docs/errors.md has what `test_bad_input` and `test_full_disk` were shown, and nothing else."""

from __future__ import annotations

from tests.faults.catalogue import PAGE, WRITES, Catalogue

ENTRIES = 65
"""How many those tests make; each of them looks for its own on the page."""


def test_page_has_no_more_than_what_is_shown(seen: Catalogue) -> None:
    if WRITES:
        assert seen.count == ENTRIES, "run the tests before this one in the same process"
        PAGE.write_text(seen.page())
    assert PAGE.read_text().count("```text") == ENTRIES
