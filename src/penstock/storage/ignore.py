"""`.prefectignore`: which files of a project stay at home when it is pushed (the syntax of `.gitignore`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penstock.errors import StorageFailed

IGNORE_FILE = ".prefectignore"


class Ignore:
    """The patterns of a file; without a file nothing is ignored."""

    def __init__(self, file: Path | None) -> None:
        self._patterns = _patterns(file) if file and file.is_file() else None

    def leaves_out(self, path: str) -> bool:
        """Whether the file at a relative path stays at home; a folder's path ends with a slash."""
        return self._patterns is not None and bool(self._patterns.match_file(path))


def _patterns(file: Path) -> Any:
    try:
        from pathspec import GitIgnoreSpec
    except ImportError:
        raise StorageFailed(f"{file} can't be read without a library: pip install 'penstock[storage]'") from None
    try:
        return GitIgnoreSpec.from_lines(file.read_text().splitlines())
    except ValueError as error:
        raise StorageFailed(f"{file} has a pattern that can't be understood: {error}") from error
