"""Flow runs: made, read, found, changed and deleted. Their states are in `flow_run_states`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import structs

from penstock.core.states import DEFAULT_NAMES
from penstock.errors import BadRequest, InvalidRequest, NotFound
from penstock.ids import new_id
from penstock.names import friendly
from penstock.server.announce import wake
from penstock.server.bind import Answer, Encoded, Request, handles
from penstock.server.broadcast import COLLISIONS
from penstock.server.routes.deployment_checks import check_size, variable_fault
from penstock.server.routes.run_places import place_of
from penstock.server.routes.work_pools import find as find_pool
from penstock.store import deployments
from penstock.store import flow_run_states as states
from penstock.store import flow_runs as store
from penstock.store.claims import name_holder
from penstock.store.filters import select
from penstock.store.tallied_counts import number_of
from penstock.store.tallied_filters import tallied
from penstock.wire import flow_runs as wire
from penstock.wire.flow_runs import FlowRun, FlowRunCreate, FlowRunUpdate
from penstock.wire.model import BulkSelection, Criteria, Deleted, changed
from penstock.wire.states import StateCreate, StateType

MOST_IN_BULK = 50


@handles(wire.create_flow_run)
async def create(at: Request, body: FlowRunCreate) -> Answer[FlowRun]:
    """Makes a run (201), or gives the one that its key had made (200)."""
    check_size(at, body.parameters)
    queue_id = None
    if body.work_pool_name is not None:
        queue_id = await place_of(at, body.work_pool_name, body.work_queue_name)
        if body.job_variables:
            fault = variable_fault(await find_pool(at, body.work_pool_name), body.job_variables, required=False)
            if fault is not None:
                raise InvalidRequest(f"Error creating flow run: {fault}")
    origin = await at.store.read(store.origin(body.flow_id, body.deployment_id, queue_id))
    labels: dict[str, Any] = {**(origin.flow.labels or {}), "prefect.flow.id": str(body.flow_id)}
    run = FlowRun(
        id=new_id(),
        name=body.name or friendly(),
        flow_id=body.flow_id,
        created=at.now,
        updated=at.now,
        deployment_id=body.deployment_id,
        work_queue_id=queue_id,
        flow_version=body.flow_version,
        parameters=body.parameters,
        idempotency_key=body.idempotency_key,
        context=body.context,
        empirical_policy=settled(body.empirical_policy),
        tags=body.tags,
        labels=labels | (body.labels or {}),
        parent_task_run_id=body.parent_task_run_id,
        infrastructure_document_id=body.infrastructure_document_id,
        job_variables=body.job_variables or {},
    )
    state = body.state or StateCreate(type=StateType.PENDING, name=DEFAULT_NAMES[StateType.PENDING])
    return await made(at, await store.create(at.store, run, state, origin.around, state_id=new_id(), now=at.now))


def settled(policy: wire.FlowRunPolicy) -> wire.FlowRunPolicy:
    """A run's policy with the list that its pauses are kept in."""
    return policy if policy.pause_keys is not None else structs.replace(policy, pause_keys=[])


async def made(at: Request, created: store.Created) -> Answer[FlowRun]:
    """The answer of a create; who waits for the run's pool is woken."""
    if created.event is not None:
        at.hub.publish_events([created.event])
    wake(at.hub, created.around.pool_id, created.run.deployment_id)
    if created.around.cancels_new:
        at.hub.wake(COLLISIONS)
    if created.answer is not None:
        return Answer(Encoded(created.answer), 201)
    return Answer(await _shown(at, created.run.id), 200)


@handles(wire.read_flow_run)
async def read(at: Request, id: UUID) -> Encoded:
    """A run by its id."""
    return await _shown(at, id)


async def _shown(at: Request, id: UUID) -> Encoded:
    found = await at.store.read(store.read(id, at.now))
    if found is None:
        raise NotFound("Flow run not found")
    return Encoded(found)


@handles(wire.filter_flow_runs)
async def list_runs(at: Request, body: Criteria) -> Encoded:
    """Runs by their own fields, or those of what they belong to."""
    return Encoded(await at.store.scan(store.list_runs(select("flow_runs", body, at.store.dialect), at.now)))


@handles(wire.count_flow_runs)
async def count(at: Request, body: Criteria) -> int:
    """How many runs a filter finds."""
    dialect = at.store.dialect
    return await at.store.scan(number_of(select("flow_runs", body, dialect), tallied("flow_runs", body, dialect)))


@handles(wire.paginate_flow_runs)
async def page(at: Request, body: Criteria) -> Encoded:
    """One page of runs."""
    selection, known = select("flow_runs", body, at.store.dialect), tallied("flow_runs", body, at.store.dialect)
    return Encoded(await at.store.scan(store.page(selection, known, body.page or 1, at.now)))


