"""Carrying out a plan: pools with their queues, blocks, then each deployment in one transaction of the server.

Each step may be done again: what an upgrade that was ended half way has made is found and used. A deployment is as it
was or as it is to be, never something between.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from penstock.client.client import AsyncClient
from penstock.core.pool_types import PUSH
from penstock.core.upgrade_plans import DeploymentUpgrade, PoolPlan, UpgradePlan, UpgradeState, standing_of
from penstock.errors import DeployFailed, NotFound, PenstockError
from penstock.upgrade.busy import PATIENCE
from penstock.upgrade.many import Asked, Way, ask_for, parts
from penstock.upgrade.outcomes import Did, Outcome, Part, as_they_end, merged
from penstock.upgrade.preparations import block_name, deployments_in, prepare_block, prepare_pool
from penstock.wire import dispatch, upgrades, workers
from penstock.wire.model import Criteria
from penstock.wire.upgrades import Standing, UpgradeMany, UpgradeOf, UpgradeRemark, UpgradeRequest
from penstock.wire.workers import WorkerStatus

T = TypeVar("T")
Awaited = asyncio.Task[str | None]
"""Ends when a pool has a worker, or with a sentence when none came in time."""

UPGRADES = "upgrade_many"
AT_ONCE = 8
"""Pools and blocks that are made at once."""
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
    served: dict[str, Awaited] = {}
    if terms.wait_for_worker is not None:
        for pool in pools:
            if not pool.type.endswith(PUSH):
                if not await _is_served(client, pool.name):
                    yield Outcome(Part.POOL, pool.name, Did.WAITING)
                served[pool.name] = asyncio.create_task(_wait_for_worker(client, pool.name, terms.wait_for_worker))
    way = Way(client, Did.UPGRADED, terms.patience)
    together = [
        _move(way, part, awaited, terms) for awaited, wanted in _by_wait(plan, faults, served) for part in parts(wanted)
    ]
    try:
        for one in plan.deployments:
            if (fault := _fault(one, faults)) is not None:
                yield Outcome(Part.DEPLOYMENT, one.old.full_name, Did.FAILED, fault)
        async for outcome in merged(together):
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
    if one.after is None:
        return "The plan does not say what it is to become."
    needed = [one.pool.name] if one.pool is not None else []
    needed += [block_name(block) for block in one.blocks]
    return next((faults[name] for name in needed if name in faults), None)


def _by_wait(
    plan: UpgradePlan, faults: Mapping[str, str], served: Mapping[str, Awaited]
) -> Iterator[tuple[Awaited | None, list[DeploymentUpgrade]]]:
    """The deployments that can move, by the worker that they wait for: those of other pools need not wait with them."""
    able = [one for one in plan.deployments if _fault(one, faults) is None]
    for pool in (None, *served):
        yield served.get(pool or ""), [one for one in able if _waits_for(one, served) == pool]


def _waits_for(one: DeploymentUpgrade, served: Mapping[str, Awaited]) -> str | None:
    return one.pool.name if one.pool is not None and one.pool.name in served else None


async def _move(
    way: Way, part: Sequence[DeploymentUpgrade], awaited: Awaited | None, terms: Terms
) -> AsyncIterator[Outcome]:
    fault = await awaited if awaited else None
    if fault is not None:
        for one in part:
            yield Outcome(Part.DEPLOYMENT, one.old.full_name, Did.FAILED, fault)
        return
    bodies = [(one.old, _body(one, one.after, terms)) for one in part if one.after is not None]
    single, call = upgrades.upgrade_deployment, way.client.call
    wanted = [
        Asked(old.full_name, old.deployment.id, partial(call, single, body, id=old.deployment.id))
        for old, body in bodies
    ]
    many = UpgradeMany(upgrades=[UpgradeOf(deployment_id=old.deployment.id, upgrade=body) for old, body in bodies])
    async for outcome in ask_for(way, wanted, partial(call, upgrades.upgrade_many, many)):
        yield outcome


def _body(one: DeploymentUpgrade, after: Standing, terms: Terms) -> UpgradeRequest:
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
    return UpgradeRequest(before=standing_of(one.old.deployment), after=after, remarks=remarks, force=terms.force)


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
