"""What clients of Prefect 2 write is understood, beside what clients of today write."""

from __future__ import annotations

from typing import Any

from penstock.server.app import App
from tests.server.conftest import ask

CRON = {"cron": "0 6 * * *", "timezone": "UTC", "day_or": True}


async def create(app: App, **fields: Any) -> Any:
    flow = (await ask(app, "POST", "/flows/", {"name": "f"})).json["id"]
    return await ask(app, "POST", "/deployments/", {"name": "d", "flow_id": flow, **fields})


async def test_overrides_schedule_and_pause_have_older_names(app: App) -> None:
    older = {"infra_overrides": {"env.A": "x"}, "schedule": CRON, "is_schedule_active": False, "manifest_path": None}
    one = (await create(app, **older)).json
    assert one["job_variables"] == {"env.A": "x"}
    assert [each["schedule"]["cron"] for each in one["schedules"]] == ["0 6 * * *"]
    assert (one["paused"], one["enforce_parameter_schema"]) == (True, False)
    assert (await ask(app, "POST", f"/deployments/{one['id']}/set_schedule_active")).status == 200
    changed = await ask(app, "PATCH", f"/deployments/{one['id']}", {"infra_overrides": {"a": 1}, "schedule": None})
    assert changed.status == 204
    after = (await ask(app, "GET", f"/deployments/{one['id']}")).json
    assert (after["job_variables"], after["paused"], len(after["schedules"])) == ({"a": 1}, False, 1)


async def test_a_manifest_that_is_named_is_kept(app: App) -> None:
    one = (await create(app, infra_overrides={}, manifest_path="hello-manifest.json")).json
    assert one["manifest_path"] == "hello-manifest.json"
    assert (await ask(app, "PATCH", f"/deployments/{one['id']}", {"tags": ["a"], "infra_overrides": {}})).status == 204
    assert (await ask(app, "GET", f"/deployments/{one['id']}")).json["manifest_path"] == "hello-manifest.json"


async def test_schedules_may_say_what_never_meant_anything(app: App) -> None:
    one = (await create(app)).json
    assert one["enforce_parameter_schema"] is True
    schedule = {"schedule": CRON, "active": True, "max_active_runs": None, "catchup": False}
    added = await ask(app, "POST", f"/deployments/{one['id']}/schedules", [schedule])
    assert (added.status, added.json[0]["schedule"]["cron"]) == (201, "0 6 * * *")


async def test_the_same_thing_said_twice_must_be_alike(app: App) -> None:
    both = await create(app, infra_overrides={"a": 1}, job_variables={"a": 2})
    assert (both.status, "two names of one thing" in str(both.json)) == (422, True)
    assert (await create(app, infra_overrides={"a": 1}, job_variables={"a": 1})).status == 201


async def test_what_nobody_ever_knew_is_still_refused(app: App) -> None:
    wrong = await create(app, infra_overrides={}, colour="red")
    assert (wrong.status, wrong.json["exception_detail"][0]["loc"]) == (422, ["body", "colour"])
