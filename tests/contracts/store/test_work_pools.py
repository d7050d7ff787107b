"""Pools, queues and workers on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from penstock.errors import Conflict
from penstock.ids import new_id
from penstock.store import push_problems, work_pools, work_queues, workers
from penstock.store.database import Database
from penstock.store.filters import select
from penstock.wire.model import Criteria
from penstock.wire.work_pools import WorkPool, WorkPoolStatus
from penstock.wire.work_queues import WorkQueue, WorkQueueStatus
from penstock.wire.workers import WorkerStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def make_pool(db: Database, name: str = "pool") -> WorkPool:
    pool = WorkPool(id=new_id(), name=name, type="process", created=NOW, updated=NOW)
    await db.write(work_pools.create(pool, queue_of(pool, "default")))
    return pool


def queue_of(pool: WorkPool, name: str) -> WorkQueue:
    return WorkQueue(id=new_id(), name=name, work_pool_id=pool.id, created=NOW, updated=NOW)


async def status_of(db: Database, name: str = "pool") -> WorkPoolStatus | None:
    pool = await db.read(work_pools.read(name))
    assert pool is not None
    return pool.status


async def test_a_name_is_given_once(db: Database) -> None:
    await make_pool(db)
    with pytest.raises(Conflict, match="'pool' exists already"):
        await make_pool(db)


async def test_a_pool_is_ready_while_a_worker_is_heard_of(db: Database) -> None:
    pool = await make_pool(db)
    assert await status_of(db) == WorkPoolStatus.NOT_READY
    await db.write(workers.heartbeat(new_id(), pool.id, "w", 30, NOW))
    assert await status_of(db) == WorkPoolStatus.READY
    assert await db.write(workers.mark_offline(3, 30, NOW + timedelta(seconds=90))) == set()
    assert await db.write(workers.mark_offline(3, 30, NOW + timedelta(seconds=91))) == {pool.id}
    assert await status_of(db) == WorkPoolStatus.NOT_READY
    await db.write(work_pools.replace(structs.replace(pool, is_paused=True)))
    assert await status_of(db) == WorkPoolStatus.PAUSED


async def test_a_worker_is_known_once_by_its_name_in_the_pool(db: Database) -> None:
    pool, other = await make_pool(db), await make_pool(db, "other")
    for seconds in (0, 30):
        await db.write(workers.heartbeat(new_id(), pool.id, "w", 30, NOW + timedelta(seconds=seconds)))
    await db.write(workers.heartbeat(new_id(), other.id, "w", None, NOW))
    only = Criteria(work_pools={"name": {"any_": ["pool"]}}, workers={"status": {"any_": ["ONLINE"]}})
    found = await db.scan(workers.page(select("workers", only, db.dialect)))
    assert [(worker.name, worker.status) for worker in found] == [("w", WorkerStatus.ONLINE)]
    assert found[0].last_heartbeat_time == NOW + timedelta(seconds=30)
    assert await db.write(workers.delete(pool.id, "w"))
    assert not await db.write(workers.delete(pool.id, "w"))


async def test_queues_take_their_place_and_others_step_down(db: Database) -> None:
    pool = await make_pool(db)
    await db.write(work_queues.create(queue_of(pool, "a"), None))
    await db.write(work_queues.create(queue_of(pool, "b"), 1))
    only = Criteria(work_pools={"name": {"any_": ["pool"]}})
    found = await db.scan(work_queues.page(select("work_queues", only, db.dialect), NOW))
    assert [(queue.name, queue.priority) for queue in found] == [("b", 1), ("default", 2), ("a", 3)]
    await db.write(work_queues.replace(structs.replace(found[2], priority=1)))
    found = await db.scan(work_queues.page(select("work_queues", only, db.dialect), NOW))
    assert [(queue.name, queue.priority) for queue in found] == [("a", 1), ("b", 2), ("default", 3)]


async def test_a_queue_is_ready_for_a_minute_after_a_poll(db: Database) -> None:
    pool = await make_pool(db)
    queue = await db.read(work_queues.read_in_pool("pool", "default", NOW))
    assert queue is not None
    assert queue.status == WorkQueueStatus.NOT_READY
    assert queue.work_pool_name == pool.name
    await db.write(work_queues.mark_polled([queue.id], NOW))
    for seconds, expected in ((60, WorkQueueStatus.READY), (61, WorkQueueStatus.NOT_READY)):
        queue = await db.read(work_queues.read(queue.id, NOW + timedelta(seconds=seconds)))
        assert queue is not None
        assert queue.status == expected
        assert queue.last_polled == NOW


async def test_a_deleted_pool_leaves_no_queue_and_no_worker(db: Database) -> None:
    pool = await make_pool(db)
    await db.write(workers.heartbeat(new_id(), pool.id, "w", None, NOW))
    await db.write(work_pools.delete(pool.id))
    assert await db.read(work_pools.read("pool")) is None
    assert await db.scan(work_queues.page(select("work_queues", Criteria(), db.dialect), NOW)) == []
    assert await db.scan(workers.page(select("workers", Criteria(), db.dialect))) == []


async def test_a_push_pool_is_ready_unless_the_server_says_why_not(db: Database) -> None:
    pool = WorkPool(id=new_id(), name="pushed", type="ecs:push", created=NOW, updated=NOW)
    await db.write(work_pools.create(pool, queue_of(pool, "default")))
    assert await status_of(db, "pushed") is WorkPoolStatus.READY
    await db.write(push_problems.tell(pool.id, "no answer", NOW))
    await db.write(push_problems.tell(pool.id, "still none", NOW))
    await db.write(push_problems.forget(NOW + timedelta(seconds=60), frozenset()))
    assert await status_of(db, "pushed") is WorkPoolStatus.NOT_READY
    await db.write(push_problems.forget(NOW, frozenset({pool.id})))
    assert await status_of(db, "pushed") is WorkPoolStatus.READY
