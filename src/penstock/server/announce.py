"""Tells who waits that a run has a new state."""

from __future__ import annotations

from uuid import UUID

from penstock.server.broadcast import COLLISIONS, Broadcast
from penstock.store.flow_run_states import Outcome
from penstock.wire.states import StateType


def served(deployment_id: UUID) -> str:
    """The topic of a deployment's runs without a pool: the process that serves it waits for them."""
    return f"served {deployment_id}"


def wake(hub: Broadcast, pool_id: UUID | str | None, deployment_id: UUID | None) -> None:
    """Wakes the claims that may take a run of this pool, or of a deployment without one."""
    if pool_id is not None:
        hub.wake(pool_id)
    elif deployment_id is not None:
        hub.wake(served(deployment_id))


def announce(hub: Broadcast, outcome: Outcome) -> None:
    """Shows the event of a written state, and wakes the claims that may take the run, or another one now."""
    if outcome.event is None:
        return
    hub.publish_events([outcome.event])
    if outcome.around.cancels_new and outcome.run.state_type in (StateType.SCHEDULED, StateType.PENDING):
        hub.wake(COLLISIONS)
    if outcome.run.state_type not in (StateType.PENDING, StateType.RUNNING):
        wake(hub, outcome.around.pool_id, outcome.run.deployment_id)
