"""The pages of deployments: the list, the tabs of one, its schedules and versions, and the form that runs it."""

from __future__ import annotations

import pytest

from tests.ui.conftest import Browser, text_of
from tests.ui.lifelike import Day


@pytest.fixture
async def day(browser: Browser) -> Day:
    """A deployment with a schedule, on a pool of processes."""
    one = Day(browser.app)
    await one.pool("warehouse", "process", concurrency_limit=8)
    schedule = {"schedule": {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}, "active": True}
    await one.deployment("daily-sales", "prod", "warehouse", schedules=[schedule], parameters={"limit": 7})
    return one


async def test_a_deployment_shows_its_schedules_and_pauses_them(browser: Browser, day: Day) -> None:
    id = day.deployments["daily-sales/prod"]
    text = text_of(await browser.get(f"/deployments/{id}"))
    assert "cron 0 6 * * * in Europe/Berlin" in text
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
