"""events."""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from typing import Any
from uuid import UUID

from msgspec import field

from penstock.wire.endpoint import get, post
from penstock.wire.model import Model


class Event(Model):
    occurred: datetime
    event: str
    resource: dict[str, Any]
    id: UUID
    related: list[dict[str, Any]] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    follows: UUID | None = None


class ReceivedEvent(Model):
    occurred: datetime
    event: str
    resource: dict[str, Any]
    id: UUID
    received: datetime
    related: list[dict[str, Any]] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    follows: UUID | None = None


class EventPage(Model):
    events: list[ReceivedEvent]
    total: int
    next_page: str | None


class EventCount(Model):
    value: str
    label: str
    count: int
    start_time: datetime
    end_time: datetime


class EventQuery(Model):
    filter: dict[str, Any] | None = None
    limit: int = 50


class EventCountQuery(Model):
    filter: dict[str, Any]
    time_unit: str = "day"
    time_interval: float = 1.0


create_events = post("/events", body=list[Event], returns=NoneType, status=204)
filter_events = post("/events/filter", body=EventQuery, returns=EventPage)
next_events = get("/events/filter/next", returns=EventPage, query=("page-token",))
count_events = post("/events/count-by/{countable}", body=EventCountQuery, returns=list[EventCount])
