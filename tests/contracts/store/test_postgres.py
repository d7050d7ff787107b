"""What only PostgreSQL has to cope with: it goes away, and transactions clash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from penstock.errors import Unavailable
from penstock.store.database import Database, Steps, intent
from penstock.store.events import record
from penstock.store.open import open_database
from penstock.store.postgres import PostgresDatabase
from penstock.store.statements import statement
from penstock.store.tallies import announce, changed_hours, tally
from penstock.wire.events import ReceivedEvent
from tests.contracts.store.test_database import insert, list_names
from tests.contracts.store.test_flow_runs import NOW
from tests.contracts.store.test_tallies import LATER, Between
from tests.live.postgres import Postgres

LOCK = statement("lock", "", "select pg_advisory_xact_lock(:key)")
COUNT = statement("count", "select count(*) from events")


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


@pytest.fixture
async def pg(postgres: Postgres, postgres_template: str) -> AsyncIterator[tuple[Database, str]]:
    """An empty database and its address."""
    url = postgres.database(template=postgres_template)
    db = open_database(url)
    await db.open()
    yield db, url
    await db.close()


async def test_a_deadlock_is_run_again(pg: tuple[Database, str]) -> None:
    db, _ = pg
    one, two = asyncio.Event(), asyncio.Event()
    both = await asyncio.gather(db.write(lock_both(1, 2, one)), db.write(lock_both(2, 1, two)))
    assert list(both) == ["done", "done"]


class Held:
    """Lets a transaction wait at a place until it is let go."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("+asyncpg", "")
        self.reached = asyncio.Event()

    async def __aenter__(self) -> Held:
        self._connection = await asyncpg.connect(self._url)
        await self._connection.execute("select pg_advisory_lock(7)")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    def here(self) -> Steps[None]:
        """The place, in an intent."""
        self.reached.set()
        yield LOCK(key=7)

    async def let_go(self) -> None:
        await self._connection.execute("select pg_advisory_unlock(7)")


def an_event(minute: int) -> ReceivedEvent:
    occurred = NOW - timedelta(hours=5) + timedelta(minutes=minute)
    return ReceivedEvent(id=uuid4(), occurred=occurred, received=NOW, event="e", resource={}, related=[], payload={})


@intent
def recorded_and_held(held: Held) -> Steps[None]:
    yield from record([an_event(1)])
    yield from held.here()


@intent
def counted_twice(held: Held, steady: bool) -> Steps[list[int]]:
    first = yield COUNT.steady() if steady else COUNT()
    yield from held.here()
    return [first[0][0], (yield COUNT())[0][0]]


@pytest.mark.parametrize(("steady", "counts"), [(True, [0, 0]), (False, [0, 1])])
async def test_a_steady_scan_sees_one_moment(pg: tuple[Database, str], steady: bool, counts: list[int]) -> None:
    db, url = pg
    async with Held(url) as held:
        scan = asyncio.create_task(db.scan(counted_twice(held, steady)))
        await held.reached.wait()
        await db.write(record([an_event(0)]))
        await held.let_go()
        assert await scan == counts


async def test_an_hour_is_not_counted_before_those_end_who_may_not_know_that_it_is(pg: tuple[Database, str]) -> None:
    db, url = pg
    await db.write(record([an_event(0)]))
    async with Held(url) as held:
        writer = asyncio.create_task(db.write(recorded_and_held(held)))
        await held.reached.wait()
        await announce(db, "events", 0, LATER, 10)
        assert await db.scan(changed_hours(10)) == []
        await held.let_go()
        await writer
    assert len(await db.scan(changed_hours(10))) == 1


async def test_what_is_not_committed_while_an_hour_is_counted_is_not_lost(pg: tuple[Database, str]) -> None:
    db, url = pg
    await db.write(record([an_event(0)]))
    await announce(db, "events", 0, LATER, 10)
    ((noun, hour),) = await db.scan(changed_hours(10))
    async with Held(url) as held:
        writer = asyncio.create_task(db.write(recorded_and_held(held)))
        await held.reached.wait()

        async def commit() -> None:
            await held.let_go()
            await writer

        assert not await tally(Between(db, commit), noun, hour)  # type: ignore[arg-type]  # has what it needs of one
    assert await tally(db, noun, hour)
    kept = statement("kept", "select sum(events) from event_tallies where length = 3600000000")

    def steps() -> Steps[int]:
        return int((yield kept())[0][0])

    assert await db.read(steps()) == 2


async def test_a_scan_is_planned_for_its_values_though_it_has_the_connection_of_others(
    postgres: Postgres, postgres_template: str
) -> None:
    plans = statement("plans", "", "select current_setting('plan_cache_mode')")

    @intent
    def mode() -> Steps[str]:
        return str((yield plans())[0][0])

    url = postgres.database(template=postgres_template).replace("+asyncpg", "")
    for size in (1, 2):
        db = PostgresDatabase(url, pool_size=size)
        await db.open()
        for _ in range(2):
            assert await db.scan(mode()) == "force_custom_plan"
            assert await db.read(mode()) == "auto"
            assert await db.write(mode()) == "auto"
        assert await asyncio.gather(*(db.scan(mode()) for _ in range(3))) == ["force_custom_plan"] * 3
        await db.close()
