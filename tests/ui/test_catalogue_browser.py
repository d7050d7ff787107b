"""The catalogue in a real Chromium: every page on every screen, forms, keys, the phone's menu, what comes live."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.live.chromium import Tab, tab
from tests.server.conftest import reachable, settings_in
from tests.ui.catalogue import fill, take
from tests.ui.lifelike import Day, seed

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Desk:
    """A browser at a server with a catalogue; `ids` are what it holds, by a word."""

    tab: Tab
    day: Day
    home: str
    ids: dict[str, str]

    async def open(self, path: str) -> None:
        await self.tab.open(self.home + path)

    @property
    def paths(self) -> list[str]:
        ids = self.ids
        return [
            *("/flows", f"/flows/{self.day.flows['daily-sales']}"),
            *(
                "/blocks",
                f"/blocks/{ids['bucket']}",
                f"/blocks/{ids['infrastructure']}",
                f"/blocks/{ids['bucket']}/edit",
            ),
            *("/blocks/catalog", "/blocks/catalog/docker-container", "/blocks/catalog/custom-webhook/create"),
            *("/variables", "/variables/new", f"/variables/{ids['variable']}"),
            *("/limits", "/limits/new", f"/limits/{ids['limit']}", f"/limits/{ids['rate']}"),
            *("/artifacts", "/artifacts/key/sales-report", f"/artifacts/{ids['table']}", f"/artifacts/{ids['image']}"),
            *(f"/artifacts/{ids['progress']}", "/events", "/events?when=1h", f"/events/{ids['event']}"),
        ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    async with reachable(settings_in(folder)) as server, tab(folder) as one:
        day = await seed(server.app, runs=20)
        yield Desk(one, day, server.url.removesuffix(server.app.root), await fill(day))


async def test_keys_go_to_each_section_and_the_help_says_which(desk: Desk) -> None:
    places = {"f": "/flows", "b": "/blocks", "v": "/variables", "l": "/limits", "a": "/artifacts", "e": "/events"}
    for key, path in places.items():
        await desk.open("/pools")
        await desk.tab.key("g", key)
        await desk.tab.until(f"location.pathname == '{path}' && document.readyState == 'complete'")
    await desk.tab.key("?")
    shown = await desk.tab.value("document.getElementById('help').innerText")
    assert all(word in shown for word in ("Flows", "Blocks", "Variables", "Limits", "Artifacts", "Events"))


async def test_a_phone_has_all_sections_behind_one_button(desk: Desk) -> None:
    await desk.tab.size(390, 844)
    await desk.open("/runs")
    inside = "getComputedStyle(document.getElementById('rest')).display"
    assert await desk.tab.value(inside) == "none"
    await desk.tab.value("document.querySelector('.rail .more').click()")
    assert await desk.tab.value(inside) == "grid"
    await desk.tab.go("document.querySelector('#rest a[data-go=v]').click()")
    assert await desk.tab.value("location.pathname") == "/variables"
    await desk.tab.size(1440, 900)
    assert await desk.tab.value(inside) == "flex", "a wide screen shows them at once"


async def test_a_block_is_made_with_another_in_it(desk: Desk) -> None:
    await desk.open("/blocks/catalog/s3-bucket/create")
    await desk.tab.value("document.getElementById('name').value = 'made-here'")
    await desk.tab.value("document.getElementById('f.bucket_name').value = 'acme'")
    choose = "document.getElementById('f.credentials')"
    await desk.tab.value(
        f"{choose}.value = [...{choose}.options].find(one => one.text == 'aws-credentials/prod').value"
    )
    await desk.tab.go("document.querySelector('main .primary').click()")
    assert "made-here" in await desk.tab.value("document.querySelector('h1').textContent")
    inner = f"document.querySelector('#block-now a[href=\"/blocks/{desk.ids['credentials']}\"]').textContent"
    assert await desk.tab.value(inner) == "prod"


async def test_no_page_of_a_secret_holds_it(desk: Desk) -> None:
    for path in (*desk.paths, f"/blocks/{desk.ids['credentials']}", f"/blocks/{desk.ids['credentials']}/edit"):
        await desk.open(path)
        assert "hidden-away" not in await desk.tab.value("document.documentElement.outerHTML"), path


async def test_a_variable_is_changed_and_the_list_follows(desk: Desk) -> None:
    await desk.open("/variables")
    await desk.day.call("PATCH", "/variables/name/region", {"value": "a-new-region"})
    await desk.tab.until("document.querySelector('#variables').textContent.includes('a-new-region')")


async def test_a_progress_moves_while_one_looks(desk: Desk) -> None:
    await desk.open(f"/artifacts/{desk.ids['progress']}")
    await desk.day.call("PATCH", f"/artifacts/{desk.ids['progress']}", {"data": 88})
    await desk.tab.until("document.querySelector('.progress').textContent.includes('88 %')")


async def test_markdown_is_drawn_and_its_html_stays_text(desk: Desk) -> None:
    await desk.open("/artifacts/key/sales-report")
    assert await desk.tab.value("document.querySelectorAll('.markdown table td').length") == 9
    assert await desk.tab.value("document.querySelectorAll('.markdown script').length") == 0
    assert "<script>" in await desk.tab.value("document.querySelector('.markdown').textContent")
    link = await desk.tab.value("document.querySelector('.markdown a').rel")
    assert "noopener" in link


async def test_who_takes_a_slot_is_seen_and_freed(desk: Desk) -> None:
    await desk.open(f"/limits/{desk.ids['limit']}")
    assert "brave-otter" in await desk.tab.value("document.querySelector('#limit-now').textContent")
    await take(desk.day, "warehouse-db", desk.day.runs["brave-otter"], 1)
    await desk.tab.until("document.querySelector('#limit-now .gauge').textContent.includes('4 of 5')")
    await desk.tab.go("document.querySelector('form[action$=\"/free\"] button').click()")
    assert "is free" in await desk.tab.value("document.querySelector('.said').textContent")
    assert "3 of 5" in await desk.tab.value("document.querySelector('#limit-now .gauge').textContent")


async def test_the_chart_of_events_comes_by_itself(desk: Desk) -> None:
    await desk.open("/events?name=acme.&when=7d")
    await desk.tab.until("document.querySelector('#chart svg .event-count')")
    assert "40" in await desk.tab.value("document.querySelector('#chart figcaption').textContent")


async def test_events_come_while_one_looks(desk: Desk) -> None:
    await desk.open("/events?name=prefect.variable.")
    await desk.day.call("POST", "/variables/", {"name": "one_more", "value": 1})
    await desk.tab.until("document.querySelector('#events').textContent.includes('one_more')")
