"""The page of a run and of a task: graph, log, history, resuming with an input, running again."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from penstock.ui.log_views import AROUND, LINES
from tests.ui.conftest import Browser, text_of
from tests.ui.lifelike import Day

SCHEMA = {
    "type": "object",
    "title": "Approval",
    "required": ["approve"],
    "properties": {
        "approve": {"title": "Approve", "type": "boolean"},
        "rows": {"title": "Rows", "type": "integer", "default": 10},
    },
}


@pytest.fixture
async def day(browser: Browser) -> Day:
    """A deployment on a pool."""
    one = Day(browser.app)
    await one.pool("warehouse", "process")
    await one.deployment("daily-sales", "prod", "warehouse", parameters={"limit": 7})
    return one


async def running(day: Day, name: str = "busy", **more: Any) -> str:
    return await day.run("daily-sales/prod", timedelta(minutes=2), None, name=name, **more)


async def task(day: Day, run: str, name: str, begins: float, ends: float | None, inputs: Any = None) -> str:
    """A task that began and ended so many seconds after its run, which began two minutes ago."""
    start = day.now - timedelta(minutes=2)
    body = {"flow_run_id": run, "task_key": name, "dynamic_key": name, "name": name, "task_inputs": inputs or {}}
    made = await day.call("POST", "/task_runs/", body, at=start + timedelta(seconds=begins))
    path = f"/task_runs/{made['id']}/set_state"
    await day.call("POST", path, {"state": {"type": "RUNNING"}}, at=start + timedelta(seconds=begins))
    if ends is not None:
        await day.call("POST", path, {"state": {"type": "COMPLETED"}}, at=start + timedelta(seconds=ends))
    return str(made["id"])


async def paused(day: Day, run: str) -> None:
    """Pauses a run until somebody enters what `SCHEMA` says."""
    keys = {part: f"paused-1-{part}" for part in ("description", "response", "schema")}
    for part, text in (("schema", json.dumps(SCHEMA)), ("description", "May they be **published**?")):
        await day.call("POST", f"/flow_runs/{run}/input", {"key": keys[part], "value": text})
    details = {"pause_key": "1", "run_input_keyset": keys}
    await day.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "PAUSED", "state_details": details}})


def lines_in(text: str) -> list[int]:
    return [int(number) for number in re.findall(r">line (\d+)<", text)]


def link_in(text: str, words: str) -> str:
    found = re.search(rf'href="([^"]+)"(?: [\w-]+="[^"]*")*>{words}<', text)
    assert found, words
    return found[1].replace("&amp;", "&")


async def test_tasks_are_drawn_with_what_they_waited_for(browser: Browser, day: Day) -> None:
    run = await running(day)
    first = await task(day, run, "read", 1, 20)
    await task(day, run, "join", 20, None, {"rows": [{"input_type": "task_run", "id": first}]})
    page = await browser.get(f"/runs/{run}")
    assert "join , running , after read" in re.sub(r"\s*,", " ,", text_of(page))
    assert page.text.count('class="link"') == 1
    assert 'data-turn="in"' in page.text


async def test_the_graph_is_zoomed_by_its_address(browser: Browser, day: Day) -> None:
    run = await running(day)
    await task(day, run, "early", 0, 10)
    await task(day, run, "late", 100, 119)
    assert 'title="early"' in (await browser.get(f"/runs/{run}/graph")).text
    begin = int((day.now - timedelta(seconds=25)).timestamp() * 1_000_000)
    near = (await browser.get(f"/runs/{run}/graph?begin={begin}&end={begin + 20_000_000}")).text
    assert 'title="late"' in near
    assert 'title="early"' not in near
    assert "1 of 2 tasks" in text_of(await browser.get(f"/runs/{run}?begin={begin}&end={begin + 20_000_000}"))


async def test_a_task_that_has_not_begun_is_named(browser: Browser, day: Day) -> None:
    run = await running(day)
    body = {"flow_run_id": run, "task_key": "last", "dynamic_key": "0", "name": "publish", "state": {"type": "PENDING"}}
    await day.call("POST", "/task_runs/", body)
    assert "Not begun: publish Pending" in text_of(await browser.get(f"/runs/{run}"))


async def test_the_chosen_task_is_told_of_beside_the_graph(browser: Browser, day: Day) -> None:
    run = await running(day)
    first = await task(day, run, "read", 1, 20)
    inputs = {"rows": [{"input_type": "task_run", "id": first}], "how": [{"input_type": "constant", "value": "left"}]}
    id = await task(day, run, "join", 20, 30, inputs)
    for path in (f"/runs/{run}?task={id}", f"/runs/{run}/tasks/{id}"):
        text = text_of(await browser.get(path))
        assert "Its log" in text
        assert "rows read" in text
        assert "how left" in text
    assert (await browser.get(f"/runs/{await running(day, 'another')}/tasks/{id}")).status == 404


async def test_a_task_has_a_page_with_its_log_and_states(browser: Browser, day: Day) -> None:
    run = await running(day)
    id = await task(day, run, "join", 20, 30.4)
    line = {"name": "prefect.task_runs", "level": 20, "timestamp": day.now.isoformat(), "flow_run_id": run}
    await day.call("POST", "/logs/", [{**line, "message": "of the task", "task_run_id": id}])
    await day.call("POST", "/logs/", [{**line, "message": "of the run"}])
    text = text_of(await browser.get(f"/task-runs/{id}"))
    assert "of the task" in text
    assert "of the run" not in text
    assert "Running" in text
    assert "for 10 s" in text
    assert "of the task" in (await browser.get(f"/task-runs/{id}/logs")).text
    assert "of the run" not in text_of(await browser.get(f"/runs/{run}?of={id}"))
    both = (await browser.get(f"/runs/{run}/log")).text
    assert both.count(f'/task-runs/{id}">join</a>') == 1, "a line of the run's log names the task that wrote it"


async def test_a_run_that_waits_for_its_next_attempt_does_not_run_on(browser: Browser, day: Day) -> None:
    run = await day.run("daily-sales/prod", timedelta(minutes=30), "FAILED", 20.4)
    await day.state(run, "SCHEDULED", day.now - timedelta(minutes=20))
    assert "Ran for 20 s" in text_of(await browser.get(f"/runs/{run}"))


async def test_tasks_are_listed_page_by_page_each_once(browser: Browser, day: Day) -> None:
    run = await running(day)
    for number in range(205):
        await task(day, run, f"part-{number:03d}", 5, 6)
    seen: list[str] = []
    address = f"/runs/{run}/tasks"
    while address:
        page = await browser.get(address)
        seen += re.findall(r">(part-\d+)<", page.text)
        address = link_in(page.text, "Next page") if "Next page" in page.text else ""
    assert len(seen) == 205
    assert len(set(seen)) == 205
    assert "part-007" in (await browser.get(f"/runs/{run}/tasks?name=part-007&state=completed")).text
    assert "No task fits" in text_of(await browser.get(f"/runs/{run}/tasks?state=failed"))


async def test_many_tasks_come_after_their_page(browser: Browser, day: Day) -> None:
    run = await running(day)
    events = [{"flow_run_id": run, "task_key": "t", "dynamic_key": str(n), "name": f"t-{n}"} for n in range(401)]
    for body in events:
        made = await day.call("POST", "/task_runs/", body, at=day.now - timedelta(seconds=90))
        path = f"/task_runs/{made['id']}/set_state"
        await day.call("POST", path, {"state": {"type": "RUNNING"}}, at=day.now - timedelta(seconds=90))
    assert "Drawing more than 400 tasks" in text_of(await browser.get(f"/runs/{run}"))
    graph = await browser.get(f"/runs/{run}/graph")
    assert "401 running : how many were at work at a time." in text_of(graph)
    assert "401 running" in text_of(graph)


async def test_older_lines_lead_to_the_beginning_of_a_log(browser: Browser, day: Day) -> None:
    run = await running(day)
    await day.logs(run, day.now, [(20, f"line {number}") for number in range(LINES * 2 + 30)])
    page = (await browser.get(f"/runs/{run}")).text
    shown = lines_in(page)
    while "Older lines" in page:
        page = (await browser.get(link_in(page, "Older lines"))).text
        shown = lines_in(page) + shown
    assert shown == list(range(LINES * 2 + 30))


async def test_newer_lines_lead_to_the_end_of_a_log_though_all_are_of_one_moment(browser: Browser, day: Day) -> None:
    run = await running(day)
    line = {"name": "flow", "level": 20, "timestamp": day.now.isoformat(), "flow_run_id": run}
    await day.call("POST", "/logs/", [{**line, "message": f"line {number}"} for number in range(LINES * 2 + 30)])
    page = (await browser.get(f"/runs/{run}/log?from=start")).text
    shown = lines_in(page)
    assert 'data-lines=""' in page, "what is in the middle of a log is not followed"
    while "Newer lines" in page:
        page = (await browser.get(link_in(page, "Newer lines"))).text
        shown += lines_in(page)
    assert shown == list(range(LINES * 2 + 30))


async def test_a_line_has_an_address_that_shows_it_among_its_neighbours(browser: Browser, day: Day) -> None:
    run = await running(day)
    await day.logs(run, day.now, [(20, f"line {number}") for number in range(LINES * 3)])
    start = (await browser.get(f"/runs/{run}/log?from=start")).text
    found = re.search(r'href="(\?line=\d+)#(l\w+)"[^>]*>(?:(?!</li>).)*>line 90<', start)
    assert found
    there = (await browser.get(f"/runs/{run}{found[1]}")).text
    assert f'id="{found[2]}"' in there
    assert lines_in(there) == list(range(90 - AROUND + 1, 90 + AROUND))


async def test_a_log_is_downloaded_as_text_as_it_is_filtered(browser: Browser, day: Day) -> None:
    run = await running(day)
    await day.logs(run, day.now, [(20 + 20 * (number % 2), f"line {number}") for number in range(450)])
    whole = await browser.get(f"/runs/{run}/logs")
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert [int(row.rpartition(" ")[2]) for row in whole.text.splitlines()] == list(range(450))
    bad = (await browser.get(f"/runs/{run}/logs?level=error&text=line")).text.splitlines()
    assert len(bad) == 225
    assert all(" ERROR " in row for row in bad)


async def test_the_history_says_how_long_each_state_lasted(browser: Browser, day: Day) -> None:
    run = await day.run("daily-sales/prod", timedelta(minutes=9), "FAILED", lasts=100.4, name="poor")
    text = text_of(await browser.get(f"/runs/{run}"))
    assert re.search(r"Running [\d:]+ for 1 min 40 s", text)
    assert not re.search(r"Failed [\d:]+ for", text)


async def test_a_run_is_resumed_with_what_is_entered(browser: Browser, day: Day) -> None:
    run = await running(day)
    await paused(day, run)
    assert "Answer and resume" in text_of(await browser.get(f"/runs/{run}"))
    form = await browser.get(f"/runs/{run}/resume")
    assert "May they be published ?" in text_of(form)
    assert 'name="i.approve"' in form.text
    refused = await browser.post(f"/runs/{run}/answer", {"i.rows": "many"})
    assert refused.status == 422
    assert "no whole number" in text_of(refused)
    lacking = await browser.post(f"/runs/{run}/answer", {"i.rows": "12"})
    assert lacking.status == 422
    assert "The run was not resumed" in text_of(lacking)
    done = await browser.post(f"/runs/{run}/answer", {"i.approve": "true"})
    assert done.headers["location"] == f"/runs/{run}"
    assert (await day.call("GET", f"/flow_runs/{run}"))["state_type"] == "RUNNING"
    assert json.loads(await day.call("GET", f"/flow_runs/{run}/input/paused-1-response")) == {
        "approve": True,
        "rows": 10,
    }
    late = await browser.post(f"/runs/{run}/answer", {"i.approve": "true"})
    assert late.headers["location"] == f"/runs/{run}"
    assert "does not wait any more" in text_of(await browser.get(f"/runs/{run}"))


async def test_a_pause_without_an_input_is_resumed_at_once(browser: Browser, day: Day) -> None:
    run = await running(day)
    await day.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "PAUSED"}})
    assert (await browser.post(f"/runs/{run}/resume")).headers["location"] == f"/runs/{run}"
    assert (await day.call("GET", f"/flow_runs/{run}"))["state_type"] == "RUNNING"
    assert "does not wait for anything" in text_of(
        await browser.get((await browser.get(f"/runs/{run}/resume")).headers["location"])
    )


async def test_a_run_is_suspended_and_its_processs_end_is_no_crash(browser: Browser, day: Day) -> None:
    run = await running(day)
    assert "Suspend" in text_of(await browser.get(f"/runs/{run}"))
    await browser.post(f"/runs/{run}/suspend")
    await day.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CRASHED"}})
    assert (await day.call("GET", f"/flow_runs/{run}"))["state_name"] == "Suspended"
    await browser.post(f"/runs/{run}/resume")
    assert (await day.call("GET", f"/flow_runs/{run}"))["state_name"] == "Resuming"


async def test_a_run_is_made_again_with_its_parameters_or_others(browser: Browser, day: Day) -> None:
    run = await day.run(
        "daily-sales/prod",
        timedelta(minutes=9),
        "COMPLETED",
        name="good",
        parameters={"limit": 5000, "region": "us"},
        job_variables={"working_dir": "/srv"},
        tags=["mine"],
    )
    assert 'value="5000"' in (await browser.get(f"/runs/{run}/again")).text
    made = await browser.post(f"/runs/{run}/again", {"p.limit": "12", "run_name": "anew"})
    again = await day.call("GET", f"/flow_runs/{made.headers['location'].rpartition('/')[2]}")
    assert again["parameters"] == {"limit": 12, "region": "us"}
    assert again["job_variables"] == {"working_dir": "/srv"}
    assert (again["name"], "mine" in again["tags"]) == ("anew", True)
    refused = await browser.post(f"/runs/{run}/again", {"p.limit": "many", "run_name": "kept"})
    assert refused.status == 422
    assert 'value="kept"' in refused.text


async def test_a_run_without_a_deployment_can_not_be_made_again(browser: Browser, day: Day) -> None:
    flow = day.flows["daily-sales"]
    made = await day.call("POST", "/flow_runs/", {"flow_id": flow, "name": "script", "state": {"type": "RUNNING"}})
    page = text_of(await browser.get(f"/runs/{made['id']}"))
    assert "Run again" not in page
    assert "Suspend" not in page
    assert (await browser.get(f"/runs/{made['id']}/again")).status == 404


async def test_a_subflow_leads_to_the_run_it_is_in_and_back(browser: Browser, day: Day) -> None:
    run = await running(day, "outer")
    id = await task(day, run, "sub", 1, None)
    flow = day.flows["daily-sales"]
    body = {"flow_id": flow, "name": "inner", "parent_task_run_id": id, "state": {"type": "RUNNING"}}
    child = (await day.call("POST", "/flow_runs/", body))["id"]
    assert f'href="/runs/{child}"' in (await browser.get(f"/runs/{run}")).text
    page = await browser.get(f"/runs/{child}")
    assert "subflow of outer" in text_of(page)
    assert f'href="/runs/{run}"' in page.text


async def test_the_results_that_tasks_keep_are_no_artifacts_of_the_page(browser: Browser, day: Day) -> None:
    run = await running(day)
    for key, kind in (("report", "markdown"), ("hidden", "result")):
        await day.call("POST", "/artifacts/", {"key": key, "type": kind, "data": "# Well", "flow_run_id": run})
    text = text_of(await browser.get(f"/runs/{run}"))
    assert "report" in text
    assert "hidden" not in text
