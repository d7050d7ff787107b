"""Due runs, as polling shows them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from penstock.clock import to_micros
from penstock.core.admission import PoolLoad, QueueLoad, in_turn
from penstock.errors import NotFound
from penstock.store.database import Row, Steps, intent
from penstock.store.flow_run_documents import DUE, SHOWN, due_parts, place_text, shown_list
from penstock.store.statements import load, statement

SQL = load("due_runs")

_DUE = (
    "from flow_runs where {queues} and state_type = 'SCHEDULED' and next_scheduled_start_time <= :before"
    " and next_scheduled_start_time >= :since and coalesce(retry_type, '') <> 'in_process'"
    " order by next_scheduled_start_time limit :limit"
)
# Runs whose deployment waits for a slot are passed over, so that they hold up no other.
_ADMITTED = (
    " and (deployment_id is null or deployment_id not in ("
    "select d.id from deployments d join limits l on l.id = d.limit_id where l.active and not d.cancel_new"
    " and l.max_slots <= (select coalesce(sum(x.slots), 0) from limit_leases x"
    " where x.limit_id = l.id and x.expires_at > :now)))"
)
_IN_QUEUE = statement("due_in_queue", f"select {DUE} " + _DUE.format(queues="work_queue_id = :queue_id" + _ADMITTED))
_OF_QUEUE = {
    dialect: statement(
        "due_of_queue", f"select {columns} " + _DUE.format(queues="work_queue_id = :queue_id" + _ADMITTED)
    )
    for dialect, columns in SHOWN.items()
}
_ARRAY = {"sqlite": "select value from json_each(:ids)", "postgres": "select jsonb_array_elements_text(:ids)"}
_OF_DEPLOYMENTS = {
    dialect: statement(
        "due_of_deployments",
        f"select {columns} " + _DUE.format(queues=f"deployment_id in ({_ARRAY[dialect]})" + _ADMITTED),
    )
    for dialect, columns in SHOWN.items()
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pool as it stands, with its queues by name."""

    pool: PoolLoad
    type: str
    ids: dict[str, str]

    def chosen(self, names: Sequence[str] | None, pool_name: str) -> list[str] | None:
        """The ids of the queues with these names, None for all. NotFound for an unknown one."""
        if not names:
            return None
        for name in names:
            if name not in self.ids:
                raise NotFound(f"Work pool queue '{pool_name}/{name}' not found.")
        return [self.ids[name] for name in names]


@intent
def load_of(pool_name: str) -> Steps[Loaded]:
    """A pool as it stands. NotFound for an unknown one."""
    rows = yield SQL.load(pool=pool_name)
    if not rows:
        raise NotFound(f'Work pool "{pool_name}" not found.')
    queues = tuple(QueueLoad(row[3], row[5], bool(row[6]), row[7], row[8]) for row in rows)
    pool = PoolLoad(rows[0][0], bool(rows[0][1]), rows[0][2], queues)
    return Loaded(pool, rows[0][9], {row[4]: row[3] for row in rows})


@dataclass(frozen=True, slots=True)
class Window:
    """Which runs count as due: those for a time up to `before`, not earlier than `since`."""

    before: datetime
    since: datetime | None = None
    limit: int = 200


@dataclass(frozen=True, slots=True)
class Polled:
    """The JSON array that a poll answers, and the queues it asked."""

    answer: bytes
    queue_ids: list[UUID]


@intent
def of_pool(pool_name: str, names: Sequence[str] | None, window: Window, now: datetime) -> Steps[Polled]:
    """Due runs of a pool, the most important queue first. Nothing changes: a run is shown until it is taken."""
    loaded = yield from load_of(pool_name)
    chosen = loaded.chosen(names, pool_name)
    left, micros = loaded.pool.room(window.limit), to_micros(now)
    parts = ["["]
    names_by_id = {id: name for name, id in loaded.ids.items()}
    for queue in in_turn(loaded.pool, chosen):
        if left <= 0:
            break
        rows = yield _IN_QUEUE(queue_id=queue.id, now=micros, **_bounds(window, min(left, queue.room)))
        left -= len(rows)
        place = place_text(names_by_id[queue.id], loaded.pool.id, pool_name)
        head = f'{{"work_pool_id":"{loaded.pool.id}","work_queue_id":"{queue.id}","flow_run":'
        parts += due_parts(rows, head, place, micros)
    asked = chosen if chosen is not None else list(loaded.ids.values())
    if len(parts) > 1:
        parts.pop()  # the comma after the last run
    parts.append("]")
    return Polled("".join(parts).encode(), [UUID(id) for id in asked])


@intent
def of_queue(pool_name: str, queue_id: UUID, window: Window, dialect: str, now: datetime) -> Steps[bytes]:
    """The JSON array of a queue's due runs, the earliest first, as far as it and its pool have room."""
    loaded = yield from load_of(pool_name)
    left = loaded.pool.room(window.limit)
    rows: list[Row] = []
    for queue in in_turn(loaded.pool, [str(queue_id)]):
        bounds = _bounds(window, min(left, queue.room))
        rows += yield _OF_QUEUE[dialect](queue_id=queue.id, now=to_micros(now), **bounds)
    return shown_list(rows, now)


@intent
def of_deployments(ids: Iterable[UUID], before: datetime, limit: int, dialect: str, now: datetime) -> Steps[bytes]:
    """The JSON array of these deployments' due runs, the earliest first."""
    text = json.dumps([str(id) for id in ids])
    bounds = _bounds(Window(before), limit)
    return shown_list((yield _OF_DEPLOYMENTS[dialect](ids=text, now=to_micros(now), **bounds)), now)


def _bounds(window: Window, limit: int) -> dict[str, int]:
    since = 0 if window.since is None else to_micros(window.since)
    return {"before": to_micros(window.before), "since": since, "limit": limit}
