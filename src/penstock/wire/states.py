"""States of flow runs and task runs, and the verdict on a proposed one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from penstock.wire.model import Model, Write


class StateType(StrEnum):
    """What kind of state; COMPLETED, FAILED, CANCELLED and CRASHED are terminal."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"


class StateDetails(Model):
    """The typed side notes of a state; all optional."""

    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    child_flow_run_id: UUID | None = None
    scheduled_time: datetime | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    deferred: bool | None = False
    untrackable_result: bool = False
    pause_timeout: datetime | None = None
    pause_reschedule: bool = False
    pause_key: str | None = None
    run_input_keyset: dict[str, str] | None = None
    refresh_cache: bool | None = None
    retriable: bool | None = None
    transition_id: UUID | None = None
    task_parameters_id: UUID | None = None
    traceparent: str | None = None
    deployment_concurrency_lease_id: UUID | None = None


class State(Model):
    """A state as the server keeps it: with an id and the time it was written."""

    id: UUID
    type: StateType
    timestamp: datetime
    name: str | None = None
    message: str | None = None
    data: Any = None
    state_details: StateDetails = StateDetails()


class StateCreate(Write):
    """A proposed state; the server gives it an id and a time. A missing name means the capitalised type."""

    type: StateType
    name: str | None = None
    message: str | None = None
    data: Any = None
    state_details: StateDetails = StateDetails()


class OrchestrationStatus(StrEnum):
    """What became of a proposal: written, replaced, refused for good, or to be sent again later."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    ABORT = "ABORT"
    WAIT = "WAIT"


class OrchestrationDetails(Model, omit_defaults=True):
    """Why: `type` is `accept_details`, `reject_details`, `abort_details` or `wait_details`."""

    type: str
    reason: str | None = None
    delay_seconds: int | None = None


class OrchestrationResult(Model):
    """The verdict on a proposed state, with the state that is now current."""

    state: State | None
    status: OrchestrationStatus
    details: OrchestrationDetails
