"""What Penstock adds for telling what goes wrong: failed and crashed runs, grouped by whose they are."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from penstock.wire.endpoint import post
from penstock.wire.model import Criteria, Model
from penstock.wire.recent_runs import RecentRun


class Failures(Model):
    """The failures of a deployment, or of a flow's runs without one, in the time that the search came through.

    Some of the newest were read: `reason` is the first line that most of those have, `last` the newest; nothing where
    none of them was among those that were read.
    """

    flow_id: UUID
    deployment_id: UUID | None
    failed: int
    crashed: int
    last_at: datetime
    read: int = 0
    reason: str = ""
    of_reason: int = 0
    """How many of those that were read say so."""
    last: RecentRun | None = None

    @property
    def runs(self) -> int:
        """How many there are."""
        return self.failed + self.crashed


class FailuresFound(Model):
    """Groups, the most runs first, and how far the search came: None when it looked at all, else a moment."""

    groups: list[Failures]
    reached: datetime | None = None


group_failures = post("/penstock/flow_runs/failures", body=Criteria, returns=FailuresFound)
