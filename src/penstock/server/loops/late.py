"""Late: a run whose time has passed without being taken is named so."""

from __future__ import annotations

from datetime import datetime, timedelta

from penstock.server.loops.loop import Report, Tools
from penstock.server.loops.settle import settle
from penstock.store.overdue import late_runs
from penstock.wire.states import StateCreate, StateDetails, StateType

MOST = 400


async def mark_late(tools: Tools, now: datetime) -> Report:
    """Marks the runs that are late by now; their time stays what it was."""
    after = timedelta(seconds=tools.settings.server.services.late_runs.after_seconds)
    found = await tools.store.scan(late_runs(now - after, MOST))
    for run in found:
        details = StateDetails(scheduled_time=run.due_at)
        state = StateCreate(type=StateType.SCHEDULED, name="Late", state_details=details)
        await settle(tools, run.id, state, now, force=False)
    return Report(len(found), again_in=0.0 if len(found) == MOST else None)
