"""Getting due runs: at once from a Penstock server, by polling from a Prefect server."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from penstock.client.client import AsyncClient, Client
from penstock.client.open import open_client
from penstock.client.transport import HttpTransport
from penstock.clock import Clock
from penstock.errors import NotFound, PenstockError
from penstock.settings import Settings
from penstock.wire import deployments, dispatch, flows, work_pools
from penstock.wire.deployments import Deployment
from penstock.wire.dispatch import Claim, ClaimedRun, DeploymentClaim
from penstock.wire.flow_runs import FlowRun
from penstock.wire.states import OrchestrationStatus, StateType
from penstock.wire.work_pools import PoolPoll, WorkPool
from penstock.worker.facts import RunFacts, Taken
from penstock.worker.reports import Reports
from penstock.worker.run_logs import RunLogs

T = TypeVar("T")

WAIT_SECONDS = 20.0
PATIENCE_SECONDS = 15.0
MOST_AT_ONCE = 50
HANG_UP_SECONDS = 2.0


class Claims(Protocol):
    """Where a worker gets its runs from."""

    may_be_left: bool
    """Whether a claim on its way may be left to itself: a lease gives back what nobody takes in hand."""

    async def pause(self) -> None:
        """What there is to wait for before the next claim; may be cancelled."""
        ...

    async def claim(self, room: int, *, wait: bool) -> list[Taken]:
        """Up to `room` runs that are this worker's now and PENDING; with `wait` it may take until there is one."""
        ...


Ask = Callable[[int, float], list[ClaimedRun]]
"""Claims up to so many runs, waiting so many seconds for the first; blocks."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Under whose name runs are claimed, what its jobs are started with, and how long a lease is."""

    name: str
    kind: str
    lease_seconds: float
    host: UUID | None = None
    """This process, where another could take its jobs in hand."""


def of_pool(client: Client, pool: str, queues: list[str], holder: Holder) -> Ask:
    """Claims runs of a pool, or of some of its queues."""

    def ask(limit: int, seconds: float) -> list[ClaimedRun]:
        body = Claim(
            worker_name=holder.name,
            worker_type=holder.kind,
            work_queue_names=queues,
            limit=limit,
            wait_seconds=seconds,
            lease_seconds=holder.lease_seconds,
            host=holder.host,
        )
        return client.call(dispatch.claim_runs, body, name=pool, timeout=seconds + PATIENCE_SECONDS)

    return ask


def of_deployments(client: Client, ids: list[UUID], holder: Holder) -> Ask:
    """Claims runs of some deployments."""

    def ask(limit: int, seconds: float) -> list[ClaimedRun]:
        body = DeploymentClaim(
            worker_name=holder.name,
            deployment_ids=ids,
            limit=limit,
            wait_seconds=seconds,
            lease_seconds=holder.lease_seconds,
        )
        return client.call(dispatch.claim_deployment_runs, body, timeout=seconds + PATIENCE_SECONDS)

    return ask


def open_line(settings: Settings) -> Client:
    """A client for claims alone: hanging up ends every request of it, and who claims tries again by itself."""
    line = open_client(settings)
    line.manners = replace(line.manners, max_retries=0)
    return line


class PenstockClaims:
    """One request is held by the server until a run is due; a claim that is cancelled hangs up.

    An answer without runs before its time says that something is wanted of the worker: `on_early` is to find out.
    """

    may_be_left = True

    def __init__(
        self, line: Client, ask: Ask, reports: Reports, worker: str, on_early: Callable[[], None] = lambda: None
    ) -> None:
        self._on_early = on_early
        self._line = line
        self._ask = ask
        self._reports = reports
        self._worker = worker

    async def pause(self) -> None:
        """The server does the waiting."""

    async def claim(self, room: int, *, wait: bool) -> list[Taken]:
        limit, seconds = min(room, MOST_AT_ONCE), WAIT_SECONDS if wait else 0.0
        began = time.monotonic()
        calling = asyncio.ensure_future(aside(lambda: self._ask(limit, seconds)))
        try:
            claims = await asyncio.shield(calling)
        except asyncio.CancelledError:
            await self._hang_up(calling)
            raise
        if wait and not claims and time.monotonic() - began < seconds / 2:
            self._on_early()
        return [Taken.by_claim(claim, self._worker) for claim in claims]

    async def _hang_up(self, calling: asyncio.Future[list[ClaimedRun]]) -> None:
        """Ends the request; what was answered all the same is given back."""
        if isinstance(self._line.transport, HttpTransport):
            self._line.transport.abort()
        await asyncio.wait({calling}, timeout=HANG_UP_SECONDS)
        if calling.done() and calling.exception() is None:
            for claim in calling.result():
                message = f"Worker {self._worker!r} was stopped as it was given this run."
                await self._reports.due_again(claim.flow_run.id, claim.attempt, message)


