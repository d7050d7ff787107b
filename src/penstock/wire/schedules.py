"""Schedules of a deployment: interval, cron or rrule."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from penstock.wire.model import Model, Write


class IntervalSchedule(Write):
    """Every `interval` seconds from an anchor; whole days keep the wall-clock time of the zone."""

    interval: float
    anchor_date: datetime
    timezone: str | None = None


class CronSchedule(Write):
    """A cron line in a zone; `day_or` joins day-of-month and day-of-week by or."""

    cron: str
    timezone: str | None = None
    day_or: bool = True


class RRuleSchedule(Write):
    """An iCalendar recurrence rule in a zone."""

    rrule: str
    timezone: str | None = "UTC"


class DeploymentSchedule(Model):
    """A schedule of a deployment; `schedule` is one of the three shapes above."""

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
    """A schedule to add; `replaces` names the slug it takes over from."""

    schedule: dict[str, Any]
    active: bool = True
    max_scheduled_runs: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    slug: str | None = None
    replaces: str | None = None


class DeploymentScheduleUpdate(Write):
    """Changes a schedule."""

    active: bool | UnsetType | None = UNSET
    schedule: dict[str, Any] | UnsetType = UNSET
    max_scheduled_runs: int | UnsetType | None = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    slug: str | UnsetType | None = UNSET
    replaces: str | UnsetType | None = UNSET
