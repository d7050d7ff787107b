"""Leases: a run whose holder fell silent is taken back, and slots of lapsed leases are forgotten."""

from __future__ import annotations

from datetime import datetime

from penstock.ids import new_id
from penstock.server.announce import announce
from penstock.server.loops.loop import Report, Tools
from penstock.store.limits import forget_lapsed_leases
from penstock.store.overdue import Found, lapsed_leases, rescue_run

MOST = 500
SECONDS = 5.0
"""Seconds between passes; a lease that ends sooner is looked at in its time."""


async def take_back(tools: Tools, now: datetime) -> Report:
    """Rescues what is lapsed by now; comes back when the next lease ends."""
    found = await tools.store.scan(lapsed_leases(now, MOST))
    for run_id in found.ids:
        outcome = await tools.store.write(rescue_run(run_id, now, new_id(), tools.store.dialect))
        if outcome is not None:
            announce(tools.hub, outcome)
    slots = await tools.store.write(forget_lapsed_leases(now))
    return Report(len(found.ids) + slots, _again_in(found, now))


def _again_in(found: Found, now: datetime) -> float | None:
    """At once where there may be more; what is lapsed and left to other hosts for now is looked at every second."""
    if found.ids or found.next_at is None:
        return 0.0 if found.ids else None
    return (found.next_at - now).total_seconds() + 0.01 if found.next_at > now else 1.0
