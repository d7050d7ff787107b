"""Events: what happened, to what, with what else involved."""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from typing import Any
from uuid import UUID

from msgspec import field

from penstock.wire.endpoint import get, post
from penstock.wire.model import Model


class Event(Model):
    """An event as a client sends it."""

    occurred: datetime
    event: str
    resource: dict[str, Any]
    id: UUID
    related: list[dict[str, Any]] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    follows: UUID | None = None


class ReceivedEvent(Model):
    """An event as the server keeps it."""

    occurred: datetime
    event: str
    resource: dict[str, Any]
    id: UUID
    received: datetime
    related: list[dict[str, Any]] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    follows: UUID | None = None


class EventPage(Model):
    """A page of events and the address of the next."""

    events: list[ReceivedEvent]
    total: int
    next_page: str | None


class EventCount(Model):
    """Events in one bucket."""

    value: str
    label: str
    count: int
    start_time: datetime
    end_time: datetime


class EventQuery(Model):
    """Events by filter, newest first, at most 50 a page."""

    filter: dict[str, Any] | None = None
    limit: int = 50


class EventCountQuery(Model):
    """Events counted by day, time, name or resource."""

    filter: dict[str, Any]
    time_unit: str = "day"
    time_interval: float = 1.0


class EventPlace(Model):
    """A place among the events: before the one of this time and id, where the newest are first."""

    occurred: datetime
    id: UUID


class FeedQuery(Model):
    """Events by filter, newest first, at most 200, from a place on; they are not counted, so that pages are cheap."""

    filter: dict[str, Any] | None = None
    after: EventPlace | None = None
    limit: int = 50


class EventFeed(Model):
    """Some events, and the place where the following ones begin; None after the last.

    Where each event has to be looked at there may be fewer than asked for, or none, and yet following ones.
    """

    events: list[ReceivedEvent]
    next: EventPlace | None = None


create_events = post("/events", body=list[Event], returns=NoneType, status=204)
filter_events = post("/events/filter", body=EventQuery, returns=EventPage)
next_events = get("/events/filter/next", returns=EventPage, query=("page-token",))
count_events = post("/events/count-by/{countable}", body=EventCountQuery, returns=list[EventCount])
list_feed = post("/penstock/events/feed", body=FeedQuery, returns=EventFeed)
