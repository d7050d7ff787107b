"""Events: written in the transaction of the change they tell about, or in batches as clients report them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from penstock.clock import from_micros, to_micros
from penstock.ids import new_id
from penstock.store.database import Intent, Query, Rows, Steps, intent
from penstock.store.documents import as_array
from penstock.store.event_selection import EventSelection
from penstock.store.statements import load
from penstock.wire.events import EventCount, EventPlace, ReceivedEvent
from penstock.wire.model import encode

SQL = load("events")

T = TypeVar("T")


def event_of(
    name: str,
    kind: str,
    id: UUID | str,
    *,
    now: datetime,
    label: str | None = None,
    payload: Mapping[str, Any] | None = None,
    related: Sequence[Mapping[str, Any]] = (),
) -> ReceivedEvent:
    """An event about an object of the server: `event_of("prefect.variable.created", "variable", id, ...)`."""
    resource = {"prefect.resource.id": f"prefect.{kind}.{id}"}
    if label is not None:
        resource["prefect.resource.name"] = label
    return ReceivedEvent(
        occurred=now,
        event=name,
        resource=resource,
        related=[dict(one) for one in related],
        payload=dict(payload or {}),
        id=new_id(),
        received=now,
    )


def related(kind: str, id: UUID | str, role: str, label: str | None = None) -> dict[str, Any]:
    """One related resource of an event."""
    found = {"prefect.resource.id": f"prefect.{kind}.{id}", "prefect.resource.role": role}
    return found | ({"prefect.resource.name": label} if label is not None else {})


def emit(event: ReceivedEvent) -> Query:
    """Writes an event as part of an intent: `yield emit(event)`. The handler publishes it after the commit."""
    return SQL.record_event(**_row(event))


@intent
def telling(part: Intent[T], events: Sequence[ReceivedEvent]) -> Steps[T]:
    """Runs an intent and writes the events that tell of it, in one transaction."""
    result = yield from part
    for event in events:
        yield emit(event)
    return result


@intent
def record(events: Sequence[ReceivedEvent]) -> Steps[None]:
    """Writes reported events; those that are there already are left as they are."""
    yield SQL.record_event.each([_row(event) for event in events])


def _row(event: ReceivedEvent) -> dict[str, Any]:
    return {
        "id": str(event.id),
        "occurred": to_micros(event.occurred),
        "event": event.event,
        "resource_id": str(event.resource.get("prefect.resource.id", "")),
        "related": json.dumps([str(one.get("prefect.resource.id", "")) for one in event.related]),
        "doc": encode(event).decode(),
    }


@intent
def list_events(selection: EventSelection, limit: int, offset: int) -> Steps[bytes]:
    """The JSON array of some of the events, in the selection's order."""
    text = "select doc from events where {where} order by {order} limit :limit offset :offset"
    return as_array((yield selection.query(text, limit=limit, offset=offset)))


@intent
def list_feed(selection: EventSelection, after: EventPlace | None, limit: int) -> Steps[list[ReceivedEvent]]:
    """Some of the events, the newest first, of those that come after a place."""
    place, key = "true", {}
    if after is not None:
        place = "(events.occurred, events.id) < (:place_occurred, :place_id)"
        key = {"place_occurred": to_micros(after.occurred), "place_id": str(after.id)}
    text = _FEED
    if selection.named and (names := (yield from _names_in(selection))) is not None:
        text, key = _FEED_OF_NAMES[selection.dialect], {**key, "names": json.dumps(names)}
    rows = yield selection.query(text.replace("{place}", place), **key, limit=limit)
    return [_decode(row[0]) for row in rows]


def _names_in(selection: EventSelection) -> Steps[list[str] | None]:
    """The names of events that fit, whenever they occurred; None where there are too many to look for one by one."""
    names = [row[0] for row in (yield selection.query(_NAMES, most=MOST_NAMES + 1))]
    return names if len(names) <= MOST_NAMES else None


MOST_NAMES = 500
"""Names of events that are looked for one by one."""
_NAMES = (
    "with recursive names (event) as (select min(event) from events union all"
    " select (select min(e.event) from events e where e.event > names.event) from names where names.event is not null)"
    " select events.event from names events where events.event is not null and {named} limit :most"
)
# From name to name by the index: there are few of them, and many events of each.
_NEWEST = "order by events.occurred desc, events.id desc limit :limit"
_FEED = f"select doc from events where {{where}} and {{place}} {_NEWEST}"
_OF_NAME = f"from events where events.event = k.value and {{timed}} and {{place}} {_NEWEST}"
_FEED_OF_NAMES = {
    "sqlite": "select events.doc from json_each(:names) k cross join events"
    f" where events.id in (select events.id {_OF_NAME}) {_NEWEST}",
    "postgres": "select events.doc from json_array_elements_text(cast(cast(:names as text) as json)) k (value)"
    f" cross join lateral (select events.* {_OF_NAME}) events {_NEWEST}",
}
_decode = msgspec.json.Decoder(ReceivedEvent).decode


@intent
def count_events(selection: EventSelection) -> Steps[int]:
    """How many events there are in a selection."""
    rows = yield selection.query("select count(*) from events where {where}")
    return int(rows[0][0])


@intent
def count_by_name(selection: EventSelection) -> Steps[list[EventCount]]:
    """Events counted by name, most first."""
    return _counted((yield selection.query(_GROUPED.format(value="event", label="event"))))


@intent
def count_by_resource(selection: EventSelection) -> Steps[list[EventCount]]:
    """Events counted by resource, most first, labelled with a name of the resource when it has one."""
    name = (
        "max(json_extract(doc, '$.resource.\"prefect.resource.name\"'))"
        if selection.dialect == "sqlite"
        else "max(doc::jsonb -> 'resource' ->> 'prefect.resource.name')"
    )
    return _counted((yield selection.query(_GROUPED.format(value="resource_id", label=name))))


@intent
def count_by_time(selection: EventSelection, start: datetime, span: timedelta, spans: int) -> Steps[list[EventCount]]:
    """Events counted for each of so many spans of time from `start` on; spans without any count 0."""
    first, step = to_micros(start), span // timedelta(microseconds=1)
    text = "select (occurred - :first) / :step, count(*) from events where {where} group by 1"
    counts = {int(row[0]): int(row[1]) for row in (yield selection.query(text, first=first, step=step))}
    return [_span(index, start + span * index, span, counts.get(index, 0)) for index in range(spans)]


_GROUPED = (
    "select {value}, {label}, count(*), min(occurred), max(occurred) from events where {{where}}"
    " group by {value} order by 3 desc, 1"
)


def _counted(rows: Rows) -> list[EventCount]:
    return [
        EventCount(
            value=value, label=label or value, count=count, start_time=from_micros(first), end_time=from_micros(last)
        )
        for value, label, count, first, last in rows
    ]


def _span(index: int, start: datetime, span: timedelta, count: int) -> EventCount:
    end = start + span - timedelta(microseconds=1)
    return EventCount(value=str(index), label=start.isoformat(), count=count, start_time=start, end_time=end)
