"""What hours were counted, and that charts tell the same with tallies as without, whatever happens to the runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from penstock.clock import to_micros
from penstock.core.tallied_spans import HOUR, Bars
from penstock.store import flow_runs, flows, run_charts
from penstock.store.database import Database, Steps
from penstock.store.filters import select
from penstock.store.statements import statement
from penstock.store.tallied_filters import tallied
from penstock.store.tallies import NOUNS, announce, changed_hours, tally
from penstock.wire.flow_runs import HistoryInterval
from penstock.wire.model import Criteria
from penstock.wire.states import StateType as S
from tests.contracts.store.test_flow_runs import NOW, World

Chart = list[list[tuple[str, int, float, float]]]
LATER = NOW + timedelta(hours=3)
"""When the hours before `NOW` are long over."""
SETTLED = statement("settled", "select count(*) from tallied_hours where noun = 'flow_runs' and tallied = changes")
KEPT = statement("kept", "select count(*) from flow_run_tallies")


async def tally_all(db: Database, now: datetime = LATER) -> int:
    """Counts what is to be counted; gives how many hours that were."""
    counted = 0
    for noun in NOUNS:
        more, since = True, 0
        while more:
            since, more = await announce(db, noun, since, now, 2)
    for noun, hour in await db.scan(changed_hours(100)):
        counted += await tally(db, noun, hour)
    return counted


async def number(db: Database, question: Any) -> int:
    def steps() -> Steps[int]:
        return int((yield question())[0][0])

    return await db.read(steps())


async def charts(db: Database, criteria: Criteria, begin: float = -6, step: float = 0.5) -> list[Chart]:
    """The same chart by the tallies and by the runs alone: `begin` in hours from now on, 24 bars of some hours each."""
    first = to_micros(NOW + timedelta(hours=begin))
    bars = Bars(first, int(step * HOUR), first, first + int(24 * step * HOUR))
    known, selection = tallied("flow_runs", criteria, db.dialect), select("flow_runs", criteria, db.dialect)
    assert known is not None, "the tallies can't answer this"
    return [_rounded(await db.scan(run_charts.history(selection, one, bars, LATER))) for one in (known, None)]


def _rounded(bars: list[HistoryInterval]) -> Chart:
    """Seconds to a part of a millisecond: sums of fractions depend on their order beyond that."""
    return [
        [
            (one.state_name, one.count_runs, round(one.sum_estimated_run_time, 4), round(one.sum_estimated_lateness, 4))
            for one in bar.states
        ]
        for bar in bars
    ]


async def a_mixed_past(world: World) -> Mapping[str, Any]:
    """Runs in several hours, of two deployments, in all kinds of states."""
    one, two = await world.deploy("one"), await world.deploy("two")
    runs = []
    for index, kinds in enumerate(
        [
            (),
            (S.PENDING,),
            (S.PENDING, S.RUNNING),
            (S.PENDING, S.RUNNING, S.COMPLETED),
            (S.RUNNING, S.FAILED),
            (S.CANCELLED,),
        ]
        * 3
    ):
        run = (await world.run(deployment=(one, two, None)[index % 3], due=-1000 * index)).run
        for kind in kinds:
            await world.propose(run.id, kind, force=True)
        runs.append(run.id)
    return {"one": one, "two": two, "runs": runs}


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"flow_runs": {"state": {"type": {"any_": ["FAILED", "COMPLETED"]}}}},
        {"flow_runs": {"state": {"operator": "or_", "type": {"any_": ["FAILED"]}, "name": {"any_": ["Pending"]}}}},
        {"flow_runs": {"state": {"name": {"not_any_": ["Scheduled"]}}}},
        {
            "flow_runs": {
                "start_time": {"after_": str(NOW - timedelta(hours=4)), "before_": str(NOW - timedelta(hours=2))}
            }
        },
        {"flows": {"name": {"like_": "f"}}},
        {"work_pools": {"name": {"any_": ["p"]}}},
        {"work_pools": {"name": {"any_": ["q"]}}},
        {"deployments": {"name": {"any_": ["one"]}}, "flow_runs": {"state": {"type": {"any_": ["FAILED", "RUNNING"]}}}},
    ],
    ids=["all", "types", "or", "not", "times", "flow", "pool", "no pool", "deployment"],
)
async def test_a_chart_is_the_same_with_tallies_as_without(db: Database, asked: dict[str, Any]) -> None:
    world = await World(db).begin()
    await a_mixed_past(world)
    assert await tally_all(db) > 3
    for begin, step in ((-6, 0.5), (-6.51, 0.37), (-5, 1), (-40, 3.3)):
        counted, seen = await charts(db, Criteria(**asked), begin, step)
        assert counted == seen


async def test_the_id_of_a_flow_is_not_that_of_a_deployment(db: Database) -> None:
    world = await World(db).begin()
    past = await a_mixed_past(world)
    await tally_all(db)
    for id, has_runs in ((past["one"], True), (world.flow_id, False), (world.queue_id, False)):
        counted, seen = await charts(db, Criteria(flow_runs={"deployment_id": {"any_": [str(id)]}}))
        assert counted == seen
        assert any(counted) is has_runs


async def test_a_chart_of_hours_that_are_over_looks_at_tallies(db: Database) -> None:
    world = await World(db).begin()
    runs = (await a_mixed_past(world))["runs"]
    await tally_all(db)
    await db.write(_quietly(str(runs[-1])))
    counted, seen = await charts(db, Criteria())
    assert counted != seen


def _quietly(id: str) -> Steps[None]:
    """Turns a tally into another one than the runs have."""
    yield statement("quietly", "update flow_run_tallies set runs = runs + 1")()


async def test_whatever_happens_to_a_run_is_seen_at_once(db: Database) -> None:
    world = await World(db).begin()
    past = await a_mixed_past(world)
    await tally_all(db)
    settled = await number(db, SETTLED)
    await world.propose(past["runs"][6], S.PENDING)
    await world.propose(past["runs"][7], S.RUNNING)
    await db.write(flow_runs.delete(past["runs"][11]))
    await world.run(due=-9000)
    counted, seen = await charts(db, Criteria())
    assert counted == seen
    assert 0 < await number(db, SETTLED) < settled
    await tally_all(db)
    counted, seen = await charts(db, Criteria())
    assert counted == seen
    assert await db.scan(changed_hours(100)) == []


async def test_a_run_that_changes_while_its_hour_is_counted_is_counted_again(db: Database) -> None:
    world = await World(db).begin()
    run = (await world.run(due=-7200)).run
    await announce(db, "flow_runs", 0, LATER, 10)
    ((_, hour),) = await db.scan(changed_hours(10))
    store = Between(db, lambda: world.propose(run.id, S.PENDING))
    assert not await tally(store, "flow_runs", hour)  # type: ignore[arg-type]  # has what it needs of one
    assert await tally(db, "flow_runs", hour)
    counted, seen = await charts(db, Criteria())
    assert counted == seen
    assert await number(db, SETTLED) == 1


class Between:
    """A database where something happens after each look at it."""

    def __init__(self, db: Database, happens: Any) -> None:
        self._db, self._happens = db, happens
        self.write = db.write

    async def scan(self, intent: Any) -> Any:
        found = await self._db.scan(intent)
        await self._happens()
        return found


async def test_hours_whose_runs_are_forgotten_leave_nothing(db: Database) -> None:
    world = await World(db).begin()
    past = await a_mixed_past(world)
    await tally_all(db)
    assert await number(db, KEPT) > 0
    for run in past["runs"]:
        await db.write(flow_runs.delete(run))
    await tally_all(db)
    assert await number(db, KEPT) == 0
    assert await number(db, SETTLED) == 0


async def test_the_present_hour_is_not_counted_yet(db: Database) -> None:
    world = await World(db).begin()
    await world.run(due=0)
    assert await tally_all(db, NOW + timedelta(minutes=69)) == 0
    assert await number(db, SETTLED) == 0
    assert await tally_all(db, NOW + timedelta(minutes=70)) > 0
    assert await number(db, SETTLED) == 1


async def test_deleting_a_flow_is_seen(db: Database) -> None:
    world = await World(db).begin()
    await a_mixed_past(world)
    await tally_all(db)
    await db.write(flows.delete_flows([world.flow_id]))
    counted, seen = await charts(db, Criteria())
    assert counted == seen
    assert not any(counted)


@pytest.mark.parametrize(
    "asked",
    [
        {"flow_runs": {"name": {"like_": "a"}}},
        {"flow_runs": {"tags": {"all_": ["a"]}}},
        {"flow_runs": {"operator": "or_", "start_time": {"after_": str(NOW)}, "state": {"type": {"any_": ["FAILED"]}}}},
        {"task_runs": {"name": {"like_": "a"}}},
        {"flows": {"name": {"like_": "f"}}, "work_pools": {"name": {"any_": ["p"]}}},
        {"flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}},
        {"flow_runs": {"state": {"name": {"any_": ["Late"]}}}},
    ],
    ids=["name", "tag", "or", "tasks", "two", "passing", "late"],
)
def test_what_tallies_do_not_know_or_know_no_sooner_is_left_to_the_runs(asked: dict[str, Any]) -> None:
    assert tallied("flow_runs", Criteria(**asked), "sqlite") is None
