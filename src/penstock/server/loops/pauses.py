"""Pauses: a run that was not resumed in time fails."""

from __future__ import annotations

from datetime import datetime

from penstock.server.loops.loop import Report, Tools
from penstock.server.loops.settle import settle
from penstock.store.overdue import expired_pauses
from penstock.wire.states import StateCreate, StateType

MESSAGE = "Nobody resumed the run in time."


async def fail_expired(tools: Tools, now: datetime) -> Report:
    """Fails the runs whose pause is over; comes back when the next one's is."""
    found = await tools.store.scan(expired_pauses(now))
    for run_id in found.ids:
        failed = StateCreate(type=StateType.FAILED, message=MESSAGE)
        await settle(tools, run_id, failed, now, force=True)
    return Report(len(found.ids), (found.next_at - now).total_seconds() if found.next_at else None)
