"""The flows, and one of them: its deployments, its runs, and how they went."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from penstock.server.bind import Reply
from penstock.ui.reader import Reader, id_in
from penstock.ui.recent_runs import last_of, next_of
from penstock.ui.routes import page
from penstock.ui.run_lists import Asked, list_page, rows_of
from penstock.wire import deployments, flow_runs
from penstock.wire import flows as wire
from penstock.wire.deployments import Deployment
from penstock.wire.flow_runs import FlowRun
from penstock.wire.flows import Flow
from penstock.wire.model import Criteria
from penstock.wire.recent_runs import RecentRun

PAGE = 25
MOST_DEPLOYMENTS = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A flow in the list; `last` is its newest runs, the oldest first."""

    flow: Flow
    deployments: list[Deployment]
    last: list[RecentRun]
    next: RecentRun | None


@page("GET", "/flows")
async def show_all(at: Reader) -> Reply:
    """A page of flows by name; `after` says how many come before it, as there are never very many."""
    passed, name, tag = at.passed(), at.asked("name")[:200], at.asked("tag")[:200]
    wanted: dict[str, object] = {}
    if name:
        wanted["name"] = {"like_": name}
    if tag:
        wanted["tags"] = {"all_": [tag]}
    found = await at.api.call(wire.filter_flows, Criteria(flows=wanted, sort="NAME_ASC", limit=PAGE + 1, offset=passed))
    return at.render(
        "flows.html",
        lines=await _lines(at, found[:PAGE]),
        older=str(passed + PAGE) if len(found) > PAGE else "",
        name=name,
        tag=tag,
    )


@page("GET", "/flows/{id}")
async def show(at: Reader, id: str) -> Reply:
    """The page of a flow."""
    flow = await at.api.call(wire.read_flow, id=id_in(id))
    chosen = Asked(now=at.now, flow=flow.id, window="30d")
    made, (past, _), coming = await asyncio.gather(
        _deployments(at, [flow.id]), list_page(at.api, chosen, "", 15), _coming(at, flow.id, 5)
    )
    rows = await rows_of(at.api, [*past, *coming])
    return at.render("flow.html", flow=flow, deployments=made, past=rows[: len(past)], ahead=rows[len(past) :])


@page("POST", "/flows/{id}/delete")
async def delete(at: Reader, id: str) -> Reply:
    """Asks once more, with what goes with it; then deletes the flow."""
    flow = await at.api.call(wire.read_flow, id=id_in(id))
    if at.field("sure") != "yes":
        return at.render("flow_delete.html", flow=flow, deployments=await _deployments(at, [flow.id]))
    await at.api.call(wire.delete_flow, id=flow.id)
    return at.go(at.link("/flows"), f"The flow {flow.name} was deleted, with its deployments and runs.")


async def _lines(at: Reader, found: Sequence[Flow]) -> list[Line]:
    ids = [one.id for one in found]
    made, last, coming = await asyncio.gather(
        _deployments(at, ids), last_of(at.api, "flow", ids, at.now), next_of(at.api, "flow", ids, at.now)
    )
    return [
        Line(flow, [one for one in made if one.flow_id == flow.id], last.get(flow.id, []), coming.get(flow.id))
        for flow in found
    ]


async def _deployments(at: Reader, ids: Sequence[UUID]) -> list[Deployment]:
    """The deployments of some flows, by name."""
    if not ids:
        return []
    wanted = {"id": {"any_": [str(one) for one in ids]}}
    return await at.api.call(
        deployments.filter_deployments, Criteria(flows=wanted, sort="NAME_ASC", limit=MOST_DEPLOYMENTS)
    )


async def _coming(at: Reader, flow_id: UUID, most: int) -> list[FlowRun]:
    """The runs that are scheduled next."""
    ahead = {"start_time": {"after_": at.now.isoformat()}, "state": {"type": {"any_": ["SCHEDULED"]}}}
    of_flow = {"id": {"any_": [str(flow_id)]}}
    return await at.api.call(
        flow_runs.filter_flow_runs, Criteria(flows=of_flow, flow_runs=ahead, sort="START_TIME_ASC", limit=most)
    )
