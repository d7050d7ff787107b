"""Results that states carry are listed as artifacts."""

from __future__ import annotations

import pytest

from tests.server.routes.conftest import Api

RESULT = {"type": "reference", "storage_key": "/r/1", "prefect_version": "3.8.8"}


@pytest.mark.parametrize(("data", "listed"), [(RESULT, [RESULT]), ({"type": "unpersisted"}, []), (None, [])])
async def test_a_persisted_result_is_an_artifact_of_its_runs(api: Api, data: object, listed: list[object]) -> None:
    flow = (await api.post("/flows/", {"name": "f"}, 201))["id"]
    run = (await api.post("/flow_runs/", {"flow_id": flow}, 201))["id"]
    task = {"task_key": "t", "dynamic_key": "0", "flow_run_id": run, "name": "t"}
    task_run = (await api.post("/task_runs/", task, 201))["id"]
    done = {"state": {"type": "COMPLETED", "data": data}, "force": True}
    await api.post(f"/flow_runs/{run}/set_state", done, 201)
    await api.post(f"/task_runs/{task_run}/set_state", done, 201)
    wanted = {"artifacts": {"type": {"any_": ["result"]}}}
    found = await api.post("/artifacts/filter", wanted)
    assert [one["data"] for one in found] == listed * 2
    assert {one["flow_run_id"] for one in found} <= {run}
    assert {one["task_run_id"] for one in found} == ({None, task_run} if listed else set())
    assert (await api.get(f"/flow_runs/{run}"))["state"]["data"] == data
