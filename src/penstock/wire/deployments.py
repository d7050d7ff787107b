"""Deployments: a flow plus how, when and where to run it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from types import NoneType
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from penstock.wire.endpoint import delete, get, patch, post
from penstock.wire.flow_runs import BulkCreatedRuns, CreatedBy, FlowRun, FlowRunPolicy
from penstock.wire.limits import GlobalLimitSummary
from penstock.wire.model import BulkSelection, Criteria, Deleted, Labels, Model, Page, Write
from penstock.wire.schedules import DeploymentSchedule, DeploymentScheduleCreate, DeploymentScheduleUpdate
from penstock.wire.states import StateCreate


class DeploymentStatus(StrEnum):
    """Whether something polls for the deployment's runs."""

    READY = "READY"
    NOT_READY = "NOT_READY"


class CollisionStrategy(StrEnum):
    """What happens to a run that finds its deployment's slots taken."""

    ENQUEUE = "ENQUEUE"
    CANCEL_NEW = "CANCEL_NEW"


class LossPolicy(StrEnum):
    """What becomes of a run when what it runs on is lost: a machine, a container, a spot instance."""

    FAIL = "fail"
    RESCHEDULE = "reschedule"


class ConcurrencyOptions(Model):
    """How a deployment's limit acts; grace in seconds, 60 to 86,400."""

    collision_strategy: CollisionStrategy
    grace_period_seconds: int | None = None


class VersionInfo(Model):
    """Where a deployment's version comes from."""

    type: str
    version: str


