"""Lists of task runs across the runs they belong to: which the address asks for, and one page of them by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penstock.client.client import AsyncClient
from penstock.ui.paging import next_key, read_key
from penstock.ui.run_lists import BARS, PAGE, Asked, names_of, rounded, where_to_go_on
from penstock.wire import flow_runs
from penstock.wire.flow_runs import HistoryInterval, HistoryQuery
from penstock.wire.run_searches import RunSearch, search_task_runs
from penstock.wire.task_runs import TaskRun, task_run_history

STATES = ("running", "pending", "scheduled", "completed", "failed", "crashed", "cancelled", "paused")
"""What the address may ask for."""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task run and the name of the run that called it; empty for one that no flow called."""

    task: TaskRun
    run: str


async def task_page(api: AsyncClient, asked: Asked, after: str) -> tuple[list[TaskRun], str]:
    """One page of task runs, the newest first, and the key of the next.

    Each request looks at so many and no more: a page may be short, or empty, and have a next one.
    """
    start, end = asked.span
    moment, passed = read_key(after) or (end, 0)
    answer = await api.call(search_task_runs, _search(asked, start.isoformat(), moment.isoformat(), passed))
    page = answer.runs[:PAGE]
    moments = [one.start_time or one.expected_start_time or moment for one in page]
    if len(answer.runs) > PAGE:
        return page, next_key(moments, moment, passed)
    return page, where_to_go_on(moments, answer.reached, moment, ahead=False) if answer.reached else ""


async def task_history(api: AsyncClient, asked: Asked, bars: int = BARS) -> list[HistoryInterval]:
    """The task runs of the time by state, in bars; whatever their names and tags."""
    start, end = asked.span
    step = (end - start).total_seconds() / bars
    query = HistoryQuery(
        history_start=rounded(start, step),
        history_end=end,
        history_interval_seconds=step,
        task_runs=_states(asked),
    )
    return await api.call(task_run_history, query)


async def rows_of_tasks(api: AsyncClient, tasks: Sequence[TaskRun]) -> list[TaskRow]:
    """The task runs with the names of their runs."""
    ids = sorted({str(one.flow_run_id) for one in tasks if one.flow_run_id})
    names = await names_of(api, flow_runs.filter_flow_runs, "flow_runs", ids)
    return [TaskRow(one, names.get(one.flow_run_id, "a deleted one") if one.flow_run_id else "") for one in tasks]


def _search(asked: Asked, after: str, before: str, passed: int) -> RunSearch:
    wanted = {"start_time": {"after_": after, "before_": before}, **_states(asked)}
    return RunSearch(task_runs=wanted, name_like=asked.name, tag=asked.tag, limit=PAGE + 1, offset=passed)


def _states(asked: Asked) -> dict[str, Any]:
    return {"state": {"type": {"any_": [state.upper() for state in asked.states]}}} if asked.states else {}
