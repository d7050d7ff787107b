"""The upgrade from agents to workers in a real Chromium: looked at, agreed to, followed, taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.ui.desk import Desk, open_desk
from tests.ui.upgrade_estate import move_in

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path_factory.mktemp("desk")) as one:
        await move_in(one.day)
        yield one


def one(desk: Desk, name: str) -> str:
    """The page of a deployment's upgrade."""
    return f"/upgrade/{desk.day.deployments[name]}"


async def pool_of(desk: Desk, name: str) -> str:
    return str((await desk.day.call("GET", f"/deployments/{desk.day.deployments[name]}"))["work_pool_name"])


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
    assert await pool_of(desk, "daily-sales/prod") == "agents"
    await desk.click("main form button.primary")
    assert "daily-sales/prod is upgraded; 2 runs went along." in await desk.text()
    assert "Stay on this page" not in await desk.text()
    assert await pool_of(desk, "daily-sales/prod") == "etl-image"
    await desk.tab.value("document.querySelector('.worked [data-copy]').click()")
    await desk.tab.until("document.querySelector('.worked [data-copy].done')")
    copied = await desk.tab.value("document.querySelector('.worked [data-copy]').dataset.copy")
    assert copied == "penstock worker start --pool etl-image"
    await desk.open(one(desk, "daily-sales/prod"))
    await desk.click('.page-head a[href*="/upgrade/rollback"]')
    await desk.click("main form button.danger")
    assert "daily-sales/prod is rolled back; 2 runs went along." in await desk.text()
    assert await pool_of(desk, "daily-sales/prod") == "agents"
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
    assert await pool_of(desk, "churn-model/weekly") == "cluster"
    assert await pool_of(desk, "daily-sales/prod") == "agents", "what was rolled back is left"
    assert desk.tab.complaints == []
