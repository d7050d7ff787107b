"""Workers, as their heartbeats tell of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from penstock.clock import from_micros, to_micros
from penstock.store.database import Row, Steps, intent
from penstock.store.filters import Selection
from penstock.store.statements import load
from penstock.wire.workers import Worker, WorkerStatus

SQL = load("workers")

_COLUMNS = "id, name, work_pool_id, created, updated, last_heartbeat_time, heartbeat_interval_seconds, status"


@intent
def heartbeat(id: UUID, pool_id: UUID, name: str, interval: int | None, now: datetime) -> Steps[None]:
    """Notes a worker's sign of life; its first one makes it known."""
    yield SQL.heartbeat(id=str(id), pool_id=str(pool_id), name=name, interval=interval, now=to_micros(now))


@intent
def page(selection: Selection) -> Steps[list[Worker]]:
    """The workers that fit, last heard of first."""
    return [_worker(row) for row in (yield selection.rows(_COLUMNS))]


@intent
def delete(pool_id: UUID, name: str) -> Steps[bool]:
    """Forgets a worker; False when there is none of that name."""
    return bool((yield SQL.delete_worker(pool_id=str(pool_id), name=name)))


@intent
def mark_offline(multiple: int, fallback_seconds: float, now: datetime) -> Steps[set[UUID]]:
    """Marks the workers that missed so many heartbeats; gives their pools."""
    rows = yield SQL.mark_offline(now=to_micros(now), missed=multiple * 1_000_000, fallback=round(fallback_seconds))
    return {UUID(row[0]) for row in rows}


def _worker(row: Row) -> Worker:
    id, name, pool_id, created, updated, heard, interval, status = row
    return Worker(
        id=UUID(id),
        name=name,
        work_pool_id=UUID(pool_id),
        created=from_micros(created),
        updated=from_micros(updated),
        last_heartbeat_time=from_micros(heard),
        heartbeat_interval_seconds=interval,
        status=WorkerStatus(status),
    )
