"""Work queues, of a named pool or by id; those without a pool belong to the server's agent pool."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from msgspec import structs

from penstock.core.pool_types import AGENT_POOL
from penstock.core.waiting import POLLED_WITHIN
from penstock.errors import Conflict, InvalidRequest, NotFound
from penstock.ids import new_id
from penstock.server.bind import Request, handles
from penstock.server.naming import check_name
from penstock.server.pool_events import differences, queue_event
from penstock.server.routes.work_pools import find, new_pool
from penstock.store import work_pools
from penstock.store import work_queues as store
from penstock.store.events import telling
from penstock.store.filters import bounded, select
from penstock.wire import work_queues as wire
from penstock.wire.model import Criteria, changed
from penstock.wire.work_pools import SlotsQuery, WorkPool, WorkPoolCreate
from penstock.wire.work_queues import WorkQueue, WorkQueueCreate, WorkQueueUpdate

"""The pool of queues that were made without one, as agents did before there were pools."""


@handles(wire.create_pool_queue)
async def create_in_pool(at: Request, body: WorkQueueCreate, work_pool_name: str) -> WorkQueue:
    """Adds a queue to a pool."""
    return await create_queue(at, body, await find(at, work_pool_name))


@handles(wire.create_work_queue)
async def create(at: Request, body: WorkQueueCreate) -> WorkQueue:
    """Adds a queue to the agent pool."""
    return await create_queue(at, body, await agent_pool(at))


@handles(wire.filter_pool_queues)
async def list_in_pool(at: Request, body: Criteria, work_pool_name: str) -> list[WorkQueue]:
    """A pool's queues, the most important first."""
    await find(at, work_pool_name)
    only = structs.replace(body, work_pools={"name": {"any_": [work_pool_name]}})
    return await at.store.scan(store.page(select("work_queues", only, at.store.dialect), at.now))


@handles(wire.filter_work_queues)
async def list_queues(at: Request, body: Criteria) -> list[WorkQueue]:
    """Queues of all pools."""
    return await at.store.scan(store.page(select("work_queues", body, at.store.dialect), at.now))


@handles(wire.read_pool_queue)
async def read_in_pool(at: Request, work_pool_name: str, name: str) -> WorkQueue:
    """A pool's queue by name."""
    return await _in_pool(at, work_pool_name, name)


@handles(wire.read_work_queue_by_name)
async def read_by_name(at: Request, name: str) -> WorkQueue:
    """A queue of the agent pool by name."""
    return await _in_pool(at, AGENT_POOL, name)


@handles(wire.read_work_queue)
async def read(at: Request, id: UUID) -> WorkQueue:
    """A queue by id."""
    return await _by_id(at, id)


@handles(wire.update_pool_queue)
async def update_in_pool(at: Request, body: WorkQueueUpdate, work_pool_name: str, name: str) -> None:
    """Changes a pool's queue found by name."""
    await _update(at, await _in_pool(at, work_pool_name, name), body)


@handles(wire.update_work_queue)
async def update(at: Request, body: WorkQueueUpdate, id: UUID) -> None:
    """Changes a queue found by id."""
    await _update(at, await _by_id(at, id), body)


@handles(wire.delete_pool_queue)
async def delete_in_pool(at: Request, work_pool_name: str, name: str) -> None:
    """Deletes a pool's queue found by name."""
    await _delete(at, await _in_pool(at, work_pool_name, name))


@handles(wire.delete_work_queue)
async def delete(at: Request, id: UUID) -> None:
    """Deletes a queue found by id."""
    await _delete(at, await _by_id(at, id))


@handles(wire.read_work_queue_status)
async def read_status(at: Request, id: UUID) -> wire.WorkQueueStatusDetail:
    """Whether a queue is polled and its runs start in time."""
    queue = await _by_id(at, id)
    late = await at.store.read(store.late_runs(id))
    policy = wire.WorkQueueHealthPolicy()
    polled = queue.last_polled is not None and at.now - queue.last_polled <= POLLED_WITHIN
    return wire.WorkQueueStatusDetail(
        healthy=polled and late <= (policy.maximum_late_runs or 0),
        late_runs_count=late,
        last_polled=queue.last_polled,
        health_check_policy=policy,
    )


