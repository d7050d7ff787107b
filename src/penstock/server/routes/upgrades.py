"""Upgrades of deployments from agents to workers: written and taken back, each whole or not at all, and read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from uuid import UUID

from penstock.errors import BadRequest, Conflict, InvalidRequest, NotFound, PenstockError
from penstock.ids import new_id
from penstock.server.announce import wake
from penstock.server.bind import Encoded, Request, handles
from penstock.server.broadcast import COLLISIONS
from penstock.server.loops.schedule import horizon_of
from penstock.server.routes.deployment_checks import variable_fault
from penstock.server.routes.run_places import place_of
from penstock.server.routes.work_pools import find as find_pool
from penstock.store import upgrades as store
from penstock.store.database import Intent
from penstock.store.events import event_of
from penstock.store.upgrades import Found, Switch, Switched
from penstock.wire import upgrades as wire
from penstock.wire.deployments import Deployment
from penstock.wire.upgrades import (
    RollbackMany,
    RollbackRequest,
    Standing,
    Upgrade,
    UpgradeMany,
    UpgradeOutcome,
    UpgradeRequest,
    UpgradesOf,
)
from penstock.wire.work_pools import WorkPool

MOST = 200
AT_ONCE = 4
"""Transactions of one request that are on their way at once: the database has others to answer."""
FAULTS = (BadRequest, Conflict, InvalidRequest, NotFound)
"""What is wrong with one deployment, and says nothing of the others."""

Prepare = Callable[[Found], Awaitable[Intent[Switched]]]
Result = Upgrade | PenstockError


@handles(wire.upgrade_deployment)
async def upgrade(at: Request, body: UpgradeRequest, id: UUID) -> Upgrade:
    """Moves a deployment to a pool of workers; the same again answers what is recorded."""
    site = _Site(at)
    return _only(await _carry_out(at, {id: lambda found: site.upgrade(found, body)}))


@handles(wire.upgrade_many)
async def upgrade_many(at: Request, body: UpgradeMany) -> list[UpgradeOutcome]:
    """Moves many deployments; the answer says in their order what became of each."""
    _check_count([one.deployment_id for one in body.upgrades], "upgrades")
    site = _Site(at)

    def prepare(body: UpgradeRequest) -> Prepare:
        return lambda found: site.upgrade(found, body)

    return _outcomes(await _carry_out(at, {one.deployment_id: prepare(one.upgrade) for one in body.upgrades}))


@handles(wire.roll_back_upgrade)
async def roll_back(at: Request, body: RollbackRequest, id: UUID) -> Upgrade:
    """Moves a deployment back to where its upgrade found it; the same again answers what is recorded."""
    site = _Site(at)
    return _only(await _carry_out(at, {id: lambda found: site.roll_back(found, force=body.force)}))


@handles(wire.roll_back_many)
async def roll_back_many(at: Request, body: RollbackMany) -> list[UpgradeOutcome]:
    """Moves many deployments back; the answer says in their order what became of each."""
    _check_count(body.deployment_ids, "deployment_ids")
    site = _Site(at)

    async def prepare(found: Found) -> Intent[Switched]:
        return await site.roll_back(found, force=body.force)

    return _outcomes(await _carry_out(at, dict.fromkeys(body.deployment_ids, prepare)))


@handles(wire.read_upgrade)
async def read(at: Request, id: UUID) -> Encoded:
    """The newest upgrade of a deployment."""
    found = await at.store.read(store.read(id))
    if found is None:
        raise NotFound("The deployment has not been upgraded.")
    return Encoded(found)


@handles(wire.list_upgrades)
async def list_upgrades(at: Request, body: UpgradesOf) -> Encoded:
    """The newest upgrade of each of many deployments."""
    _check_count(body.deployment_ids, "deployment_ids")
    return Encoded(await at.store.read(store.list_upgrades(body.deployment_ids)))


def _check_count(ids: Collection[UUID], name: str) -> None:
    if len(ids) > MOST:
        raise InvalidRequest(f"At most {MOST} deployments are asked for at once.", loc=("body", name))


def _only(results: dict[UUID, Result]) -> Upgrade:
    (result,) = results.values()
    if isinstance(result, PenstockError):
        raise result
    return result


def _outcomes(results: dict[UUID, Result]) -> list[UpgradeOutcome]:
    return [
        UpgradeOutcome(deployment_id=id, fault=result.message, status=result.status)
        if isinstance(result, PenstockError)
        else UpgradeOutcome(deployment_id=id, upgrade=result)
        for id, result in results.items()
    ]


class _Site:
    """Prepares the switches of one request; pools, queues and blocks that deployments share are looked for once."""

    def __init__(self, at: Request) -> None:
        self._at = at
        self._horizon = horizon_of(at.settings)
        self._pools: dict[str, WorkPool] = {}
        self._queues: dict[tuple[str | None, str | None], UUID | None] = {}
        self._blocks: dict[UUID, bool] = {}

    async def upgrade(self, found: Found, body: UpgradeRequest) -> Intent[Switched]:
        """The upgrade of a deployment; raises what is wrong with it, before a queue is made for nothing."""
        deployment, after = found.deployment, body.after
        if after.work_pool_name is None:
            loc = ("body", "after", "work_pool_name")
            raise InvalidRequest("An upgrade names the work pool that it goes to.", loc=loc)
        if found.standing.work_pool_name != after.work_pool_name:
            store.check_standing(found.standing, body.before, deployment.name)
        fault = variable_fault(await self._pool(after.work_pool_name), after.job_variables, required=False)
        if fault is not None:
            raise InvalidRequest(f"Error upgrading deployment: {fault}", loc=("body", "after", "job_variables"))
        queue = await self._queue(after.work_pool_name, after.work_queue_name)
        return store.upgrade(deployment.id, body, self._switch(deployment, queue, "upgraded", force=body.force))

    async def roll_back(self, found: Found, *, force: bool) -> Intent[Switched]:
        """The rollback of a deployment. NotFound without an upgrade; Conflict when what it returns to is no more."""
        if found.upgrade is None:
            raise NotFound("The deployment has not been upgraded.")
        deployment = found.deployment
        queue = await self._place_again(deployment, found.upgrade.before)
        return store.roll_back(deployment.id, self._switch(deployment, queue, "rolled-back", force=force))

    async def _place_again(self, deployment: Deployment, before: Standing) -> UUID | None:
        """The queue that a deployment was in. Conflict when its pool or a block is no more."""
        refused = f"Deployment {deployment.name!r} can't be rolled back:"
        blocks = {"infrastructure": before.infrastructure_document_id, "storage": before.storage_document_id}
        for kind, block in blocks.items():
            if block is not None and not await self._has_block(block):
                raise Conflict(f"{refused} the {kind} block that it was run with was deleted.")
        try:
            return await self._queue(before.work_pool_name, before.work_queue_name)
        except NotFound:
            raise Conflict(
                f"{refused} the work pool {before.work_pool_name!r} that it was in was deleted."
                " Create it again, with the type 'prefect-agent'."
            ) from None

    async def _pool(self, name: str) -> WorkPool:
        if name not in self._pools:
            self._pools[name] = await find_pool(self._at, name)
        return self._pools[name]

    async def _queue(self, pool: str | None, queue: str | None) -> UUID | None:
        if (pool, queue) not in self._queues:
            self._queues[pool, queue] = await place_of(self._at, pool, queue)
        return self._queues[pool, queue]

    async def _has_block(self, id: UUID) -> bool:
        if id not in self._blocks:
            self._blocks[id] = await self._at.store.read(store.has_block(id))
        return self._blocks[id]

    def _switch(self, deployment: Deployment, queue_id: UUID | None, what: str, *, force: bool) -> Switch:
        now = self._at.now
        event = event_of(f"penstock.deployment.{what}", "deployment", deployment.id, now=now, label=deployment.name)
        return Switch(queue_id, event, now, self._horizon, new_id, force=force)


async def _carry_out(at: Request, wanted: dict[UUID, Prepare]) -> dict[UUID, Result]:
    """Carries out each by itself, and tells those who wait; gives what is recorded of each, or what was in its way."""
    found = await at.store.read(store.find_all(wanted))
    switches = {id: await _prepared(found.get(id), prepare) for id, prepare in wanted.items()}
    gate = asyncio.Semaphore(AT_ONCE)

    async def switched(switch: Intent[Switched] | PenstockError) -> Switched | PenstockError:
        if isinstance(switch, PenstockError):
            return switch
        async with gate:
            try:
                return await at.store.write(switch)
            except FAULTS as error:
                return error

    done = await asyncio.gather(*(switched(one) for one in switches.values()))
    await _tell(at, [one for one in done if isinstance(one, Switched) and one.event])
    results = [one if isinstance(one, PenstockError) else one.upgrade for one in done]
    return dict(zip(switches, results, strict=True))


async def _prepared(found: Found | None, prepare: Prepare) -> Intent[Switched] | PenstockError:
    try:
        if found is None:
            raise NotFound("Deployment not found")
        return await prepare(found)
    except FAULTS as error:
        return error


async def _tell(at: Request, done: Iterable[Switched]) -> None:
    """Brings after runs that were just being made while their deployment moved, and wakes those who may take runs."""
    moved = {one.upgrade.deployment_id: one for one in done}
    if not moved:
        return
    for id in await at.store.read(store.behind(moved)):
        await at.store.write(store.gather(id, at.now))
    at.hub.publish_events([one.event for one in moved.values() if one.event])
    if any(one.cancels_new for one in moved.values()):
        at.hub.wake(COLLISIONS)
    for pool_id, id in {one.pool_id or id: (one.pool_id, id) for id, one in moved.items()}.values():
        wake(at.hub, pool_id, id)
