"""What an autoscaler and Prometheus are told."""

from __future__ import annotations

from tests.server.conftest import ask
from tests.server.routes.conftest import Api
from tests.server.routes.test_waiting import claim, due_runs


async def test_the_load_of_a_pool(api: Api) -> None:
    await due_runs(api, 3)
    await api.patch("/work_pools/p", {"concurrency_limit": 5})
    assert len(await claim(api)) == 1
    load = await api.get("/penstock/work_pools/p/load")
    assert load.pop("oldest_due_seconds") > 0
    assert load == {
        "work_pool": "p",
        "type": "process",
        "due_runs": 2,
        "active_runs": 1,
        "workers": 0,
        "free_slots": 4,
        "is_paused": False,
    }
    await api.get("/penstock/work_pools/missing/load", 404)


async def test_a_scrape_has_every_pool_and_limit(api: Api) -> None:
    await due_runs(api, 2, concurrency_limit=1)
    await claim(api)
    reply = await api.app.respond("GET", "/metrics", b"", {}, b"")
    assert reply.media_type.startswith(b"text/plain")
    lines = reply.body.decode().splitlines()
    about = '{work_pool="p",type="process"}'
    for line in (f"penstock_work_pool_due_runs{about} 1", f"penstock_work_pool_active_runs{about} 1"):
        assert line in lines
    assert "penstock_problems 0" in lines
    assert any(line.startswith("penstock_limit_slots_used{") and line.endswith(" 1") for line in lines)
    assert (await ask(api.app, "GET", "/penstock/work_pools/p/load")).status == 200
