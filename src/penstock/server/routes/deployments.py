"""Deployments: made or updated by flow and name, read, found, changed, paused and deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, structs

from penstock.errors import Conflict, InvalidRequest, NotFound
from penstock.ids import new_id
from penstock.server.bind import Answer, Encoded, Request, handles
from penstock.server.broadcast import SCHEDULES
from penstock.server.naming import check_name
from penstock.server.routes.deployment_checks import parameter_fault, variable_fault
from penstock.server.routes.deployment_schedules import checked, new_schedule, replaced
from penstock.server.routes.run_places import place_of
from penstock.server.routes.work_pools import find as find_pool
from penstock.store import deployment_versions as versions
from penstock.store import deployments as store
from penstock.store import flow_runs
from penstock.store.deployment_versions import VersionFacts, Write
from penstock.store.documents import number_of
from penstock.store.events import event_of, telling
from penstock.store.filters import select
from penstock.wire import deployments as wire
from penstock.wire.deployments import Deployment, DeploymentCreate, DeploymentUpdate
from penstock.wire.events import ReceivedEvent
from penstock.wire.model import BulkSelection, Criteria, Deleted, Labels, changed
from penstock.wire.schedules import DeploymentSchedule

MOST_IN_BULK = 50
RUNS_AT_ONCE = 500
"""How many runs are taken from a deployment that is deleted before other writers have their turn."""
_COPIED = (*versions.KEPT, "paused")
_OURS = ("on_infrastructure_loss", "reschedule_limit", "cancellation_grace_seconds", "manifest_path")
"""What a Prefect client of today does not know of; a write without them keeps them."""
_NEVER_NULL: dict[str, Any] = {"job_variables": {}, "parameters": {}, "enforce_parameter_schema": True}


@handles(wire.create_deployment)
async def create(at: Request, body: DeploymentCreate) -> Answer[Deployment]:
    """Makes a deployment (201), or updates the one of that flow and name (200)."""
    id, is_new = await make(at, body, VersionFacts(new_id()))
    return Answer(await shown(at, id), 201 if is_new else 200)


async def make(at: Request, body: DeploymentCreate, facts: VersionFacts) -> tuple[UUID, bool]:
    """Makes a deployment, or updates the one of that flow and name, with a version of it; whether it is new."""
    check_name(body.name)
    _check_limit(body.concurrency_limit, body.global_concurrency_limit_id)
    await _check(at, body.work_pool_name, body.job_variables, "creating")
    if body.enforce_parameter_schema:
        fault = parameter_fault(body.parameter_openapi_schema, body.parameters, required=False)
        if fault is not None:
            raise InvalidRequest(f"Value error, {fault}", loc=("body",))
    queue = await place_of(at, body.work_pool_name, body.work_queue_name)
    origin = await at.store.read(flow_runs.origin(body.flow_id, None, None))
    known = await at.store.read(store.known_id(body.flow_id, body.name))
    before = await at.store.read(store.find(known)) if known else None
    labels = {**(origin.flow.labels or {}), "prefect.flow.id": str(body.flow_id), **(body.labels or {})}
    deployment = Deployment(
        id=known or new_id(),
        name=body.name,
        flow_id=body.flow_id,
        created=(before.created if before else None) or at.now,
        updated=at.now,
        work_queue_id=queue,
        labels=labels,
        **{name: getattr(body, name) for name in _COPIED},
        **_ours(body, before),
    )
    deployment = structs.replace(
        deployment,
        parameter_openapi_schema=deployment.parameter_openapi_schema or {},
        pull_steps=deployment.pull_steps or [],
    )
    if deployment.version is None and body.version_info is not None:
        deployment = structs.replace(deployment, version=body.version_info.version)
    writing = Write(
        deployment,
        new_id(),
        at.now,
        limit=body.concurrency_limit,
        limit_id=body.global_concurrency_limit_id,
        schedules=[new_schedule(one, deployment.id, at.now) for one in checked(body.schedules, at.now)],
    )
    await _written(at, versions.write(writing, facts), _event("updated" if known else "created", deployment, at))
    return deployment.id, known is None


def _ours(body: DeploymentCreate, before: Deployment | None) -> dict[str, Any]:
    given = {name: getattr(body, name) for name in _OURS}
    return {name: getattr(before, name, UNSET) if value is UNSET else value for name, value in given.items()}


async def _check(at: Request, pool_name: str | None, variables: dict[str, Any], doing: str) -> None:
    if pool_name is None:
        return
    fault = variable_fault(await find_pool(at, pool_name), variables, required=False)
    if fault is not None:
        raise InvalidRequest(f"Error {doing} deployment: {fault}")


def _check_limit(limit: int | UnsetType | None, shared: UUID | UnsetType | None) -> None:
    """Of the two kinds of limit at most one may be given, and an own one must let something run."""
    if isinstance(limit, int) and limit < 1:
        raise InvalidRequest("Input should be greater than 0", loc=("body", "concurrency_limit"))
    if isinstance(limit, int) and isinstance(shared, UUID):
        message = "Value error, a deployment has its own concurrency limit or a global one, not both."
        raise InvalidRequest(message, loc=("body",))


async def _written(at: Request, writing: Any, event: ReceivedEvent) -> None:
    await at.store.write(telling(writing, [event]))
    at.hub.publish_events([event])
    at.hub.wake(SCHEDULES)


def _event(what: str, deployment: Deployment, at: Request) -> ReceivedEvent:
    return event_of(f"prefect.deployment.{what}", "deployment", deployment.id, now=at.now, label=deployment.name)


async def shown(at: Request, id: UUID) -> Encoded:
    """A deployment as the API answers it. NotFound for an unknown one."""
    found = await at.store.read(store.read(id, at.store.dialect, at.now))
    if found is None:
        raise NotFound("Deployment not found")
    return Encoded(found)


async def known(at: Request, id: UUID) -> Deployment:
    """A stored deployment. NotFound for an unknown one."""
    found = await at.store.read(store.find(id))
    if found is None:
        raise NotFound("Deployment not found")
    return found


@handles(wire.read_deployment)
async def read(at: Request, id: UUID) -> Encoded:
    """A deployment by its id."""
    return await shown(at, id)


@handles(wire.read_deployment_by_name)
async def read_by_name(at: Request, flow_name: str, deployment_name: str) -> Encoded:
    """A deployment by its flow's and its own name."""
    id = await at.store.read(store.id_by_name(flow_name, deployment_name))
    if id is None:
        raise NotFound("Deployment not found")
    return await shown(at, id)


