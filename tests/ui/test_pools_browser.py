"""Pools and deployments in a real Chromium: the wizard, a run with other values, schedules, a drained worker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from tests.ui.desk import Desk, open_desk
from tests.ui.lifelike import seed

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path_factory.mktemp("desk")) as one:
        day = await seed(one.day.app, runs=10)
        await day.pool("legacy", "prefect-agent")
        await day.pool("clouds", "docker:push")
        yield replace(one, day=day)


async def test_a_pool_is_made_and_its_command_copied(desk: Desk) -> None:
    await desk.open("/pools")
    await desk.click('main a[href="/pools/new"]')
    await desk.click('a[href="/pools/new?type=docker"]')
    await desk.write("f.image", "acme/flows:7")
    await desk.tab.until("document.getElementById('template').value.includes('\"default\": \"acme/flows:7\"')")
    await desk.write("name", "ships")
    await desk.click('button[value="save"]')
    assert await desk.tab.value("location.pathname") == "/pools/ships"
    assert "The pool ships was made. Start a worker for it next." in await desk.text()
    await desk.tab.value("document.querySelector('[data-copy]').click()")
    await desk.tab.until("document.querySelector('[data-copy].done')")
    assert await desk.tab.value("document.querySelector('[data-copy]').dataset.copy") == (
        "penstock worker start --pool ships"
    )
    template = (await desk.day.call("GET", "/work_pools/ships"))["base_job_template"]
    assert template["variables"]["properties"]["image"]["default"] == "acme/flows:7"


async def test_json_changed_by_hand_changes_the_fields_at_once(desk: Desk) -> None:
    await desk.open("/pools/new?type=process")
    template: dict[str, Any] = json.loads(await desk.tab.value("document.getElementById('template').value"))
    template["variables"]["properties"]["shift"] = {"type": "string", "enum": ["day", "night"], "default": "night"}
    await desk.write("template", json.dumps(template))
    await desk.tab.until("document.getElementById('f.shift')?.value == '\"night\"'")
    await desk.write("f.shift", '"day"')
    await desk.tab.until(
        "JSON.parse(document.getElementById('template').value).variables.properties.shift.default == 'day'"
    )


async def test_a_template_is_changed_after_a_look_at_what_differs(desk: Desk) -> None:
    await desk.open("/pools/warehouse?tab=template")
    await desk.write("f.working_dir", "/srv/flows")
    await desk.click('button[value="review"]')
    assert "variables.properties.working_dir.default" in await desk.text()
    await desk.click('button[value="save"]')
    assert await desk.tab.value("document.getElementById('f.working_dir').value") == "/srv/flows"


async def test_a_worker_is_drained_and_the_page_shows_it(desk: Desk) -> None:
    await desk.open("/pools/warehouse?tab=workers")
    await desk.click('form[action="/pools/warehouse/workers/worker-berlin-2/drain"] button')
    row = "[...document.querySelectorAll('.of-workers tr')].find(one => one.textContent.includes('worker-berlin-2'))"
    assert "Draining" in await desk.tab.value(f"{row}.textContent")
    path = "/penstock/work_pools/warehouse/workers/heartbeat"
    assert (await desk.day.call("POST", path, {"name": "worker-berlin-2"}))["wish"] == "drain"
    await desk.click('form[action="/pools/warehouse/workers/worker-berlin-2/resume"] button')
    assert "Online" in await desk.tab.value(f"{row}.textContent")


async def test_a_deployment_is_run_with_other_parameters_and_job_variables(desk: Desk) -> None:
    await desk.open(f"/deployments/{desk.day.deployments['daily-sales/staging']}")
    await desk.click('.page-head a[href$="/run"]')
    assert await desk.tab.value("document.querySelector('details.card').open") is False
    await desk.write("p.limit", "many")
    await desk.click("main .primary")
    assert "'many' is no whole number." in await desk.text()
    await desk.write("p.limit", "42")
    await desk.write("p.region", '"us"')
    await desk.write("v.env", '{"LOG": "debug"}')
    await desk.click("main .primary")
    run = (await desk.tab.value("location.pathname")).rpartition("/")[2]
    made = await desk.day.call("GET", f"/flow_runs/{run}")
    assert (made["parameters"]["limit"], made["parameters"]["region"]) == (42, "us")
    assert made["job_variables"] == {"env": {"LOG": "debug"}}


async def test_a_run_for_later_is_due_by_the_readers_own_clock(desk: Desk) -> None:
    await desk.tab.call("Emulation.setTimezoneOverride", timezoneId="Asia/Tokyo")
    await desk.open(f"/deployments/{desk.day.deployments['daily-sales/staging']}/run")
    assert "The time is in Asia/Tokyo." in await desk.text()
    await desk.write("due", "2031-01-31T08:00")
    await desk.click("main .primary")
    run = (await desk.tab.value("location.pathname")).rpartition("/")[2]
    assert (await desk.day.call("GET", f"/flow_runs/{run}"))["expected_start_time"] == "2031-01-30T23:00:00Z"
    await desk.tab.call("Emulation.setTimezoneOverride", timezoneId="")


async def test_a_schedule_is_paused_and_resumed(desk: Desk) -> None:
    path = f"/deployments/{desk.day.deployments['churn-model/weekly']}"
    await desk.open(path)
    await desk.click('.lines-list form[action$="/pause"] button')
    assert await desk.tab.value("location.search") == "?tab=schedules"
    assert "It would be next" in await desk.text()
    assert [one["active"] for one in await desk.day.call("GET", f"{path}/schedules")] == [False]
    await desk.click('.schedule form[action$="/resume"] button')
    assert [one["active"] for one in await desk.day.call("GET", f"{path}/schedules")] == [True]


async def test_the_next_times_of_a_schedule_come_while_it_is_written(desk: Desk) -> None:
    path = f"/deployments/{desk.day.deployments['churn-model/weekly']}"
    await desk.open(f"{path}/new-schedule")
    shown = "getComputedStyle(document.querySelector('.of-interval')).display"
    assert await desk.tab.value(shown) == "none"
    await desk.write("cron", "0 9 * * 1")
    await desk.tab.until("document.querySelectorAll('#times time').length == 5")
    await desk.tab.value("document.getElementById('kind-interval').click()")
    assert await desk.tab.value(shown) == "block"
    await desk.write("every", "36")
    await desk.tab.until("document.querySelectorAll('#times time').length == 5")
    await desk.click('button[value="save"]')
    assert "every 36 hours" in await desk.text()


async def test_an_earlier_version_is_gone_back_to(desk: Desk) -> None:
    id = desk.day.deployments["invoice-mails/prod"]
    await desk.day.call("POST", f"/penstock/deployments/{id}/versions", {"update": {"parameters": {"limit": 1}}})
    await desk.open(f"/deployments/{id}?tab=versions")
    await desk.click('a[href$="/versions/1/rollback"]')
    await desk.click("main .primary")
    assert "The deployment is what version 1 was" in await desk.text()
    assert (await desk.day.call("GET", f"/deployments/{id}"))["parameters"] == {}


async def test_what_was_changed_elsewhere_comes_by_itself(desk: Desk) -> None:
    await desk.open("/pools/warehouse?tab=queues")
    await desk.day.call("PATCH", "/work_pools/warehouse/queues/default", {"is_paused": True})
    await desk.tab.until("document.querySelector('#pool-tab .badge.paused')")
    await desk.day.call("PATCH", "/work_pools/warehouse", {"is_paused": True})
    await desk.tab.until("document.querySelector('#pool-head .badge').textContent == 'Paused'")
