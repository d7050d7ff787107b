"""Lists of runs: which the address asks for, one page of them by key, and the names that belong to them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.clock import EPOCH
from penstock.ui.paging import next_key, read_key
from penstock.wire import deployments, flow_runs, flows
from penstock.wire.flow_runs import FlowRun, HistoryInterval, HistoryQuery
from penstock.wire.model import Criteria
from penstock.wire.run_searches import RunSearch, search_flow_runs

PAGE = 50
BARS = 48
GRAINS = (timedelta(hours=1), timedelta(minutes=5))
WINDOWS = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(days=1)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
    "next": ("Coming up, 24 hours", timedelta(days=1)),
}
NOBODY = "00000000-0000-0000-0000-000000000000"
SLICES, OF_A_SLICE = 6, 50
"""Of how many parts of a time runs are drawn by themselves, and how many of each."""
LONGEST = timedelta(days=400)
"""How long a time of one's own may be."""
USUAL = "24h"
STATES = {
    "scheduled": {"type": {"any_": ["SCHEDULED"]}},
    "late": {"name": {"any_": ["Late"]}},
    "pending": {"type": {"any_": ["PENDING"]}},
    "running": {"type": {"any_": ["RUNNING"]}},
    "completed": {"type": {"any_": ["COMPLETED"]}},
    "failed": {"type": {"any_": ["FAILED"]}},
    "crashed": {"type": {"any_": ["CRASHED"]}},
    "cancelled": {"type": {"any_": ["CANCELLED", "CANCELLING"]}},
    "paused": {"type": {"any_": ["PAUSED"]}},
}
"""What the address may ask for, and the filter it means."""


