"""The deployments, and one of them: its schedules, versions, runs, and the form that runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from penstock.clock import EPOCH
from penstock.core import schedules
from penstock.errors import InvalidRequest, PenstockError
from penstock.server.bind import Reply
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.run_lists import Asked, list_page, names_of, rows_of
from penstock.ui.schema_forms import Field, changed_values, fields_of
from penstock.ui.wording import seconds
from penstock.wire import deployment_versions, flows, work_pools
from penstock.wire import deployments as wire
from penstock.wire.deployments import Deployment, DeploymentFlowRunCreate
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import Criteria
from penstock.wire.schedules import DeploymentSchedule, DeploymentScheduleUpdate

PAGE = 25
LAST = 12
"""Runs that a list shows of each deployment, as dots."""


@dataclass(frozen=True, slots=True)
class Line:
    """A deployment in the list."""

    deployment: Deployment
    flow: str
    last: list[FlowRun]
    next: datetime | None


@page("GET", "/deployments")
async def show_all(at: Reader) -> Reply:
    """A page of deployments by name; `after` says how many come before it, as there are never very many."""
    after, name, tag = at.asked("after"), at.asked("name")[:200], at.asked("tag")[:200]
    passed = int(after) if after.isdigit() and len(after) < 7 else 0
    wanted: dict[str, Any] = {}
    if name:
        wanted["flow_or_deployment_name"] = {"like_": name}
    if tag:
        wanted["tags"] = {"all_": [tag]}
    found = await at.api.call(
        wire.filter_deployments, Criteria(deployments=wanted, sort="NAME_ASC", limit=PAGE + 1, offset=passed)
    )
    return at.render(
        "deployments.html",
        lines=await _lines(at, found[:PAGE]),
        older=str(passed + PAGE) if len(found) > PAGE else "",
        name=name,
        tag=tag,
    )


@page("GET", "/deployments/{id}")
async def show(at: Reader, id: str) -> Reply:
    """The page of a deployment."""
    deployment = await at.api.call(wire.read_deployment, id=id_in(id))
    chosen = Asked(now=at.now, deployment=deployment.id, window="30d")
    flow, versions, (past, _), (ahead, _) = await asyncio.gather(
        at.api.call(flows.read_flow, id=deployment.flow_id),
        at.api.call(deployment_versions.list_versions, query={"limit": 20}, id=deployment.id),
        list_page(at.api, chosen, "", 15),
        list_page(at.api, replace(chosen, window="next", states=("scheduled",)), "", 5),
    )
    rows = await rows_of(at.api, [*past, *ahead])
    return at.render(
        "deployment.html",
        deployment=deployment,
        flow=flow,
        versions=versions,
        past=rows[: len(past)],
        ahead=rows[len(past) :],
        schedules=[(one, schedule_words(one), _next_of(one, at.now)) for one in deployment.schedules],
        parameters=fields_of(deployment.parameter_openapi_schema or {}, deployment.parameters),
    )


@page("GET", "/deployments/{id}/run")
async def ask(at: Reader, id: str) -> Reply:
    """The form that runs it with other values."""
    deployment = await at.api.call(wire.read_deployment, id=id_in(id))
    return await _form(at, deployment, *await _fields(at, deployment))


@page("POST", "/deployments/{id}/run")
async def run(at: Reader, id: str) -> Reply:
    """Makes a run; what does not fit is said beside its field."""
    deployment = await at.api.call(wire.read_deployment, id=id_in(id))
    parameters, variables = await _fields(at, deployment)
    values, parameters = changed_values(parameters, at.form, "p.")
    job_variables, variables = changed_values(variables, at.form, "v.")
    if any(field.fault for field in (*parameters, *variables)):
        return await _form(at, deployment, parameters, variables, status=422)
    made = DeploymentFlowRunCreate(
        name=at.field("run_name").strip() or None,
        parameters={**deployment.parameters, **values},
        job_variables=job_variables or None,
        tags=[tag.strip() for tag in at.field("tags").split(",") if tag.strip()],
    )
    try:
        created = await at.api.call(wire.create_run_of_deployment, made, id=deployment.id)
    except PenstockError as error:
        return await _form(at, deployment, parameters, variables, status=error.status, fault=error.message)
    return at.go(at.link(f"/runs/{created.id}"), f"The run {created.name} was made.")


@page("POST", "/deployments/{id}/{action}")
async def change(at: Reader, id: str, action: str) -> Reply:
    """Pauses or resumes all of its schedules."""
    endpoints = {"pause": wire.pause_deployment, "resume": wire.resume_deployment}
    if action not in endpoints:
        raise InvalidRequest(f"{action!r} is nothing that can be done with a deployment.")
    await at.api.call(endpoints[action], id=id_in(id))
    said = "is paused: no runs are scheduled" if action == "pause" else "schedules runs again"
    return at.go(at.link(f"/deployments/{id}"), f"The deployment {said}.")


@page("POST", "/deployments/{id}/schedules/{schedule}/{action}")
async def change_schedule(at: Reader, id: str, schedule: str, action: str) -> Reply:
    """Pauses or resumes one schedule."""
    if action not in ("pause", "resume"):
        raise InvalidRequest(f"{action!r} is nothing that can be done with a schedule.")
    update = DeploymentScheduleUpdate(active=action == "resume")
    await at.api.call(wire.update_schedule, update, id=id_in(id), schedule_id=id_in(schedule))
    said = "The schedule is active." if action == "resume" else "The schedule is paused; its coming runs are gone."
    return at.go(at.link(f"/deployments/{id}"), said)


def schedule_words(one: DeploymentSchedule) -> str:
    """A schedule in one line."""
    raw = one.schedule
    zone = f" in {raw['timezone']}" if raw.get("timezone") and raw["timezone"] != "UTC" else ""
    if "cron" in raw:
        return f"cron {raw['cron']}{zone}"
    if "interval" in raw:
        return f"every {seconds(schedules.seconds_of(raw['interval']))}{zone}"
    return f"{str(raw.get('rrule', '')).splitlines()[-1] if raw.get('rrule') else 'a rule'}{zone}"


def _next_of(one: DeploymentSchedule, now: datetime) -> datetime | None:
    if not one.active:
        return None
    try:
        return next(iter(schedules.occurrences(schedules.parse(one.schedule, now=EPOCH), now, limit=1)), None)
    except PenstockError:
        return None


async def _lines(at: Reader, found: Sequence[Deployment]) -> list[Line]:
    flow_ids = sorted({str(one.flow_id) for one in found})
    names, last = await asyncio.gather(
        names_of(at.api, flows.filter_flows, "flows", flow_ids),
        asyncio.gather(*(_last_runs(at, one.id) for one in found)),
    )
    return [
        Line(one, names.get(one.flow_id, ""), runs, _soonest(one, at.now))
        for one, runs in zip(found, last, strict=True)
    ]


def _soonest(one: Deployment, now: datetime) -> datetime | None:
    if one.paused:
        return None
    return min((moment for schedule in one.schedules if (moment := _next_of(schedule, now))), default=None)


async def _last_runs(at: Reader, deployment_id: UUID) -> list[FlowRun]:
    """The last runs that were due in the past week, oldest first."""
    runs, _ = await list_page(at.api, Asked(now=at.now, deployment=deployment_id, window="7d"), "", LAST)
    return runs[::-1]


async def _fields(at: Reader, deployment: Deployment) -> tuple[list[Field], list[Field]]:
    """The form's fields: parameters, and the job variables of its pool."""
    parameters = fields_of(deployment.parameter_openapi_schema or {}, deployment.parameters)
    if deployment.work_pool_name is None:
        return parameters, []
    pool = await at.api.call(work_pools.read_work_pool, name=deployment.work_pool_name)
    return parameters, fields_of(pool.base_job_template.get("variables") or {}, deployment.job_variables)


async def _form(
    at: Reader,
    deployment: Deployment,
    parameters: list[Field],
    variables: list[Field],
    *,
    status: int = 200,
    fault: str = "",
) -> Reply:
    flow = await at.api.call(flows.read_flow, id=deployment.flow_id)
    return at.render(
        "deployment_run.html",
        status,
        deployment=deployment,
        flow=flow,
        parameters=parameters,
        variables=variables,
        fault=fault,
    )
