"""Taking upgrades back: each deployment returns to where its upgrade found it, in one transaction of the server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.upgrade.apply import check_server
from penstock.upgrade.busy import PATIENCE
from penstock.upgrade.many import Asked, Way, ask_for, parts
from penstock.upgrade.outcomes import Did, Outcome, merged
from penstock.wire import upgrades
from penstock.wire.upgrades import RollbackMany, RollbackRequest


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
    way = Way(client, Did.ROLLED_BACK, patience)
    async for outcome in merged([_back(way, part, force=force) for part in parts(wanted)]):
        yield outcome


def _back(way: Way, part: Sequence[Upgraded], *, force: bool) -> AsyncIterator[Outcome]:
    alone, call = RollbackRequest(force=force), way.client.call
    wanted = [Asked(one.full_name, one.id, partial(call, upgrades.roll_back_upgrade, alone, id=one.id)) for one in part]
    body = RollbackMany(deployment_ids=[one.id for one in part], force=force)
    return ask_for(way, wanted, partial(call, upgrades.roll_back_many, body))
