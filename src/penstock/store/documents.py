"""Tables of documents, so that a simple noun is one declaration.

    FLOWS = Documents("flows", Flow, columns=("name", "tags"))

A row is the document as the API answers with it (`doc`), and the columns that filters, sorts and joins
need, which are copies of the document's fields. Reads give the JSON as it is stored.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from penstock.clock import to_micros
from penstock.store.database import Intent, Query, Steps, intent
from penstock.store.filters import MOST, Selection, select
from penstock.store.statements import statement
from penstock.wire.model import Criteria, Model, encode

M = TypeVar("M", bound=Model)


class Documents(Generic[M]):
    """The documents of one noun."""

    def __init__(self, noun: str, model: type[M], *, columns: Sequence[str], unique: Sequence[str] = ()) -> None:
        self.noun = noun
        self.model = model
        self.columns = ("id", *columns, "created", "updated")
        self.decode = msgspec.json.Decoder(model).decode
        names = ", ".join((*self.columns, "doc"))
        values = ", ".join(f":{name}" for name in (*self.columns, "doc"))
        changes = ", ".join(f"{name} = :{name}" for name in (*self.columns[1:], "doc"))
        keys = ("id", *unique)
        insert = f"insert into {noun} ({names}) values ({values}) on conflict do nothing returning id"
        self._insert = statement(f"create_{noun}", insert)
        self._update = statement(f"update_{noun}", f"update {noun} set {changes} where id = :id")
        self._delete = statement(f"delete_{noun}", f"delete from {noun} where id = :id returning doc")
        read = f"select doc from {noun} where "
        self._read = {key: statement(f"read_{noun}", f"{read}{key} = :{key}") for key in keys}
        self._lock = {
            key: statement(f"lock_{noun}", f"{read}{key} = :{key}", f"{read}{key} = :{key} for update") for key in keys
        }

    def insert(self, item: M) -> Query:
        """Inserts a document; no row comes back when one with its id or unique values is there."""
        return self._insert(**self.row(item))

    def row(self, item: M) -> dict[str, Any]:
        """The document as a row."""
        return {name: plain(getattr(item, name)) for name in self.columns} | {"doc": encode(item).decode()}

    def replace(self, item: M) -> Query:
        """Writes a changed document in the place of the one with its id."""
        return self._update(**self.row(item))

    def remove(self, id: UUID | str) -> Query:
        """Deletes a document; gives what it was."""
        return self._delete(id=str(id))

    def fetch(self, value: UUID | str, by: str = "id") -> Query:
        """The document's JSON by id or a unique column."""
        return self._read[by](**{by: str(value)})

    def find(self, value: UUID | str, by: str = "id") -> Steps[M | None]:
        """The document, held against other writers until the transaction ends."""
        rows = yield self._lock[by](**{by: str(value)})
        return self.decode(rows[0][0]) if rows else None

    @intent
    def read(self, value: UUID | str, by: str = "id") -> Steps[bytes | None]:
        """The document's JSON by id or a unique column, or None."""
        rows = yield self.fetch(value, by)
        return rows[0][0].encode() if rows else None

    def list(self, criteria: Criteria, dialect: str, *, most: int = MOST) -> Intent[bytes]:
        """The JSON array of the documents that fit."""
        return rows_as_array(select(self.noun, criteria, dialect, most=most))

    def count(self, criteria: Criteria, dialect: str) -> Intent[int]:
        """How many fit."""
        return number_of(select(self.noun, criteria, dialect))

    def page(self, criteria: Criteria, dialect: str, *, most: int = MOST) -> Intent[bytes]:
        """The JSON of one page: results, count, limit, pages, page."""
        return page_of(select(self.noun, criteria, dialect, most=most), criteria.page or 1)


@intent
def rows_as_array(selection: Selection) -> Steps[bytes]:
    """The JSON array of what a selection finds."""
    return as_array((yield selection.rows()))


@intent
def number_of(selection: Selection) -> Steps[int]:
    """How many rows a selection finds, whatever its limit."""
    return int((yield selection.count())[0][0])


@intent
def page_of(selection: Selection, page: int) -> Steps[bytes]:
    """One page of a selection, with its place among all."""
    results = as_array((yield selection.rows()))
    count = int((yield selection.count())[0][0])
    pages = -(-count // selection.limit) if selection.limit else 0
    place = f',"count":{count},"limit":{selection.limit},"pages":{pages},"page":{page}}}'
    return b'{"results":' + results + place.encode()


def as_array(rows: Sequence[Sequence[Any]]) -> bytes:
    """The JSON array of documents that are JSON already, in the rows' first column."""
    return ("[" + ",".join([row[0] for row in rows]) + "]").encode()


def plain(value: Any) -> Any:
    """A document's field as a column's value."""
    if isinstance(value, datetime):
        return to_micros(value)
    if isinstance(value, list | dict):
        return json.dumps(value)
    return str(value) if isinstance(value, UUID) else value
