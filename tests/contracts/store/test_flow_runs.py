"""What both databases promise about flow runs: one winner, slots that are leases, claims that starve nobody."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from penstock.core.leases import PENDING_LEASE, UNNAMED
from penstock.core.run_events import Surroundings
from penstock.errors import Conflict, NotFound
from penstock.ids import new_id
from penstock.store import claims, deployments, due_runs, flow_run_states, flow_runs, overdue, work_pools
from penstock.store.database import Database, Steps
from penstock.store.flow_run_states import Outcome, Proposal, SlotTerms
from penstock.store.flows import create_flow
from penstock.store.statements import statement
from penstock.wire.deployments import CollisionStrategy, ConcurrencyOptions, Deployment
from penstock.wire.dispatch import Renewed
from penstock.wire.flow_runs import FlowRun
from penstock.wire.flows import FlowCreate
from penstock.wire.states import StateCreate, StateDetails, StateType
from penstock.wire.work_pools import WorkPool, WorkPoolStorageConfiguration
from penstock.wire.work_queues import WorkQueue

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
S = StateType
LIVE = statement("live", "select count(*) from limit_leases where expires_at > :now")


class World:
    """A flow, a pool with one queue, and what is made in them."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.queue_id = uuid4()

    async def begin(self, pool_limit: int | None = None) -> World:
        flow, _ = await self.db.write(create_flow(FlowCreate(name="f"), NOW))
        self.flow_id = UUID(json.loads(flow)["id"])
        pool = WorkPool(
            id=uuid4(),
            name="p",
            type="process",
            storage_configuration=WorkPoolStorageConfiguration(),
            created=NOW,
            updated=NOW,
            concurrency_limit=pool_limit,
            default_queue_id=self.queue_id,
        )
        queue = WorkQueue(id=self.queue_id, name="default", created=NOW, updated=NOW, work_pool_id=pool.id)
        await self.db.write(work_pools.create(pool, queue))
        return self

    async def deploy(self, name: str, limit: int | None = None, *, cancel_new: bool = False) -> UUID:
        options = ConcurrencyOptions(collision_strategy=CollisionStrategy.CANCEL_NEW) if cancel_new else None
        one = Deployment(
            id=uuid4(),
            name=name,
            flow_id=self.flow_id,
            created=NOW,
            updated=NOW,
            work_queue_id=self.queue_id,
            concurrency_options=options,
        )
        await self.db.write(deployments.write(one, limit=limit, new_limit_id=uuid4(), now=NOW))
        return one.id

    async def run(
        self, kind: StateType = S.SCHEDULED, *, deployment: UUID | None = None, key: str | None = None, due: int = 0
    ) -> flow_runs.Created:
        run = FlowRun(
            id=new_id(),
            name="r",
            flow_id=self.flow_id,
            created=NOW,
            updated=NOW,
            deployment_id=deployment,
            work_queue_id=self.queue_id,
            idempotency_key=key,
        )
        details = StateDetails(scheduled_time=NOW + timedelta(seconds=due))
        state = StateCreate(type=kind, state_details=details)
        return await flow_runs.create(self.db, run, state, Surroundings("f"), state_id=new_id(), now=NOW)

    async def propose(self, id: UUID, kind: StateType, name: str | None = None, **more: object) -> Outcome:
        proposal = Proposal(StateCreate(type=kind, name=name), NOW, new_id(), **more)  # type: ignore[arg-type] # fields
        return await flow_run_states.propose(self.db, id, proposal)

    async def claim(self, limit: int = 10, worker: str = "w", now: datetime = NOW) -> list[claims.Taken]:
        wanted = claims.Claim(worker, limit, 60, now, {"taken.by": worker}, SlotTerms())
        return (await self.db.write(claims.of_pool("p", [], wanted, self.db.dialect, new_id))).taken

    async def live_slots(self) -> int:
        return await self.db.read(_live())


def _live() -> Steps[int]:
    return int((yield LIVE(now=int(NOW.timestamp() * 1e6)))[0][0])


@pytest.fixture
async def world(db: Database) -> World:
    return await World(db).begin()


async def test_a_key_makes_one_run_whoever_asks_first(world: World) -> None:
    made = await asyncio.gather(*(world.run(key="k") for _ in range(8)))
    assert len({one.run.id for one in made}) == 1
    assert sum(not one.known for one in made) == 1


async def test_an_unknown_flow_is_a_conflict(world: World) -> None:
    with pytest.raises(Conflict):
        await world.db.read(flow_runs.origin(uuid4(), None, None))


async def test_an_unknown_run_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await world.propose(uuid4(), S.RUNNING)


async def test_of_many_that_propose_pending_one_is_accepted(world: World) -> None:
    run = (await world.run()).run
    outcomes = await asyncio.gather(*(world.propose(run.id, S.PENDING) for _ in range(8)))
    assert sorted(one.result.status for one in outcomes) == ["ABORT"] * 7 + ["ACCEPT"]


