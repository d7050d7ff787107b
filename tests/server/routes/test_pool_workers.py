"""Workers are seen as they are, and do what is wanted of them."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.server.routes.conftest import Api
from tests.server.routes.test_waiting import due_runs

ABOUT = {"version": "1", "host": "box", "pid": 7, "capacity": 4, "running": 1, "labels": {"gpu": "a100"}}


async def sign(api: Api, name: str = "w", *, begins: bool = False, **about: Any) -> str:
    """What is wanted of the worker that gives a sign of life."""
    body = {"name": name, "heartbeat_interval_seconds": 30, "about": {**ABOUT, **about}, "begins": begins}
    return str((await api.post("/penstock/work_pools/p/workers/heartbeat", body))["wish"])


async def order(api: Api, wish: str, name: str = "w", status: int = 204) -> None:
    await api.post(f"/penstock/work_pools/p/workers/{name}/orders", {"wish": wish}, status)


async def state(api: Api) -> str:
    [worker] = await api.get("/penstock/work_pools/p/workers")
    return str(worker["state"])


async def claim(api: Api, wait: float = 0.0) -> list[Any]:
    return list(await api.post("/penstock/work_pools/p/claim", {"worker_name": "w", "wait_seconds": wait}))


async def test_a_worker_is_shown_in_its_own_words(api: Api) -> None:
    await due_runs(api, 0)
    assert await sign(api) == "work"
    [worker] = await api.get("/penstock/work_pools/p/workers")
    assert (worker["state"], worker["last_polled"]) == ("ONLINE", None)
    assert worker["about"] == {**ABOUT, "draining": False, "work_queues": []}
    await claim(api)
    [later] = await api.get("/penstock/work_pools/p/workers")
    assert later["started"] == worker["started"]
    assert later["last_polled"] is not None
    [seen] = await api.post("/work_pools/p/workers/filter", {})
    assert (seen["name"], seen["status"], seen["heartbeat_interval_seconds"]) == ("w", "ONLINE", 30)


async def test_a_prefect_worker_is_shown_without_words(api: Api) -> None:
    await due_runs(api, 0)
    await api.post("/work_pools/p/workers/heartbeat", {"name": "old", "heartbeat_interval_seconds": 30}, 204)
    [worker] = await api.get("/penstock/work_pools/p/workers")
    assert (worker["name"], worker["state"], worker["about"]) == ("old", "ONLINE", None)


async def test_a_paused_worker_gets_nothing_until_it_is_to_work(api: Api) -> None:
    [run] = await due_runs(api, 1)
    await sign(api)
    await order(api, "pause")
    assert (await sign(api), await state(api)) == ("pause", "PAUSED")
    waiting = asyncio.create_task(claim(api, wait=30))
    await asyncio.sleep(0)
    assert await claim(api) == []
    await order(api, "work")
    assert await waiting == []
    assert [one["flow_run"]["id"] for one in await claim(api)] == [run]


async def test_a_draining_worker_learns_of_it_while_it_waits(api: Api) -> None:
    await due_runs(api, 0)
    await sign(api)
    waiting = asyncio.create_task(claim(api, wait=30))
    await asyncio.sleep(0)
    await order(api, "drain")
    assert await waiting == []
    assert (await sign(api), await state(api)) == ("drain", "DRAINING")


async def test_the_next_worker_of_that_name_begins_afresh(api: Api) -> None:
    await due_runs(api, 0)
    await sign(api)
    await order(api, "drain")
    assert await sign(api, begins=True) == "work"


async def test_an_unknown_worker_is_named(api: Api) -> None:
    await due_runs(api, 0)
    await order(api, "drain", name="ghost", status=404)
