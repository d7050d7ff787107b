"""A run: how it came to its state, its tasks over time, its log, what it was given, and why it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar
from uuid import UUID

from penstock.clock import to_micros
from penstock.errors import InvalidRequest, NotFound, PenstockError
from penstock.server.bind import Reply
from penstock.ui.charts import timeline
from penstock.ui.pages.runs import ACTIONS, can, was_taken
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.run_lists import rows_of
from penstock.ui.wording import tone
from penstock.wire import artifacts, flow_runs, logs, pool_templates, task_runs, waiting
from penstock.wire.flow_runs import FlowRun, Resume, SetState
from penstock.wire.logs import Log
from penstock.wire.model import Criteria
from penstock.wire.pool_templates import JobQuery
from penstock.wire.states import OrchestrationResult, OrchestrationStatus
from penstock.wire.waiting import Explanation

T = TypeVar("T")

MOST_TASKS = 100
LINES = 200
LEVELS = {"": 0, "info": 20, "warning": 30, "error": 40}
WAITING = ("SCHEDULED", "PENDING", "PAUSED")


@page("GET", "/runs/{id}")
async def show(at: Reader, id: str) -> Reply:
    """The page of a run."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    one = {"id": {"any_": [str(run.id)]}}
    (states, tasks, subflows), (made, lines, (row,), why) = await asyncio.gather(
        asyncio.gather(
            at.api.call(flow_runs.read_flow_run_states, query={"flow_run_id": run.id}),
            _tasks(at, run.id),
            _subflows(at, run.id),
        ),
        asyncio.gather(
            at.api.call(artifacts.filter_artifacts, Criteria(flow_runs=one, sort="CREATED_DESC", limit=20)),
            _lines(at, run.id),
            rows_of(at.api, [run]),
            _why(at, run),
        ),
    )
    spans = timeline(tasks[:MOST_TASKS], run.start_time, run.end_time or at.now)
    return at.render(
        "run.html",
        run=run,
        row=row,
        states=sorted(states, key=lambda state: state.timestamp),
        spans=spans,
        more_tasks=len(tasks) > MOST_TASKS,
        subflows=await rows_of(at.api, subflows),
        artifacts=made,
        why=why,
        can=can(run),
        **_log_values(at, run.id, lines),
    )


@page("GET", "/runs/{id}/job")
async def job(at: Reader, id: str) -> Reply:
    """The job as it would be started, and who says each of its values: a part of the run's page."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    if run.work_pool_name is None:
        raise NotFound("This run belongs to no work pool: whoever serves its deployment runs it, or a script did.")
    preview = await at.api.call(pool_templates.preview_job, JobQuery(flow_run_id=run.id), name=run.work_pool_name)
    return at.render("job.html", preview=preview, run=run)


@page("GET", "/runs/{id}/logs")
async def download(at: Reader, id: str) -> Reply:
    """The whole log as a file."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    text = await at.api.call(flow_runs.download_logs, id=run.id)
    name = f'attachment; filename="{run.id}.csv"'.encode()
    return Reply(200, text.encode(), [(b"content-disposition", name)], b"text/csv; charset=utf-8")


@page("POST", "/runs/{id}/{action}")
async def change(at: Reader, id: str, action: str) -> Reply:
    """Cancels, retries or resumes the run."""
    run_id = id_in(id)
    if action == "resume":
        verdict = await at.api.call(flow_runs.resume_flow_run, Resume(), id=run_id)
        return _judged(at, run_id, verdict, "resumed", verdict.status is OrchestrationStatus.ACCEPT)
    if action not in ("cancel", "retry"):
        raise InvalidRequest(f"{action!r} is nothing that can be done with a run.")
    _, became, state, force = ACTIONS[action]
    assert state is not None  # only deleting has none
    verdict = await at.api.call(flow_runs.set_flow_run_state, SetState(state=state, force=force), id=run_id)
    return _judged(at, run_id, verdict, became, was_taken(verdict, state))


def log_filter(at: Reader, run_id: UUID) -> dict[str, Any]:
    """The lines that the address asks for: a run's, from a level up, with some words in them."""
    wanted: dict[str, Any] = {"flow_run_id": {"any_": [str(run_id)]}}
    if least := LEVELS.get(at.asked("level"), 0):
        wanted["level"] = {"ge_": least}
    if at.asked("text"):
        wanted["text"] = {"query": at.asked("text")[:200]}
    return wanted


def _judged(at: Reader, run_id: UUID, verdict: OrchestrationResult, became: str, taken: bool) -> Reply:
    back = at.link(f"/runs/{run_id}")
    if taken:
        return at.go(back, f"The run was {became}.")
    reason = verdict.details.reason or "its state does not allow it."
    return at.go(back, f"The run could not be {became}: {reason}", "bad")


async def _lines(at: Reader, run_id: UUID) -> list[Log]:
    """The last lines, in order; or with `from`, those from the first on."""
    wanted = log_filter(at, run_id)
    begin = at.asked("from") == "start"
    order = "TIMESTAMP_ASC" if begin else "TIMESTAMP_DESC"
    found = await at.api.call(logs.filter_logs, Criteria(logs=wanted, sort=order, limit=LINES))
    return found if begin else found[::-1]


def _log_values(at: Reader, run_id: UUID, lines: list[Log]) -> dict[str, Any]:
    words = {"level": at.asked("level"), "text": at.asked("text")}
    last = to_micros(lines[-1].timestamp) if lines else 0
    return {
        "lines": lines,
        "cut": len(lines) == LINES,
        "live_lines": at.link(f"/runs/{run_id}/logs/live", after=last, **words),
        "levels": list(LEVELS),
    }


async def _tasks(at: Reader, run_id: UUID) -> list[task_runs.TaskRun]:
    """The first tasks, in the order they began."""
    wanted = Criteria(
        task_runs={"flow_run_id": {"any_": [str(run_id)]}}, sort="EXPECTED_START_TIME_ASC", limit=MOST_TASKS + 1
    )
    return await at.api.call(task_runs.filter_task_runs, wanted)


async def _subflows(at: Reader, run_id: UUID) -> list[FlowRun]:
    wanted = {"parent_flow_run_id": {"any_": [str(run_id)]}}
    return await at.api.call(
        flow_runs.filter_flow_runs, Criteria(flow_runs=wanted, sort="EXPECTED_START_TIME_ASC", limit=50)
    )


async def _why(at: Reader, run: FlowRun) -> Explanation | None:
    """Why it waits, for a run that does."""
    if str(run.state_type) not in WAITING or tone(run) == "none":
        return None
    return await _or_none(at.api.call(waiting.explain_run, id=run.id))


async def _or_none(call: Awaitable[T]) -> T | None:
    """What is nice to have: the page is whole without it."""
    try:
        return await call
    except PenstockError:
        return None
