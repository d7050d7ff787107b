"""Running a deployment: at once as it is deployed, or by a form with other values, now or later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from penstock.core import job_templates, parameters, schedules
from penstock.core.json_schema import Violation
from penstock.errors import PenstockError
from penstock.server.bind import Reply
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.schema_forms import Field, changed_values, fields_of, json_object, offering, with_faults
from penstock.ui.template_forms import blocks_for
from penstock.wire import deployments as wire
from penstock.wire import flows, work_pools
from penstock.wire.deployments import Deployment, DeploymentFlowRunCreate
from penstock.wire.states import StateCreate, StateDetails, StateType

MORE = "more_variables"
"""The field for job variables that have none of their own."""


@dataclass(frozen=True, slots=True)
class RunForm:
    """What may be said of a run: its parameters, the job variables of its pool, and others where the pool takes them.

    `template` is the pool's; `faults` are of what belongs to no field of these.
    """

    deployment: Deployment
    parameters: list[Field]
    variables: list[Field]
    template: dict[str, Any] = field(default_factory=dict)
    takes_more: bool = False
    faults: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """What a form said: only what differs from the deployment."""

    parameters: dict[str, Any]
    variables: dict[str, Any]
    due: datetime | None


@page("GET", "/deployments/{id}/run")
async def ask(at: Reader, id: str) -> Reply:
    """The form that runs it with other values."""
    return await _show(at, await _empty(at, id))


@page("POST", "/deployments/{id}/run")
async def run(at: Reader, id: str) -> Reply:
    """Makes a run; what does not fit is said beside its field, and nothing is lost."""
    form, said = _sent(at, await _empty(at, id))
    if form.faults or any(one.fault for one in (*form.parameters, *form.variables)):
        return await _show(at, form, 422)
    made = DeploymentFlowRunCreate(
        name=at.field("run_name").strip() or None,
        parameters={**form.deployment.parameters, **said.parameters},
        job_variables=said.variables or None,
        tags=[tag.strip() for tag in at.field("tags").split(",") if tag.strip()],
        state=_due(said.due) if said.due else None,
    )
    try:
        created = await at.api.call(wire.create_run_of_deployment, made, id=form.deployment.id)
    except PenstockError as error:
        return await _show(at, form, error.status, error.message)
    return at.go(at.link(f"/runs/{created.id}"), f"The run {created.name} was made.")


async def _empty(at: Reader, id: str) -> RunForm:
    """The form, holding what the deployment says."""
    deployment = await at.api.call(wire.read_deployment, id=id_in(id))
    own = fields_of(deployment.parameter_openapi_schema or {}, deployment.parameters)
    own = offering(own, await blocks_for(at.api, own))
    if deployment.work_pool_name is None:
        return RunForm(deployment, own, [])
    pool = await at.api.call(work_pools.read_work_pool, name=deployment.work_pool_name)
    schema = pool.base_job_template.get("variables") or {}
    variables = fields_of(schema, job_templates.nested(deployment.job_variables))
    variables = offering(variables, await blocks_for(at.api, variables))
    takes_more = not variables or bool(schema.get("additionalProperties"))
    return RunForm(deployment, own, variables, pool.base_job_template, takes_more)


def _sent(at: Reader, empty: RunForm) -> tuple[RunForm, Said]:
    values, own = changed_values(empty.parameters, at.form, "p.")
    job_variables, variables = changed_values(empty.variables, at.form, "v.")
    faults: dict[str, str] = {}
    job_variables |= _more(at.field(MORE).strip(), faults) if empty.takes_more else {}
    due = _moment(at, faults)
    deployment = empty.deployment
    if deployment.enforce_parameter_schema:
        given = {**deployment.parameters, **values}
        own, rest = with_faults(own, parameters.unfit(deployment.parameter_openapi_schema, given, required=True))
        faults |= {"": " ".join(rest)} if rest else {}
    variables, rest = with_faults(variables, _unfit(empty, job_variables))
    faults |= {MORE: " ".join(rest)} if rest else {}
    form = RunForm(deployment, own, variables, empty.template, empty.takes_more, faults)
    return form, Said(values, job_variables, due)


def _unfit(form: RunForm, job_variables: dict[str, Any]) -> Sequence[Violation]:
    """What is wrong with the job variables that are said here, and what is lacking."""
    if not form.variables:
        return []
    found = job_templates.unfit(form.template, form.deployment.job_variables, job_variables, required=True)
    return [one for one in found if not one.path or one.path[0] in job_variables]


def _more(text: str, faults: dict[str, str]) -> dict[str, Any]:
    try:
        return json_object(text, '{"env": {"A": "1"}}')
    except ValueError as error:
        faults[MORE] = str(error)
        return {}


def _moment(at: Reader, faults: dict[str, str]) -> datetime | None:
    """When it is due, in the zone that the reader's browser says, else in UTC."""
    text = at.field("due").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=schedules.zone(at.field("zone") or None))
        return zoned.astimezone(UTC)
    except (ValueError, OverflowError, PenstockError):
        faults["due"] = f"{text!r} is no date and time; write it like 2026-01-31T08:00."
        return None


def _due(moment: datetime) -> StateCreate:
    return StateCreate(type=StateType.SCHEDULED, state_details=StateDetails(scheduled_time=moment))


async def _show(at: Reader, form: RunForm, status: int = 200, fault: str = "") -> Reply:
    flow = await at.api.call(flows.read_flow, id=form.deployment.flow_id)
    opened = bool(form.faults.get(MORE) or at.field(MORE) or any(one.fault for one in form.variables))
    return at.render(
        "deployment_run.html", status, form=form, flow=flow, fault=fault, opened=opened, deployment=form.deployment
    )
