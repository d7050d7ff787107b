"""A run: how it came to its state, its tasks over time, its log, what it was given, and why it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from penstock.errors import InvalidRequest, NotFound, PenstockError
from penstock.server.bind import Reply
from penstock.ui.log_views import log_values, read_run_log
from penstock.ui.pages.run_graph import Tasks, read_tasks
from penstock.ui.pages.runs import ACTIONS, can, was_taken
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.run_lists import rows_of
from penstock.ui.task_views import Chosen, read_chosen
from penstock.ui.wording import seconds, tone
from penstock.wire import artifacts, flow_runs, pool_templates, task_runs, waiting
from penstock.wire.flow_runs import FlowRun, Resume, SetState
from penstock.wire.model import Criteria
from penstock.wire.pool_templates import JobQuery
from penstock.wire.states import OrchestrationResult, OrchestrationStatus, State, StateCreate, StateDetails, StateType
from penstock.wire.waiting import Explanation

T = TypeVar("T")

MOST_SUBFLOWS = 50
SUSPENDED = StateCreate(type=StateType.PAUSED, name="Suspended", state_details=StateDetails(pause_reschedule=True))
ENDS = ("completed", "failed", "crashed", "cancelled")
WAITING = ("SCHEDULED", "PENDING", "PAUSED", "CANCELLING")


@dataclass(frozen=True, slots=True)
class Stay:
    """A state of the history and how long it was the run's, in words; nothing for one that is the end."""

    state: State
    length: str


@page("GET", "/runs/{id}")
async def show(at: Reader, id: str) -> Reply:
    """The page of a run."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    (states, tasks, chosen, log), (made, subflows, (row,), why, parent) = await asyncio.gather(
        asyncio.gather(
            at.api.call(flow_runs.read_flow_run_states, query={"flow_run_id": run.id}),
            _tasks(at, run),
            _chosen(at, run),
            read_run_log(at, run.id),
        ),
        asyncio.gather(
            at.api.call(artifacts.filter_artifacts, _artifacts_of(run)),
            _subflows(at, run.id),
            rows_of(at.api, [run]),
            _why(at, run),
            _or_none(parent_of(at, run)),
        ),
    )
    return at.render(
        "run.html",
        run=run,
        row=row,
        stays=stays(states, at.now),
        tasks=tasks,
        chosen=chosen,
        subflows=await rows_of(at.api, subflows[:MOST_SUBFLOWS]),
        more_subflows=len(subflows) > MOST_SUBFLOWS,
        artifacts=made,
        why=why,
        parent=parent,
        can=can(run),
        wants_input=wants_input(run),
        **log_values(at, f"/runs/{run.id}", log, is_over(run)),
    )


@page("GET", "/runs/{id}/job")
async def job(at: Reader, id: str) -> Reply:
    """The job as it would be started, and who says each of its values: a part of the run's page."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    if run.work_pool_name is None:
        raise NotFound("This run belongs to no work pool: whoever serves its deployment runs it, or a script did.")
    preview = await at.api.call(pool_templates.preview_job, JobQuery(flow_run_id=run.id), name=run.work_pool_name)
    return at.render("job.html", preview=preview, run=run)


@page("POST", "/runs/{id}/{action}")
async def change(at: Reader, id: str, action: str) -> Reply:
    """Cancels, retries, suspends or resumes the run."""
    run_id = id_in(id)
    if action == "resume":
        run = await at.api.call(flow_runs.read_flow_run, id=run_id)
        if wants_input(run):
            return at.go(at.link(f"/runs/{run_id}/resume"))
        verdict = await at.api.call(flow_runs.resume_flow_run, Resume(), id=run_id)
        return _judged(at, run_id, verdict, "resumed", verdict.status is OrchestrationStatus.ACCEPT)
    if action == "suspend":
        verdict = await at.api.call(flow_runs.set_flow_run_state, SetState(state=SUSPENDED), id=run_id)
        return _judged(at, run_id, verdict, "suspended", verdict.status is OrchestrationStatus.ACCEPT)
    if action not in ("cancel", "retry"):
        raise InvalidRequest(f"{action!r} is nothing that can be done with a run.")
    _, became, state, force = ACTIONS[action]
    assert state is not None  # only deleting has none
    verdict = await at.api.call(flow_runs.set_flow_run_state, SetState(state=state, force=force), id=run_id)
    return _judged(at, run_id, verdict, became, was_taken(verdict, state))


def stays(states: Sequence[State], now: datetime) -> list[Stay]:
    """The history, newest first, with how long each state lasted."""
    ordered = sorted(states, key=lambda state: state.timestamp)
    ends = [*(state.timestamp for state in ordered[1:]), now]
    found = []
    for state, end in zip(ordered, ends, strict=True):
        over = state is ordered[-1] and is_over(state)
        found.append(Stay(state, "" if over else seconds(max((end - state.timestamp).total_seconds(), 0))))
    return found[::-1]


def is_over(run: Any) -> bool:
    """Whether a run or a state is an end."""
    return tone(run) in ENDS


def wants_input(run: FlowRun) -> bool:
    """Whether the run is paused until somebody enters something."""
    if run.state is None or run.state.type is not StateType.PAUSED:
        return False
    return "schema" in (run.state.state_details.run_input_keyset or {})


async def parent_of(at: Reader, run: FlowRun) -> FlowRun | None:
    """The run that this one is a subflow of."""
    if run.parent_task_run_id is None:
        return None
    task = await at.api.call(task_runs.read_task_run, id=run.parent_task_run_id)
    if task.flow_run_id is None:
        return None
    return await at.api.call(flow_runs.read_flow_run, id=task.flow_run_id)


def _judged(at: Reader, run_id: UUID, verdict: OrchestrationResult, became: str, taken: bool) -> Reply:
    back = at.link(f"/runs/{run_id}")
    if taken:
        return at.go(back, f"The run was {became}.")
    reason = verdict.details.reason or "its state does not allow it."
    return at.go(back, f"The run could not be {became}: {reason}", "bad")


async def _tasks(at: Reader, run: FlowRun) -> Tasks:
    return await read_tasks(at, run, at_once=False)


async def _chosen(at: Reader, run: FlowRun) -> Chosen | None:
    """The task that the address names, as far as there is one."""
    try:
        return await read_chosen(at, UUID(at.asked("task")), run.id)
    except (ValueError, PenstockError):
        return None


def _artifacts_of(run: FlowRun) -> Criteria:
    wanted = {"flow_run_id": {"any_": [str(run.id)]}, "type": {"not_any_": ["result"]}}
    return Criteria(artifacts=wanted, sort="CREATED_DESC", limit=20)


async def _subflows(at: Reader, run_id: UUID) -> list[FlowRun]:
    wanted = {"parent_flow_run_id": {"any_": [str(run_id)]}}
    asked = Criteria(flow_runs=wanted, sort="EXPECTED_START_TIME_ASC", limit=MOST_SUBFLOWS + 1)
    return await at.api.call(flow_runs.filter_flow_runs, asked)


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
