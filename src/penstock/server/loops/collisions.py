"""Collisions: a run that is due while its deployment is full ends at once where it is not to wait.

Prefect acts only when a worker proposes Pending: while no worker has room, such runs pile up and all run later.
"""

from __future__ import annotations

from datetime import datetime

from penstock.server.loops.loop import Report, Tools
from penstock.server.loops.settle import settle
from penstock.store.collisions import colliding
from penstock.wire.states import StateCreate, StateType

MOST = 400
SECONDS = 10.0
"""Seconds between passes. A planned run is looked at when it is due; the topic COLLISIONS brings a pass when a run is
made or made due again, and when one takes a slot."""


async def cancel_new(tools: Tools, now: datetime) -> Report:
    """Cancels what collides; comes back when the next such run is due."""
    found = await tools.store.scan(colliding(now, MOST))
    state = StateCreate(type=StateType.CANCELLED, message="No slot of the deployment's limit is free.")
    for run_id in found.ids:
        await settle(tools, run_id, state, now, force=False)
    if len(found.ids) == MOST:
        return Report(MOST, again_in=0.0)
    return Report(len(found.ids), (found.next_at - now).total_seconds() + 0.01 if found.next_at else None)
