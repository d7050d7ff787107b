"""The deployments, and one of them, in tabs: runs, schedules, configuration, versions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from penstock.errors import InvalidRequest
from penstock.server.bind import Reply
from penstock.ui.deployment_changes import with_changes
from penstock.ui.deployment_facts import configuration, read_named
from penstock.ui.reader import Reader, id_in
from penstock.ui.recent_runs import last_of
from penstock.ui.routes import page
from penstock.ui.run_lists import Asked, list_page, names_of, rows_of
from penstock.ui.schedule_forms import next_times, words_of
from penstock.ui.schema_forms import fields_of
from penstock.wire import deployment_versions, flows, work_pools
from penstock.wire import deployments as wire
from penstock.wire.deployments import Deployment
from penstock.wire.model import Criteria
from penstock.wire.recent_runs import RecentRun
from penstock.wire.schedules import DeploymentSchedule

PAGE = 25
VERSIONS = 20
TABS = {"runs": "Runs", "schedules": "Schedules", "configuration": "Configuration", "versions": "Versions"}
STATUSES = {"active": ("Active", False), "paused": ("Paused", True)}
"""What the address may ask for: its word, and whether it is paused."""


@dataclass(frozen=True, slots=True)
class Line:
    """A deployment in the list."""

    deployment: Deployment
    flow: str
    last: list[RecentRun]
    next: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deployments the address asks for."""

    name: str
    tag: str
    pool: str
    status: str
    flow: UUID | None

    @property
    def is_anything(self) -> bool:
        """Whether it asks for any in particular."""
        return bool(self.name or self.tag or self.pool or self.status or self.flow)

    def criteria(self, offset: int) -> Criteria:
        """The filter, of a page by name."""
        own: dict[str, Any] = {}
        if self.name:
            own["flow_or_deployment_name"] = {"like_": self.name}
        if self.tag:
            own["tags"] = {"all_": [self.tag]}
        if self.status:
            own["paused"] = {"eq_": STATUSES[self.status][1]}
        return Criteria(
            deployments=own,
            flows={"id": {"any_": [str(self.flow)]}} if self.flow else None,
            work_pools={"name": {"any_": [self.pool]}} if self.pool else None,
            sort="NAME_ASC",
            limit=PAGE + 1,
            offset=offset,
        )


@page("GET", "/deployments")
async def show_all(at: Reader) -> Reply:
    """A page of deployments by name; `after` says how many come before it, as there are never very many."""
    after, wanted = at.asked("after"), _wanted(at)
    passed = int(after) if after.isdigit() and len(after) < 7 else 0
    found, pools, about = await asyncio.gather(
        at.api.call(wire.filter_deployments, wanted.criteria(passed)),
        at.api.call(work_pools.filter_work_pools, Criteria(limit=100)),
        names_of(at.api, flows.filter_flows, "flows", [str(wanted.flow)] if wanted.flow else []),
    )
    return at.render(
        "deployments.html",
        lines=await _lines(at, found[:PAGE]),
        older=str(passed + PAGE) if len(found) > PAGE else "",
        wanted=wanted,
        of_flow=about.get(wanted.flow, str(wanted.flow)) if wanted.flow else "",
        pools=sorted(pool.name for pool in pools),
        statuses={key: words for key, (words, _) in STATUSES.items()},
    )


@page("GET", "/deployments/{id}")
async def show(at: Reader, id: str) -> Reply:
    """The page of a deployment, at the tab that the address names."""
    deployment = await at.api.call(wire.read_deployment, id=id_in(id))
    tab = at.asked("tab") if at.asked("tab") in TABS else "runs"
    flow, values = await asyncio.gather(
        at.api.call(flows.read_flow, id=deployment.flow_id), _LOADS[tab](at, deployment)
    )
    return at.render(
        "deployment.html",
        deployment=deployment,
        flow=flow,
        path=f"/deployments/{deployment.id}",
        tab=tab,
        tabs=TABS,
        **values,
    )


@page("POST", "/deployments/{id}/{action}")
async def change(at: Reader, id: str, action: str) -> Reply:
    """Pauses or resumes all of its schedules."""
    endpoints = {"pause": wire.pause_deployment, "resume": wire.resume_deployment}
    if action not in endpoints:
        raise InvalidRequest(f"{action!r} is nothing that can be done with a deployment.")
    await at.api.call(endpoints[action], id=id_in(id))
    said = "is paused: no runs are scheduled" if action == "pause" else "schedules runs again"
    tab = at.field("tab") if at.field("tab") in TABS else ""
    return at.go(at.link(f"/deployments/{id}", tab=tab), f"The deployment {said}.")


