"""Choosing the database by its URL."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from penstock.errors import SettingInvalid
from penstock.store.database import Database
from penstock.store.sqlite import SqliteDatabase


def open_database(
    url: str,
    *,
    durable: bool = False,
    pool_size: int = 10,
    connect_within: float | None = None,
    answer_within: float | None = None,
) -> Database:
    """The database of a URL, not yet connected; a driver named after `+` is accepted and ignored.

    `sqlite:///relative/or//absolute/path`, `sqlite:///:memory:`, `postgresql://user:password@host/name`.
    Raises `SettingInvalid` for any other kind.
    """
    kind = urlsplit(url).scheme.partition("+")[0]
    if kind == "sqlite":
        return SqliteDatabase(_path(url), durable=durable)
    if kind in ("postgresql", "postgres"):
        from penstock.store.postgres import PostgresDatabase

        return PostgresDatabase(
            f"postgresql:{url.partition(':')[2]}",
            pool_size=pool_size,
            connect_within=connect_within,
            answer_within=answer_within,
        )
    raise SettingInvalid(f"The database URL must begin with sqlite:// or postgresql://, not {kind or url!r}://")


def _path(url: str) -> str:
    path = unquote(url.partition("://")[2].partition("?")[0])
    return path[1:] or ":memory:"
