"""What the pages tell of pools: their workers, what waits, and the command that starts a worker."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass

from penstock.client.client import AsyncClient
from penstock.core.pool_types import AGENT_TYPE, PUSH
from penstock.wire import pool_workers, scaling, work_pools
from penstock.wire.model import Criteria
from penstock.wire.pool_workers import PoolWorker, WorkerState
from penstock.wire.scaling import PoolLoad
from penstock.wire.work_pools import WorkPool

MOST_POOLS = 100


@dataclass(frozen=True, slots=True)
class PoolGlance:
    """A pool with who works on it and what it has to do."""

    pool: WorkPool
    workers: list[PoolWorker]
    load: PoolLoad

    @property
    def online(self) -> int:
        """Workers that have given a sign of life lately."""
        return sum(worker.state is not WorkerState.OFFLINE for worker in self.workers)

    @property
    def pushes(self) -> bool:
        """Whether the server starts its runs itself."""
        return self.pool.type.endswith(PUSH)

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
        name = shlex.quote(self.pool.name)
        if self.pushes:
            return None
        return (
            f"penstock agent start --pool {name}"
            if self.pool.type == AGENT_TYPE
            else f"penstock worker start --pool {name}"
        )


async def pools_at_a_glance(api: AsyncClient) -> list[PoolGlance]:
    """All pools, by name."""
    pools = await api.call(work_pools.filter_work_pools, Criteria(limit=MOST_POOLS))
    return list(await asyncio.gather(*(glance(api, pool) for pool in sorted(pools, key=lambda pool: pool.name))))


async def glance(api: AsyncClient, pool: WorkPool) -> PoolGlance:
    """One pool with its workers and its load."""
    workers, load = await asyncio.gather(
        api.call(pool_workers.list_workers_of_pool, name=pool.name),
        api.call(scaling.read_load, name=pool.name),
    )
    return PoolGlance(pool, workers, load)
