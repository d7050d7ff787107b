"""The agent: a host of jobs as a worker is, for runs whose deployments have infrastructure blocks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from penstock.agent.drivers import Drivers
from penstock.agent.launch import BlockLauncher
from penstock.agent.options import AgentOptions
from penstock.agent.queues import QueueClaims, Queues
from penstock.agent.watch import Watch
from penstock.client.client import AsyncClient
from penstock.client.open import open_async_client
from penstock.clock import Clock, SystemClock
from penstock.errors import SettingInvalid
from penstock.ids import new_id
from penstock.infra.process.birth import Kept
from penstock.settings import Settings
from penstock.wire.work_pools import WorkPool
from penstock.worker import cancel, leases, pool
from penstock.worker.adoption import PenstockAdoptions
from penstock.worker.claim import (
    Claims,
    Holder,
    PenstockClaims,
    PrefectClaims,
    Rhythm,
    Taker,
    of_pool,
    open_line,
    speaks_penstock,
)
from penstock.worker.drivers import fork_keeper
from penstock.worker.host import ADOPT_SECONDS, Host, Work
from penstock.worker.jobs import Jobs, Limits
from penstock.worker.options import WorkerOptions
from penstock.worker.reports import Reports
from penstock.worker.run_logs import RunLogs
from penstock.worker.signs import Signs

log = logging.getLogger("penstock.agent")


def run_agent(options: AgentOptions, settings: Settings) -> int:
    """Runs an agent in this process until it has drained after a signal; gives the exit code."""
    if not settings.api.url:
        raise SettingInvalid("An agent needs the address of a server: set PENSTOCK_API_URL.")
    return asyncio.run(_run(options, settings, fork_keeper(None)))


async def _run(options: AgentOptions, settings: Settings, keeper: Kept | None) -> int:
    agent = Agent(options, settings, open_async_client(settings), SystemClock(), keeper)
    agent.host.stop_on_signals()
    await agent.run()
    return 0


class Agent:
    """One agent; `host` is what stops it. The server knows it as it knows workers."""

    def __init__(
        self,
        options: AgentOptions,
        settings: Settings,
        client: AsyncClient,
        clock: Clock,
        keeper: Kept | None = None,
    ) -> None:
        self._options = options
        self._settings = settings
        self._client = client
        self._clock = clock
        self._keeper = keeper
        self._logs = RunLogs(client.blocking, clock)
        self._reports = Reports(client)
        self._queues = Queues(client, options)
        self._signs: Signs | None = None
        self._id = new_id()
        self.name = f"Agent {self._id}"
        self.host = Host(self.name, clock, limit=options.limit, once=options.run_once)

    async def run(self) -> None:
        """Works until stopped, or, once, until what was due has ended."""
        try:
            await self.host.run(self._begin)
        finally:
            if self._signs:
                await self._signs.end()
                log.info("agent %r stopped", self.name)
            await asyncio.to_thread(self._logs.close)
            await self._client.close()

    async def _begin(self) -> Work:
        client, settings = self._client, self._settings
        ready, penstock = await self._queues.prepare(), await speaks_penstock(client)
        self._signs = await self._sign_on(ready, penstock)
        driver = Drivers(settings, self._keeper)
        await driver.open()
        watch = Watch(client, self._id, settings.worker.lease_seconds) if penstock else None
        launcher = BlockLauncher(client, settings, self.name, self._logs, watch)
        jobs = Jobs(driver, launcher, self._reports, self._logs, limits=Limits(title="The agent {!r}"))
        beside = [self._signs.go_on(), cancel.follow_cancellations(settings, jobs), self._watch(jobs, penstock)]
        claims = QueueClaims(self._claims(ready, penstock, self._signs), self._queues, self._clock)
        log.info("agent %r started on work pool %r", self.name, ready.name)
        if reason := await pool.paused(client, ready, self._options.queues):
            log.warning("%s", reason)
        seconds = settings.worker.lease_seconds
        adoptions = PenstockAdoptions(client, ready.name, self.name, self._id, seconds) if penstock else None
        return Work(driver, jobs, claims, f"agent:{ready.name}", beside, adoptions, min(ADOPT_SECONDS, seconds / 2))

    async def _sign_on(self, ready: WorkPool, penstock: bool) -> Signs:
        seen = WorkerOptions(pool=ready.name, queues=self._queues.names, limit=self._options.limit)
        signs = Signs(self._client, seen, self.name, self._settings, self.host, penstock=penstock)
        await signs.give(begins=True)
        return signs

    def _watch(self, jobs: Jobs, penstock: bool) -> Coroutine[None, None, None]:
        told = self._settings.worker
        if penstock:
            return leases.keep_leases(self._client, jobs, self._clock, told.lease_seconds, self._id)
        return cancel.look_for_cancellations(self._client, jobs, self._clock, told.cancellation_poll_seconds)

    def _claims(self, ready: WorkPool, penstock: bool, signs: Signs) -> Claims:
        told, given, names = self._settings.worker, self._options.prefetch_seconds, self._queues.names
        if penstock:
            line = open_line(self._settings)
            ask = of_pool(line, ready.name, names, Holder(self.name, ready.type, told.lease_seconds))
            return PenstockClaims(line, ask, self._reports, self.name, signs.hurry)
        rhythm = Rhythm(self._clock, told.query_seconds, told.prefetch_seconds if given is None else given)
        return PrefectClaims(self._client, Taker(self._client, self._reports, self._logs), ready.name, names, rhythm)
