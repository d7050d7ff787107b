"""The slot that a run of a limited deployment holds: a lease with the id of the state that took it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from penstock.clock import to_micros
from penstock.store.database import Steps
from penstock.store.statements import load

SQL = load("run_limits")


def read(limit_id: str, lease: UUID | None, now: datetime) -> Steps[tuple[int, int, bool] | None]:
    """Size and use of a limit, held until the transaction ends, and whether that lease is live; None without limit."""
    rows = yield SQL.lock_limit(id=limit_id)
    if not rows or not rows[0][1]:
        return None
    used = yield SQL.used(id=limit_id, lease=str(lease), now=to_micros(now))
    return rows[0][0], int(used[0][0]), bool(used[0][1])


def hold(lease: UUID, limit_id: str, run_id: UUID, now: datetime, until: datetime) -> Steps[None]:
    """Takes a slot for a run."""
    yield SQL.hold(
        id=str(lease), limit_id=limit_id, run_id=str(run_id), now=to_micros(now), expires_at=to_micros(until)
    )


def renew(lease: UUID, until: datetime) -> Steps[None]:
    """Holds a slot longer."""
    yield SQL.renew(id=str(lease), expires_at=to_micros(until))


def release(lease: UUID) -> Steps[None]:
    """Gives a slot back; one that is gone already is no error."""
    yield SQL.release(id=str(lease))
