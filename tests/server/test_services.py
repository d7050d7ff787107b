"""What each service does in one pass, at a given time, on both databases."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from penstock.clock import to_micros, utc_now
from penstock.core.run_events import Surroundings
from penstock.ids import new_id
from penstock.server.app import App
from penstock.server.broadcast import Broadcast
from penstock.server.loops.cancellation import CancellationCleanup
from penstock.server.loops.collisions import cancel_new
from penstock.server.loops.late import mark_late
from penstock.server.loops.leases import take_back
from penstock.server.loops.loop import Tools
from penstock.server.loops.pauses import fail_expired
from penstock.server.loops.retention import VERSIONS_KEPT, forget
from penstock.server.loops.tallies import AT_ONCE, Tallying
from penstock.server.sink import keep_events
from penstock.settings import Settings
from penstock.store import deployment_versions, flow_runs
from penstock.store.database import Database, Steps, intent
from penstock.store.deployment_versions import VersionFacts, Write
from penstock.store.event_feed import Place, read_after
from penstock.store.flow_run_states import Proposal, propose, read_known
from penstock.store.statements import statement
from penstock.wire.deployments import Deployment
from penstock.wire.events import ReceivedEvent
from penstock.wire.flow_runs import FlowRun
from penstock.wire.states import State, StateCreate, StateDetails, StateType
from tests.server.conftest import ask, running, settings_in

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

SET_LEASE = statement(
    "set_lease", "update flow_runs set lease_holder = :holder, lease_expires_at = :until where id = :id"
)


@pytest.fixture
def tools(db: Database) -> Tools:
    return Tools(db, Broadcast(db), Settings())


async def make_run(tools: Tools, kind: str, *, name: str | None = None, at: datetime = NOW, **details: Any) -> UUID:
    """A run in a state since a time; a running one got there by the way of all runs."""
    run = FlowRun(id=new_id(), name="keen-otter", flow_id=new_id(), created=at, updated=at)
    state = StateCreate(type=StateType(kind), name=name, state_details=StateDetails(**details))
    await flow_runs.create(tools.store, run, state, Surroundings(), state_id=new_id(), now=at)
    return run.id


async def state_of(tools: Tools, run_id: UUID) -> State:
    known = await tools.store.read(read_known(run_id))
    assert known.run.state is not None
    return known.run.state


@intent
def lease(run_id: UUID, holder: str | None, until: datetime) -> Steps[None]:
    yield SET_LEASE(id=str(run_id), holder=holder, until=to_micros(until))


async def test_a_run_is_late_when_its_time_is_long_enough_ago(tools: Tools) -> None:
    due = NOW - 15 * SECOND
    late = await make_run(tools, "SCHEDULED", scheduled_time=due)
    punctual = await make_run(tools, "SCHEDULED", scheduled_time=due + SECOND)
    waiting = await make_run(tools, "SCHEDULED", name="AwaitingRetry", scheduled_time=due)
    subscription = tools.hub.subscribe_events(lambda event: True)
    assert (await mark_late(tools, NOW)).did == 1
    state = await state_of(tools, late)
    assert (state.name, state.state_details.scheduled_time) == ("Late", due)
    assert (await state_of(tools, punctual)).name == "Scheduled"
    assert (await state_of(tools, waiting)).name == "AwaitingRetry"
    assert [event.event for event in await subscription.next()] == ["prefect.flow-run.Late"]
    assert (await mark_late(tools, NOW)).did == 0


async def runs_of_full_deployment(app: App, strategy: str) -> tuple[str, str]:
    """A run that holds the only slot, and one that is due."""
    flow = (await ask(app, "POST", "/flows/", {"name": "etl"})).json
    limits = {"concurrency_limit": 1, "concurrency_options": {"collision_strategy": strategy}}
    made = await ask(app, "POST", "/deployments/", {"name": "d", "flow_id": flow["id"], **limits})
    first, second = [
        (await ask(app, "POST", f"/deployments/{made.json['id']}/create_flow_run", {})).json["id"] for _ in "12"
    ]
    assert (await cancel_new(app.loops.tools, utc_now())).did == 0
    taken = await ask(app, "POST", f"/flow_runs/{first}/set_state", {"state": {"type": "PENDING"}})
    assert taken.json["status"] == "ACCEPT"
    return first, second


@pytest.mark.parametrize(("strategy", "becomes"), [("CANCEL_NEW", "Cancelled"), ("ENQUEUE", "Scheduled")])
@pytest.mark.parametrize("late", [True, False])
async def test_a_due_run_of_a_full_deployment_waits_or_not_as_asked(
    tmp_path: Path, strategy: str, becomes: str, late: bool
) -> None:
    async with running(settings_in(tmp_path)) as app:
        await app.loops.stop()
        first, second = await runs_of_full_deployment(app, strategy)
        if late:  # a run that is known to be late is no longer new, and may not wait either
            assert (await mark_late(app.loops.tools, utc_now() + 20 * SECOND)).did == 1
        did = (await cancel_new(app.loops.tools, utc_now())).did
        assert did == (strategy == "CANCEL_NEW")
        state = (await ask(app, "GET", f"/flow_runs/{second}")).json["state_name"]
        assert state == ("Late" if late and strategy == "ENQUEUE" else becomes)
        assert (await ask(app, "GET", f"/flow_runs/{first}")).json["state_name"] == "Pending"


async def test_the_next_pass_for_collisions_is_when_a_run_is_due(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as app:
        await app.loops.stop()
        await runs_of_full_deployment(app, "CANCEL_NEW")
        [deployment] = (await ask(app, "POST", "/deployments/filter", {})).json
        due = (utc_now() + 3 * SECOND).isoformat()
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}
        await ask(app, "POST", f"/deployments/{deployment['id']}/create_flow_run", {"state": state})
        report = await cancel_new(app.loops.tools, utc_now())
        assert report.again_in is not None
        assert 1 < report.again_in < 3.1


async def test_a_pause_that_is_over_fails_the_run(tools: Tools) -> None:
    over = await make_run(tools, "PAUSED", pause_timeout=NOW - SECOND)
    going_on = await make_run(tools, "PAUSED", pause_timeout=NOW + 3 * SECOND)
    for_ever = await make_run(tools, "PAUSED")
    report = await fail_expired(tools, NOW)
    assert (report.did, report.again_in) == (1, 3.0)
    state = await state_of(tools, over)
    assert (state.type, state.message) == (StateType.FAILED, "Nobody resumed the run in time.")
    for run_id in (going_on, for_ever):
        assert (await state_of(tools, run_id)).type is StateType.PAUSED


@pytest.mark.parametrize(
    ("kind", "becomes"),
    [("PENDING", StateType.SCHEDULED), ("RUNNING", StateType.CRASHED), ("CANCELLING", StateType.CANCELLED)],
)
async def test_a_run_is_taken_back_from_a_holder_that_fell_silent(tools: Tools, kind: str, becomes: StateType) -> None:
    lapsed, held = await make_run(tools, kind), await make_run(tools, kind)
    await tools.store.write(lease(lapsed, "claim:w-1", NOW - SECOND))
    await tools.store.write(lease(held, "claim:w-1", NOW + 4 * SECOND))
    report = await take_back(tools, NOW)
    assert report.did == 1
    state = await state_of(tools, lapsed)
    assert state.type is becomes
    assert "w-1" in (state.message or "")
    assert (await state_of(tools, held)).type.value == kind
    report = await take_back(tools, NOW)
    assert report.did == 0
    assert report.again_in == pytest.approx(4, abs=0.1)


async def test_a_holder_that_came_back_in_time_keeps_its_run(tools: Tools) -> None:
    run_id = await make_run(tools, "RUNNING")
    await tools.store.write(lease(run_id, "claim:w-1", NOW + SECOND))
    assert (await take_back(tools, NOW)).did == 0
    assert (await state_of(tools, run_id)).type is StateType.RUNNING


def heartbeat(run_id: UUID, at: datetime = NOW) -> ReceivedEvent:
    resource = {"prefect.resource.id": f"prefect.flow-run.{run_id}"}
    return ReceivedEvent(occurred=at, event="prefect.flow-run.heartbeat", resource=resource, id=new_id(), received=at)


async def test_a_run_that_sent_heartbeats_and_fell_silent_crashes(tools: Tools) -> None:
    heard, never = await make_run(tools, "RUNNING"), await make_run(tools, "RUNNING")
    await tools.store.write(keep_events([heartbeat(heard)]))
    assert (await take_back(tools, NOW + 599 * SECOND)).did == 0
    assert (await take_back(tools, NOW + 601 * SECOND)).did == 1
    assert (await state_of(tools, heard)).type is StateType.CRASHED
    assert (await state_of(tools, never)).type is StateType.RUNNING


async def test_a_heartbeat_does_not_renew_what_a_penstock_worker_holds(tools: Tools) -> None:
    run_id = await make_run(tools, "RUNNING")
    await tools.store.write(lease(run_id, "claim:w-1", NOW + SECOND))
    await tools.store.write(keep_events([heartbeat(run_id)]))
    assert (await take_back(tools, NOW + 2 * SECOND)).did == 1


async def test_a_cancellation_nobody_confirms_ends_by_itself(tools: Tools) -> None:
    stale = await make_run(tools, "CANCELLING", at=NOW - 301 * SECOND)
    fresh = await make_run(tools, "CANCELLING", at=NOW - 299 * SECOND)
    assert (await CancellationCleanup().run_once(tools, NOW)).did == 1
    assert (await state_of(tools, stale)).type is StateType.CANCELLED
    assert (await state_of(tools, fresh)).type is StateType.CANCELLING


async def test_hours_that_are_over_are_counted_once_and_again_when_one_of_their_runs_changes(tools: Tools) -> None:
    hours = [timedelta(hours=number) for number in range(2, 2 + AT_ONCE + 1)]
    runs = [await make_run(tools, "SCHEDULED", at=NOW - ago, scheduled_time=NOW - ago) for ago in hours]
    tallying = Tallying()
    passes = [await tallying.run_once(tools, NOW) for _ in range(3)]
    of_runs_and_their_events = [(AT_ONCE, True), (AT_ONCE, True), (2, False)]
    assert [(one.did, one.again_in is not None) for one in passes] == of_runs_and_their_events
    assert (await tallying.run_once(tools, NOW)).did == 0
    await propose(tools.store, runs[3], Proposal(StateCreate(type=StateType.PENDING), NOW, new_id()))
    assert (await tallying.run_once(tools, NOW)).did == 1


async def test_old_events_are_forgotten(tools: Tools) -> None:
    week = timedelta(days=7)
    old, new = heartbeat(new_id(), NOW - week - SECOND), heartbeat(new_id(), NOW - week + SECOND)
    await tools.store.write(keep_events([old, new]))
    assert (await forget(tools, NOW)).did == 1
    docs, _ = await tools.store.read(read_after(Place(0), 10))
    assert [str(new.id) in doc for doc in docs] == [True]


async def test_old_versions_of_a_deployment_are_forgotten(tools: Tools) -> None:
    one = Deployment(id=new_id(), name="d", flow_id=new_id(), created=NOW, updated=NOW)
    for n in range(VERSIONS_KEPT + 3):
        facts = VersionFacts(new_id(), applied={"n": n})
        await tools.store.write(deployment_versions.write(Write(one, new_id(), NOW), facts))
    report = await forget(tools, NOW)
    assert (report.did, report.again_in is not None) == (3, True)
    assert (await forget(tools, NOW)).did == 0
    left = json.loads(await tools.store.read(deployment_versions.list_versions(one.id, 1000)))
    assert (left[0]["number"], left[-1]["number"]) == (VERSIONS_KEPT + 3, 4)


async def test_a_run_deleted_meanwhile_is_let_be(tools: Tools) -> None:
    run_id = await make_run(tools, "SCHEDULED", scheduled_time=NOW - timedelta(minutes=1))
    await tools.store.write(flow_runs.delete(run_id))
    assert (await mark_late(tools, NOW)).did == 0


async def test_a_late_run_can_be_taken(tools: Tools) -> None:
    run_id = await make_run(tools, "SCHEDULED", scheduled_time=NOW - timedelta(minutes=1))
    await mark_late(tools, NOW)
    pending = Proposal(StateCreate(type=StateType.PENDING), NOW, new_id())
    assert (await propose(tools.store, run_id, pending)).written
