"""One line of text that is edited key by key."""

from __future__ import annotations

from collections.abc import Callable

import click

from penstock.cli.canvas import marks


class Line:
    """A text with a place in it. What it begins with goes as soon as something else is typed."""

    def __init__(self, text: str = "", *, hidden: bool = False) -> None:
        self.text = text
        self._at = len(text)
        self._hidden = hidden
        self._offered = bool(text)
        """Whether the text is still the one that was proposed, untouched."""

    def press(self, key: str) -> None:
        """Does what a key says; one that says nothing here is let go."""
        if len(key) == 1:
            self._type(key)
        elif key in _MOVES:
            self._at = _MOVES[key](self._at, len(self.text))
            self._offered = False
        elif key in _CUTS:
            start, end = _CUTS[key](self.text, self._at)
            self.text, self._at = self.text[:start] + self.text[end:], start
            self._offered = False

    def _type(self, letter: str) -> None:
        if self._offered:
            self.text, self._at, self._offered = "", 0, False
        self.text = self.text[: self._at] + letter + self.text[self._at :]
        self._at += 1

    def shown(self, width: int) -> str:
        """The part around the cursor that the width has room for, with the cursor in it."""
        text = (marks().hidden * len(self.text) if self._hidden else self.text) + " "
        first = max(0, self._at - max(1, width) + 1)
        seen, at = text[first : first + max(1, width)], self._at - first
        dim = "bright_black" if self._offered else None
        cursor = click.style(seen[at], reverse=True)
        return click.style(seen[:at], fg=dim) + cursor + click.style(seen[at + 1 :], fg=dim)


def _word(text: str, at: int) -> tuple[int, int]:
    return len(text[:at].rstrip().rpartition(" ")[0]), at


_MOVES: dict[str, Callable[[int, int], int]] = {
    "left": lambda at, length: max(0, at - 1),
    "right": lambda at, length: min(length, at + 1),
    "home": lambda at, length: 0,
    "end": lambda at, length: length,
}
_CUTS: dict[str, Callable[[str, int], tuple[int, int]]] = {
    "backspace": lambda text, at: (max(0, at - 1), at),
    "delete": lambda text, at: (at, at + 1),
    "erase": lambda text, at: (0, at),
    "erase word": _word,
}
