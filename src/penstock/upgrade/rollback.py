"""Taking upgrades back: each deployment returns to where its upgrade found it, in one transaction of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.errors import PenstockError
from penstock.upgrade.apply import AT_ONCE, check_server, gated
from penstock.upgrade.busy import PATIENCE, patiently
from penstock.upgrade.outcomes import Did, Outcome, Part, as_they_end
from penstock.wire import upgrades
from penstock.wire.upgrades import RollbackRequest


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A deployment that is to go back, as commands name it."""

    full_name: str
    id: UUID


async def roll_back(
    client: AsyncClient, wanted: Sequence[Upgraded], *, patience: float = PATIENCE, force: bool = False
) -> AsyncIterator[Outcome]:
    """Takes upgrades back and tells of each as soon as it is done; what fails, fails alone.

    Raises `DeployFailed` for a server that keeps no upgrades.
    """
    await check_server(client)
    gate = asyncio.Semaphore(AT_ONCE)
    works = [gated(gate, partial(_back, client, one, patience, RollbackRequest(force=force))) for one in wanted]
    async for outcome in as_they_end(works):
        yield outcome


async def _back(client: AsyncClient, one: Upgraded, patience: float, body: RollbackRequest) -> Outcome:
    ask = partial(client.call, upgrades.roll_back_upgrade, body, id=one.id)
    try:
        made = await patiently(client, one.id, ask, patience)
    except PenstockError as error:
        return Outcome(Part.DEPLOYMENT, one.full_name, Did.FAILED, error.message)
    return Outcome(Part.DEPLOYMENT, one.full_name, Did.ROLLED_BACK, moved_runs=made.moved_runs)
