"""A push pool's host: a push pool is a worker that the server runs for you.

It claims, starts, watches, adopts and stops as a worker does, over the server's API, but within the server's process.
Jobs run elsewhere, so it may end at any time: other replicas, or the next start, take its jobs in hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from uuid import UUID

from penstock.client.client import AsyncClient, Client
from penstock.clock import Clock
from penstock.core.pool_types import pushed_kind
from penstock.errors import PenstockError
from penstock.ids import new_id
from penstock.infra.protocol import Infrastructure
from penstock.settings import Settings
from penstock.wire.work_pools import WorkPool
from penstock.worker import leases, pool
from penstock.worker.adoption import PenstockAdoptions
from penstock.worker.claim import Holder, PenstockClaims, of_pool
from penstock.worker.drivers import open_driver
from penstock.worker.host import ADOPT_SECONDS, Host, Work
from penstock.worker.jobs import Jobs, Limits
from penstock.worker.launch import PoolLauncher
from penstock.worker.reports import Reports
from penstock.worker.run_logs import RunLogs

NAME = "penstock-server"
"""Under which name runs are claimed: the same for all replicas, which are told apart by their host."""

Hear = Callable[[Callable[[UUID], None]], Coroutine[None, None, None]]
"""Calls back with runs that are to be cancelled, without end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host works: its ways to the server, the settings that its jobs get, and how long those may run."""

    client: AsyncClient
    line: Client
    """For claims alone, which wait."""
    settings: Settings
    hear: Hear
    lease_seconds: float
    run_seconds: float
    clock: Clock


class PushHost:
    """The host of one push pool. `open_driver` says what its jobs run on; a test may give another."""

    def __init__(self, served: WorkPool, place: Place, driver: Infrastructure | None = None) -> None:
        self._pool = served
        self._kind = pushed_kind(served.type) or served.type
        self._place = place
        self._driver = driver
        self._id = new_id()
        self._logs = RunLogs(place.client.blocking, place.clock)
        self._host = Host(NAME, place.clock)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to claim, once the pool's template is there."""
        self._task = asyncio.create_task(self._run(), name=f"push {self._pool.name}")

    def problem(self) -> str | None:
        """Why it has ended by itself; None while it works."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        error = self._task.exception()
        return error.message if isinstance(error, PenstockError) else repr(error) if error else "it ended"

    def drain(self) -> None:
        """Claims nothing more; ends by itself when its jobs have."""
        self._host.stop()

    async def close(self) -> None:
        """Ends soon, and leaves its jobs to other hosts."""
        self._host.leave()
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._host.run(self._begin)
        finally:
            await asyncio.to_thread(self._logs.close)
            await self._place.client.close()
            self._place.line.close()

    async def _begin(self) -> Work:
        place, name = self._place, self._pool.name
        driver = self._driver or open_driver(self._kind, place.settings, within_server=True)
        ready = await pool.ensure_pool(place.client, name, driver, None, create=False)
        await driver.open()
        reports = Reports(place.client)
        launcher = PoolLauncher(place.client, place.settings, self._kind, NAME, announces=False, surroundings={})
        jobs = Jobs(driver, launcher, reports, self._logs, limits=Limits(place.run_seconds, "The server", shows=False))
        holder = Holder(NAME, self._kind, place.lease_seconds, self._id)
        claims = PenstockClaims(place.line, of_pool(place.line, name, [], holder), reports, NAME)
        beside = [
            leases.keep_leases(place.client, jobs, place.clock, place.lease_seconds, self._id),
            place.hear(jobs.cancel),
        ]
        adoptions = PenstockAdoptions(place.client, name, NAME, self._id, place.lease_seconds)
        often = min(ADOPT_SECONDS, place.lease_seconds / 2)
        return Work(driver, jobs, claims, ready.name, beside, adoptions, often)
