"""Deployments of the agent generation, made in a line each, for tests of what becomes of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from msgspec.structs import replace

from penstock.clock import utc_now
from penstock.core.infrastructure_blocks import InfrastructureBlock
from penstock.core.upgrade_plans import Existing, OldDeployment, standing_of
from penstock.wire.automations import Automation
from penstock.wire.deployments import Deployment
from penstock.wire.upgrades import Standing, Upgrade, UpgradeStatus
from penstock.wire.work_pools import WorkPool
from penstock.wire.work_queues import QueueFilter, WorkQueue

SPACE = UUID("00000000-0000-4000-8000-000000000000")
AGENTS = "default-agent-pool"


def id_of(name: str) -> UUID:
    """The same for the same name, each time."""
    return uuid5(SPACE, name)


def pool(name: str = AGENTS, type: str = "prefect-agent", **fields: Any) -> WorkPool:
    return WorkPool(id=id_of(f"pool {name}"), name=name, type=type, **fields)


def queue(name: str = "default", home: str = AGENTS, **fields: Any) -> WorkQueue:
    return WorkQueue(id=id_of(f"queue {home} {name}"), name=name, work_pool_name=home, **fields)


def tag_queue(name: str, *tags: str) -> WorkQueue:
    return queue(name, filter=QueueFilter(tags=list(tags)))


def block(slug: str = "process", name: str | None = "main", **data: Any) -> InfrastructureBlock:
    return InfrastructureBlock(slug=slug, data={"type": slug, **data}, name=name)


def deployed(
    name: str = "etl/daily",
    on: InfrastructureBlock | None = None,
    overrides: dict[str, Any] | None = None,
    *,
    home: WorkPool | None = None,
    at: WorkQueue | None = None,
    **more: Any,
) -> OldDeployment:
    """One deployment; what is no field of `OldDeployment` is one of the deployment itself."""
    flow, _, deployment = name.rpartition("/")
    own = {key: more.pop(key) for key in list(more) if key in Deployment.__struct_fields__}
    home = home or pool()
    infrastructure = id_of(f"block {on.title if on.name else name}") if on else None
    found = Deployment(
        id=id_of(name),
        name=deployment,
        flow_id=id_of(f"flow {flow}"),
        job_variables=overrides or {},
        work_pool_name=home.name,
        work_queue_name=at.name if at else "default",
        **{
            "entrypoint": "etl.py:etl",
            "path": "/srv/flows",
            "infrastructure_document_id": infrastructure,
            "storage_document_id": more["storage"].id if more.get("storage") else None,
            **own,
        },
    )
    return OldDeployment(flow_name=flow, deployment=found, block=on, pool=home, queue=at, **more)


def upgraded(old: OldDeployment, after: Standing) -> OldDeployment:
    """A deployment after an upgrade brought it there, as it is read again."""
    before = standing_of(old.deployment)
    record = Upgrade(
        id=id_of("upgrade"),
        deployment_id=old.deployment.id,
        created=utc_now(),
        updated=utc_now(),
        status=UpgradeStatus.UPGRADED,
        before=before,
        after=after,
    )
    fields = {name: getattr(after, name) for name in Standing.__struct_fields__}
    moved = replace(old.deployment, **fields)
    return OldDeployment(
        flow_name=old.flow_name,
        deployment=moved,
        block=old.block,
        storage=old.storage,
        pool=pool(after.work_pool_name or "", "process"),
        recorded=record,
    )


def automation(name: str, **fields: Any) -> Automation:
    return Automation(id=id_of(name), name=name, trigger=fields.pop("trigger", {}), actions=fields.pop("actions", []))


def there(*pools: WorkPool, queues: tuple[WorkQueue, ...] = (), **more: Any) -> Existing:
    """What the server has."""
    return Existing(
        pools={one.name: one for one in pools},
        queues={(one.work_pool_name or AGENTS, one.name): one for one in queues},
        **more,
    )
