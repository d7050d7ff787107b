"""Late: a run whose time has passed without being taken is named so, or ended where it may not wait."""

from __future__ import annotations

from datetime import datetime, timedelta

from penstock.server.loops.loop import Report, Tools
from penstock.server.loops.settle import settle
from penstock.store.overdue import LateRun, late_runs
from penstock.wire.states import StateCreate, StateDetails, StateType

MOST = 400


async def mark_late(tools: Tools, now: datetime) -> Report:
    """Marks the runs that are late by now; their time stays what it was."""
    after = timedelta(seconds=tools.settings.server.services.late_runs.after_seconds)
    found = await tools.store.scan(late_runs(now - after, MOST, now))
    for run in found:
        await settle(tools, run.id, _what_becomes_of(run), now, force=False)
    return Report(len(found), again_in=0.0 if len(found) == MOST else None)


def _what_becomes_of(run: LateRun) -> StateCreate:
    if run.may_not_wait:
        return StateCreate(type=StateType.CANCELLED, message="No slot of the deployment's limit is free.")
    return StateCreate(type=StateType.SCHEDULED, name="Late", state_details=StateDetails(scheduled_time=run.due_at))
