"""The catalogue's pages with real rows behind them: flows, variables, limits, artifacts, events, blocks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.ui.conftest import Browser, Shown, text_of
from tests.ui.lifelike import Day

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
GHOST = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def day(browser: Browser) -> Day:
    """A pool, a deployment and some runs."""
    one = Day(browser.app)
    await one.pool("warehouse", "process")
    await one.deployment("daily-sales", "prod", "warehouse", tags=["sales"])
    await one.run("daily-sales/prod", timedelta(minutes=9), "COMPLETED", name="good-run")
    await one.run("daily-sales/prod", timedelta(minutes=-30), "SCHEDULED", name="next-run")
    return one


def where(page: Shown) -> str:
    """Where an answer sends the browser."""
    assert page.status == 303, page.text
    return page.headers["location"]


async def test_an_empty_catalogue_says_the_next_command(browser: Browser) -> None:
    commands = {
        "/flows": "penstock deploy",
        "/variables": "penstock variable set",
        "/limits": "penstock global-concurrency-limit create",
    }
    for path, command in commands.items():
        assert command in text_of(await browser.get(path)), path


async def test_the_navigation_leads_to_every_section_and_says_its_key(browser: Browser) -> None:
    page = await browser.get("/variables")
    for path, key in (("/", "o"), ("/runs", "r"), ("/flows", "f"), ("/variables", "v")):
        assert f'<a href="{path}" data-go="{key}"' in page.text
    assert '<a href="/variables" data-go="v" aria-current="page">' in page.text
    assert page.text.count("aria-current") == 1
    assert "g v Variables" in text_of(page)


async def test_flows_are_listed_with_their_deployments_and_runs(browser: Browser, day: Day) -> None:
    page = await browser.get("/flows")
    assert "daily-sales" in text_of(page)
    assert f"/deployments/{day.deployments['daily-sales/prod']}" in page.text
    assert "good-run: Completed" in text_of(page)
    assert "next-run: Scheduled" not in text_of(page), "what is to come is no result"
    assert "in 29 min" in text_of(page) or "in 30 min" in text_of(page)
    assert "No flow fits" in text_of(await browser.get("/flows?name=nothing"))
    assert "daily-sales" in text_of(await browser.get("/flows?name=sales"))


async def test_a_flow_shows_its_runs_and_what_comes(browser: Browser, day: Day) -> None:
    text = text_of(await browser.get(f"/flows/{day.flows['daily-sales']}"))
    for words in ("good-run", "next-run", "prod", "warehouse"):
        assert words in text, words
    assert (await browser.get(f"/flows/{GHOST}")).status == 404
    assert (await browser.get("/flows/nonsense")).status == 404


async def test_a_flow_is_deleted_after_one_more_question(browser: Browser, day: Day) -> None:
    path = f"/flows/{day.flows['daily-sales']}"
    asked = await browser.post(f"{path}/delete")
    assert "Delete the flow daily-sales?" in text_of(asked)
    assert "prod" in text_of(asked)
    assert (await browser.get(path)).status == 200
    assert where(await browser.post(f"{path}/delete", {"sure": "yes"})) == "/flows"
    assert (await browser.get(path)).status == 404
    assert (await browser.get(f"/runs/{day.runs['good-run']}")).status == 404


async def test_a_variable_is_made_changed_and_deleted(browser: Browser, day: Day) -> None:
    made = {"name": "region", "kind": "text", "value": "eu\r\nwest", "tags": "a, b, a"}
    assert where(await browser.post("/variables/new", made)) == "/variables"
    assert "The variable region was made." in text_of(await browser.get("/variables"))
    one = await day.call("GET", "/variables/name/region")
    assert (one["value"], one["tags"]) == ("eu\nwest", ["a", "b"])
    changed = {"name": "place", "kind": "json", "value": '{"lat": 52.5, "open": true}', "tags": ""}
    await browser.post(f"/variables/{one['id']}", changed)
    assert (await day.call("GET", "/variables/name/place"))["value"] == {"lat": 52.5, "open": True}
    assert "lat" in text_of(await browser.get("/variables?name=pla"))
    assert "No variable fits" in text_of(await browser.get("/variables?tag=a"))
    assert where(await browser.post(f"/variables/{one['id']}/delete")) == "/variables"
    assert (await browser.get(f"/variables/{one['id']}")).status == 404


async def test_a_variable_that_does_not_fit_keeps_what_was_written(browser: Browser, day: Day) -> None:
    wrong = await browser.post("/variables/new", {"name": "x", "kind": "json", "value": "{oops"})
    assert wrong.status == 422
    assert "The value is not JSON" in text_of(wrong)
    assert "{oops" in wrong.text
    assert (await browser.post("/variables/new", {"name": "Bad Name", "value": "1"})).status == 422
    await browser.post("/variables/new", {"name": "twice", "value": "1"})
    again = await browser.post("/variables/new", {"name": "twice", "value": "2"})
    assert again.status == 409
    assert "already" in text_of(again)


async def test_names_stay_text(browser: Browser, day: Day) -> None:
    flow = (await day.call("POST", "/flows/", {"name": '"quoted" 名前', "tags": [EVIL]}))["id"]
    await day.call("POST", "/variables/", {"name": "evil", "value": EVIL, "tags": [EVIL, "ß" * 400]})
    variable = (await day.call("GET", "/variables/name/evil"))["id"]
    pages = ["/flows", f"/flows/{flow}", "/variables", f"/variables/{variable}"]
    for path in pages:
        page = await browser.get(path)
        assert page.status == 200, path
        assert "<script>alert" not in page.text, path
        assert "<img" not in page.text.replace('<img src="/static', ""), path
        assert "&lt;script&gt;" in page.text, path


async def take(day: Day, name: str, slots: int, **holder: str) -> str:
    body = {"slots": slots, "names": [name], "holder": holder or None}
    return str((await day.call("POST", "/v2/concurrency_limits/increment-with-lease", body))["lease_id"])


async def test_a_limit_is_made_and_shows_who_holds_it(browser: Browser, day: Day) -> None:
    made = {"kind": "named", "name": "database", "limit": "5", "decay": "0"}
    path = where(await browser.post("/limits/new", made))
    await take(day, "database", 2, type="flow_run", id=day.runs["next-run"])
    await day.call("POST", "/v2/concurrency_limits/increment", {"slots": 1, "names": ["database"]})
    for page in (await browser.get("/limits"), await browser.get(path)):
        text = text_of(page)
        assert "3 of 5" in text
        assert "next-run" in text
        assert "without a lease" in text
        assert f"/runs/{day.runs['next-run']}" in page.text


async def test_a_limit_on_a_tag_leads_to_the_task_runs_that_hold_it(browser: Browser, day: Day) -> None:
    run = day.runs["good-run"]
    task = {"flow_run_id": run, "task_key": "t", "dynamic_key": "0", "name": "load-0"}
    task_run = (await day.call("POST", "/task_runs/", task))["id"]
    path = where(await browser.post("/limits/new", {"kind": "tag", "name": "db", "limit": "1"}))
    await day.call("POST", "/concurrency_limits/increment", {"names": ["db"], "task_run_id": task_run})
    page = await browser.get(path)
    assert "load-0" in text_of(page)
    assert f"/runs/{run}#tasks" in page.text
    await browser.post(f"{path}/reset")
    assert "Nobody holds a slot" in text_of(await browser.get(path))
    assert where(await browser.post(f"{path}/delete")) == "/limits"
    assert (await browser.get(path)).status == 404


async def test_one_holder_is_freed_or_all(browser: Browser, day: Day) -> None:
    path = where(await browser.post("/limits/new", {"kind": "named", "name": "gpu", "limit": "4"}))
    first = await take(day, "gpu", 1)
    await take(day, "gpu", 1)
    await day.call("POST", "/v2/concurrency_limits/increment", {"slots": 1, "names": ["gpu"]})
    await browser.post(f"{path}/free", {"lease": first})
    assert (await day.call("GET", "/v2/concurrency_limits/gpu"))["active_slots"] == 2
    await browser.post(f"{path}/reset")
    assert (await day.call("GET", "/v2/concurrency_limits/gpu"))["active_slots"] == 0


async def test_a_limit_is_changed_and_what_does_not_fit_is_said(browser: Browser, day: Day) -> None:
    path = where(await browser.post("/limits/new", {"kind": "named", "name": "rate", "limit": "4"}))
    await browser.post(path, {"limit": "9", "decay": "0.5", "active": "no"})
    known = await day.call("GET", "/v2/concurrency_limits/rate")
    assert (known["limit"], known["slot_decay_per_second"], known["active"]) == (9, 0.5, False)
    for wrong in ({"limit": "many"}, {"limit": "-1"}, {"limit": "1", "decay": "fast"}):
        heard = await browser.post(path, wrong)
        assert heard.status == 422
        assert 'role="alert"' in heard.text
    assert (await browser.post("/limits/new", {"name": "rate", "limit": "1"})).status == 409
    assert (await browser.post("/limits/new", {"name": "x", "limit": "one"})).status == 422


async def test_the_limit_of_a_deployment_has_its_name_and_stays(browser: Browser, day: Day) -> None:
    id = await day.deployment("daily-sales", "narrow", "warehouse", concurrency_limit=2)
    limits = await day.call("POST", "/v2/concurrency_limits/filter", {})
    path = f"/limits/{next(one['id'] for one in limits if one['name'].endswith(id))}"
    assert "narrow" in text_of(await browser.get("/limits"))
    assert f"/deployments/{id}" in (await browser.get(path)).text
    assert (await browser.post(f"{path}/delete")).status == 422
