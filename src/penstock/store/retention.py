"""Forgetting what is older than it need be, a batch at a time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from penstock.clock import to_micros
from penstock.store.database import Steps, intent
from penstock.store.statements import load

SQL = load("retention")


@intent
def forget_events(before: datetime, limit: int, event: str | None = None) -> Steps[int]:
    """Deletes up to `limit` events that occurred before a moment, of one name or of all; gives how many."""
    if event is None:
        return len((yield SQL.old_events(before=to_micros(before), limit=limit)))
    return len((yield SQL.old_events_named(before=to_micros(before), event=event, limit=limit)))


@intent
def ended_runs(before: datetime, limit: int) -> Steps[list[UUID]]:
    """Up to `limit` runs, no subflows, that ended before a moment."""
    return [UUID(row[0]) for row in (yield SQL.old_runs(before=to_micros(before), limit=limit))]
