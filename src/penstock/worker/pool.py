"""A worker's side of its pool: making sure it exists and has a template, and signs of life."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from penstock.client.client import AsyncClient
from penstock.errors import Conflict, NotFound, PenstockError
from penstock.infra.protocol import Infrastructure
from penstock.infra.templates import base_job_template
from penstock.names import nearest
from penstock.wire import admin, pool_workers, work_pools, work_queues, workers
from penstock.wire.model import Criteria
from penstock.wire.pool_workers import Wish, WorkerSign
from penstock.wire.work_pools import WorkPool, WorkPoolCreate, WorkPoolStorageConfiguration, WorkPoolUpdate
from penstock.wire.work_queues import WorkQueueCreate
from penstock.wire.workers import WorkerHeartbeat

log = logging.getLogger("penstock.worker")


async def read_pool(client: AsyncClient, name: str) -> WorkPool | None:
    """The pool, or None when there is none of this name."""
    try:
        return await client.call(work_pools.read_work_pool, name=name)
    except NotFound:
        return None


async def ensure_pool(
    client: AsyncClient, name: str, driver: Infrastructure, template: dict[str, Any] | None, *, create: bool
) -> WorkPool:
    """The pool, made if need be, with a template. `NotFound` when it is missing and may not be made."""
    pool = await read_pool(client, name)
    if pool is not None and pool.base_job_template:
        return pool
    wanted = template or await _offered(client, driver)
    if pool is None and create:
        pool = await _create(client, name, driver.kind, wanted)
    if pool is None:
        raise NotFound(await _missing(client, name))
    if not pool.base_job_template:
        await client.call(work_pools.update_work_pool, WorkPoolUpdate(base_job_template=wanted), name=name)
        pool = await client.call(work_pools.read_work_pool, name=name)
    return pool


async def ensure_queues(client: AsyncClient, pool: str, names: list[str]) -> None:
    """Makes the queues of a pool that are not there yet."""
    if not names:
        return
    found = await client.call(work_queues.filter_pool_queues, Criteria(), work_pool_name=pool)
    for name in sorted(set(names) - {queue.name for queue in found}):
        with suppress(Conflict):
            await client.call(work_queues.create_pool_queue, WorkQueueCreate(name=name), work_pool_name=pool)
            log.info("work queue %r of work pool %r did not exist, and was created", name, pool)


async def _missing(client: AsyncClient, name: str) -> str:
    """That there is no such pool, the nearest name, and how to have it made."""
    known = await client.call(work_pools.filter_work_pools, Criteria())
    near = nearest(name, [pool.name for pool in known])
    meant = f" Did you mean {near!r}?" if near else ""
    return f"There is no work pool {name!r}.{meant} To have it made, say its type, such as: --type process"


async def _offered(client: AsyncClient, driver: Infrastructure) -> dict[str, Any]:
    """What the server offers for this kind, as there jobs have bodies that variables alone do not make; else those."""
    return await offered(client, driver.kind) or base_job_template(driver.Variables)


async def offered(client: AsyncClient, kind: str) -> dict[str, Any] | None:
    """The base job template that the server offers for pools of a type; None where it offers none."""
    with suppress(NotFound):
        view = await client.call(admin.read_collection_view, view="aggregate-worker-metadata")
        for types in view.values():
            if about := types.get(kind):
                return dict(about["default_base_job_configuration"])
    return None


async def _create(client: AsyncClient, name: str, kind: str, template: dict[str, Any]) -> WorkPool:
    body = WorkPoolCreate(
        name=name,
        type=kind,
        base_job_template=template,
        storage_configuration=WorkPoolStorageConfiguration(),
    )
    try:
        created = await client.call(work_pools.create_work_pool, body)
        log.info("work pool %r of type %r did not exist, and was created", name, kind)
        return created
    except Conflict:
        return await client.call(work_pools.read_work_pool, name=name)


async def beat(client: AsyncClient, pool: str, worker: str, seconds: float) -> None:
    """Tells the server that this worker lives."""
    body = WorkerHeartbeat(name=worker, heartbeat_interval_seconds=int(seconds))
    await client.call(workers.worker_heartbeat, body, work_pool_name=pool)


async def sign(client: AsyncClient, pool: str, sent: WorkerSign) -> Wish:
    """Tells a Penstock server that this worker lives and how it stands; gives what is wanted of it."""
    return (await client.call(pool_workers.sign_of_life, sent, name=pool)).wish


async def paused(client: AsyncClient, pool: WorkPool, queues: list[str]) -> str | None:
    """Why nothing will come from this pool for now, in one sentence; None when runs can come."""
    if pool.is_paused:
        return f"The work pool {pool.name!r} is paused: its runs start once it is resumed."
    try:
        found = await client.call(work_queues.filter_pool_queues, Criteria(), work_pool_name=pool.name)
    except PenstockError:
        return None
    wanted = [queue for queue in found if not queues or queue.name in queues]
    if wanted and all(queue.is_paused for queue in wanted):
        return f"All work queues this worker takes runs from are paused: {', '.join(q.name for q in wanted)}."
    return None
