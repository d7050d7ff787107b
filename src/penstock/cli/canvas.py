"""A few lines at the bottom of the terminal that are painted again and again, and leave one line behind."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

import click

from penstock.cli.screen import colors
from penstock.cli.tables import cut

ACCENT = "cyan"
_HIDE_CURSOR, _SHOW_CURSOR, _CLEAR_BELOW = "\x1b[?25l", "\x1b[?25h", "\x1b[J"
_FEWEST_ROWS = 3
_AROUND_A_LIST = 5
"""Rows that a list leaves free: the question, what is above and below it, the shell's line."""


class Marks(NamedTuple):
    """Signs in the margin."""

    asked: str
    answered: str
    pointer: str
    hidden: str
    more: str


_DRAWN = Marks("?", "✓", "❯", "•", "…")
_PLAIN = Marks("?", "*", ">", "*", "...")


def marks() -> Marks:
    """Signs that the terminal's encoding has."""
    try:
        "".join(_DRAWN).encode(sys.stdout.encoding or "ascii")
    except UnicodeError:
        return _PLAIN
    return _DRAWN


class Canvas:
    """Lines that replace each other in place. `close` gives the cursor back, whatever happened."""

    def __init__(self) -> None:
        self._above = 0
        """Lines between the cursor and the top."""
        self._write(_HIDE_CURSOR)

    @property
    def width(self) -> int:
        """Columns that a line may take; the last stays free, so that no terminal wraps."""
        return os.get_terminal_size(sys.stdout.fileno()).columns - 1

    @property
    def room_below(self) -> int:
        """Rows that a list may take."""
        return max(_FEWEST_ROWS, os.get_terminal_size(sys.stdout.fileno()).lines - _AROUND_A_LIST)

    def paint(self, lines: list[str]) -> None:
        """Shows these lines in place of the ones before, each cut to the width."""
        fitted = [_fitted(line, self.width) for line in lines]
        text = self._to_top() + "\n".join(fitted)
        self._above = len(fitted) - 1  # before it is so: an interruption may come right behind the write
        self._write(text)

    def settle(self, line: str) -> None:
        """Leaves one line, and begins the next."""
        text = self._to_top() + _fitted(line, self.width) + "\n"
        self._above = 0
        self._write(text)

    def close(self) -> None:
        """Below what is there; a question that was broken off stays to be seen."""
        self._write(("\n" if self._above else "") + _SHOW_CURSOR)

    def _to_top(self) -> str:
        up = f"\x1b[{self._above}A" if self._above else ""
        return f"\r{up}{_CLEAR_BELOW}"

    def _write(self, text: str) -> None:
        """Straight to the terminal: `click.echo` without colours would leave out the moves of the cursor too."""
        sys.stdout.write(text)
        sys.stdout.flush()


def _fitted(line: str, width: int) -> str:
    return cut(click.unstyle(line) if colors() is False else line, width)
