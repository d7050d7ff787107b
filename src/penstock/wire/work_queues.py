"""Work queues: prioritised parts of a pool."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from penstock.wire.endpoint import delete, get, patch, post
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import Criteria, Model, Write
from penstock.wire.work_pools import FlowRunSlotSummary, SlotsQuery


class WorkQueueStatus(StrEnum):
    """READY while it is polled."""

    READY = "READY"
    NOT_READY = "NOT_READY"
    PAUSED = "PAUSED"


class QueueFilter(Model):
    """The older way to match runs by tags or deployments."""

    tags: list[str] | None = None
    deployment_ids: list[UUID] | None = None


class WorkQueue(Model):
    """A queue; a lower priority number comes first."""

    id: UUID
    name: str
    created: datetime | None = None
    updated: datetime | None = None
    description: str | None = ""
    is_paused: bool = False
    concurrency_limit: int | None = None
    priority: int = 1
    work_pool_id: UUID | None = None
    filter: QueueFilter | None = None
    last_polled: datetime | None = None
    work_pool_name: str | None = None
    status: WorkQueueStatus | None = None
    active_slots: int | None = None


class WorkQueueCreate(Write):
    """A new queue; without a priority it goes last."""

    name: str
    description: str | None = ""
    is_paused: bool = False
    concurrency_limit: int | None = None
    priority: int | None = None
    filter: QueueFilter | None = None


class WorkQueueUpdate(Write):
    """Changes a queue; others make room for a taken priority."""

    name: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    is_paused: bool | UnsetType = UNSET
    concurrency_limit: int | UnsetType | None = UNSET
    priority: int | UnsetType | None = UNSET
    last_polled: datetime | UnsetType | None = UNSET
    filter: QueueFilter | UnsetType | None = UNSET


class WorkQueueHealthPolicy(Model):
    """When a queue counts as healthy."""

    maximum_late_runs: int | None = 0
    maximum_seconds_since_last_polled: int | None = 60


class WorkQueueStatusDetail(Model):
    """A queue's health."""

    healthy: bool
    health_check_policy: WorkQueueHealthPolicy
    late_runs_count: int = 0
    last_polled: datetime | None = None


class WorkQueueConcurrencyStatus(Model):
    """A queue's slots and who holds them."""

    active_slots: int
    count: int
    limit: int
    pages: int
    page: int
    concurrency_limit: int | None = None
    flow_runs: list[FlowRunSlotSummary] = field(default_factory=list)


class QueuePoll(Model):
    """What an older client asks of one queue."""

    scheduled_before: datetime | None = None
    limit: int | None = None
    agent_id: UUID | None = None


create_pool_queue = post("/work_pools/{work_pool_name}/queues", body=WorkQueueCreate, returns=WorkQueue, status=201)
filter_pool_queues = post("/work_pools/{work_pool_name}/queues/filter", body=Criteria, returns=list[WorkQueue])
read_pool_queue = get("/work_pools/{work_pool_name}/queues/{name}", returns=WorkQueue)
update_pool_queue = patch("/work_pools/{work_pool_name}/queues/{name}", body=WorkQueueUpdate)
delete_pool_queue = delete("/work_pools/{work_pool_name}/queues/{name}")
create_work_queue = post("/work_queues/", body=WorkQueueCreate, returns=WorkQueue, status=201)
filter_work_queues = post("/work_queues/filter", body=Criteria, returns=list[WorkQueue])
read_work_queue_by_name = get("/work_queues/name/{name}", returns=WorkQueue)
read_work_queue = get("/work_queues/{id}", returns=WorkQueue)
update_work_queue = patch("/work_queues/{id}", body=WorkQueueUpdate)
delete_work_queue = delete("/work_queues/{id}")
scheduled_runs_of_queue = post("/work_queues/{id}/get_runs", body=QueuePoll, returns=list[FlowRun])
read_work_queue_status = get("/work_queues/{id}/status", returns=WorkQueueStatusDetail)
read_queue_slots = post("/work_queues/{id}/concurrency_status", body=SlotsQuery, returns=WorkQueueConcurrencyStatus)
