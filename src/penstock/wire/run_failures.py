"""What Penstock adds for telling what goes wrong: failed and crashed runs, grouped by whose they are."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from penstock.wire.endpoint import post
from penstock.wire.model import Criteria, Model
from penstock.wire.recent_runs import RecentRun


class Failures(Model):
    """The failures of a deployment, or of a flow's runs without one; `reason` is the most frequent first line."""

    flow_id: UUID
    deployment_id: UUID | None
    failed: int
    crashed: int
    reason: str
    of_reason: int
    """How many of the runs say so."""
    last: RecentRun


class FailuresFound(Model):
    """Groups, the most runs first, and how far the search came: None when it looked at all, else a moment."""

    groups: list[Failures]
    reached: datetime | None = None


group_failures = post("/penstock/flow_runs/failures", body=Criteria, returns=FailuresFound)
