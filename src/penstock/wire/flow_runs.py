"""Flow runs: one execution of a flow, its states, inputs and history."""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from penstock.wire.endpoint import delete, get, patch, post
from penstock.wire.model import BulkSelection, Criteria, Deleted, Labels, Model, Page, Write
from penstock.wire.states import (
    OrchestrationDetails,
    OrchestrationResult,
    OrchestrationStatus,
    State,
    StateCreate,
    StateType,
)


class FlowRunPolicy(Model):
    """How the server treats a run's failures and pauses; the first two fields are older names, kept on the wire."""

    max_retries: int = 0
    retry_delay_seconds: float = 0
    retries: int | None = None
    retry_delay: int | None = None
    pause_keys: list[str] | None = field(default_factory=list)
    """A Prefect server can't pause a run whose list is null."""
    resuming: bool | None = False
    retry_type: str | None = None


class CreatedBy(Model):
    """Who made an object: a schedule, an automation, a deployment, a user."""

    id: UUID | None
    type: str | None = None
    display_value: str | None = None


class FlowRun(Model):
    """A flow run as the API answers it; the last five fields are not stored but found when it is read.

    The state is the last of the stored ones, so that it can be cut off where it is not asked for.
    """

    id: UUID
    name: str
    flow_id: UUID
    created: datetime | None = None
    updated: datetime | None = None
    state_id: UUID | None = None
    deployment_id: UUID | None = None
    deployment_version: str | None = None
    work_queue_id: UUID | None = None
    flow_version: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    context: dict[str, Any] = field(default_factory=dict)
    empirical_policy: FlowRunPolicy = FlowRunPolicy()
    tags: list[str] = field(default_factory=list)
    labels: Labels = field(default_factory=dict)
    parent_task_run_id: UUID | None = None
    state_type: StateType | None = None
    state_name: str | None = None
    run_count: int = 0
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0
    auto_scheduled: bool = False
    infrastructure_document_id: UUID | None = None
    infrastructure_pid: str | None = None
    created_by: CreatedBy | None = None
    job_variables: dict[str, Any] | None = None
    state: State | None = None
    work_queue_name: str | None = None
    work_pool_id: UUID | None = None
    work_pool_name: str | None = None
    estimated_run_time: float = 0.0
    estimated_start_time_delta: float = 0.0


class FlowRunCreate(Write):
    """A new run; a key already used for this flow gives back the first run."""

    flow_id: UUID
    state: StateCreate | None = None
    name: str | None = None
    flow_version: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    parent_task_run_id: UUID | None = None
    infrastructure_document_id: UUID | None = None
    empirical_policy: FlowRunPolicy = FlowRunPolicy()
    tags: list[str] = field(default_factory=list)
    labels: Labels | None = None
    idempotency_key: str | None = None
    work_pool_name: str | None = None
    work_queue_name: str | None = None
    job_variables: dict[str, Any] | None = None
    deployment_id: UUID | None = None


class FlowRunUpdate(Write):
    """The fields of a run that a client may change."""

    name: str | UnsetType | None = UNSET
    flow_version: str | UnsetType | None = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    empirical_policy: FlowRunPolicy | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    infrastructure_pid: str | UnsetType | None = UNSET
    job_variables: dict[str, Any] | UnsetType | None = UNSET


class FlowRunInput(Model):
    """A value sent to a run, kept as text under a key."""

    id: UUID
    flow_run_id: UUID
    key: str
    value: str
    created: datetime | None = None
    updated: datetime | None = None
    sender: str | None = None


class ScheduledFlowRun(Model):
    """A due run as polling hands it to a worker."""

    work_pool_id: UUID
    work_queue_id: UUID
    flow_run: FlowRun


class BulkCreated(Model):
    """One outcome of a bulk create: `CREATED` or `FAILED` with the error."""

    status: str
    flow_run_id: UUID | None = None
    error: str | None = None


class BulkCreatedRuns(Model):
    """The outcomes, in the order asked."""

    results: list[BulkCreated] = field(default_factory=list)


class BulkOrchestrated(Model):
    """The verdict for one run of a bulk change."""

    flow_run_id: UUID
    status: OrchestrationStatus
    details: OrchestrationDetails
    state: State | None = None


class BulkOrchestratedRuns(Model):
    """The verdicts of a bulk change."""

    results: list[BulkOrchestrated] = field(default_factory=list)


