"""The upgrade from agents to workers in a real Chromium: looked at, agreed to, followed, taken back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.live.chromium import Tab, tab
from tests.server.conftest import reachable, settings_in
from tests.ui.lifelike import Day
from tests.ui.upgrade_estate import move_in

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Desk:
    """A browser at a server with deployments of agents."""

    tab: Tab
    day: Day
    home: str

    async def open(self, path: str) -> None:
        await self.tab.open(self.home + path)

    async def click(self, selector: str) -> None:
        """Follows a link or sends a form, and waits for the whole page that comes."""
        await self.tab.go(f"document.querySelector({json.dumps(selector)}).click()")

    async def text(self) -> str:
        shown: str = await self.tab.value("document.querySelector('main').innerText")
        return shown

    def one(self, name: str) -> str:
        return f"/upgrade/{self.day.deployments[name]}"

    async def pool_of(self, name: str) -> str:
        return str((await self.day.call("GET", f"/deployments/{self.day.deployments[name]}"))["work_pool_name"])

    @property
    def paths(self) -> list[str]:
        asked = f"/upgrade/apply?deployment={self.day.deployments['clean-up/nightly']}"
        ones = [self.one(name) for name in self.day.deployments if name != "reports/prod"]
        return ["/upgrade", "/upgrade?state=blocked", "/upgrade?name=nothing", "/upgrade/apply", asked, *ones]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    async with reachable(settings_in(folder)) as server, tab(folder) as one:
        day = Day(server.app)
        await move_in(day)
        yield Desk(one, day, server.url.removesuffix(server.app.root))


async def test_every_page_loads_without_a_complaint_and_fits_every_screen(desk: Desk) -> None:
    for width, height in ((390, 844), (3840, 2160), (1440, 900)):
        await desk.tab.size(width, height)
        for path in desk.paths:
            await desk.open(path)
            assert await desk.tab.value("document.documentElement.scrollWidth") <= width, (path, width)
    assert desk.tab.complaints == []


async def test_everything_that_is_used_has_a_name(desk: Desk) -> None:
    nameless = """[...document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea')].filter(one =>
        !(one.labels?.length || one.getAttribute('aria-label') || !one.labels && one.textContent.trim()
        || one.tagName == 'BUTTON' && one.textContent.trim())).map(one => one.outerHTML)"""
    for path in desk.paths:
        await desk.open(path)
        assert await desk.tab.value(nameless) == [], path
        assert await desk.tab.value("document.querySelectorAll('h1').length") == 1, path
        ids = "[...document.querySelectorAll('[id]')].map(one => one.id)"
        twice = f"(ids => ids.filter((id, at) => ids.indexOf(id) != at))({ids})"
        assert await desk.tab.value(twice) == [], path


async def test_no_page_is_heavy_or_asks_for_much(desk: Desk) -> None:
    weighed = """(entries => [entries.length, entries.reduce((sum, one) => sum + one.encodedBodySize, 0)])(
        [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .filter(one => !one.name.includes('/live')))"""
    for path in desk.paths:
        await desk.open(path)
        requests, size = await desk.tab.value(weighed)
        assert requests <= 5 + 1, (path, requests)
        assert size <= 150 * 1024, (path, size)


async def test_g_and_u_lead_to_it(desk: Desk) -> None:
    await desk.open("/")
    await desk.tab.key("g")
    await desk.tab.go("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'u', bubbles: true}))")
    assert await desk.tab.value("location.pathname") == "/upgrade"


async def test_a_blocked_one_says_why_from_the_list_on(desk: Desk) -> None:
    await desk.open("/upgrade?state=blocked")
    assert "There is no pool type for infrastructure blocks of type 'nomad-job'." in await desk.text()
    await desk.click(".of-upgrade .main a")
    text = await desk.text()
    assert "What is in the way" in text
    assert "Keep an agent for it, or make a pool of a custom type." in text
    assert await desk.tab.value("document.querySelector('a[href*=\"/upgrade/apply\"]')") is None


async def test_a_deployment_is_upgraded_and_rolled_back(desk: Desk) -> None:
    await desk.open(f"/deployments/{desk.day.deployments['daily-sales/prod']}?tab=configuration")
    await desk.tab.until("document.querySelector('#upgrade-state .badge').textContent == 'Ready'")
    await desk.click("#upgrade-state a")
    assert "7 facts are the same" in await desk.text()
    await desk.click('.page-head a[href*="/upgrade/apply"]')
    assert "Upgrade daily-sales/prod?" in await desk.text()
    assert await desk.pool_of("daily-sales/prod") == "agents"
    await desk.click("main form button.primary")
    assert "daily-sales/prod is upgraded; 2 runs went along." in await desk.text()
    assert "Stay on this page" not in await desk.text()
    assert await desk.pool_of("daily-sales/prod") == "etl-image"
    await desk.tab.value("document.querySelector('.worked [data-copy]').click()")
    await desk.tab.until("document.querySelector('.worked [data-copy].done')")
    copied = await desk.tab.value("document.querySelector('.worked [data-copy]').dataset.copy")
    assert copied == "penstock worker start --pool etl-image"
    await desk.open(desk.one("daily-sales/prod"))
    await desk.click('.page-head a[href*="/upgrade/rollback"]')
    await desk.click("main form button.danger")
    assert "daily-sales/prod is rolled back; 2 runs went along." in await desk.text()
    assert await desk.pool_of("daily-sales/prod") == "agents"
    assert desk.tab.complaints == []


async def test_what_is_done_elsewhere_comes_by_itself(desk: Desk) -> None:
    id = desk.day.deployments["clean-up/nightly"]
    found = await desk.day.call("GET", f"/deployments/{id}")
    before = {name: found[name] for name in ("work_pool_name", "work_queue_name", "entrypoint", "path")}
    await desk.open("/upgrade")
    after = {**before, "work_pool_name": "warehouse"}
    await desk.day.call("POST", f"/penstock/deployments/{id}/upgrade", {"before": before, "after": after})
    row = "[...document.querySelectorAll('.of-upgrade tr')].find(one => one.textContent.includes('nightly'))"
    await desk.tab.until(f"{row}.querySelector('.badge').textContent == 'Upgraded'")
    await desk.open("/pools/agents")
    await desk.tab.until("document.getElementById('upgrade-of-pool').textContent.includes('1 upgraded')")


async def test_all_that_are_ready_go_at_once(desk: Desk) -> None:
    await desk.open("/upgrade")
    await desk.click(".page-head a.primary")
    await desk.click("main form button.primary")
    assert "3 deployments were upgraded." in await desk.text()
    assert await desk.pool_of("churn-model/weekly") == "cluster"
    assert await desk.pool_of("daily-sales/prod") == "agents", "what was rolled back is left"
    assert desk.tab.complaints == []
