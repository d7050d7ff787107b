"""Artifacts and their collections."""

from __future__ import annotations

import uuid

from tests.server.routes.conftest import Api


async def test_a_key_points_to_its_latest_artifact(api: Api) -> None:
    first = await api.post("/artifacts/", {"key": "report", "type": "markdown", "data": "# 1"}, 201)
    second = await api.post("/artifacts/", {"key": "report", "type": "markdown", "data": "# 2"}, 201)
    assert await api.get("/artifacts/report/latest") == second
    assert await api.get(f"/artifacts/{first['id']}") == first
    [collection] = await api.post("/artifacts/latest/filter", {"sort": "KEY_ASC"})
    assert (collection["latest_id"], collection["data"]) == (second["id"], "# 2")
    assert await api.post("/artifacts/count") == 2
    assert await api.post("/artifacts/latest/count") == 1
    await api.delete(f"/artifacts/{second['id']}")
    assert await api.get("/artifacts/report/latest") == first
    assert (await api.post("/artifacts/latest/filter"))[0]["latest_id"] == first["id"]
    await api.delete(f"/artifacts/{first['id']}")
    assert await api.post("/artifacts/latest/count") == 0
    heard = await api.ask("GET", "/artifacts/report/latest")
    assert (heard.status, heard.json) == (404, {"detail": "Artifact not found."})


async def test_progress_is_changed_in_place(api: Api) -> None:
    made = await api.post("/artifacts/", {"key": "bar", "type": "progress", "data": 0.0}, 201)
    await api.patch(f"/artifacts/{made['id']}", {"data": 80.0})
    assert (await api.get(f"/artifacts/{made['id']}"))["data"] == 80.0
    assert (await api.post("/artifacts/latest/filter"))[0]["data"] == 80.0
    [event] = await api.events(event={"name": ["prefect.artifact.updated"]})
    assert event["payload"] == {"data": 80.0}


async def test_filters_and_events_know_the_run(api: Api) -> None:
    flow = await api.post("/flows/", {"name": "etl"}, 201)
    run = await api.post("/flow_runs/", {"flow_id": flow["id"], "name": "r"}, 201)
    await api.post("/artifacts/", {"key": "a", "type": "table", "flow_run_id": run["id"]}, 201)
    await api.post("/artifacts/", {"type": "result", "task_run_id": str(uuid.uuid4())}, 201)

    async def keys(**filters: object) -> list[str]:
        return [one["key"] for one in await api.post("/artifacts/filter", filters)]

    assert await keys(artifacts={"key": {"exists_": True}}) == ["a"]
    assert await keys(artifacts={"type": {"not_any_": ["result"]}}) == ["a"]
    assert await keys(artifacts={"flow_run_id": {"any_": [run["id"]]}}) == ["a"]
    assert await keys(flow_runs={"name": {"any_": ["r"]}}) == ["a"]
    assert await keys(flows={"name": {"any_": ["other"]}}) == []
    [event, _] = await api.events(event={"name": ["prefect.artifact.created"]})
    assert [(one["prefect.resource.role"], one["prefect.resource.name"]) for one in event["related"]] == [
        ("flow-run", "r"),
        ("flow", "etl"),
    ]


async def test_a_key_has_few_characters(api: Api) -> None:
    heard = await api.ask("POST", "/artifacts/", {"key": "Bad Key"})
    assert heard.status == 422
    assert heard.json["exception_detail"][0]["loc"] == ["body", "key"]
