"""schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from penstock.wire.model import Model, Write


class IntervalSchedule(Write):
    interval: float
    anchor_date: datetime
    timezone: str | None = None


class CronSchedule(Write):
    cron: str
    timezone: str | None = None
    day_or: bool = True


class RRuleSchedule(Write):
    rrule: str
    timezone: str | None = "UTC"


class DeploymentSchedule(Model):
    id: UUID
    schedule: dict[str, Any]
    created: datetime | None = None
    updated: datetime | None = None
    deployment_id: UUID | None = None
    active: bool = True
    max_scheduled_runs: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    slug: str | None = None


class DeploymentScheduleCreate(Write):
    schedule: dict[str, Any]
    active: bool = True
    max_scheduled_runs: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    slug: str | None = None
    replaces: str | None = None


class DeploymentScheduleUpdate(Write):
    active: bool | UnsetType | None = UNSET
    schedule: dict[str, Any] | UnsetType = UNSET
    max_scheduled_runs: int | UnsetType | None = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    slug: str | UnsetType | None = UNSET
    replaces: str | UnsetType | None = UNSET