class PrefectClaims:
    """Polls, and takes each run by proposing PENDING; steps and order are the Prefect worker's."""

    may_be_left = False

    def __init__(self, client: AsyncClient, taker: Taker, pool: str, queues: list[str], rhythm: Rhythm) -> None:
        self._client = client
        self._taker = taker
        self._pool = pool
        self._queues = queues
        self._rhythm = rhythm

    async def pause(self) -> None:
        await self._rhythm.pause()

    async def claim(self, room: int, *, wait: bool) -> list[Taken]:
        body = PoolPoll(work_queue_names=self._queues, scheduled_before=self._rhythm.horizon())
        due = await self._client.call(work_pools.scheduled_runs_of_pool, body, name=self._pool)
        if not due:
            return []
        pool = await self._client.call(work_pools.read_work_pool, name=self._pool)
        return await self._taker.take([one.flow_run for one in due[:room]], pool)


class Rhythm:
    """When to poll, and for what is due until when. The first poll waits for nothing."""

    def __init__(self, clock: Clock, every: float, ahead: float) -> None:
        self._clock = clock
        self._every = every
        self._ahead = ahead
        self._begun = False

    async def pause(self) -> None:
        """Waits for the next poll; pollers of one server fall out of step."""
        if self._begun:
            await self._clock.sleep(self._every * random.uniform(0.7, 1.3))

    def horizon(self) -> datetime:
        """Until when a run may be due, to be taken now."""
        self._begun = True
        return self._clock.now() + timedelta(seconds=self._ahead)


class Taker:
    """Takes runs that a poll showed, each by proposing PENDING: others may have been faster."""

    def __init__(self, client: AsyncClient, reports: Reports, logs: RunLogs) -> None:
        self._client = client
        self._reports = reports
        self._logs = logs

    async def take(self, due: list[FlowRun], pool: WorkPool | None = None) -> list[Taken]:
        """Those runs that the server lets us have."""
        taken = await asyncio.gather(*(self._take(run) for run in due))
        return [Taken(facts, pool) for facts in taken if facts]

    async def _take(self, run: FlowRun) -> RunFacts | None:
        """What goes wrong with one run is said and harms no other."""
        try:
            deployment = await self._deployment(run)
            if run.deployment_id and deployment is None:
                return None
            answer = await self._reports.propose(run.id, StateType.PENDING)
            if answer.status is not OrchestrationStatus.ACCEPT:
                return None
            flow = await self._client.call(flows.read_flow, id=run.flow_id)
        except PenstockError as error:
            self._logs.warning(run.id, f"The run could not be taken: {error.message}")
            return None
        return RunFacts(flow_run=run, flow=flow, deployment=deployment)

    async def _deployment(self, run: FlowRun) -> Deployment | None:
        if run.deployment_id is None:
            return None
        try:
            return await self._client.call(deployments.read_deployment, id=run.deployment_id)
        except NotFound:
            message = f"Deployment {run.deployment_id} of this run no longer exists."
            await self._reports.propose(run.id, StateType.CANCELLED, message=message, force=True)
            return None


async def speaks_penstock(client: AsyncClient) -> bool:
    """Whether the server has Penstock's claims; a Prefect server answers 404."""
    try:
        await client.call(dispatch.probe)
    except NotFound:
        return False
    return True


async def aside(work: Callable[[], T]) -> T:
    """Runs a call that may block for long in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

    def call() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as caught:
            error = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=call, name="penstock-claim", daemon=True).start()
    return await done
