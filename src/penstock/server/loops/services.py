"""Which services this server runs, by its settings."""

from __future__ import annotations

from penstock.server.broadcast import COLLISIONS, SCHEDULES
from penstock.server.loops.cancellation import CancellationCleanup
from penstock.server.loops.collisions import SECONDS as COLLISION_SECONDS
from penstock.server.loops.collisions import cancel_new
from penstock.server.loops.foreman import mark_silent
from penstock.server.loops.late import mark_late
from penstock.server.loops.leases import SECONDS, LeaseRescue
from penstock.server.loops.loop import Service
from penstock.server.loops.pauses import fail_expired
from penstock.server.loops.retention import forget
from penstock.server.loops.schedule import plan_runs
from penstock.server.loops.tallies import SECONDS as TALLY_SECONDS
from penstock.server.loops.tallies import Tallying
from penstock.server.loops.upgrades import SECONDS as UPGRADE_SECONDS
from penstock.server.loops.upgrades import gather_runs
from penstock.settings import Settings


def services(settings: Settings) -> list[Service]:
    """The enabled services."""
    asked = settings.server.services
    every = [
        (asked.scheduler.enabled, Service("schedule", asked.scheduler.loop_seconds, plan_runs, SCHEDULES)),
        (True, Service("collisions", COLLISION_SECONDS, cancel_new, COLLISIONS)),
        (True, Service("upgrades", UPGRADE_SECONDS, gather_runs)),
        (asked.late_runs.enabled, Service("late", asked.late_runs.loop_seconds, mark_late)),
        (asked.pause_expirations.enabled, Service("pauses", asked.pause_expirations.loop_seconds, fail_expired)),
        (
            asked.repossessor.enabled,
            Service("leases", min(SECONDS, asked.repossessor.loop_seconds), LeaseRescue().run_once),
        ),
        (asked.foreman.enabled, Service("foreman", asked.foreman.loop_seconds, mark_silent)),
        (True, Service("tallies", TALLY_SECONDS, Tallying().run_once)),
        (bool(asked.db_vacuum.enabled), Service("retention", asked.db_vacuum.loop_seconds, forget)),
        (
            asked.cancellation_cleanup.enabled,
            Service("cancellation", asked.cancellation_cleanup.loop_seconds, CancellationCleanup().run_once),
        ),
    ]
    return [service for enabled, service in every if enabled]
