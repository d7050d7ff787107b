"""Due runs: what polling shows, and what a claim takes (DESIGN, law 2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from penstock.clock import from_micros, to_micros
from penstock.core.admission import PoolLoad, QueueLoad, in_turn
from penstock.core.leases import PENDING_LEASE, claimed_by, polled_by
from penstock.errors import NotFound
from penstock.store.database import Row, Steps, intent
from penstock.store.flow_run_documents import SHOWN, SHOWN_PLAIN, place_text, shown, shown_list
from penstock.store.flow_run_states import Outcome, Proposal, propose_whole
from penstock.store.statements import load, statement
from penstock.wire.flow_runs import FlowRun
from penstock.wire.states import StateCreate, StateType

SQL = load("due_runs")

_DUE = (
    "from flow_runs where {queues} and state_type = 'SCHEDULED' and next_scheduled_start_time <= :before"
    " and next_scheduled_start_time >= :since and coalesce(retry_type, '') <> 'in_process'"
    " order by next_scheduled_start_time limit :limit"
)
_OF_QUEUE = {
    dialect: statement("due_of_queue", f"select {columns} " + _DUE.format(queues="work_queue_id = :queue_id"))
    for dialect, columns in SHOWN.items()
}
_IN_QUEUE = statement("due_in_queue", f"select {SHOWN_PLAIN} " + _DUE.format(queues="work_queue_id = :queue_id"))
_OF_DEPLOYMENTS = {
    "sqlite": statement(
        "due_of_deployments",
        f"select {SHOWN['sqlite']} " + _DUE.format(queues="deployment_id in (select value from json_each(:ids))"),
    ),
    "postgres": statement(
        "due_of_deployments",
        f"select {SHOWN['postgres']} "
        + _DUE.format(queues="deployment_id in (select jsonb_array_elements_text(:ids))"),
    ),
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pool as it stands, with its queues by name."""

    pool: PoolLoad
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
    return Loaded(pool, {row[4]: row[3] for row in rows})


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
    found: list[str] = []
    names_by_id = {id: name for name, id in loaded.ids.items()}
    for queue in in_turn(loaded.pool, chosen):
        if left <= 0:
            break
        rows = yield _IN_QUEUE(queue_id=queue.id, **_bounds(window, min(left, queue.room)))
        left -= len(rows)
        place = place_text(names_by_id[queue.id], loaded.pool.id, pool_name)
        head = f'{{"work_pool_id":"{loaded.pool.id}","work_queue_id":"{queue.id}","flow_run":'
        found.extend([head + shown((row[0], place, *row[1:]), micros) + "}" for row in rows])
    asked = chosen if chosen is not None else list(loaded.ids.values())
    return Polled(("[" + ",".join(found) + "]").encode(), [UUID(id) for id in asked])


@intent
def of_queue(queue_id: UUID, window: Window, dialect: str, now: datetime) -> Steps[bytes]:
    """The JSON array of a queue's due runs, the earliest first."""
    return shown_list((yield _OF_QUEUE[dialect](queue_id=str(queue_id), **_bounds(window, window.limit))), now)


@intent
def of_deployments(ids: Iterable[UUID], before: datetime, limit: int, dialect: str, now: datetime) -> Steps[bytes]:
    """The JSON array of these deployments' due runs, the earliest first."""
    text = json.dumps([str(id) for id in ids])
    return shown_list((yield _OF_DEPLOYMENTS[dialect](ids=text, **_bounds(Window(before), limit))), now)


def _bounds(window: Window, limit: int) -> dict[str, int]:
    since = 0 if window.since is None else to_micros(window.since)
    return {"before": to_micros(window.before), "since": since, "limit": limit}


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks for how many runs, and for how long they are to be held."""

    worker: str
    queue_names: Sequence[str]
    limit: int
    lease_seconds: float
    now: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """A run that is the asker's now."""

    run: FlowRun
    attempt: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim took, and everything that was written on the way (a full deployment may cancel a run)."""

    taken: list[Taken]
    outcomes: list[Outcome]


@intent
def claim(pool_name: str, claim: Claim, dialect: str, ids: Callable[[], UUID]) -> Steps[Claimed]:
    """Takes due runs: Scheduled -> Pending by the rules, with the next attempt and a lease, in one transaction."""
    yield SQL.lock_pool(pool=pool_name)
    loaded = yield from load_of(pool_name)
    left = loaded.pool.room(claim.limit)
    claimed = Claimed([], [])
    for queue in in_turn(loaded.pool, loaded.chosen(claim.queue_names, pool_name)):
        if left <= 0:
            break
        rows = yield SQL.candidates(
            queue_id=queue.id, before=to_micros(claim.now), now=to_micros(claim.now), limit=min(left, queue.room)
        )
        for (run_id,) in rows:
            left -= yield from _take(UUID(run_id), claim, dialect, ids(), claimed)
    return claimed


def _take(run_id: UUID, claim: Claim, dialect: str, state_id: UUID, claimed: Claimed) -> Steps[int]:
    proposal = Proposal(StateCreate(type=StateType.PENDING), claim.now, state_id)
    outcome = yield from propose_whole(run_id, proposal, dialect)
    claimed.outcomes.append(outcome)
    if not outcome.written or outcome.run.state_type is not StateType.PENDING:
        return 0
    rows = yield SQL.lease(
        id=str(run_id),
        holder=claimed_by(claim.worker),
        expires_at=to_micros(claim.now + timedelta(seconds=claim.lease_seconds)),
    )
    claimed.taken.append(Taken(outcome.run, rows[0][0]))
    return 1


@intent
def next_due(pool_id: UUID | str) -> Steps[datetime | None]:
    """When the next run of a pool is due."""
    rows = yield SQL.next_due(pool_id=str(pool_id))
    return None if rows[0][0] is None else from_micros(rows[0][0])


@intent
def renew(
    worker: str, runs: Sequence[tuple[UUID, int]], seconds: float, now: datetime
) -> Steps[tuple[list[UUID], list[UUID]]]:
    """Extends leases; gives the runs that are not the asker's any more, and those that are to be stopped."""
    rows = yield SQL.held(ids=json.dumps([str(id) for id, _ in runs]))
    known: dict[str, Row] = {row[0]: row for row in rows}
    lost, cancelling = [], []
    until = to_micros(now + timedelta(seconds=seconds))
    for id, attempt in runs:
        row = known.get(str(id))
        if row is None or row[1] != attempt or row[3] != claimed_by(worker):
            lost.append(id)
            continue
        if row[2] == StateType.CANCELLING:
            cancelling.append(id)
        yield SQL.renew(id=str(id), attempt=attempt, holder=claimed_by(worker), expires_at=until)
        yield SQL.renew_slots(id=str(id), expires_at=until, now=to_micros(now))
    return lost, cancelling


@intent
def keep_pending(worker: str, now: datetime) -> Steps[None]:
    """A Prefect worker that gives a sign of life still starts the runs it has taken."""
    yield SQL.renew_pending(holder=polled_by(worker), expires_at=to_micros(now + PENDING_LEASE))
