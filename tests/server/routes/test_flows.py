"""Flows."""

from __future__ import annotations

import uuid
from pathlib import Path

from tests.server.conftest import running, settings_in
from tests.server.routes.conftest import Api


async def test_a_flow_is_made_once(api: Api) -> None:
    flow = await api.post("/flows/", {"name": "etl", "tags": ["a"], "labels": {"team": "x"}}, 201)
    assert flow == {
        "id": flow["id"],
        "name": "etl",
        "created": flow["created"],
        "updated": flow["updated"],
        "tags": ["a"],
        "labels": {"team": "x"},
    }
    assert await api.post("/flows/", {"name": "etl", "tags": ["b"]}, 200) == flow
    assert await api.get(f"/flows/{flow['id']}") == flow
    assert await api.get("/flows/name/etl") == flow
    created = await api.events(event={"name": ["prefect.flow.created"]})
    assert [event["payload"] for event in created] == [{"name": "etl", "tags": ["a"], "labels": {"team": "x"}}]
    assert created[0]["resource"] == {
        "prefect.resource.id": f"prefect.flow.{flow['id']}",
        "prefect.resource.name": "etl",
    }


async def test_unknown_flows_and_bad_names_are_refused_in_the_apis_words(api: Api) -> None:
    unknown = uuid.uuid4()
    for method in ("GET", "DELETE"):
        heard = await api.ask(method, f"/flows/{unknown}")
        assert (heard.status, heard.json) == (404, {"detail": "Flow not found"})
    assert (await api.ask("GET", "/flows/not-a-uuid")).json == {"detail": "Not Found"}
    heard = await api.ask("POST", "/flows/", {"name": "a/b"})
    assert heard.status == 422
    [found] = heard.json["exception_detail"]
    assert found["type"] == "string_pattern_mismatch"
    assert found["loc"] == ["body", "name"]
    assert found["msg"] == "String should match pattern '^[^/%&><]+$'"


async def test_lists_are_sorted_limited_and_paged(api: Api) -> None:
    for name in ("c", "a", "b"):
        await api.post("/flows/", {"name": name}, 201)
    assert [flow["name"] for flow in await api.post("/flows/filter")] == ["a", "b", "c"]
    assert [flow["name"] for flow in await api.post("/flows/filter", {"sort": "NAME_DESC", "limit": 2})] == ["c", "b"]
    assert [flow["name"] for flow in await api.post("/flows/filter", {"sort": "CREATED_DESC"})] == ["b", "a", "c"]
    assert [flow["name"] for flow in await api.post("/flows/filter", {"offset": 2, "limit": None})] == ["c"]
    assert await api.post("/flows/count", {}) == 3
    page = await api.post("/flows/paginate", {"limit": 2, "page": 2})
    assert [flow["name"] for flow in page.pop("results")] == ["c"]
    assert page == {"count": 3, "limit": 2, "pages": 2, "page": 2}


async def test_limits_out_of_range_are_refused(api: Api) -> None:
    over = await api.ask("POST", "/flows/filter", {"limit": 201})
    assert (over.status, over.json) == (422, {"detail": "Invalid limit: 200 is the most."})
    under = await api.ask("POST", "/flows/filter", {"limit": -1})
    assert (under.status, under.json) == (422, {"detail": "Invalid limit: it can't be below 0."})
    assert (await api.ask("POST", "/flows/filter", {"flows": {"colour": {}}})).status == 422
    assert (await api.ask("POST", "/flows/filter", {"sort": "SIZE"})).status == 422


async def test_the_most_in_one_answer_is_a_setting(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path, SERVER_API_DEFAULT_LIMIT="2")) as app:
        api = Api(app)
        for name in ("a", "b", "c"):
            await api.post("/flows/", {"name": name}, 201)
        assert len(await api.post("/flows/filter")) == 2
        await api.post("/flows/filter", {"limit": 3}, 422)


async def test_tags_are_changed_and_a_flow_deleted(api: Api) -> None:
    flow = await api.post("/flows/", {"name": "etl"}, 201)
    await api.patch(f"/flows/{flow['id']}", {"tags": ["x"]})
    assert (await api.get(f"/flows/{flow['id']}"))["tags"] == ["x"]
    await api.delete(f"/flows/{flow['id']}")
    assert await api.post("/flows/count") == 0
