"""Running again what a run did: a new run of its deployment with the same parameters, or with some of them changed."""

from __future__ import annotations

from penstock.errors import NotFound, PenstockError
from penstock.server.bind import Reply
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.schema_forms import Field, changed_values, fields_of
from penstock.wire import deployments, flow_runs
from penstock.wire.deployments import Deployment, DeploymentFlowRunCreate
from penstock.wire.flow_runs import FlowRun


@page("GET", "/runs/{id}/again")
async def ask(at: Reader, id: str) -> Reply:
    """The form, holding what the run was given."""
    run, deployment = await _both(at, id)
    return _form(at, run, deployment, _fields(run, deployment))


@page("POST", "/runs/{id}/again")
async def run_again(at: Reader, id: str) -> Reply:
    """Makes the new run; what does not fit is said beside its field."""
    run, deployment = await _both(at, id)
    changed, fields = changed_values(_fields(run, deployment), at.form, "p.")
    if any(field.fault for field in fields):
        return _form(at, run, deployment, fields, status=422)
    wanted = DeploymentFlowRunCreate(
        name=at.field("run_name").strip() or None,
        parameters={**run.parameters, **changed},
        job_variables=run.job_variables or None,
        tags=run.tags,
        work_queue_name=run.work_queue_name if run.work_queue_name != deployment.work_queue_name else None,
    )
    try:
        made = await at.api.call(deployments.create_run_of_deployment, wanted, id=deployment.id)
    except PenstockError as error:
        return _form(at, run, deployment, fields, status=error.status, fault=error.message)
    return at.go(at.link(f"/runs/{made.id}"), f"The run {made.name} was made from {run.name}.")


async def _both(at: Reader, id: str) -> tuple[FlowRun, Deployment]:
    """The run and its deployment. Raises `NotFound` for a run that has none."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    if run.deployment_id is None:
        raise NotFound("This run belongs to no deployment, so only the script that made it can run it again.")
    return run, await at.api.call(deployments.read_deployment, id=run.deployment_id)


def _fields(run: FlowRun, deployment: Deployment) -> list[Field]:
    return fields_of(deployment.parameter_openapi_schema or {}, run.parameters)


def _form(
    at: Reader, run: FlowRun, deployment: Deployment, fields: list[Field], *, status: int = 200, fault: str = ""
) -> Reply:
    return at.render("run_again.html", status, run=run, deployment=deployment, parameters=fields, fault=fault)
