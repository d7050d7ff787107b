"""The worker: claims runs of one pool and hosts their jobs until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.client.open import open_async_client
from penstock.clock import Clock, SystemClock
from penstock.core.metrics import Gauge, exposition
from penstock.core.pool_types import AGENT_TYPE, pushed_kind, start_command
from penstock.errors import BadRequest, SettingInvalid
from penstock.ids import new_id
from penstock.infra.process.birth import Kept
from penstock.infra.protocol import Infrastructure
from penstock.settings import Settings
from penstock.wire.work_pools import WorkPool
from penstock.worker import cancel, leases, pool
from penstock.worker.adoption import Adoptions, PenstockAdoptions, PrefectAdoptions
from penstock.worker.announcements import Announcements
from penstock.worker.claim import (
    WAIT_SECONDS,
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
from penstock.worker.drivers import fork_keeper, open_driver
from penstock.worker.health import serve_health
from penstock.worker.host import ADOPT_SECONDS, Host, Work
from penstock.worker.jobs import Jobs
from penstock.worker.launch import PoolLauncher
from penstock.worker.options import WorkerOptions
from penstock.worker.reports import Reports
from penstock.worker.run_logs import RunLogs
from penstock.worker.signs import Signs

STALE_POLLS = 30
LEAST_STALE_SECONDS = 2 * WAIT_SECONDS
"""A claim may be held open for `WAIT_SECONDS`, however often a Prefect server is polled."""

log = logging.getLogger("penstock.worker")


def run_worker(options: WorkerOptions, settings: Settings) -> int:
    """Runs a worker in this process until it has drained after a signal; gives the exit code."""
    if options.name and set(options.name) & set("/%"):
        raise BadRequest(f"The worker name {options.name!r} must not contain '/' or '%'.")
    if not settings.api.url:
        raise SettingInvalid("A worker needs the address of a server: set PENSTOCK_API_URL.")
    return asyncio.run(_run(options, settings, fork_keeper(options.kind)))


async def _run(options: WorkerOptions, settings: Settings, keeper: Kept | None) -> int:
    worker = Worker(options, settings, open_async_client(settings), SystemClock(), keeper)
    worker.host.stop_on_signals()
    await worker.run()
    return 0


def _called(kind: str, id: UUID) -> str:
    """The name of a worker that was given none: `CloudRunWorker <id>`."""
    return f"{''.join(part.title() for part in kind.split('-'))}Worker {id}"


def _refuse(known: WorkPool | None, kind: str | None) -> None:
    """A worker takes runs of its own type alone; an agent pool and a push pool have no workers."""
    if known and known.type == AGENT_TYPE:
        raise BadRequest(
            f"Runs of work pool {known.name!r} are started by an agent, not by a worker:"
            f" {start_command(known.name, known.type)}. For a pool that workers serve:"
            " penstock work-pool create NAME --type process"
        )
    if known and kind and kind != known.type and pushed_kind(known.type) is None:
        raise BadRequest(
            f"Work pool {known.name!r} is for jobs of type {known.type!r}, and this worker starts jobs of type"
            f" {kind!r}. Leave --type out, or make a pool: penstock work-pool create NAME --type {kind}"
        )
    _refuse_push(known)


def _refuse_push(known: WorkPool | None) -> None:
    kind = pushed_kind(known.type) if known else None
    if known and kind is not None:
        raise BadRequest(
            f"Work pool {known.name!r} is a push pool ({known.type}): the server starts its runs itself, so it takes no"
            f" worker. For a pool that workers serve: penstock work-pool create NAME --type {kind}"
        )


class Worker:
    """One worker of one pool; `host` is what stops it."""

    def __init__(
        self,
        options: WorkerOptions,
        settings: Settings,
        client: AsyncClient,
        clock: Clock,
        keeper: Kept | None = None,
    ) -> None:
        self._keeper = keeper
        self._options = options
        self._settings = settings
        self._client = client
        self._clock = clock
        self._logs = RunLogs(client.blocking, clock)
        self._reports = Reports(client)
        self._announcements: Announcements | None = None
        self._signs: Signs | None = None
        self._id = new_id()
        self.name = options.name or _called(options.kind or "process", self._id)
        self.host = Host(self.name, clock, limit=options.limit, once=options.run_once)

    @property
    def is_healthy(self) -> bool:
        """Whether the claiming loop has turned lately."""
        patience = max(STALE_POLLS * self._settings.worker.query_seconds, LEAST_STALE_SECONDS)
        return (self._clock.now() - self.host.turned_at).total_seconds() < patience

    @property
    def _may_create(self) -> bool:
        """A name alone may be a slip; who says a type means a new pool."""
        return self._options.create_pool and self._options.kind is not None

    async def run(self) -> None:
        """Works until stopped, or, with `run_once`, until what was due has ended."""
        health = await self._open_health()
        try:
            await self.host.run(self._begin)
        finally:
            if health:
                health.close()
            if self._signs:
                await self._signs.end()
            if self._announcements:
                await asyncio.to_thread(self._announcements.stopped)
                log.info("worker %r stopped", self.name)
            await asyncio.to_thread(self._logs.close)
            await self._client.close()

    async def _open_health(self) -> asyncio.Server | None:
        if not self._options.with_healthcheck:
            return None
        at = self._settings.worker.webserver
        return await serve_health(at.host, at.port, lambda: self.is_healthy, self._metrics)

    def _metrics(self) -> str:
        """This worker's figures, for a scrape."""
        silent = (self._clock.now() - self.host.turned_at).total_seconds()
        gauges = [
            Gauge("penstock_worker_jobs", "Jobs that run.", self.host.running),
            Gauge("penstock_worker_healthy", "1 while the loop turns.", self.is_healthy),
            Gauge("penstock_worker_draining", "1 once it takes no more runs.", self.host.is_stopping),
            Gauge("penstock_worker_seconds_since_claim", "Since the last answer to a claim.", silent),
        ]
        if self._options.limit is not None:
            gauges.append(Gauge("penstock_worker_capacity", "Most jobs at once.", self._options.limit))
        return exposition(gauges)

    async def _begin(self) -> Work:
        """Begins, or fails at once: the host tries again, and says so."""
        line = self._client.blocking
        patient = line.manners
        line.manners = replace(patient, max_retries=0)
        try:
            return await self._begin_once()
        finally:
            line.manners = patient

    async def _begin_once(self) -> Work:
        options, client = self._options, self._client
        known = await pool.read_pool(client, options.pool)
        _refuse(known, options.kind)
        kind = options.kind or (known.type if known else "process")
        if not options.name:
            self.name = self.host.name = _called(kind, self._id)
        driver = open_driver(kind, self._settings, self._keeper)
        penstock, ready = await asyncio.gather(
            speaks_penstock(client),
            pool.ensure_pool(client, options.pool, driver, options.base_job_template, create=self._may_create),
        )
        await pool.ensure_queues(client, options.pool, options.queues)
        signs = self._signs = Signs(client, options, self.name, self._settings, self.host, penstock=penstock)
        await signs.give(begins=True)
        try:
            await driver.open()
            await self._say_started(kind, ready)
        except BaseException:
            await driver.close()
            raise
        return self._work(driver, kind, ready, penstock, signs)

    def _work(self, driver: Infrastructure, kind: str, ready: WorkPool, penstock: bool, signs: Signs) -> Work:
        launcher = self._launcher(ready, kind, penstock)
        jobs = Jobs(driver, launcher, self._reports, self._logs, self._announcements)
        beside = [
            signs.go_on(),
            cancel.follow_cancellations(self._settings, jobs),
            self._watch(jobs, kind, penstock),
        ]
        claims, adoptions = self._claims(kind, penstock, signs), self._adoptions(kind, penstock)
        often = min(ADOPT_SECONDS, self._settings.worker.lease_seconds / 2)
        return Work(driver, jobs, claims, self._options.pool, beside, adoptions, often)

    def _adoptions(self, kind: str, penstock: bool) -> Adoptions | None:
        """Jobs on this machine are found on it."""
        options, seconds = self._options, self._settings.worker.lease_seconds
        if kind == "process":
            return None
        if penstock:
            return PenstockAdoptions(self._client, options.pool, self.name, self._id, seconds)
        return PrefectAdoptions(self._client, options.pool, self.name)

    def _watch(self, jobs: Jobs, kind: str, penstock: bool) -> Coroutine[None, None, None]:
        """Hears of what is lost and cancelled, whatever the event feed missed."""
        if penstock:
            host = None if kind == "process" else self._id
            return leases.keep_leases(self._client, jobs, self._clock, self._settings.worker.lease_seconds, host)
        return cancel.look_for_cancellations(
            self._client, jobs, self._clock, self._settings.worker.cancellation_poll_seconds
        )

    def _launcher(self, ready: WorkPool, kind: str, penstock: bool) -> PoolLauncher:
        self._reports.labels = {
            "prefect.worker.name": self.name,
            "prefect.worker.type": kind,
            "prefect.work-pool.name": ready.name,
            "prefect.work-pool.id": str(ready.id),
        }
        # A Penstock server knows from the claim whose job it is.
        return PoolLauncher(self._client, self._settings, kind, self.name, announces=not penstock)

    def _claims(self, kind: str, penstock: bool, signs: Signs) -> Claims:
        options = self._options
        if penstock:
            line = open_line(self._settings)
            host = None if kind == "process" else self._id
            holder = Holder(self.name, kind, self._settings.worker.lease_seconds, host)
            ask = of_pool(line, options.pool, options.queues, holder)
            return PenstockClaims(line, ask, self._reports, self.name, signs.hurry)
        told, given = self._settings.worker, options.prefetch_seconds
        rhythm = Rhythm(self._clock, told.query_seconds, told.prefetch_seconds if given is None else given)
        taker = Taker(self._client, self._reports, self._logs)
        return PrefectClaims(self._client, taker, options.pool, options.queues, rhythm)

    async def _say_started(self, kind: str, ready: WorkPool) -> None:
        self._announcements = Announcements(self._client.blocking, self._clock, kind, self.name, ready)
        self._announcements.started()
        log.info("worker %r started on work pool %r", self.name, ready.name)
        if reason := await pool.paused(self._client, ready, self._options.queues):
            log.warning("%s", reason)