@page("GET", "/deployments/{id}/delete")
async def ask_to_delete(at: Reader, id: str) -> Reply:
    """Asks whether the deployment shall go."""
    deployment, name = await read_named(at.api, id_in(id))
    path = f"/deployments/{deployment.id}"
    return at.render(
        "sure.html",
        title=f"Delete the deployment {name}?",
        section="deployments",
        sentences=[
            "Its schedules, its versions and the runs that have not begun will be gone.",
            "Runs that have begun stay, and so does its flow. Deploying it again makes a new one.",
        ],
        depends=[],
        depends_on="",
        action=f"{path}/delete",
        fields={"sure": "yes"},
        words="Delete the deployment",
        back=at.link(path),
        of=name,
    )


@page("POST", "/deployments/{id}/delete")
async def delete(at: Reader, id: str) -> Reply:
    """Deletes the deployment, for who has been asked."""
    deployment_id = id_in(id)
    if at.field("sure") != "yes":
        return at.go(at.link(f"/deployments/{deployment_id}/delete"))
    await at.api.call(wire.delete_deployment, id=deployment_id)
    return at.go(at.link("/deployments"), "The deployment was deleted.")


def _wanted(at: Reader) -> Wanted:
    """What the address asks for; what it can't mean is left out."""
    try:
        flow: UUID | None = UUID(at.asked("flow"))
    except ValueError:
        flow = None
    status = at.asked("status")
    return Wanted(
        at.asked("name")[:200],
        at.asked("tag")[:200],
        at.asked("pool")[:200],
        status if status in STATUSES else "",
        flow,
    )


async def _runs(at: Reader, deployment: Deployment) -> dict[str, Any]:
    chosen = Asked(now=at.now, deployment=deployment.id, window="30d")
    (past, _), (ahead, _) = await asyncio.gather(
        list_page(at.api, chosen, "", 15),
        list_page(at.api, replace(chosen, window="next", states=("scheduled",)), "", 5),
    )
    rows = await rows_of(at.api, [*past, *ahead])
    return {
        "past": rows[: len(past)],
        "ahead": rows[len(past) :],
        "schedules": _schedules_of(deployment, at.now, 1),
        "parameters": fields_of(deployment.parameter_openapi_schema or {}, deployment.parameters),
    }


async def _schedules(at: Reader, deployment: Deployment) -> dict[str, Any]:
    return {"schedules": _schedules_of(deployment, at.now)}


async def _configuration(at: Reader, deployment: Deployment) -> dict[str, Any]:
    return {"configuration": await configuration(at.api, deployment)}


async def _versions(at: Reader, deployment: Deployment) -> dict[str, Any]:
    kept = await at.api.call(deployment_versions.list_versions, query={"limit": VERSIONS + 1}, id=deployment.id)
    more = len(kept) > VERSIONS
    return {"versions": with_changes(kept, more=more), "more": more}


_LOADS: dict[str, Callable[[Reader, Deployment], Awaitable[dict[str, Any]]]] = {
    "runs": _runs,
    "schedules": _schedules,
    "configuration": _configuration,
    "versions": _versions,
}


def _schedules_of(
    deployment: Deployment, now: datetime, count: int = 5
) -> list[tuple[DeploymentSchedule, str, list[datetime]]]:
    """Each schedule in words, with when it is next as long as it acts."""
    return [(one, words_of(one), next_times(one.schedule, now, count)) for one in deployment.schedules]


async def _lines(at: Reader, found: Sequence[Deployment]) -> list[Line]:
    flow_ids = sorted({str(one.flow_id) for one in found})
    names, last = await asyncio.gather(
        names_of(at.api, flows.filter_flows, "flows", flow_ids),
        last_of(at.api, "deployment", [one.id for one in found], at.now),
    )
    return [Line(one, names.get(one.flow_id, ""), last.get(one.id, []), _soonest(one, at.now)) for one in found]


def _soonest(one: Deployment, now: datetime) -> datetime | None:
    if one.paused:
        return None
    acting = [schedule for schedule in one.schedules if schedule.active]
    return min((moment for each in acting for moment in next_times(each.schedule, now, 1)), default=None)