@handles(wire.read_queue_slots)
async def read_slots(at: Request, body: SlotsQuery, id: UUID) -> wire.WorkQueueConcurrencyStatus:
    """Who holds a queue's slots."""
    queue = await _by_id(at, id)
    limit, page = bounded(body.limit), max(1, body.page)
    used = await at.store.read(store.active_runs(id))
    return wire.WorkQueueConcurrencyStatus(
        active_slots=used,
        concurrency_limit=queue.concurrency_limit,
        flow_runs=await at.store.scan(work_pools.slot_holders(id, limit, (page - 1) * limit, at.now)),
        count=used,
        limit=limit,
        pages=-(-used // limit) if limit else 0,
        page=page,
    )


async def create_queue(at: Request, body: WorkQueueCreate, pool: WorkPool) -> WorkQueue:
    """Adds a queue to a pool; also used where a deployment names one that is not there yet."""
    check_name(body.name)
    _check_numbers(body.priority, body.concurrency_limit)
    queue = WorkQueue(
        id=new_id(),
        created=at.now,
        updated=at.now,
        name=body.name,
        description=body.description or "",
        is_paused=body.is_paused,
        concurrency_limit=body.concurrency_limit,
        work_pool_id=pool.id,
        filter=body.filter,
    )
    events = [queue_event("created", queue, pool, at.now)]
    await at.store.write(telling(store.create(queue, body.priority), events))
    at.hub.publish_events(events)
    return await _by_id(at, queue.id)


async def agent_pool(at: Request) -> WorkPool:
    """The server's own agent pool, made when it is first needed."""
    pool = await at.store.read(work_pools.read(AGENT_POOL))
    if pool is None:
        made, queue = new_pool(at, WorkPoolCreate(name=AGENT_POOL))
        with suppress(Conflict):  # another request made it in between
            await at.store.write(work_pools.create(made, queue))
        pool = await find(at, AGENT_POOL)
    return pool


async def _by_id(at: Request, id: UUID) -> WorkQueue:
    queue = await at.store.read(store.read(id, at.now))
    if queue is None:
        raise NotFound("Work Queue not found.")
    return queue


async def _in_pool(at: Request, pool: str, name: str) -> WorkQueue:
    queue = await at.store.read(store.read_in_pool(pool, name, at.now))
    if queue is None:
        raise NotFound(f"Work queue '{pool}/{name}' not found.")
    return queue


async def _update(at: Request, queue: WorkQueue, body: WorkQueueUpdate) -> None:
    pool = await find(at, queue.work_pool_name or AGENT_POOL)
    wanted = _wanted(body)
    _check_numbers(wanted.get("priority"), wanted.get("concurrency_limit"))
    if "name" in wanted:
        check_name(wanted["name"])
    changes = differences(queue, wanted)
    events = [queue_event("updated", queue, pool, at.now, changes)] if changes else []
    if changes.get("is_paused", {}).get("to"):
        events.append(queue_event("paused", queue, pool, at.now))
    after = structs.replace(queue, **wanted, updated=at.now)
    await at.store.write(telling(store.replace(after), events))
    at.hub.publish_events(events)
    at.hub.wake(pool.id)


async def _delete(at: Request, queue: WorkQueue) -> None:
    pool = await find(at, queue.work_pool_name or AGENT_POOL)
    if queue.id == pool.default_queue_id:
        raise Conflict(f"{queue.name!r} is the default queue of the pool {pool.name!r} and can't be deleted.")
    events = [queue_event("deleted", queue, pool, at.now)]
    await at.store.write(telling(store.delete(queue.id), events))
    at.hub.publish_events(events)


def _wanted(body: WorkQueueUpdate) -> dict[str, Any]:
    """What the body sets; null takes a limit away and leaves other fields. Polls tell when a queue was polled."""
    return {
        name: value
        for name, value in changed(body).items()
        if name != "last_polled" and (value is not None or name == "concurrency_limit")
    }


def _check_numbers(priority: int | None, limit: int | None) -> None:
    if priority is not None and priority < 1:
        raise InvalidRequest("Input should be greater than 0", loc=("body", "priority"))
    if limit is not None and limit < 0:
        raise InvalidRequest("Input should be greater than or equal to 0", loc=("body", "concurrency_limit"))
