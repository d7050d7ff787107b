"""Who watches over a run's job: one host at a time, and what becomes of runs whose host, or whose job, is gone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from msgspec import structs

from penstock.core.leases import ADOPTION_GRACE
from penstock.ids import new_id
from penstock.store import claims, deployments, overdue, watches
from penstock.store.claims import Claim, Renewal
from penstock.store.database import Database, Steps
from penstock.store.flow_run_states import SlotTerms, read_known
from penstock.store.statements import statement
from penstock.wire.deployments import LossPolicy
from penstock.wire.dispatch import Renewed
from penstock.wire.states import StateType
from tests.contracts.store.test_flow_runs import NOW, World

S = StateType
SECOND = timedelta(seconds=1)
HERE, THERE = new_id(), new_id()
POOL = statement("pool_id", "select id from work_pools")
CANCEL_BY = statement("cancel_by", "select cancel_by from flow_runs where id = :id")


class Watched(World):
    """Runs that hosts watch over for ten seconds."""

    async def taken(self, host: UUID | None = HERE, deployment: UUID | None = None, after: float = 0) -> UUID:
        """A run that a host has claimed."""
        run = (await self.run(deployment=deployment)).run
        await self.claim_as(host, after)
        return run.id

    async def claim_as(self, host: UUID | None, after: float = 0) -> None:
        wanted = Claim("w", 1, 10, NOW + after * SECOND, {}, SlotTerms(), host)
        assert (await self.db.write(claims.of_pool("p", [], wanted, self.db.dialect, new_id))).taken

    async def adopt(self, host: UUID, after: float) -> list[UUID]:
        pool = UUID(await self.db.read(_pool()))
        adopted = await self.db.write(watches.adopt(pool, host, 10, 50, NOW + after * SECOND))
        return [one.run_id for one in adopted]

    async def renew(self, id: UUID, host: UUID | None, after: float, *, begins: bool = False) -> Renewed:
        attempt = (await self.db.read(read_known(id))).lease.attempt
        wanted = Renewal("w", [(id, attempt)], 10, host, begins)
        return await self.db.write(claims.renew(wanted, NOW + after * SECOND))

    async def lapsed(self, after: float) -> list[UUID]:
        return (await self.db.read(overdue.lapsed_leases(NOW + after * SECOND, 10))).ids

    async def lost(self, id: UUID) -> tuple[StateType | None, str]:
        attempt = (await self.db.read(read_known(id))).lease.attempt
        outcome = await self.db.write(overdue.report_loss(id, attempt, "It burnt.", NOW, new_id(), self.db.dialect))
        state = (await self.db.read(read_known(id))).run.state
        assert state is not None
        assert outcome.result.state == state
        return state.type, state.message or ""

    async def careful(self, limit: int) -> UUID:
        """A deployment whose runs are offered again."""
        id = await self.deploy("careful")
        known = await self.db.read(deployments.find(id))
        assert known is not None
        kept = structs.replace(known, on_infrastructure_loss=LossPolicy.RESCHEDULE, reschedule_limit=limit)
        await self.db.write(deployments.write(kept, new_limit_id=uuid4(), now=NOW))
        return id


def _pool() -> Steps[str]:
    return str((yield POOL())[0][0])


def _cancel_by(id: UUID) -> Steps[int]:
    return int((yield CANCEL_BY(id=str(id)))[0][0])


@pytest.fixture
async def world(db: Database) -> Watched:
    made = Watched(db)
    await made.begin()
    return made


async def test_a_run_is_given_to_another_host_once_its_own_is_silent(world: Watched) -> None:
    run = await world.taken()
    assert await world.adopt(THERE, 9) == []
    assert await world.adopt(THERE, 11) == [run]
    assert await world.adopt(HERE, 12) == []
    assert (await world.renew(run, HERE, 12)).watched == [run]
    assert await world.renew(run, THERE, 12) == Renewed()


async def test_only_one_of_many_hosts_gets_a_run(world: Watched) -> None:
    runs = {await world.taken() for _ in range(5)}
    given = await asyncio.gather(*(world.adopt(new_id(), 11) for _ in range(6)))
    assert sorted(run for some in given for run in some) == sorted(runs)


async def test_what_no_host_claimed_or_what_has_ended_is_given_to_nobody(world: Watched) -> None:
    await world.taken(host=None)
    over = await world.taken()
    await world.propose(over, S.CANCELLED, force=True)
    assert await world.adopt(THERE, 100) == []


async def test_a_job_that_renews_for_itself_keeps_its_run_but_not_the_watch(world: Watched) -> None:
    run = await world.taken()
    await world.propose(run, S.RUNNING)
    after = 5 + ADOPTION_GRACE.total_seconds()
    assert await world.renew(run, None, after) == Renewed()
    assert await world.lapsed(after + 9) == []
    assert await world.adopt(THERE, after) == [run]


async def test_a_watch_may_begin_after_the_claim(world: Watched) -> None:
    """An agent knows what a run's job is once it has read the block; those on its own machine have no watch."""
    elsewhere, own = await world.taken(host=None), await world.taken(host=None)
    assert await world.renew(elsewhere, HERE, 1, begins=True) == Renewed()
    for run in (elsewhere, own):
        assert await world.renew(run, HERE, 2) == Renewed()
    assert (await world.renew(elsewhere, THERE, 3, begins=True)).watched == [elsewhere]
    assert await world.adopt(THERE, 11) == []
    assert await world.adopt(THERE, 13) == [elsewhere]


