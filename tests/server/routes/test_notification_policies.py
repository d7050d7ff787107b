"""Notification policies of Prefect 2, which are automations underneath."""

from __future__ import annotations

from typing import Any

from tests.server.routes.conftest import Api

BLOCK = "89a06a9f-d680-4f7a-acf6-9171e0dc4f11"
PATH = "/flow_run_notification_policies/"
POLICY: dict[str, Any] = {"state_names": ["Failed", "Crashed"], "tags": ["a", "b"], "block_document_id": BLOCK}
MESSAGE = "{flow_run_name} is {flow_run_state_name}: {{as it is}}"


async def test_a_policys_life(api: Api) -> None:
    made = await api.post(PATH, {**POLICY, "message_template": MESSAGE}, 201)
    assert {name: made[name] for name in POLICY} == POLICY
    assert (made["is_active"], made["message_template"]) == (True, MESSAGE)
    assert await api.get(PATH + made["id"]) == made
    await api.patch(PATH + made["id"], {"is_active": False, "tags": [], "message_template": None})
    changed = await api.get(PATH + made["id"])
    assert (changed["is_active"], changed["tags"], changed["state_names"]) == (False, [], POLICY["state_names"])
    assert changed["message_template"] == MESSAGE, "null changes nothing"
    await api.delete(PATH + made["id"])
    await api.get(PATH + made["id"], 404)
    await api.delete(PATH + made["id"], 404)
    assert await api.post("/automations/filter") == []


async def test_a_policy_is_the_automation_that_does_the_same(api: Api) -> None:
    made = await api.post(PATH, {**POLICY, "message_template": MESSAGE}, 201)
    [automation] = await api.post("/automations/filter")
    assert (automation["id"], automation["enabled"]) == (made["id"], True)
    trigger, [action] = automation["trigger"], automation["actions"]
    assert trigger["expect"] == ["prefect.flow-run.Failed", "prefect.flow-run.Crashed"]
    assert trigger["match_related"] == {
        "prefect.resource.role": "tag",
        "prefect.resource.id": ["prefect.tag.a", "prefect.tag.b"],
    }
    assert (action["type"], action["block_document_id"]) == ("send-notification", BLOCK)
    assert action["body"] == "{{ flow_run.name }} is {{ flow_run.state.name }}: {as it is}"
    assert await api.get(f"/automations/related-to/prefect.block-document.{BLOCK}") == [automation]


async def test_no_states_and_no_tags_mean_all_and_no_message_the_servers_own(api: Api) -> None:
    made = await api.post(PATH, {"state_names": [], "tags": [], "block_document_id": BLOCK}, 201)
    assert (made["state_names"], made["tags"], made["message_template"]) == ([], [], None)
    [automation] = await api.post("/automations/filter")
    assert automation["trigger"]["expect"] == ["prefect.flow-run.*"]
    assert "{{ flow_run.name }}" in automation["actions"][0]["body"]


async def test_policies_are_listed_by_whether_they_are_active_page_by_page(api: Api) -> None:
    ids = [(await api.post(PATH, {**POLICY, "is_active": active}, 201))["id"] for active in (True, False, True)]
    await api.post("/automations/", {"name": "another", "trigger": {"expect": ["x"]}, "actions": []}, 201)

    async def found(**body: Any) -> list[int]:
        return [ids.index(one["id"]) for one in await api.post(f"{PATH}filter", body)]

    assert await found() == [0, 1, 2]
    assert await found(limit=2, offset=1) == [1, 2]
    for active, places in ((True, [0, 2]), (False, [1]), (None, [0, 1, 2])):
        assert await found(flow_run_notification_policy_filter={"is_active": {"eq_": active}}) == places
    assert await found(flow_run_notification_policy_filter={}) == [1]


async def test_an_unknown_name_in_a_message_is_refused_with_the_nearest(api: Api) -> None:
    refused = await api.ask("POST", PATH, {**POLICY, "message_template": "{flow_run_nam}"})
    assert refused.status == 422
    assert "did you mean 'flow_run_name'" in str(refused.json)
    assert (await api.ask("POST", PATH, {**POLICY, "message_template": "{"})).status == 422


async def test_an_automation_of_ones_own_is_no_policy(api: Api) -> None:
    automation = await api.post("/automations/", {"name": "a", "trigger": {"expect": ["x"]}, "actions": []}, 201)
    await api.get(PATH + automation["id"], 404)
    await api.patch(PATH + automation["id"], {"is_active": False}, 404)
    await api.delete(PATH + automation["id"], 404)
