"""What the pages tell of pools: their workers, what waits, and the command that starts a worker."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from penstock.client.client import AsyncClient
from penstock.core.pool_types import AGENT_TYPE, PUSH, start_command
from penstock.ui.run_lists import Asked, list_page
from penstock.wire import pool_workers, scaling, work_pools, work_queues
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import Criteria
from penstock.wire.pool_workers import PoolWorker, WorkerState
from penstock.wire.scaling import PoolLoad
from penstock.wire.work_pools import WorkPool

MOST_POOLS = 100
MOST_AT_WORK = 200
WORKER_LABEL = "prefect.worker.name"


@dataclass(frozen=True, slots=True)
class PoolGlance:
    """A pool with who works on it and what it has to do."""

    pool: WorkPool
    workers: list[PoolWorker]
    load: PoolLoad
    polled: datetime | None = None
    """When somebody asked for its runs, for a pool whose agents give no other sign."""

    @property
    def online(self) -> int:
        """Workers that have given a sign of life lately."""
        return sum(worker.state is not WorkerState.OFFLINE for worker in self.workers)

    @property
    def last_seen(self) -> datetime | None:
        """The last sign of life of any worker."""
        return max((worker.last_heartbeat_time for worker in self.workers), default=None)

    @property
    def pushes(self) -> bool:
        """Whether the server starts its runs itself."""
        return self.pool.type.endswith(PUSH)

    @property
    def by_agents(self) -> bool:
        """Whether agents carry its runs out."""
        return self.pool.type == AGENT_TYPE

    @property
    def word(self) -> str:
        """How it is, in a word: `paused`, `ready`, `nobody` or `idle`."""
        if self.pool.is_paused:
            return "paused"
        if self.pushes or self.online or self.pool.status == "READY":
            return "ready"
        return "nobody" if self.load.due_runs else "idle"

    @property
    def start_command(self) -> str | None:
        """What starts somebody who works on it; None where the server does it itself."""
        return start_command(self.pool.name, self.pool.type)


async def pools_at_a_glance(api: AsyncClient) -> list[PoolGlance]:
    """All pools, by name."""
    pools, workers, loads = await asyncio.gather(
        api.call(work_pools.filter_work_pools, Criteria(limit=MOST_POOLS)),
        api.call(pool_workers.list_workers_by_pool),
        api.call(scaling.list_loads),
    )
    load_of = {load.work_pool: load for load in loads}
    known = [pool for pool in sorted(pools, key=lambda pool: pool.name) if pool.name in load_of]
    polled = await asyncio.gather(*(_polled(api, pool) for pool in known))
    return [
        PoolGlance(pool, workers.get(pool.name, []), load_of[pool.name], at)
        for pool, at in zip(known, polled, strict=True)
    ]


async def glance(api: AsyncClient, pool: WorkPool) -> PoolGlance:
    """One pool with its workers and its load."""
    workers, load, polled = await asyncio.gather(
        api.call(pool_workers.list_workers_of_pool, name=pool.name),
        api.call(scaling.read_load, name=pool.name),
        _polled(api, pool),
    )
    return PoolGlance(pool, sorted(workers, key=_place), load, polled)


def _place(worker: PoolWorker) -> tuple[bool, str]:
    """Where a worker stands: by name, so that no line moves while it is read; those that are gone come last."""
    return worker.state is WorkerState.OFFLINE, worker.name


async def _polled(api: AsyncClient, pool: WorkPool) -> datetime | None:
    if pool.type != AGENT_TYPE:
        return None
    queues = await api.call(work_queues.filter_pool_queues, Criteria(limit=MOST_POOLS), work_pool_name=pool.name)
    return max((queue.last_polled for queue in queues if queue.last_polled), default=None)


async def runs_of_workers(api: AsyncClient, pool: WorkPool, now: datetime) -> dict[str, list[FlowRun]]:
    """The runs that each worker of a pool is at, by its name: of the newest that are active, which are bounded."""
    active, _ = await list_page(
        api, Asked(now=now, pool=pool.name, window="30d", states=("running", "pending")), "", MOST_AT_WORK - 1
    )
    found: dict[str, list[FlowRun]] = {}
    for run in active:
        if name := run.labels.get(WORKER_LABEL):
            found.setdefault(str(name), []).append(run)
    return found
