"""How much each pool has to do, and how full each limit is."""

from __future__ import annotations

from datetime import datetime

from penstock.clock import to_micros
from penstock.store.database import Row, Steps, intent
from penstock.store.statements import load
from penstock.wire.scaling import PoolLoad

SQL = load("scaling")

MOST_COUNTED = 10_000
MOST_LIMITS = 500


@intent
def load_of_pools(now: datetime, name: str = "") -> Steps[list[PoolLoad]]:
    """The load of every pool, or of the one of that name."""
    return [_load(row, to_micros(now)) for row in (yield SQL.loads(now=to_micros(now), most=MOST_COUNTED, name=name))]


@intent
def slots_of_limits(now: datetime) -> Steps[list[tuple[str, int, float]]]:
    """Name, size and used slots of the limits that are in force."""
    return [(name, size, used) for name, size, used in (yield SQL.slots(now=to_micros(now), most=MOST_LIMITS))]


def _load(row: Row, now: int) -> PoolLoad:
    name, kind, paused, limit, due, oldest, active, workers = row
    return PoolLoad(
        work_pool=name,
        type=kind,
        due_runs=min(int(due), MOST_COUNTED),
        oldest_due_seconds=0.0 if oldest is None else (now - oldest) / 1_000_000,
        active_runs=active,
        workers=workers,
        free_slots=None if limit is None else max(0, limit - active),
        is_paused=bool(paused),
    )
