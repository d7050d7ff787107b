"""The main journeys in a real Chromium: live logs, cancelling, a run with other values, keys, small screens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from tests.server.conftest import AUTH, reachable, settings_in
from tests.ui.desk import Desk, open_desk
from tests.ui.lifelike import seed

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path_factory.mktemp("desk")) as one:
        yield replace(one, day=await seed(one.day.app, runs=30))


async def test_lines_of_a_running_run_come_by_themselves_and_stay_text(desk: Desk) -> None:
    run = desk.day.runs["brave-otter"]
    await desk.open(f"/runs/{run}")
    before = await desk.tab.value("document.querySelectorAll('.line').length")
    await desk.day.logs(run, desk.day.now, [(20, "one <b>more</b>\nand its second line"), (40, "the last one")])
    await desk.tab.until(f"document.querySelectorAll('.line').length == {before + 2}")
    text = await desk.tab.value("[...document.querySelectorAll('.line .text')].at(-2).textContent")
    assert text == "one <b>more</b>\nand its second line"


async def test_a_running_run_is_cancelled_and_the_page_follows(desk: Desk) -> None:
    run = desk.day.runs["quick-heron"]
    await desk.open(f"/runs/{run}")
    await desk.tab.go(f"document.querySelector('form[action$=\"{run}/cancel\"] button').click()")
    assert "asked to end" in await desk.tab.value("document.querySelector('.said').textContent")
    await desk.day.state(run, "CANCELLED", desk.day.now)
    await desk.tab.until("document.querySelector('#head .badge').textContent == 'Cancelled'")


async def test_a_deployment_is_run_with_other_values(desk: Desk) -> None:
    await desk.open("/deployments")
    await desk.tab.go("document.querySelector('a[aria-label=\"Run staging\"]').click()")
    await desk.tab.value("document.getElementById('p.limit').value = '42'")
    await desk.tab.value("document.getElementById('v.working_dir').value = '/srv'")
    await desk.tab.go("document.querySelector('main .primary').click()")
    shown = await desk.tab.value("document.querySelector('main').textContent")
    assert '"limit": 42' in shown
    assert '"working_dir": "/srv"' in shown


async def test_the_keys_search_go_and_help(desk: Desk) -> None:
    await desk.open("/")
    await desk.tab.key("/")
    assert await desk.tab.value("document.activeElement.id") == "find"
    await desk.tab.key("Escape", "?")
    assert await desk.tab.value("document.getElementById('help').open")
    await desk.tab.key("Escape")
    await desk.tab.until("!document.getElementById('help').open")
    await desk.tab.key("g", "p")
    await desk.tab.until("location.pathname == '/pools' && document.readyState == 'complete'")


async def test_the_chart_of_a_long_time_comes_by_itself(desk: Desk) -> None:
    await desk.open("/runs?when=30d")
    await desk.tab.until("document.querySelector('#chart svg .slice')")


async def test_chosen_runs_are_counted_and_the_choice_is_kept_from_news(desk: Desk) -> None:
    await desk.open("/runs")
    assert await desk.tab.value("getComputedStyle(document.getElementById('bulk')).display") == "none"
    await desk.tab.value("document.querySelectorAll('input[name=id]')[1].click()")
    assert await desk.tab.value("document.querySelector('[data-count]').textContent") == "1 run chosen"
    await desk.tab.go("document.querySelector('#bulk [value=delete]').click()")
    assert "Delete this run?" in await desk.tab.value("document.querySelector('h1').textContent")


async def test_times_are_in_the_readers_zone_with_the_exact_one_at_hand(desk: Desk) -> None:
    await desk.tab.call("Emulation.setTimezoneOverride", timezoneId="Asia/Kolkata")
    await desk.open(f"/runs/{desk.day.runs['brave-otter']}")
    title = await desk.tab.value("document.querySelector('.states time').title")
    assert "Asia/Calcutta" in title or "Asia/Kolkata" in title
    shown = await desk.tab.value("document.querySelector('.states time').textContent")
    utc = await desk.tab.value("document.querySelector('.states time').dateTime.slice(11, 16)")
    there = (int(utc[:2]) * 60 + int(utc[3:]) + 330) % 1440
    assert shown.startswith(f"{there // 60:02d}:{there % 60:02d}")


async def test_light_and_dark_are_the_readers_choice(desk: Desk) -> None:
    await desk.open("/")
    paper = "getComputedStyle(document.body).backgroundColor"
    before = await desk.tab.value(paper)
    await desk.tab.value("document.querySelector('[data-theme-switch]').click()")
    after = await desk.tab.value(paper)
    assert before != after
    await desk.open("/runs")
    assert await desk.tab.value(paper) == after
    await desk.tab.value("localStorage.clear()")


async def test_a_command_is_copied(desk: Desk) -> None:
    await desk.open("/pools/ml-cluster")
    await desk.tab.value("document.querySelector('[data-copy]').click()")
    await desk.tab.until("document.querySelector('[data-copy].done')")
    assert await desk.tab.value("document.querySelector('[data-copy]').dataset.copy") == (
        "penstock worker start --pool ml-cluster"
    )


async def test_a_stranger_signs_in(desk: Desk, tmp_path: Path) -> None:
    async with reachable(settings_in(tmp_path, SERVER_API_AUTH_STRING=AUTH)) as server:
        await desk.tab.open(server.url.removesuffix(server.app.root) + "/pools")
        await desk.tab.value(f"document.getElementById('key').value = {AUTH!r}")
        await desk.tab.go("document.querySelector('button.primary').click()")
        assert await desk.tab.value("location.pathname") == "/pools"
        assert await desk.tab.value("document.cookie") == "", "no script can read the session"
