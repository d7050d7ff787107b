"""Schedule: turns the active schedules of deployments into runs ahead of their time."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from penstock.errors import ScheduleInvalid
from penstock.ids import new_id
from penstock.server.loops.loop import Report, Tools
from penstock.store.planned_runs import Horizon, deployments_to_schedule, plan

_log = logging.getLogger("penstock.server.loops")


async def plan_runs(tools: Tools, now: datetime) -> Report:
    """Plans for every deployment, a page at a time, each in its own short transaction.

    Planning twice is harmless, so any number of replicas may. A schedule that can't be reckoned spoils
    the plan of its own deployment only.
    """
    asked = tools.settings.server.services.scheduler
    horizon = Horizon(
        asked.min_runs,
        timedelta(seconds=asked.min_scheduled_time),
        asked.max_runs,
        timedelta(seconds=asked.max_scheduled_time),
    )
    made = 0
    after: UUID | None = None
    while page := await tools.store.scan(deployments_to_schedule(after, asked.deployment_batch_size)):
        for deployment in page:
            try:
                made += await tools.store.write(plan(deployment, horizon, now, new_id))
            except ScheduleInvalid as error:
                _log.error("a schedule can't be reckoned", extra={"deployment": deployment.name, "reason": error})
        after = page[-1].id
    return Report(made)
