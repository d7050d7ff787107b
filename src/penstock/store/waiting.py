"""All that may hold a run back, read in one go."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from penstock.clock import from_micros, to_micros
from penstock.core.waiting import QueueStanding, SlotStanding, Standing
from penstock.store.database import Row, Steps, intent
from penstock.store.push_problems import reason_in
from penstock.store.statements import load
from penstock.wire.flow_runs import FlowRun

SQL = load("waiting")

MOST_AHEAD = 1000
"""As far as the runs before one are counted."""

_decode = msgspec.json.Decoder(FlowRun).decode


@intent
def standing_of(run_id: UUID, now: datetime) -> Steps[Standing | None]:
    """A run and what is around it; None for an unknown run."""
    rows = yield SQL.run(id=str(run_id), now=to_micros(now))
    if not rows:
        return None
    doc, due, retry_type, holder, lease, queue_id, polled, deployment, most, active, taken = rows[0]
    return Standing(
        run_id=run_id,
        state=_decode(doc).state,
        due=_moment(due),
        in_process=retry_type == "in_process",
        holder=holder,
        lease_until=_moment(lease),
        deployment_polled=_moment(polled),
        queue=(yield from _queue(run_id, queue_id, due, now)) if queue_id else None,
        slots=None
        if most is None
        else SlotStanding(deployment=deployment, limit=most, taken=taken, enforced=bool(active)),
    )


def _queue(run_id: UUID, queue_id: str, due: int | None, now: datetime) -> Steps[QueueStanding | None]:
    rows = yield SQL.queue(id=queue_id)
    if not rows:
        return None
    row: Row = rows[0]
    active: dict[str, int] = {queue[0]: queue[1] for queue in (yield SQL.active(pool_id=row[0]))}
    micros = to_micros(now)
    ahead = yield SQL.ahead(
        pool_id=row[0],
        id=str(run_id),
        priority=row[10],
        now=micros,
        queue_id=queue_id,
        due=micros if due is None else due,
        most=MOST_AHEAD,
    )
    return QueueStanding(
        pool=row[1],
        pool_type=row[2],
        pool_paused=bool(row[3]),
        pool_limit=row[4],
        pool_active=sum(active.values()),
        workers=row[5],
        queue=row[6],
        paused=bool(row[7]),
        limit=row[8],
        polled=_moment(row[9]),
        active=active.get(queue_id, 0),
        ahead=ahead[0][0],
        problem=reason_in(row[11]),
    )


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
