"""Many deployments in one request: each is one transaction of the server's, and what is wrong with one stops no other.

Those that were busy are asked for again, each by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.errors import Conflict, PenstockError
from penstock.upgrade.busy import patiently
from penstock.upgrade.outcomes import Did, Outcome, Part, as_they_end
from penstock.wire.upgrades import Upgrade, UpgradeOutcome

T = TypeVar("T")

MANY = 20
"""Deployments of one request, ..."""
MANY_AT_ONCE = 2
"""... of which so many are on their way: the server carries out several of each at once."""
ALONE_AT_ONCE = 8
"""Busy deployments that are asked for at once, each by itself."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A deployment, as commands name it, and the request for it alone."""

    name: str
    id: UUID
    alone: Callable[[], Awaitable[Upgrade]]


@dataclass(frozen=True, slots=True)
class Way:
    """How all of them are asked for: what is told of those that moved, and for how long busy ones are waited for."""

    client: AsyncClient
    did: Did
    patience: float
    together: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MANY_AT_ONCE))
    alone: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ALONE_AT_ONCE))


def parts(of: Sequence[T]) -> Iterator[Sequence[T]]:
    """Pieces of as many as one request may have."""
    for start in range(0, len(of), MANY):
        yield of[start : start + MANY]


async def ask_for(
    way: Way, wanted: Sequence[Asked], ask: Callable[[], Awaitable[list[UpgradeOutcome]]]
) -> AsyncIterator[Outcome]:
    """What became of each that is wanted, where `ask` is the request for all of them."""
    named = {one.id: one for one in wanted}
    try:
        async with way.together:
            answered = await ask()
    except PenstockError as error:
        for one in wanted:
            yield Outcome(Part.DEPLOYMENT, one.name, Did.FAILED, error.message)
        return
    for each in answered:
        if each.upgrade is not None:
            yield _moved(way, named[each.deployment_id], each.upgrade)
        elif each.status != Conflict.status:
            yield Outcome(Part.DEPLOYMENT, named[each.deployment_id].name, Did.FAILED, each.fault)
    busy = [named[each.deployment_id] for each in answered if each.status == Conflict.status]
    async for outcome in as_they_end([partial(_ask_alone, way, one) for one in busy]):
        yield outcome


async def _ask_alone(way: Way, one: Asked) -> Outcome:
    try:
        async with way.alone:
            made = await patiently(way.client, one.id, one.alone, way.patience)
    except PenstockError as error:
        return Outcome(Part.DEPLOYMENT, one.name, Did.FAILED, error.message)
    return _moved(way, one, made)


def _moved(way: Way, one: Asked, made: Upgrade) -> Outcome:
    return Outcome(Part.DEPLOYMENT, one.name, way.did, moved_runs=made.moved_runs)
