"""What an upgrade from agents to workers is made of: what there is, and what will be, before anything is written.

Read by `upgrade`, worked out by pure functions of `core`, shown by the command line and the dashboard, written by
`upgrade` again. One deployment is upgraded at a time; the pools and blocks that several of them need are planned once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from penstock.core.infrastructure_blocks import InfrastructureBlock, Remark, Severity
from penstock.core.pool_types import AGENT_TYPE
from penstock.wire.automations import Automation
from penstock.wire.blocks import BlockDocument
from penstock.wire.deployments import Deployment
from penstock.wire.upgrades import Standing, Upgrade, UpgradeStatus
from penstock.wire.work_pools import WorkPool
from penstock.wire.work_queues import WorkQueue


class UpgradeState(StrEnum):
    """Where a deployment is on its way from agents to workers."""

    READY = "ready"
    BLOCKED = "blocked"
    UPGRADED = "upgraded"
    NOT_OF_AGENTS = "not of agents"


@dataclass(frozen=True, slots=True, kw_only=True)
class OldDeployment:
    """A deployment as it is found: on a server, or in a `deployment.yaml`, whose line is its `place`."""

    flow_name: str
    deployment: Deployment
    block: InfrastructureBlock | None = None
    storage: BlockDocument | None = None
    """Its secrets are hidden: what is made of it refers to it."""
    pool: WorkPool | None = None
    queue: WorkQueue | None = None
    automations: tuple[Automation, ...] = ()
    """Those that name it, its pool or its queue."""
    waiting: int = 0
    """Runs made by hand that have not begun; they go along."""
    unfinished: int = 0
    """Runs that are claimed or running; they end where they are."""
    recorded: Upgrade | None = None
    """The newest thing that an upgrade did to it, a rollback too."""
    place: str | None = None

    @property
    def full_name(self) -> str:
        """As commands name it: `flow/deployment`."""
        return f"{self.flow_name}/{self.deployment.name}"

    @property
    def is_upgraded(self) -> bool:
        """Whether the newest thing that an upgrade did to it was to upgrade it, and nobody gave it back to agents."""
        done = self.recorded is not None and self.recorded.status is UpgradeStatus.UPGRADED
        return done and not is_of_agents(self.deployment, self.pool)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlan:
    """A queue of the new pool, with what its counterpart has."""

    name: str
    concurrency_limit: int | None = None
    priority: int | None = None
    is_paused: bool = False
    description: str | None = None
    exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPlan:
    """The pool that stands for an infrastructure block (and for the agent pool that its deployments were in)."""

    name: str
    type: str
    template: Mapping[str, Any]
    blocks: tuple[str, ...] = ()
    """The blocks that it stands for, as `type/name`."""
    concurrency_limit: int | None = None
    is_paused: bool = False
    description: str | None = None
    queues: tuple[QueuePlan, ...] = ()
    exists: bool = False
    """Whether there is such a pool with this very template: then only queues may be missing."""
    remarks: tuple[Remark, ...] = ()
    """What is true of all its deployments; each has it among its own, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBlock:
    """A block that pull steps refer to, made of fields of an old one.

    `data` has plain values, and for each secret the field of the old block that holds it, as `Taken`.
    """

    type_slug: str
    name: str
    data: Mapping[str, Any]
    exists: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """The value of a field of another block; read only when it is written."""

    block_document_id: UUID
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentUpgrade:
    """One deployment's way: to which pool, by which settings, and what there is to say about it."""

    old: OldDeployment
    state: UpgradeState
    after: Standing | None = None
    """None when there is nothing to do, or no way to do it."""
    pool: PoolPlan | None = None
    blocks: tuple[NewBlock, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def faults(self) -> tuple[Remark, ...]:
        """What keeps it from being upgraded."""
        return tuple(one for one in self.remarks if one.severity is Severity.ERROR)


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """The whole plan, in the order of the deployments' names."""

    deployments: tuple[DeploymentUpgrade, ...] = ()
    notes: tuple[Remark, ...] = ()
    """What is about no deployment: legacy tag queues, agents that match by prefix."""

    @property
    def pools(self) -> list[PoolPlan]:
        """Each pool once, in the order in which they are needed."""
        return _each_once(one.pool for one in self.deployments if one.pool is not None)

    @property
    def blocks(self) -> list[NewBlock]:
        """Each block to be made, once."""
        found = {(one.type_slug, one.name): one for each in self.deployments for one in each.blocks}
        return list(found.values())

    def of(self, state: UpgradeState) -> list[DeploymentUpgrade]:
        """The deployments in a state."""
        return [one for one in self.deployments if one.state is state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """What there is on the server that a plan may find and use, or has to keep clear of."""

    pools: Mapping[str, WorkPool] = field(default_factory=dict)
    queues: Mapping[tuple[str, str], WorkQueue] = field(default_factory=dict)
    """By the names of pool and queue."""
    blocks: Mapping[tuple[str, str], BlockDocument] = field(default_factory=dict)
    """Those of the types that pull steps refer to, by type and name."""


def is_of_agents(deployment: Deployment, pool: WorkPool | None) -> bool:
    """Whether agents take the runs of a deployment that is in a pool, or in none."""
    return pool.type == AGENT_TYPE if pool else deployment.infrastructure_document_id is not None


def standing_of(deployment: Deployment) -> Standing:
    """All that an upgrade changes, as it is."""
    return Standing(
        work_pool_name=deployment.work_pool_name,
        work_queue_name=deployment.work_queue_name,
        job_variables=deployment.job_variables,
        pull_steps=deployment.pull_steps,
        entrypoint=deployment.entrypoint,
        path=deployment.path,
        storage_document_id=deployment.storage_document_id,
        infrastructure_document_id=deployment.infrastructure_document_id,
    )


def _each_once(pools: Iterable[PoolPlan]) -> list[PoolPlan]:
    return list({one.name: one for one in pools}.values())
