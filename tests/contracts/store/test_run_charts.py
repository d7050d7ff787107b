"""What charts are told of runs, on both databases."""

from __future__ import annotations

from datetime import timedelta

from penstock.clock import to_micros
from penstock.core.tallied_spans import Bars
from penstock.store import run_charts
from penstock.store.database import Database
from penstock.store.filters import select
from penstock.wire.model import Criteria
from penstock.wire.states import StateType
from tests.contracts.store.test_flow_runs import NOW, World


async def test_lateness_is_the_mean_over_the_runs(db: Database) -> None:
    world = await World(db).begin()
    everything = select("flow_runs", Criteria(), db.dialect)
    assert await db.scan(run_charts.average_lateness(everything, NOW)) is None
    await world.run(due=-30)
    await world.run(due=-10)
    assert await db.scan(run_charts.average_lateness(everything, NOW)) == 20.0


async def test_a_history_counts_runs_where_they_belong(db: Database) -> None:
    world = await World(db).begin()
    await world.run(due=5)
    run = (await world.run(due=0)).run
    await world.propose(run.id, StateType.RUNNING)
    everything = select("flow_runs", Criteria(), db.dialect)
    later = NOW + timedelta(seconds=12)
    asked = Bars(to_micros(NOW), 4_000_000, to_micros(NOW), to_micros(later))
    bars = await db.scan(run_charts.history(everything, None, asked, NOW))
    counts = [[(one.state_name, one.count_runs) for one in bar.states] for bar in bars]
    assert counts == [[("Running", 1)], [("Scheduled", 1)], []]
