"""What both databases promise about versions: one for each deploy that changes something, kept while runs need them."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from penstock.errors import Conflict
from penstock.ids import new_id
from penstock.store import deployment_versions as versions
from penstock.store import deployments
from penstock.store.database import Database
from penstock.store.deployment_versions import VersionFacts, Write
from penstock.store.flow_run_states import rewrite
from penstock.wire.deployment_versions import VERSION_LABEL
from penstock.wire.deployments import Deployment
from penstock.wire.states import StateType
from tests.contracts.store.test_flow_runs import NOW, World
from tests.contracts.store.test_left_behind import shown

APPLIED = {"name": "d"}


@pytest.fixture
async def world(db: Database) -> World:
    return await World(db).begin()


async def deploy(world: World, deployment: Deployment, **facts: Any) -> int:
    """The number of the version that a deployment is at, once it is deployed."""
    await world.db.write(versions.write(Write(deployment, uuid4(), NOW), VersionFacts(new_id(), **facts)))
    return await number(world, deployment.id)


async def edit(world: World, deployment: Deployment) -> None:
    """A change by hand."""
    await world.db.write(versions.write(Write(deployment, uuid4(), NOW), None))


async def number(world: World, id: UUID) -> int:
    return int((await found(world, id)).labels[VERSION_LABEL])


async def found(world: World, id: UUID) -> Deployment:
    one = await world.db.read(deployments.find(id))
    assert one is not None
    return one


async def numbers(world: World, id: UUID) -> list[int]:
    return [one["number"] for one in json.loads(await world.db.read(versions.list_versions(id, 1000)))]


async def pin(world: World, run_id: UUID, number: int) -> None:
    await rewrite(world.db, run_id, lambda run: replace(run, labels={VERSION_LABEL: number}))


async def first(world: World) -> Deployment:
    id = await world.deploy("d")
    return replace(await found(world, id), entrypoint="a.py:f", job_variables={"image": "x:1"})


async def test_a_deploy_that_changes_nothing_makes_no_version(world: World) -> None:
    one = await first(world)
    assert await deploy(world, one) == 1
    assert await deploy(world, one) == 1
    assert await deploy(world, replace(one, tags=["t"])) == 2
    assert await deploy(world, one, applied=APPLIED) == 3
    assert await numbers(world, one.id) == [3, 2, 1]


async def test_a_run_sees_its_version_with_what_was_changed_by_hand_while_it_lasted(world: World) -> None:
    one = await first(world)
    await deploy(world, one, applied=APPLIED)
    by_hand = replace(await found(world, one.id), job_variables={"image": "x:1", "hot": "fix"})
    await edit(world, by_hand)
    await deploy(world, replace(by_hand, entrypoint="b.py:g", job_variables={"image": "x:2"}), applied=APPLIED)
    now = await found(world, one.id)
    old = await world.db.read(versions.at_version(now, 1))
    assert (old.entrypoint, old.job_variables) == ("a.py:f", {"image": "x:1", "hot": "fix"})
    kept = await world.db.read(versions.read(one.id, 1))
    assert kept is not None
    assert json.loads(kept)["deployment"]["job_variables"] == {"image": "x:1"}
    assert await world.db.read(versions.at_version(now, 99)) == now


async def test_what_was_deployed_meanwhile_is_not_overwritten(world: World) -> None:
    one = await first(world)
    await deploy(world, one, applied=APPLIED)
    outcomes = await asyncio.gather(
        *(deploy(world, one, applied={"n": n}, based_on=1) for n in range(4)), return_exceptions=True
    )
    assert sorted(isinstance(outcome, Conflict) for outcome in outcomes) == [False, True, True, True]
    assert await numbers(world, one.id) == [2, 1]


async def test_versions_that_unfinished_runs_are_pinned_to_are_kept(world: World) -> None:
    one = await first(world)
    for n in range(8):
        await deploy(world, one, applied={"n": n})
    waiting, ended = [(await world.run(deployment=one.id)).run for _ in range(2)]
    await pin(world, waiting.id, 2)
    await pin(world, ended.id, 3)
    await world.propose(ended.id, StateType.CANCELLED)
    ((id, newest, pinned),) = await world.db.read(versions.crowded(4, 10))
    assert (id, newest, pinned) == (one.id, 8, [2])
    assert await world.db.write(versions.forget(id, newest - 4, pinned, 2)) == 2
    assert await numbers(world, one.id) == [8, 7, 6, 5, 4, 2]
    assert await world.db.write(versions.forget(id, newest - 4, pinned, 200)) == 1
    assert await numbers(world, one.id) == [8, 7, 6, 5, 2]


async def test_runs_are_taken_from_a_deployment_a_few_at_a_time(world: World) -> None:
    one = await first(world)
    await deploy(world, one)
    runs = [(await world.run(deployment=one.id)).run for _ in range(7)]
    for run in runs[:4]:
        await world.propose(run.id, StateType.CANCELLED)
    await world.propose(runs[4].id, StateType.PENDING)
    taken = []
    while many := await world.db.write(deployments.let_go_of_runs(one.id, 3)):
        taken.append(many)
    assert taken == [3, 1, 2]
    assert (await shown(world, runs[4].id))["deployment_id"] == str(one.id)
    await world.db.write(deployments.delete(one.id, NOW))
    over = await shown(world, runs[0].id)
    assert (over["deployment_id"], await numbers(world, one.id)) == (None, [])
