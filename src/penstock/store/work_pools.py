"""Work pools. Their status and used slots are not stored: they follow from workers and runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import structs

from penstock.clock import from_micros
from penstock.core.pool_types import AGENT_TYPE, pushed_kind
from penstock.errors import Conflict
from penstock.store import pool_templates, work_queues
from penstock.store.database import Row, Steps, intent
from penstock.store.documents import Documents
from penstock.store.filters import Selection
from penstock.store.statements import load
from penstock.wire.states import StateType
from penstock.wire.work_pools import FlowRunSlotSummary, WorkPool, WorkPoolStatus
from penstock.wire.work_queues import WorkQueue

SQL = load("work_pools")
POOLS = Documents("work_pools", WorkPool, columns=("name", "type", "is_paused", "concurrency_limit"), unique=("name",))


@intent
def create(pool: WorkPool, queue: WorkQueue) -> Steps[None]:
    """Adds a pool with its default queue; Conflict when there is one of that name."""
    if not (yield POOLS.insert(pool)):
        raise Conflict(f"A work pool named {pool.name!r} exists already.")
    yield work_queues.QUEUES.insert(queue)
    yield from pool_templates.keep(pool)


@intent
def read(name: str) -> Steps[WorkPool | None]:
    """The pool of that name as it stands."""
    rows = yield POOLS.fetch(name, "name")
    found = yield from _present([POOLS.decode(row[0]) for row in rows])
    return found[0] if found else None


@intent
def page(selection: Selection) -> Steps[list[WorkPool]]:
    """The pools that fit, as they stand."""
    return (yield from _present([POOLS.decode(row[0]) for row in (yield selection.rows())]))


@intent
def replace(pool: WorkPool) -> Steps[None]:
    """Writes a changed pool; the template it had stays known."""
    yield POOLS.replace(stored(pool))
    yield from pool_templates.keep(pool)


@intent
def delete(pool_id: UUID) -> Steps[None]:
    """Removes a pool with its queues and workers; its deployments and runs stay, without a queue."""
    for (queue_id,) in (yield SQL.queues_of_pool(id=str(pool_id))):
        yield from work_queues.release_deployments(queue_id)
    yield SQL.delete_queues_of_pool(id=str(pool_id))
    yield SQL.delete_workers_of_pool(id=str(pool_id))
    yield pool_templates.SQL.delete_of_pool(pool_id=str(pool_id))
    yield POOLS.remove(pool_id)


@intent
def slots(
    pool_id: UUID, limit: int, offset: int, holders: int, now: datetime
) -> Steps[list[tuple[WorkQueue, int, list[FlowRunSlotSummary]]]]:
    """A pool's queues with how many slots each uses, and the first of the runs that use them."""
    found = []
    for doc, _, used in (yield SQL.slots_by_queue(id=str(pool_id), limit=limit, offset=offset)):
        queue = work_queues.QUEUES.decode(doc)
        found.append((queue, used, (yield from slot_holders(queue.id, holders, 0, now))))
    return found


@intent
def queue_count(pool_id: UUID) -> Steps[int]:
    """How many queues a pool has."""
    return len((yield SQL.queues_of_pool(id=str(pool_id))))


@intent
def slot_holders(queue_id: UUID, limit: int, offset: int, now: datetime) -> Steps[list[FlowRunSlotSummary]]:
    """The runs that use a queue's slots, longest first, with how long each is in its state."""
    rows = yield SQL.slot_holders(id=str(queue_id), limit=limit, offset=offset)
    return [_holder(row, now) for row in rows]


def _holder(row: Row, now: datetime) -> FlowRunSlotSummary:
    id, name, type, state, since, started = row
    entered = from_micros(since)
    return FlowRunSlotSummary(
        id=UUID(id),
        name=name,
        state_type=StateType(type),
        state_name=state,
        start_time=None if started is None else from_micros(started),
        state_timestamp=entered,
        time_in_current_state=max(0.0, (now - entered).total_seconds()),
    )


def stored(pool: WorkPool) -> WorkPool:
    """The pool without what is not stored."""
    return structs.replace(pool, status=None, active_slots=None)


def _present(pools: Sequence[WorkPool]) -> Steps[list[WorkPool]]:
    """The pools with what follows from their workers and runs."""
    rows = (yield SQL.pool_states(ids=json.dumps([str(pool.id) for pool in pools]))) if pools else []
    states = {row[0]: row[1:] for row in rows}
    return [_as_it_stands(pool, *states.get(str(pool.id), (0, 0, 0))) for pool in pools]


def _as_it_stands(pool: WorkPool, online: int, used: int, problems: int) -> WorkPool:
    slots = used if pool.concurrency_limit is not None else None
    return structs.replace(pool, status=_status(pool, online, problems), active_slots=slots)


def _status(pool: WorkPool, online: int, problems: int) -> WorkPoolStatus | None:
    """Agents send no heartbeats, so their pools have no status unless paused; push pools have no need of workers."""
    if pool.is_paused:
        return WorkPoolStatus.PAUSED
    if pool.type == AGENT_TYPE:
        return None
    served = not problems if pushed_kind(pool.type) is not None else online
    return WorkPoolStatus.READY if served else WorkPoolStatus.NOT_READY
