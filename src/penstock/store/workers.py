"""Workers, as their heartbeats tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from penstock.clock import from_micros, to_micros
from penstock.store.database import Row, Steps, intent
from penstock.store.filters import MOST, Selection
from penstock.store.statements import load
from penstock.wire.model import encode
from penstock.wire.pool_workers import PoolWorker, Wish, WorkerAbout, WorkerSign, WorkerState
from penstock.wire.workers import Worker, WorkerStatus

SQL = load("workers")

_decode_about = msgspec.json.Decoder(WorkerAbout).decode

_COLUMNS = "id, name, work_pool_id, created, updated, last_heartbeat_time, heartbeat_interval_seconds, status"


@intent
def heartbeat(id: UUID, pool_id: UUID, name: str, interval: int | None, now: datetime) -> Steps[None]:
    """Notes a worker's sign of life; its first one makes it known."""
    yield SQL.heartbeat(id=str(id), pool_id=str(pool_id), name=name, interval=interval, now=to_micros(now))


@intent
def sign(id: UUID, pool_id: UUID, sent: WorkerSign, now: datetime) -> Steps[Wish]:
    """Notes what a worker says of itself; gives what is wanted of it. One that `begins` starts with a clean slate."""
    rows = yield SQL.sign(
        id=str(id),
        pool_id=str(pool_id),
        name=sent.name,
        interval=sent.heartbeat_interval_seconds,
        about=encode(sent.about).decode(),
        now=to_micros(now),
        begins=sent.begins,
    )
    if sent.ends:
        yield SQL.leave(pool_id=str(pool_id), name=sent.name, now=to_micros(now))
    return _wish(rows)


@intent
def of_pool(pool_id: UUID) -> Steps[list[PoolWorker]]:
    """A pool's workers, those that live first."""
    return [_of_pool(row) for row in (yield SQL.of_pool(pool_id=str(pool_id), limit=MOST))]


@intent
def by_pool() -> Steps[dict[str, list[PoolWorker]]]:
    """The workers of every pool that has any, by its name; of each those that live first."""
    found: dict[str, list[PoolWorker]] = {}
    for pool, *row in (yield SQL.by_pool(limit=MOST)):
        found.setdefault(pool, []).append(_of_pool(row))
    return found


@intent
def order(pool_id: UUID, name: str, wish: Wish, now: datetime) -> Steps[bool]:
    """Notes what is wanted of a worker; False when there is none of that name."""
    wanted = None if wish is Wish.WORK else wish.value
    return bool((yield SQL.order_worker(pool_id=str(pool_id), name=name, wish=wanted, now=to_micros(now))))


@intent
def wanted(pool_id: UUID, name: str) -> Steps[Wish]:
    """What is wanted of a worker."""
    return _wish((yield SQL.wanted(pool_id=str(pool_id), name=name)))


@intent
def mark_polled(pool_id: UUID, name: str, now: datetime) -> Steps[Wish]:
    """Notes that a worker asks for runs; gives what is wanted of it."""
    return _wish((yield SQL.mark_polled(pool_id=str(pool_id), name=name, now=to_micros(now))))


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


def _wish(rows: Sequence[Row]) -> Wish:
    return Wish(rows[0][0]) if rows and rows[0][0] else Wish.WORK


def _of_pool(row: Row) -> PoolWorker:
    id, name, status, started, heard, polled, interval, about, wish = row
    said = _decode_about(about) if about else None
    return PoolWorker(
        id=UUID(id),
        name=name,
        state=_state(status, wish, said),
        started=from_micros(started),
        last_heartbeat_time=from_micros(heard),
        last_polled=from_micros(polled) if polled else None,
        heartbeat_interval_seconds=interval,
        about=said,
    )


def _state(status: str, wish: str | None, said: WorkerAbout | None) -> WorkerState:
    if status == WorkerStatus.OFFLINE:
        return WorkerState.OFFLINE
    if wish == Wish.DRAIN or (said and said.draining):
        return WorkerState.DRAINING
    return WorkerState.PAUSED if wish == Wish.PAUSE else WorkerState.ONLINE


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
