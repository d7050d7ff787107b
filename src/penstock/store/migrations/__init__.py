"""The database's tables: numbered files of SQL that are applied once each, in order.

One text serves both databases: `{json}` stands for the type of a JSON column, `{by_key}` ends a table that is kept in
the order of its key where that can be, and a statement under a `-- sqlite:` or `-- postgres:` line is for that database
only. Statements end with `;` at the end of a line.
All that is pending is applied in one transaction, which only one process at a time can be in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from penstock.clock import to_micros, utc_now
from penstock.store.database import Database, Steps, intent
from penstock.store.statements import statement

FOLDER = Path(__file__).parent

_WORDS = {"sqlite": {"json": "text", "by_key": " without rowid"}, "postgres": {"json": "jsonb", "by_key": ""}}
_ONLY = re.compile(r"^-- (sqlite|postgres):", re.MULTILINE)
_COMMENT = re.compile(r"^--.*$", re.MULTILINE)

_LOCK = statement("lock", "select 1", "select pg_advisory_xact_lock(7305807360)")
_PATIENCE = statement("patience", "select 1", "set local statement_timeout = 0")
"""An index takes as long as it takes, however soon an answer is wanted otherwise."""
_LEDGER = statement(
    "ledger", "create table if not exists migrations (name text primary key, applied_at bigint not null)"
)
_APPLIED = statement("applied", "select name from migrations")
_RECORD = statement("record", "insert into migrations (name, applied_at) values (:name, :applied_at)")
_TABLES = statement(
    "tables",
    "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'",
    "select tablename from pg_tables where schemaname = current_schema()",
)


Told = Callable[[str], None]


async def upgrade(db: Database, told: Told = lambda _: None) -> list[str]:
    """Applies what is pending; gives the names. Safe when several processes start at once.

    Of a database that has tables already, `told` hears which migration comes next, and how many there are: over
    millions of rows one takes minutes.
    """
    return await db.write(_upgrade(db.dialect, to_micros(utc_now()), told))


async def pending(db: Database) -> list[str]:
    """The names of the migrations that are not applied yet."""
    return await db.read(_pending())


async def reset(db: Database) -> list[str]:
    """Removes all tables with their rows and applies everything anew."""
    await db.write(_drop(db.dialect))
    return await upgrade(db)


def available() -> list[str]:
    """The names of all migrations, in order."""
    return sorted(path.stem for path in FOLDER.glob("[0-9]*.sql"))


def statements_of(name: str, dialect: str) -> list[str]:
    """The statements of one migration for a database."""
    text = (FOLDER / f"{name}.sql").read_text("utf-8")
    for key, word in _WORDS[dialect].items():
        text = text.replace("{" + key + "}", word)
    pieces = re.split(r";[ \t]*$", text, flags=re.MULTILINE)
    return [_COMMENT.sub("", piece).strip() for piece in pieces if _is_for(dialect, piece)]


def _is_for(dialect: str, piece: str) -> bool:
    only = _ONLY.search(piece)
    return bool(_COMMENT.sub("", piece).strip()) and (only is None or only[1] == dialect)


@intent
def _upgrade(dialect: str, now: int, told: Told) -> Steps[list[str]]:
    yield _PATIENCE()
    yield _LOCK()
    yield _LEDGER()
    applied = {row[0] for row in (yield _APPLIED())}
    names = [name for name in available() if name not in applied]
    for number, name in enumerate(names, 1):
        if applied:
            told(f"{name}, {number} of {len(names)}")
        for text in statements_of(name, dialect):
            yield statement(name, text)()
        yield _RECORD(name=name, applied_at=now)
    return names


@intent
def _pending() -> Steps[list[str]]:
    tables = {row[0] for row in (yield _TABLES())}
    applied = {row[0] for row in (yield _APPLIED())} if "migrations" in tables else set()
    return [name for name in available() if name not in applied]


@intent
def _drop(dialect: str) -> Steps[None]:
    yield _LOCK()
    for (name,) in (yield _TABLES()):
        text = f'drop table "{name}"' + (" cascade" if dialect == "postgres" else "")
        yield statement("drop", text)()