@handles(wire.filter_deployments)
async def list_deployments(at: Request, body: Criteria) -> Encoded:
    """Deployments by their own fields, or those of what they belong to."""
    selection = select("deployments", body, at.store.dialect)
    return Encoded(await at.store.scan(store.list_deployments(selection, at.now)))


@handles(wire.count_deployments)
async def count(at: Request, body: Criteria) -> int:
    """How many deployments a filter finds."""
    return await at.store.scan(number_of(select("deployments", body, at.store.dialect)))


@handles(wire.paginate_deployments)
async def page(at: Request, body: Criteria) -> Encoded:
    """One page of deployments."""
    selection = select("deployments", body, at.store.dialect)
    return Encoded(await at.store.scan(store.page(selection, body.page or 1, at.now)))


@handles(wire.update_deployment)
async def update(at: Request, body: DeploymentUpdate, id: UUID) -> None:
    """Changes what is given of a deployment; schedules are matched by slug where all have one.

    Who says where its version comes from deploys: a version is kept of what that makes.
    """
    _check_limit(body.concurrency_limit, body.global_concurrency_limit_id)
    schedules = None
    if not isinstance(body.schedules, UnsetType):
        schedules = replaced(await at.store.read(store.schedules_of(id)), body.schedules, id, at.now)
    deploys = body.version_info is not UNSET and body.version_info is not None
    await change(at, id, body, schedules, VersionFacts(new_id()) if deploys else None)


