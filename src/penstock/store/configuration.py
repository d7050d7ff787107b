"""Small values that belong to the whole server, by key."""

from __future__ import annotations

from penstock.store.database import Steps, intent
from penstock.store.statements import load

SQL = load("configuration")


@intent
def read_value(key: str) -> Steps[str | None]:
    """The JSON text kept under a key, or None."""
    rows = yield SQL.read_value(key=key)
    return rows[0][0] if rows else None


@intent
def write_value(key: str, doc: str) -> Steps[None]:
    """Keeps JSON text under a key, in place of what was there."""
    yield SQL.write_value(key=key, doc=doc)


@intent
def delete_value(key: str) -> Steps[None]:
    """Forgets a key."""
    yield SQL.delete_value(key=key)


@intent
def answer() -> Steps[bool]:
    """Asks the database for a sign of life."""
    rows = yield SQL.answer()
    return bool(rows)


@intent
def keep_first(key: str, doc: str) -> Steps[str]:
    """Keeps JSON text under a key unless something is there; gives what is there then."""
    yield SQL.write_if_absent(key=key, doc=doc)
    return str((yield SQL.read_value(key=key))[0][0])


@intent
def describe_database() -> Steps[tuple[str, str]]:
    """The version of the database's program, and the last of the migrations."""
    version, migration = (yield SQL.describe())[0]
    return str(version), str(migration or "")
