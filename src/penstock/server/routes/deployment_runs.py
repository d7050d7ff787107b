"""Runs of a deployment: made on demand, in bulk, by its schedules now, and handed to whoever serves it."""

from __future__ import annotations

from base64 import b64decode
from datetime import timedelta
from typing import Any
from uuid import UUID

from penstock.core.states import DEFAULT_NAMES
from penstock.errors import BadRequest, Conflict, InvalidRequest, NotFound, PenstockError
from penstock.ids import new_id
from penstock.names import friendly
from penstock.server.bind import Answer, Encoded, Request, handles
from penstock.server.routes.deployment_checks import check_size, parameter_fault, variable_fault, worked_out
from penstock.server.routes.deployments import known, shown
from penstock.server.routes.flow_runs import made, settled
from penstock.server.routes.run_places import place_of
from penstock.server.routes.work_pools import find as find_pool
from penstock.store import deployments as store
from penstock.store import due_runs, flow_runs, planned_runs
from penstock.store.filters import bounded
from penstock.wire import deployments as wire
from penstock.wire.deployments import Deployment, DeploymentFlowRunCreate
from penstock.wire.flow_runs import BulkCreated, BulkCreatedRuns, CreatedBy, FlowRun
from penstock.wire.states import StateCreate, StateType
from penstock.wire.work_pools import WorkPool

MOST_IN_BULK = 100


@handles(wire.create_run_of_deployment)
async def create(at: Request, body: DeploymentFlowRunCreate, id: UUID) -> Answer[FlowRun]:
    """Makes a run of a deployment (201), or gives the one that its key had made (200)."""
    return await made(at, await _created(at, id, body))


@handles(wire.create_runs_of_deployment)
async def create_many(at: Request, body: list[DeploymentFlowRunCreate], id: UUID) -> BulkCreatedRuns:
    """Makes up to 100 runs; each has an outcome of its own."""
    if len(body) > MOST_IN_BULK:
        raise BadRequest(f"At most {MOST_IN_BULK} runs can be created at once, not {len(body)}.")
    results = []
    for one in body:
        try:
            created = await _created(at, id, one)
        except NotFound:
            raise
        except PenstockError as error:
            results.append(BulkCreated(status="FAILED", error=error.message))
        else:
            await made(at, created)
            results.append(BulkCreated(status="CREATED", flow_run_id=created.run.id))
    return BulkCreatedRuns(results=results)


async def _created(at: Request, id: UUID, body: DeploymentFlowRunCreate) -> flow_runs.Created:
    deployment = await known(at, id)
    place = store.decode((await shown(at, id)).data)
    queue = deployment.work_queue_id
    if body.work_queue_name is not None and body.work_queue_name != place.work_queue_name:
        if place.work_pool_name is None:
            raise BadRequest("Cannot create a flow run in another queue: the deployment has no work pool.")
        queue = await place_of(at, place.work_pool_name, body.work_queue_name)
    pool = await find_pool(at, place.work_pool_name) if place.work_pool_name is not None else None
    parameters = await _parameters(at, deployment, body)
    _check_variables(deployment, body, pool)
    origin = await at.store.read(flow_runs.origin(deployment.flow_id, id, queue))
    labels: dict[str, Any] = {
        **(origin.flow.labels or {}),
        "prefect.flow.id": str(deployment.flow_id),
        **deployment.labels,
        "prefect.deployment.id": str(id),
    }
    run = FlowRun(
        id=new_id(),
        name=body.name or friendly(),
        flow_id=deployment.flow_id,
        created=at.now,
        updated=at.now,
        deployment_id=id,
        deployment_version=deployment.version,
        work_queue_id=queue,
        parameters=parameters,
        idempotency_key=body.idempotency_key,
        context=body.context,
        empirical_policy=settled(body.empirical_policy),
        tags=list(dict.fromkeys([*deployment.tags, *body.tags])),
        labels=labels | (body.labels or {}),
        parent_task_run_id=body.parent_task_run_id,
        infrastructure_document_id=body.infrastructure_document_id or deployment.infrastructure_document_id,
        created_by=_creator(at),
        job_variables=body.job_variables or {},
    )
    state = body.state or StateCreate(type=StateType.SCHEDULED, name=DEFAULT_NAMES[StateType.SCHEDULED])
    return await flow_runs.create(at.store, run, state, origin.around, state_id=new_id(), now=at.now)


async def _parameters(at: Request, deployment: Deployment, body: DeploymentFlowRunCreate) -> dict[str, Any]:
    parameters = await worked_out(at, deployment.parameters | body.parameters)
    check_size(at, parameters)
    enforce = body.enforce_parameter_schema
    if deployment.enforce_parameter_schema if enforce is None else enforce:
        fault = parameter_fault(deployment.parameter_openapi_schema, parameters, required=True)
        if fault is not None:
            raise Conflict(f"Error creating flow run: {fault}")
    return parameters


def _check_variables(deployment: Deployment, body: DeploymentFlowRunCreate, pool: WorkPool | None) -> None:
    fault = variable_fault(pool, deployment.job_variables, body.job_variables, required=True)
    if fault is not None:
        raise InvalidRequest(f"Error creating flow run: {fault}")


def _creator(at: Request) -> CreatedBy | None:
    """The automation that a run is made by, where one says so."""
    id, name = at.header("prefect-automation-id"), at.header("prefect-automation-name")
    if id is None:
        return None
    try:
        return CreatedBy(id=UUID(id), type="AUTOMATION", display_value=b64decode(name or "").decode())
    except ValueError:
        return None


@handles(wire.schedule_deployment)
async def schedule(at: Request, body: wire.ScheduleNow, id: UUID) -> None:
    """Plans a deployment's runs now rather than in the scheduler's time."""
    deployment = await known(at, id)
    usual = planned_runs.Horizon()
    horizon = planned_runs.Horizon(
        min_runs=body.min_runs or usual.min_runs,
        max_runs=body.max_runs or usual.max_runs,
        min_time=usual.min_time if body.min_time is None else timedelta(seconds=body.min_time),
        max_time=usual.max_time if body.end_time is None else body.end_time - at.now,
    )
    await at.store.write(planned_runs.plan(deployment, horizon, at.now, new_id, body.start_time))


@handles(wire.scheduled_runs_of_deployments)
async def scheduled_runs(at: Request, body: wire.DeploymentPoll) -> Encoded:
    """Due runs of deployments that the asker serves, the earliest first."""
    await at.store.write(store.mark_polled(body.deployment_ids, at.now))
    before = body.scheduled_before or at.now
    return Encoded(
        await at.store.read(
            due_runs.of_deployments(body.deployment_ids, before, bounded(body.limit), at.store.dialect, at.now)
        )
    )
