"""Named queries: `sql/<noun>.sql` becomes an object with one `Statement` per query.

    -- name: read_variable
    select doc from variables where id = :id

    -- name: read_variable (postgres)
    select doc from variables where id = :id for share

The second form replaces the first on that database. Parameters are `:name`; casts are written
`cast(x as type)` or, for PostgreSQL alone, `x::type`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from penstock.store.database import Numbered, Statement

FOLDER = Path(__file__).parent / "sql"

_HEADING = re.compile(r"^-- name: (\w+)(?: \((sqlite|postgres)\))?[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_QUOTED_OR_PARAMETER = re.compile(r"('(?:[^']|'')*')|(?<!:):([a-z_]\w*)")


class Statements:
    """The queries of one noun; an unknown name is an AttributeError."""

    def __init__(self, noun: str, queries: dict[str, Statement]) -> None:
        self.noun = noun
        self.queries = queries

    def __getattr__(self, name: str) -> Statement:
        try:
            return self.queries[name]
        except KeyError:
            raise AttributeError(f"sql/{self.noun}.sql has no query named {name!r}") from None


def load(noun: str) -> Statements:
    """The queries of `sql/<noun>.sql`."""
    return Statements(noun, parse((FOLDER / f"{noun}.sql").read_text("utf-8")))


def parse(text: str) -> dict[str, Statement]:
    """The queries of one file by name; ValueError when a name comes twice for one database."""
    texts: dict[str, dict[str, str]] = {}
    pieces = _HEADING.split(text)[1:]
    for name, dialect, body in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        variants = texts.setdefault(name, {})
        if (dialect or "both") in variants:
            raise ValueError(f"query {name!r} is defined twice")
        variants[dialect or "both"] = _COMMENT.sub("", body).strip().rstrip(";")
    return {
        name: statement(name, variants.get("sqlite", both), variants.get("postgres", both))
        for name, variants in texts.items()
        for both in [variants.get("both", "")]
    }


def statement(name: str, sqlite: str, postgres: str | None = None) -> Statement:
    """A statement from SQL text with `:name` parameters, for text that is put together at run time."""
    return Statement(name, number(sqlite, "?"), number(sqlite if postgres is None else postgres, "$"))


@lru_cache(maxsize=4096)
def number(text: str, sign: str) -> Numbered:
    """The text with `$1` (or another sign) for its first `:name` and so on, and the names in that order."""
    order: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if match[1] is not None:
            return match[1]
        if match[2] not in order:
            order.append(match[2])
        return f"{sign}{order.index(match[2]) + 1}"

    return Numbered(_QUOTED_OR_PARAMETER.sub(replace, text), tuple(order))
