"""What the pages tell of a deployment's configuration: who says each job variable, its blocks, its upgrade."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.core.pool_types import AGENT_TYPE
from penstock.errors import PenstockError
from penstock.wire import blocks, flows, pool_templates, upgrades, work_pools
from penstock.wire import deployments as wire
from penstock.wire.blocks import BlockDocument
from penstock.wire.deployments import Deployment
from penstock.wire.pool_templates import JobPreview, JobQuery
from penstock.wire.upgrades import Upgrade, UpgradesOf
from penstock.wire.work_pools import WorkPool

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Where and by which settings a deployment's runs are carried out; None for what there is not."""

    pool: WorkPool | None
    preview: JobPreview | None
    infrastructure: BlockDocument | None
    storage: BlockDocument | None
    upgrade: Upgrade | None

    @property
    def by_agents(self) -> bool:
        """Whether agents carry them out."""
        return self.pool is not None and self.pool.type == AGENT_TYPE


async def read_named(api: AsyncClient, id: UUID) -> tuple[Deployment, str]:
    """A deployment, and its whole name: its flow's before its own."""
    deployment = await api.call(wire.read_deployment, id=id)
    flow = await api.call(flows.read_flow, id=deployment.flow_id)
    return deployment, f"{flow.name}/{deployment.name}"


async def configuration(api: AsyncClient, deployment: Deployment) -> Configuration:
    """The configuration of a deployment; what can't be had is left out, for the page is whole without it."""
    pool, infrastructure, storage, upgrade = await asyncio.gather(
        _pool(api, deployment.work_pool_name),
        _block(api, deployment.infrastructure_document_id),
        _block(api, deployment.storage_document_id),
        _upgrade(api, deployment.id),
    )
    preview = None
    if pool is not None and pool.base_job_template:
        query = JobQuery(deployment_id=deployment.id)
        preview = await _or_none(api.call(pool_templates.preview_job, query, name=pool.name))
    return Configuration(pool, preview, infrastructure, storage, upgrade)


async def _or_none(call: Awaitable[T]) -> T | None:
    """What is nice to have."""
    try:
        return await call
    except PenstockError:
        return None


async def _pool(api: AsyncClient, name: str | None) -> WorkPool | None:
    if name is None:
        return None
    return await _or_none(api.call(work_pools.read_work_pool, name=name))


async def _block(api: AsyncClient, id: UUID | None) -> BlockDocument | None:
    if id is None:
        return None
    return await _or_none(api.call(blocks.read_block_document, id=id))


async def _upgrade(api: AsyncClient, id: UUID) -> Upgrade | None:
    """The newest of it; a server that knows of none has none."""
    found = await _or_none(api.call(upgrades.list_upgrades, UpgradesOf(deployment_ids=[id])))
    return found[0] if found else None