async def change(
    at: Request,
    id: UUID,
    body: DeploymentUpdate,
    schedules: list[DeploymentSchedule] | None,
    facts: VersionFacts | None,
    labels: Labels | None = None,
) -> None:
    """Changes what is given of a deployment, and with facts makes a version of it; schedules are all there will be."""
    before = await known(at, id)
    wanted = changed(body)
    after = structs.replace(before, updated=at.now, labels=before.labels | (labels or {}), **_fields(wanted))
    if body.version_info is not UNSET and body.version_info is not None and body.version is UNSET:
        after = structs.replace(after, version=body.version_info.version)
    if "work_pool_name" in wanted or "work_queue_name" in wanted:
        pool, queue = wanted.get("work_pool_name"), wanted.get("work_queue_name")
        if pool is not None or queue is not None:
            after = structs.replace(after, work_queue_id=await place_of(at, pool or await _pool_of(at, id), queue))
    if "job_variables" in wanted or wanted.get("work_pool_name") is not None:
        await _check(at, wanted.get("work_pool_name") or await _pool_of(at, id), after.job_variables, "updating")
    if after.enforce_parameter_schema:
        fault = parameter_fault(after.parameter_openapi_schema, after.parameters, required=False)
        if fault is not None:
            raise Conflict(f"Error updating deployment: {fault}")
    writing = Write(
        after,
        new_id(),
        at.now,
        limit=body.concurrency_limit,
        limit_id=wanted.get("global_concurrency_limit_id"),
        schedules=schedules,
    )
    await _written(at, versions.write(writing, facts), _event("updated", after, at))
    if after.paused and not before.paused:
        await at.store.write(store.forget_planned(id))


def _fields(wanted: dict[str, Any]) -> dict[str, Any]:
    given = {name: wanted[name] for name in (*_COPIED, *_OURS) if name in wanted}
    return {
        name: _NEVER_NULL[name] if value is None and name in _NEVER_NULL else value for name, value in given.items()
    }


async def _pool_of(at: Request, id: UUID) -> str | None:
    text = (await shown(at, id)).data
    return store.decode(text).work_pool_name


@handles(wire.delete_deployment)
async def delete(at: Request, id: UUID) -> None:
    """Deletes a deployment; runs that have started stay."""
    if not await _deleted(at, id):
        raise NotFound("Deployment not found")


async def _deleted(at: Request, id: UUID) -> bool:
    gone = await at.store.read(store.find(id))
    if gone is None:
        return False
    while await at.store.write(store.let_go_of_runs(id, RUNS_AT_ONCE)):
        pass
    await _written(at, store.delete(id, at.now), _event("deleted", gone, at))
    return True


@handles(wire.bulk_delete_deployments)
async def bulk_delete(at: Request, body: BulkSelection) -> Deleted:
    """Deletes the deployments that a filter finds, at most 50."""
    criteria = Criteria(deployments=body.deployments, flows=body.flows, limit=body.limit)
    found = await at.store.scan(store.ids(select("deployments", criteria, at.store.dialect, most=MOST_IN_BULK)))
    return Deleted(deleted=[str(id) for id in found if await _deleted(at, id)])


@handles(wire.pause_deployment)
async def pause(at: Request, id: UUID) -> None:
    """Stops a deployment's schedules; the runs they planned are forgotten."""
    await update(at, DeploymentUpdate(paused=True), id)


@handles(wire.resume_deployment)
async def resume(at: Request, id: UUID) -> None:
    """Lets a deployment's schedules go on."""
    await update(at, DeploymentUpdate(paused=False), id)


@handles(wire.activate_schedules)
async def activate(at: Request, id: UUID) -> None:
    """Lets a deployment's schedules go on, in Prefect 2's words."""
    await resume(at, id)


@handles(wire.deactivate_schedules)
async def deactivate(at: Request, id: UUID) -> None:
    """Stops a deployment's schedules, in Prefect 2's words."""
    await pause(at, id)
