"""What a long step shows while it works: a line for each part of it, and on a terminal what goes on in between."""

from __future__ import annotations

import os
import sys
from typing import TextIO


class Progress:
    """Writes to stderr: what a command prints as its result is on stdout."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._passing = False

    def line(self, text: str) -> None:
        """Something that stays."""
        self._clear()
        print(text, file=self._stream, flush=True)

    def passing(self, text: str) -> None:
        """Something that the next word replaces; nothing where there is no terminal."""
        if self._is_terminal:
            width = os.get_terminal_size(self._stream.fileno()).columns
            self._clear()
            self._stream.write(text[: width - 1])
            self._stream.flush()
            self._passing = True

    def done(self) -> None:
        """Leaves nothing that was passing."""
        self._clear()
        self._stream.flush()

    def _clear(self) -> None:
        if self._passing:
            self._stream.write("\r\033[K")
            self._passing = False
