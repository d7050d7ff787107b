"""Deployments, their schedules and runs through the API; answers as a Prefect 3.8.8 server gives them."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.server.app import App
from tests.server.conftest import ask

SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}


async def flow(app: App) -> str:
    return str((await ask(app, "POST", "/flows/", {"name": "f"})).json["id"])


async def deploy(app: App, **fields: Any) -> dict[str, Any]:
    await ask(app, "POST", "/work_pools/", {"name": "p", "type": "process", "storage_configuration": {}})
    body = {"name": "d", "flow_id": await flow(app), "work_pool_name": "p", **fields}
    answer = await ask(app, "POST", "/deployments/", body)
    assert answer.status in (200, 201), answer
    return dict(answer.json)


async def start(app: App, id: str, **body: Any) -> Any:
    return await ask(app, "POST", f"/deployments/{id}/create_flow_run", body)


async def propose(app: App, id: str, kind: str, **state: Any) -> Any:
    return await ask(app, "POST", f"/flow_runs/{id}/set_state", {"state": {"type": kind, **state}})


async def test_the_same_flow_and_name_is_the_same_deployment(app: App) -> None:
    first = await deploy(app, tags=["a"])
    second = await deploy(app, tags=["b"])
    assert (first["id"], second["tags"]) == (second["id"], ["b"])
    assert first["work_queue_name"] == "default"
    named = await ask(app, "GET", "/deployments/name/f/d")
    assert named.json["id"] == first["id"]
    assert (await ask(app, "GET", "/deployments/name/f/x")).json == {"detail": "Deployment not found"}


async def test_an_unknown_pool_is_named(app: App) -> None:
    answer = await ask(app, "POST", "/deployments/", {"name": "d", "flow_id": await flow(app), "work_pool_name": "z"})
    assert (answer.status, answer.json) == (404, {"detail": 'Work pool "z" not found.'})


async def test_a_limit_is_shown_and_taken_away(app: App) -> None:
    one = await deploy(app, concurrency_limit=2)
    assert one["concurrency_limit"] is None
    assert one["global_concurrency_limit"]["limit"] == 2
    assert one["global_concurrency_limit"]["name"] == f"deployment:{one['id']}"
    assert (await deploy(app))["global_concurrency_limit"] is None


async def test_a_run_has_the_deployments_values_with_its_own_laid_over(app: App) -> None:
    one = await deploy(app, parameters={"x": 1}, tags=["t"], parameter_openapi_schema=SCHEMA)
    run = (await start(app, one["id"], parameters={"x": 2}, tags=["u"])).json
    assert (run["parameters"], run["tags"], run["state_type"]) == ({"x": 2}, ["t", "u"], "SCHEDULED")
    assert (run["work_queue_name"], run["work_pool_name"]) == ("default", "p")
    assert run["labels"]["prefect.deployment.id"] == one["id"]


async def test_parameters_that_do_not_fit_are_refused(app: App) -> None:
    one = await deploy(app, parameters={"x": 1}, parameter_openapi_schema=SCHEMA)
    refused = await start(app, one["id"], parameters={"x": "no"})
    assert refused.status == 409
    assert "Error creating flow run" in refused.json["detail"]
    assert (await start(app, one["id"], parameters={"x": "no"}, enforce_parameter_schema=False)).status == 201


async def test_a_key_is_known_for_the_whole_flow(app: App) -> None:
    one = await deploy(app)
    first = await start(app, one["id"], idempotency_key="k")
    again = await start(app, one["id"], idempotency_key="k")
    assert (first.status, again.status) == (201, 200)
    assert first.json["id"] == again.json["id"]


async def test_schedules_are_replaced_by_an_upsert_and_matched_by_slug_in_an_update(app: App) -> None:
    one = await deploy(app, schedules=[{"schedule": {"cron": "0 0 * * *"}, "slug": "a"}])
    (known,) = one["schedules"]
    path = f"/deployments/{one['id']}"
    answer = await ask(app, "PATCH", path, {"schedules": [{"slug": "a", "active": False}]})
    assert answer.status == 204
    (after,) = (await ask(app, "GET", f"{path}/schedules")).json
    assert (after["id"], after["active"]) == (known["id"], False)
    refused = await ask(app, "PATCH", path, {"schedules": [{"schedule": {"interval": 60}}]})
    assert refused.status == 422
    assert (await deploy(app))["schedules"] == []


async def test_planned_runs_are_made_once_and_forgotten_with_a_pause(app: App) -> None:
    one = await deploy(app, schedules=[{"schedule": {"interval": 600}}])
    path = f"/deployments/{one['id']}"
    for _ in range(2):
        assert (await ask(app, "POST", f"{path}/schedule", {})).status == 200
    planned = (await ask(app, "POST", "/flow_runs/filter", {"sort": "EXPECTED_START_TIME_ASC"})).json
    assert len({run["expected_start_time"] for run in planned}) == len(planned) >= 6
    assert all(run["auto_scheduled"] and run["tags"] == ["auto-scheduled"] for run in planned)
    assert planned[0]["created_by"]["type"] == "SCHEDULE"
    assert (await ask(app, "POST", f"{path}/pause_deployment")).status == 200
    assert (await ask(app, "POST", "/flow_runs/filter", {})).json == []
    assert (await ask(app, "GET", path)).json["paused"] is True


async def test_a_limited_deployment_makes_the_second_run_wait(app: App) -> None:
    one = await deploy(app, concurrency_limit=1)
    first, second = [(await start(app, one["id"])).json["id"] for _ in range(2)]
    assert (await propose(app, first, "PENDING")).status == 201
    waits = await propose(app, second, "PENDING")
    assert (waits.status, waits.json["status"], waits.json["state"]["name"]) == (
        201,
        "REJECT",
        "AwaitingConcurrencySlot",
    )
    shown = (await ask(app, "GET", f"/deployments/{one['id']}")).json
    assert shown["global_concurrency_limit"]["active_slots"] == 1


async def test_a_claim_gives_all_that_a_start_needs(app: App) -> None:
    one = await deploy(app)
    run = (await start(app, one["id"])).json
    (claimed,) = (await ask(app, "POST", "/penstock/work_pools/p/claim", {"worker_name": "w"})).json
    assert claimed["flow_run"]["id"] == run["id"]
    assert claimed["flow_run"]["state_type"] == "PENDING"
    assert (claimed["attempt"], claimed["flow"]["name"], claimed["deployment"]["id"]) == (1, "f", one["id"])
    stale = await ask(
        app,
        "POST",
        f"/flow_runs/{run['id']}/set_state",
        {"state": {"type": "RUNNING"}},
        x_penstock_attempt="7",
    )
    assert stale.json["status"] == "ABORT"
    held = {"flow_run_id": run["id"], "attempt": 1}
    renewed = await ask(app, "POST", "/penstock/leases/renew", {"worker_name": "w", "runs": [held]})
    assert renewed.json == {"lost": [], "cancelling": [], "watched": []}


async def test_a_paused_run_goes_on_without_counting_again(app: App) -> None:
    run = (await ask(app, "POST", "/flow_runs/", {"flow_id": await flow(app)})).json["id"]
    await propose(app, run, "RUNNING")
    await propose(app, run, "PAUSED", state_details={"pause_key": "k"})
    resumed = await ask(app, "POST", f"/flow_runs/{run}/resume", {})
    assert (resumed.status, resumed.json["status"], resumed.json["state"]["type"]) == (201, "ACCEPT", "RUNNING")
    assert (await ask(app, "GET", f"/flow_runs/{run}")).json["run_count"] == 1


async def test_a_subflows_states_are_those_of_its_tracking_task(app: App) -> None:
    id = await flow(app)
    parent = (await ask(app, "POST", "/flow_runs/", {"flow_id": id, "state": {"type": "RUNNING"}})).json["id"]
    task = {"flow_run_id": parent, "task_key": "k", "dynamic_key": "0", "name": "f-0"}
    tracking = (await ask(app, "POST", "/task_runs/", task)).json
    assert tracking["labels"]["prefect.flow-run.id"] == parent
    child = (await ask(app, "POST", "/flow_runs/", {"flow_id": id, "parent_task_run_id": tracking["id"]})).json["id"]
    await propose(app, child, "RUNNING")
    done = await propose(app, child, "COMPLETED")
    assert done.json["state"]["state_details"]["task_run_id"] == tracking["id"]
    after = (await ask(app, "GET", f"/task_runs/{tracking['id']}")).json
    assert after["state_type"] == "COMPLETED"
    assert after["state"]["state_details"]["child_flow_run_id"] == child


@pytest.mark.parametrize(
    ("limits", "loc"),
    [
        ({"concurrency_limit": 0}, ["body", "concurrency_limit"]),
        ({"concurrency_limit": -1}, ["body", "concurrency_limit"]),
        ({"concurrency_limit": 1, "global_concurrency_limit_id": "00000000-0000-4000-8000-000000000000"}, ["body"]),
    ],
)
async def test_a_limit_lets_something_run_and_is_of_one_kind(app: App, limits: dict[str, Any], loc: list[str]) -> None:
    body = {"name": "d", "flow_id": await flow(app)}
    refused = await ask(app, "POST", "/deployments/", {**body, **limits})
    assert (refused.status, refused.json["exception_detail"][0]["loc"]) == (422, loc)
    id = (await ask(app, "POST", "/deployments/", body)).json["id"]
    refused = await ask(app, "PATCH", f"/deployments/{id}", limits)
    assert (refused.status, refused.json["exception_detail"][0]["loc"]) == (422, loc)
