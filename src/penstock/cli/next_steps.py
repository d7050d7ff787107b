"""What a person does next: the command that makes somebody work on a pool."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from penstock.cli.console import note
from penstock.core.pool_types import AGENT_TYPE
from penstock.core.pool_types import start_command as start_command

if TYPE_CHECKING:
    from penstock.client.client import AsyncClient


def start_sentence(pool: str, kind: str) -> str:
    """How runs of a new pool get started."""
    command = start_command(pool, kind)
    if command is None:
        return "The server starts its runs itself; no worker is needed."
    if kind == AGENT_TYPE:
        return f"Its runs are for an agent, ours or that of Prefect 2. Start one with:\n  {command}"
    return f"Start a worker with:\n  {command}"


async def hint_at_workers(client: AsyncClient, pools: list[str]) -> None:
    """Says of each pool who works on it: runs of a pool that nobody works on would wait without a word."""
    from penstock.errors import PenstockError

    for pool in pools:
        try:
            note(await _who_works(client, pool))
        except PenstockError:
            return


async def _who_works(client: AsyncClient, name: str) -> str:
    from penstock.wire import work_pools, workers
    from penstock.wire.model import Criteria

    pool = await client.call(work_pools.read_work_pool, name=name)
    command = start_command(name, pool.type)
    if pool.is_paused:
        return f"Work pool {name!r} is paused. Go on with:\n  penstock work-pool resume {shlex.quote(name)}"
    if command is None:
        return f"The server starts the runs of {name!r} itself; no worker is needed."
    known = await client.call(workers.filter_workers, Criteria(), work_pool_name=name)
    online = [worker.name for worker in known if worker.status == workers.WorkerStatus.ONLINE]
    if online:
        more = f" and {len(online) - 1} more" if len(online) > 1 else ""
        return f"Worker {online[0]!r}{more} serves {name!r}."
    return f"No worker serves {name!r} now. Start one with:\n  {command}"
