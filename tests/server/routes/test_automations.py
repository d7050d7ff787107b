"""Automations and saved searches."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.server.routes.conftest import Api

DEPLOYMENT = "89a06a9f-d680-4f7a-acf6-9171e0dc4f11"
ACTION = {"type": "run-deployment", "source": "selected", "deployment_id": DEPLOYMENT}
TRIGGER: dict[str, Any] = {"type": "event", "match": {"prefect.resource.id": "my.thing"}, "expect": ["my.event"]}


def automation(**more: Any) -> dict[str, Any]:
    return {"name": "auto", "trigger": TRIGGER, "actions": [ACTION], **more}


async def test_an_automations_life(api: Api) -> None:
    made = await api.post("/automations/", automation(owner_resource="prefect.deployment.x"), 201)
    assert made["trigger"] == {
        "type": "event",
        "id": made["trigger"]["id"],
        "match": {"prefect.resource.id": "my.thing"},
        "match_related": {},
        "after": [],
        "expect": ["my.event"],
        "for_each": [],
        "posture": "Reactive",
        "threshold": 1,
        "within": 0.0,
    }
    assert made["actions"] == [{**ACTION, "parameters": None, "job_variables": None, "schedule_after": 0.0}]
    assert await api.get(f"/automations/{made['id']}") == made
    for resource in ("prefect.deployment.x", f"prefect.deployment.{DEPLOYMENT}", "my.thing"):
        assert await api.get(f"/automations/related-to/{resource}") == [made]
    await api.patch(f"/automations/{made['id']}", {"enabled": False})
    assert (await api.get(f"/automations/{made['id']}"))["enabled"] is False
    changed = {"name": "b", "trigger": TRIGGER, "actions": [{"type": "do-nothing"}]}
    assert await api.put(f"/automations/{made['id']}", changed, 204) is None
    assert (await api.get(f"/automations/{made['id']}"))["actions"] == [{"type": "do-nothing"}]
    assert await api.get(f"/automations/related-to/prefect.deployment.{DEPLOYMENT}") == []
    assert await api.post("/automations/count") == 1
    await api.delete("/automations/owned-by/prefect.deployment.x", 202)
    assert await api.post("/automations/filter") == []
    names = [one["event"].rpartition(".")[2] for one in await api.events(event={"prefix": ["prefect.automation."]})]
    assert names == ["created", "updated", "updated", "deleted"]


async def test_an_unknown_automation_is_not_found_in_its_own_words(api: Api) -> None:
    for method in ("GET", "DELETE"):
        heard = await api.ask(method, f"/automations/{uuid.uuid4()}")
        assert (heard.status, heard.json) == (404, {"exception_message": "Automation not found"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"trigger": {"type": "clock"}},
        {"trigger": {**TRIGGER, "threshold": 0}},
        {"trigger": {**TRIGGER, "posture": "Proactive", "within": 5}},
        {"trigger": {"type": "compound", "triggers": [TRIGGER], "within": 10, "require": 2}},
        {"trigger": {"type": "sequence", "triggers": []}},
        {"actions": [{"type": "dance"}]},
        {"actions": [{"type": "run-deployment"}]},
        {"actions": [{"type": "send-notification", "body": "x"}]},
        {
            "trigger": {"type": "event", "expect": ["prefect.flow-run.Running"]},
            "actions": [{"type": "run-deployment", "source": "inferred"}],
        },
    ],
)
async def test_wrong_automations_are_refused(api: Api, wrong: dict[str, Any]) -> None:
    await api.post("/automations/", automation(**wrong), 422)
    assert await api.post("/automations/count") == 0


async def test_compound_triggers_keep_their_parts(api: Api) -> None:
    trigger = {"type": "compound", "triggers": [TRIGGER, TRIGGER], "within": "PT60S", "require": "all"}
    made = await api.post("/automations/", automation(trigger=trigger), 201)
    assert made["trigger"]["within"] == 60.0
    assert [one["type"] for one in made["trigger"]["triggers"]] == ["event", "event"]


async def test_a_saved_search_is_kept_under_its_name(api: Api) -> None:
    first = await api.put("/saved_searches/", {"name": "mine", "filters": []})
    second = await api.put("/saved_searches/", {"name": "mine", "filters": [{"object": "flow"}]})
    assert second["id"] == first["id"]
    assert await api.get(f"/saved_searches/{first['id']}") == second
    assert await api.post("/saved_searches/filter", {}) == [second]
    await api.delete(f"/saved_searches/{first['id']}")
    await api.get(f"/saved_searches/{first['id']}", 404)
