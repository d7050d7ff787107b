"""The events that tell of pools and queues, with what else each of them involves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import structs

from penstock.store.events import event_of, related
from penstock.wire.events import ReceivedEvent
from penstock.wire.work_pools import WorkPool
from penstock.wire.work_queues import WorkQueue


def pool_event(what: str, pool: WorkPool, now: datetime, changes: Mapping[str, Any] | None = None) -> ReceivedEvent:
    """`prefect.work-pool.<what>`; `changes` maps each changed field to its values before and after."""
    event = event_of(
        f"prefect.work-pool.{what}",
        "work-pool",
        pool.id,
        now=now,
        label=pool.name,
        payload=_payload(changes),
        related=[related("work-queue", pool.default_queue_id, "default-queue")] if pool.default_queue_id else [],
    )
    resource = event.resource | {"prefect.work-pool.type": pool.type, "prefect.resource.role": "work-pool"}
    return structs.replace(event, resource=resource)


def queue_event(
    what: str, queue: WorkQueue, pool: WorkPool, now: datetime, changes: Mapping[str, Any] | None = None
) -> ReceivedEvent:
    """`prefect.work-queue.<what>`."""
    event = event_of(
        f"prefect.work-queue.{what}",
        "work-queue",
        queue.id,
        now=now,
        label=queue.name,
        payload=_payload(changes),
        related=[
            related("work-pool", pool.id, "work-pool", pool.name) | {"prefect.work-pool.type": pool.type},
        ],
    )
    return structs.replace(event, resource=event.resource | {"prefect.resource.role": "work-queue"})


def differences(before: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Which of the fields really change, each with its values before and after."""
    return {
        name: {"from": getattr(before, name), "to": value}
        for name, value in changes.items()
        if getattr(before, name) != value
    }


def _payload(changes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"updated_fields": sorted(changes), "updates": dict(changes)} if changes else {}
