"""Workers: the processes that take a pool's runs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from types import NoneType
from uuid import UUID

from penstock.wire.endpoint import delete, post
from penstock.wire.model import Criteria, Model


class WorkerStatus(StrEnum):
    """ONLINE until three heartbeats are missed."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"


class Worker(Model):
    """A worker as its heartbeats tell of it."""

    id: UUID
    name: str
    work_pool_id: UUID
    created: datetime | None = None
    updated: datetime | None = None
    last_heartbeat_time: datetime | None = None
    heartbeat_interval_seconds: int | None = None
    status: WorkerStatus = WorkerStatus.OFFLINE


class WorkerHeartbeat(Model):
    """A worker's sign of life; the interval comes as `30.0` from Prefect 2."""

    name: str
    heartbeat_interval_seconds: float | None = None


worker_heartbeat = post(
    "/work_pools/{work_pool_name}/workers/heartbeat", body=WorkerHeartbeat, returns=NoneType, status=204
)
filter_workers = post("/work_pools/{work_pool_name}/workers/filter", body=Criteria, returns=list[Worker])
delete_worker = delete("/work_pools/{work_pool_name}/workers/{name}")
