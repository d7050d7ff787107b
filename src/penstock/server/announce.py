"""Tells who waits that a run has a new state."""

from __future__ import annotations

from penstock.server.broadcast import Broadcast
from penstock.store.flow_run_states import Outcome
from penstock.wire.states import StateType


def announce(hub: Broadcast, outcome: Outcome) -> None:
    """Shows the event of a written state, and wakes the claims of a pool that may take the run, or another one now."""
    if outcome.event is None:
        return
    hub.publish_events([outcome.event])
    state, pool = outcome.run.state_type, outcome.around.pool_id
    if pool is not None and state not in (StateType.PENDING, StateType.RUNNING):
        hub.wake(pool)
