"""What the pages tell of concurrency limits: what each limits, and who holds its slots."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.core.limits import DEPLOYMENT_PREFIX, TAG_PREFIX
from penstock.wire import deployments, limits
from penstock.wire.limits import GlobalLimitSummary, HolderQuery, SlotHolder
from penstock.wire.model import Criteria

MOST_HOLDERS = 200


@dataclass(frozen=True, slots=True)
class LimitGlance:
    """A limit with who holds it. `kind` is `named`, `tag` or `deployment`; `title` what people call it."""

    limit: GlobalLimitSummary
    kind: str
    title: str
    holders: list[SlotHolder] = field(default_factory=list)
    deployment_id: UUID | None = None

    @property
    def is_rate(self) -> bool:
        """Whether slots free themselves with time."""
        return self.limit.slot_decay_per_second > 0

    @property
    def leased(self) -> int:
        """Slots whose holder is known."""
        return sum(one.slots for one in self.holders)

    @property
    def without_lease(self) -> int:
        """Slots that were taken by who asked for no lease."""
        return 0 if self.is_rate else max(self.limit.active_slots - self.leased, 0)

    @property
    def share(self) -> int:
        """How full it is, in hundredths."""
        return min(100, round(100 * self.limit.active_slots / self.limit.limit)) if self.limit.limit else 100

    @property
    def word(self) -> str:
        """How it is: `off`, `full`, `used` or `free`."""
        if not self.limit.active:
            return "off"
        if self.limit.active_slots >= self.limit.limit:
            return "full"
        return "used" if self.limit.active_slots else "free"


async def glances(api: AsyncClient, found: Sequence[GlobalLimitSummary]) -> list[LimitGlance]:
    """Limits with their holders and the names of their deployments."""
    ids = [one.id for one in found]
    holders, names = await asyncio.gather(_holders(api, ids), _deployment_names(api, found))
    return [_glance(one, [held for held in holders if held.limit_id == one.id], names) for one in found]


def _glance(one: GlobalLimitSummary, holders: list[SlotHolder], names: dict[str, str]) -> LimitGlance:
    if one.name.startswith(TAG_PREFIX):
        return LimitGlance(one, "tag", one.name.removeprefix(TAG_PREFIX), holders)
    if (id := _deployment_id(one)) is not None:
        return LimitGlance(one, "deployment", names.get(str(id), "a deleted deployment"), holders, id)
    return LimitGlance(one, "named", one.name, holders)


async def _holders(api: AsyncClient, ids: list[UUID]) -> list[SlotHolder]:
    return await api.call(limits.list_holders, HolderQuery(limit_ids=ids, limit=MOST_HOLDERS)) if ids else []


async def _deployment_names(api: AsyncClient, found: Sequence[GlobalLimitSummary]) -> dict[str, str]:
    ids = [str(id) for one in found if (id := _deployment_id(one))]
    if not ids:
        return {}
    wanted: dict[str, Any] = {"id": {"any_": ids}}
    named = await api.call(deployments.filter_deployments, Criteria(deployments=wanted, limit=len(ids)))
    return {str(one.id): one.name for one in named}


def _deployment_id(one: GlobalLimitSummary) -> UUID | None:
    if not one.name.startswith(DEPLOYMENT_PREFIX):
        return None
    try:
        return UUID(one.name.removeprefix(DEPLOYMENT_PREFIX))
    except ValueError:
        return None
