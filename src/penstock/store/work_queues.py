"""Work queues. `last_polled` is a column of its own, so that a poll rewrites no document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import structs

from penstock.clock import from_micros, to_micros
from penstock.core.priorities import lowest_free, make_room
from penstock.core.waiting import POLLED_WITHIN
from penstock.errors import Conflict
from penstock.store import deployments
from penstock.store.database import Row, Steps, intent
from penstock.store.documents import Documents
from penstock.store.filters import Selection
from penstock.store.statements import load
from penstock.wire.work_queues import WorkQueue, WorkQueueStatus

SQL = load("work_queues")
QUEUES = Documents(
    "work_queues", WorkQueue, columns=("work_pool_id", "name", "priority", "is_paused", "concurrency_limit")
)

_PRESENTED = "doc, last_polled, (select name from work_pools p where p.id = work_queues.work_pool_id)"


@intent
def create(queue: WorkQueue, priority: int | None) -> Steps[WorkQueue]:
    """Adds a queue at a priority, others stepping down, or after all others; Conflict when the name is taken."""
    taken = yield from _priorities(queue)
    queue = structs.replace(queue, priority=priority or lowest_free(taken))
    yield from _step_down(taken, queue.priority)
    if not (yield QUEUES.insert(queue)):
        raise Conflict(f"A work queue named {queue.name!r} exists already in this pool.")
    return queue


@intent
def read(id: UUID, now: datetime) -> Steps[WorkQueue | None]:
    """The queue of that id as it stands."""
    rows = yield SQL.queue_by_id(id=str(id))
    return (yield from _present(rows[0], now)) if rows else None


@intent
def read_in_pool(pool: str, name: str, now: datetime) -> Steps[WorkQueue | None]:
    """A pool's queue by name, as it stands."""
    rows = yield SQL.queue_in_pool(pool=pool, name=name)
    return (yield from _present(rows[0], now)) if rows else None


@intent
def page(selection: Selection, now: datetime) -> Steps[list[WorkQueue]]:
    """The queues that fit, as they stand."""
    queues = []
    for row in (yield selection.rows(_PRESENTED)):
        queues.append((yield from _present(row, now)))
    return queues


@intent
def replace(queue: WorkQueue) -> Steps[None]:
    """Writes a changed queue; others step down when its priority is another's."""
    taken = yield from _priorities(queue)
    taken.pop(str(queue.id), None)
    yield from _step_down(taken, queue.priority)
    yield QUEUES.replace(structs.replace(queue, last_polled=None, status=None, active_slots=None, work_pool_name=None))


@intent
def delete(id: UUID) -> Steps[None]:
    """Removes a queue; its deployments stay, without one, and so do its runs: they show none once it is gone."""
    yield from release_deployments(str(id))
    yield QUEUES.remove(id)


def release_deployments(queue_id: str) -> Steps[None]:
    """Leaves the deployments of a queue that goes without one."""
    for id, doc in (yield SQL.deployments_of_queue(id=queue_id)):
        yield SQL.release_deployment(id=id, doc=deployments.without_queue(doc))


@intent
def mark_polled(ids: Iterable[UUID], now: datetime) -> Steps[None]:
    """Notes that the queues were polled."""
    yield SQL.mark_polled(ids=json.dumps([str(id) for id in ids]), now=to_micros(now))


@intent
def late_runs(id: UUID) -> Steps[int]:
    """How many of the queue's runs are late."""
    return int((yield SQL.late_runs(id=str(id)))[0][0])


@intent
def active_runs(id: UUID) -> Steps[int]:
    """How many of the queue's slots are used."""
    return int((yield SQL.active_runs(id=str(id)))[0][0])


def _present(row: Row, now: datetime) -> Steps[WorkQueue]:
    doc, polled, pool_name = row
    queue = QUEUES.decode(doc)
    last_polled = None if polled is None else from_micros(polled)
    used = (yield SQL.active_runs(id=str(queue.id)))[0][0] if queue.concurrency_limit is not None else None
    status = _status(queue, last_polled, now)
    return structs.replace(queue, last_polled=last_polled, work_pool_name=pool_name, status=status, active_slots=used)


def _status(queue: WorkQueue, last_polled: datetime | None, now: datetime) -> WorkQueueStatus:
    if queue.is_paused:
        return WorkQueueStatus.PAUSED
    polled = last_polled is not None and now - last_polled <= POLLED_WITHIN
    return WorkQueueStatus.READY if polled else WorkQueueStatus.NOT_READY


def _priorities(queue: WorkQueue) -> Steps[dict[str, int]]:
    rows: Sequence[Row] = yield SQL.priorities(pool_id=str(queue.work_pool_id))
    return {row[0]: row[1] for row in rows}


def _step_down(taken: dict[str, int], wanted: int) -> Steps[None]:
    for id, priority in make_room(taken, wanted).items():
        rows = yield SQL.read_doc(id=id)
        yield QUEUES.replace(structs.replace(QUEUES.decode(rows[0][0]), priority=priority))