async def test_a_state_is_written_with_its_history_and_its_event(world: World) -> None:
    run = (await world.run()).run
    for kind in (S.PENDING, S.RUNNING, S.COMPLETED):
        assert (await world.propose(run.id, kind)).written
    history = json.loads(await world.db.read(flow_run_states.list_states(run.id)))
    assert [one["type"] for one in history] == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]
    events = statement("told", "select event from events where resource_id = :id order by occurred")

    def told() -> Steps[list[str]]:
        return [row[0] for row in (yield events(id=f"prefect.flow-run.{run.id}"))]

    assert await world.db.read(told()) == [
        f"prefect.flow-run.{name}" for name in ("Scheduled", "Pending", "Running", "Completed")
    ]


async def test_a_run_is_shown_with_its_place_and_its_times(world: World) -> None:
    run = (await world.run()).run
    await world.propose(run.id, S.PENDING)
    await world.propose(run.id, S.RUNNING)
    text = await world.db.read(flow_runs.read(run.id, NOW + timedelta(seconds=5)))
    assert text is not None
    shown = json.loads(text)
    assert (shown["work_queue_name"], shown["work_pool_name"]) == ("default", "p")
    assert 4.9 < shown["estimated_run_time"] < 5.1
    assert shown["state"]["type"] == "RUNNING"


async def test_a_limit_is_never_exceeded_and_slots_come_back(world: World) -> None:
    deployment = await world.deploy("d", limit=2)
    runs = [(await world.run(deployment=deployment)).run for _ in range(8)]
    outcomes = await asyncio.gather(*(world.propose(run.id, S.PENDING) for run in runs))
    got = [run for run, one in zip(runs, outcomes, strict=True) if one.result.status == "ACCEPT"]
    assert len(got) == 2
    assert {one.run.state_name for one in outcomes} == {"Pending", "AwaitingConcurrencySlot"}
    assert await world.live_slots() == 2
    await world.propose(got[0].id, S.CANCELLED)
    assert await world.live_slots() == 1
    await world.propose(got[1].id, S.RUNNING)
    await world.propose(got[1].id, S.COMPLETED)
    assert await world.live_slots() == 0


async def test_a_full_deployment_that_cancels_new_runs_cancels_them(world: World) -> None:
    deployment = await world.deploy("d", limit=1, cancel_new=True)
    first, second = [(await world.run(deployment=deployment)).run for _ in range(2)]
    assert (await world.propose(first.id, S.PENDING)).run.state_type is S.PENDING
    assert (await world.propose(second.id, S.PENDING)).run.state_type is S.CANCELLED


async def test_claims_share_the_runs_out_and_each_run_goes_to_one(world: World) -> None:
    for _ in range(20):
        await world.run()
    taken = await asyncio.gather(*(world.claim(3, f"w{n}") for n in range(10)))
    rest = await world.claim(100)
    everything = [one for claim in [*taken, rest] for one in claim]
    assert len({one.run.id for one in everything}) == len(everything) == 20
    assert {one.attempt for one in everything} == {1}


async def test_a_pool_limit_holds_back_claims(db: Database) -> None:
    world = await World(db).begin(pool_limit=5)
    for _ in range(12):
        await world.run()
    taken = await asyncio.gather(*(world.claim(2, f"w{n}") for n in range(12)))
    assert sum(map(len, taken)) == 5


async def test_runs_that_wait_for_a_slot_hold_up_no_others(world: World) -> None:
    full = await world.deploy("full", limit=1)
    for _ in range(30):
        await world.run(deployment=full, due=-60)
    other = (await world.run()).run
    first = await world.claim(1)
    assert first[0].run.deployment_id == full
    assert [one.run.id for one in await world.claim(1)] == [other.id]


async def test_a_run_that_is_not_due_is_not_claimed(world: World) -> None:
    await world.run(due=60)
    assert await world.claim() == []
    assert len(await world.claim(now=NOW + timedelta(seconds=61))) == 1


async def test_a_stale_attempt_changes_nothing(world: World) -> None:
    run = (await world.run()).run
    (taken,) = await world.claim()
    stale = await world.propose(run.id, S.RUNNING, attempt=taken.attempt - 1)
    assert (stale.result.status, stale.written) == ("ABORT", False)
    assert (await world.propose(run.id, S.RUNNING, attempt=taken.attempt)).written


async def test_a_run_whose_asker_had_gone_is_offered_again_with_its_labels_and_the_next_attempt(world: World) -> None:
    run = (await world.run()).run
    taken = await world.claim(worker="gone")
    assert taken[0].run.labels["taken.by"] == "gone"
    (outcome,) = await world.db.write(claims.give_back(taken, NOW, world.db.dialect, new_id))
    assert (outcome.written, outcome.run.state_name) == (True, "AwaitingRetry")
    assert await world.db.write(claims.renew(claims.Renewal("gone", [(run.id, taken[0].attempt)], 60), NOW)) == Renewed(
        lost=[run.id]
    )
    (again,) = await world.claim(worker="there")
    assert (again.run.id, again.attempt, again.run.labels["taken.by"]) == (run.id, taken[0].attempt + 1, "there")


