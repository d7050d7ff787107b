"""What Penstock adds about workers: what they say of themselves, and what is wanted of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from types import NoneType
from uuid import UUID

from msgspec import field

from penstock.wire.endpoint import get, post
from penstock.wire.model import Model, Write


class WorkerState(StrEnum):
    """ONLINE takes runs; PAUSED takes none; DRAINING takes none, and ends with its last job."""

    ONLINE = "ONLINE"
    PAUSED = "PAUSED"
    DRAINING = "DRAINING"
    OFFLINE = "OFFLINE"


class Wish(StrEnum):
    """What somebody wants of a worker."""

    WORK = "work"
    PAUSE = "pause"
    DRAIN = "drain"


class WorkerAbout(Model):
    """A worker in its own words; `capacity` is the most jobs at once, None without a limit."""

    version: str = ""
    host: str = ""
    pid: int | None = None
    capacity: int | None = None
    running: int = 0
    draining: bool = False
    work_queues: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)


class WorkerSign(Write):
    """A sign of life of a Penstock worker."""

    name: str
    heartbeat_interval_seconds: int | None = None
    about: WorkerAbout = WorkerAbout()
    begins: bool = False
    """Whether it is the first of this process."""
    ends: bool = False
    """Whether it is the last."""


class Orders(Model):
    """What is wanted of the worker that asks."""

    wish: Wish = Wish.WORK


class PoolWorker(Model):
    """A worker as the server knows it; what only Penstock's workers tell is empty for others."""

    id: UUID
    name: str
    state: WorkerState
    started: datetime
    last_heartbeat_time: datetime
    last_polled: datetime | None = None
    heartbeat_interval_seconds: int | None = None
    about: WorkerAbout | None = None


sign_of_life = post("/penstock/work_pools/{name}/workers/heartbeat", body=WorkerSign, returns=Orders)
list_workers_of_pool = get("/penstock/work_pools/{name}/workers", returns=list[PoolWorker])
list_workers_by_pool = get("/penstock/work_pools/workers", returns=dict[str, list[PoolWorker]])
order_worker = post("/penstock/work_pools/{name}/workers/{worker}/orders", body=Orders, returns=NoneType, status=204)
