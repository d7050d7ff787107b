"""The pages of work pools: the list, the tabs of one, its queues, workers, template and settings."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.ui.conftest import Browser, text_of
from tests.ui.lifelike import Day


@pytest.fixture
async def day(browser: Browser) -> Day:
    """A pool of processes, one of containers and one of agents, with a worker, and a run that it is at."""
    one = Day(browser.app)
    await one.pool("warehouse", "process", concurrency_limit=8)
    await one.pool("cargo", "docker")
    await one.pool("legacy", "prefect-agent")
    await one.deployment("daily-sales", "prod", "warehouse", parameters={"limit": 7}, job_variables={"env": {"A": "1"}})
    await one.worker("warehouse", "worker-1", running=1)
    await one.run("daily-sales/prod", timedelta(minutes=9), "COMPLETED", name="good")
    await one.run(
        "daily-sales/prod", timedelta(minutes=2), None, name="busy", labels={"prefect.worker.name": "worker-1"}
    )
    return one


async def template_of(day: Day, pool: str) -> dict[str, Any]:
    template: dict[str, Any] = (await day.call("GET", f"/work_pools/{pool}"))["base_job_template"]
    return template


async def test_a_pool_shows_its_runs_and_what_waits(browser: Browser, day: Day) -> None:
    text = text_of(await browser.get("/pools/warehouse"))
    for words in ("Ready", "1 of 8", "busy", "good", "Ended in the last 7 days"):
        assert words in text, words


async def test_the_list_leads_to_the_wizard_and_says_who_works(browser: Browser, day: Day) -> None:
    page = await browser.get("/pools")
    assert 'href="/pools/new"' in page.text
    assert "No agent" in text_of(page)


async def test_each_worker_is_shown_with_the_runs_that_it_is_at(browser: Browser, day: Day) -> None:
    page = await browser.get("/pools/warehouse?tab=workers")
    for words in ("worker-1", "Online", "worker-1.internal", "version 0.1.0", "1 / 4", "penstock worker start --pool"):
        assert words in text_of(page), words
    assert f'href="/runs/{day.runs["busy"]}"' in page.text
    assert f'href="/runs/{day.runs["good"]}"' not in page.text


@pytest.mark.parametrize(
    ("pool", "command"),
    [("cargo", "penstock worker start --pool cargo"), ("legacy", "penstock agent start --pool legacy")],
)
async def test_a_pool_nobody_works_on_says_how_to_start_somebody(
    browser: Browser, day: Day, pool: str, command: str
) -> None:
    assert f'data-copy="{command}"' in (await browser.get(f"/pools/{pool}")).text


async def test_a_pool_with_a_worker_asks_for_no_other(browser: Browser, day: Day) -> None:
    assert "data-copy" not in (await browser.get("/pools/warehouse")).text


async def test_a_pool_of_agents_says_when_it_was_polled(browser: Browser, day: Day) -> None:
    assert "never polled" in text_of(await browser.get("/pools/legacy"))
    await day.call("POST", "/work_pools/legacy/get_scheduled_flow_runs", {})
    text = text_of(await browser.get("/pools/legacy?tab=queues"))
    assert "polled now" in text
    assert "Ready" in text
    assert "Template" not in text, "its jobs come from blocks"


async def test_a_tab_that_is_none_shows_the_runs(browser: Browser, day: Day) -> None:
    for tab in ("nonsense", "../x"):
        assert "Active and waiting" in text_of(await browser.get(f"/pools/warehouse?tab={tab}"))
    assert "Active and waiting" in text_of(await browser.get("/pools/legacy?tab=template"))


async def test_workers_pools_and_queues_are_told_what_to_do(browser: Browser, day: Day) -> None:
    await browser.post("/pools/warehouse/workers/worker-1/drain")
    heard = await day.call("POST", "/penstock/work_pools/warehouse/workers/heartbeat", {"name": "worker-1"})
    assert heard["wish"] == "drain"
    assert "Draining" in text_of(await browser.get("/pools/warehouse?tab=workers"))
    await browser.post("/pools/warehouse/workers/worker-1/resume")
    assert "Online" in text_of(await browser.get("/pools/warehouse?tab=workers"))
    await browser.post("/pools/warehouse/queues/default/pause")
    assert (await day.call("GET", "/work_pools/warehouse/queues/default"))["is_paused"]
    await browser.post("/pools/warehouse/pause")
    assert (await day.call("GET", "/work_pools/warehouse"))["is_paused"]
    await browser.post("/pools/warehouse/resume")
    assert not (await day.call("GET", "/work_pools/warehouse"))["is_paused"]
    for path in ("melt", "queues/default/melt", "workers/worker-1/melt"):
        assert (await browser.post(f"/pools/warehouse/{path}")).status == 422


async def test_a_worker_that_is_gone_is_forgotten(browser: Browser, day: Day) -> None:
    body = {"name": "worker-1", "ends": True}
    await day.call("POST", "/penstock/work_pools/warehouse/workers/heartbeat", body)
    assert "Forget" in text_of(await browser.get("/pools/warehouse?tab=workers"))
    await browser.post("/pools/warehouse/workers/worker-1/forget")
    assert "No worker has worked" in text_of(await browser.get("/pools/warehouse?tab=workers"))


async def test_a_queue_is_made_changed_and_deleted_after_one_more_question(browser: Browser, day: Day) -> None:
    fields = {"name": "urgent", "priority": "1", "limit": "2", "description": "What people wait for"}
    assert (await browser.post("/pools/warehouse/new-queue", fields)).status == 303
    text = text_of(await browser.get("/pools/warehouse?tab=queues"))
    assert text.index("urgent") < text.index("default"), "its priority puts it first"
    await browser.post("/pools/warehouse/queues/urgent", {**fields, "name": "urgent", "limit": "", "priority": "1"})
    queue = await day.call("GET", "/work_pools/warehouse/queues/urgent")
    assert (queue["concurrency_limit"], queue["priority"], queue["description"]) == (None, 1, "What people wait for")
    assert "Delete the queue urgent?" in text_of(await browser.get("/pools/warehouse/queues/urgent/delete"))
    await browser.post("/pools/warehouse/queues/urgent/delete")
    assert (await browser.get("/pools/warehouse/queues/urgent")).status == 200, "nobody was sure"
    await browser.post("/pools/warehouse/queues/urgent/delete", {"sure": "yes"})
    assert (await browser.get("/pools/warehouse/queues/urgent")).status == 404


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("priority", "0", "at least 1"),
        ("limit", "-1", "at least 0"),
        ("name", " ", "needs a name"),
        ("name", "default", ""),
    ],
)
async def test_what_does_not_fit_a_queue_is_said_and_nothing_is_lost(
    browser: Browser, day: Day, name: str, value: str, fault: str
) -> None:
    fields = {"name": "urgent", "description": "kept words", name: value}
    heard = await browser.post("/pools/warehouse/new-queue", fields)
    assert heard.status in (409, 422)
    assert fault in text_of(heard)
    assert 'value="kept words"' in heard.text


async def test_settings_are_changed_and_a_wrong_limit_is_said_beside_it(browser: Browser, day: Day) -> None:
    await browser.post("/pools/warehouse/settings", {"description": "Short jobs", "limit": ""})
    pool = await day.call("GET", "/work_pools/warehouse")
    assert (pool["description"], pool["concurrency_limit"]) == ("Short jobs", None)
    heard = await browser.post("/pools/warehouse/settings", {"description": "kept", "limit": "many"})
    assert heard.status == 422
    assert "no whole number" in text_of(heard)
    assert 'value="kept"' in heard.text


async def test_a_pool_is_deleted_after_its_deployments_were_named(browser: Browser, day: Day) -> None:
    asked = await browser.get("/pools/warehouse/delete")
    assert f'href="/deployments/{day.deployments["daily-sales/prod"]}">daily-sales/prod</a>' in asked.text
    assert (await browser.post("/pools/warehouse/delete")).headers["location"] == "/pools/warehouse/delete"
    assert (await browser.post("/pools/warehouse/delete", {"sure": "yes"})).headers["location"] == "/pools"
    assert (await browser.get("/pools/warehouse")).status == 404


async def test_a_changed_field_is_shown_as_what_differs_before_it_is_saved(browser: Browser, day: Day) -> None:
    page = await browser.get("/pools/warehouse?tab=template")
    fields = {**sent_by(page.text), "f.working_dir": "/srv", "action": "review"}
    review = await browser.post("/pools/warehouse/template", fields)
    assert "variables.properties.working_dir.default" in text_of(review)
    assert "default" not in (await template_of(day, "warehouse"))["variables"]["properties"]["working_dir"]
    done = await browser.post("/pools/warehouse/template", {**sent_by(review.text), "action": "save"})
    assert done.headers["location"] == "/pools/warehouse?tab=template"
    assert (await template_of(day, "warehouse"))["variables"]["properties"]["working_dir"]["default"] == "/srv"
    assert "variables.properties.working_dir.default" in text_of(await browser.get("/pools/warehouse/templates/2"))


async def test_json_that_was_changed_by_hand_wins_over_the_fields(browser: Browser, day: Day) -> None:
    fields = sent_by((await browser.get("/pools/warehouse?tab=template")).text)
    template = await template_of(day, "warehouse")
    template["variables"]["properties"]["working_dir"]["default"] = "/by-hand"
    fields |= {"template": json.dumps(template), "f.working_dir": "/by-field", "action": "show"}
    shown = await browser.post("/pools/warehouse/template", fields)
    assert 'value="/by-hand"' in shown.text
    assert "/by-field" not in shown.text


async def test_a_field_that_is_emptied_takes_its_default_away(browser: Browser, day: Day) -> None:
    fields = sent_by((await browser.get("/pools/warehouse?tab=template")).text) | {"f.stream_output": ""}
    review = await browser.post("/pools/warehouse/template", {**fields, "action": "review"})
    await browser.post("/pools/warehouse/template", {**sent_by(review.text), "action": "save"})
    assert "default" not in (await template_of(day, "warehouse"))["variables"]["properties"]["stream_output"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "not JSON"),
        ("[]", "An object is needed here"),
        ('{"job_configuration": NaN, "variables": {}}', "NaN is no number"),
        ("[" * 100_000, "nested too deeply"),
        ('{"job_configuration": {"a": "{{ b }}"}, "variables": {"properties": {}}}', "do not declare"),
        ('{"job_configuration": {}}', "two parts"),
    ],
)
async def test_json_that_is_no_template_is_refused_and_kept(browser: Browser, day: Day, text: str, fault: str) -> None:
    before = await template_of(day, "warehouse")
    heard = await browser.post("/pools/warehouse/template", {"template": text, "f.name": "kept", "action": "review"})
    assert heard.status == 422
    assert fault in text_of(heard)
    assert f"\n{html.escape(text, quote=True).replace('&quot;', '&#34;')}</textarea>" in heard.text
    assert await template_of(day, "warehouse") == before


async def test_a_change_that_another_overtook_is_shown_anew(browser: Browser, day: Day) -> None:
    fields = sent_by((await browser.get("/pools/warehouse?tab=template")).text) | {"f.working_dir": "/srv"}
    review = await browser.post("/pools/warehouse/template", {**fields, "action": "review"})
    other = await template_of(day, "warehouse")
    other["variables"]["properties"]["name"]["default"] = "other"
    await day.call("PATCH", "/work_pools/warehouse", {"base_job_template": other})
    late = await browser.post("/pools/warehouse/template", {**sent_by(review.text), "action": "save"})
    assert late.status == 409
    assert "Somebody changed the template meanwhile" in text_of(late)
    assert (await template_of(day, "warehouse"))["variables"]["properties"]["name"]["default"] == "other"


async def test_an_earlier_template_is_used_again(browser: Browser, day: Day) -> None:
    first = await template_of(day, "warehouse")
    other = json.loads(json.dumps(first))
    other["variables"]["properties"]["name"]["default"] = "other"
    await day.call("PATCH", "/work_pools/warehouse", {"base_job_template": other})
    review = await browser.post(
        "/pools/warehouse/template", sent_by((await browser.get("/pools/warehouse/templates/1")).text)
    )
    await browser.post("/pools/warehouse/template", {**sent_by(review.text), "action": "save"})
    assert await template_of(day, "warehouse") == first
    assert (await browser.get("/pools/warehouse/templates/9")).status == 404


async def test_the_very_job_says_who_says_each_value(browser: Browser, day: Day) -> None:
    deployment = day.deployments["daily-sales/prod"]
    text = text_of(await browser.get("/pools/warehouse/job"))
    assert "stream_output true the pool&#39;s template" in text
    text = text_of(
        await browser.get(f'/pools/warehouse/job?deployment={deployment}&variables={{"working_dir":"/tmp"}}')
    )
    assert "env.A &#34;1&#34; the deployment" in text
    assert "working_dir &#34;/tmp&#34; the run" in text
    assert "is not a job variable" in text_of(await browser.get('/pools/warehouse/job?variables={"imagine":"x"}'))
    assert "not JSON" in text_of(await browser.get("/pools/warehouse/job?variables={"))


def sent_by(page: str) -> dict[str, str]:
    """What the last form of a page with a template would send, as it stands: its hidden fields and its JSON."""
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    areas = re.findall(r'<textarea id="[^"]*" name="([^"]+)"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    return {name: html.unescape(value) for name, value in [*hidden, *areas] if name != "token"}
