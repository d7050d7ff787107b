"""`flow-run execute`: hosts one run inside a container or any other job that was made for it.

The run's process is a child, hosted as a worker hosts its own: it can be cancelled from here, and its
end is explained from here. The run was made PENDING by whoever made this job.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import tempfile
from collections.abc import Coroutine
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import msgspec

from penstock.client.client import AsyncClient
from penstock.client.open import open_async_client
from penstock.clock import SystemClock
from penstock.errors import NotFound, PenstockError, SettingInvalid
from penstock.infra.process.birth import Kept
from penstock.infra.process.driver import ProcessInfrastructure
from penstock.infra.protocol import Found, Job
from penstock.settings import Settings, to_environment
from penstock.wire import deployments, flow_runs, flows
from penstock.wire.deployment_versions import VERSION_LABEL, read_pinned_deployment
from penstock.wire.deployments import Deployment
from penstock.wire.flow_runs import FlowRun
from penstock.wire.states import StateType
from penstock.worker import cancel, leases
from penstock.worker.drivers import RUN_SIDE, fork_keeper
from penstock.worker.facts import RunFacts
from penstock.worker.jobs import Jobs
from penstock.worker.launch import ATTEMPT, ENTRY, LEASE, note
from penstock.worker.reports import Reports
from penstock.worker.run_logs import RunLogs

RUN_ID = "PREFECT__FLOW_RUN_ID"
WORKER_NAME = "PREFECT__WORKER_NAME"
ON_SIGTERM = ("PENSTOCK_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR", "PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR")
FINAL = frozenset({StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED})

log = logging.getLogger("penstock.worker")


class OnSigterm(StrEnum):
    """What becomes of the run when the platform ends this job."""

    CRASH = "crash"
    RESCHEDULE = "reschedule"
    """The run is due again, somewhere else; for machines that are taken away at any time."""
    RELINQUISH = "relinquish"
    """The run keeps its state, and the exit code asks the platform to start the job again."""


def execute(run_id: UUID | None, settings: Settings) -> int:
    """Runs a flow run to its end; gives the exit code. Without an id the environment names it."""
    named = os.environ.get(RUN_ID)
    if run_id is None and not named:
        raise SettingInvalid(f"No flow run to execute was named: give its id, or set {RUN_ID}.")
    wish = next((os.environ[name] for name in ON_SIGTERM if name in os.environ), OnSigterm.CRASH)
    try:
        behaviour = OnSigterm(wish.lower())
    except ValueError:
        raise SettingInvalid(f"{ON_SIGTERM[0]} is {wish!r}; it can be {', '.join(OnSigterm)}.") from None
    return asyncio.run(_execute(run_id or UUID(named), settings, behaviour, fork_keeper("process")))


async def _execute(run_id: UUID, settings: Settings, behaviour: OnSigterm, keeper: Kept | None) -> int:
    async with open_async_client(settings) as client:
        run = await client.call(flow_runs.read_flow_run, id=run_id)
        reports = Reports(client)
        if run.state_type is StateType.CANCELLING:
            await reports.cancelled(run.id, None)
            return 0
        attempt = os.environ.get(ATTEMPT)
        execution = Execution(client, settings, reports, behaviour, int(attempt) if attempt else None)
        return await execution.run(run, keeper)


class Execution:
    """One run in its child process."""

    def __init__(
        self, client: AsyncClient, settings: Settings, reports: Reports, behaviour: OnSigterm, attempt: int | None
    ) -> None:
        self._client = client
        self._settings = settings
        self._reports = reports
        self._behaviour = behaviour
        self._attempt = attempt
        self._signalled = False

    async def run(self, run: FlowRun, keeper: Kept | None) -> int:
        """Starts the process, watches it, and gives the exit code that the platform is to see."""
        logs = RunLogs(self._client.blocking, SystemClock())
        with tempfile.TemporaryDirectory(prefix="penstock-run-") as folder:
            driver = ProcessInfrastructure(Path(folder), preload=RUN_SIDE, keeper=keeper)
            jobs = Jobs(driver, None, self._reports, logs)
            try:
                await driver.open()
                return await self._host(run, driver, jobs)
            finally:
                await jobs.abandon()
                await driver.close()
                await asyncio.to_thread(logs.close)

    async def _host(self, run: FlowRun, driver: ProcessInfrastructure, jobs: Jobs) -> int:
        job = await self._job(run)
        started = await driver.start(job)
        jobs.adopt(Found(started.handle, started.pid, job.note), own=True)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, run.id, jobs)
        watching = [
            asyncio.create_task(cancel.follow_cancellations(self._settings, jobs)),
            asyncio.create_task(self._watch(jobs)),
        ]
        end = await driver.wait(started.handle)
        await jobs.until_empty()
        for task in watching:
            task.cancel()
        if self._signalled and self._behaviour is not OnSigterm.CRASH:
            return await self._leave(run.id)
        return 0 if end.code == 0 else 1

    def _watch(self, jobs: Jobs) -> Coroutine[None, None, None]:
        """Keeps the run's lease where it has one, so that it outlives who made this job; looks for its cancellation."""
        if self._attempt is not None and LEASE in os.environ:
            return leases.keep_leases(self._client, jobs, SystemClock(), float(os.environ[LEASE]))
        every = self._settings.worker.cancellation_poll_seconds
        return cancel.look_for_cancellations(self._client, jobs, SystemClock(), every)

    async def _job(self, run: FlowRun) -> Job:
        flow = await self._client.call(flows.read_flow, id=run.flow_id)
        deployment = None
        if run.deployment_id:
            deployment = await self._deployment(run, run.deployment_id)
        facts = RunFacts(flow_run=run, flow=flow, deployment=deployment, attempt=self._attempt)
        return Job(
            identity=str(run.id),
            configuration={"working_dir": str(Path.cwd())},
            env={**os.environ, **to_environment(self._settings), RUN_ID: str(run.id)},
            entry=ENTRY,
            payload=msgspec.json.encode(facts),
            note=note(facts, "", os.environ.get(WORKER_NAME, ""), show=True),
        )

    async def _deployment(self, run: FlowRun, id: UUID) -> Deployment:
        """As the run's own version has it; a Prefect server knows no versions."""
        if VERSION_LABEL in run.labels:
            with suppress(NotFound):
                return await self._client.call(read_pinned_deployment, id=run.id)
        return await self._client.call(deployments.read_deployment, id=id)

    def _on_signal(self, run_id: UUID, jobs: Jobs) -> None:
        """The engine reports the crash itself; for the other behaviours it must not get to that."""
        self._signalled = True
        if self._behaviour is OnSigterm.CRASH:
            jobs.stop_all(grace=30)
        else:
            jobs.lose(run_id, "The platform ends this job", grace=0)

    async def _leave(self, run_id: UUID) -> int:
        if self._behaviour is OnSigterm.RELINQUISH:
            return 1
        run = await self._client.call(flow_runs.read_flow_run, id=run_id)
        if run.state_type in FINAL:
            return 0
        try:
            message = "The infrastructure of the run was taken away; it is scheduled again."
            await self._reports.due_again(run_id, self._attempt, message)
        except PenstockError as error:
            log.error("the run could not be scheduled again: %s", error.message)
            return 1
        return 0
