"""Foreman: workers that missed their heartbeats are offline."""

from __future__ import annotations

from datetime import datetime

from penstock.server.loops.loop import Report, Tools
from penstock.store.workers import mark_offline


async def mark_silent(tools: Tools, now: datetime) -> Report:
    """Marks workers; what they make of their pools' status is seen when a pool is read."""
    asked = tools.settings.server.services.foreman
    multiple, fallback = asked.inactivity_heartbeat_multiple, asked.fallback_heartbeat_interval_seconds
    return Report(len(await tools.store.write(mark_offline(multiple, fallback, now))))
