"""Push pools: the server itself starts, watches, stops and takes over jobs, with no worker anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock.client.client import AsyncClient, Client
from penstock.clock import SystemClock
from penstock.infra.dummy import DummyInfrastructure, DummyJob
from penstock.server.app import App
from penstock.server.embedded import WithinProcess
from penstock.server.loops.loop import Tools
from penstock.server.loops.push import PushPools, hear_cancellations
from penstock.settings import Settings
from penstock.wire import work_pools
from penstock.worker.push import Place, PushHost
from tests.server.conftest import ask, running, settings_in, until

FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
LEASE = 5.0


@dataclass
class Bench:
    """A server with a push pool, whose runs do what their job variables say."""

    app: App
    deployment: str

    @classmethod
    async def of(cls, app: App, **more: Any) -> Bench:
        flow = (await ask(app, "POST", "/flows/", {"name": "etl"})).json
        assert (await ask(app, "POST", "/work_pools/", {"name": "pool", "type": "dummy:push"})).status == 201
        body = {"name": "daily", "flow_id": flow["id"], "work_pool_name": "pool", **more}
        made = await ask(app, "POST", "/deployments/", body)
        assert made.status == 201, made.json
        return cls(app, made.json["id"])

    async def run(self, **variables: Any) -> str:
        body = {"job_variables": variables}
        return str((await ask(self.app, "POST", f"/deployments/{self.deployment}/create_flow_run", body)).json["id"])

    async def state(self, run: str) -> dict[str, Any]:
        return dict((await ask(self.app, "GET", f"/flow_runs/{run}")).json["state"])

    async def reaches(self, run: str, *kinds: str) -> dict[str, Any]:
        """The run's state once it is one of these; the server's own events say when to look."""
        heard = self.app.services.hub.subscribe_events(lambda event: run in event.resource["prefect.resource.id"])
        try:
            async with asyncio.timeout(30):
                while (state := await self.state(run))["type"] not in kinds:
                    await heard.next()
                return state
        finally:
            self.app.services.hub.unsubscribe(heard)

    async def ended(self, run: str) -> dict[str, Any]:
        return await self.reaches(run, *FINAL)

    async def set(self, run: str, kind: str) -> None:
        await ask(self.app, "POST", f"/flow_runs/{run}/set_state", {"state": {"type": kind}})

    async def names(self, run: str) -> list[str]:
        return [one["name"] for one in (await ask(self.app, "GET", f"/flow_run_states/?flow_run_id={run}")).json]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with running(settings_in(tmp_path)) as app:
        yield await Bench.of(app)


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Bench]:
    """A server that leaves its push pool to the hosts of the test."""
    async with running(settings_in(tmp_path, SERVER_PUSH_ENABLED="false")) as app:
        yield await Bench.of(app)


async def host(app: App, world: dict[str, DummyJob], run_seconds: float = 60) -> PushHost:
    """A host of the pool, whose jobs are in a world that others look into too."""

    def client() -> Client:
        return Client(WithinProcess(app, asyncio.get_running_loop()))

    place = Place(
        client=AsyncClient(client()),
        line=client(),
        settings=Settings(),
        hear=lambda cancel: hear_cancellations(app.services.hub, cancel),
        lease_seconds=LEASE,
        run_seconds=run_seconds,
        clock=SystemClock(),
    )
    found = await place.client.call(work_pools.read_work_pool, name="pool")
    made = PushHost(found, place, DummyInfrastructure(world))
    made.start()
    return made


async def test_a_run_is_started_and_its_end_explained(bench: Bench) -> None:
    run = await bench.run(exit_code=3, output="the last line")
    state = await bench.ended(run)
    assert state["type"] == "CRASHED"
    assert "exit code 3" in state["message"]
    assert state["message"].endswith("the last line")
    pool = (await ask(bench.app, "GET", "/work_pools/pool")).json
    assert pool["status"] == "READY"
    assert pool["base_job_template"]["variables"]["properties"]["run_seconds"]
    assert (await ask(bench.app, "POST", "/work_pools/pool/workers/filter", {})).json == []


async def test_a_start_that_fails_for_now_is_tried_again(bench: Bench) -> None:
    run = await bench.run(busy=1, exit_code=4)
    assert "exit code 4" in (await bench.ended(run))["message"]


async def test_a_refused_start_is_not_tried_again(bench: Bench) -> None:
    state = await bench.ended(await bench.run(refuse="the cloud knows no such cluster"))
    assert state["type"] == "CRASHED"
    assert "the cloud knows no such cluster" in state["message"]


async def test_limits_and_pauses_hold(bench: Bench) -> None:
    await ask(bench.app, "PATCH", "/work_pools/pool", {"concurrency_limit": 1})
    first, second = await bench.run(run_seconds=30), await bench.run(exit_code=1)
    await bench.reaches(first, "PENDING")
    await ask(bench.app, "PATCH", "/work_pools/pool", {"is_paused": True})
    await bench.set(first, "CANCELLING")
    assert (await bench.ended(first))["type"] == "CANCELLED"
    assert (await bench.state(second))["type"] == "SCHEDULED"
    await ask(bench.app, "PATCH", "/work_pools/pool", {"is_paused": False})
    assert (await bench.ended(second))["type"] == "CRASHED"


async def test_a_run_is_cancelled_while_its_container_starts(bench: Bench) -> None:
    run = await bench.run(start_seconds=0.5, run_seconds=30)
    await bench.reaches(run, "PENDING")
    await bench.set(run, "CANCELLING")
    assert (await bench.ended(run))["type"] == "CANCELLED"


async def test_what_is_lost_is_offered_again_as_often_as_its_deployment_says(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as app:
        bench = await Bench.of(app, on_infrastructure_loss="reschedule", reschedule_limit=1)
        run = await bench.run(exit_code=137, lost="The spot instance was taken back.")
        state = await bench.ended(run)
        assert "The spot instance was taken back." in state["message"]
        assert await bench.names(run) == ["Scheduled", "Pending", "AwaitingRetry", "Pending", "Crashed"]


async def test_a_run_that_takes_too_long_is_stopped(empty: Bench) -> None:
    world: dict[str, DummyJob] = {}
    hosting = await host(empty.app, world, run_seconds=0.2)
    run = await empty.run(run_seconds=30)
    state = await empty.ended(run)
    assert (state["type"], state["name"]) == ("CRASHED", "TimedOut")
    assert "0.2 seconds" in state["message"]
    await hosting.close()


async def test_the_next_host_takes_over_what_one_has_left(empty: Bench) -> None:
    world: dict[str, DummyJob] = {}
    first = await host(empty.app, world)
    run = await empty.run(run_seconds=30)
    await empty.reaches(run, "PENDING")
    await until_begun(world)
    await empty.set(run, "RUNNING")
    await first.close()
    second = await host(empty.app, world)
    await empty.set(run, "CANCELLING")
    assert (await empty.ended(run))["type"] == "CANCELLED"
    assert len(await empty.names(run)) == 5
    await until(lambda: not world)
    await second.close()


async def test_a_run_whose_job_is_gone_with_its_host_is_due_again_or_lost(empty: Bench) -> None:
    world: dict[str, DummyJob] = {}
    first = await host(empty.app, world)
    unbegun, begun = await empty.run(run_seconds=30), await empty.run(run_seconds=30)
    await until_begun(world, 2)
    await empty.set(begun, "RUNNING")
    await first.close()
    world.clear()
    second = await host(empty.app, world)
    state = await empty.ended(begun)
    assert state["type"] == "CRASHED"
    assert "knows nothing of it any more" in state["message"]
    await until_begun(world)
    assert "AwaitingRetry" in await empty.names(unbegun)
    await second.close()


async def test_push_pools_come_and_go(bench: Bench) -> None:
    (before,) = (await ask(bench.app, "POST", "/work_pools/filter", {})).json
    assert (await ask(bench.app, "DELETE", "/work_pools/pool")).status == 204
    assert (await ask(bench.app, "POST", "/work_pools/", {"name": "pool", "type": "dummy:push"})).status == 201
    (after,) = (await ask(bench.app, "POST", "/work_pools/filter", {})).json
    assert before["id"] != after["id"]
    body = {"work_pool_name": "pool"}
    assert (await ask(bench.app, "PATCH", f"/deployments/{bench.deployment}", body)).status == 204
    assert (await bench.ended(await bench.run(exit_code=5)))["type"] == "CRASHED"


@dataclass
class Idle:
    """A host that starts nothing, because of this."""

    because: str | None

    def start(self) -> None: ...

    def problem(self) -> str | None:
        return self.because

    def drain(self) -> None: ...

    async def close(self) -> None: ...


async def test_a_pool_that_the_server_can_not_serve_says_why(empty: Bench) -> None:
    """Until its host works, or nobody says so any more."""
    services, now = empty.app.services, datetime.now(UTC)
    tools = Tools(services.store, services.hub, services.settings)
    run = await empty.run()

    async def seen() -> tuple[str, str]:
        why = (await ask(empty.app, "GET", f"/penstock/flow_runs/{run}/why")).json
        return (await ask(empty.app, "GET", "/work_pools/pool")).json["status"], why["sentence"]

    well = ("READY", "The server starts the runs of 'pool' itself.")
    away = ("NOT_READY", "The server can't start the runs of 'pool': No engine answers.")
    hosts = iter([Idle("No engine answers."), Idle(None), Idle("No engine answers.")])
    pools = PushPools(lambda pool: next(hosts))
    assert await seen() == well
    await pools.run_once(tools, now)
    await pools.run_once(tools, now)
    assert await seen() == away
    await pools.run_once(tools, now)
    assert await seen() == well
    broken = PushPools(lambda pool: Idle("No engine answers."))
    await broken.run_once(tools, now)
    await broken.run_once(tools, now)
    await pools.run_once(tools, now)
    assert await seen() == away
    await pools.run_once(tools, now + timedelta(seconds=61))
    assert await seen() == well


async def test_a_run_can_not_fall_back_to_the_servers_own_account(empty: Bench) -> None:
    """What stands in place of the pool's credentials is looked at when the job starts, too."""
    [pool] = (await ask(empty.app, "POST", "/work_pools/filter", {})).json
    assert (await ask(empty.app, "DELETE", f"/work_pools/{pool['name']}")).status == 204
    keys = {"aws_access_key_id": "AK", "aws_secret_access_key": "SK", "region_name": "eu-west-1"}
    variables = {"properties": {"aws_credentials": {"type": "object", "default": keys}}}
    template = {"job_configuration": {"aws_credentials": "{{ aws_credentials }}"}, "variables": variables}
    body = {"name": "pool", "type": "ecs:push", "base_job_template": template}
    assert (await ask(empty.app, "POST", "/work_pools/", body)).status == 201
    place = {"work_pool_name": "pool"}
    assert (await ask(empty.app, "PATCH", f"/deployments/{empty.deployment}", place)).status == 204
    served = await host(empty.app, {})
    state = await empty.ended(await empty.run(aws_credentials=None))
    assert "needs a block of type 'aws-credentials'" in state["message"]
    await served.close()


async def test_the_server_runs_no_processes_of_a_push_pool(bench: Bench) -> None:
    refused = await ask(bench.app, "POST", "/work_pools/", {"name": "other", "type": "process:push"})
    assert refused.status == 422
    assert "start a worker" in str(refused.json)


async def until_begun(world: dict[str, DummyJob], count: int = 1) -> None:
    """Lets the loop turn until so many jobs were started."""
    await until(lambda: sum(job.begun for job in world.values()) >= count)
