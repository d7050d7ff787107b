"""Cancellation: what a cancelled run left is ended too, and a cancellation nobody carries out ends by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from penstock.errors import NotFound
from penstock.ids import new_id
from penstock.server.loops.loop import Report, Tools
from penstock.server.loops.settle import settle
from penstock.store.overdue import orphans_of_cancelled, stale_cancellations
from penstock.store.task_run_states import TaskProposal
from penstock.store.task_run_states import propose as propose_task
from penstock.wire.states import StateCreate, StateType

MOST = 500
FIRST_LOOK_BACK = timedelta(days=1)
LOOK_BACK = timedelta(minutes=10)


class CancellationCleanup:
    """The service; it remembers its last pass, so that it looks through a day only once."""

    def __init__(self) -> None:
        self._looked_at: datetime | None = None

    async def run_once(self, tools: Tools, now: datetime) -> Report:
        """Ends what should have ended by now."""
        since = now - FIRST_LOOK_BACK if self._looked_at is None else self._looked_at - LOOK_BACK
        ended = await _end_orphans(tools, since, now)
        timed_out = await _end_stale(tools, now)
        self._looked_at = now
        return Report(ended + timed_out, again_in=0.0 if ended >= MOST else None)


async def _end_orphans(tools: Tools, since: datetime, now: datetime) -> int:
    runs, tasks = await tools.store.scan(orphans_of_cancelled(since, MOST))
    message = "The flow run that this belongs to was cancelled."
    for run_id, has_deployment in runs:
        kind = StateType.CANCELLING if has_deployment else StateType.CANCELLED
        await settle(tools, run_id, StateCreate(type=kind, message=message), now, force=True)
    for task_id in tasks:
        state = StateCreate(type=StateType.CANCELLED, message=message)
        try:
            await tools.store.write(propose_task(task_id, TaskProposal(state, now, new_id(), force=True)))
        except NotFound:
            continue  # deleted since
    return len(runs) + len(tasks)


async def _end_stale(tools: Tools, now: datetime) -> int:
    seconds = tools.settings.server.services.cancellation_cleanup.cancelling_timeout_seconds
    found = await tools.store.scan(stale_cancellations(now - timedelta(seconds=seconds), MOST))
    message = f"The cancellation timed out: nobody confirmed within {seconds:g} seconds that the run has ended."
    for run_id in found.ids:
        state = StateCreate(type=StateType.CANCELLED, message=message)
        await settle(tools, run_id, state, now, force=True)
    return len(found.ids)
