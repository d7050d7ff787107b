"""Due runs that find their deployment full and are not to wait (collision strategy CANCEL_NEW)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from penstock.clock import from_micros, to_micros
from penstock.store.database import Steps, intent
from penstock.store.statements import load

SQL = load("collisions")


@dataclass(frozen=True, slots=True)
class Collisions:
    """Runs to be cancelled, and when the next run that may collide is due."""

    ids: list[UUID]
    next_at: datetime | None


@intent
def colliding(now: datetime, limit: int) -> Steps[Collisions]:
    """What collides now, the earliest first."""
    rows = yield SQL.colliding(now=to_micros(now), limit=limit)
    due = yield SQL.next_due(now=to_micros(now))
    return Collisions([UUID(row[0]) for row in rows], None if due[0][0] is None else from_micros(due[0][0]))
