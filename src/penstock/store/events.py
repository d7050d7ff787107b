"""Events: written in the transaction of the change they tell about, or in batches as clients report them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from penstock.clock import to_micros
from penstock.ids import new_id
from penstock.store.database import Intent, Query, Steps, intent
from penstock.store.statements import load
from penstock.wire.events import ReceivedEvent
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
