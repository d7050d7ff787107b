"""Several servers on one PostgreSQL: each run goes to one claim, and what happens at one is known at the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from penstock.ids import new_id
from penstock.server.app import App
from penstock.server.loops.loop import Tools
from penstock.server.loops.schedule import plan_runs
from tests.conftest import lent
from tests.server.conftest import ask, running, settings_in, until
from tests.server.test_waiting import deployed

DAILY = {"schedule": {"interval": 86_400, "anchor_date": "2026-01-01T00:00:00Z"}, "active": True}


@pytest.fixture
def shared(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a PostgreSQL database."""
    yield from lent("postgres", tmp_path, request, "postgres_template")


@pytest.fixture
async def replicas(shared: str, tmp_path: Path) -> AsyncIterator[list[App]]:
    """Two servers whose services rest, so that tests say when they run."""
    rest = {f"SERVER_SERVICES_{name}_ENABLED": "false" for name in ("SCHEDULER", "LATE_RUNS", "REPOSSESSOR")}
    settings = settings_in(tmp_path, SERVER_DATABASE_CONNECTION_URL=shared, **rest)
    async with running(settings) as first, running(settings) as second:
        yield [first, second]


async def claim(app: App, worker: str, limit: int = 1, wait: float = 0) -> list[Any]:
    body = {"worker_name": worker, "limit": limit, "wait_seconds": wait, "lease_seconds": 30}
    return list((await ask(app, "POST", "/penstock/work_pools/pool/claim", body)).json)


async def start(app: App, deployment: str) -> str:
    return str((await ask(app, "POST", f"/deployments/{deployment}/create_flow_run", {})).json["id"])


async def test_a_claim_at_one_wakes_for_a_run_made_at_the_other(replicas: list[App]) -> None:
    first, second = replicas
    deployment = await deployed(first)
    claiming = asyncio.create_task(claim(second, "w", wait=30))
    await until(lambda: bool(second.services.hub.lines.waiting))
    before = time.monotonic()
    run = await start(first, deployment)
    (taken,) = await claiming
    assert taken["flow_run"]["id"] == run
    assert time.monotonic() - before < 5


async def test_each_run_goes_to_one_of_many_claims(replicas: list[App]) -> None:
    deployment = await deployed(replicas[0])
    made = [await start(replicas[n % 2], deployment) for n in range(60)]

    async def work(app: App, worker: str) -> list[str]:
        mine: list[str] = []
        while found := await claim(app, worker, limit=4):
            mine += [one["flow_run"]["id"] for one in found]
        return mine

    taken = await asyncio.gather(*(work(replicas[n % 2], f"w{n}") for n in range(6)))
    taken.append(await work(replicas[0], "last"))
    assert sorted(id for mine in taken for id in mine) == sorted(made)


async def test_schedules_are_planned_once_whoever_plans(replicas: list[App]) -> None:
    deployment = await deployed(replicas[0], schedules=[DAILY])
    now = datetime.now(UTC)
    everyone = [Tools(app.services.store, app.services.hub, app.services.settings) for app in replicas]
    await asyncio.gather(*(plan_runs(tools, now) for tools in everyone * 2))
    wanted = {"deployments": {"id": {"any_": [deployment]}}}
    runs = (await ask(replicas[1], "POST", "/flow_runs/filter", wanted)).json
    times = [run["next_scheduled_start_time"] for run in runs]
    assert len(set(times)) == len(times) > 2


async def test_an_event_at_one_is_shown_at_the_other(replicas: list[App]) -> None:
    first, second = replicas
    subscription = second.services.hub.subscribe_events(lambda one: one.event == "told")
    listening = asyncio.create_task(subscription.next())
    told = set()
    while not listening.done():  # a hint is lost on who does not listen yet
        event = {"event": "told", "resource": {"prefect.resource.id": "a"}, "id": str(new_id())}
        event |= {"occurred": datetime.now(UTC).isoformat()}
        told.add(event["id"])
        assert (await ask(first, "POST", "/events", [event])).status == 204
        await asyncio.wait({listening}, timeout=0.5)
    assert {str(one.id) for one in listening.result()} <= told
