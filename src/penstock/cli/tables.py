"""Tables and records as text that fits the terminal.

Into a pipe or a file nothing is cut or wrapped: whoever reads it there wants all of it.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from penstock.cli.screen import colors, width_of_terminal
from penstock.settings import current

GAP = "  "
NARROWEST = 8


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], none: str | None = None) -> None:
    """Prints rows under their columns' names; without rows the words of `none`."""
    cells = [[" ".join(_text(value).splitlines()) for value in row] for row in rows]
    if none and not cells:
        click.echo(none)
        return
    width = width_of_terminal() if sys.stdout.isatty() else None
    for line in lines(columns, cells, width, wrap=current().cli.wrap_lines):
        click.echo(line, color=colors())


def lines(columns: Sequence[str], cells: Sequence[Sequence[str]], width: int | None, *, wrap: bool = True) -> list[str]:
    """The table's lines, at most `width` wide where that can be done."""
    natural = [max(map(size, column)) for column in zip(columns, *cells, strict=True)]
    words = [max(map(_longest_word, column)) for column in zip(columns, *cells, strict=True)]
    floors = [room if name == "ID" else NARROWEST for name, room in zip(columns, natural, strict=True)]
    sizes = fit(fit(natural, words, width), floors, width)
    head = _line([click.style(name, bold=True) for name in columns], sizes)
    rule = GAP.join("─" * room for room in sizes)
    return [head, rule, *(line for row in cells for line in _row(row, sizes, wrap))]


def fit(sizes: Sequence[int], floors: Sequence[int], width: int | None) -> list[int]:
    """Sizes that fit the width: the widest columns give way first, none goes below its floor."""
    fitted = list(sizes)
    while width is not None and sum(fitted) + len(GAP) * (len(fitted) - 1) > width:
        able = [index for index, room in enumerate(fitted) if room > floors[index]]
        if not able:
            break
        fitted[max(able, key=lambda index: fitted[index])] -= 1
    return fitted


def record(fields: Mapping[str, Any]) -> None:
    """Prints one thing, a line for each field; what is nested comes indented as JSON."""
    import msgspec

    room = max((size(name) for name in fields), default=0)
    for name, value in msgspec.to_builtins(fields, builtin_types=(datetime,), enc_hook=str).items():
        if isinstance(value, dict | list) and value:
            text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
        else:
            text = _text(value).rstrip()
        text = text.replace("\n", "\n" + " " * (room + len(GAP)))
        click.echo(f"{click.style(pad(name, room), bold=True)}{GAP}{text}".rstrip())


def size(text: str) -> int:
    """Columns that a text takes on the screen; colours take none, East Asian characters two."""
    plain = click.unstyle(text)
    if plain.isascii():
        return len(plain)
    wide = sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in plain)
    return wide - sum(1 for sign in plain if unicodedata.combining(sign))


def _longest_word(text: str) -> int:
    return max((size(word) for word in text.split()), default=0)


def pad(text: str, room: int) -> str:
    """The text filled up with spaces."""
    return text + " " * max(0, room - size(text))


def cut(text: str, room: int) -> str:
    """The text, its end left off where it is wider than the room; colours stay."""
    if size(text) <= room:
        return text
    left = room - 1
    pieces = []
    for piece in re.split(r"(\x1b\[[;\d]*m)", text):
        if piece.startswith("\x1b"):
            pieces.append(piece)
        elif left > 0 and piece:
            pieces.append(piece if size(piece) <= left else _head(piece, left))
            left -= size(pieces[-1])
    return "".join(pieces) + "…"


def _row(row: Sequence[str], sizes: list[int], wrap: bool) -> list[str]:
    parts = [_pieces(text, room, wrap) for text, room in zip(row, sizes, strict=True)]
    height = max(map(len, parts))
    return [_line([part[number] if number < len(part) else "" for part in parts], sizes) for number in range(height)]


def _line(texts: Sequence[str], sizes: list[int]) -> str:
    """Texts beside each other; nothing is put behind the last."""
    return GAP.join([*map(pad, texts[:-1], sizes), texts[-1]])


def _pieces(text: str, room: int, wrap: bool) -> list[str]:
    """A cell's lines; cut with an ellipsis where lines are not to be wrapped."""
    if size(text) <= room:
        return [text]
    plain = click.unstyle(text)
    return wrapped(plain, room) if wrap else [cut(plain, room)]


def wrapped(text: str, room: int) -> list[str]:
    """Lines broken at spaces; `textwrap` counts letters, not what they take on the screen."""
    done: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if size(longer) <= room:
            line = longer
            continue
        *full, line = [*([line] if line else []), *_chopped(word, room)]
        done += full
    return [*done, line]


def _chopped(word: str, room: int) -> list[str]:
    pieces = []
    while size(word) > room:
        pieces.append(_head(word, room))
        word = word[len(pieces[-1]) :]
    return [*pieces, word]


def _head(text: str, room: int) -> str:
    """As much of the beginning as fits, and at least one character."""
    count = 1
    while count < len(text) and size(text[: count + 1]) <= room:
        count += 1
    return text[:count]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple | dict):
        return ", ".join(map(str, value))
    return str(value)