@dataclass(frozen=True, slots=True)
class Row:
    """A run with the names around it; `why` is a word on its state."""

    run: FlowRun
    flow: str
    deployment: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which runs are wanted."""

    now: datetime
    states: tuple[str, ...] = ()
    name: str = ""
    tag: str = ""
    flow: UUID | None = None
    deployment: UUID | None = None
    pool: str = ""
    window: str = USUAL
    of: str = ""
    """A flow by its name, or a deployment as `flow/deployment`; it chooses once it was `resolved`."""
    is_nowhere: bool = False
    """Whether it names what is not there, so that no run fits."""
    deployed: Mapping[str, Any] | None = None
    """A filter of the deployments that they are runs of."""
    parent: UUID | None = None
    """The run whose subflows are wanted."""
    no_subflows: bool = False
    own: tuple[datetime, datetime] | None = None
    """A time of the reader's own, in place of the window."""

    @property
    def ahead(self) -> bool:
        """Whether it is about runs to come, soonest first."""
        return self.window == "next" and self.own is None

    @property
    def searches(self) -> bool:
        """Whether runs have to be looked at one by one, for a part of their name or a tag."""
        return bool(self.name or self.tag)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The time it is about."""
        if self.own is not None:
            return self.own
        length = WINDOWS[self.window][1]
        return (self.now, self.now + length) if self.ahead else (self.now - length, self.now)

    def criteria(self, *, apart: bool = False, **time: str) -> dict[str, Any]:
        """The filter; `time` bounds it to when runs began, or are due. `apart` leaves name and tag to a search."""
        runs: dict[str, Any] = {"start_time": time} if time else {}
        if self.states:
            runs["state"] = _any_of(self.states)
        if self.name and not apart:
            runs["name"] = {"like_": self.name}
        if self.tag and not apart:
            runs["tags"] = {"all_": [self.tag]}
        if self.deployment:
            runs["deployment_id"] = {"any_": [str(self.deployment)]}
        if self.parent:
            runs["parent_flow_run_id"] = {"any_": [str(self.parent)]}
        if self.no_subflows:
            runs["parent_task_run_id"] = {"is_null_": True}
        if self.is_nowhere:
            runs["id"] = {"any_": [NOBODY]}
        around: dict[str, Any] = {"flow_runs": runs}
        if self.deployed:
            around["deployments"] = dict(self.deployed)
        if self.flow:
            around["flows"] = {"id": {"any_": [str(self.flow)]}}
        if self.pool:
            around["work_pools"] = {"name": {"any_": [self.pool]}}
        return around


async def resolved(api: AsyncClient, asked: Asked) -> Asked:
    """The selection with an id in place of what `of` names: runs are found by it without being looked at."""
    flow, _, deployment = asked.of.partition("/")
    if not flow:
        return asked
    found = await api.call(flows.filter_flows, Criteria(flows={"name": {"any_": [flow]}}, limit=1))
    if not found:
        return replace(asked, is_nowhere=True)
    if not deployment:
        return replace(asked, flow=found[0].id)
    around = Criteria(flows={"id": {"any_": [str(found[0].id)]}}, deployments={"name": {"any_": [deployment]}}, limit=1)
    known = await api.call(deployments.filter_deployments, around)
    return replace(asked, deployment=known[0].id) if known else replace(asked, is_nowhere=True)


async def sample(api: AsyncClient, asked: Asked) -> list[FlowRun]:
    """Some runs of all of the time: the first of each slice, so that a busy hour does not stand for the day."""
    start, end = asked.span
    edges = [start + (end - start) / SLICES * number for number in range(SLICES + 1)]
    found = await asyncio.gather(
        *(list_page(api, replace(asked, own=slice), "", OF_A_SLICE) for slice in itertools.pairwise(edges))
    )
    return list({run.id: run for runs, _ in found for run in runs}.values())


async def count_new(api: AsyncClient, asked: Asked, since: datetime, most: int) -> int:
    """How many runs of the selection were due since a moment, counted up to a bound."""
    start, end = asked.span
    criteria = asked.criteria(after_=max(start, since).isoformat(), before_=end.isoformat())
    wanted = Criteria(**criteria, sort="START_TIME_DESC", limit=most)
    found = await api.call(flow_runs.filter_flow_runs, wanted)
    return len(found)


async def history(api: AsyncClient, asked: Asked) -> list[HistoryInterval]:
    """The runs of the window by state, in bars."""
    start, end = asked.span
    step = (end - start).total_seconds() / BARS
    if not asked.ahead:
        start = rounded(start, step)
    query = HistoryQuery(history_start=start, history_end=end, history_interval_seconds=step, **asked.criteria())
    return await api.call(flow_runs.flow_run_history, query)


def rounded(start: datetime, step: float) -> datetime:
    """A little before, where bars are too long for that to be seen: the server has counted whole minutes and hours."""
    grain = next((grain for grain in GRAINS if step >= grain.total_seconds()), timedelta(microseconds=1))
    return start - (start - EPOCH) % grain


async def list_page(api: AsyncClient, asked: Asked, after: str, size: int = PAGE) -> tuple[list[FlowRun], str]:
    """One page of runs and the key of the next, empty after the last.

    A search by name or tag looks at so many runs and no more: its page may be short, or empty, and have a next one.
    """
    start, end = asked.span
    moment, passed = read_key(after) or (start if asked.ahead else end, 0)
    edges = (moment, end) if asked.ahead else (start, moment)
    criteria = RunSearch(
        **asked.criteria(apart=asked.searches, after_=edges[0].isoformat(), before_=edges[1].isoformat()),
        sort="START_TIME_ASC" if asked.ahead else "START_TIME_DESC",
        limit=size + 1,
        offset=passed,
        name_like=asked.name,
        tag=asked.tag,
    )
    reached: datetime | None = None
    if asked.searches:
        answer = await api.call(search_flow_runs, criteria)
        found, reached = answer.runs, answer.reached
    else:
        found = await api.call(flow_runs.filter_flow_runs, criteria)
    page = found[:size]
    moments = [began(run) or moment for run in page]
    if len(found) > size:
        return page, next_key(moments, moment, passed)
    return page, where_to_go_on(moments, reached, moment, ahead=asked.ahead) if reached else ""


def where_to_go_on(moments: Sequence[datetime], reached: datetime, began_at: datetime, *, ahead: bool) -> str:
    """The key of what a search did not look at; it goes on even if more runs have one moment than it looks at."""
    if reached == began_at:
        reached += timedelta(microseconds=1 if ahead else -1)
    return next_key([reached], reached, moments.count(reached) - 1)


async def rows_of(api: AsyncClient, runs: Sequence[FlowRun]) -> list[Row]:
    """The runs with the names of their flows and deployments, and a word on those that went wrong."""
    flow_ids = sorted({str(run.flow_id) for run in runs})
    deployment_ids = sorted({str(run.deployment_id) for run in runs if run.deployment_id})
    flow_names, deployment_names = await asyncio.gather(
        names_of(api, flows.filter_flows, "flows", flow_ids),
        names_of(api, deployments.filter_deployments, "deployments", deployment_ids),
    )
    return [
        Row(run, flow_names.get(run.flow_id, ""), deployment_names.get(run.deployment_id, "a deleted one"), _why(run))
        for run in runs
    ]


async def names_of(api: AsyncClient, endpoint: Any, noun: str, ids: Sequence[str]) -> dict[UUID | None, str]:
    """Names by id, of at most 200."""
    if not ids:
        return {}
    wanted = Criteria(**{noun: {"id": {"any_": list(ids)[:200]}}}, limit=200)  # type: ignore[arg-type]  # a filter
    return {one.id: one.name for one in await api.call(endpoint, wanted)}


def _why(run: FlowRun) -> str:
    """The first line of what a run that went wrong says."""
    if run.state is None or not run.state.message or str(run.state_type) not in ("FAILED", "CRASHED", "CANCELLED"):
        return ""
    line = run.state.message.strip().splitlines()[0]
    return line if len(line) <= 110 else line[:109] + "…"


def _any_of(states: Sequence[str]) -> dict[str, Any]:
    """One filter for any of several states; the least that says it, so that an index can answer it."""
    if tuple(states) == ("late",):
        return STATES["late"]
    types = [kind for state in states if state != "late" for kind in STATES[state]["type"]["any_"]]
    if "late" not in states or "SCHEDULED" in types:
        return {"type": {"any_": types}}
    return {"operator": "or_", "type": {"any_": types}, "name": STATES["late"]["name"]}


def began(run: FlowRun) -> datetime | None:
    """What lists are sorted by, and the chart is made of."""
    return run.start_time or run.expected_start_time
