"""Asking again while runs of a deployment are claimed and have not begun: that is over in moments, mostly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.errors import Conflict
from penstock.wire import flow_runs
from penstock.wire.model import Criteria
from penstock.wire.upgrades import Upgrade

PATIENCE = 30.0
"""Seconds for which a busy deployment is asked for again."""
AGAIN_IN = 0.5


async def patiently(
    client: AsyncClient, deployment_id: UUID, ask: Callable[[], Awaitable[Upgrade]], patience: float
) -> Upgrade:
    """What is asked for, once no run of the deployment is claimed and has not begun.

    Raises `Conflict` when that takes longer than `patience` seconds, or when something else is in the way.
    """
    until = time.monotonic() + patience
    was_busy = True
    while True:
        try:
            return await ask()
        except Conflict:
            is_busy = await _claimed(client, deployment_id) > 0
            if time.monotonic() >= until or not (is_busy or was_busy):
                raise
            was_busy = is_busy
        await asyncio.sleep(AGAIN_IN if was_busy else 0)


async def _claimed(client: AsyncClient, deployment_id: UUID) -> int:
    criteria = Criteria(
        deployments={"id": {"any_": [str(deployment_id)]}}, flow_runs={"state": {"type": {"any_": ["PENDING"]}}}
    )
    return await client.call(flow_runs.count_flow_runs, criteria)
