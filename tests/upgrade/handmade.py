"""Deployments of agents on a server, and plans for them that are made by hand."""

from __future__ import annotations

import contextlib
from typing import Any

from msgspec.structs import replace

from penstock.client.client import AsyncClient
from penstock.core.infrastructure_blocks import Remark, Severity
from penstock.core.upgrade_plans import (
    DeploymentUpgrade,
    OldDeployment,
    PoolPlan,
    QueuePlan,
    UpgradePlan,
    UpgradeState,
    standing_of,
)
from penstock.errors import Conflict
from penstock.wire import deployments, flows, work_pools
from penstock.wire.deployments import Deployment, DeploymentCreate
from penstock.wire.flows import FlowCreate
from penstock.wire.work_pools import WorkPoolCreate

TEMPLATE = {
    "job_configuration": {"env": "{{ env }}"},
    "variables": {"type": "object", "properties": {"env": {"type": "object"}}},
}
REMARK = Remark("C05", Severity.WARNING, "path", "The code is not copied any more.", "Nothing.")
OLD_POOL = "agents"


async def deployed(client: AsyncClient, count: int = 3) -> list[Deployment]:
    """Some deployments in an agent pool."""
    with contextlib.suppress(Conflict):
        await client.call(work_pools.create_work_pool, WorkPoolCreate(name=OLD_POOL, type="prefect-agent"))
    flow = await client.call(flows.create_flow, FlowCreate(name="etl"))
    made = []
    for number in range(count):
        body = DeploymentCreate(
            name=f"d{number}",
            flow_id=flow.id,
            work_pool_name=OLD_POOL,
            work_queue_name="q",
            entrypoint="flow.py:etl",
            path="/srv",
        )
        made.append(await client.call(deployments.create_deployment, body))
    return made


def pool_plan(name: str = "workers", **values: Any) -> PoolPlan:
    """A pool with one queue."""
    queues = (QueuePlan(name="q", concurrency_limit=2, priority=1, is_paused=False),)
    return PoolPlan(**{"name": name, "type": "process", "template": TEMPLATE, "queues": queues, **values})


def planned(deployment: Deployment, pool: PoolPlan | None = None, **values: Any) -> DeploymentUpgrade:
    """A deployment's way into a pool."""
    pool = pool or pool_plan()
    after = replace(
        standing_of(deployment), work_pool_name=pool.name, work_queue_name="q", job_variables={"env": {"A": "1"}}
    )
    given = {"state": UpgradeState.READY, "after": after, "pool": pool, "remarks": (REMARK,), **values}
    return DeploymentUpgrade(old=OldDeployment(flow_name="etl", deployment=deployment), **given)


def plan_of(*upgrades: DeploymentUpgrade) -> UpgradePlan:
    return UpgradePlan(tuple(upgrades))
