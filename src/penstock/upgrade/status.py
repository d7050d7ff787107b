"""How far each deployment is on its way from agents to workers: ready, blocked, upgraded or rolled back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from penstock.client.client import Client
from penstock.core.upgrade_plans import DeploymentUpgrade, UpgradePlan, UpgradeState
from penstock.errors import NotFound
from penstock.wire import upgrades
from penstock.wire.upgrades import Upgrade, UpgradesOf

AT_ONCE = 200
ROLLED_BACK = "rolled back"
"""What a deployment is that is ready, and was upgraded before."""


@dataclass(frozen=True, slots=True)
class Status:
    """Where one deployment is."""

    name: str
    status: str
    work_pool: str | None
    work_queue: str | None
    since: datetime | None
    codes: list[str]
    """The codes of what keeps it, or of what is different for it."""


def statuses(client: Client, plan: UpgradePlan) -> list[tuple[DeploymentUpgrade, Upgrade | None, Status]]:
    """Each deployment that agents have or had to do with: its plan, its newest upgrade if there is one, its status."""
    listed = [one for one in plan.deployments if one.state is not UpgradeState.NOT_OF_AGENTS]
    known = newest_upgrades(client, [one.old.deployment.id for one in listed])
    pairs = [(one, known.get(one.old.deployment.id)) for one in listed]
    return [(one, recorded, status_of(one, recorded)) for one, recorded in pairs]


def newest_upgrades(client: Client, ids: list[UUID]) -> Mapping[UUID, Upgrade]:
    """The newest upgrade of each, those that were taken back too; a Prefect server keeps none."""
    found: dict[UUID, Upgrade] = {}
    for start in range(0, len(ids), AT_ONCE):
        try:
            some = client.call(upgrades.list_upgrades, UpgradesOf(deployment_ids=ids[start : start + AT_ONCE]))
        except NotFound:
            return {}
        found |= {one.deployment_id: one for one in some}
    return found


def status_of(one: DeploymentUpgrade, recorded: Upgrade | None) -> Status:
    """The status of a deployment by its plan and the newest thing that an upgrade did to it."""
    deployment = one.old.deployment
    is_back = recorded is not None and one.state is not UpgradeState.UPGRADED
    word = ROLLED_BACK if is_back and one.state is UpgradeState.READY else one.state.value
    kept = recorded.remarks if recorded is not None and not is_back else []
    codes: Iterable[str] = [each.code for each in one.faults or one.remarks] or [each.code for each in kept]
    return Status(
        name=one.old.full_name,
        status=word,
        work_pool=deployment.work_pool_name,
        work_queue=deployment.work_queue_name,
        since=recorded.updated if recorded is not None else None,
        codes=sorted(set(codes)),
    )
