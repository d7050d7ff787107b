"""Claims: due runs that become somebody's, with a lease, and what keeps that lease (DESIGN, law 2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from penstock.clock import from_micros, to_micros
from penstock.core.admission import in_turn
from penstock.core.leases import PENDING_LEASE, UNNAMED, claimed_by, polled_by
from penstock.store.database import Query, Row, Steps, intent
from penstock.store.due_runs import load_of
from penstock.store.flow_run_states import Outcome, Proposal, SlotTerms, propose_whole
from penstock.store.statements import load
from penstock.wire.dispatch import Renewed
from penstock.wire.flow_runs import FlowRun
from penstock.wire.states import StateCreate, StateDetails, StateType

SQL = load("claims")
WATCHES = load("watches")


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks for how many runs, for how long they are to be held, and what labels they get."""

    worker: str
    limit: int
    lease_seconds: float
    now: datetime
    labels: dict[str, str]
    slots: SlotTerms
    host: UUID | None = None
    """The process that will watch over the job, where another could take that over."""


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
def of_pool(
    pool_name: str, queue_names: Sequence[str], claim: Claim, dialect: str, ids: Callable[[], UUID]
) -> Steps[Claimed]:
    """Takes due runs: Scheduled -> Pending by the rules, with the next attempt and a lease, in one transaction."""
    loaded = yield from load_of(pool_name)
    if loaded.pool.is_limited:
        yield SQL.lock_pool(pool=pool_name)
        loaded = yield from load_of(pool_name)
    left = loaded.pool.room(claim.limit)
    claimed = Claimed([], [])
    now = to_micros(claim.now)
    for queue in in_turn(loaded.pool, loaded.chosen(queue_names, pool_name)):
        if left <= 0:
            break

        def candidates(room: int, queue_id: str = queue.id) -> Query:
            return SQL.candidates(queue_id=queue_id, before=now, now=now, limit=room)

        left -= yield from _take_up_to(min(left, queue.room), candidates, claim, dialect, ids, claimed)
    return claimed


@intent
def of_deployments(
    deployment_ids: Iterable[UUID], claim: Claim, dialect: str, ids: Callable[[], UUID]
) -> Steps[Claimed]:
    """As `of_pool`, of some deployments, the earliest first; limits of pools and queues don't hold these back."""
    claimed = Claimed([], [])
    now = to_micros(claim.now)
    array = _array(deployment_ids)

    def candidates(room: int) -> Query:
        return SQL.candidates_of_deployments(ids=array, before=now, now=now, limit=room)

    yield from _take_up_to(claim.limit, candidates, claim, dialect, ids, claimed)
    return claimed


def _take_up_to(
    room: int,
    candidates: Callable[[int], Query],
    claim: Claim,
    dialect: str,
    ids: Callable[[], UUID],
    claimed: Claimed,
) -> Steps[int]:
    """Takes candidates until there is no room or no more; how many it were.

    Those of a deployment that is full after the first of them are passed over, and others looked for in their place.
    """
    taken = 0
    while taken < room:
        rows = yield candidates(room - taken)
        before = taken
        for (run_id,) in rows:
            taken += yield from _take(UUID(run_id), claim, dialect, ids(), claimed)
        if taken in (before, before + len(rows)):
            break
    return taken


def _take(run_id: UUID, claim: Claim, dialect: str, state_id: UUID, claimed: Claimed) -> Steps[int]:
    proposal = Proposal(
        StateCreate(type=StateType.PENDING),
        claim.now,
        state_id,
        labels=claim.labels,
        slots=replace(claim.slots, wait_seconds=None),
    )
    outcome = yield from propose_whole(run_id, proposal, dialect, held=True)
    claimed.outcomes.append(outcome)
    if not outcome.written or outcome.run.state_type is not StateType.PENDING:
        return 0
    until = to_micros(claim.now + timedelta(seconds=claim.lease_seconds))
    rows = yield SQL.lease(
        id=str(run_id),
        holder=claimed_by(claim.worker),
        expires_at=until,
        host=str(claim.host) if claim.host else None,
        watched_until=until if claim.host else None,
    )
    claimed.taken.append(Taken(outcome.run, rows[0][0]))
    return 1