async def test_a_lease_is_renewed_by_its_holder_only(world: World) -> None:
    run = (await world.run()).run
    (taken,) = await world.claim(worker="a")
    held = [(run.id, taken.attempt)]
    assert await world.db.write(claims.renew(claims.Renewal("a", held, 60), NOW)) == Renewed()
    assert await world.db.write(claims.renew(claims.Renewal("b", held, 60), NOW)) == Renewed(lost=[run.id])
    await world.propose(run.id, S.RUNNING)
    await world.propose(run.id, S.CANCELLING)
    assert await world.db.write(claims.renew(claims.Renewal("a", held, 60), NOW)) == Renewed(cancelling=[run.id])
    await world.propose(run.id, S.CANCELLED)
    assert await world.db.write(claims.renew(claims.Renewal("a", held, 60), NOW)) == Renewed(lost=[run.id])


async def test_a_poll_shows_due_runs_and_changes_nothing(world: World) -> None:
    due = (await world.run()).run
    await world.run(due=600)
    window = due_runs.Window(NOW)
    for _ in range(2):
        polled = await world.db.read(due_runs.of_pool("p", None, window, NOW))
        (shown,) = json.loads(polled.answer)
        assert shown["flow_run"]["id"] == str(due.id)
        assert shown["flow_run"]["work_pool_name"] == "p"
        assert polled.queue_ids == [world.queue_id]
    with pytest.raises(NotFound, match="'p/nope'"):
        await world.db.read(due_runs.of_pool("p", ["nope"], window, NOW))


async def test_deleting_a_run_gives_its_slot_back(world: World) -> None:
    deployment = await world.deploy("d", limit=1)
    run = (await world.run(deployment=deployment)).run
    await world.propose(run.id, S.PENDING)
    assert await world.live_slots() == 1
    assert await world.db.write(flow_runs.delete(run.id))
    assert await world.live_slots() == 0
    assert not await world.db.write(flow_runs.delete(run.id))


async def test_deleting_a_deployment_keeps_what_ran(world: World) -> None:
    deployment = await world.deploy("d", limit=1)
    ran, waits = [(await world.run(deployment=deployment)).run for _ in range(2)]
    await world.propose(ran.id, S.PENDING)
    await world.propose(ran.id, S.RUNNING)
    assert await world.db.write(deployments.delete(deployment, NOW)) is not None
    assert await world.db.read(flow_runs.read(waits.id, NOW)) is None
    text = await world.db.read(flow_runs.read(ran.id, NOW))
    assert text is not None
    assert json.loads(text)["deployment_id"] is None


async def test_a_polling_worker_keeps_what_it_starts_by_its_heartbeats(world: World) -> None:
    run = (await world.run()).run
    assert (await world.propose(run.id, S.PENDING, worker="w")).written
    later = NOW + timedelta(seconds=100)
    await world.db.write(claims.keep_pending("other", later))
    first = (await world.db.read(flow_run_states.read_known(run.id))).lease
    await world.db.write(claims.keep_pending("w", later))
    then = (await world.db.read(flow_run_states.read_known(run.id))).lease
    assert first.expires_at is not None
    assert then.expires_at == first.expires_at + timedelta(seconds=100)
    assert (await world.propose(run.id, S.RUNNING)).written
    assert (await world.db.read(flow_run_states.read_known(run.id))).lease.expires_at is None


async def test_job_of_a_dead_worker_does_not_begin_a_run_that_another_has(world: World) -> None:
    run = (await world.run()).run
    await world.propose(run.id, S.PENDING, worker="old")
    await world.propose(run.id, S.SCHEDULED, force=True)
    await world.propose(run.id, S.PENDING, worker="new")
    late = await world.propose(run.id, S.RUNNING, worker="old")
    assert (late.result.status, "new" in str(late.result.details)) == ("ABORT", True)
    assert (await world.propose(run.id, S.RUNNING, worker="new")).result.status != "ABORT"


async def test_worker_that_names_itself_late_is_kept_by_its_heartbeats(world: World) -> None:
    run = (await world.run()).run
    await world.propose(run.id, S.PENDING, worker=UNNAMED)
    await world.db.write(claims.name_holder(run.id, "w", NOW))
    later = NOW + PENDING_LEASE - timedelta(seconds=1)
    await world.db.write(claims.keep_pending("w", later))
    assert (await world.db.scan(overdue.lapsed_leases(NOW + PENDING_LEASE, 10))).ids == []
    assert (await world.db.scan(overdue.lapsed_leases(later + PENDING_LEASE, 10))).ids == [run.id]


async def test_inputs_are_found_by_how_their_keys_begin(db: Database) -> None:
    run = uuid4()
    for key in ("a-1", "a-2", "A-1", "ab", "b"):
        await db.write(flow_runs.add_input(uuid4(), run, key, "1", None, NOW))
    found = await db.read(flow_runs.list_inputs(run, "a-", 10, ["a-2"]))
    assert [one.key for one in found] == ["a-1"]
    assert len(await db.read(flow_runs.list_inputs(run, "", 10, []))) == 5
