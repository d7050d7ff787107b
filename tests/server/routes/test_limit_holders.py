"""Who holds the slots of concurrency limits."""

from __future__ import annotations

import uuid
from typing import Any

from tests.server.routes.conftest import Api


async def limit(api: Api, name: str, size: int = 5) -> str:
    return str((await api.post("/v2/concurrency_limits/", {"name": name, "limit": size}, 201))["id"])


async def holders(api: Api, *ids: str) -> list[Any]:
    return list(await api.post("/penstock/concurrency_limits/holders", {"limit_ids": ids}))


async def test_a_holder_is_told_by_name_while_it_holds(api: Api) -> None:
    flow = (await api.post("/flows/", {"name": "f"}, 201))["id"]
    run = (await api.post("/flow_runs/", {"flow_id": flow, "name": "brave-otter"}, 201))["id"]
    task = {"flow_run_id": run, "task_key": "t", "dynamic_key": "0", "name": "load-0"}
    task_run = (await api.post("/task_runs/", task, 201))["id"]
    first, second = await limit(api, "first"), await limit(api, "second")
    take = {"slots": 2, "names": ["first"], "lease_duration": 60, "holder": {"type": "flow_run", "id": run}}
    lease = (await api.post("/v2/concurrency_limits/increment-with-lease", take))["lease_id"]
    take = {"slots": 1, "names": ["first", "second"], "holder": {"type": "task_run", "id": task_run}}
    await api.post("/v2/concurrency_limits/increment-with-lease", take)
    take = {"slots": 1, "names": ["second"], "holder": {"type": "flow_run", "id": str(uuid.uuid4())}}
    await api.post("/v2/concurrency_limits/increment-with-lease", take)

    found = await holders(api, first, second)
    of_first = [one for one in found if one["limit_id"] == first]
    assert [(one["slots"], one["holder_name"], one["flow_run_id"]) for one in of_first] == [
        (2, "brave-otter", run),
        (1, "load-0", run),
    ]
    assert [one["holder_name"] for one in found if one["limit_id"] == second] == ["load-0", None]
    assert found[0]["acquired"] < found[0]["expires"]
    assert await holders(api, str(uuid.uuid4())) == []

    await api.post("/v2/concurrency_limits/decrement-with-lease", {"lease_id": lease}, 204)
    assert [one["holder_name"] for one in await holders(api, first)] == ["load-0"]


async def test_slots_that_were_taken_without_a_lease_have_no_holder(api: Api) -> None:
    one = await limit(api, "bare")
    await api.post("/v2/concurrency_limits/increment", {"slots": 1, "names": ["bare"]})
    assert (await api.get("/v2/concurrency_limits/bare"))["active_slots"] == 1
    assert await holders(api, one) == []
