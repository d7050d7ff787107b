"""`.serve()`: runs what is due of a few deployments in processes of this machine, without a pool."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import msgspec

from penstock.client.client import AsyncClient
from penstock.client.open import open_async_client
from penstock.clock import SystemClock
from penstock.errors import PenstockError
from penstock.infra.process.driver import ProcessInfrastructure
from penstock.infra.protocol import Job
from penstock.settings import Settings
from penstock.wire import deployments
from penstock.wire.deployments import DeploymentPoll, DeploymentUpdate
from penstock.worker import cancel, leases
from penstock.worker.claim import (
    Claims,
    Holder,
    PenstockClaims,
    Rhythm,
    Taker,
    of_deployments,
    open_line,
    speaks_penstock,
)
from penstock.worker.drivers import RUN_SIDE
from penstock.worker.facts import Taken
from penstock.worker.host import Host, Work
from penstock.worker.jobs import Jobs
from penstock.worker.launch import ENTRY, environment, identity, note
from penstock.worker.reports import Reports
from penstock.worker.run_logs import RunLogs

AHEAD_SECONDS = 10.0

log = logging.getLogger("penstock.worker")


def serve_deployments(
    ids: Sequence[UUID], settings: Settings, *, limit: int | None = None, pause_on_shutdown: bool = True
) -> None:
    """Runs what is due of these deployments until a signal; pauses their schedules then, unless told not to."""
    asyncio.run(_serve(list(ids), settings, limit or settings.runner.process_limit, pause_on_shutdown))


async def _serve(ids: list[UUID], settings: Settings, limit: int, pause_on_shutdown: bool) -> None:
    clock = SystemClock()
    client = open_async_client(settings)
    logs = RunLogs(client.blocking, clock)
    host = Host(f"serve {socket.gethostname()} {os.getpid()}", clock, limit=limit)
    host.stop_on_signals()

    async def begin() -> Work:
        await client.call(deployments.read_deployment, id=ids[0])
        return await _begin(ids, settings, client, logs, host.name)

    try:
        await host.run(begin)
        if pause_on_shutdown:
            await _pause(client, ids)
    finally:
        await asyncio.to_thread(logs.close)
        await client.close()


async def _begin(ids: list[UUID], settings: Settings, client: AsyncClient, logs: RunLogs, name: str) -> Work:
    clock, penstock = SystemClock(), await speaks_penstock(client)
    driver = ProcessInfrastructure(settings.home.expanduser(), preload=RUN_SIDE)
    await driver.open()
    reports = Reports(client)
    scope = f"serve:{min(ids)}"
    jobs = Jobs(driver, ServeLauncher(settings, scope, name, announces=not penstock), reports, logs)
    claims: Claims
    if penstock:
        line = open_line(settings)
        seconds = settings.worker.lease_seconds
        claims = PenstockClaims(line, of_deployments(line, ids, Holder(name, driver.kind, seconds)), reports, name)
        watching = leases.keep_leases(client, jobs, clock, seconds)
    else:
        rhythm = Rhythm(clock, settings.runner.poll_frequency, AHEAD_SECONDS)
        claims = DeploymentClaims(client, Taker(client, reports, logs), ids, rhythm)
        watching = cancel.look_for_cancellations(client, jobs, clock, settings.worker.cancellation_poll_seconds)
    beside = [cancel.follow_cancellations(settings, jobs), watching]
    return Work(driver, jobs, claims, scope, beside)


async def _pause(client: AsyncClient, ids: list[UUID]) -> None:
    for id in ids:
        try:
            await client.call(deployments.update_deployment, DeploymentUpdate(paused=True), id=id)
        except PenstockError as error:
            log.warning("deployment %s could not be paused: %s", id, error.message)


class DeploymentClaims:
    """Polls a Prefect server for due runs of some deployments."""

    may_be_left = False

    def __init__(self, client: AsyncClient, taker: Taker, ids: list[UUID], rhythm: Rhythm) -> None:
        self._client = client
        self._taker = taker
        self._ids = ids
        self._rhythm = rhythm

    async def pause(self) -> None:
        await self._rhythm.pause()

    async def claim(self, room: int, *, wait: bool) -> list[Taken]:
        body = DeploymentPoll(deployment_ids=self._ids, scheduled_before=self._rhythm.horizon(), limit=room)
        due = await self._client.call(deployments.scheduled_runs_of_deployments, body)
        return await self._taker.take(due)


class ServeLauncher:
    """Makes the jobs of served deployments: the environment of this process, and nothing to configure."""

    def __init__(self, settings: Settings, scope: str, name: str, *, announces: bool) -> None:
        self._settings = settings
        self._scope = scope
        self._name = name
        self.announces = announces

    async def prepare(self, taken: Taken) -> Job:
        facts = taken.facts
        return Job(
            identity=identity(facts),
            configuration={"working_dir": str(Path.cwd())},
            env={**os.environ, **environment(self._settings, facts, self._name)},
            entry=ENTRY,
            payload=msgspec.json.encode(facts),
            note=note(facts, self._scope, self._name, show=True, grace=taken.grace),
        )
