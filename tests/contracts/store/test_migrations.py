"""Migrations: each once, in order, whoever else starts at the same time."""

from __future__ import annotations

import asyncio

from penstock.store import migrations
from penstock.store.database import Steps, intent
from penstock.store.open import open_database
from penstock.store.statements import statement

COLUMNS = statement("columns", "select * from flows")


@intent
def look() -> Steps[int]:
    return len((yield COLUMNS()))


async def test_a_fresh_database_gets_all_tables_once(empty_url: str) -> None:
    db = open_database(empty_url)
    await db.open()
    names = migrations.available()
    assert await migrations.pending(db) == names
    assert await migrations.upgrade(db) == names
    assert await migrations.pending(db) == []
    assert await migrations.upgrade(db) == []
    assert await db.read(look()) == 0
    await db.close()


async def test_what_a_database_lacks_is_told_before_it_is_made(empty_url: str) -> None:
    def steps() -> Steps[None]:
        yield statement("drop", "drop index if exists events_by_name")()
        yield statement("forget", "delete from migrations where name = '0017_event_names'")()

    heard: list[str] = []
    db = open_database(empty_url)
    await db.open()
    await migrations.upgrade(db, heard.append)
    assert heard == []  # nobody waits for a fresh one
    await db.write(steps())
    assert await migrations.upgrade(db, heard.append) == ["0017_event_names"]
    assert heard == ["0017_event_names, 1 of 1"]
    await db.close()


async def test_processes_that_start_at_once_apply_each_migration_once(empty_url: str) -> None:
    databases = [open_database(empty_url) for _ in range(4)]
    for db in databases:
        await db.open()
    applied = await asyncio.gather(*(migrations.upgrade(db) for db in databases))
    for db in databases:
        await db.close()
    assert sorted(name for names in applied for name in names) == migrations.available()


async def test_reset_leaves_empty_tables(empty_url: str) -> None:
    insert = statement("insert", "insert into saved_searches values ('1', 'a', 0, 0, '{}')")
    count = statement("count", "select count(*) from saved_searches")

    def steps() -> Steps[None]:
        yield insert()

    def number() -> Steps[int]:
        return int((yield count())[0][0])

    db = open_database(empty_url)
    await db.open()
    await migrations.upgrade(db)
    await db.write(steps())
    assert await migrations.reset(db) == migrations.available()
    assert await db.read(number()) == 0
    await db.close()