@handles(wire.update_flow_run)
async def update(at: Request, body: FlowRunUpdate, id: UUID) -> None:
    """Changes a run; its job variables only before it starts."""
    wanted = changed(body)
    wanted = {name: value for name, value in wanted.items() if value is not None or name in _MAY_BE_NULL}
    if wanted.get("job_variables"):
        await _check_variables(at, id, wanted["job_variables"])

    def edit(run: FlowRun) -> FlowRun:
        if "job_variables" in wanted and (run.deployment_id is None or run.state_type is not StateType.SCHEDULED):
            raise BadRequest("Job variables can be changed only on a scheduled run of a deployment.")
        return structs.replace(run, **wanted, updated=at.now)

    await _rewritten(at, id, edit)


_MAY_BE_NULL = {"flow_version", "infrastructure_pid", "job_variables"}


async def _check_variables(at: Request, id: UUID, variables: dict[str, Any]) -> None:
    """Raises `InvalidRequest` for job variables that do not fit the pool of the run's deployment."""
    known = await at.store.read(states.read_known(id))
    pool, deployment_id = known.around.pool_name, known.run.deployment_id
    if pool is None or deployment_id is None:
        return
    deployment = await at.store.read(deployments.find(deployment_id))
    below = deployment.job_variables if deployment else None
    fault = variable_fault(await find_pool(at, pool), below, variables, required=True)
    if fault is not None:
        raise InvalidRequest(f"Error updating flow run: {fault}")


_WORKER = "prefect.worker.name"
"""The label by which a Prefect worker says that it starts a run."""


@handles(wire.update_labels)
async def update_labels(at: Request, body: dict[str, Any], id: UUID) -> None:
    """Adds labels to a run."""
    await _rewritten(at, id, lambda run: structs.replace(run, labels=run.labels | body, updated=at.now))
    worker = body.get(_WORKER)
    if isinstance(worker, str) and worker:
        await at.store.write(name_holder(id, worker, at.now))


async def _rewritten(at: Request, id: UUID, edit: Any) -> None:
    try:
        await states.rewrite(at.store, id, edit)
    except NotFound:
        raise NotFound("Flow run not found") from None


@handles(wire.delete_flow_run)
async def delete(at: Request, id: UUID) -> None:
    """Deletes a run with all that belongs to it."""
    if not await at.store.write(store.delete(id)):
        raise NotFound("Flow run not found")


@handles(wire.bulk_delete_flow_runs)
async def bulk_delete(at: Request, body: BulkSelection) -> Deleted:
    """Deletes the runs that a filter finds, at most 50."""
    criteria = Criteria(flow_runs=body.flow_runs, flows=body.flows, deployments=body.deployments, limit=body.limit)
    found = await at.store.scan(store.ids(select("flow_runs", criteria, at.store.dialect, most=MOST_IN_BULK)))
    return Deleted(deleted=[str(id) for id in found if await at.store.write(store.delete(id))])


@handles(wire.read_flow_run_states)
async def list_states(at: Request) -> Encoded:
    """A run's states, oldest first."""
    return Encoded(await at.store.read(states.list_states(asked_id(at, "flow_run_id"))))


def asked_id(at: Request, name: str) -> UUID:
    """A query parameter that is an id. InvalidRequest when it is not there or is none."""
    try:
        return UUID(at.query[name])
    except (KeyError, ValueError):
        raise InvalidRequest(f"The query parameter {name} must be a UUID.") from None


@handles(wire.read_flow_run_state)
async def read_state(at: Request, id: UUID) -> Encoded:
    """A state by its id."""
    found = await at.store.read(states.read_state(id))
    if found is None:
        raise NotFound("State not found")
    return Encoded(found)


@handles(wire.create_input)
async def create_input(at: Request, body: wire.InputCreate, id: UUID) -> None:
    """Keeps an input of a run."""
    await at.store.write(store.add_input(new_id(), id, body.key, body.value, body.sender, at.now))


@handles(wire.filter_inputs)
async def list_inputs(at: Request, body: wire.InputQuery, id: UUID) -> list[wire.FlowRunInput]:
    """Inputs by the beginning of their keys."""
    return await at.store.read(store.list_inputs(id, body.prefix, body.limit, body.exclude_keys))


@handles(wire.read_input)
async def read_input(at: Request, id: UUID, key: str) -> str:
    """The text kept under a key."""
    found = await at.store.read(store.read_input(id, key))
    if found is None:
        raise NotFound("Flow run input not found")
    return found


@handles(wire.delete_input)
async def delete_input(at: Request, id: UUID, key: str) -> None:
    """Forgets an input."""
    if not await at.store.write(store.delete_input(id, key)):
        raise NotFound("Flow run input not found")