class HistoryState(Model):
    """Runs of one state in an interval; sums in seconds."""

    state_type: StateType
    state_name: str
    count_runs: int
    sum_estimated_run_time: float
    sum_estimated_lateness: float


class HistoryInterval(Model):
    """One bar of a history chart."""

    interval_start: datetime
    interval_end: datetime
    states: list[HistoryState]


class Edge(Model):
    """A neighbour in the graph."""

    id: UUID


class GraphArtifact(Model):
    """An artifact in the graph."""

    id: UUID
    key: str | None
    type: str | None
    is_latest: bool
    data: Any
    created: datetime | None = None


class GraphState(Model):
    """A state of the run in the graph."""

    id: UUID
    timestamp: datetime
    type: StateType
    name: str


class Node(Model):
    """A task or subflow in the graph; `kind` is `task-run` or `flow-run`."""

    kind: str
    id: UUID
    label: str
    state_type: StateType
    start_time: datetime
    end_time: datetime | None
    parents: list[Edge]
    children: list[Edge]
    encapsulating: list[Edge]
    artifacts: list[GraphArtifact]


class Graph(Model):
    """A run's graph; `nodes` are pairs of id and `Node`."""

    start_time: datetime | None
    end_time: datetime | None
    root_node_ids: list[UUID]
    nodes: list[list[Any]]
    artifacts: list[GraphArtifact]
    states: list[GraphState]


class SetState(Model):
    """Proposes a state; `force` skips the rules but not the bookkeeping."""

    state: StateCreate
    force: bool = False


class BulkSetState(Model):
    """Proposes one state to all runs that match."""

    state: StateCreate
    flow_runs: dict[str, Any] | None = None
    force: bool = False
    limit: int = 50


class Resume(Model):
    """Resumes a paused run, with its input if it waits for one."""

    run_input: dict[str, Any] | None = None


class InputCreate(Model):
    """Stores an input of a run under a key not yet used."""

    key: str
    value: str
    sender: str | None = None


class InputQuery(Model):
    """Inputs by key prefix."""

    prefix: str
    limit: int = 1
    exclude_keys: list[str] = field(default_factory=list)


class HistoryQuery(Criteria, kw_only=True):
    """Counts by state over equal intervals."""

    history_start: datetime
    history_end: datetime
    history_interval_seconds: float


create_flow_run = post("/flow_runs/", body=FlowRunCreate, returns=FlowRun, status=201)
filter_flow_runs = post("/flow_runs/filter", body=Criteria, returns=list[FlowRun])
count_flow_runs = post("/flow_runs/count", body=Criteria, returns=int)
paginate_flow_runs = post("/flow_runs/paginate", body=Criteria, returns=Page[FlowRun])
average_lateness = post("/flow_runs/lateness", body=Criteria, returns=Any)
flow_run_history = post("/flow_runs/history", body=HistoryQuery, returns=list[HistoryInterval])
read_flow_run = get("/flow_runs/{id}", returns=FlowRun)
update_flow_run = patch("/flow_runs/{id}", body=FlowRunUpdate)
delete_flow_run = delete("/flow_runs/{id}")
update_labels = patch("/flow_runs/{id}/labels", body=dict[str, Any])
set_flow_run_state = post("/flow_runs/{id}/set_state", body=SetState, returns=OrchestrationResult)
resume_flow_run = post("/flow_runs/{id}/resume", body=Resume, returns=OrchestrationResult)
create_input = post("/flow_runs/{id}/input", body=InputCreate, returns=NoneType, status=201)
filter_inputs = post("/flow_runs/{id}/input/filter", body=InputQuery, returns=list[FlowRunInput])
read_input = get("/flow_runs/{id}/input/{key}", returns=str, text=True)
delete_input = delete("/flow_runs/{id}/input/{key}")
bulk_delete_flow_runs = post("/flow_runs/bulk_delete", body=BulkSelection, returns=Deleted)
bulk_set_state = post("/flow_runs/bulk_set_state", body=BulkSetState, returns=BulkOrchestratedRuns)
read_flow_run_graph = get("/flow_runs/{id}/graph-v2", returns=Graph, query=("since",))
download_logs = get("/flow_runs/{id}/logs/download", returns=str, text=True)
read_flow_run_states = get("/flow_run_states/", returns=list[State], query=("flow_run_id",))
read_flow_run_state = get("/flow_run_states/{id}", returns=State)
