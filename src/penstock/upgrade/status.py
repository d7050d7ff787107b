"""How far each deployment is on its way from agents to workers: ready, blocked, upgraded or rolled back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from penstock.core.upgrade_plans import DeploymentUpgrade, UpgradePlan, UpgradeState

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


def statuses(plan: UpgradePlan) -> list[tuple[DeploymentUpgrade, Status]]:
    """Each deployment that agents have or had to do with: its plan and its status."""
    return [(one, status_of(one)) for one in plan.deployments if one.state is not UpgradeState.NOT_OF_AGENTS]


def status_of(one: DeploymentUpgrade) -> Status:
    """The status of a deployment by its plan and the newest thing that an upgrade did to it."""
    deployment, recorded = one.old.deployment, one.old.recorded
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
