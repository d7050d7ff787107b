"""A plan is carried out step by step; each step may be done again, and what fails, fails alone."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from penstock.client.client import AsyncClient
from penstock.core.infrastructure_blocks import Remark, Severity
from penstock.core.upgrade_plans import NewBlock, QueuePlan, Taken, UpgradePlan, UpgradeState, standing_of
from penstock.upgrade.apply import Terms, apply
from penstock.upgrade.outcomes import Did, Outcome, Part
from penstock.upgrade.rollback import Upgraded, roll_back
from penstock.wire import blocks, deployments, flow_runs, upgrades, work_pools, work_queues, workers
from penstock.wire.blocks import BlockDocumentCreate
from penstock.wire.deployments import Deployment, DeploymentFlowRunCreate
from penstock.wire.model import Criteria
from penstock.wire.states import StateCreate, StateType
from penstock.wire.work_pools import WorkPoolCreate
from penstock.wire.workers import WorkerHeartbeat
from tests.upgrade.handmade import OLD_POOL, TEMPLATE, deployed, plan_of, planned, pool_plan


async def carried_out(client: AsyncClient, plan: UpgradePlan, **terms: Any) -> list[Outcome]:
    return [one async for one in apply(client, plan, Terms(**terms))]


def of(outcomes: list[Outcome], part: Part) -> dict[str, Did]:
    return {one.name: one.did for one in outcomes if one.part is part}


async def now_of(client: AsyncClient, deployment: Deployment) -> Deployment:
    return await client.call(deployments.read_deployment, id=deployment.id)


async def test_pools_queues_and_deployments_are_made_in_order(client: AsyncClient) -> None:
    one, two, _ = await deployed(client)
    plan = plan_of(planned(one), planned(two))
    outcomes = await carried_out(client, plan)
    assert [(each.part, each.name, each.did) for each in outcomes[:2]] == [
        (Part.POOL, "workers", Did.MADE),
        (Part.QUEUE, "workers/q", Did.MADE),
    ]
    assert of(outcomes, Part.DEPLOYMENT) == {"etl/d0": Did.UPGRADED, "etl/d1": Did.UPGRADED}
    pool = await client.call(work_pools.read_work_pool, name="workers")
    assert (pool.type, pool.base_job_template) == ("process", TEMPLATE)
    queue = await client.call(work_queues.read_pool_queue, work_pool_name="workers", name="q")
    assert (queue.concurrency_limit, queue.priority, queue.is_paused) == (2, 1, False)
    for each in plan.deployments:
        assert standing_of(await now_of(client, each.old.deployment)) == each.after
    recorded = await client.call(upgrades.read_upgrade, id=one.id)
    assert [(remark.code, remark.severity) for remark in recorded.remarks] == [("C05", "warning")]


async def test_the_same_plan_again_changes_nothing(client: AsyncClient) -> None:
    plan = plan_of(*[planned(one) for one in await deployed(client)])
    await carried_out(client, plan)
    before = [await now_of(client, one.old.deployment) for one in plan.deployments]
    outcomes = await carried_out(client, plan)
    assert of(outcomes, Part.POOL) == {"workers": Did.THERE, OLD_POOL: Did.LEFT}
    assert of(outcomes, Part.QUEUE) == {}
    assert [one.updated for one in before] == [
        (await now_of(client, one.old.deployment)).updated for one in plan.deployments
    ]


async def test_an_upgrade_that_ended_half_way_is_gone_on_with(client: AsyncClient) -> None:
    plan = plan_of(*[planned(one) for one in await deployed(client)])
    async with aclosing(apply(client, plan)) as outcomes:
        async for one in outcomes:
            if one.did is Did.UPGRADED:
                break
    for each in plan.deployments:
        assert standing_of(await now_of(client, each.old.deployment)) in (standing_of(each.old.deployment), each.after)
    assert set(of(await carried_out(client, plan), Part.DEPLOYMENT).values()) == {Did.UPGRADED}


async def test_the_queues_of_a_pool_that_was_half_made_are_made_equal(client: AsyncClient) -> None:
    """A pool comes with the queue 'default', which an upgrade that ends there leaves as it is."""
    (one,) = await deployed(client, 1)
    body = WorkPoolCreate(name="workers", type="process", base_job_template=TEMPLATE)
    await client.call(work_pools.create_work_pool, body)
    queues = (QueuePlan(name="default", concurrency_limit=5, priority=2, exists=True), QueuePlan(name="q", priority=1))
    outcomes = await carried_out(client, plan_of(planned(one, pool_plan(queues=queues, exists=True))))
    assert of(outcomes, Part.QUEUE) == {"workers/q": Did.MADE, "workers/default": Did.CHANGED}
    queue = await client.call(work_queues.read_pool_queue, work_pool_name="workers", name="default")
    assert (queue.concurrency_limit, queue.priority) == (5, 2)


async def test_a_queue_that_is_used_keeps_what_somebody_made_of_it(client: AsyncClient) -> None:
    one, two = await deployed(client, 2)
    await carried_out(client, plan_of(planned(one)))
    change = work_queues.WorkQueueUpdate(concurrency_limit=9)
    await client.call(work_queues.update_pool_queue, change, work_pool_name="workers", name="q")
    await carried_out(client, plan_of(planned(two)))
    queue = await client.call(work_queues.read_pool_queue, work_pool_name="workers", name="q")
    assert queue.concurrency_limit == 9


async def test_a_pool_of_another_template_stops_its_deployments_alone(client: AsyncClient) -> None:
    one, two = await deployed(client, 2)
    await client.call(work_pools.create_work_pool, WorkPoolCreate(name="taken", type="docker"))
    outcomes = await carried_out(client, plan_of(planned(one, pool_plan("taken")), planned(two)))
    assert of(outcomes, Part.POOL) == {"taken": Did.FAILED, "workers": Did.MADE}
    assert of(outcomes, Part.DEPLOYMENT) == {"etl/d0": Did.FAILED, "etl/d1": Did.UPGRADED}
    (failed,) = [each for each in outcomes if each.part is Part.DEPLOYMENT and each.failed]
    assert "another work pool of this name" in (failed.reason or "")
    assert await now_of(client, one) == one


async def test_what_is_blocked_is_said_and_left(client: AsyncClient) -> None:
    (one,) = await deployed(client, 1)
    fault = Remark("C16", Severity.ERROR, "block", "The block's type is unknown.", "Choose a pool.")
    outcomes = await carried_out(client, plan_of(planned(one, state=UpgradeState.BLOCKED, remarks=(fault,))))
    assert [(each.did, each.reason) for each in outcomes] == [(Did.BLOCKED, "The block's type is unknown.")]
    assert await now_of(client, one) == one


async def test_secrets_go_from_block_to_block_when_they_are_needed(client: AsyncClient) -> None:
    (one,) = await deployed(client, 1)
    kind = await client.call(blocks.read_block_type_by_slug, slug="secret")
    criteria = Criteria(block_schemas={"block_type_id": {"any_": [str(kind.id)]}})
    schema, *_ = await client.call(blocks.filter_block_schemas, criteria)
    old = BlockDocumentCreate(name="old", data={"value": "s3cr3t"}, block_schema_id=schema.id, block_type_id=kind.id)
    source = await client.call(blocks.create_block_document, old)
    wanted = NewBlock(type_slug="secret", name="new", data={"value": Taken(source.id, "value")})
    for did in (Did.MADE, Did.THERE):
        outcomes = await carried_out(client, plan_of(planned(one, blocks=(wanted,))))
        assert of(outcomes, Part.BLOCK) == {"secret/new": did}
        assert "s3cr3t" not in repr(outcomes)
    read = blocks.read_block_document_by_name
    made = await client.call(read, slug="secret", block_document_name="new", query={"include_secrets": True})
    assert made.data == {"value": "s3cr3t"}


async def test_a_block_whose_source_is_gone_stops_its_deployment(client: AsyncClient) -> None:
    one, two = await deployed(client, 2)
    lost = NewBlock(type_slug="secret", name="new", data={"value": Taken(one.id, "value")})
    outcomes = await carried_out(client, plan_of(planned(one, blocks=(lost,)), planned(two)))
    assert of(outcomes, Part.DEPLOYMENT) == {"etl/d0": Did.FAILED, "etl/d1": Did.UPGRADED}


async def test_a_deployment_whose_run_is_claimed_is_asked_for_again(client: AsyncClient) -> None:
    (one,) = await deployed(client, 1)
    run = await client.call(deployments.create_run_of_deployment, DeploymentFlowRunCreate(), id=one.id)
    pending = flow_runs.SetState(state=StateCreate(type=StateType.PENDING))
    await client.call(flow_runs.set_flow_run_state, pending, id=run.id)
    refused = await carried_out(client, plan_of(planned(one)), patience=0.0)
    assert of(refused, Part.DEPLOYMENT) == {"etl/d0": Did.FAILED}
    assert await now_of(client, one) == one
    upgrading = asyncio.create_task(carried_out(client, plan_of(planned(one)), patience=60.0))
    running = flow_runs.SetState(state=StateCreate(type=StateType.RUNNING))
    await client.call(flow_runs.set_flow_run_state, running, id=run.id)
    assert of(await upgrading, Part.DEPLOYMENT) == {"etl/d0": Did.UPGRADED}
    assert (await client.call(flow_runs.read_flow_run, id=run.id)).work_pool_name == OLD_POOL


async def test_a_pool_is_waited_for_until_it_has_a_worker(client: AsyncClient) -> None:
    (one,) = await deployed(client, 1)
    async with aclosing(apply(client, plan_of(planned(one)), Terms(wait_for_worker=60.0))) as outcomes:
        told = [each async for each in _until_waiting(outcomes)]
        assert told[-1] == Outcome(Part.POOL, "workers", Did.WAITING)
        assert await now_of(client, one) == one
        sign = WorkerHeartbeat(name="w", heartbeat_interval_seconds=30)
        await client.call(workers.worker_heartbeat, sign, work_pool_name="workers")
        rest = [each async for each in outcomes]
    assert of(rest, Part.DEPLOYMENT) == {"etl/d0": Did.UPGRADED}


async def _until_waiting(outcomes: Any) -> Any:
    async for each in outcomes:
        yield each
        if each.did is Did.WAITING:
            return


async def test_without_a_worker_in_time_nothing_moves(client: AsyncClient) -> None:
    (one,) = await deployed(client, 1)
    outcomes = await carried_out(client, plan_of(planned(one)), wait_for_worker=0.0)
    assert of(outcomes, Part.DEPLOYMENT) == {"etl/d0": Did.FAILED}
    assert await now_of(client, one) == one


async def test_a_pool_that_is_left_is_kept_and_named(client: AsyncClient) -> None:
    one, two = await deployed(client, 2)
    first = await carried_out(client, plan_of(planned(one)))
    assert OLD_POOL not in of(first, Part.POOL)
    assert of(await carried_out(client, plan_of(planned(two))), Part.POOL)[OLD_POOL] is Did.LEFT
    await client.call(work_pools.read_work_pool, name=OLD_POOL)


async def test_upgrades_are_taken_back_each_by_itself(client: AsyncClient) -> None:
    made = await deployed(client)
    await carried_out(client, plan_of(*[planned(one) for one in made[:2]]))
    wanted = [Upgraded(f"etl/{one.name}", one.id) for one in made]
    outcomes = [one async for one in roll_back(client, wanted)]
    assert of(outcomes, Part.DEPLOYMENT) == {
        "etl/d0": Did.ROLLED_BACK,
        "etl/d1": Did.ROLLED_BACK,
        "etl/d2": Did.FAILED,
    }
    for one in made:
        assert standing_of(await now_of(client, one)) == standing_of(one)


@pytest.mark.parametrize("rounds", [2])
async def test_to_and_fro(client: AsyncClient, rounds: int) -> None:
    made = await deployed(client, 2)
    plan = plan_of(*[planned(one) for one in made])
    for _ in range(rounds):
        assert set(of(await carried_out(client, plan), Part.DEPLOYMENT).values()) == {Did.UPGRADED}
        wanted = [Upgraded(f"etl/{one.name}", one.id) for one in made]
        assert {one.did async for one in roll_back(client, wanted)} == {Did.ROLLED_BACK}
