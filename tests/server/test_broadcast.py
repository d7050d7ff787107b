"""The hub: waits miss nothing, and hints reach the other replicas where the database can carry them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from penstock.ids import new_id
from penstock.server.backfill import Tail
from penstock.server.broadcast import Broadcast
from penstock.server.recorder import Recorder
from penstock.server.sink import keep_events
from penstock.store.database import Database
from penstock.store.open import open_database
from penstock.wire.events import ReceivedEvent
from tests.live.postgres import Postgres
from tests.server.conftest import until


@pytest.fixture
def hub(db: Database) -> Broadcast:
    return Broadcast(db)


async def test_a_wake_up_ends_all_waits_of_its_pool_only(hub: Broadcast) -> None:
    pool, other = new_id(), new_id()
    waits = [asyncio.create_task(hub.wait_for_run(pool, 60)) for _ in range(3)]
    elsewhere = asyncio.create_task(hub.wait_for_run(other, 60))
    await asyncio.sleep(0)
    hub.wake(pool)
    assert await asyncio.gather(*waits) == [True, True, True]
    assert not elsewhere.done()
    hub.stop()
    assert await elsewhere is False


async def test_a_wake_up_between_the_look_and_the_wait_is_not_missed(hub: Broadcast) -> None:
    pool = new_id()
    position = hub.position(pool)
    hub.wake(pool)
    assert await hub.wait_for_run(pool, 60, since=position)


async def test_a_wait_ends_when_its_time_is_over(hub: Broadcast) -> None:
    assert await hub.wait_for_run(new_id(), 0.001) is False
    assert await hub.wait_for_run(new_id(), 0) is False
    assert not hub._waiters


async def test_nobody_waits_in_a_server_that_stops(hub: Broadcast) -> None:
    hub.stop()
    assert await hub.wait_for_run(new_id(), 60) is False
    assert hub.stopping


async def test_a_topic_calls_back(hub: Broadcast) -> None:
    heard: list[str] = []
    hub.when("schedules", lambda: heard.append("changed"))
    hub.wake("schedules")
    assert heard == ["changed"]


async def test_logs_are_lost_with_a_count_and_the_subscription_lives(hub: Broadcast) -> None:
    subscription = hub.subscribe_logs(lambda line: True)
    subscription._most = 2
    subscription.offer([1, 2, 3, 4])  # type: ignore[list-item] # what is queued does not matter
    assert (await subscription.next(), subscription.lost, subscription.dropped) == ([1, 2], 2, False)


@pytest.fixture
async def replicas(postgres: Postgres, postgres_template: str) -> AsyncIterator[list[Database]]:
    """Two servers' connections to one PostgreSQL database."""
    url = postgres.database(template=postgres_template)
    both = [open_database(url), open_database(url)]
    for one in both:
        await one.open()
    yield both
    for one in both:
        await one.close()


async def attached(store: Database) -> Broadcast:
    hub = Broadcast(store)
    await hub.attach()
    return hub


async def test_a_run_that_one_replica_offers_wakes_the_claims_of_the_other(replicas: list[Database]) -> None:
    here, there = [await attached(store) for store in replicas]
    pool = new_id()
    waiting = asyncio.create_task(there.wait_for_run(pool, 20))

    async def wake_until_heard() -> None:
        while not waiting.done():  # the other one may not listen yet
            here.wake(pool)
            await asyncio.wait({waiting}, timeout=0.05)

    await wake_until_heard()
    assert await waiting


async def test_events_that_one_replica_keeps_are_shown_by_the_other(replicas: list[Database]) -> None:
    here, there = [await attached(store) for store in replicas]
    Tail(replicas[1], there)
    recorder = Recorder(replicas[0], here, keep_events)
    recorder.start()
    seen: list[str] = []
    subscription = there.subscribe_events(lambda event: True)

    async def listen() -> None:
        while events := await subscription.next():
            seen.extend(event.event for event in events)

    listening = asyncio.create_task(listen())
    sent: list[str] = []
    while not seen:  # the other one may not listen yet; what it missed it finds with the first hint it hears
        sent.append(f"number.{len(sent)}")
        now = datetime.now(UTC)
        resource = {"prefect.resource.id": "a.b"}
        event = ReceivedEvent(occurred=now, event=sent[-1], resource=resource, id=new_id(), received=now)
        await recorder.record([event])
        await asyncio.wait({listening}, timeout=0.05)
    await until(lambda: len(seen) >= len(sent))
    assert seen == sent
    there.stop()
    await listening
    await recorder.stop()
