"""A list to choose from: moved in by arrows, `j` and `k` or a row's number, narrowed by typing."""

from __future__ import annotations

from collections.abc import Sequence

import click

from penstock.cli.canvas import ACCENT, marks
from penstock.cli.tables import GAP, cut, fit, pad, size

NUMBERED = 9
_FEW = 6
"""With more rows than this the hint says that typing narrows them."""
_MARGIN = 6
"""Columns before a row's first cell: pointer and number."""
_NARROWEST = 8


class Menu:
    """The rows, which of them fit what was typed, and the one pointed at."""

    def __init__(self, rows: Sequence[Sequence[str]], start: int, height: int) -> None:
        self._rows = rows
        self._height = height
        self._filter = ""
        self._narrowing = False
        self._fitting = list(range(len(rows)))
        self._at = start
        self._first = 0

    @property
    def chosen(self) -> int | None:
        """The row pointed at; none when nothing fits what was typed."""
        return self._fitting[self._at] if self._fitting else None

    def hint(self) -> str:
        """What can be pressed, or what was typed."""
        if self._narrowing:
            return f"/{self._filter}"
        return "arrows, type to narrow, enter" if len(self._rows) > _FEW else "arrows, enter"

    def press(self, key: str) -> None:
        """Moves or narrows."""
        if key in _STEPS and not (self._narrowing and len(key) == 1):
            self._move(_STEPS[key])
        elif key.isdigit() and not self._narrowing:
            self._point(int(key) - 1)
        elif key == "escape" or (key == "backspace" and not self._filter):
            self._narrow("", on=False)
        elif key == "backspace":
            self._narrow(self._filter[:-1])
        elif key == "erase":
            self._narrow("")
        elif len(key) == 1:
            self._narrow(self._filter + (key if self._narrowing or key != "/" else ""))

    def _move(self, step: int) -> None:
        """One step at an end comes out at the other."""
        if not self._fitting:
            return
        last = len(self._fitting) - 1
        there = self._at + step
        self._at = (there % (last + 1)) if abs(step) == 1 else min(max(there, 0), last)

    def _point(self, index: int) -> None:
        if 0 <= index < len(self._fitting):
            self._at = index

    def _narrow(self, text: str, *, on: bool = True) -> None:
        pointed = self.chosen
        self._filter, self._narrowing = text, on
        words = text.lower().split()
        self._fitting = [n for n, row in enumerate(self._rows) if all(word in " ".join(row).lower() for word in words)]
        self._at = self._fitting.index(pointed) if pointed in self._fitting else 0
        self._first = 0

    def lines(self, width: int) -> list[str]:
        """The rows that there is room for, the one pointed at among them."""
        if not self._fitting:
            return [click.style("  nothing fits; escape shows all", fg="bright_black")]
        sizes = self._sizes(width)
        self._first = min(max(self._first, self._at - self._height + 1), self._at)
        seen = self._fitting[self._first : self._first + self._height]
        lines = [self._line(index, self._first + place, sizes) for place, index in enumerate(seen)]
        hidden = len(self._fitting) - len(seen)
        return [*lines, click.style(f"{' ' * _MARGIN}{marks().more} {hidden} more", fg="bright_black")][
            : len(lines) + bool(hidden)
        ]

    def _sizes(self, width: int) -> list[int]:
        natural = [max(map(size, column)) for column in zip(*self._rows, strict=True)]
        return fit(natural, [_NARROWEST for _ in natural], width - _MARGIN)

    def _line(self, index: int, place: int, sizes: list[int]) -> str:
        pointed = place == self._at
        number = str(place + 1) if place < NUMBERED and not self._narrowing else ""
        first, *rest = [pad(cut(cell, room), room) for cell, room in zip(self._rows[index], sizes, strict=True)]
        pointer = click.style(marks().pointer, fg=ACCENT) if pointed else " "
        more = [click.style(cell, fg="bright_black") for cell in rest]
        name = click.style(first, fg=ACCENT, bold=True) if pointed else first
        return f"  {pointer} {click.style(pad(number, 1), fg='bright_black')} {GAP.join([name, *more])}"


_STEPS = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -8, "page down": 8, "home": -1_000_000, "end": 1_000_000}
