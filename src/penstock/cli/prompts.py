"""Questions on a terminal: lists to move in, texts to edit, each on one line once it is answered.

Where the cursor can't be moved (a dumb terminal, a pipe that was told it may be asked) the same questions are put
line by line, with numbers to choose by.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from penstock.cli.canvas import ACCENT, Canvas, marks
from penstock.cli.editing import Line
from penstock.cli.keyboard import Reader, can_read_keys, keyboard
from penstock.cli.menu import Menu
from penstock.cli.screen import colors, width_of_terminal
from penstock.cli.tables import pad, size, wrapped
from penstock.deploy.wizard.asker import Choice, anything
from penstock.errors import PenstockError

T = TypeVar("T")
LABEL = 28
"""Columns for what a question is about, so that answers stand below each other."""
NUMBER = 4
INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended, as shells have it."""


class Terminal:
    """An `Asker` (deploy/wizard/asker.py) for a person at a terminal with a cursor."""

    def choose(self, question: str, choices: Sequence[Choice[T]], *, start: int = 0) -> T:
        with _question() as (canvas, key):
            menu = Menu([choice.cells for choice in choices], start, canvas.room_below)
            while True:
                canvas.paint([_asked(question, menu.hint()), *menu.lines(canvas.width)])
                pressed = key()
                if pressed == "enter" and (found := menu.chosen) is not None:
                    break
                menu.press(pressed)
            canvas.settle(_answered(question, choices[found].cells[0], choices[found].cells[1:]))
        return choices[found].value

    def confirm(self, question: str, *, default: bool) -> bool:
        with _question() as (canvas, key):
            answer = default
            while True:
                canvas.paint([_asked(question, "y/n"), f"  {_switch(answer)}"])
                pressed = key()
                if pressed == "enter":
                    break
                if pressed.lower() in ("y", "n"):
                    answer = pressed.lower() == "y"
                    break
                if pressed in ("left", "right", "up", "down", "tab", " ", "h", "j", "k", "l"):
                    answer = not answer
            canvas.settle(_answered(question, "yes" if answer else "no"))
        return answer

    def text(self, question: str, *, default: str = "", check: Callable[[str], str] = anything) -> str:
        with _question() as (canvas, key):
            given, checked = self._edited(question, Line(default), check, canvas, key)
            canvas.settle(_answered(question, given or "none"))
        return checked

    def secret(self, question: str) -> str:
        with _question() as (canvas, key):
            _, checked = self._edited(question, Line("", hidden=True), _needed, canvas, key)
            canvas.settle(_answered(question, marks().hidden * 8))
        return checked

    def _edited(
        self, question: str, line: Line, check: Callable[[str], str], canvas: Canvas, key: Reader
    ) -> tuple[str, str]:
        """What was typed, and what the check makes of it."""
        fault = ""
        while True:
            below = [f"  {click.style(one, fg='red')}" for one in wrapped(fault, canvas.width - 2)] if fault else []
            canvas.paint([_asked(question), f"  {line.shown(canvas.width - 4)}", *below])
            pressed = key()
            if pressed != "enter":
                line.press(pressed)
                continue
            try:
                return line.text, check(line.text)
            except (ValueError, PenstockError) as error:
                fault = _reason(error)

    def tell(self, text: str) -> None:
        for line in wrapped(text, width_of_terminal() - 3):
            click.echo(f"  {click.style(line, fg='bright_black')}".rstrip(), color=colors())


class Lines:
    """An `Asker` where the cursor stays at the end: numbered lists, and a line for each answer."""

    def choose(self, question: str, choices: Sequence[Choice[T]], *, start: int = 0) -> T:
        click.echo(f"{question}:")
        sizes = [max(map(size, column)) for column in zip(*(choice.cells for choice in choices), strict=True)]
        for row, choice in enumerate(choices, 1):
            cells = "  ".join(pad(cell, room) for cell, room in zip(choice.cells, sizes, strict=True))
            click.echo(f"{row:>{NUMBER}}  {cells}".rstrip())
        number: int = _line("Number", default=start + 1, type=click.IntRange(1, len(choices)))
        return choices[number - 1].value

    def confirm(self, question: str, *, default: bool) -> bool:
        _must_be_there()
        return click.confirm(question, default=default)

    def text(self, question: str, *, default: str = "", check: Callable[[str], str] = anything) -> str:
        while True:
            given = _line(question, default=default, show_default=bool(default))
            try:
                return check(given)
            except (ValueError, PenstockError) as error:
                click.echo(f"  {_reason(error)}")

    def secret(self, question: str) -> str:
        return str(_line(question, hide_input=True))

    def tell(self, text: str) -> None:
        click.echo(text)


def asker() -> Terminal | Lines:
    """What fits the terminal there is."""
    return Terminal() if can_read_keys() else Lines()


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Questions whose interruption ends the command, before anything was done."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None


@contextmanager
def _question() -> Iterator[tuple[Canvas, Reader]]:
    with keyboard() as key:
        canvas = Canvas()
        try:
            yield canvas, key
        finally:
            canvas.close()


def _asked(question: str, hint: str = "") -> str:
    told = "  " + click.style(hint, fg="bright_black") if hint else ""
    return f"{click.style(marks().asked, fg=ACCENT, bold=True)} {click.style(question, bold=True)}{told}"


def _answered(question: str, answer: str, more: Sequence[str] = ()) -> str:
    about = click.style("  ".join(filter(None, more)), fg="bright_black")
    done = click.style(marks().answered, fg=ACCENT)
    return f"{done} {pad(question, LABEL)}  {click.style(answer, fg=ACCENT)}  {about}".rstrip()


def _switch(answer: bool) -> str:
    words = [("yes", answer), ("no", not answer)]
    return "   ".join(
        click.style(f"{marks().pointer} {word}", fg=ACCENT) if chosen else f"  {word}" for word, chosen in words
    )


def _needed(text: str) -> str:
    if not text:
        raise ValueError("an answer is needed here")
    return text


def _reason(error: Exception) -> str:
    return " ".join((error.message if isinstance(error, PenstockError) else str(error)).split())


def _line(question: str, **how: Any) -> Any:
    _must_be_there()
    return click.prompt(question, **how)


def _must_be_there() -> None:
    """Python has no standard input when it was closed before it began."""
    if sys.stdin is None:
        raise click.Abort
