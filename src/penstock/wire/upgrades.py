"""Upgrades of deployments from agents to workers, which Penstock adds to the API.

An upgrade is one change of one deployment: where its runs are carried out, and by which settings. It is written in one
transaction with what was there before, so that it can be undone, and a deployment is never half of each.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import field

from penstock.wire.endpoint import get, post
from penstock.wire.model import Model, Write


class UpgradeStatus(StrEnum):
    """What a recorded upgrade came to."""

    UPGRADED = "upgraded"
    ROLLED_BACK = "rolled-back"


class Standing(Model):
    """Where and by which settings a deployment's runs are carried out: all that an upgrade changes."""

    work_pool_name: str | None = None
    work_queue_name: str | None = None
    job_variables: dict[str, Any] = field(default_factory=dict)
    pull_steps: list[dict[str, Any]] | None = None
    entrypoint: str | None = None
    path: str | None = None
    storage_document_id: UUID | None = None
    infrastructure_document_id: UUID | None = None
    """Kept by an upgrade: runs that an agent has taken still ask for it."""


class UpgradeRemark(Model):
    """What is not the same afterwards: a code of the report, where it shows, a sentence, and the way out."""

    code: str
    severity: str
    place: str
    sentence: str
    way_out: str


class Upgrade(Model):
    """The newest upgrade of a deployment."""

    id: UUID
    deployment_id: UUID
    created: datetime
    updated: datetime
    status: UpgradeStatus
    before: Standing
    after: Standing
    remarks: list[UpgradeRemark] = field(default_factory=list)
    moved_runs: int = 0
    """Runs that were made by hand before and waited: they went along."""


class UpgradeRequest(Write):
    """Moves a deployment.

    `before` is what the plan saw: 409 when the deployment is not that any more. 409 too while runs of it are claimed
    and have not begun, since whoever claimed one still reads the deployment; `force` goes on nevertheless.
    """

    before: Standing
    after: Standing
    remarks: list[UpgradeRemark] = field(default_factory=list)
    force: bool = False


class UpgradeOf(Write):
    """One of many: which deployment, and its upgrade."""

    deployment_id: UUID
    upgrade: UpgradeRequest


class UpgradeMany(Write):
    """Moves up to 200 deployments, each in a transaction of its own: what is wrong with one stops no other."""

    upgrades: list[UpgradeOf]


class RollbackRequest(Write):
    """Moves a deployment back to where its upgrade found it; 409 and `force` as for an upgrade."""

    force: bool = False


class RollbackMany(RollbackRequest, kw_only=True):
    """The same for up to 200 deployments, each in a transaction of its own."""

    deployment_ids: list[UUID]


class UpgradeOutcome(Model):
    """What became of one of many: its upgrade, or what was in the way, with the status that it alone would have got."""

    deployment_id: UUID
    upgrade: Upgrade | None = None
    fault: str | None = None
    status: int = 200


class UpgradesOf(Write):
    """Asks for the newest upgrade of each of up to 200 deployments; those without one are left out."""

    deployment_ids: list[UUID]


upgrade_deployment = post("/penstock/deployments/{id}/upgrade", body=UpgradeRequest, returns=Upgrade)
roll_back_upgrade = post("/penstock/deployments/{id}/upgrade/rollback", body=RollbackRequest, returns=Upgrade)
upgrade_many = post("/penstock/upgrades", body=UpgradeMany, returns=list[UpgradeOutcome])
roll_back_many = post("/penstock/upgrades/rollback", body=RollbackMany, returns=list[UpgradeOutcome])
read_upgrade = get("/penstock/deployments/{id}/upgrade", returns=Upgrade)
list_upgrades = post("/penstock/upgrades/filter", body=UpgradesOf, returns=list[Upgrade])
