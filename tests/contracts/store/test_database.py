"""What both databases promise about intents."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from penstock.errors import Conflict, NotFound, SettingInvalid, Unavailable
from penstock.store.database import Database, Steps, intent
from penstock.store.open import open_database
from penstock.store.statements import statement

INSERT = statement(
    "insert",
    "insert into saved_searches (id, name, created, updated, doc) values (:id, :name, 0, 0, '{}') returning id",
)
NAMES = statement("names", "select name from saved_searches order by name")
COUNT = statement("count", "select count(*) from saved_searches")


@intent
def insert(name: str) -> Steps[str]:
    rows = yield INSERT(id=f"id-{name}", name=name)
    return str(rows[0][0])


@intent
def insert_alone(name: str) -> Steps[str]:
    rows = yield INSERT.alone(id=f"id-{name}", name=name)
    return str(rows[0][0])


@intent
def insert_then_fail(name: str) -> Steps[None]:
    yield INSERT(id=f"id-{name}", name=name)
    raise NotFound("there is something wrong")


@intent
def insert_two(first: str, second: str) -> Steps[list[str]]:
    return [(yield from insert(first)), (yield from insert(second))]


@intent
def insert_many(names: list[str]) -> Steps[None]:
    yield INSERT.each([{"id": f"id-{name}", "name": name} for name in names])


@intent
def list_names() -> Steps[list[str]]:
    return [row[0] for row in (yield NAMES())]


@intent
def count() -> Steps[int]:
    return int((yield COUNT())[0][0])


async def test_a_write_gives_its_result_and_is_seen_by_reads_and_scans(db: Database) -> None:
    assert await db.write(insert("a")) == "id-a"
    assert await db.write(insert_alone("b")) == "id-b"
    assert await db.read(list_names()) == ["a", "b"]
    assert await db.scan(list_names()) == ["a", "b"]


async def test_a_plain_generator_is_an_intent_too(db: Database) -> None:
    def steps() -> Steps[int]:
        yield INSERT(id="x", name="x")
        return 7

    assert await db.write(steps()) == 7


async def test_an_intent_uses_another(db: Database) -> None:
    assert await db.write(insert_two("a", "b")) == ["id-a", "id-b"]


async def test_a_statement_runs_for_many_rows(db: Database) -> None:
    await db.write(insert_many([f"{n:03}" for n in range(100)]))
    assert await db.read(count()) == 100


async def test_a_failed_intent_leaves_nothing_and_its_neighbours_commit(db: Database) -> None:
    await db.write(insert("a"))
    outcomes = await asyncio.gather(
        db.write(insert_then_fail("b")),
        db.write(insert("c")),
        db.write(insert_two("d", "a")),
        db.write(insert("e")),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [NotFound, str, Conflict, str]
    assert await db.read(list_names()) == ["a", "c", "e"]


async def test_a_failed_lone_intent_leaves_nothing(db: Database) -> None:
    with pytest.raises(NotFound, match="something wrong"):
        await db.write(insert_then_fail("a"))
    assert await db.write(insert("b")) == "id-b"
    assert await db.read(list_names()) == ["b"]


async def test_a_violated_constraint_is_a_conflict(db: Database) -> None:
    await db.write(insert("a"))
    with pytest.raises(Conflict, match="Data integrity conflict"):
        await db.write(insert("a"))


async def test_a_write_whose_caller_left_does_not_disturb_others(db: Database) -> None:
    impatient = asyncio.ensure_future(db.write(insert("a")))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await db.write(insert("b")) == "id-b"
    assert "b" in await db.read(list_names())


async def test_many_writers_at_once_are_all_committed(db: Database) -> None:
    await asyncio.gather(*(db.write(insert(f"{n}")) for n in range(600)))
    assert await db.read(count()) == 600


async def test_listeners_hear_notifications(db: Database) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    await db.listen("pools", heard.put_nowait)
    async with asyncio.timeout(10):
        while heard.empty():  # listening may begin a moment later: notifications are hints
            await db.notify("pools", "1")
            await asyncio.sleep(0.01)
        assert await heard.get() == "1"


async def test_a_write_waits_while_another_process_holds_the_lock(tmp_path: Path) -> None:
    import sqlite3

    db = open_database(f"sqlite:///{tmp_path}/a.db")
    await db.open()
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("create table saved_searches (id text, name text, created, updated, doc)")
    other.execute("begin immediate")
    writing = asyncio.ensure_future(db.write(insert("a")))
    await asyncio.wait([writing], timeout=0.05)
    assert not writing.done()
    other.execute("commit")
    assert await writing == "id-a"
    other.close()
    await db.close()


async def test_a_durable_database_commits_as_a_group_too(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/a.db", durable=True)
    await db.open()

    def table() -> Steps[None]:
        yield statement("t", "create table saved_searches (id text primary key, name text, created, updated, doc)")()

    await db.write(table())
    outcomes = await asyncio.gather(*(db.write(insert(name)) for name in ["a", "b", "a", "c"]), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [str, str, Conflict, str]
    await db.close()


async def test_close_finishes_what_was_accepted(empty_url: str) -> None:
    db = open_database(empty_url)
    await db.open()

    def table() -> Steps[None]:
        yield statement(
            "t", "create table saved_searches (id text, name text, created bigint, updated bigint, doc text)"
        )()

    await db.write(table())
    writing = asyncio.gather(*(db.write(insert(f"{n}")) for n in range(50)))
    await asyncio.sleep(0)
    await db.close()
    await writing
    again = open_database(empty_url)
    await again.open()
    assert await again.read(count()) == 50
    await again.close()


async def test_an_unreachable_database_says_where_it_was_looked_for() -> None:
    db = open_database("postgresql://user:secret@127.0.0.1:1/none")
    with pytest.raises(Unavailable) as caught:
        await db.open()
    assert "user@127.0.0.1:1/none" in caught.value.message
    assert "secret" not in caught.value.message


def test_an_unknown_kind_of_database_is_refused() -> None:
    with pytest.raises(SettingInvalid, match="sqlite:// or postgresql://"):
        open_database("mysql://localhost/a")


WRITER = """
import asyncio, sys
from penstock.store import migrations
from penstock.store.open import open_database
from tests.contracts.store.test_database import insert

async def main(url):
    db = open_database(url)
    await db.open()
    await migrations.upgrade(db)
    async def write(worker):
        number = 0
        while True:
            await db.write(insert(f"{worker}-{number}"))
            sys.stdout.write(f"{worker}-{number}\\n")
            sys.stdout.flush()
            number += 1
    await asyncio.gather(*(write(worker) for worker in range(8)))

asyncio.run(main(sys.argv[1]))
"""


async def test_an_acknowledged_write_survives_the_death_of_its_process(database_url: str) -> None:
    root = str(Path(__file__).parents[3])
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, database_url, stdout=asyncio.subprocess.PIPE, cwd=root, env={**os.environ}
    )
    assert writer.stdout is not None
    acknowledged = [(await writer.stdout.readline()).decode().strip() for _ in range(300)]
    writer.send_signal(signal.SIGKILL)
    rest = (await writer.stdout.read()).decode().split("\n")[:-1]  # a line cut off was not acknowledged
    await writer.wait()
    db = open_database(database_url)
    await db.open()
    missing = set(acknowledged + rest) - set(await db.read(list_names()))
    await db.close()
    assert len(acknowledged + rest) >= 300
    assert not missing
