"""Hearing of cancellations: from the event feed at once, and by looking, for when the feed missed one."""

from __future__ import annotations

import logging
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.client.streams import events, follow
from penstock.clock import Clock
from penstock.errors import PenstockError
from penstock.settings import Settings
from penstock.wire import flow_runs
from penstock.wire.model import Criteria
from penstock.worker.jobs import Jobs

EVENT = "prefect.flow-run.Cancelling"
RESOURCE = "prefect.flow-run."

log = logging.getLogger("penstock.worker")


async def follow_cancellations(settings: Settings, jobs: Jobs) -> None:
    """Cancels what the feed says, without end; the feed connects again by itself."""
    feed = events(settings, {"event": {"name": [EVENT]}})
    try:
        async for event in follow(feed):
            name = str(event.resource.get("prefect.resource.id", ""))
            if name.startswith(RESOURCE):
                jobs.cancel(UUID(name.removeprefix(RESOURCE)))
    except PenstockError as error:
        log.warning("cancellations are only looked for, not heard of at once: %s", error.message)


async def look_for_cancellations(client: AsyncClient, jobs: Jobs, clock: Clock, every: float) -> None:
    """Asks every so many seconds which of the hosted runs are to be cancelled, without end."""
    while True:
        try:
            await look_once(client, jobs)
        except PenstockError as error:
            log.warning("cancelled runs could not be looked for: %s", error.message)
        await clock.sleep(every)


async def look_once(client: AsyncClient, jobs: Jobs) -> None:
    """Cancels what the server shows as CANCELLING; asks nothing while nothing is hosted."""
    hosted = [str(run_id) for run_id in jobs.hosted]
    if not hosted:
        return
    criteria = Criteria(flow_runs={"id": {"any_": hosted}, "state": {"type": {"any_": ["CANCELLING"]}}})
    for run in await client.call(flow_runs.filter_flow_runs, criteria):
        jobs.cancel(run.id)
