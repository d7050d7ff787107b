"""Names and texts that were made to do harm, on every page; and other origins, which can do nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.live.chromium import tab
from tests.server.conftest import reachable, running, settings_in
from tests.ui.atlas import FILES, Atlas, atlas, changes, patterns
from tests.ui.catalogue import block
from tests.ui.conftest import Browser
from tests.ui.lifelike import Day
from tests.ui.test_accessible import DESK, PHONE, Desk

SIGN = "مرحبا"
"""What is written from right to left in each name, and so tells that a page shows one."""
REST = f"{{{{7*7}}}} \u202egnp.exe {SIGN} 👩‍🚀🔥 {'w' * 220}"
TAME = f'" autofocus onfocus="hurt()" x="\' {REST}'
"""For names that take no angle brackets."""
EVIL = f"<script>hurt()</script>\"'><img src=x onerror=hurt()><svg onload=hurt()>javascript:hurt() {TAME}"
KEY = "k" * 250
MARKED = f"# {EVIL}\n\n[{EVIL}](javascript:hurt())\n\n![{EVIL}](x)\n\n{EVIL}\n\n```\n{EVIL}\n```\n\n|a|\n|-|\n|<b>x|"
FIELD = {"title": EVIL, "type": "string", "default": EVIL, "description": EVIL, "examples": [EVIL]}
SCHEMA = {"type": "object", "properties": {"limit": FIELD}}
LISTENS = """window.hurts = 0; window.hurt = () => { hurts++; }; window.broken = [];
document.addEventListener('securitypolicyviolation', one => broken.push(one.violatedDirective + one.blockedURI));"""
HURT = """[hurts, broken,
    document.querySelectorAll('main script, main img, main [onload], main [onerror], main [onfocus]').length,
    performance.getEntriesByType('navigation')[0].responseStatus]"""
SHOWN = """document.querySelector('main').textContent
    + [...document.querySelectorAll('main input, main textarea')].map(one => one.value).join(' ')"""
PLAIN = (
    *("/blocks/catalog", "/pools/new", "/limits/new", "/variables/new"),
    *("/runs/chart", "/runs/new", "/events/chart", "/server"),
)
"""Pages that show nothing of what people named."""
QUIET = ("SCHEDULER", "LATE_RUNS", "PAUSE_EXPIRATIONS", "CANCELLATION_CLEANUP", "REPOSSESSOR", "FOREMAN", "TRIGGERS")


async def hostile(day: Day) -> Atlas:
    """One of everything, with names and texts that were made to do harm."""
    await day.pool(TAME, "process", description=EVIL)
    await day.call("POST", f"/work_pools/{_segment(TAME)}/queues", {"name": TAME, "description": EVIL})
    about = {"version": EVIL, "host": EVIL, "pid": 1, "running": 1, "capacity": 1}
    beat = {"name": TAME, "about": about, "begins": True, "heartbeat_interval_seconds": 30}
    await day.call("POST", f"/penstock/work_pools/{_segment(TAME)}/workers/heartbeat", beat)
    schedule = {"schedule": {"cron": "0 6 * * *", "timezone": "UTC"}, "active": True, "parameters": {"limit": EVIL}}
    more = {"tags": [EVIL], "version": EVIL, "description": EVIL, "parameters": {"limit": EVIL}, "path": EVIL}
    steps = {
        "pull_steps": [{"penstock.steps.set_working_directory": {"directory": EVIL}}],
        "job_variables": {"name": EVIL},
    }
    deployment = await day.deployment(
        TAME, TAME, TAME, schedules=[schedule], **more, **steps, entrypoint=EVIL, parameter_openapi_schema=SCHEMA
    )
    await day.call("POST", f"/penstock/deployments/{deployment}/versions", {"update": {"version": EVIL + "2"}})
    places = {"deployments/id": deployment, "deployments/number": "1", "flows/id": day.flows[TAME]}
    schedules = await day.call("GET", f"/deployments/{deployment}/schedules")
    places |= {"deployments/schedule": schedules[0]["id"], "pools/name": TAME, "pools/queue": TAME, "pools/number": "1"}
    places |= await _of_runs(day)
    return Atlas(day, places | await _of_the_catalogue(day, places["runs/id"]), {})


async def _of_runs(day: Day) -> dict[str, str]:
    run = await day.run(
        f"{TAME}/{TAME}", timedelta(minutes=3), None, name=EVIL, tags=[EVIL], parameters={"limit": EVIL}
    )
    body: dict[str, Any] = {"flow_run_id": run, "task_key": EVIL, "dynamic_key": "0", "name": EVIL, "tags": [EVIL]}
    body["task_inputs"] = {EVIL: [{"input_type": "constant", "type": EVIL}]}
    task = await day.call("POST", "/task_runs/", body)
    await day.call(
        "POST", f"/task_runs/{task['id']}/set_state", {"state": {"type": "FAILED", "name": EVIL, "message": EVIL}}
    )
    await day.logs(run, day.now, [(20, EVIL), (40, f"{EVIL}\n{EVIL}")])
    keys = {part: f"paused-1-{part}" for part in ("response", "schema", "description")}
    for part, value in (("schema", json.dumps(SCHEMA)), ("description", json.dumps(MARKED))):
        await day.call("POST", f"/flow_runs/{run}/input", {"key": keys[part], "value": value})
    details = {"pause_key": "1", "run_input_keyset": keys}
    paused = {"type": "PAUSED", "name": EVIL, "message": EVIL, "state_details": details}
    await day.call("POST", f"/flow_runs/{run}/set_state", {"state": paused})
    ended = await day.run(f"{TAME}/{TAME}", timedelta(minutes=9), None, name=f"{EVIL}2")
    await day.state(ended, "FAILED", day.now, EVIL)
    return {"runs/id": run, "runs/task": task["id"], "task-runs/id": task["id"]}


async def _of_the_catalogue(day: Day, run: str) -> dict[str, str]:
    artifact = await _of_artifacts(day, run)
    json_block = await block(day, "json", "n" * 200, {"value": {EVIL: EVIL}})
    agents = await _of_agents(day)
    variable = await day.call("POST", "/variables/", {"name": "v" * 250, "value": EVIL, "tags": [EVIL]})
    limit = await day.call("POST", "/v2/concurrency_limits/", {"name": TAME, "limit": 3})
    await day.call("POST", "/concurrency_limits/", {"tag": EVIL, "concurrency_limit": 3})
    event: dict[str, Any] = {
        "id": "00000000-0000-4000-8000-0000000000aa",
        "occurred": day.now.isoformat(),
        "event": EVIL,
    }
    event |= {"resource": {"prefect.resource.id": EVIL, "prefect.resource.name": EVIL}, "payload": {EVIL: EVIL}}
    event |= {"related": [{"prefect.resource.id": EVIL, "prefect.resource.role": EVIL}]}
    await day.call("POST", "/events", [event])
    return {
        "artifacts/id": artifact["id"],
        "artifacts/key": f"{KEY}0",
        "blocks/id": json_block,
        "blocks/slug": "s" * 200,
        "variables/id": variable["id"],
        "limits/id": limit["id"],
        "events/id": event["id"],
        "upgrade/id": agents,
    }


async def _of_agents(day: Day) -> str:
    """A type of block with a block, and the deployment that agents start by it."""
    about = {"name": TAME, "slug": "s" * 200, "description": EVIL, "code_example": EVIL}
    made = await day.call("POST", "/block_types/", about)
    fields = {"title": EVIL, "type": "object", "properties": {EVIL: FIELD}}
    schema = {"block_type_id": made["id"], "fields": fields, "capabilities": [EVIL, "run-infrastructure"]}
    await day.call("POST", "/block_schemas/", schema)
    old = await block(day, "s" * 200, "o" * 200, {EVIL: EVIL})
    await day.pool(f"agents {TAME}", "prefect-agent", description=EVIL)
    more = {"infrastructure_document_id": old, "path": EVIL}
    return await day.deployment(f"old {TAME}", TAME, f"agents {TAME}", **more)


async def _of_artifacts(day: Day, run: str) -> dict[str, Any]:
    """One of each kind; the last one is given."""
    table = json.dumps([{EVIL: EVIL}])
    kinds = (("markdown", MARKED), ("table", table), ("image", EVIL), (EVIL, EVIL), ("progress", EVIL))
    made: dict[str, Any] = {}
    for number, (kind, data) in enumerate((*kinds, ("image", "javascript:hurt()"))):
        body = {"key": f"{KEY}{number}", "type": kind, "data": data, "description": EVIL, "flow_run_id": run}
        made = await day.call("POST", "/artifacts/", {**body, "metadata_": {EVIL[:400]: EVIL}})
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    async with reachable(settings_in(folder)) as server, tab(folder) as one:
        await one.call("Page.addScriptToEvaluateOnNewDocument", source=LISTENS)
        yield Desk(one, await hostile(Day(server.app)), server.url.removesuffix(server.app.root))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("pattern", patterns())
async def test_names_and_texts_stay_text_and_in_their_place(desk: Desk, pattern: str) -> None:
    desk.tab.complaints.clear()
    await desk.open(desk.atlas.at(pattern))
    for width, height in (DESK, PHONE):
        await desk.tab.size(width, height)
        assert await desk.tab.value("document.documentElement.scrollWidth") <= width, width
    hurts, broken, made, status = await desk.tab.value(HURT)
    assert (hurts, broken, made, desk.tab.complaints) == (0, [], 0, [])
    assert status == 200
    shown = await desk.tab.value(SHOWN)
    assert "49" not in shown.split("7*7")[0][-3:], "no template is filled in"
    if "{" in pattern and pattern not in PLAIN:
        assert SIGN in shown, "the name is there"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("kind", ["key0", "key1", "key2", "key3", "key4", "key5"])
async def test_artifacts_of_each_kind_stay_text(desk: Desk, kind: str) -> None:
    await desk.open(f"/artifacts/key/{KEY}{kind[-1]}")
    assert await desk.tab.value(HURT) == [0, [], 0, 200]
    assert await desk.tab.value("[...document.links].every(one => one.protocol.startsWith('http'))")


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_searched_for_stays_text(desk: Desk) -> None:
    for path in (
        "/search?q=",
        "/runs?name=",
        "/runs?tag=",
        "/runs?of=",
        "/events?name=",
        "/deployments?name=",
        "/flows?tag=",
    ):
        await desk.open(path + _segment(EVIL[:90]))
        assert await desk.tab.value(HURT) == [0, [], 0, 200], path


@pytest_asyncio.fixture
async def quiet(tmp_path: Path) -> AsyncIterator[tuple[Browser, Atlas, Path]]:
    """A server that does nothing by itself, with a bit of everything, and where its database is."""
    off = {f"SERVER_{name}_ENABLED": "false" for name in ("PUSH", *(f"SERVICES_{name}" for name in QUIET))}
    async with running(settings_in(tmp_path, **off)) as app:
        filled = await atlas(app, runs=3)
        yield Browser(app), filled, tmp_path / "penstock.db"


def rows_of(file: Path) -> dict[str, set[Any]]:
    """All that a database holds."""
    with sqlite3.connect(file) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        return {name: set(database.execute(f'select * from "{name}"')) for name in tables}


async def test_looking_at_pages_changes_nothing(quiet: tuple[Browser, Atlas, Path]) -> None:
    browser, filled, file = quiet
    before = rows_of(file)
    for pattern in (*patterns(), *FILES):
        for path in filled.looks(pattern):
            assert (await browser.get(path)).status in (200, 303), path
        for words in ("?sure=yes", "?action=delete&sure=yes", "?_method=POST&token=x"):
            assert (await browser.get(filled.at(pattern) + words)).status < 500, pattern
    assert rows_of(file) == before


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, "right"),
        ({"sec-fetch-site": "same-site", "origin": "http://other.penstock.test"}, "right"),
        ({"origin": "https://evil.example"}, "right"),
        ({"origin": "null"}, "right"),
        ({}, "right"),
        ({"sec-fetch-site": "same-origin", "origin": "http://penstock.test"}, "wrong"),
        ({"sec-fetch-site": "same-origin", "origin": "http://penstock.test"}, ""),
    ],
    ids=["elsewhere", "beside", "old-browser", "hidden", "unnamed", "wrong-token", "no-token"],
)
async def test_no_other_origin_can_change_anything_that_is_there(
    quiet: tuple[Browser, Atlas, Path], headers: dict[str, str], token: str
) -> None:
    browser, filled, file = quiet
    await browser.get("/")
    sent = {"right": browser.cookies["penstock_form"]}.get(token, token)
    before = rows_of(file)
    run = filled.places["runs/id"]
    for pattern in changes():
        body = f"token={sent}&sure=yes&action=delete&id={run}&name=made&key=x&value=1&slots=1".encode()
        assert (await browser.visit("POST", filled.at(pattern), body, headers)).status == 403, pattern
    assert rows_of(file) == before


async def test_the_same_forms_do_change_things_from_our_own_pages(quiet: tuple[Browser, Atlas, Path]) -> None:
    browser, filled, file = quiet
    before = rows_of(file)
    heard = await browser.post(filled.at("/variables/{id}/delete"), {"sure": "yes"})
    assert heard.status == 303
    assert rows_of(file) != before


def _segment(text: str) -> str:
    return "".join(f"%{one:02X}" for one in text.encode())
