"""Carrying out a plan: pools with their queues, blocks, then each deployment in one transaction of the server.

Each step may be done again: what an upgrade that was ended half way has made is found and used. A deployment is as it
was or as it is to be, never something between.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from penstock.client.client import AsyncClient
from penstock.core.pool_types import PUSH
from penstock.core.upgrade_plans import DeploymentUpgrade, PoolPlan, UpgradePlan, UpgradeState, standing_of
from penstock.errors import DeployFailed, NotFound, PenstockError
from penstock.upgrade.busy import PATIENCE, patiently
from penstock.upgrade.outcomes import Did, Outcome, Part, as_they_end
from penstock.upgrade.preparations import block_name, deployments_in, prepare_block, prepare_pool
from penstock.wire import dispatch, upgrades, workers
from penstock.wire.model import Criteria
from penstock.wire.upgrades import UpgradeRemark, UpgradeRequest
from penstock.wire.workers import WorkerStatus

T = TypeVar("T")

UPGRADES = "upgrades"
AT_ONCE = 8
"""Requests that are on their way at once."""
LOOK_AGAIN_IN = 1.0


@dataclass(frozen=True, slots=True)
class Terms:
    """How a plan is carried out: seconds to wait for a worker of each pool (None: not at all) and for busy runs."""

    wait_for_worker: float | None = None
    patience: float = PATIENCE
    force: bool = False


async def check_server(client: AsyncClient) -> None:
    """Raises `DeployFailed` for a server that can't keep what an upgrade changes."""
    try:
        features = (await client.call(dispatch.probe)).features
    except NotFound:
        raise DeployFailed(
            "This is a Prefect server, which can't keep what a deployment was before its upgrade. Copy it to a Penstock"
            " server and upgrade there: `penstock upgrade import --from URL`."
        ) from None
    if UPGRADES not in features:
        raise DeployFailed("This Penstock server is too old to upgrade deployments. Update it, then try again.")


async def apply(client: AsyncClient, plan: UpgradePlan, terms: Terms = Terms()) -> AsyncIterator[Outcome]:
    """Carries out a plan and tells of each part as soon as it is done; what fails, fails alone.

    Raises `DeployFailed` before anything is written when the server can't do it. Whoever stops listening ends it;
    what is on its way to the server by then is still carried out.
    """
    await check_server(client)
    for one in plan.of(UpgradeState.BLOCKED):
        yield Outcome(Part.DEPLOYMENT, one.old.full_name, Did.BLOCKED, " ".join(each.sentence for each in one.faults))
    ready = UpgradePlan(tuple(plan.of(UpgradeState.READY)))
    faults: dict[str, str] = {}
    async for outcome in _prepare(client, ready):
        if outcome.failed:
            faults[outcome.name] = f"The {outcome.part} {outcome.name!r} could not be made: {outcome.reason}"
        yield outcome
    pools = [one for one in ready.pools if one.name not in faults]
    async for outcome in _move_all(client, ready, pools, faults, terms):
        yield outcome
    async for outcome in _left(client, ready):
        yield outcome


async def _prepare(client: AsyncClient, plan: UpgradePlan) -> AsyncIterator[Outcome]:
    gate = asyncio.Semaphore(AT_ONCE)
    async for outcomes in as_they_end([gated(gate, partial(prepare_pool, client, one)) for one in plan.pools]):
        for outcome in outcomes:
            yield outcome
    async for outcome in as_they_end([gated(gate, partial(prepare_block, client, one)) for one in plan.blocks]):
        yield outcome


async def _move_all(
    client: AsyncClient, plan: UpgradePlan, pools: Iterable[PoolPlan], faults: Mapping[str, str], terms: Terms
) -> AsyncIterator[Outcome]:
    """Moves each deployment once its pool has a worker, where that is asked for."""
    served: dict[str, asyncio.Task[str | None]] = {}
    if terms.wait_for_worker is not None:
        for pool in pools:
            if not pool.type.endswith(PUSH):
                if not await _is_served(client, pool.name):
                    yield Outcome(Part.POOL, pool.name, Did.WAITING)
                served[pool.name] = asyncio.create_task(_wait_for_worker(client, pool.name, terms.wait_for_worker))
    gate = asyncio.Semaphore(AT_ONCE)

    async def moved(one: DeploymentUpgrade) -> Outcome:
        fault = _fault(one, faults)
        if fault is None and one.pool is not None and one.pool.name in served:
            fault = await served[one.pool.name]
        if fault is not None:
            return Outcome(Part.DEPLOYMENT, one.old.full_name, Did.FAILED, fault)
        async with gate:
            return await _move(client, one, terms)

    try:
        async for outcome in as_they_end([partial(moved, one) for one in plan.deployments]):
            yield outcome
    finally:
        for task in served.values():
            task.cancel()


def gated(gate: asyncio.Semaphore, work: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
    """Work that begins when there is room for it."""

    async def begun() -> T:
        async with gate:
            return await work()

    return begun


def _fault(one: DeploymentUpgrade, faults: Mapping[str, str]) -> str | None:
    """Why a deployment can't move: a pool or a block that it needs could not be made."""
    needed = [one.pool.name] if one.pool is not None else []
    needed += [block_name(block) for block in one.blocks]
    return next((faults[name] for name in needed if name in faults), None)


async def _move(client: AsyncClient, one: DeploymentUpgrade, terms: Terms) -> Outcome:
    name, deployment = one.old.full_name, one.old.deployment
    if one.after is None:
        return Outcome(Part.DEPLOYMENT, name, Did.FAILED, "The plan does not say what it is to become.")
    remarks = [
        UpgradeRemark(
            code=each.code,
            severity=each.severity.value,
            place=each.place,
            sentence=each.sentence,
            way_out=each.way_out,
        )
        for each in one.remarks
    ]
    body = UpgradeRequest(before=standing_of(deployment), after=one.after, remarks=remarks, force=terms.force)
    ask = partial(client.call, upgrades.upgrade_deployment, body, id=deployment.id)
    try:
        made = await patiently(client, deployment.id, ask, terms.patience)
    except PenstockError as error:
        return Outcome(Part.DEPLOYMENT, name, Did.FAILED, error.message)
    return Outcome(Part.DEPLOYMENT, name, Did.UPGRADED, moved_runs=made.moved_runs)


async def _wait_for_worker(client: AsyncClient, pool: str, seconds: float) -> str | None:
    """Waits until a worker of a pool is online; a sentence when none came."""
    until = time.monotonic() + seconds
    try:
        while not await _is_served(client, pool):
            if time.monotonic() >= until:
                return f"No worker of work pool {pool!r} came online within {seconds:g} seconds."
            await asyncio.sleep(min(LOOK_AGAIN_IN, seconds))
    except PenstockError as error:
        return error.message
    return None


async def _is_served(client: AsyncClient, pool: str) -> bool:
    known = await client.call(workers.filter_workers, Criteria(), work_pool_name=pool)
    return any(worker.status is WorkerStatus.ONLINE for worker in known)


async def _left(client: AsyncClient, plan: UpgradePlan) -> AsyncIterator[Outcome]:
    """The pools that no deployment is in any more; they are kept, for whoever takes the upgrade back."""
    pools = {one.old.deployment.work_pool_name for one in plan.deployments} - {None}
    for pool in sorted(name for name in pools if name is not None):
        try:
            count = await deployments_in(client, pool)
        except PenstockError:
            continue
        if count == 0:
            yield Outcome(Part.POOL, pool, Did.LEFT)
