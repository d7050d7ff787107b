"""Proves an upgrade: the job that agents started for a deployment beside the job that a worker starts for it.

The first is worked out from the block as its own code went by it, the second from the pool's template and the job
variables. For a deployment that is upgraded already, pool and variables are those that the server has now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec.structs import replace as changed

from penstock.core.infrastructure_blocks import Remark, Severity
from penstock.core.infrastructure_jobs import Difference, JobWords, explained, new_job, old_job
from penstock.core.upgrade_planning import old_block
from penstock.core.upgrade_plans import (
    DeploymentUpgrade,
    Existing,
    OldDeployment,
    PoolPlan,
    UpgradePlan,
    UpgradeState,
)
from penstock.core.upgrade_pools import Templates
from penstock.errors import InvalidRequest
from penstock.wire.upgrades import UpgradeRemark
from penstock.wire.work_pools import WorkPool

ANOTHER_SHAPE = (KeyError, TypeError, AttributeError, IndexError)
"""What reading a job raises whose template somebody has written anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What became of comparing the two jobs of a deployment."""

    name: str
    state: UpgradeState
    pool: str | None = None
    before: JobWords = field(default_factory=dict)
    """The job that agents started."""
    after: JobWords = field(default_factory=dict)
    """The job that a worker starts."""
    differences: tuple[Difference, ...] = ()
    failure: str | None = None
    """Why the two can't be compared."""

    @property
    def unexplained(self) -> list[Difference]:
        """The differences that no remark tells of."""
        return [one for one in self.differences if one.explained is None]

    @property
    def is_good(self) -> bool:
        """Whether the jobs are the same, but for what is explained."""
        return self.failure is None and not self.unexplained


def prove(plan: UpgradePlan, there: Existing, templates: Templates) -> Iterator[Proof]:
    """One proof for each deployment of agents, in the plan's order."""
    for one in plan.deployments:
        if one.state is UpgradeState.NOT_OF_AGENTS:
            continue
        if one.state is UpgradeState.BLOCKED:
            yield _failed(one, " ".join(fault.sentence for fault in one.faults))
        elif one.state is UpgradeState.UPGRADED:
            yield _upgraded(one, there, templates)
        elif one.pool and one.after:
            yield _compared(one, one.old, one.pool, one.after.job_variables, one.remarks, templates)


def _upgraded(one: DeploymentUpgrade, there: Existing, templates: Templates) -> Proof:
    recorded, deployment = one.old.recorded, one.old.deployment
    pool = there.pools.get(deployment.work_pool_name or "")
    if pool is None or recorded is None:
        return _failed(one, f"Its work pool {deployment.work_pool_name!r} is not there.")
    before = changed(deployment, job_variables=recorded.before.job_variables)
    remarks = [_remark(each) for each in recorded.remarks]
    old = replace(one.old, deployment=before)
    return _compared(one, old, pool, deployment.job_variables, remarks, templates)


def _compared(
    one: DeploymentUpgrade,
    old: OldDeployment,
    pool: PoolPlan | WorkPool,
    variables: Mapping[str, Any],
    remarks: Any,
    templates: Templates,
) -> Proof:
    template = pool.template if isinstance(pool, PoolPlan) else pool.base_job_template
    try:
        found, kind = old_block(old, pool.type, templates)
    except InvalidRequest as error:
        return _failed(one, error.message)
    try:
        before = old_job(found.changed, kind.pool_type)
        after = new_job(template, kind.pool_type, variables)
    except InvalidRequest as error:
        return _failed(one, f"Agents could not start its jobs: {error.message}")
    except ANOTHER_SHAPE:
        return _failed(one, "The template of its pool has another shape by now, so the jobs can't be compared.")
    return Proof(
        name=one.old.full_name,
        state=one.state,
        pool=_pool_of(one),
        before=before,
        after=after,
        differences=tuple(explained(before, after, remarks)),
    )


def _pool_of(one: DeploymentUpgrade) -> str | None:
    return one.pool.name if one.pool else one.old.deployment.work_pool_name


def _failed(one: DeploymentUpgrade, why: str) -> Proof:
    return Proof(name=one.old.full_name, state=one.state, pool=_pool_of(one), failure=why)


def _remark(one: UpgradeRemark) -> Remark:
    return Remark(one.code, Severity(one.severity), one.place, one.sentence, one.way_out)
