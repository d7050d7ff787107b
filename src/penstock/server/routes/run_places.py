"""Where runs go: the queue of a pool and queue name, made when it is missing."""

from __future__ import annotations

from uuid import UUID

from penstock.errors import Conflict
from penstock.ids import new_id
from penstock.server.bind import Request
from penstock.server.routes.work_pools import find
from penstock.server.routes.work_queues import agent_pool
from penstock.store import work_queues
from penstock.wire.work_pools import WorkPool
from penstock.wire.work_queues import WorkQueue


async def place_of(at: Request, pool_name: str | None, queue_name: str | None) -> UUID | None:
    """The id of the queue that a pool's and a queue's name mean; None without names. NotFound for an unknown pool."""
    if pool_name is None and queue_name is None:
        return None
    pool = await (find(at, pool_name) if pool_name is not None else agent_pool(at))
    if queue_name is None:
        return pool.default_queue_id
    queue = await at.store.read(work_queues.read_in_pool(pool.name, queue_name, at.now))
    return queue.id if queue else await _new_queue(at, pool, queue_name)


async def _new_queue(at: Request, pool: WorkPool, name: str) -> UUID:
    queue = WorkQueue(id=new_id(), created=at.now, updated=at.now, name=name, work_pool_id=pool.id)
    try:
        return (await at.store.write(work_queues.create(queue, None))).id
    except Conflict:
        known = await at.store.read(work_queues.read_in_pool(pool.name, name, at.now))
        if known is None:
            raise
        return known.id
