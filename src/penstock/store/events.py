"""Events: written in the transaction of the change they tell about, or in batches as clients report them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from penstock.clock import from_micros, to_micros
from penstock.ids import new_id
from penstock.store.database import Intent, Query, Rows, Steps, intent
from penstock.store.event_selection import EventSelection
from penstock.store.statements import load
from penstock.wire.events import EventCount, ReceivedEvent
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
