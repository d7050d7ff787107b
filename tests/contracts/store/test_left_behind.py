"""What a queue and a deployment leave behind when they are deleted: runs that show none, in documents as they were."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from penstock.ids import new_id
from penstock.store import deployments, due_runs, flow_run_states, flow_runs, work_pools, work_queues
from penstock.store.database import Database
from penstock.wire.states import StateCreate, StateDetails, StateType
from penstock.wire.work_pools import WorkPool
from tests.contracts.store.test_flow_runs import NOW, World


@pytest.fixture
async def world(db: Database) -> World:
    return await World(db).begin()


async def shown(world: World, id: UUID) -> dict[str, Any]:
    """A run as the API answers it."""
    text = await world.db.read(flow_runs.read(id, NOW))
    assert text is not None
    found: dict[str, Any] = json.loads(text)
    return found


async def test_run_and_deployment_show_no_queue_when_it_is_deleted(world: World) -> None:
    deployment = await world.deploy("d")
    run = (await world.run(deployment=deployment)).run
    assert (await shown(world, run.id))["work_queue_id"] == str(world.queue_id)
    await world.db.write(work_queues.delete(world.queue_id))
    assert (await shown(world, run.id))["work_queue_id"] is None
    text = await world.db.read(deployments.read(deployment, world.db.dialect, NOW))
    assert text is not None
    kept = json.loads(text)
    assert (kept["work_queue_id"], kept["work_queue_name"]) == (None, None)


async def test_pool_takes_its_queues_from_runs_that_still_go_on(world: World) -> None:
    run = (await world.run()).run
    await world.db.write(work_pools.delete((await pool_of(world)).id))
    outcome = await world.propose(run.id, StateType.PENDING)
    assert outcome.run.work_queue_id is None
    assert (await shown(world, run.id))["work_queue_id"] is None


async def pool_of(world: World) -> WorkPool:
    pool = await world.db.read(work_pools.read("p"))
    assert pool is not None
    return pool


async def test_waiting_run_of_a_deleted_deployment_is_still_polled(world: World) -> None:
    deployment = await world.deploy("d")
    run = (await world.run(deployment=deployment)).run
    for kind in (StateType.PENDING, StateType.RUNNING):
        await world.propose(run.id, kind)
    again = StateCreate(type=StateType.SCHEDULED, state_details=StateDetails(scheduled_time=NOW))
    await flow_run_states.propose(world.db, run.id, flow_run_states.Proposal(again, NOW, new_id()))
    await world.db.write(deployments.delete(deployment, NOW))
    polled = json.loads((await world.db.read(due_runs.of_pool("p", None, due_runs.Window(NOW), NOW))).answer)
    assert [(one["flow_run"]["id"], one["flow_run"]["deployment_id"]) for one in polled] == [(str(run.id), None)]


async def test_holders_of_slots_say_since_when(world: World) -> None:
    run = (await world.run()).run
    state = (await world.propose(run.id, StateType.PENDING)).run.state
    assert state is not None
    later = state.timestamp + timedelta(seconds=60)
    (holder,) = await world.db.read(work_pools.slot_holders(world.queue_id, 10, 0, later))
    assert (holder.id, holder.time_in_current_state) == (run.id, 60.0)
