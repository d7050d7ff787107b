"""What lists show of each flow or deployment: how its last runs went, and when the next one is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.wire.recent_runs import RecentQuery, RecentRun, list_recent_runs

LAST = 12
"""Runs that a list shows of each, as dots."""
WEEK, YEAR = timedelta(days=7), timedelta(days=365)
Owner = Literal["flow", "deployment"]


async def last_of(api: AsyncClient, owner: Owner, ids: Sequence[UUID], now: datetime) -> Mapping[UUID, list[RecentRun]]:
    """The last runs of each that were due in the past week, oldest first."""
    wanted = RecentQuery(of=owner, ids=list(ids), after=now - WEEK, before=now, limit=LAST)
    return _by_owner((await api.call(list_recent_runs, wanted))[::-1])


async def next_of(api: AsyncClient, owner: Owner, ids: Sequence[UUID], now: datetime) -> Mapping[UUID, RecentRun]:
    """The run of each that is scheduled next; nothing of those that have none."""
    wanted = RecentQuery(of=owner, ids=list(ids), after=now, before=now + YEAR, limit=1, ahead=True)
    return {run.of: run for run in await api.call(list_recent_runs, wanted)}


def _by_owner(runs: Sequence[RecentRun]) -> Mapping[UUID, list[RecentRun]]:
    found: defaultdict[UUID, list[RecentRun]] = defaultdict(list)
    for run in runs:
        found[run.of].append(run)
    return found
