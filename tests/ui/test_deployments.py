"""The pages of deployments: the list, the tabs of one, its schedules and versions, and the form that runs it."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.ui.pages.deployments import PAGE
from tests.ui.conftest import Browser, text_of
from tests.ui.lifelike import Day


@pytest.fixture
async def day(browser: Browser) -> Day:
    """A deployment with a schedule, on a pool of processes."""
    one = Day(browser.app)
    await one.pool("warehouse", "process", concurrency_limit=8)
    await one.pool("cargo", "docker")
    schedule = {"schedule": {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}, "active": True}
    await one.deployment("daily-sales", "prod", "warehouse", schedules=[schedule], parameters={"limit": 7})
    return one


async def test_a_deployment_shows_its_schedules_and_pauses_them(browser: Browser, day: Day) -> None:
    id = day.deployments["daily-sales/prod"]
    text = text_of(await browser.get(f"/deployments/{id}"))
    assert "cron 0 6 * * * (Europe/Berlin)" in text
    assert "next in" in text
    (schedule,) = await day.call("GET", f"/deployments/{id}/schedules")
    await browser.post(f"/deployments/{id}/schedules/{schedule['id']}/pause")
    (schedule,) = await day.call("GET", f"/deployments/{id}/schedules")
    assert schedule["active"] is False
    await browser.post(f"/deployments/{id}/pause")
    assert (await day.call("GET", f"/deployments/{id}"))["paused"]
    assert "Paused" in text_of(await browser.get("/deployments?name=sales"))
    assert "No deployment fits" in text_of(await browser.get("/deployments?tag=nowhere"))


async def test_the_run_form_sends_what_was_changed(browser: Browser, day: Day) -> None:
    id = day.deployments["daily-sales/prod"]
    form = await browser.get(f"/deployments/{id}/run")
    assert 'name="p.limit"' in form.text
    assert 'name="v.working_dir"' in form.text
    fields = {"p.region": '"us"', "p.limit": "12", "p.full": "true", "p.columns": '["id", "at"]', "run_name": "mine"}
    made = await browser.post(f"/deployments/{id}/run", {**fields, "v.working_dir": "/tmp", "tags": "a, b"})
    assert made.status == 303
    run = await day.call("GET", f"/flow_runs/{made.headers['location'].rpartition('/')[2]}")
    assert run["parameters"] == {"region": "us", "limit": 12, "full": True, "columns": ["id", "at"]}
    assert run["job_variables"] == {"working_dir": "/tmp"}
    assert (run["name"], set(run["tags"])) == ("mine", {"a", "b"})


async def test_a_quick_run_takes_everything_as_deployed(browser: Browser, day: Day) -> None:
    made = await browser.post(f"/deployments/{day.deployments['daily-sales/prod']}/run")
    run = await day.call("GET", f"/flow_runs/{made.headers['location'].rpartition('/')[2]}")
    assert run["parameters"] == {"limit": 7}


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [("p.limit", "many", "no whole number"), ("p.columns", "[", "not JSON"), ("p.columns", "7", "columns")],
)
async def test_the_run_form_says_what_does_not_fit(
    browser: Browser, day: Day, field: str, value: str, fault: str
) -> None:
    path = f"/deployments/{day.deployments['daily-sales/prod']}/run"
    heard = await browser.post(path, {field: value, "run_name": "kept"})
    assert heard.status in (409, 422)
    assert fault in text_of(heard)
    assert 'value="kept"' in heard.text


async def test_deployments_are_found_by_what_the_address_says(browser: Browser, day: Day) -> None:
    await day.deployment("daily-sales", "staging", "cargo", tags=["eu"], paused=True)
    await day.deployment("churn", "weekly", "cargo")

    async def names(query: str) -> set[str]:
        page = (await browser.get(f"/deployments?{query}")).text
        return {name for name, id in day.deployments.items() if f'href="/deployments/{id}"' in page}

    every = {"daily-sales/prod", "daily-sales/staging", "churn/weekly"}
    assert await names("") == every
    assert await names("name=sales") == {"daily-sales/prod", "daily-sales/staging"}
    assert await names("tag=eu") == {"daily-sales/staging"}
    assert await names("pool=cargo") == {"daily-sales/staging", "churn/weekly"}
    assert await names("pool=cargo&status=active") == {"churn/weekly"}
    assert await names("status=paused") == {"daily-sales/staging"}
    assert await names(f"flow={day.flows['churn']}") == {"churn/weekly"}
    assert await names("status=nonsense&flow=nonsense&after=nonsense") == every
    assert "Of the flow churn" in text_of(await browser.get(f"/deployments?flow={day.flows['churn']}"))


async def test_a_long_list_goes_on_with_the_next_page(browser: Browser, day: Day) -> None:
    for number in range(PAGE):
        await day.deployment("many", f"one-{number:02}", "cargo")
    first = (await browser.get("/deployments?name=many")).text
    assert 'rel="next"' not in first
    assert 'rel="next"' in (await browser.get("/deployments")).text
    assert "prod" in text_of(await browser.get(f"/deployments?after={PAGE}"))


SCHEDULES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "cron": ({"kind": "cron", "cron": "0 8 * * 1-5", "timezone": "Europe/Berlin"}, {"cron": "0 8 * * 1-5"}),
    "interval": ({"kind": "interval", "every": "1.5", "unit": "hours"}, {"interval": 5400.0}),
    "rrule": ({"kind": "rrule", "rrule": "FREQ=DAILY;BYHOUR=7"}, {"timezone": "UTC"}),
}


@pytest.mark.parametrize("kind", SCHEDULES)
async def test_a_schedule_is_added_with_values_of_its_own(browser: Browser, day: Day, kind: str) -> None:
    fields, kept = SCHEDULES[kind]
    path = f"/deployments/{day.deployments['daily-sales/prod']}"
    more = {"parameters": '{"limit": 3}', "most": "2", "active": "yes", "action": "save"}
    assert (await browser.post(f"{path}/new-schedule", {**fields, **more})).status == 303
    found = await day.call("GET", f"{path}/schedules")
    (new,) = [one for one in found if one["parameters"]]
    assert kept.items() <= new["schedule"].items()
    assert (new["parameters"], new["max_scheduled_runs"], new["active"]) == ({"limit": 3}, 2, True)


async def test_a_schedule_is_changed_and_what_it_had_stays(browser: Browser, day: Day) -> None:
    path = f"/deployments/{day.deployments['daily-sales/prod']}"
    (one,) = await day.call("GET", f"{path}/schedules")
    form = await browser.get(f"{path}/schedules/{one['id']}")
    assert 'value="0 6 * * *"' in form.text
    assert 'value="Europe/Berlin"' in form.text
    fields = {"kind": "cron", "cron": "0 7 * * *", "timezone": "Europe/Berlin", "day_or": "yes", "active": "yes"}
    await browser.post(f"{path}/schedules/{one['id']}", {**fields, "action": "save"})
    (after,) = await day.call("GET", f"{path}/schedules")
    assert (after["id"], after["schedule"]["cron"], after["active"]) == (one["id"], "0 7 * * *", True)
    text = text_of(await browser.get(f"{path}?tab=schedules"))
    assert "cron 0 7 * * * (Europe/Berlin)" in text
    assert text.count(":00:00 UTC") == 5, "the next times are shown"


async def test_the_next_times_are_shown_before_anything_is_saved(browser: Browser, day: Day) -> None:
    path = f"/deployments/{day.deployments['daily-sales/prod']}"
    fields = {"kind": "cron", "cron": "30 5 * * *", "timezone": "UTC", "action": "show"}
    shown = await browser.post(f"{path}/new-schedule", fields)
    assert (shown.status, shown.text.count("05:30:00 UTC")) == (200, 5)
    assert len(await day.call("GET", f"{path}/schedules")) == 1


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"kind": "cron", "cron": "often"}, "five are needed"),
        ({"kind": "cron", "cron": "0 8 * * *", "timezone": "Europe/Berlyn"}, "Did you mean Europe/Berlin?"),
        ({"kind": "interval", "every": "a while"}, "is no number"),
        ({"kind": "interval", "every": "0"}, "more than zero"),
        ({"kind": "interval", "every": "1", "anchor_date": "soon"}, "ISO-8601"),
        ({"kind": "rrule", "rrule": "NEVER"}, "understood"),
        ({"kind": "cron", "cron": "0 8 * * *", "parameters": "["}, "not JSON"),
        ({"kind": "cron", "cron": "0 8 * * *", "most": "none"}, "no whole number"),
        ({"kind": "cron", "cron": "often", "most": "none"}, "five are needed"),
        ({}, "five are needed"),
    ],
    ids=["cron", "zone", "number", "zero", "anchor", "rrule", "parameters", "most", "all at once", "nothing"],
)
async def test_a_schedule_that_does_not_fit_is_said_beside_its_field(
    browser: Browser, day: Day, fields: dict[str, str], fault: str
) -> None:
    path = f"/deployments/{day.deployments['daily-sales/prod']}/new-schedule"
    heard = await browser.post(path, {"parameters": '{"keepsake": 1}', **fields, "action": "save"})
    assert heard.status == 422
    assert fault in text_of(heard)
    assert ("keepsake" in text_of(heard)) == ("parameters" not in fields), "nothing is lost"


async def test_a_schedule_is_deleted_after_one_more_question(browser: Browser, day: Day) -> None:
    path = f"/deployments/{day.deployments['daily-sales/prod']}"
    (one,) = await day.call("GET", f"{path}/schedules")
    own = f"{path}/schedules/{one['id']}"
    assert "cron 0 6 * * *" in text_of(await browser.get(f"{own}/delete"))
    await browser.post(f"{own}/delete")
    assert len(await day.call("GET", f"{path}/schedules")) == 1
    await browser.post(f"{own}/delete", {"sure": "yes"})
    assert await day.call("GET", f"{path}/schedules") == []
    assert (await browser.get(own)).status == 404
    assert "penstock deployment schedule create" in text_of(await browser.get(f"{path}?tab=schedules"))


async def test_a_run_is_made_for_later_in_the_readers_zone(browser: Browser, day: Day) -> None:
    path = f"/deployments/{day.deployments['daily-sales/prod']}/run"
    made = await browser.post(path, {"due": "2031-07-01T08:00", "zone": "Europe/Berlin"})
    run = await day.call("GET", f"/flow_runs/{made.headers['location'].rpartition('/')[2]}")
    assert run["expected_start_time"] == "2031-07-01T06:00:00Z"
    for due, zone in (("soon", "UTC"), ("2031-07-01T08:00", "Mars/Base")):
        wrong = await browser.post(path, {"due": due, "zone": zone})
        assert (wrong.status, "no date and time" in text_of(wrong)) == (422, True)


async def test_a_needed_value_is_asked_for_beside_its_field(browser: Browser, day: Day) -> None:
    schema = {"type": "object", "properties": {"day": {"type": "string", "title": "Day"}}, "required": ["day"]}
    id = await day.deployment("asks", "prod", "warehouse", parameter_openapi_schema=schema)
    wrong = await browser.post(f"/deployments/{id}/run")
    assert wrong.status == 422
    assert "A value is needed here." in text_of(wrong)
    assert (await browser.post(f"/deployments/{id}/run", {"p.day": "monday"})).status == 303


async def test_a_job_variable_that_does_not_fit_is_said_beside_its_field(browser: Browser, day: Day) -> None:
    path = f"/deployments/{day.deployments['daily-sales/prod']}/run"
    wrong = await browser.post(path, {"v.env": '{"A": 1}', "run_name": "kept"})
    assert wrong.status == 422
    assert "A: 1 is not of type &#39;string&#39;." in text_of(wrong)
    assert '<details class="card" open>' in wrong.text, "the fault is in sight"


async def test_a_run_by_an_agent_takes_overrides_as_json(browser: Browser, day: Day) -> None:
    await day.pool("legacy", "prefect-agent")
    id = await day.deployment("old-report", "nightly", "legacy", job_variables={"env": {"A": "1"}})
    made = await browser.post(f"/deployments/{id}/run", {"more_variables": '{"env": {"B": "2"}}'})
    run = await day.call("GET", f"/flow_runs/{made.headers['location'].rpartition('/')[2]}")
    assert run["job_variables"] == {"env": {"B": "2"}}
    wrong = await browser.post(f"/deployments/{id}/run", {"more_variables": "[1]"})
    assert (wrong.status, "An object is needed here" in text_of(wrong)) == (422, True)


async def test_the_configuration_says_who_says_each_job_variable(browser: Browser, day: Day) -> None:
    steps = [{"prefect.deployments.steps.git_clone": {"repository": "https://example.com/flows.git"}}]
    id = await day.deployment(
        "etl", "prod", "warehouse", job_variables={"env": {"LOG": "debug"}, "working_dir": "/srv"}, pull_steps=steps
    )
    text = text_of(await browser.get(f"/deployments/{id}?tab=configuration"))
    for words in ("working_dir /srv here", "stream_output true pool", "env.LOG debug here", "git_clone", "flows.git"):
        assert words in text, words


async def test_a_deployment_of_agents_shows_its_block_and_that_it_is_not_upgraded(browser: Browser, day: Day) -> None:
    await day.pool("legacy", "prefect-agent")
    block = await infrastructure_block(day)
    id = await day.deployment("old-report", "nightly", "legacy", infrastructure_document_id=block)
    text = text_of(await browser.get(f"/deployments/{id}?tab=configuration"))
    for words in ("Infrastructure block", "Docker Container", "acme/report:3", "Not yet", "Infrastructure overrides"):
        assert words in text, words
    assert "hunter2" not in text


async def test_an_upgrade_is_shown_with_where_it_led(browser: Browser, day: Day) -> None:
    await day.pool("legacy", "prefect-agent")
    id = await day.deployment("old-report", "nightly", "legacy")
    found = await day.call("GET", f"/deployments/{id}")
    before = {"work_pool_name": "legacy", "work_queue_name": "default", "entrypoint": found["entrypoint"]}
    after = {**before, "work_pool_name": "warehouse"}
    await day.call("POST", f"/penstock/deployments/{id}/upgrade", {"before": before, "after": after})
    text = text_of(await browser.get(f"/deployments/{id}?tab=configuration"))
    assert "Upgraded" in text
    assert "from legacy to warehouse" in text


async def test_a_version_says_what_it_changed_and_is_gone_back_to(browser: Browser, day: Day) -> None:
    id = day.deployments["daily-sales/prod"]
    change = {
        "update": {"parameters": {"limit": 99}, "version": "two"},
        "source": {"by": "ana", "commit": "abcdef0123"},
    }
    await day.call("POST", f"/penstock/deployments/{id}/versions", change)
    listed = text_of(await browser.get(f"/deployments/{id}?tab=versions"))
    assert "changed parameters.limit" in listed
    assert "by ana" in listed
    one = text_of(await browser.get(f"/deployments/{id}/versions/2"))
    assert "parameters.limit 7 99" in one
    review = await browser.get(f"/deployments/{id}/versions/1/rollback")
    assert "parameters.limit 99 7" in text_of(review)
    assert (await day.call("GET", f"/deployments/{id}"))["parameters"] == {"limit": 99}, "nothing was done yet"
    done = await browser.post(f"/deployments/{id}/versions/1/rollback", {"current": "2"})
    assert done.headers["location"] == f"/deployments/{id}?tab=versions"
    assert (await day.call("GET", f"/deployments/{id}"))["parameters"] == {"limit": 7}
    assert "Brings back version 1." in text_of(await browser.get(f"/deployments/{id}?tab=versions"))


async def test_going_back_is_shown_anew_when_another_version_came(browser: Browser, day: Day) -> None:
    id = day.deployments["daily-sales/prod"]
    for limit in (8, 9):
        await day.call("POST", f"/penstock/deployments/{id}/versions", {"update": {"parameters": {"limit": limit}}})
    late = await browser.post(f"/deployments/{id}/versions/1/rollback", {"current": "2"})
    assert (late.status, "made meanwhile" in text_of(late)) == (409, True)
    assert (await day.call("GET", f"/deployments/{id}"))["parameters"] == {"limit": 9}
    for number in ("77", "x"):
        assert (await browser.get(f"/deployments/{id}/versions/{number}")).status == 404


async def test_description_and_tags_are_changed_and_what_is_left_alone_stays(browser: Browser, day: Day) -> None:
    path = f"/deployments/{day.deployments['daily-sales/prod']}"
    await day.call("PATCH", path, {"tags": ["sales", "north, south"], "description": "One\nTwo"})
    form = await browser.get(f"{path}/edit")
    assert 'value="sales, north, south"' in form.text
    assert "the file wins" in text_of(form)
    same = {"description": "One\r\nTwo", "tags": "sales, north, south"}
    await browser.post(f"{path}/edit", same)
    assert (await day.call("GET", path))["tags"] == ["sales", "north, south"]
    done = await browser.post(f"{path}/edit", {"description": " Orders of the day ", "tags": "sales, eu,, eu"})
    assert done.headers["location"] == path
    after = await day.call("GET", path)
    assert (after["description"], after["tags"]) == ("Orders of the day", ["sales", "eu"])
    await browser.post(f"{path}/edit", {"description": "", "tags": ""})
    after = await day.call("GET", path)
    assert (after["description"], after["tags"]) == (None, [])


async def test_a_deployment_is_deleted_after_one_more_question(browser: Browser, day: Day) -> None:
    path = f"/deployments/{day.deployments['daily-sales/prod']}"
    assert "Delete the deployment daily-sales/prod?" in text_of(await browser.get(f"{path}/delete"))
    assert (await browser.post(f"{path}/delete")).headers["location"] == f"{path}/delete"
    assert (await browser.post(f"{path}/delete", {"sure": "yes"})).headers["location"] == "/deployments"
    assert (await browser.get(path)).status == 404


async def infrastructure_block(day: Day) -> str:
    """A block as clients of Prefect 2 make them, with a secret."""
    kind = await day.call("POST", "/block_types/", {"name": "Docker Container", "slug": "docker-container"})
    fields = {
        "title": "DockerContainer",
        "type": "object",
        "properties": {"image": {"type": "string"}, "password": {"type": "string", "writeOnly": True}},
        "secret_fields": ["password"],
        "block_type_slug": "docker-container",
        "block_schema_references": {},
    }
    body = {"block_type_id": kind["id"], "fields": fields, "capabilities": ["run-infrastructure"]}
    schema = await day.call("POST", "/block_schemas/", body)
    data = {"image": "acme/report:3", "password": "hunter2"}
    ids = {"block_type_id": kind["id"], "block_schema_id": schema["id"]}
    made = await day.call("POST", "/block_documents/", {"name": "report", "data": data, **ids})
    return str(made["id"])


async def test_a_pause_leads_back_to_the_tab_it_was_asked_for_at(browser: Browser, day: Day) -> None:
    path = f"/deployments/{day.deployments['daily-sales/prod']}"
    there = await browser.post(f"{path}/pause", {"tab": "schedules"})
    assert there.headers["location"] == f"{path}?tab=schedules"
    assert 'name="tab" value="schedules"' in (await browser.get(f"{path}?tab=schedules")).text
    assert (await browser.post("/pools/cargo/pause", {"tab": "settings"})).headers["location"] == (
        "/pools/cargo?tab=settings"
    )
    assert (await browser.post("/pools/cargo/resume", {"tab": "//evil"})).headers["location"] == "/pools/cargo"
