"""The seam between what the store wants and the two databases that do it.

An *intent* (create a run, claim due runs, propose a state) is a generator that yields `Query`s and is
sent the rows. It is written once; SQLite runs it in its writer, PostgreSQL awaits each step. Nothing
else in an intent may wait or look around: time, ids and randomness are its arguments.

    def read_variable(name: str) -> Steps[Variable | None]:
        rows = yield SQL.read_by_name(name=name)
        return decode(rows[0][0]) if rows else None

    variable = await store.read(read_variable("region"))

Each intent is one short transaction: `write` runs it whole or not at all, and the awaited result
means it is committed. An intent may be run again from its start when the database asks for it
(serialisation failure, deadlock, lost connection before commit), so it must have no side effect but
its queries.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Row = Sequence[Any]
Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Query:
    """One statement with `:name` parameters.

    With `many`, the statement is run once for each mapping and gives no rows. `sqlite` and `postgres`
    hold each database's text where the dialects differ; usually they are the same.
    """

    statement: Statement
    parameters: Mapping[str, Any] = field(default_factory=dict)
    many: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text prepared for both databases: `:name` for SQLite, `$1` in `order` for PostgreSQL."""

    name: str
    sqlite: str
    postgres: str
    order: tuple[str, ...]

    def __call__(self, **parameters: Any) -> Query:
        return Query(self, parameters)

    def each(self, rows: Sequence[Mapping[str, Any]]) -> Query:
        """The statement once for each row of parameters."""
        return Query(self, many=rows)


Steps = Generator[Query, Rows, T]


class Database(Protocol):
    """A database that runs intents."""

    dialect: str
    """`sqlite` or `postgres`."""

    async def open(self) -> None:
        """Connects; raises `Unavailable` with what was tried when it can't."""

    async def close(self) -> None:
        """Finishes what was accepted and disconnects."""

    async def write(self, intent: Steps[T]) -> T:
        """Runs an intent in one transaction; returns after its commit."""

    async def read(self, intent: Steps[T]) -> T:
        """Runs an intent that only reads a little by key: no transaction, no waiting behind others."""

    async def scan(self, intent: Steps[T]) -> T:
        """Runs an intent that may read much (filters, counts), so that it delays nobody else."""
