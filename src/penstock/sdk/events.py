"""Events of the user's own: `emit_event("order.placed", resource={"prefect.resource.id": "order.1"})`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from penstock.clock import utc_now
from penstock.errors import InvalidRequest
from penstock.ids import new_id
from penstock.sdk.context import flow_context
from penstock.sdk.session import session
from penstock.wire.events import Event


def emit_event(
    event: str,
    resource: dict[str, str],
    occurred: datetime | None = None,
    related: Sequence[dict[str, str]] | None = None,
    payload: dict[str, Any] | None = None,
    follows: Event | UUID | None = None,
) -> Event:
    """Puts an event on its way, related to the flow run that runs here. Needs a `prefect.resource.id`."""
    if "prefect.resource.id" not in resource:
        raise InvalidRequest("An event's resource needs a 'prefect.resource.id'.", loc=("resource",))
    context = flow_context.get()
    made = Event(
        id=new_id(),
        event=event,
        resource=dict(resource),
        occurred=occurred or utc_now(),
        related=[*(related or ()), *(context.related if context else ())],
        payload=payload or {},
        follows=follows.id if isinstance(follows, Event) else follows,
    )
    way = context.session if context else session()
    way.events.put(lambda: made)  # type: ignore[arg-type,return-value]  # worded already
    return made
