"""What the pages tell of events: which the address asks for, where their resources are, and how many there were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.clock import from_micros, to_micros
from penstock.core.event_filters import ID, ROLE
from penstock.ui.reader import segment
from penstock.wire import events
from penstock.wire.events import EventCount, EventCountQuery, EventFeed, EventPlace, FeedQuery

PAGE = 50
BARS = 60
NAME = "prefect.resource.name"
WINDOWS = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(days=1)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
USUAL = "24h"
PLACES = {
    "flow-run": "/runs/%s",
    "task-run": "/runs/task-run/%s",
    "flow": "/flows/%s",
    "deployment": "/deployments/%s",
    "variable": "/variables/%s",
    "artifact": "/artifacts/%s",
    "block-document": "/blocks/%s",
}
"""The pages of resources by their kind; their id is put in."""
NAMED_PLACES = {"work-pool": "/pools/%s", "artifact-collection": "/artifacts/key/%s"}
"""The same for those whose page goes by name."""
WIDTH, HEIGHT, LEAST = 1000.0, 100.0, 2.0


@dataclass(frozen=True, slots=True)
class Asked:
    """Which events are wanted: whose name begins so, about a resource (or its beginning and a *), of a time.

    With `involved`, those too that only name the resource: events are looked into for that, so many for a page.
    """

    now: datetime
    prefix: str = ""
    resource: str = ""
    involved: bool = False
    window: str = USUAL

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The time it is about."""
        return self.now - WINDOWS[self.window][1], self.now

    @property
    def about(self) -> str:
        """What live hints are asked for: the beginning of a resource's id."""
        return self.resource.rstrip("*") or "prefect."

    def filter(self) -> dict[str, Any]:
        """The filter. What begins with nothing is left out."""
        start, end = self.span
        wanted: dict[str, Any] = {"occurred": {"since": start.isoformat(), "until": end.isoformat()}}
        if self.prefix:
            wanted["event"] = {"prefix": [self.prefix]}
        if self.resource:
            begins = self.resource.endswith("*")
            named = {"id_prefix": [self.resource.rstrip("*")]} if begins else {"id": [self.resource]}
            wanted["any_resource" if self.involved else "resource"] = named
        return wanted


@dataclass(frozen=True, slots=True)
class Bar:
    """How many events there were in a stretch of time."""

    x: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Bars side by side, the fullest as high as the chart."""

    start: datetime
    end: datetime
    bars: list[Bar]
    total: int


@dataclass(frozen=True, slots=True)
class Thing:
    """A resource of an event: its id, what it is there for, its name, its page, and what else it says."""

    id: str
    role: str
    name: str
    path: str
    labels: dict[str, str]

    @property
    def kind(self) -> str:
        """`flow-run`, say; empty for a resource of somebody else's."""
        return _parts(self.id)[0]


async def list_page(api: AsyncClient, asked: Asked, after: str) -> tuple[EventFeed, str]:
    """One page of events, the newest first, and the key of the next, empty after the last."""
    feed = await api.call(events.list_feed, FeedQuery(filter=asked.filter(), after=_place(after), limit=PAGE))
    return feed, f"{to_micros(feed.next.occurred)}-{feed.next.id}" if feed.next else ""


async def counts(api: AsyncClient, asked: Asked) -> Counts:
    """How many there were over the time."""
    start, end = asked.span
    seconds = (end - start).total_seconds() / BARS
    query = EventCountQuery(filter=asked.filter(), time_unit="second", time_interval=seconds)
    found = await api.call(events.count_events, query, countable="time")
    most = max(one.count for one in found) or 1
    step = WIDTH / len(found)
    bars = [_bar(one, number * step + step * 0.1, step * 0.8, most) for number, one in enumerate(found)]
    return Counts(start, end, bars, sum(one.count for one in found))


def _bar(one: EventCount, x: float, width: float, most: int) -> Bar:
    height = max(one.count / most * HEIGHT, LEAST) if one.count else 0.0
    title = f"{one.start_time:%Y-%m-%d %H:%M} UTC: {one.count} event{'' if one.count == 1 else 's'}"
    return Bar(round(x, 2), round(width, 2), round(height, 2), title)


def thing(resource: Mapping[str, Any]) -> Thing:
    """A resource as pages tell it."""
    id, name = str(resource.get(ID, "")), str(resource.get(NAME) or "")
    rest = {str(key): str(value) for key, value in resource.items() if key not in (ID, ROLE, NAME)}
    return Thing(id, str(resource.get(ROLE) or ""), name, path_of(id, name), rest)


def path_of(id: str, name: str) -> str:
    """The page of a resource of this server; empty where there is none."""
    kind, rest = _parts(id)
    if kind in NAMED_PLACES and name:
        return NAMED_PLACES[kind] % segment(name)
    if kind not in PLACES:
        return ""
    try:
        return PLACES[kind] % UUID(rest)
    except ValueError:
        return ""


def _parts(id: str) -> tuple[str, str]:
    """Kind and id of `prefect.<kind>.<id>`."""
    if not id.startswith("prefect."):
        return "", id
    kind, _, rest = id.removeprefix("prefect.").partition(".")
    return kind, rest


def _place(text: str) -> EventPlace | None:
    micros, _, id = text.partition("-")
    if not micros.isdigit() or len(micros) >= 18:
        return None
    try:
        return EventPlace(occurred=from_micros(int(micros)), id=UUID(id))
    except ValueError:
        return None