def labels_of(worker: str, kind: str, pool_name: str, pool_id: str) -> dict[str, str]:
    """Who took a run, as Prefect's workers label it."""
    return {
        "prefect.worker.name": worker,
        "prefect.worker.type": kind,
        "prefect.work-pool.name": pool_name,
        "prefect.work-pool.id": pool_id,
    }


@intent
def give_back(taken: Sequence[Taken], now: datetime, dialect: str, ids: Callable[[], UUID]) -> Steps[list[Outcome]]:
    """Makes runs due again whose asker was gone before it could be told that they are its own."""
    details = StateDetails(scheduled_time=now)
    message = "Who asked for this run hung up before it was given, so it is offered again."
    again = StateCreate(type=StateType.SCHEDULED, name="AwaitingRetry", message=message, state_details=details)
    outcomes = []
    for one in taken:
        outcomes.append(
            (yield from propose_whole(one.run.id, Proposal(again, now, ids(), attempt=one.attempt), dialect))
        )
    return outcomes


@intent
def next_due(pool_id: UUID | str, now: datetime) -> Steps[datetime | None]:
    """When the next run of a pool is due, of those that are not due yet."""
    return _moment((yield SQL.next_due(pool_id=str(pool_id), now=to_micros(now))))


@intent
def next_due_of_deployments(deployment_ids: Iterable[UUID], now: datetime) -> Steps[datetime | None]:
    """When the next run of some deployments is due, of those that are not due yet."""
    return _moment((yield SQL.next_due_of_deployments(ids=_array(deployment_ids), now=to_micros(now))))


def _moment(rows: Sequence[Row]) -> datetime | None:
    return None if rows[0][0] is None else from_micros(rows[0][0])


def _array(ids: Iterable[UUID]) -> str:
    return json.dumps([str(id) for id in ids])


@dataclass(frozen=True, slots=True)
class Renewal:
    """Who renews which attempts at which runs; `host` is the process that watches over their jobs, if that renews.

    With `begins` it watches from now on over those that nobody has watched over; without, those are left so.
    """

    worker: str
    runs: Sequence[tuple[UUID, int]]
    seconds: float
    host: UUID | None = None
    begins: bool = False


@intent
def renew(renewal: Renewal, now: datetime) -> Steps[Renewed]:
    """Extends leases, and the watch of the host; gives what is not the asker's any more, and what is to be stopped."""
    rows = yield SQL.held(ids=json.dumps([str(id) for id, _ in renewal.runs]))
    known: dict[str, Row] = {row[0]: row for row in rows}
    lost, cancelling, watched = [], [], []
    holder, host = claimed_by(renewal.worker), str(renewal.host) if renewal.host else None
    until = to_micros(now + timedelta(seconds=renewal.seconds))
    for id, attempt in renewal.runs:
        row = known.get(str(id))
        if row is not None and row[1] == attempt and row[2] in (StateType.COMPLETED, StateType.FAILED):
            continue  # the run has said how it ended, and its process is about to
        if row is None or row[1] != attempt or row[3] != holder:
            lost.append(id)
        elif host is not None and row[4] not in (None, host):
            watched.append(id)
        else:
            if row[2] == StateType.CANCELLING:
                cancelling.append(id)
            yield SQL.renew(id=str(id), attempt=attempt, holder=holder, expires_at=until)
            yield SQL.renew_slots(id=str(id), expires_at=until, now=to_micros(now))
            if host is not None:
                watch = WATCHES.begin if renewal.begins and row[4] is None else WATCHES.renew
                yield watch(id=str(id), host=host, until=until)
    return Renewed(lost=lost, cancelling=cancelling, watched=watched)


@intent
def keep_pending(worker: str, now: datetime) -> Steps[None]:
    """A Prefect worker that gives a sign of life still starts the runs it has taken."""
    yield SQL.renew_pending(holder=polled_by(worker), expires_at=to_micros(now + PENDING_LEASE))


@intent
def name_holder(run_id: UUID, worker: str, now: datetime) -> Steps[None]:
    """The Prefect worker that has taken a run says who it is: from now on its heartbeats keep the run."""
    until = to_micros(now + PENDING_LEASE)
    yield SQL.name_holder(id=str(run_id), unnamed=polled_by(UNNAMED), holder=polled_by(worker), expires_at=until)
