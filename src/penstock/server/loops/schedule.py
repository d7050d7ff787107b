"""Schedule: turns the active schedules of deployments into runs ahead of their time."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from penstock.errors import ScheduleInvalid
from penstock.ids import new_id
from penstock.server.announce import wake
from penstock.server.broadcast import COLLISIONS
from penstock.server.loops.loop import Report, Tools
from penstock.settings import Settings
from penstock.store.deployments import cancels_new
from penstock.store.overdue import pool_of_queue
from penstock.store.planned_runs import Horizon, deployments_to_schedule, plan
from penstock.wire.deployments import Deployment

_log = logging.getLogger("penstock.server.loops")


async def plan_runs(tools: Tools, now: datetime) -> Report:
    """Plans for every deployment, a page at a time, each in its own short transaction.

    Planning twice is harmless, so any number of replicas may. A schedule that can't be reckoned spoils
    the plan of its own deployment only.
    """
    asked, horizon = tools.settings.server.services.scheduler, horizon_of(tools.settings)
    made = 0
    after: UUID | None = None
    while page := await tools.store.scan(deployments_to_schedule(after, asked.deployment_batch_size)):
        for deployment in page:
            made += await _plan(tools, deployment, horizon, now)
        after = page[-1].id
    return Report(made)


def horizon_of(settings: Settings) -> Horizon:
    """How far ahead the settings have runs planned."""
    asked = settings.server.services.scheduler
    return Horizon(
        asked.min_runs,
        timedelta(seconds=asked.min_scheduled_time),
        asked.max_runs,
        timedelta(seconds=asked.max_scheduled_time),
    )


async def _plan(tools: Tools, deployment: Deployment, horizon: Horizon, now: datetime) -> int:
    """Plans one deployment's runs; claims that wait look again, for one of them may be the next."""
    try:
        made = await tools.store.write(plan(deployment, horizon, now, new_id))
    except ScheduleInvalid as error:
        _log.error("a schedule can't be reckoned", extra={"deployment": deployment.name, "reason": str(error)})
        return 0
    if made:
        queue = deployment.work_queue_id
        if cancels_new(deployment):
            tools.hub.wake(COLLISIONS)
        wake(tools.hub, await tools.store.read(pool_of_queue(queue)) if queue else None, deployment.id)
    return made
