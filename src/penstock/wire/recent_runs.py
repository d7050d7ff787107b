"""What Penstock adds for lists of flows and deployments: the last runs of each, or the next, in one answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import field

from penstock.wire.endpoint import post
from penstock.wire.model import Model
from penstock.wire.states import StateType


class RecentQuery(Model):
    """At most `limit` runs of each flow or deployment that began, or were due, from one moment to another.

    The newest of them; with `ahead` the soonest, of those that are scheduled.
    """

    of: Literal["flow", "deployment"]
    after: datetime
    before: datetime
    ids: list[UUID] = field(default_factory=list)
    limit: int = 12
    ahead: bool = False


class RecentRun(Model):
    """A run in short, and whose it is: `of` is the id of the flow or deployment that was asked for."""

    of: UUID
    id: UUID
    name: str
    state_type: StateType | None = None
    state_name: str | None = None
    start_time: datetime | None = None
    expected_start_time: datetime | None = None


list_recent_runs = post("/penstock/flow_runs/recent", body=RecentQuery, returns=list[RecentRun])
