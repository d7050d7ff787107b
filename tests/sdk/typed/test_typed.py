"""Flow code that is typed strictly checks, with the types its author expects, and mistakes are found."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PIPELINE = Path(__file__).parent / "project" / "pipeline.py"
MISTAKES = PIPELINE.with_name("mistakes.txt")
"""A module, by another ending, so that only this test checks it."""
SOURCE = Path(__file__).parents[3] / "src"


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What mypy says of the project."""
    place = tmp_path_factory.mktemp("mypy")
    (place / "mypy.ini").write_text(f"[mypy]\nstrict = True\nmypy_path = {SOURCE}\nfollow_imports = silent\n")
    (place / "mistakes.py").write_text(MISTAKES.read_text())
    options = ["--config-file", "mypy.ini", "--cache-dir", "cache", "--no-error-summary"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(PIPELINE), "mistakes.py"],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert not done.stderr
    return done.stdout.splitlines()


def test_a_typed_project_has_the_types_its_author_expects(said: list[str]) -> None:
    assert [line for line in said if "pipeline.py" in line] == []


def test_mistakes_are_found_where_they_are(said: list[str]) -> None:
    matches = [re.search(r"mistakes\.py:(\d+): error: .*\[(.*)\]$", line) for line in said]
    found = {match[1]: match[2] for match in reversed(matches) if match}
    lines = MISTAKES.read_text().splitlines()
    marked = {str(number): line.split("# mistake: ")[1] for number, line in enumerate(lines, 1) if "# mistake" in line}
    assert found == marked
