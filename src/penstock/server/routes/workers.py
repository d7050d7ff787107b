"""Workers of a pool."""

from __future__ import annotations

from msgspec import structs

from penstock.errors import NotFound
from penstock.ids import new_id
from penstock.server.bind import Request, handles
from penstock.server.naming import check_name
from penstock.server.routes.work_pools import find
from penstock.store import workers as store
from penstock.store.claims import keep_pending
from penstock.store.filters import select
from penstock.wire import workers as wire
from penstock.wire.model import Criteria
from penstock.wire.workers import Worker, WorkerHeartbeat


@handles(wire.worker_heartbeat)
async def heartbeat(at: Request, body: WorkerHeartbeat, work_pool_name: str) -> None:
    """A worker's sign of life; its first one makes it known."""
    check_name(body.name)
    pool = await find(at, work_pool_name)
    interval = body.heartbeat_interval_seconds
    seconds = None if interval is None else round(interval)
    await at.store.write(store.heartbeat(new_id(), pool.id, body.name, seconds, at.now))
    await at.store.write(keep_pending(body.name, at.now))


@handles(wire.filter_workers)
async def list_workers(at: Request, body: Criteria, work_pool_name: str) -> list[Worker]:
    """A pool's workers, last heard of first."""
    await find(at, work_pool_name)
    only = structs.replace(body, work_pools={"name": {"any_": [work_pool_name]}})
    return await at.store.scan(store.page(select("workers", only, at.store.dialect)))


@handles(wire.delete_worker)
async def delete(at: Request, work_pool_name: str, name: str) -> None:
    """Forgets a worker; one that lives makes itself known again."""
    pool = await find(at, work_pool_name)
    if not await at.store.write(store.delete(pool.id, name)):
        raise NotFound("Worker not found.")
