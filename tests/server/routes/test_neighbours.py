"""Filters by the fields of related objects find the same rows on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.routes.conftest import Api


async def fill(api: Api) -> None:
    """Two flows; `etl` has a deployment on pool p and a run of it, `other` a run alone with a task run."""
    await api.post("/work_pools/", {"name": "p", "type": "process"}, 201)
    etl = await api.post("/flows/", {"name": "etl", "tags": ["a"]}, 201)
    other = await api.post("/flows/", {"name": "other"}, 201)
    deployment = await api.post(
        "/deployments/", {"name": "daily", "flow_id": etl["id"], "work_pool_name": "p", "tags": ["d"]}, 201
    )
    await api.post(f"/deployments/{deployment['id']}/create_flow_run", {"name": "planned", "tags": ["x", "y"]}, 201)
    run = await api.post(
        "/flow_runs/", {"flow_id": other["id"], "name": "alone", "state": {"type": "RUNNING"}, "tags": ["x"]}, 201
    )
    task = {"task_key": "t", "dynamic_key": "0", "name": "t-0", "flow_run_id": run["id"], "state": {"type": "RUNNING"}}
    parent = await api.post("/task_runs/", task, 201)
    child = {"flow_id": etl["id"], "name": "child", "parent_task_run_id": parent["id"], "state": {"type": "COMPLETED"}}
    await api.post("/flow_runs/", child, 201)


@pytest.mark.parametrize(
    ("noun", "wanted", "names"),
    [
        ("flow_runs", {}, ["alone", "child", "planned"]),
        ("flow_runs", {"flows": {"name": {"any_": ["etl"]}}}, ["child", "planned"]),
        ("flow_runs", {"deployments": {"name": {"like_": "DAI"}}}, ["planned"]),
        ("flow_runs", {"work_pools": {"name": {"any_": ["p"]}}}, ["planned"]),
        ("flow_runs", {"work_pool_queues": {"name": {"any_": ["default"]}}}, ["planned"]),
        ("flow_runs", {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}, ["alone"]),
        ("flow_runs", {"flow_runs": {"state": {"type": {"not_any_": ["SCHEDULED"]}}}}, ["alone", "child"]),
        ("flow_runs", {"flow_runs": {"state": {"operator": "or_", "type": {"any_": ["RUNNING"]},
            "name": {"any_": ["Completed"]}}}}, ["alone", "child"]),
        ("flow_runs", {"flow_runs": {"deployment_id": {"is_null_": True, "operator": "and_"}}}, ["alone", "child"]),
        ("flow_runs", {"flow_runs": {"parent_task_run_id": {"is_null_": False}}}, ["child"]),
        ("flow_runs", {"flow_runs": {"work_queue_name": {"any_": ["default"]}}}, ["planned"]),
        ("flow_runs", {"flow_runs": {"tags": {"all_": ["x", "y"]}}}, ["planned"]),
        ("flow_runs", {"flow_runs": {"start_time": {"is_null_": True}}}, ["planned"]),
        ("flow_runs", {"flow_runs": {"operator": "or_", "tags": {"all_": ["y"]}, "name": {"any_": ["alone"]}}},
            ["alone", "planned"]),
        ("flows", {"flows": {"deployment": {"is_null_": True}}}, ["other"]),
        ("flows", {"work_pools": {"name": {"any_": ["p"]}}}, ["etl"]),
        ("flows", {"task_runs": {"name": {"any_": ["t-0"]}}}, ["other"]),
        ("flows", {"flow_runs": {"name": {"any_": ["child"]}}}, ["etl"]),
        ("deployments", {"deployments": {"flow_or_deployment_name": {"like_": "ET"}}}, ["daily"]),
        ("deployments", {"deployments": {"concurrency_limit": {"is_null_": True}}}, ["daily"]),
        ("deployments", {"deployments": {"paused": {"eq_": True}}}, []),
        ("deployments", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}, ["daily"]),
        ("task_runs", {"task_runs": {"subflow_runs": {"exists_": True}}}, ["t-0"]),
        ("task_runs", {"flow_runs": {"name": {"any_": ["planned"]}}}, []),
        ("task_runs", {"flows": {"name": {"any_": ["other"]}}}, ["t-0"]),
    ],
)  # fmt: skip
async def test_filters(api: Api, noun: str, wanted: dict[str, Any], names: list[str]) -> None:
    await fill(api)
    found = await api.post(f"/{noun}/filter", wanted)
    assert sorted(one["name"] for one in found) == names
    assert await api.post(f"/{noun}/count", wanted) == len(names)


async def test_runs_of_several_queues_are_sorted_together(api: Api) -> None:
    await api.post("/work_pools/", {"name": "p", "type": "process"}, 201)
    await api.post("/work_pools/p/queues", {"name": "empty"}, 201)
    await api.post("/work_pools/p/queues", {"name": "q"}, 201)
    flow = await api.post("/flows/", {"name": "etl"}, 201)
    for number, queue in enumerate(["default", "q", "q", "default", "q", "default"]):
        body = {"name": f"d{number}", "flow_id": flow["id"], "work_pool_name": "p", "work_queue_name": queue}
        made = await api.post("/deployments/", body, 201)
        due = {"type": "SCHEDULED", "state_details": {"scheduled_time": f"2026-01-01T00:0{number}:00Z"}}
        run = await api.post(f"/deployments/{made['id']}/create_flow_run", {"name": str(number), "state": due}, 201)
        if number != 4:  # the others begin and end now, one after the other
            await api.post(f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLED"}, "force": True}, 201)

    async def names(**body: Any) -> str:
        body = {"work_pools": {"name": {"any_": ["p"]}}, "sort": "START_TIME_DESC", **body}
        return "".join(run["name"] for run in await api.post("/flow_runs/filter", body))

    assert await names() == "532104"
    assert await names(limit=2, offset=1) == "32"
    assert await names(sort="START_TIME_ASC", limit=3) == "401"
    assert await names(flow_runs={"state": {"type": {"any_": ["CANCELLED", "FAILED"]}}}, limit=4) == "5321"
    assert await names(work_pool_queues={"name": {"any_": ["q"]}}, limit=2) == "21"
    assert await names(work_pool_queues={"name": {"any_": ["empty"]}}) == ""
    assert await names(deployments={"name": {"any_": ["d1", "d5"]}}) == "51"
