"""Which due runs are handed out: pauses, limits, priorities, and runs that wait for a slot before others that need not.

Each is tried in both ways in which runs are got: a claim of Penstock's own protocol takes them, a poll as Prefect's
workers send it shows them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from penstock.server.broadcast import Subscription
from penstock.wire.events import ReceivedEvent
from tests.server.conftest import until
from tests.server.routes.conftest import Api

Get = Callable[[Api, int], Awaitable[list[str]]]
BLOCKED = 500


async def claimed(api: Api, limit: int = 100, wait: float = 0) -> list[str]:
    """Names of the runs that a Penstock worker is given."""
    asked = {"worker_name": "w", "limit": limit, "wait_seconds": wait}
    return [one["flow_run"]["name"] for one in await api.post("/penstock/work_pools/p/claim", asked)]


async def polled(api: Api, limit: int = 100) -> list[str]:
    """Names of the runs that a Prefect worker is shown."""
    shown = await api.post("/work_pools/p/get_scheduled_flow_runs", {"limit": limit})
    return [one["flow_run"]["name"] for one in shown]


WAYS = pytest.mark.parametrize("get", [claimed, polled])


async def make_pool(api: Api, *queues: str, **more: Any) -> None:
    """The pool `p`, with queues in the order of their importance."""
    await api.post("/work_pools/", {"name": "p", "type": "process", **more}, 201)
    for place, name in enumerate(queues, 1):
        await api.post("/work_pools/p/queues", {"name": name, "priority": place}, 201)


async def deploy(api: Api, name: str, queue: str = "default", **more: Any) -> str:
    flow = (await api.ask("POST", "/flows/", {"name": "f"})).json["id"]
    body = {"name": name, "flow_id": flow, "work_pool_name": "p", "work_queue_name": queue, **more}
    return str((await api.post("/deployments/", body, 201))["id"])


async def make_runs(api: Api, deployment: str, *names: str) -> list[str]:
    """Ids of due runs, made in this order."""
    path = f"/deployments/{deployment}/create_flow_run"
    return [str((await api.post(path, {"name": name}, 201))["id"]) for name in names]


async def propose(api: Api, run: str, kind: str) -> str:
    answer = await api.post(f"/flow_runs/{run}/set_state", {"state": {"type": kind}}, 201)
    return str(answer["state"]["type"])


async def why(api: Api, run: str) -> str:
    return str((await api.get(f"/penstock/flow_runs/{run}/why"))["code"])


def numbered(number: int, prefix: str = "r") -> list[str]:
    return [f"{prefix}{place}" for place in range(number)]


async def statuses(api: Api) -> tuple[str, str]:
    pool, queue = await api.get("/work_pools/p"), await api.get("/work_pools/p/queues/default")
    return pool["status"], queue["status"]


@WAYS
async def test_a_pool_is_ready_by_its_workers_and_a_queue_by_its_polls(api: Api, get: Get) -> None:
    await make_pool(api)
    assert await statuses(api) == ("NOT_READY", "NOT_READY")
    await api.post("/work_pools/p/workers/heartbeat", {"name": "w"}, 204)
    await get(api, 1)
    assert await statuses(api) == ("READY", "READY")
    for path in ("/work_pools/p", "/work_pools/p/queues/default"):
        await api.patch(path, {"is_paused": True})
    assert await statuses(api) == ("PAUSED", "PAUSED")
    for path in ("/work_pools/p", "/work_pools/p/queues/default"):
        await api.patch(path, {"is_paused": False})
    assert await statuses(api) == ("READY", "READY")


@WAYS
@pytest.mark.parametrize("path", ["/work_pools/p", "/work_pools/p/queues/default"])
async def test_a_pause_stops_delivery_and_a_resume_goes_on(api: Api, get: Get, path: str) -> None:
    await make_pool(api)
    await make_runs(api, await deploy(api, "d"), "a")
    await api.patch(path, {"is_paused": True})
    assert await get(api, 10) == []
    await api.patch(path, {"is_paused": False})
    assert await get(api, 10) == ["a"]


async def test_a_claim_that_waits_is_answered_at_a_resume(api: Api) -> None:
    await make_pool(api, is_paused=True)
    await make_runs(api, await deploy(api, "d"), "a")
    claiming = asyncio.create_task(claimed(api, 1, 30))
    await until(lambda: api.app.services.hub.lines.waiting == 1)
    began = time.monotonic()
    await api.patch("/work_pools/p", {"is_paused": False})
    assert await claiming == ["a"]
    assert time.monotonic() - began < 2


@WAYS
@pytest.mark.parametrize("path", ["/work_pools/p", "/work_pools/p/queues/default"])
async def test_of_a_limit_of_five_with_three_active_two_are_left(api: Api, get: Get, path: str) -> None:
    await make_pool(api)
    runs = await make_runs(api, await deploy(api, "d"), *numbered(10))
    await api.patch(path, {"concurrency_limit": 5})
    assert await claimed(api, 3) == numbered(3)
    assert await propose(api, runs[0], "RUNNING") == "RUNNING"
    assert await get(api, 10) == ["r3", "r4"]
    if get is claimed:
        assert await get(api, 10) == []
    await propose(api, runs[0], "COMPLETED")
    assert len(await get(api, 10)) == (1 if get is claimed else 3)


@WAYS
async def test_a_limit_of_a_deployment_counts_its_pending_and_running_runs(api: Api, get: Get) -> None:
    await make_pool(api)
    deployment = await deploy(api, "d", concurrency_limit=2)
    runs = await make_runs(api, deployment, *numbered(4))
    assert await claimed(api, 1) == ["r0"]
    await propose(api, runs[0], "RUNNING")
    assert await claimed(api, 1) == ["r1"]
    assert await get(api, 10) == []
    assert await propose(api, runs[2], "PENDING") == "SCHEDULED"
    await propose(api, runs[1], "CANCELLED")
    assert "r3" in await get(api, 10)


async def test_deployments_share_a_global_limit(api: Api) -> None:
    await make_pool(api)
    limit = (await api.post("/v2/concurrency_limits/", {"name": "database", "limit": 1}, 201))["id"]
    for name in "ab":
        await make_runs(api, await deploy(api, name, global_concurrency_limit_id=limit), name)
    assert await claimed(api, 10) == ["a"]
    assert await polled(api, 10) == []
    assert (await api.get(f"/v2/concurrency_limits/{limit}"))["active_slots"] == 1
    await api.patch(f"/v2/concurrency_limits/{limit}", {"limit": 2})
    assert await polled(api, 10) == ["b"]


@WAYS
async def test_queues_are_a_waterfall(api: Api, get: Get) -> None:
    """Low priority work starts only when nothing critical and nothing high is left: critical, high, low."""
    await make_pool(api, "critical", "high", "low")
    for queue in ("low", "high", "critical"):
        await make_runs(api, await deploy(api, queue, queue), f"{queue}-1", f"{queue}-2")
    order = [f"{queue}-{number}" for queue in ("critical", "high", "low") for number in (1, 2)]
    assert await get(api, 3) == order[:3]
    assert await get(api, 10) == (order[3:] if get is claimed else order)


@WAYS
async def test_a_full_queue_holds_up_no_other(api: Api, get: Get) -> None:
    await make_pool(api, "critical", "low")
    await api.patch("/work_pools/p/queues/critical", {"concurrency_limit": 1})
    _, waits = await make_runs(api, await deploy(api, "c", "critical"), "c1", "c2")
    await make_runs(api, await deploy(api, "l", "low"), "l1")
    assert await claimed(api, 1) == ["c1"]
    assert await why(api, waits) == "queue_full"
    assert await get(api, 10) == ["l1"]


@WAYS
async def test_a_paused_queue_holds_up_no_other(api: Api, get: Get) -> None:
    await make_pool(api, "critical", "low")
    (waits,) = await make_runs(api, await deploy(api, "c", "critical"), "c1")
    await api.patch("/work_pools/p/queues/critical", {"is_paused": True})
    assert await why(api, waits) == "queue_paused"
    await make_runs(api, await deploy(api, "l", "low"), "l1")
    assert await get(api, 10) == ["l1"]


async def test_an_agents_poll_of_one_queue_is_held_to_the_same(api: Api) -> None:
    await make_pool(api)
    queue = (await api.get("/work_pools/p/queues/default"))["id"]
    await make_runs(api, await deploy(api, "full", concurrency_limit=1), "f1", "f2")
    await make_runs(api, await deploy(api, "d"), "a", "b")

    async def shown() -> list[str]:
        return [run["name"] for run in await api.post(f"/work_queues/{queue}/get_runs", {"limit": 10})]

    assert await claimed(api, 1) == ["f1"]
    assert await shown() == ["a", "b"]
    await api.patch("/work_pools/p", {"concurrency_limit": 2})
    assert await shown() == ["a"]
    for path in ("/work_pools/p", "/work_pools/p/queues/default"):
        await api.patch(path, {"is_paused": True})
        assert await shown() == []
        await api.patch(path, {"is_paused": False})


@WAYS
async def test_runs_that_wait_for_a_slot_starve_nobody(api: Api, get: Get) -> None:
    await make_pool(api)
    full, free = await deploy(api, "full", concurrency_limit=1), await deploy(api, "free")
    path = f"/deployments/{full}/create_flow_run"
    blocked = await asyncio.gather(*(api.post(path, {"name": f"blocked-{n}"}, 201) for n in range(BLOCKED + 1)))
    ids = {one["name"]: one["id"] for one in blocked}
    (active,) = await claimed(api, 1)
    assert await why(api, ids.pop(active)) == "starting"
    (run,) = await make_runs(api, free, "free")
    began = time.monotonic()
    assert await get(api, 1) == ["free"]
    assert time.monotonic() - began < 0.5
    assert await why(api, ids.popitem()[1]) == "deployment_full"
    assert await why(api, run) == ("starting" if get is claimed else "free")


async def test_what_is_planned_behind_waiting_runs_starts_on_time(api: Api) -> None:
    await make_pool(api)
    full, free = await deploy(api, "full", concurrency_limit=1), await deploy(api, "free")
    await make_runs(api, full, "active", "blocked")
    assert await claimed(api, 1) == ["active"]
    claiming = asyncio.create_task(claimed(api, 1, 30))
    await until(lambda: api.app.services.hub.lines.waiting == 1)
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": api.moment(0.4)}}
    await api.post(f"/deployments/{free}/create_flow_run", {"name": "planned", "state": state}, 201)
    began = time.monotonic()
    assert await claiming == ["planned"]
    assert 0.2 < time.monotonic() - began < 2


async def cancelled(events: Subscription[ReceivedEvent], run: str) -> None:
    """Returns at the event that a run was cancelled."""
    async with asyncio.timeout(20):
        while True:
            for event in await events.next():
                if event.event == "prefect.flow-run.Cancelled" and run in event.resource["prefect.resource.id"]:
                    return


async def test_what_collides_is_cancelled_at_once_with_no_worker(api: Api) -> None:
    """Made while no slot is free, due while none is, and still waiting when another run takes the last."""
    await make_pool(api)
    options: dict[str, Any] = {"concurrency_limit": 1, "concurrency_options": {"collision_strategy": "CANCEL_NEW"}}
    deployment = await deploy(api, "d", **options)
    hub = api.app.services.hub
    events = hub.subscribe_events(lambda event: True)
    holder, beaten = await make_runs(api, deployment, "holder", "beaten")
    assert await propose(api, holder, "PENDING") == "PENDING"
    began = time.monotonic()
    await cancelled(events, beaten)
    (made,) = await make_runs(api, deployment, "made")
    await cancelled(events, made)
    assert time.monotonic() - began < 1
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": api.moment(0.3)}}
    planned = (await api.post(f"/deployments/{deployment}/create_flow_run", {"state": state}, 201))["id"]
    began = time.monotonic()
    await cancelled(events, planned)
    assert 0.1 < time.monotonic() - began < 1.3
    explained = await api.get(f"/penstock/flow_runs/{made}/why")
    assert explained["code"] == "ended"
    assert "No slot of the deployment's limit is free." in explained["sentence"]
    assert (await api.get(f"/flow_runs/{holder}"))["state_type"] == "PENDING"
    hub.unsubscribe(events)


async def test_what_is_to_be_queued_starts_when_the_slot_is_free(api: Api) -> None:
    await make_pool(api)
    options: dict[str, Any] = {"concurrency_limit": 1, "concurrency_options": {"collision_strategy": "ENQUEUE"}}
    first, second = await make_runs(api, await deploy(api, "d", **options), "first", "second")
    assert await claimed(api, 5) == ["first"]
    claiming = asyncio.create_task(claimed(api, 5, 30))
    await until(lambda: api.app.services.hub.lines.waiting == 1)
    assert await why(api, second) == "deployment_full"
    await propose(api, first, "RUNNING")
    began = time.monotonic()
    await propose(api, first, "COMPLETED")
    assert await claiming == ["second"]
    assert time.monotonic() - began < 1
