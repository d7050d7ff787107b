"""Upgrades of deployments from agents to workers: written and taken back, each whole or not at all, and read."""

from __future__ import annotations

from uuid import UUID

from penstock.errors import Conflict, InvalidRequest, NotFound
from penstock.ids import new_id
from penstock.server.announce import wake
from penstock.server.bind import Encoded, Request, handles
from penstock.server.broadcast import SCHEDULES
from penstock.server.routes.deployment_checks import variable_fault
from penstock.server.routes.deployments import known
from penstock.server.routes.run_places import place_of
from penstock.server.routes.work_pools import find as find_pool
from penstock.store import upgrades as store
from penstock.store.database import Intent
from penstock.store.events import event_of
from penstock.store.overdue import pool_of_queue
from penstock.store.upgrades import Switch, Switched
from penstock.wire import upgrades as wire
from penstock.wire.deployments import Deployment
from penstock.wire.upgrades import RollbackRequest, Standing, Upgrade, UpgradeRequest, UpgradesOf

MOST = 200


@handles(wire.upgrade_deployment)
async def upgrade(at: Request, body: UpgradeRequest, id: UUID) -> Upgrade:
    """Moves a deployment to a pool of workers; the same again answers what is recorded."""
    deployment = await known(at, id)
    pool_name = body.after.work_pool_name
    if pool_name is None:
        raise InvalidRequest("An upgrade names the work pool that it goes to.", loc=("body", "after", "work_pool_name"))
    found = await at.store.read(store.standing(id))
    if found is not None and found.work_pool_name != pool_name:
        store.check_standing(found, body.before, deployment.name)  # before a queue is made for nothing
    fault = variable_fault(await find_pool(at, pool_name), body.after.job_variables, required=False)
    if fault is not None:
        raise InvalidRequest(f"Error upgrading deployment: {fault}", loc=("body", "after", "job_variables"))
    queue = await place_of(at, pool_name, body.after.work_queue_name)
    return await _finished(at, store.upgrade(id, body, _switch(at, deployment, queue, "upgraded", force=body.force)))


@handles(wire.roll_back_upgrade)
async def roll_back(at: Request, body: RollbackRequest, id: UUID) -> Upgrade:
    """Moves a deployment back to where its upgrade found it; the same again answers what is recorded."""
    deployment = await known(at, id)
    queue = await _place_again(at, deployment, store.decode(await _recorded(at, id)).before)
    return await _finished(at, store.roll_back(id, _switch(at, deployment, queue, "rolled-back", force=body.force)))


@handles(wire.read_upgrade)
async def read(at: Request, id: UUID) -> Encoded:
    """The newest upgrade of a deployment."""
    return Encoded(await _recorded(at, id))


@handles(wire.list_upgrades)
async def list_upgrades(at: Request, body: UpgradesOf) -> Encoded:
    """The newest upgrade of each of many deployments."""
    if len(body.deployment_ids) > MOST:
        raise InvalidRequest(f"At most {MOST} deployments are asked for at once.", loc=("body", "deployment_ids"))
    return Encoded(await at.store.read(store.list_upgrades(body.deployment_ids)))


async def _recorded(at: Request, id: UUID) -> bytes:
    found = await at.store.read(store.read(id))
    if found is None:
        raise NotFound("The deployment has not been upgraded.")
    return found


async def _place_again(at: Request, deployment: Deployment, before: Standing) -> UUID | None:
    """The queue that a deployment was in. Conflict when its pool or a block is no more."""
    refused = f"Deployment {deployment.name!r} can't be rolled back:"
    blocks = {"infrastructure": before.infrastructure_document_id, "storage": before.storage_document_id}
    for kind, block in blocks.items():
        if block is not None and not await at.store.read(store.has_block(block)):
            raise Conflict(f"{refused} the {kind} block that it was run with was deleted.")
    try:
        return await place_of(at, before.work_pool_name, before.work_queue_name)
    except NotFound:
        raise Conflict(
            f"{refused} the work pool {before.work_pool_name!r} that it was in was deleted."
            " Create it again, with the type 'prefect-agent'."
        ) from None


def _switch(at: Request, deployment: Deployment, queue_id: UUID | None, what: str, *, force: bool) -> Switch:
    event = event_of(f"penstock.deployment.{what}", "deployment", deployment.id, now=at.now, label=deployment.name)
    return Switch(queue_id, new_id(), new_id(), new_id(), at.now, event, force=force)


async def _finished(at: Request, switching: Intent[Switched]) -> Upgrade:
    """Carries it out, and tells who waits; runs that were just being made while it was written are brought after."""
    done = await at.store.write(switching)
    if done.event is None:
        return done.upgrade
    await at.store.write(store.gather(done.upgrade.deployment_id, at.now))
    at.hub.publish_events([done.event])
    at.hub.wake(SCHEDULES)
    current = await known(at, done.upgrade.deployment_id)
    pool_id = await at.store.read(pool_of_queue(current.work_queue_id)) if current.work_queue_id else None
    wake(at.hub, pool_id, current.id)
    return done.upgrade