class Deployment(Model):
    """A deployment as the API answers it; `concurrency_limit` stays null, see `global_concurrency_limit`.

    The last six fields are not stored with it but found when it is read. The three before `manifest_path` are
    Penstock's: a Prefect client neither sees nor changes them. A manifest named the flow of deployments of 2022; it is
    kept for clients of Prefect 2, and read by nobody.
    """

    id: UUID
    name: str
    flow_id: UUID
    created: datetime | None = None
    updated: datetime | None = None
    version: str | None = None
    description: str | None = None
    paused: bool = False
    concurrency_limit: int | None = None
    concurrency_options: ConcurrencyOptions | None = None
    job_variables: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    labels: Labels = field(default_factory=dict)
    work_queue_id: UUID | None = None
    parameter_openapi_schema: dict[str, Any] | None = None
    path: str | None = None
    pull_steps: list[dict[str, Any]] | None = None
    entrypoint: str | None = None
    storage_document_id: UUID | None = None
    infrastructure_document_id: UUID | None = None
    created_by: CreatedBy | None = None
    updated_by: CreatedBy | None = None
    enforce_parameter_schema: bool = True
    on_infrastructure_loss: LossPolicy | UnsetType = UNSET
    reschedule_limit: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    cancellation_grace_seconds: Annotated[float, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    manifest_path: str | UnsetType | None = UNSET
    schedules: list[DeploymentSchedule] = field(default_factory=list)
    global_concurrency_limit: GlobalLimitSummary | None = None
    work_queue_name: str | None = None
    work_pool_name: str | None = None
    last_polled: datetime | None = None
    status: DeploymentStatus | None = DeploymentStatus.NOT_READY


class DeploymentCreate(Write):
    """Creates a deployment, or updates the one of that flow and name; schedules are always replaced."""

    name: str
    flow_id: UUID
    paused: bool = False
    schedules: list[DeploymentScheduleCreate] = field(default_factory=list)
    concurrency_limit: int | None = None
    concurrency_options: ConcurrencyOptions | None = None
    global_concurrency_limit_id: UUID | None = None
    enforce_parameter_schema: bool = True
    parameter_openapi_schema: dict[str, Any] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    labels: Labels | None = None
    pull_steps: list[dict[str, Any]] | None = None
    work_queue_name: str | None = None
    work_pool_name: str | None = None
    storage_document_id: UUID | None = None
    infrastructure_document_id: UUID | None = None
    description: str | None = None
    path: str | None = None
    version: str | None = None
    entrypoint: str | None = None
    job_variables: dict[str, Any] = field(default_factory=dict)
    version_info: VersionInfo | None = None
    on_infrastructure_loss: LossPolicy | UnsetType = UNSET
    reschedule_limit: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    cancellation_grace_seconds: Annotated[float, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    manifest_path: str | UnsetType = UNSET


class DeploymentUpdate(Write):
    """Changes a deployment; schedules are matched by slug where all have one."""

    version: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    paused: bool | UnsetType = UNSET
    schedules: list[DeploymentScheduleUpdate] | UnsetType = UNSET
    concurrency_limit: int | UnsetType | None = UNSET
    concurrency_options: ConcurrencyOptions | UnsetType | None = UNSET
    global_concurrency_limit_id: UUID | UnsetType | None = UNSET
    parameters: dict[str, Any] | UnsetType | None = UNSET
    parameter_openapi_schema: dict[str, Any] | UnsetType | None = UNSET
    tags: list[str] | UnsetType = UNSET
    work_queue_name: str | UnsetType | None = UNSET
    work_pool_name: str | UnsetType | None = UNSET
    path: str | UnsetType | None = UNSET
    job_variables: dict[str, Any] | UnsetType | None = UNSET
    pull_steps: list[dict[str, Any]] | UnsetType | None = UNSET
    entrypoint: str | UnsetType | None = UNSET
    storage_document_id: UUID | UnsetType | None = UNSET
    infrastructure_document_id: UUID | UnsetType | None = UNSET
    enforce_parameter_schema: bool | UnsetType | None = UNSET
    version_info: VersionInfo | UnsetType | None = UNSET
    on_infrastructure_loss: LossPolicy | UnsetType = UNSET
    reschedule_limit: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    cancellation_grace_seconds: Annotated[float, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    manifest_path: str | UnsetType = UNSET


class DeploymentFlowRunCreate(Write):
    """A run of a deployment; parameters are laid over the deployment's."""

    state: StateCreate | None = None
    name: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    enforce_parameter_schema: bool | None = None
    context: dict[str, Any] = field(default_factory=dict)
    infrastructure_document_id: UUID | None = None
    empirical_policy: FlowRunPolicy = FlowRunPolicy()
    tags: list[str] = field(default_factory=list)
    idempotency_key: str | None = None
    labels: Labels | None = None
    parent_task_run_id: UUID | None = None
    work_queue_name: str | None = None
    job_variables: dict[str, Any] | None = None


class DeploymentPoll(Model):
    """What a `.serve()` runner asks: due runs of its deployments, earliest first."""

    deployment_ids: list[UUID]
    scheduled_before: datetime | None = None
    limit: int | None = None


class ScheduleNow(Model):
    """Creates a deployment's scheduled runs now; `min_time` in seconds."""

    start_time: datetime | None = None
    end_time: datetime | None = None
    min_time: float | None = None
    min_runs: int | None = None
    max_runs: int | None = None


create_deployment = post("/deployments/", body=DeploymentCreate, returns=Deployment, status=201)
filter_deployments = post("/deployments/filter", body=Criteria, returns=list[Deployment])
count_deployments = post("/deployments/count", body=Criteria, returns=int)
paginate_deployments = post("/deployments/paginate", body=Criteria, returns=Page[Deployment])
read_deployment_by_name = get("/deployments/name/{flow_name}/{deployment_name}", returns=Deployment)
scheduled_runs_of_deployments = post("/deployments/get_scheduled_flow_runs", body=DeploymentPoll, returns=list[FlowRun])
read_deployment = get("/deployments/{id}", returns=Deployment)
update_deployment = patch("/deployments/{id}", body=DeploymentUpdate)
delete_deployment = delete("/deployments/{id}")
create_run_of_deployment = post(
    "/deployments/{id}/create_flow_run", body=DeploymentFlowRunCreate, returns=FlowRun, status=201
)
create_runs_of_deployment = post(
    "/deployments/{id}/create_flow_run/bulk", body=list[DeploymentFlowRunCreate], returns=BulkCreatedRuns
)
pause_deployment = post("/deployments/{id}/pause_deployment", body=NoneType, returns=NoneType)
resume_deployment = post("/deployments/{id}/resume_deployment", body=NoneType, returns=NoneType)
activate_schedules = post("/deployments/{id}/set_schedule_active", body=NoneType, returns=NoneType)
deactivate_schedules = post("/deployments/{id}/set_schedule_inactive", body=NoneType, returns=NoneType)
"""As `resume_deployment` and `pause_deployment`, by the names that clients of Prefect 2 know them by."""
schedule_deployment = post("/deployments/{id}/schedule", body=ScheduleNow, returns=NoneType)
read_schedules = get("/deployments/{id}/schedules", returns=list[DeploymentSchedule])
create_schedules = post(
    "/deployments/{id}/schedules",
    body=list[DeploymentScheduleCreate],
    returns=list[DeploymentSchedule],
    status=201,
)
update_schedule = patch("/deployments/{id}/schedules/{schedule_id}", body=DeploymentScheduleUpdate)
delete_schedule = delete("/deployments/{id}/schedules/{schedule_id}")
bulk_delete_deployments = post("/deployments/bulk_delete", body=BulkSelection, returns=Deleted)
