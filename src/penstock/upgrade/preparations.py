"""What deployments need before they can move: pools with their queues, and blocks. Each step may be done again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.core.upgrade_plans import NewBlock, PoolPlan, QueuePlan, Taken
from penstock.errors import Conflict, NotFound, PenstockError
from penstock.upgrade.outcomes import Did, Outcome, Part
from penstock.wire import blocks, deployments, work_pools, work_queues
from penstock.wire.blocks import BlockDocumentCreate, BlockSchema, BlockType
from penstock.wire.model import Criteria
from penstock.wire.work_pools import WorkPoolCreate
from penstock.wire.work_queues import WorkQueue, WorkQueueCreate, WorkQueueUpdate


async def prepare_pool(client: AsyncClient, plan: PoolPlan) -> list[Outcome]:
    """Makes a pool with its queues where they are missing; what fails is the last of the outcomes."""
    done: list[Outcome] = []
    try:
        done.append(Outcome(Part.POOL, plan.name, await _pool(client, plan)))
        await _queues(client, plan, done)
    except PenstockError as error:
        done.append(Outcome(Part.POOL, plan.name, Did.FAILED, error.message))
    return done


async def prepare_block(client: AsyncClient, plan: NewBlock) -> Outcome:
    """Makes a block where it is missing. Secrets of the old block are read for this alone and kept nowhere."""
    name = block_name(plan)
    try:
        return Outcome(Part.BLOCK, name, await _block(client, plan))
    except PenstockError as error:
        return Outcome(Part.BLOCK, name, Did.FAILED, error.message)


def block_name(plan: NewBlock) -> str:
    """A block as commands name it."""
    return f"{plan.type_slug}/{plan.name}"


async def _pool(client: AsyncClient, plan: PoolPlan) -> Did:
    body = WorkPoolCreate(
        name=plan.name,
        type=plan.type,
        base_job_template=dict(plan.template),
        is_paused=plan.is_paused,
        concurrency_limit=plan.concurrency_limit,
        description=plan.description,
    )
    if not plan.exists:
        try:
            await client.call(work_pools.create_work_pool, body)
        except Conflict:
            pass  # an upgrade that was ended half way has made it, or it is somebody else's
        else:
            return Did.MADE
    found = await client.call(work_pools.read_work_pool, name=plan.name)
    if found.type != plan.type or found.base_job_template != plan.template:
        raise Conflict("There is another work pool of this name by now. Look at the plan again.")
    return Did.THERE


async def _queues(client: AsyncClient, plan: PoolPlan, done: list[Outcome]) -> None:
    """Adds queues by priority, so that each finds its place; those that are there are made equal in an unused pool."""
    there = {one.name: one for one in await _queues_there(client, plan)}
    unused: bool | None = None
    for queue in sorted(plan.queues, key=lambda one: (one.priority is None, one.priority or 0)):
        name = f"{plan.name}/{queue.name}"
        known = there.get(queue.name)
        if known is None:
            await _make_queue(client, plan.name, queue)
            done.append(Outcome(Part.QUEUE, name, Did.MADE))
        elif change := _difference(known, queue):
            unused = await deployments_in(client, plan.name) == 0 if unused is None else unused
            if unused:
                body = WorkQueueUpdate(**change)
                await client.call(work_queues.update_pool_queue, body, work_pool_name=plan.name, name=queue.name)
                done.append(Outcome(Part.QUEUE, name, Did.CHANGED))


async def _queues_there(client: AsyncClient, plan: PoolPlan) -> list[WorkQueue]:
    """Those of the planned queues that there are."""
    criteria = Criteria(work_queues={"name": {"any_": [one.name for one in plan.queues]}}, limit=200)
    return await client.call(work_queues.filter_pool_queues, criteria, work_pool_name=plan.name)


async def _make_queue(client: AsyncClient, pool: str, queue: QueuePlan) -> None:
    body = WorkQueueCreate(
        name=queue.name,
        description=queue.description or "",
        is_paused=queue.is_paused,
        concurrency_limit=queue.concurrency_limit,
        priority=queue.priority,
    )
    try:
        await client.call(work_queues.create_pool_queue, body, work_pool_name=pool)
    except Conflict:
        return  # made by somebody else since the queues were looked at


def _difference(known: WorkQueue, wanted: QueuePlan) -> dict[str, Any]:
    values: dict[str, Any] = {"is_paused": wanted.is_paused, "concurrency_limit": wanted.concurrency_limit}
    if wanted.priority is not None:
        values["priority"] = wanted.priority
    return {name: value for name, value in values.items() if getattr(known, name) != value}


async def deployments_in(client: AsyncClient, pool: str) -> int:
    """How many deployments are in a pool."""
    return await client.call(deployments.count_deployments, Criteria(work_pools={"name": {"any_": [pool]}}))


async def _block(client: AsyncClient, plan: NewBlock) -> Did:
    if plan.exists:
        return Did.THERE
    kind = await client.call(blocks.read_block_type_by_slug, slug=plan.type_slug)
    schema = await _schema(client, kind)
    body = BlockDocumentCreate(
        name=plan.name,
        data=await _values(client, plan.data),
        block_schema_id=schema.id,
        block_type_id=kind.id,
    )
    try:
        await client.call(blocks.create_block_document, body)
    except Conflict:
        return Did.THERE
    return Did.MADE


async def _schema(client: AsyncClient, kind: BlockType) -> BlockSchema:
    criteria = Criteria(block_schemas={"block_type_id": {"any_": [str(kind.id)]}}, limit=1)
    schemas = await client.call(blocks.filter_block_schemas, criteria)
    if not schemas:
        raise NotFound(f"The block type {kind.slug!r} has no schema; register it with `penstock block register`.")
    return schemas[0]


async def _values(client: AsyncClient, data: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values, with what is taken of other blocks."""
    sources: dict[UUID, Mapping[str, Any]] = {}

    async def plain(value: Any) -> Any:
        if isinstance(value, Taken):
            if value.block_document_id not in sources:
                sources[value.block_document_id] = await _secrets(client, value.block_document_id)
            return _field(sources[value.block_document_id], value)
        if isinstance(value, Mapping):
            return {name: await plain(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [await plain(one) for one in value]
        return value

    return {name: await plain(value) for name, value in data.items()}


async def _secrets(client: AsyncClient, id: UUID) -> Mapping[str, Any]:
    found = await client.call(blocks.read_block_document, id=id, query={"include_secrets": True})
    return found.data


def _field(data: Mapping[str, Any], taken: Taken) -> Any:
    """A field, of a nested one each name on the way (`credentials.password`). NotFound when it is gone."""
    value: Any = data
    for name in taken.field.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise NotFound(
                f"The block {taken.block_document_id} has no field {taken.field!r} any more. Look at the plan again."
            )
        value = value[name]
    return value
