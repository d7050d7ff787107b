"""Work pools: typed queues of runs, with the base job template that is their policy."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from penstock.wire.endpoint import delete, get, patch, post
from penstock.wire.flow_runs import ScheduledFlowRun
from penstock.wire.model import Criteria, Model, Write
from penstock.wire.states import StateType


class WorkPoolStatus(StrEnum):
    """READY while a worker is online."""

    READY = "READY"
    NOT_READY = "NOT_READY"
    PAUSED = "PAUSED"


class WorkPoolStorageConfiguration(Write):
    """Where bundles and results of the pool's runs are kept."""

    bundle_upload_step: dict[str, Any] | None = None
    bundle_execution_step: dict[str, Any] | None = None
    default_result_storage_block_id: UUID | None = None


class WorkPool(Model):
    """A pool; `active_slots` is given only when there is a limit."""

    id: UUID
    name: str
    type: str
    storage_configuration: WorkPoolStorageConfiguration = WorkPoolStorageConfiguration()
    created: datetime | None = None
    updated: datetime | None = None
    description: str | None = None
    base_job_template: dict[str, Any] = field(default_factory=dict)
    is_paused: bool = False
    concurrency_limit: int | None = None
    status: WorkPoolStatus | None = None
    default_queue_id: UUID | None = None
    active_slots: int | None = None


class WorkPoolCreate(Write):
    """A new pool."""

    name: str
    storage_configuration: WorkPoolStorageConfiguration = WorkPoolStorageConfiguration()
    description: str | None = None
    type: str = "prefect-agent"
    base_job_template: dict[str, Any] = field(default_factory=dict)
    is_paused: bool = False
    concurrency_limit: int | None = None


class WorkPoolUpdate(Write):
    """Changes a pool."""

    description: str | UnsetType | None = UNSET
    is_paused: bool | UnsetType | None = UNSET
    base_job_template: dict[str, Any] | UnsetType | None = UNSET
    concurrency_limit: int | UnsetType | None = UNSET
    storage_configuration: WorkPoolStorageConfiguration | UnsetType | None = UNSET


class FlowRunSlotSummary(Model):
    """A run that holds a slot."""

    id: UUID
    name: str
    state_type: StateType | None = None
    state_name: str | None = None
    start_time: datetime | None = None
    state_timestamp: datetime | None = None
    time_in_current_state: float | None = None


class WorkQueueConcurrencyStatusDetail(Model):
    """A queue's slots and who holds them."""

    queue_id: UUID
    queue_name: str
    active_slots: int
    concurrency_limit: int | None = None
    flow_runs: list[FlowRunSlotSummary] = field(default_factory=list)
    flow_run_count: int | None = None


class WorkPoolConcurrencyStatus(Model):
    """A pool's slots and who holds them, by queue."""

    active_slots: int
    count: int
    limit: int
    pages: int
    page: int
    concurrency_limit: int | None = None
    queues: list[WorkQueueConcurrencyStatusDetail] = field(default_factory=list)


class PoolPoll(Model):
    """What a worker asks; no names or an empty list means all queues of the pool."""

    work_queue_names: list[str] | None = None
    scheduled_before: datetime | None = None
    scheduled_after: datetime | None = None
    limit: int | None = None


class SlotsQuery(Model):
    """A page of slot holders."""

    page: int = 1
    limit: int | None = None
    flow_run_limit: int = 10


create_work_pool = post("/work_pools/", body=WorkPoolCreate, returns=WorkPool, status=201)
filter_work_pools = post("/work_pools/filter", body=Criteria, returns=list[WorkPool])
count_work_pools = post("/work_pools/count", body=Criteria, returns=int)
read_work_pool = get("/work_pools/{name}", returns=WorkPool)
update_work_pool = patch("/work_pools/{name}", body=WorkPoolUpdate)
delete_work_pool = delete("/work_pools/{name}")
scheduled_runs_of_pool = post(
    "/work_pools/{name}/get_scheduled_flow_runs", body=PoolPoll, returns=list[ScheduledFlowRun]
)
read_pool_slots = post("/work_pools/{name}/concurrency_status", body=SlotsQuery, returns=WorkPoolConcurrencyStatus)
