"""Each page with real rows behind it: what it shows, what it changes, and that names stay text."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from penstock.ui.run_lists import PAGE
from tests.ui.conftest import Browser, text_of
from tests.ui.lifelike import LINES, ORACLE, Day

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"

GHOST = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def day(browser: Browser) -> Day:
    """A pool, a deployment, a worker, and a run of each kind."""
    one = Day(browser.app)
    await one.pool("warehouse", "process", concurrency_limit=8)
    schedule = {"schedule": {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}, "active": True}
    await one.deployment("daily-sales", "prod", "warehouse", schedules=[schedule], parameters={"limit": 7})
    await one.worker("warehouse", "worker-1", running=1)
    for name, ends in (("good", "COMPLETED"), ("poor", "FAILED"), ("busy", None), ("waits", "SCHEDULED")):
        await one.run("daily-sales/prod", timedelta(minutes=9), ends, name=name)
    return one


async def test_an_empty_server_says_how_to_begin(browser: Browser) -> None:
    assert "penstock deploy --all" in text_of(await browser.get("/"))
    assert "penstock deployment run" in text_of(await browser.get("/runs"))
    assert "penstock work-pool create" in text_of(await browser.get("/pools"))
    assert "penstock deploy" in text_of(await browser.get("/deployments"))


async def test_the_overview_shows_what_went_wrong_and_what_runs(browser: Browser, day: Day) -> None:
    text = text_of(await browser.get("/"))
    assert "4 runs" in text
    assert "1 went wrong" in text
    assert "ORA-12541: no listener" in text
    assert "busy" in text
    assert "warehouse" in text


async def test_the_overview_is_of_another_time_of_a_flow_and_of_deployments_with_a_tag(
    browser: Browser, day: Day
) -> None:
    await day.deployment("mails", "eu", "warehouse", tags=["eu"])
    await day.deployment("mails", "us", "warehouse")
    for deployment, name in (("mails/eu", "northern"), ("mails/us", "western")):
        await day.run(deployment, timedelta(days=3), "CRASHED", name=name)

    assert "northern" not in text_of(await browser.get("/"))
    for query, names in (
        ("when=7d&of=mails", {"northern", "western"}),
        ("when=30d&of=mails/us", {"western"}),
        ("when=7d&tag=eu", {"northern"}),
        ("when=7d&tag=eu&of=mails", {"northern"}),
        ("when=7d&tag=eu&of=mails/us", set()),
        ("when=7d&tag=nowhere", set()),
        ("of=nothing/like-it", set()),
        ("when=nonsense&of=daily-sales", {"poor"}),
    ):
        text = text_of(await browser.get(f"/?{query}"))
        assert {name for name in ("northern", "western", "poor") if f" {name} " in text} == names, query
    assert "4 runs" in text_of(await browser.get("/?of=daily-sales"))
    assert "1 run " in text_of(await browser.get("/?when=7d&tag=eu"))


async def test_the_overview_tells_how_task_runs_went_where_it_is_of_all(browser: Browser, day: Day) -> None:
    assert "task runs" not in text_of(await browser.get("/"))
    await day.tasks(day.runs["busy"], day.now - timedelta(minutes=9), 60)
    assert "9 task runs 1 went wrong 7 completed 1 running" in text_of(await browser.get("/?when=7d"))
    assert "task runs" not in text_of(await browser.get("/?of=daily-sales"))


async def test_failures_of_one_deployment_are_one_line_that_leads_to_them(browser: Browser, day: Day) -> None:
    await day.run("daily-sales/prod", timedelta(minutes=5), "CRASHED", name="worse")
    await day.run("daily-sales/prod", timedelta(minutes=4), "FAILED", name="as-poor")
    page = await browser.get("/")
    assert "daily-sales prod 2 failed 1 crashed" in text_of(page)
    assert "2 of the last 3: ORA-12541: no listener" in text_of(page)
    deployment = day.deployments["daily-sales/prod"]
    assert f"/runs?state=failed&amp;state=crashed&amp;when=24h&amp;deployment={deployment}" in page.text


async def test_runs_are_found_by_what_the_address_says(browser: Browser, day: Day) -> None:
    async def names(query: str) -> set[str]:
        page = text_of(await browser.get(f"/runs?{query}"))
        return {name for name in day.runs if f" {name} " in page}

    assert await names("") == {"good", "poor", "busy", "waits"}
    assert await names("state=failed&state=completed") == {"good", "poor"}
    assert await names("state=late&state=running") == {"busy"}
    assert await names("name=oo") == {"good", "poor"}
    assert await names("pool=warehouse") == {"good", "poor", "busy", "waits"}
    assert await names("pool=other") == set()
    assert await names(f"deployment={day.deployments['daily-sales/prod']}") == {"good", "poor", "busy", "waits"}
    assert await names(f"flow={uuid4()}") == set()
    assert await names("when=next&state=nonsense&flow=nonsense&after=nonsense") == set()


async def test_the_chart_of_a_long_time_follows_its_page(browser: Browser, day: Day) -> None:
    assert "Counting" in text_of(await browser.get("/runs?when=30d"))
    assert "Completed 1" in text_of(await browser.get("/runs/chart?when=30d&state=completed"))


async def test_pages_of_runs_hold_each_run_once_though_all_are_due_at_one_moment(browser: Browser, day: Day) -> None:
    for number in range(PAGE * 2):
        await day.run("daily-sales/prod", timedelta(minutes=5), "SCHEDULED", name=f"twin-{number:03d}-x")
    seen: list[str] = []
    address = "/runs?name=twin"
    while address:
        page = await browser.get(address)
        seen += [name for name in day.runs if f">{name}</a>" in page.text]
        _, found, rest = page.text.partition('rel="next" href="')
        address = rest.partition('"')[0].replace("&amp;", "&") if found else ""
    assert len(seen) == PAGE * 2
    assert len(set(seen)) == PAGE * 2


async def test_many_runs_are_changed_after_one_more_question(browser: Browser, day: Day) -> None:
    ids = [day.runs["busy"], day.runs["waits"]]
    asked = await browser.post("/runs/change", {"action": "cancel", "id": ids, "back": "/runs?when=7d"})
    assert asked.status == 200
    assert "Cancel these 2 runs?" in text_of(asked)
    assert (await day.call("GET", f"/flow_runs/{ids[1]}"))["state_type"] == "SCHEDULED"
    done = await browser.post("/runs/change", {"action": "cancel", "id": ids, "back": "/runs?when=7d", "sure": "yes"})
    assert done.headers["location"] == "/runs?when=7d"
    await browser.get("/runs?when=7d", hx_request="true")  # the list of before, which looks again by itself
    assert "2 runs were asked to end." in text_of(await browser.get("/runs?when=7d"))
    assert "asked to end" not in text_of(await browser.get("/runs?when=7d")), "it is said once"
    states = {(await day.call("GET", f"/flow_runs/{id}"))["state_type"] for id in ids}
    assert states <= {"CANCELLING", "CANCELLED"}


async def test_runs_are_retried_and_deleted(browser: Browser, day: Day) -> None:
    poor = day.runs["poor"]
    await browser.post(f"/runs/{poor}/retry")
    assert (await day.call("GET", f"/flow_runs/{poor}"))["state_name"] == "AwaitingRetry"
    gone = {"action": "delete", "id": day.runs["good"], "sure": "yes", "back": f"/runs/{day.runs['good']}"}
    assert (await browser.post("/runs/change", gone)).headers["location"] == "/runs"
    assert (await browser.get(f"/runs/{day.runs['good']}")).status == 404


@pytest.mark.parametrize("fields", [{"action": "melt"}, {"action": "cancel", "id": "nonsense"}])
async def test_a_change_that_is_none_is_refused(browser: Browser, day: Day, fields: dict[str, str]) -> None:
    assert (await browser.post("/runs/change", fields)).status in (404, 422)
    assert (await browser.post(f"/runs/{day.runs['busy']}/melt")).status == 422


async def test_a_run_shows_how_it_came_to_its_state(browser: Browser, day: Day) -> None:
    run = day.runs["poor"]
    await day.tasks(run, day.now - timedelta(minutes=9), 60)
    await day.logs(run, day.now - timedelta(minutes=9), LINES)
    artifact = {"key": "sales-report", "type": "markdown", "data": "# All is well", "flow_run_id": run}
    await day.call("POST", "/artifacts/", artifact)
    text = text_of(await browser.get(f"/runs/{run}"))
    for words in (
        ORACLE.splitlines()[0],
        "read-orders-000",
        "12,908 customers",
        "sales-report",
        '"limit": 7'.replace('"', "&#34;"),
    ):
        assert words in text, words
    assert "12,908" not in text_of(await browser.get(f"/runs/{run}?level=error"))
    assert "12,908" in text_of(await browser.get(f"/runs/{run}?text=customers"))
    assert "12,908 customers" in (await browser.get(f"/runs/{run}/logs")).text
    assert "No line fits" in text_of(await browser.get(f"/runs/{run}?text=nowhere-to-be-found"))


async def test_a_run_that_waits_says_why(browser: Browser, day: Day) -> None:
    await browser.post("/pools/warehouse/pause")
    text = text_of(await browser.get(f"/runs/{day.runs['waits']}"))
    assert "Why it waits." in text
    assert "paused" in text


async def test_the_job_of_a_run_is_shown(browser: Browser, day: Day) -> None:
    assert "stream_output" in text_of(await browser.get(f"/runs/{day.runs['waits']}/job"))


async def test_the_server_tells_how_it_is_reached_and_set_up(browser: Browser) -> None:
    page = await browser.get("/server")
    assert 'data-copy="penstock config set PENSTOCK_API_URL=http://penstock.test/api"' in page.text
    assert "PENSTOCK_HOME" in text_of(page)
    assert "the environment" in text_of(page)
    assert "nobody has to" in text_of(page)
    behind = await browser.get("/server", host="flows.acme.test", x_forwarded_proto="https")
    assert 'data-copy="https://flows.acme.test/api"' in behind.text
    odd = await browser.get("/server", host="x;rm -rf ~")
    assert "rm -rf" not in odd.text


async def test_search_finds_names_and_ids(browser: Browser, day: Day) -> None:
    text = text_of(await browser.get("/search?q=ware"))
    assert "warehouse" in text
    assert "prod" in text_of(await browser.get("/search?q=sales"))
    assert "busy" in text_of(await browser.get("/search?q=bus"))
    for name, path in ((day.runs["busy"], "runs"), (day.deployments["daily-sales/prod"], "deployments")):
        assert (await browser.get(f"/search?q={name}")).headers["location"] == f"/{path}/{name}"
    assert "Nothing has these words" in text_of(await browser.get(f"/search?q={uuid4()}"))


async def test_addresses_that_prefects_clients_print_lead_here(browser: Browser, day: Day) -> None:
    run, deployment = day.runs["busy"], day.deployments["daily-sales/prod"]
    for path, there in (
        (f"/runs/flow-run/{run}", f"/runs/{run}"),
        (f"/flow-runs/flow-run/{run}", f"/runs/{run}"),
        (f"/runs/task-run/{GHOST}", f"/task-runs/{GHOST}"),
        (f"/deployments/deployment/{deployment}", f"/deployments/{deployment}"),
        ("/work-pools/work-pool/warehouse", "/pools/warehouse"),
        ("/work-pools", "/pools"),
        ("/dashboard", "/"),
    ):
        assert (await browser.get(path)).headers["location"] == there


@pytest.mark.parametrize("path", ["/runs/nonsense", f"/runs/{GHOST}", f"/deployments/{GHOST}", "/pools/nowhere"])
async def test_what_is_not_there_is_said_on_a_page(browser: Browser, path: str) -> None:
    heard = await browser.get(path)
    assert heard.status == 404
    assert "Go to the overview" in text_of(heard)


async def test_markup_in_names_and_lines_stays_text(browser: Browser) -> None:
    day = Day(browser.app)
    await day.pool("warehouse", "process", description=EVIL)
    id = await day.deployment(
        "evil", "prod", "warehouse", description=EVIL, parameters={EVIL: EVIL}, tags=[EVIL], version=EVIL
    )
    run = await day.run("evil/prod", timedelta(minutes=3), "RUNNING", name=EVIL, tags=[EVIL])
    await day.state(run, "FAILED", day.now, EVIL)
    await day.logs(run, day.now, [(20, EVIL)])
    await day.call("POST", "/artifacts/", {"key": "evil", "data": EVIL, "description": EVIL, "flow_run_id": run})
    await day.worker("warehouse", "evil")
    for path in (
        "/",
        "/runs",
        f"/runs/{run}",
        "/pools",
        "/pools/warehouse",
        "/deployments",
        f"/deployments/{id}",
        f"/deployments/{id}/run",
        "/search?q=%3Cscript",
        f"/runs/{run}?text=%3Cscript",
        "/runs?name=%3Cscript",
    ):
        page = await browser.get(path)
        assert page.status == 200, path
        assert "<script>alert" not in page.text, path
        assert "<img src=x" not in page.text, path
