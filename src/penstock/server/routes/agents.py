"""Agents that name themselves when they poll, as those of Prefect before 2.20 do: they are listed like workers."""

from __future__ import annotations

from uuid import UUID

from penstock.ids import new_id
from penstock.server.bind import Request
from penstock.server.routes.pool_workers import MOST_REMEMBERED
from penstock.store import workers as store

POLL_SECONDS = 15
"""How often such an agent polls where nobody has set it otherwise."""
_last_noted: dict[tuple[UUID, UUID], float] = {}


async def note_agent(at: Request, pool_id: UUID, agent_id: UUID) -> None:
    """Notes that an agent has polled a queue of a pool: its sign of life, since it gives no other."""
    key, moment = (pool_id, agent_id), at.now.timestamp()
    if moment - _last_noted.get(key, 0.0) < POLL_SECONDS / 3:
        return
    if len(_last_noted) >= MOST_REMEMBERED:
        _last_noted.clear()
    _last_noted[key] = moment
    name = f"Agent {agent_id}"
    await at.store.write(store.heartbeat(new_id(), pool_id, name, POLL_SECONDS, at.now))
    await at.store.write(store.mark_polled(pool_id, name, at.now))
