"""What only agents of Prefect 2 ask of a server: queues by tag, and polls that name the agent."""

from __future__ import annotations

from typing import Any

from tests.server.conftest import ask
from tests.server.routes.conftest import Api

AGENT = "89a06a9f-d680-4f7a-acf6-9171e0dc4f11"


async def queue_of(api: Api, **more: Any) -> str:
    return str((await api.post("/work_queues/", {"name": "by tag", **more}, 201))["id"])


async def run_of(api: Api, name: str, *tags: str, pool: str | None = "p") -> str:
    """A due run of a deployment in another pool, with tags."""
    flow = (await api.post("/flows/", {"name": "f"}, 200 if name != "first" else 201))["id"]
    body = {"name": name, "flow_id": flow, "work_pool_name": pool, "tags": tags, "enforce_parameter_schema": False}
    deployment = (await api.post("/deployments/", body, 201))["id"]
    return str((await api.post(f"/deployments/{deployment}/create_flow_run", {}, 201))["id"])


async def polled(api: Api, queue: str, **more: Any) -> list[str]:
    return [one["id"] for one in await api.post(f"/work_queues/{queue}/get_runs", more)]


async def claim(api: Api, run: str) -> None:
    await api.post(f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING"}}, 201)


async def test_a_queue_by_tag_gives_the_runs_that_have_all_its_tags(api: Api) -> None:
    await api.post("/work_pools/", {"name": "p"}, 201)
    first = await run_of(api, "first", "a", "b", "c")
    await run_of(api, "second", "a")
    flow = (await api.post("/flows/", {"name": "f"}))["id"]
    await api.post("/flow_runs/", {"flow_id": flow, "tags": ["a", "b"]}, 201)  # of no deployment
    queue = await queue_of(api, filter={"tags": ["a", "b"]})
    assert await polled(api, queue) == [first]
    await claim(api, first)
    assert await polled(api, queue) == []


async def test_a_queue_by_tag_gives_as_many_as_its_limit_leaves_and_none_while_paused(api: Api) -> None:
    await api.post("/work_pools/", {"name": "p"}, 201)
    runs = [await run_of(api, name, "a") for name in ("first", "second", "third")]
    queue = await queue_of(api, filter={"tags": ["a"]}, concurrency_limit=2)
    assert await polled(api, queue) == runs[:2]
    assert await polled(api, queue, limit=1) == runs[:1]
    await claim(api, runs[0])
    assert await polled(api, queue) == [runs[1]]
    await claim(api, runs[1])
    assert await polled(api, queue) == []
    await api.patch(f"/work_queues/{queue}", {"concurrency_limit": None, "is_paused": True})
    assert await polled(api, queue) == []
    await api.patch(f"/work_queues/{queue}", {"is_paused": False})
    assert await polled(api, queue) == [runs[2]]


async def test_a_queue_by_tag_leaves_the_runs_of_workers_to_workers(api: Api) -> None:
    await api.post("/work_pools/", {"name": "typed", "type": "process"}, 201)
    served = await run_of(api, "first", "a", pool=None)
    of_workers = [await run_of(api, name, "a", pool="typed") for name in ("second", "third")]
    queue = await queue_of(api, filter={"tags": ["a"]}, concurrency_limit=1)
    await claim(api, of_workers[0])
    assert await polled(api, queue) == [served]


async def test_a_queue_by_deployment_gives_its_runs(api: Api) -> None:
    await api.post("/work_pools/", {"name": "p"}, 201)
    first, second = [await run_of(api, name) for name in ("first", "second")]
    deployment = (await api.get(f"/flow_runs/{second}"))["deployment_id"]
    queue = await queue_of(api, filter={"deployment_ids": [deployment]})
    assert await polled(api, queue) == [second] != [first]


async def test_an_agent_that_names_itself_is_listed(api: Api) -> None:
    queue = await queue_of(api)
    path = "/penstock/work_pools/default-agent-pool/workers"
    await polled(api, queue)
    assert await api.get(path) == []
    await polled(api, queue, agent_id=AGENT)
    [agent] = await api.get(path)
    assert (agent["name"], agent["state"]) == (f"Agent {AGENT}", "ONLINE")
    assert agent["last_polled"] == agent["last_heartbeat_time"] == agent["started"]


async def test_a_dashboard_that_looks_at_what_is_due_polls_nothing(api: Api) -> None:
    queue = await queue_of(api)
    path = f"/work_queues/{queue}/get_runs"
    await ask(api.app, "POST", path, {}, x_prefect_ui="true")
    assert (await api.get(f"/work_queues/{queue}"))["last_polled"] is None
    await ask(api.app, "POST", path, {})
    assert (await api.get(f"/work_queues/{queue}"))["status"] == "READY"
