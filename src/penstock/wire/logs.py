"""Log lines of runs and workers."""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from uuid import UUID

from penstock.wire.endpoint import post
from penstock.wire.model import Criteria, Model, Write


class Log(Model):
    """A log line."""

    id: UUID
    name: str
    level: int
    message: str
    timestamp: datetime
    created: datetime | None = None
    updated: datetime | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class LogCreate(Write):
    """A log line to keep; `level` as in Python's logging."""

    name: str
    level: int
    message: str
    timestamp: datetime
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


create_logs = post("/logs/", body=list[LogCreate], returns=NoneType, status=201)
filter_logs = post("/logs/filter", body=Criteria, returns=list[Log])