async def test_a_watched_run_is_left_to_other_hosts_before_it_is_rescued(world: Watched) -> None:
    watched, unwatched = await world.taken(), await world.taken(host=None)
    assert await world.lapsed(11) == [unwatched]
    assert set(await world.lapsed(10 + ADOPTION_GRACE.total_seconds())) == {watched, unwatched}


async def test_a_host_that_goes_leaves_its_runs_to_others_at_once(world: Watched) -> None:
    run = await world.taken()
    await world.db.write(watches.end(HERE, NOW + SECOND))
    assert await world.adopt(THERE, 1) == [run]


async def test_a_lost_run_crashes_unless_its_deployment_wants_it_offered_again(world: Watched) -> None:
    run = await world.taken(deployment=await world.deploy("d"))
    await world.propose(run, S.RUNNING)
    assert await world.lost(run) == (S.CRASHED, "It burnt.")


async def test_a_lost_run_is_offered_again_as_often_as_its_deployment_says(world: Watched) -> None:
    run = await world.taken(deployment=await world.careful(2))
    for again in ("1 of 2", "2 of 2"):
        await world.propose(run, S.RUNNING)
        kind, message = await world.lost(run)
        assert kind is S.SCHEDULED
        assert again in message
        await world.claim_as(HERE)
    assert (await world.lost(run))[0] is S.CRASHED


async def test_a_silent_run_is_offered_again_where_its_deployment_says_so(world: Watched) -> None:
    run = await world.taken(host=None, deployment=await world.careful(1))
    await world.propose(run, S.RUNNING)
    outcome = await world.db.write(overdue.rescue_run(run, NOW + 11 * SECOND, new_id(), world.db.dialect))
    assert outcome is not None
    assert (outcome.run.state_type, outcome.run.state_name) == (S.SCHEDULED, "AwaitingRetry")


async def test_a_run_that_is_offered_again_is_not_crashed_by_its_last_attempt(world: Watched) -> None:
    run = await world.taken(deployment=await world.careful(1))
    await world.propose(run, S.RUNNING)
    await world.lost(run)
    assert not (await world.propose(run, S.CRASHED, attempt=1)).written


async def test_a_run_whose_job_is_not_there_is_due_again_unless_it_has_begun_meanwhile(world: Watched) -> None:
    waits, begun = await world.taken(), await world.taken()
    await world.propose(begun, S.RUNNING)
    outcomes = [
        await world.db.write(watches.never_began(run, 1, "Its host is gone.", NOW, new_id(), world.db.dialect))
        for run in (waits, begun)
    ]
    assert [(one.written, one.run.state_type) for one in outcomes] == [(True, S.SCHEDULED), (False, S.RUNNING)]


@pytest.mark.parametrize("end", [S.CANCELLED, S.CRASHED])
async def test_an_attempt_does_not_begin_when_its_run_was_ended_without_it(world: Watched, end: StateType) -> None:
    run = await world.taken()
    await world.propose(run, end, force=True)
    assert not (await world.propose(run, S.RUNNING, attempt=1)).written
    assert not (await world.propose(run, S.SCHEDULED, name="AwaitingRetry", attempt=1)).written


async def test_a_slot_is_given_back_when_a_run_is_offered_again(world: Watched) -> None:
    run = await world.taken(deployment=await world.deploy("limited", limit=1))
    assert await world.live_slots() == 1
    await world.propose(run, S.SCHEDULED, name="AwaitingRetry")
    assert await world.live_slots() == 0


async def test_the_end_of_a_cancelled_runs_grace_is_on_its_row(world: Watched) -> None:
    deployment = await world.deploy("slow to stop")
    known = await world.db.read(deployments.find(deployment))
    assert known is not None
    slow = structs.replace(known, cancellation_grace_seconds=120.0)
    await world.db.write(deployments.write(slow, new_limit_id=uuid4(), now=NOW))
    for run, grace in ((await world.taken(deployment=deployment), 120), (await world.taken(), 30)):
        await world.propose(run, S.RUNNING)
        await world.propose(run, S.CANCELLING)
        assert await world.db.read(_cancel_by(run)) == int((NOW + grace * SECOND).timestamp() * 1e6)
        assert (await world.db.read(overdue.stale_cancellations(NOW + (grace - 1) * SECOND, 10))).ids == []
        await world.propose(run, S.CANCELLED)
