"""Journeys through runs in a real Chromium: following, zooming, cancelling, retrying, resuming, and many at once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from penstock.clock import utc_now
from penstock.ids import new_id
from tests.ui.desk import Desk, open_desk
from tests.ui.lifelike import seed

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMA = {
    "type": "object",
    "required": ["approve"],
    "properties": {"approve": {"title": "Approve", "type": "boolean"}, "note": {"title": "Note", "type": "string"}},
}
LINES = "document.querySelectorAll('#log-lines .line').length"
LAST = "[...document.querySelectorAll('#log-lines .text')].at(-1)?.textContent"
AT_END = "(b => b.scrollHeight - b.scrollTop - b.clientHeight < 40)(document.getElementById('log-lines'))"
NAMES = "[...document.querySelectorAll('.graph-names a')].map(one => one.textContent)"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path_factory.mktemp("desk")) as one:
        yield replace(one, day=await seed(one.day.app, runs=12))


async def log(desk: Desk, run: str, *texts: str, after: float = 0) -> None:
    """Lines, the first of them so many seconds after the day was made."""
    await desk.day.logs(run, desk.day.now + timedelta(seconds=after), [(20, text) for text in texts])


async def task_tells(desk: Desk, run: str, name: str) -> None:
    """A task that runs, told of by an event as the SDK does."""
    now = utc_now().isoformat()
    event = {
        "id": str(new_id()),
        "occurred": now,
        "event": "prefect.task-run.Running",
        "resource": {"prefect.resource.id": f"prefect.task-run.{new_id()}", "prefect.orchestration": "client"},
        "related": [{"prefect.resource.id": f"prefect.flow-run.{run}", "prefect.resource.role": "flow-run"}],
        "payload": {
            "validated_state": {"type": "RUNNING", "name": "Running"},
            "task_run": {"name": name, "task_key": name, "dynamic_key": "0", "run_count": 1, "start_time": now},
        },
    }
    await desk.day.call("POST", "/events", [event])


async def running(desk: Desk, name: str) -> str:
    return await desk.day.run("daily-sales/prod", timedelta(minutes=2), None, name=name)


async def test_the_end_of_a_log_stays_in_view_until_one_scrolls_away(desk: Desk) -> None:
    run = await running(desk, "long-log")
    await log(desk, run, *(f"line {number}" for number in range(90)))
    await desk.open(f"/runs/{run}")
    await desk.tab.until(AT_END)
    await log(desk, run, "one more", after=100)
    await desk.tab.until(f"{LAST} == 'one more' && {AT_END}")
    await desk.tab.value("document.getElementById('log-lines').scrollTop = 0")
    await desk.tab.until("document.querySelector('[data-follow]').getAttribute('aria-pressed') == 'false'")
    await log(desk, run, "and another", after=200)
    await desk.tab.until(f"{LAST} == 'and another' && !document.querySelector('[data-fresh]').hidden")
    assert await desk.tab.value("document.getElementById('log-lines').scrollTop") == 0
    await desk.tab.value("document.querySelector('[data-fresh]').click()")
    await desk.tab.until(AT_END)
    assert await desk.tab.value("document.querySelector('[data-fresh]').hidden")


async def test_a_log_is_searched_and_its_older_lines_are_put_before(desk: Desk) -> None:
    run = await running(desk, "old-log")
    await log(desk, run, *(f"line {number}" for number in range(250)))
    await desk.open(f"/runs/{run}")
    assert await desk.tab.value(LINES) == 100
    await desk.tab.value("document.querySelector('.more-lines a').click()")
    await desk.tab.until(f"{LINES} == 200")
    await desk.tab.value("document.querySelector('.more-lines a').click()")
    await desk.tab.until(f"{LINES} == 250")
    assert await desk.tab.value("document.querySelector('#log-lines .text').textContent") == "line 0"
    await desk.tab.value("document.getElementById('log-text').focus()")
    await desk.tab.call("Input.insertText", text="24")
    await desk.tab.until(f"{LINES} == 13")
    await log(desk, run, "line 1024", "line 99", after=200)
    await desk.tab.until(f"{LAST} == 'line 1024'")
    assert await desk.tab.value("document.activeElement.id") == "log-text"


async def test_the_address_of_a_line_leads_to_it(desk: Desk) -> None:
    run = await running(desk, "line-log")
    await log(desk, run, *(f"line {number}" for number in range(250)))
    await desk.open(f"/runs/{run}/log?from=start")
    href = await desk.tab.value("[...document.querySelectorAll('.line .at')][70].href")
    await desk.open(href.removeprefix(desk.home))
    assert await desk.tab.value("document.querySelector('.line:target .text').textContent") == "line 70"
    seen = "document.querySelector('.line:target').getBoundingClientRect()"
    await desk.tab.until(f"{seen}.top > 0 && {seen}.bottom < innerHeight")


async def test_the_graph_is_zoomed_by_buttons_keys_and_the_wheel(desk: Desk) -> None:
    run = desk.day.runs["brave-otter"]
    await desk.open(f"/runs/{run}")
    whole = await desk.tab.value(NAMES)
    assert len(whole) == 9
    await desk.tab.value("document.getElementById('graph-body').focus()")
    await desk.tab.key("+")
    await desk.tab.until("new URL(location.href).searchParams.has('begin') && !document.querySelector('.htmx-request')")
    await desk.tab.until("document.activeElement.id == 'graph-body'")
    begin = await desk.tab.value("document.getElementById('graph').dataset.begin")
    edges = await desk.tab.value("document.querySelector('.graph-plot').getBoundingClientRect().toJSON()")
    wheel = {"type": "mouseWheel", "x": edges["left"] + 5, "y": edges["top"] + 40, "deltaX": 0, "deltaY": -300}
    await desk.tab.call("Input.dispatchMouseEvent", **wheel)
    await desk.tab.until(f"document.getElementById('graph').dataset.begin != '{begin}'")
    assert len(await desk.tab.value(NAMES)) < len(whole)
    near = await desk.tab.value("location.search")
    await desk.open(f"/runs/{run}{near}")
    assert len(await desk.tab.value(NAMES)) < len(whole)
    await desk.tab.value("document.querySelector('[data-turn=whole]').click()")
    await desk.tab.until(f"{NAMES}.length == 9 && !location.search.includes('begin')")


async def test_a_task_is_chosen_in_the_graph_and_its_log_shown(desk: Desk) -> None:
    run = desk.day.runs["brave-otter"]
    await desk.open(f"/runs/{run}")
    id = await desk.tab.value("document.querySelector('.bar-of[data-task]').dataset.task")
    await desk.day.call(
        "POST",
        "/logs/",
        [
            {
                "name": "prefect.task_runs",
                "level": 20,
                "message": "of this task",
                "timestamp": desk.day.now.isoformat(),
                "flow_run_id": run,
                "task_run_id": id,
            }
        ],
    )
    await desk.tab.value(f"document.querySelector('.graph-names [data-task=\"{id}\"]').click()")
    await desk.tab.until("document.querySelector('#chosen h3')?.textContent.startsWith('read-orders')")
    assert await desk.tab.value(f"document.querySelector('.bar-of[data-task=\"{id}\"]').matches('.chosen')")
    assert f"task={id}" in await desk.tab.value("location.search")
    await desk.tab.value("document.querySelector('#chosen .actions a').click()")
    await desk.tab.until(f"{LINES} == 1 && {LAST} == 'of this task'")


async def test_the_graph_grows_while_it_is_looked_at_and_keeps_what_is_chosen(desk: Desk) -> None:
    run = desk.day.runs["quick-heron"]
    await desk.open(f"/runs/{run}")
    await desk.tab.value("document.querySelectorAll('.graph-names [data-task]')[1].click()")
    await desk.tab.until("document.querySelector('#chosen h3')")
    await task_tells(desk, run, "late-comer")
    await desk.tab.until(f"{NAMES}.includes('late-comer')")
    assert await desk.tab.value("document.querySelectorAll('.graph-names a.chosen').length") == 1
    assert await desk.tab.value("document.querySelector('#chosen h3').textContent.startsWith('read-customers')")


async def test_a_failed_run_is_retried(desk: Desk) -> None:
    run = await desk.day.run("daily-sales/prod", timedelta(minutes=5), "FAILED", name="poor")
    await desk.open(f"/runs/{run}")
    await desk.tab.go(f"document.querySelector('form[action$=\"{run}/retry\"] button').click()")
    assert "scheduled to run again" in await desk.tab.value("document.querySelector('.said').textContent")
    assert await desk.tab.value("document.querySelector('#head .badge').textContent") == "AwaitingRetry"
    assert "Why it waits." in await desk.tab.value("document.querySelector('.why').textContent")


async def test_a_cancelled_run_says_that_its_job_has_a_while_to_end(desk: Desk) -> None:
    run = await running(desk, "to-cancel")
    await desk.day.call("PATCH", f"/flow_runs/{run}", {"infrastructure_pid": "host:1"})
    await desk.open(f"/runs/{run}")
    await desk.tab.go(f"document.querySelector('form[action$=\"{run}/cancel\"] button').click()")
    assert "killed when its grace period is over" in await desk.tab.value("document.querySelector('.why').textContent")
    await desk.day.state(run, "CANCELLED", desk.day.now)
    await desk.tab.until("document.querySelector('#head .badge').textContent == 'Cancelled'")


async def test_a_run_that_asks_is_answered(desk: Desk) -> None:
    run = await running(desk, "asks")
    await desk.open(f"/runs/{run}")
    keys = {part: f"paused-1-{part}" for part in ("response", "schema")}
    await desk.day.call("POST", f"/flow_runs/{run}/input", {"key": keys["schema"], "value": json.dumps(SCHEMA)})
    details = {"pause_key": "1", "run_input_keyset": keys}
    await desk.day.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "PAUSED", "state_details": details}})
    await desk.tab.until("document.querySelector('#head .primary')?.textContent == 'Answer and resume'")
    await desk.tab.go("document.querySelector('#head .primary').click()")
    await desk.tab.value("document.getElementById('i.approve').value = 'true'")
    await desk.tab.value("document.getElementById('i.note').value = 'looked at'")
    await desk.tab.go("document.querySelector('main .primary').click()")
    assert "resumed with what you entered" in await desk.tab.value("document.querySelector('.said').textContent")
    heard = await desk.day.call("GET", f"/flow_runs/{run}/input/paused-1-response")
    assert json.loads(heard) == {"approve": True, "note": "looked at"}


async def test_a_view_is_saved_and_gone_back_to(desk: Desk) -> None:
    await desk.open("/runs")
    assert await desk.tab.value("document.querySelector('.save')") is None
    await desk.tab.go("document.querySelector('.chip.failed input').click()")
    await desk.tab.value("document.querySelector('.save summary').click()")
    await desk.tab.value("document.querySelector('.save [name=name]').value = 'what failed'")
    await desk.tab.go("document.querySelector('.save form').requestSubmit()")
    await desk.open("/runs")
    await desk.tab.go("document.querySelector('.view a').click()")
    assert await desk.tab.value("document.querySelector('.chip.failed input').checked")
    assert await desk.tab.value("document.querySelector('.view a').getAttribute('aria-current')") == "true"
    await desk.tab.go("document.querySelector('.view form').requestSubmit()")
    assert await desk.tab.value("document.querySelector('.view')") is None


async def test_many_runs_are_cancelled_and_each_outcome_is_told(desk: Desk) -> None:
    names = ["first-of-many", "second-of-many", "third-of-many"]
    ids = [await running(desk, name) for name in names]
    await desk.open("/runs?name=of-many")
    await desk.tab.value("document.querySelector('[data-all]').click()")
    assert await desk.tab.value("document.querySelector('[data-count]').textContent") == "3 runs chosen"
    await desk.tab.go("document.querySelector('#bulk [value=cancel]').click()")
    assert "Cancel these 3 runs?" in await desk.tab.value("document.querySelector('h1').textContent")
    await desk.day.state(ids[1], "COMPLETED", desk.day.now)
    await desk.tab.go("document.querySelector('main form button').click()")
    assert await desk.tab.value("document.querySelector('h1').textContent") == "2 of 3 runs were asked to end"
    told = await desk.tab.value("[...document.querySelectorAll('.rows tbody tr')].map(one => one.textContent)")
    assert len(told) == 3
    assert [name in row for name, row in zip(names, sorted(told), strict=True)] == [True, True, True]
    assert sum("Asked to end." in row for row in told) == 2


async def test_runs_that_come_are_told_of_where_the_list_is_in_use(desk: Desk) -> None:
    await desk.open("/runs?state=scheduled")
    await desk.tab.value("document.querySelector('input[name=id]').click()")
    await desk.day.run("daily-sales/prod", desk.day.now - utc_now(), "SCHEDULED", name="comer")
    await desk.tab.until("document.querySelector('#new a')?.textContent.includes('1 new run')")
    await desk.tab.go("document.querySelector('#new a').click()")
    assert "comer" in await desk.tab.value("document.querySelector('#found').textContent")


async def test_a_chart_that_came_after_its_page_keeps_up(desk: Desk) -> None:
    await desk.open("/runs?when=7d&state=paused")
    head = "document.querySelector('#chart h2')?.textContent"
    before = int(await desk.tab.until(f"{head}?.match(/\\d+/)?.[0]"))
    run = await desk.day.run("daily-sales/prod", desk.day.now - utc_now(), "RUNNING")
    await desk.day.state(run, "PAUSED", desk.day.now)
    await desk.tab.until(f"{head}?.startsWith('{before + 1} ')")


async def test_runs_are_gone_through_and_chosen_by_keys(desk: Desk) -> None:
    await desk.open("/runs")
    await desk.tab.key("j", "j", "k", "j", "x")
    chosen = "[...document.querySelectorAll('.of-runs tbody tr')].findIndex(row => row.querySelector(':checked'))"
    assert await desk.tab.value(chosen) == 1
    assert await desk.tab.value("document.querySelector('[data-count]').textContent") == "1 run chosen"


async def test_a_bar_and_a_spot_of_the_chart_lead_on(desk: Desk) -> None:
    await desk.open("/runs?state=completed")
    await desk.tab.go("document.querySelector('#chart .slice:has(.completed)').dispatchEvent(new MouseEvent('click'))")
    assert "begin=" in await desk.tab.value("location.search")
    assert await desk.tab.value("document.querySelectorAll('#found tbody tr').length") >= 1
    await desk.tab.go("document.querySelector('#chart .switch a:last-child').click()")
    await desk.tab.go("document.querySelector('.scatter a').dispatchEvent(new MouseEvent('click'))")
    assert await desk.tab.value("document.querySelector('#head .badge').textContent") == "Completed"
