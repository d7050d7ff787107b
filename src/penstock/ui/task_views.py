"""A task run as pages show it: what it was called with, as far as that was recorded, and its tries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.core.run_graph import INSIDE_OF
from penstock.errors import NotFound
from penstock.ui.reader import Reader
from penstock.wire import flow_runs, task_runs
from penstock.wire.model import Criteria
from penstock.wire.task_runs import TaskRun

MOST_INPUTS = 50


@dataclass(frozen=True, slots=True)
class Given:
    """One argument: results of these tasks, or the words for what else it was."""

    name: str
    tasks: Sequence[tuple[UUID, str]]
    words: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A task run with the names of the tasks around it; `child` is the run of its own that a subflow's task is for."""

    task: TaskRun
    inputs: Sequence[Given]
    inside_of: Sequence[tuple[UUID, str]]
    child: UUID | None


async def read_chosen(at: Reader, id: UUID, flow_run_id: UUID | None = None) -> Chosen:
    """A task run. Raises `NotFound` for one of another run than the named one."""
    task = await at.api.call(task_runs.read_task_run, id=id)
    if flow_run_id is not None and task.flow_run_id != flow_run_id:
        raise NotFound("This task belongs to another run.")
    names = await _names(at.api, _asked_for(task))
    inputs = [_given(name, values, names) for name, values in task.task_inputs.items() if name != INSIDE_OF]
    child = task.state.state_details.child_flow_run_id if task.state else None
    return Chosen(task, inputs[:MOST_INPUTS], _known(task.task_inputs.get(INSIDE_OF, ()), names), child)


async def name_of_run(at: Reader, id: UUID | None) -> str:
    """A flow run's name; nothing without one."""
    return (await at.api.call(flow_runs.read_flow_run, id=id)).name if id is not None else ""


def _given(name: str, values: Sequence[dict[str, Any]], names: dict[UUID, str]) -> Given:
    kinds = {str(one.get("input_type")) for one in values} - {"task_run"}
    said = [str(one.get("value", one.get("name", ""))) for one in values if one.get("input_type") != "task_run"]
    words = ", ".join(one for one in said if one) or ("a value" if kinds or not values else "")
    return Given(name, _known(values, names), words)


def _known(values: Sequence[dict[str, Any]], names: dict[UUID, str]) -> list[tuple[UUID, str]]:
    ids = [id for one in values if (id := _task_in(one)) is not None]
    return [(id, names.get(id, str(id))) for id in dict.fromkeys(ids)]


def _asked_for(task: TaskRun) -> list[str]:
    found = {str(id): None for values in task.task_inputs.values() for one in values if (id := _task_in(one))}
    return list(found)[:200]


def _task_in(one: dict[str, Any]) -> UUID | None:
    if one.get("input_type") != "task_run":
        return None
    try:
        return UUID(str(one.get("id")))
    except ValueError:
        return None


async def _names(api: AsyncClient, ids: list[str]) -> dict[UUID, str]:
    if not ids:
        return {}
    wanted = Criteria(task_runs={"id": {"any_": ids}}, limit=200)
    return {one.id: one.name for one in await api.call(task_runs.filter_task_runs, wanted)}
