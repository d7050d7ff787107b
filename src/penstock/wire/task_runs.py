"""Task runs: one execution of a task inside a flow run."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from penstock.wire.endpoint import delete, get, patch, post
from penstock.wire.flow_runs import HistoryInterval, HistoryQuery, SetState
from penstock.wire.model import Criteria, Labels, Model, Page, Write
from penstock.wire.states import OrchestrationResult, State, StateCreate, StateType


class TaskRunPolicy(Model):
    """Retries of a task: a delay, or a list of them in seconds, jittered by a factor."""

    max_retries: int = 0
    retry_delay_seconds: float = 0
    retries: int | None = None
    retry_delay: int | float | list[int | float] | None = None
    retry_jitter_factor: float | None = None


class TaskRun(Model):
    """A task run; the last two fields are not stored but computed when it is read."""

    id: UUID
    name: str
    task_key: str
    dynamic_key: str
    created: datetime | None = None
    updated: datetime | None = None
    flow_run_id: UUID | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    task_version: str | None = None
    empirical_policy: TaskRunPolicy = TaskRunPolicy()
    tags: list[str] = field(default_factory=list)
    labels: Labels | None = None
    state_id: UUID | None = None
    task_inputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    state_type: StateType | None = None
    state_name: str | None = None
    run_count: int = 0
    flow_run_run_count: int = 0
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0
    state: State | None = None
    estimated_run_time: float = 0.0
    estimated_start_time_delta: float = 0.0


class TaskRunCreate(Write):
    """A task run by its key within the flow run; a known key gives back the first."""

    task_key: str
    dynamic_key: str
    id: UUID | None = None
    state: StateCreate | None = None
    name: str | None = None
    flow_run_id: UUID | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    task_version: str | None = None
    empirical_policy: TaskRunPolicy = TaskRunPolicy()
    tags: list[str] = field(default_factory=list)
    labels: Labels | None = None
    task_inputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


class TaskRunUpdate(Write):
    """Renames a task run."""

    name: str | UnsetType = UNSET


create_task_run = post("/task_runs/", body=TaskRunCreate, returns=TaskRun, status=201)
filter_task_runs = post("/task_runs/filter", body=Criteria, returns=list[TaskRun])
count_task_runs = post("/task_runs/count", body=Criteria, returns=int)
paginate_task_runs = post("/task_runs/paginate", body=Criteria, returns=Page[TaskRun])
task_run_history = post("/task_runs/history", body=HistoryQuery, returns=list[HistoryInterval])
read_task_run = get("/task_runs/{id}", returns=TaskRun)
update_task_run = patch("/task_runs/{id}", body=TaskRunUpdate)
delete_task_run = delete("/task_runs/{id}")
set_task_run_state = post("/task_runs/{id}/set_state", body=SetState, returns=OrchestrationResult)
read_task_run_states = get("/task_run_states/", returns=list[State], query=("task_run_id",))
read_task_run_state = get("/task_run_states/{id}", returns=State)
