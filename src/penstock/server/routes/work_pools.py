"""Work pools."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from penstock.core.job_templates import check_template
from penstock.core.pool_types import pushed_kind
from penstock.errors import Forbidden, InvalidRequest, NotFound
from penstock.ids import new_id
from penstock.server.bind import Request, handles
from penstock.server.broadcast import PUSH_POOLS
from penstock.server.naming import check_name
from penstock.server.pool_events import differences, pool_event, queue_event
from penstock.server.push_credentials import check_credentials
from penstock.store import work_pools as store
from penstock.store.events import telling
from penstock.store.filters import bounded, select
from penstock.wire import work_pools as wire
from penstock.wire.model import Criteria, changed
from penstock.wire.work_pools import WorkPool, WorkPoolCreate, WorkPoolUpdate
from penstock.wire.work_queues import WorkQueue

RESERVED = "prefect"
"""Names that begin so belong to the server itself; only a pause and a limit of such a pool can be changed."""
DEFAULT_QUEUE = "default"


@handles(wire.create_work_pool)
async def create(at: Request, body: WorkPoolCreate) -> WorkPool:
    """Makes a pool with its default queue."""
    check_name(body.name)
    if body.name.lower().startswith(RESERVED):
        raise Forbidden(
            f"Work pool names that begin with {RESERVED!r} are reserved: choose another than {body.name!r}."
        )
    _check_limit(body.concurrency_limit)
    check_template(body.base_job_template)
    _check_type(body.type)
    await check_credentials(at, body.type, body.base_job_template)
    pool, queue = new_pool(at, body)
    events = [pool_event("created", pool, at.now), queue_event("created", queue, pool, at.now)]
    await at.store.write(telling(store.create(pool, queue), events))
    at.hub.publish_events(events)
    _tell_push(at, pool)
    return await find(at, pool.name)


@handles(wire.filter_work_pools)
async def list_pools(at: Request, body: Criteria) -> list[WorkPool]:
    """Pools by name."""
    return await at.store.scan(store.page(select("work_pools", body, at.store.dialect)))


@handles(wire.count_work_pools)
async def count(at: Request, body: Criteria) -> int:
    """How many pools a filter finds."""
    return await at.store.scan(store.POOLS.count(body, at.store.dialect))


@handles(wire.read_work_pool)
async def read(at: Request, name: str) -> WorkPool:
    """A pool by its name."""
    return await find(at, name)


@handles(wire.update_work_pool)
async def update(at: Request, body: WorkPoolUpdate, name: str) -> None:
    """Changes a pool; its workers and claims see it at once."""
    pool = await find(at, name)
    wanted = _wanted(body)
    if name.lower().startswith(RESERVED) and not set(wanted) <= {"is_paused", "concurrency_limit"}:
        raise Forbidden(f"Of the pool {name!r} only is_paused and concurrency_limit can be changed.")
    _check_limit(body.concurrency_limit if isinstance(body.concurrency_limit, int) else None)
    if "base_job_template" in wanted:
        check_template(wanted["base_job_template"])
        await check_credentials(at, pool.type, wanted["base_job_template"])
    changes = differences(pool, wanted)
    after = structs.replace(pool, **wanted, updated=at.now)
    events = [pool_event("updated", pool, at.now, changes)] if changes else []
    if "is_paused" in changes and after.is_paused:
        events.append(pool_event("paused", pool, at.now))
    await at.store.write(telling(store.replace(after), events))
    at.hub.publish_events(events)
    at.hub.wake(pool.id)


@handles(wire.delete_work_pool)
async def delete(at: Request, name: str) -> None:
    """Deletes a pool with its queues; its deployments and runs stay, without one."""
    pool = await find(at, name)
    if name.lower().startswith(RESERVED):
        raise Forbidden(f"The pool {name!r} belongs to the server and can't be deleted.")
    events = [pool_event("deleted", pool, at.now)]
    await at.store.write(telling(store.delete(pool.id), events))
    at.hub.publish_events(events)
    _tell_push(at, pool)


@handles(wire.read_pool_slots)
async def read_slots(at: Request, body: wire.SlotsQuery, name: str) -> wire.WorkPoolConcurrencyStatus:
    """Who holds a pool's slots, queue by queue."""
    pool = await find(at, name)
    limit = bounded(body.limit)
    held = await at.store.scan(
        store.slots(pool.id, limit, (max(1, body.page) - 1) * limit, bounded(body.flow_run_limit), at.now)
    )
    total = await at.store.scan(store.queue_count(pool.id))
    return wire.WorkPoolConcurrencyStatus(
        active_slots=sum(used for _, used, _ in held),
        concurrency_limit=pool.concurrency_limit,
        queues=[
            wire.WorkQueueConcurrencyStatusDetail(
                queue_id=queue.id,
                queue_name=queue.name,
                concurrency_limit=queue.concurrency_limit,
                active_slots=used,
                flow_runs=runs,
            )
            for queue, used, runs in held
        ],
        count=total,
        limit=limit,
        pages=-(-total // limit) if limit else 0,
        page=max(1, body.page),
    )


async def find(at: Request, name: str) -> WorkPool:
    """The pool of that name; NotFound says which was looked for."""
    pool = await at.store.read(store.read(name))
    if pool is None:
        raise NotFound(f'Work pool "{name}" not found.')
    return pool


def new_pool(at: Request, body: WorkPoolCreate) -> tuple[WorkPool, WorkQueue]:
    """A pool and its default queue, not stored yet."""
    pool_id, queue_id = new_id(), new_id()
    pool = WorkPool(
        id=pool_id,
        created=at.now,
        updated=at.now,
        name=body.name,
        type=body.type,
        storage_configuration=body.storage_configuration,
        description=body.description,
        base_job_template=body.base_job_template,
        is_paused=body.is_paused,
        concurrency_limit=body.concurrency_limit,
        default_queue_id=queue_id,
    )
    queue = WorkQueue(
        id=queue_id,
        created=at.now,
        updated=at.now,
        name=DEFAULT_QUEUE,
        description="Takes every run of the pool that names no other queue.",
        work_pool_id=pool_id,
        priority=1,
    )
    return pool, queue


def _check_type(kind: str) -> None:
    if pushed_kind(kind) == "process":
        raise InvalidRequest(
            "A push pool of processes would run flows on the server's own machine, so there is none: make a pool of"
            " type 'process' and start a worker where its flows may run.",
            loc=("body", "type"),
        )


def _tell_push(at: Request, pool: WorkPool) -> None:
    """The server's own hosts see at once which push pools there are."""
    if pushed_kind(pool.type) is not None:
        at.hub.wake(PUSH_POOLS)


def _wanted(body: WorkPoolUpdate) -> dict[str, Any]:
    """What the body sets; null leaves a field as it is, but takes a limit or a description away."""
    nullable = ("concurrency_limit", "description")
    return {name: value for name, value in changed(body).items() if value is not None or name in nullable}


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 0:
        raise InvalidRequest("Input should be greater than or equal to 0", loc=("body", "concurrency_limit"))
