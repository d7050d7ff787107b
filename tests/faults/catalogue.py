"""What is shown for each bad input, collected by the tests that give it, as the page docs/errors.md."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

WRITES = bool(os.environ.get("PENSTOCK_TEST_WRITE"))
PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
HEAD = """# What is shown when something is wrong

Each line is what a test gave and what it was shown, word for word; only ports, ids and folders are replaced.
Written by `PENSTOCK_TEST_WRITE=1 pytest tests/faults/test_bad_input.py tests/faults/test_full_disk.py
tests/faults/test_shown_page.py`; without the variable each of these tests looks for what it was shown.
"""
MOST = 700
"""Characters of a message that the page shows."""


@dataclass
class Catalogue:
    """Inputs and messages by section, in the order of the tests."""

    replaced: Mapping[str, str]
    """Patterns of what differs from run to run, and what the page has in their place."""
    shown: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def note(self, section: str, given: str, message: str) -> None:
        """Keeps what was shown for an input; the page must have it, unless it is to be written."""
        given, message = self._steady(given), self._steady(message.strip())
        self.shown[section][given] = message
        assert WRITES or _entry(given, message) in PAGE.read_text(), f"{PAGE.name} lacks this: {given}: {message}"

    @property
    def count(self) -> int:
        """How many entries there are."""
        return sum(map(len, self.shown.values()))

    def page(self) -> str:
        """The whole page."""
        return "\n".join([HEAD, *(self._section(title, entries) for title, entries in self.shown.items())])

    def _section(self, title: str, entries: Mapping[str, str]) -> str:
        return "\n".join([f"## {title}", "", *(_entry(given, message) for given, message in entries.items())])

    def _steady(self, text: str) -> str:
        for pattern, word in self.replaced.items():
            text = re.sub(pattern, word, text)
        return text if len(text) <= MOST else f"{text[:MOST]}..."


def _entry(given: str, message: str) -> str:
    return f"`{given}`\n\n```text\n{message}\n```\n"
