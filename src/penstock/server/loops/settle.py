"""Proposing a state on behalf of a service."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from penstock.errors import NotFound
from penstock.ids import new_id
from penstock.server.announce import announce
from penstock.server.loops.loop import Tools
from penstock.store.flow_run_states import Proposal, propose
from penstock.wire.states import StateCreate


async def settle(tools: Tools, run_id: UUID, state: StateCreate, now: datetime, *, force: bool) -> bool:
    """Proposes a state and tells who waits; whether it was written. A run that was deleted meanwhile is let be."""
    try:
        outcome = await propose(tools.store, run_id, Proposal(state, now, new_id(), force=force))
    except NotFound:
        return False
    announce(tools.hub, outcome)
    return outcome.written
