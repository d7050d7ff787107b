"""Upgrades: brings after what becomes due in a pool that its deployment has left, so that nothing waits there for ever.

A run may be on its way while its deployment moves, and runs of before come back: by a retry, because their worker was
lost, or because somebody resumes them. Nobody may be left in the old pool who would take them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from penstock.server.announce import wake
from penstock.server.loops.loop import Report, Tools
from penstock.store.upgrades import gather, left_behind

SECONDS = 5.0
AHEAD = timedelta(minutes=2)
"""How long before their time runs are brought after: what agents prefetch must not be there any more."""
MOST = 100


async def gather_runs(tools: Tools, now: datetime) -> Report:
    """Moves the runs that wait where their deployment is no more, and wakes those who may take them."""
    found = await tools.store.scan(left_behind(now + AHEAD, MOST))
    moved = 0
    for deployment_id in found:
        runs, pool_id = await tools.store.write(gather(deployment_id, now))
        moved += runs
        if runs:
            wake(tools.hub, pool_id, deployment_id)
    return Report(moved, again_in=0.0 if moved and len(found) == MOST else None)
