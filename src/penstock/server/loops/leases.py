"""Leases: a run whose holder fell silent is taken back, and slots of lapsed leases are forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta

from penstock.ids import new_id
from penstock.server.announce import announce
from penstock.server.loops.loop import Report, Tools
from penstock.store.limits import forget_lapsed_leases
from penstock.store.overdue import Found, lapsed_leases, rescue_run

MOST = 500
COME_BACK = timedelta(seconds=45)
"""How long holders have to renew what ran out while no server was there."""
BREAK = timedelta(seconds=30)
SECONDS = 5.0
"""Seconds between passes; a lease that ends sooner is looked at in its time."""


class LeaseRescue:
    """The service; it knows since when it has been looking without a break.

    A lease that ran out while no server was there could not be renewed, though its holder may be well. So after a
    start, and after a pause of the whole machine, holders have a while to come back.
    """

    def __init__(self) -> None:
        self._up_since: datetime | None = None
        self._passed_at: datetime | None = None

    async def run_once(self, tools: Tools, now: datetime) -> Report:
        """One pass."""
        if self._passed_at is None or now - self._passed_at > BREAK:
            self._up_since = now
        self._passed_at = now
        up_since = self._up_since if self._up_since and now - self._up_since < COME_BACK else None
        return await take_back(tools, now, up_since)


async def take_back(tools: Tools, now: datetime, up_since: datetime | None = None) -> Report:
    """Rescues what is lapsed by now, and since `up_since` if that is given; comes back when the next lease ends."""
    found = await tools.store.scan(lapsed_leases(now, MOST, up_since))
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
