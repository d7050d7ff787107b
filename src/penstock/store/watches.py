"""Watches: which process looks after the job of a run that runs elsewhere, and who takes over when it is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from penstock.clock import to_micros
from penstock.store.database import Steps, intent
from penstock.store.flow_run_states import Outcome, Proposal, propose_whole
from penstock.store.statements import load
from penstock.store.work_pools import POOLS
from penstock.wire.states import StateCreate, StateDetails, StateType
from penstock.wire.work_pools import WorkPool

SQL = load("watches")


@dataclass(frozen=True, slots=True)
class Adopted:
    """A run whose job the asker watches over now: which attempt it is, and under whose name its lease is."""

    run_id: UUID
    attempt: int
    holder: str


@intent
def adopt(pool_id: UUID, host: UUID, seconds: float, limit: int, now: datetime) -> Steps[list[Adopted]]:
    """Gives a host the runs of a pool that nobody watches over any more; never the same run to two."""
    until = to_micros(now + timedelta(seconds=seconds))
    rows = yield SQL.adopt(pool_id=str(pool_id), host=str(host), until=until, now=to_micros(now), limit=limit)
    return [Adopted(UUID(id), attempt, holder.partition(":")[2]) for id, attempt, holder in rows]


@intent
def end(host: UUID, now: datetime) -> Steps[None]:
    """Ends the watches of a host that goes."""
    yield SQL.end_watches(host=str(host), now=to_micros(now))


@intent
def never_began(run_id: UUID, attempt: int, message: str, now: datetime, new_id: UUID, dialect: str) -> Steps[Outcome]:
    """Makes a run due again whose job is not there; not if the job has begun since somebody looked for it."""
    due = StateDetails(scheduled_time=now)
    again = StateCreate(type=StateType.SCHEDULED, name="AwaitingRetry", message=message, state_details=due)
    proposal = Proposal(again, now, new_id, attempt=attempt, only_from=StateType.PENDING)
    return (yield from propose_whole(run_id, proposal, dialect))


@intent
def push_pools() -> Steps[list[WorkPool]]:
    """The pools whose runs the server starts itself, as they are stored."""
    return [POOLS.decode(row[0]) for row in (yield SQL.push_pools())]
