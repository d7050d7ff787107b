"""What services look for, and the one thing they do that nobody proposes: the rescue of a run whose lease ran out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from penstock.clock import from_micros, to_micros
from penstock.core.leases import ADOPTION_GRACE, SIGN_OF_LIFE_LEASE, rescue
from penstock.core.losses import RESCHEDULES, LossTerms, after_loss
from penstock.store.database import Row, Steps, intent
from penstock.store.flow_run_states import SQL as RUNS
from penstock.store.flow_run_states import Outcome, Proposal, propose_whole, read_known
from penstock.store.statements import load
from penstock.wire.deployments import LossPolicy
from penstock.wire.states import StateCreate, StateType

SQL = load("overdue")


class _Policy(msgspec.Struct):
    """What a deployment's document says of losses."""

    on_infrastructure_loss: LossPolicy = LossPolicy.FAIL
    reschedule_limit: int = RESCHEDULES


_decode_policy = msgspec.json.Decoder(_Policy).decode


@dataclass(frozen=True, slots=True)
class Found:
    """Runs for which a time has passed, and the moment it passes for the next one, if it is known."""

    ids: list[UUID]
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LateRun:
    """A run whose time has passed."""

    id: UUID
    due_at: datetime


@intent
def late_runs(before: datetime, limit: int) -> Steps[list[LateRun]]:
    """Runs named Scheduled whose time was before a moment."""
    rows = yield SQL.late(before=to_micros(before), limit=limit)
    return [LateRun(UUID(id), from_micros(due_at)) for id, due_at in rows]


@intent
def expired_pauses(now: datetime) -> Steps[Found]:
    """Paused runs whose time to be resumed is over."""
    rows = yield SQL.paused()
    timeouts = [(UUID(id), datetime.fromisoformat(text)) for id, text in rows if text]
    ahead = [timeout for _, timeout in timeouts if timeout >= now]
    return Found([id for id, timeout in timeouts if timeout < now], min(ahead, default=None))


@intent
def stale_cancellations(before: datetime, limit: int) -> Steps[Found]:
    """Runs that are being cancelled and whose grace was over before a moment."""
    return Found(_ids((yield SQL.cancelling(before=to_micros(before), limit=limit))))


@intent
def lapsed_leases(now: datetime, limit: int, since: datetime | None = None) -> Steps[Found]:
    """Runs whose lease ran out (after `since`, if that is given); `next_at` is when the next one will."""
    after = to_micros(since) if since else 0
    rows = yield SQL.lapsed(now=to_micros(now), after=after, unwatched=to_micros(now - ADOPTION_GRACE), limit=limit)
    found = _ids(rows)
    return Found(found, _moment((yield SQL.next_lapse())))


@intent
def rescue_run(run_id: UUID, now: datetime, new_id: UUID, dialect: str) -> Steps[Outcome | None]:
    """Takes a run back from a holder that let its lease run out; None when there is nothing to do any more."""
    yield RUNS.lock_run(id=str(run_id))
    known = yield from read_known(run_id)
    expired_at, state = known.lease.expires_at, known.run.state
    if expired_at is None or expired_at > now or state is None:
        return None
    lost = rescue(state, known.lease.holder, expired_at, now, (yield from loss_terms(run_id)))
    if lost is None:
        yield SQL.end_lease(id=str(run_id), now=to_micros(now))
        return None
    if state.type is not StateType.PENDING and lost.type is StateType.SCHEDULED:
        yield SQL.count_loss(id=str(run_id))
    return (yield from propose_whole(run_id, Proposal(lost, now, new_id, force=True), dialect))


def loss_terms(run_id: UUID) -> Steps[LossTerms]:
    """What the deployment of a run says of losses, and how many the run has had."""
    rows = yield SQL.loss_facts(id=str(run_id))
    losses, doc = rows[0]
    said = _decode_policy(doc) if doc else _Policy()
    return LossTerms(said.on_infrastructure_loss, said.reschedule_limit, losses)


@intent
def report_loss(run_id: UUID, attempt: int, message: str, now: datetime, new_id: UUID, dialect: str) -> Steps[Outcome]:
    """Ends or offers again a run whose host saw that what it ran on is gone. NotFound for an unknown one.

    A run that has ended, or is being cancelled, stays as it is, and so does that of a stale attempt.
    """
    yield RUNS.lock_run(id=str(run_id))
    known = yield from read_known(run_id)
    lost = after_loss((yield from loss_terms(run_id)), message, now)
    waits_in_process = known.run.empirical_policy.retry_type == "in_process"
    lives = known.run.state_type in (StateType.PENDING, StateType.RUNNING) or (
        known.run.state_type is StateType.SCHEDULED and waits_in_process
    )
    if lost.type is StateType.SCHEDULED and (not lives or known.lease.attempt != attempt):
        lost = StateCreate(type=StateType.CRASHED, message=message)  # which the rules refuse
    if lost.type is StateType.SCHEDULED:
        yield SQL.count_loss(id=str(run_id))
    proposal = Proposal(lost, now, new_id, force=lost.type is StateType.SCHEDULED, attempt=attempt)
    return (yield from propose_whole(run_id, proposal, dialect))


@intent
def orphans_of_cancelled(since: datetime, limit: int) -> Steps[tuple[list[tuple[UUID, bool]], list[UUID]]]:
    """What goes on under runs cancelled since a moment: subflows (and whether each has a deployment), and task runs."""
    rows = yield SQL.orphan_runs(since=to_micros(since), limit=limit)
    tasks = yield SQL.orphan_tasks(since=to_micros(since), limit=limit)
    return [(UUID(id), deployment is not None) for id, deployment in rows], _ids(tasks)


@intent
def note_signs_of_life(run_ids: Iterable[UUID], now: datetime, keep_for: timedelta = SIGN_OF_LIFE_LEASE) -> Steps[None]:
    """Runs that reported something are alive: those that no Penstock worker holds count as such for a while more."""
    until = to_micros(now + keep_for)
    yield SQL.renew_by_sign_of_life.each([{"id": str(run_id), "until": until} for run_id in run_ids])


@intent
def pool_of_queue(queue_id: UUID) -> Steps[UUID | None]:
    """The pool of a work queue."""
    rows = yield SQL.pool_of_queue(id=str(queue_id))
    return UUID(rows[0][0]) if rows else None


def _ids(rows: Sequence[Row]) -> list[UUID]:
    return [UUID(row[0]) for row in rows]


def _moment(rows: Sequence[Row]) -> datetime | None:
    return from_micros(rows[0][0]) if rows and rows[0][0] is not None else None
