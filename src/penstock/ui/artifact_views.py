"""What an artifact shows, made out of its data by its type; what does not fit its type is shown as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from penstock.ui.markdown import LONGEST, Node, is_web, parsed
from penstock.ui.templating import pretty

MOST_ROWS = 200
MOST_COLUMNS = 40
LONGEST_CELL = 400


@dataclass(frozen=True, slots=True)
class Table:
    """A table's head and its first rows; `more` is how many rows are left out."""

    head: list[str]
    rows: list[list[str]]
    more: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """One of these, by `kind`: `markdown`, `table`, `image`, `progress`, `text`."""

    kind: str
    text: str = ""
    tree: Node = field(default_factory=Node)
    table: Table | None = None
    share: float = 0.0
    is_cut: bool = False


def view_of(kind: str | None, data: Any) -> View:
    """What to show of data of a type."""
    if kind == "markdown" and isinstance(data, str):
        return View("markdown", tree=parsed(data), is_cut=len(data) > LONGEST)
    if kind == "table" and (table := table_of(data)) is not None:
        return View("table", table=table)
    if kind == "image" and isinstance(data, str) and is_web(data):
        return View("image", text=data)
    if kind == "progress" and isinstance(data, int | float) and not isinstance(data, bool):
        return View("progress", share=round(min(max(float(data), 0.0), 100.0), 1))
    text = data if isinstance(data, str) else pretty(data)
    return View("text", text=text[:LONGEST], is_cut=len(text) > LONGEST)


def table_of(data: Any) -> Table | None:
    """The table in JSON text or JSON: rows as objects or lists, or columns by name; None for anything else."""
    if isinstance(data, str):
        try:
            data = msgspec.json.decode(data)
        except msgspec.DecodeError:
            return None
    if isinstance(data, Mapping) and data and all(isinstance(one, list) for one in data.values()):
        return _of_columns(data)
    if not isinstance(data, list) or not data:
        return None
    if all(isinstance(row, Mapping) for row in data):
        return _of_objects(data)
    if all(isinstance(row, list) for row in data):
        return _of_lists(data)
    return None


def _of_columns(data: Mapping[str, list[Any]]) -> Table:
    head = list(data)[:MOST_COLUMNS]
    count = max(len(data[name]) for name in head)
    rows = [
        [_cell(data[name][number]) if number < len(data[name]) else "" for name in head]
        for number in range(min(count, MOST_ROWS))
    ]
    return Table(head, rows, count - len(rows))


def _of_objects(data: list[Mapping[str, Any]]) -> Table:
    shown = data[:MOST_ROWS]
    head = list(dict.fromkeys(str(name) for row in shown for name in row))[:MOST_COLUMNS]
    rows = [[_cell(row[name]) if name in row else "" for name in head] for row in shown]
    return Table(head, rows, len(data) - len(rows))


def _of_lists(data: list[list[Any]]) -> Table:
    """Lists have no names; where the first holds words alone and others don't, it is the head."""
    first, rest = data[0], data[1:]
    named = (
        bool(rest)
        and all(isinstance(one, str) for one in first)
        and not all(isinstance(one, str) for row in rest[:20] for one in row)
    )
    body = rest if named else data
    rows = [[_cell(one) for one in row[:MOST_COLUMNS]] for row in body[:MOST_ROWS]]
    return Table([str(one) for one in first[:MOST_COLUMNS]] if named else [], rows, len(body) - len(rows))


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
