"""The tasks of a run: as a graph over time that is zoomed by its address, and as a table."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from penstock.errors import BadRequest
from penstock.server.bind import Reply
from penstock.ui.graphs import PACKED_UP_TO, Picture, nodes_of, picture_of, window_of
from penstock.ui.paging import next_key, read_key
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.task_views import read_chosen
from penstock.wire import flow_runs, task_runs
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import Criteria
from penstock.wire.task_runs import TaskRun

PAGE = 100
NAMED = 5
"""Tasks that have not begun and are named."""
KINDS = ("running", "pending", "completed", "failed", "crashed", "cancelled")


@dataclass(frozen=True, slots=True)
class Tasks:
    """The drawn tasks and some of those that have not begun; `later` when the graph comes after its page.

    `fault` is why there is no graph.
    """

    picture: Picture | None
    unbegun: list[TaskRun]
    more_unbegun: bool = False
    later: bool = False
    fault: str = ""


@page("GET", "/runs/{id}/graph")
async def graph(at: Reader, id: str) -> Reply:
    """The graph alone: of the whole run, or of the time that the address names."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    return at.render("run_graph.html", run=run, tasks=await read_tasks(at, run, at_once=True))


@page("GET", "/runs/{id}/tasks")
async def table(at: Reader, id: str) -> Reply:
    """A page of the run's tasks, in the order in which they were due."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    kind, name = at.asked("state"), at.asked("name")[:200]
    wanted: dict[str, Any] = {"flow_run_id": {"any_": [str(run.id)]}}
    if kind in KINDS:
        wanted["state"] = {"type": {"any_": [kind.upper()]}}
    if name:
        wanted["name"] = {"like_": name}
    moment, passed = read_key(at.asked("after")) or (None, 0)
    if moment is not None:
        wanted["expected_start_time"] = {"after_": moment.isoformat()}
    asked = Criteria(task_runs=wanted, sort="EXPECTED_START_TIME_ASC", limit=PAGE + 1, offset=passed)
    found = await at.api.call(task_runs.filter_task_runs, asked)
    moments = [one.expected_start_time or run.created or at.now for one in found[:PAGE]]
    return at.render(
        "run_tasks.html",
        run=run,
        tasks=found[:PAGE],
        older=next_key(moments, moment, passed) if len(found) > PAGE else "",
        kinds=KINDS,
        kind=kind,
        name=name,
    )


@page("GET", "/runs/{id}/tasks/{task}")
async def one(at: Reader, id: str, task: str) -> Reply:
    """One of the tasks in short: the part of the run's page that tells of the chosen one."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    return at.render("run_task.html", run=run, chosen=await read_chosen(at, id_in(task), run.id))


async def read_tasks(at: Reader, run: FlowRun, *, at_once: bool) -> Tasks:
    """The graph, unless the run has so many tasks that its page should not wait for it."""
    waiting, later = await asyncio.gather(_unbegun(at, run), _is_large(at, run))
    named, more = waiting[:NAMED], len(waiting) > NAMED
    if later and not at_once:
        return Tasks(None, named, more, later=True)
    try:
        found = await at.api.call(flow_runs.read_flow_run_graph, id=run.id)
    except BadRequest as error:
        return Tasks(None, named, more, fault=error.message)
    nodes = nodes_of(found)
    window = window_of(found, nodes, at.now, at.asked("begin"), at.asked("end"))
    picture = picture_of(nodes, window, at.now, found.artifacts) if nodes else None
    return Tasks(picture, named, more, later=later)


async def _is_large(at: Reader, run: FlowRun) -> bool:
    """Whether there are more tasks than are drawn one by one."""
    one = Criteria(task_runs={"flow_run_id": {"any_": [str(run.id)]}}, limit=1, offset=PACKED_UP_TO)
    found = await at.api.call(task_runs.filter_task_runs, one)
    return bool(found)


async def _unbegun(at: Reader, run: FlowRun) -> list[TaskRun]:
    """Some of the tasks that have not begun, of a run that has not ended."""
    if run.end_time is not None:
        return []
    wanted = {"flow_run_id": {"any_": [str(run.id)]}, "start_time": {"is_null_": True}}
    return await at.api.call(task_runs.filter_task_runs, Criteria(task_runs=wanted, limit=NAMED + 1))
