"""The server explains why a run waits, from what is really there."""

from __future__ import annotations

from typing import Any

from tests.server.routes.conftest import Api

GHOST = "00000000-0000-4000-8000-000000000000"


async def due_runs(api: Api, number: int, **deployment: Any) -> list[str]:
    """Runs that are due, in the order in which they were made."""
    await api.post("/work_pools/", {"name": "p", "type": "process"}, 201)
    flow = (await api.post("/flows/", {"name": "f"}, 201))["id"]
    body = {"name": "d", "flow_id": flow, "work_pool_name": "p", **deployment}
    id = (await api.post("/deployments/", body, 201))["id"]
    return [str((await api.post(f"/deployments/{id}/create_flow_run", {}, 201))["id"]) for _ in range(number)]


async def code(api: Api, run: str) -> str:
    return str((await api.get(f"/penstock/flow_runs/{run}/why"))["code"])


async def claim(api: Api, number: int = 1) -> list[str]:
    asked = {"worker_name": "w", "limit": number}
    return [one["flow_run"]["id"] for one in await api.post("/penstock/work_pools/p/claim", asked)]


async def test_each_obstacle_in_turn(api: Api) -> None:
    first, second = await due_runs(api, 2)
    assert await code(api, first) == "no_worker"
    await api.post("/work_pools/p/workers/heartbeat", {"name": "w", "heartbeat_interval_seconds": 30}, 204)
    assert await code(api, first) == "queue_unpolled"
    await api.patch("/work_pools/p", {"concurrency_limit": 1})
    assert await claim(api) == [first]
    assert await code(api, first) == "starting"
    assert await code(api, second) == "pool_full"
    await api.patch("/work_pools/p", {"concurrency_limit": None})
    assert await code(api, second) == "free"
    await api.patch("/work_pools/p/queues/default", {"is_paused": True})
    assert await code(api, second) == "queue_paused"


async def test_runs_before_it_are_counted(api: Api) -> None:
    runs = await due_runs(api, 3)
    await api.patch("/work_pools/p", {"is_paused": True})
    await claim(api)
    await api.patch("/work_pools/p", {"is_paused": False})
    assert [(await api.get(f"/penstock/flow_runs/{run}/why"))["code"] for run in runs] == ["free", "in_line", "in_line"]
    assert "2 runs are before it" in (await api.get(f"/penstock/flow_runs/{runs[2]}/why"))["sentence"]


async def test_a_full_deployment_is_named(api: Api) -> None:
    first, second = await due_runs(api, 2, concurrency_limit=1)
    assert await claim(api) == [first]
    assert await code(api, second) == "deployment_full"


async def test_an_unknown_run_is_not_found(api: Api) -> None:
    await api.get(f"/penstock/flow_runs/{GHOST}/why", 404)
