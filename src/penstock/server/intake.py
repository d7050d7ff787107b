"""An event as a client sent it, checked against the limits and stamped with its arrival."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from penstock.errors import InvalidRequest
from penstock.settings.server import Events
from penstock.wire.events import Event, ReceivedEvent

_decode = msgspec.json.Decoder(Event).decode


def read_event(frame: str | bytes, limits: Events, now: datetime) -> ReceivedEvent:
    """The event of a frame. Raises `InvalidRequest` for one over a limit, msgspec's errors for no event at all."""
    if len(frame) > limits.maximum_size_bytes:
        raise InvalidRequest(f"An event of {len(frame)} bytes is over the limit of {limits.maximum_size_bytes}.")
    return received(_decode(frame), limits, now)


def received(event: Event, limits: Events, now: datetime) -> ReceivedEvent:
    """The event with its time of arrival. Raises `InvalidRequest` for one over a limit or about no resource."""
    if len(event.event) > limits.maximum_event_name_length:
        raise InvalidRequest(f"The event's name has {len(event.event)} characters.", loc=("event",))
    if len(event.related) > limits.maximum_related_resources:
        raise InvalidRequest(f"The event names {len(event.related)} related resources.", loc=("related",))
    if not event.resource.get("prefect.resource.id"):
        raise InvalidRequest("The resource has no label `prefect.resource.id`.", loc=("resource",))
    if max(map(len, [event.resource, *event.related])) > limits.maximum_labels_per_resource:
        raise InvalidRequest("A resource of the event has too many labels.", loc=("resource",))
    return ReceivedEvent(
        occurred=event.occurred if event.occurred.tzinfo else event.occurred.replace(tzinfo=UTC),
        event=event.event,
        resource=event.resource,
        id=event.id,
        received=now,
        related=event.related,
        payload=event.payload,
        follows=event.follows,
    )
