"""What only PostgreSQL has to cope with: it goes away, and transactions clash."""

from __future__ import annotations

import asyncio

from penstock.errors import Unavailable
from penstock.store import migrations
from penstock.store.database import Steps, intent
from penstock.store.open import open_database
from penstock.store.statements import statement
from tests.contracts.store.test_database import insert, list_names
from tests.live.postgres import Postgres

LOCK = statement("lock", "", "select pg_advisory_xact_lock(:key)")


@intent
def lock_both(first: int, second: int, reached: asyncio.Event) -> Steps[str]:
    yield LOCK(key=first)
    reached.set()
    yield LOCK(key=second)
    return "done"


async def test_a_restart_under_load_loses_nothing_acknowledged(postgres: Postgres, postgres_template: str) -> None:
    db = open_database(postgres.database(template=postgres_template))
    await db.open()
    heard: asyncio.Queue[str] = asyncio.Queue()
    await db.listen("pools", heard.put_nowait)
    acknowledged: set[str] = set()
    refused: list[str] = []
    stop, enough = asyncio.Event(), asyncio.Condition()

    async def write(worker: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            name = f"{worker}-{number}"
            try:
                await db.write(insert(name))
                acknowledged.add(name)
                async with enough:
                    enough.notify_all()
            except Unavailable:
                refused.append(name)

    writers = [asyncio.create_task(write(worker)) for worker in range(8)]
    for mode in ("fast", "immediate"):
        await asyncio.to_thread(postgres.stop, mode)
        await asyncio.to_thread(postgres.start)
        before = len(acknowledged)
        async with asyncio.timeout(20), enough:
            await enough.wait_for(lambda: len(acknowledged) >= before + 100)  # noqa: B023 - awaited before it changes
    stop.set()
    await asyncio.gather(*writers)
    stored = set(await db.read(list_names()))
    assert acknowledged <= stored
    assert stored - acknowledged <= set(refused)
    assert len(refused) <= 8 * 2  # only those whose commit was cut off
    async with asyncio.timeout(10):
        while heard.empty():
            await db.notify("pools", "back")
            await asyncio.sleep(0.01)
    await db.close()


async def test_a_deadlock_is_run_again(postgres: Postgres) -> None:
    db = open_database(postgres.database())
    await db.open()
    await migrations.upgrade(db)
    one, two = asyncio.Event(), asyncio.Event()
    both = await asyncio.gather(db.write(lock_both(1, 2, one)), db.write(lock_both(2, 1, two)))
    assert list(both) == ["done", "done"]
    await db.close()
