"""Retention: events, old versions of deployments, and where asked runs are forgotten, a batch at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from penstock.server.loops.loop import Report, Tools
from penstock.settings.server import DbVacuum
from penstock.store.deployment_versions import crowded
from penstock.store.deployment_versions import forget as forget_versions
from penstock.store.flow_runs import delete
from penstock.store.retention import ended_runs, forget_events

PAUSE = 0.05
"""Seconds between batches, in which requests come first."""
EVENTS_AT_ONCE = 1_000
VERSIONS_KEPT = 100
"""Of each deployment, beside those that unfinished runs are pinned to."""
VERSIONS_AT_ONCE = 200
DEPLOYMENTS_AT_ONCE = 200


async def forget(tools: Tools, now: datetime) -> Report:
    """Forgets one batch of each; comes back at once while there is more."""
    server = tools.settings.server
    wanted = server.services.db_vacuum
    forgotten, more = 0, False
    if _asked(wanted, "events"):
        every: tuple[str | None, float] = (None, server.events.retention_period)
        for event, seconds in [every, *wanted.event_retention_overrides.items()]:
            if event is None or seconds < server.events.retention_period:
                count = await tools.store.write(forget_events(now - timedelta(seconds=seconds), EVENTS_AT_ONCE, event))
                forgotten, more = forgotten + count, more or count == EVENTS_AT_ONCE
    if _asked(wanted, "flow_runs"):
        before = now - timedelta(seconds=wanted.retention_period)
        ids = await tools.store.scan(ended_runs(before, wanted.batch_size))
        for run_id in ids:
            await tools.store.write(delete(run_id))
        forgotten, more = forgotten + len(ids), more or len(ids) == wanted.batch_size
    versions = await _forget_versions(tools)
    forgotten, more = forgotten + versions, more or versions > 0
    return Report(forgotten, again_in=PAUSE if more else None)


async def _forget_versions(tools: Tools) -> int:
    """Versions that no run will be carried out with any more, and that are too many to look back on."""
    forgotten = 0
    for id, newest, pinned in await tools.store.scan(crowded(VERSIONS_KEPT, DEPLOYMENTS_AT_ONCE)):
        intent = forget_versions(id, newest - VERSIONS_KEPT, pinned, VERSIONS_AT_ONCE)
        forgotten += await tools.store.write(intent)
    return forgotten


def _asked(wanted: DbVacuum, what: str) -> bool:
    return wanted.enabled is True or (isinstance(wanted.enabled, tuple) and what in wanted.enabled)
