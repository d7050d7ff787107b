"""Variables."""

from __future__ import annotations

import pytest

from tests.server.routes.conftest import Api


async def test_a_variables_life(api: Api) -> None:
    made = await api.post("/variables/", {"name": "region", "value": {"a": [1, 2]}, "tags": ["t"]}, 201)
    assert (await api.get("/variables/name/region")) == made
    assert (await api.get(f"/variables/{made['id']}"))["value"] == {"a": [1, 2]}
    await api.patch("/variables/name/region", {"name": "region", "value": "x", "tags": []})
    changed = await api.get("/variables/name/region")
    assert (changed["value"], changed["tags"]) == ("x", [])
    await api.patch(f"/variables/{made['id']}", {"value": None})
    assert (await api.get("/variables/name/region"))["value"] is None
    await api.delete("/variables/name/region")
    heard = await api.ask("GET", "/variables/name/region")
    assert (heard.status, heard.json) == (404, {"detail": "Variable not found."})
    names = [event["event"] for event in await api.events(event={"prefix": ["prefect.variable."]})]
    assert names == ["prefect.variable." + what for what in ("created", "updated", "updated", "deleted")]


async def test_a_name_is_taken_once(api: Api) -> None:
    await api.post("/variables/", {"name": "a", "value": 1}, 201)
    await api.post("/variables/", {"name": "a", "value": 2}, 409)
    await api.post("/variables/", {"name": "b", "value": 2}, 201)
    await api.patch("/variables/name/b", {"name": "a"}, 409)
    assert (await api.get("/variables/name/b"))["value"] == 2


@pytest.mark.parametrize(
    ("body", "place"),
    [({"name": "Bad Name", "value": 1}, "name"), ({"name": "a", "value": "x" * 5001}, "value")],
)
async def test_bad_names_and_long_values_are_refused(api: Api, body: dict[str, object], place: str) -> None:
    heard = await api.ask("POST", "/variables/", body)
    assert heard.status == 422
    assert heard.json["exception_detail"][0]["loc"] == ["body", place]


async def test_filters(api: Api) -> None:
    for name, tags in (("alpha", ["x", "y"]), ("beta", ["x"]), ("gamma", [])):
        await api.post("/variables/", {"name": name, "value": 1, "tags": tags}, 201)

    async def names(**filter: object) -> list[str]:
        return [one["name"] for one in await api.post("/variables/filter", {"variables": filter})]

    assert await names(name={"any_": ["beta", "gamma"]}) == ["beta", "gamma"]
    assert await names(name={"any_": ["beta"]}) == ["beta"]
    assert await names(name={"any_": []}) == []
    assert await names(name={"like_": "AL"}) == ["alpha"]
    assert await names(tags={"all_": ["x", "y"]}) == ["alpha"]
    assert await names(tags={"all_": []}) == ["alpha", "beta", "gamma"]
    assert await names(tags={"any_": ["y", "z"]}) == ["alpha"]
    assert await names(tags={"is_null_": True}) == ["gamma"]
    assert await names(tags={"is_null_": False}) == ["alpha", "beta"]
    assert await names(operator="or_", name={"like_": "gam"}, tags={"all_": ["y"]}) == ["alpha", "gamma"]
    assert await names(name=None, tags=None) == ["alpha", "beta", "gamma"]
