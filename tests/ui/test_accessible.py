"""What axe-core says of each page, in a real Chromium: light and dark, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.live.chromium import Tab, tab
from tests.server.conftest import AUTH, reachable, settings_in
from tests.ui.atlas import Atlas, atlas, patterns

pytestmark = pytest.mark.asyncio(loop_scope="module")

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
DESK, PHONE = (1440, 900), (390, 844)
RUN = """axe.run(document, OPTIONS).then(found => found.violations
    .filter(one => ["serious", "critical"].includes(one.impact))
    .map(one => [one.id, one.nodes.length, one.nodes[0].html.slice(0, 160),
        one.nodes[0].any[0]?.message || one.help]))"""
COLOURS = RUN.replace("OPTIONS", '{runOnly: ["color-contrast"]}')
ALL = RUN.replace("OPTIONS", "{}")


@dataclass(frozen=True)
class Desk:
    """A browser at a server with a bit of everything."""

    tab: Tab
    atlas: Atlas
    home: str

    async def open(self, path: str) -> None:
        await self.tab.size(*DESK)
        await self.tab.open(self.home + path)
        await self.tab.until("!document.querySelector('[aria-busy=true]')")

    async def faults(self) -> list[Any]:
        """What is wrong with the page that is open, and where: light and dark, wide and narrow."""
        await self.tab.value(AXE + ";0")
        found = []
        for size, words in ((DESK, "wide"), (PHONE, "narrow")):
            await self.tab.size(*size)
            for theme, script in (("light", ALL), ("dark", COLOURS)):
                await self.tab.value(f"document.documentElement.dataset.theme = '{theme}'")
                found += [[words, theme, *one] for one in await self.tab.value(script)]
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    async with reachable(settings_in(folder)) as server, tab(folder) as one:
        yield Desk(one, await atlas(server.app), server.url.removesuffix(server.app.root))


@pytest.mark.parametrize("pattern", patterns())
async def test_a_page_can_be_used_by_everybody(desk: Desk, pattern: str) -> None:
    for path in desk.atlas.looks(pattern):
        await desk.open(path)
        assert await desk.faults() == [], path


WRITTEN = "document.getElementById('{}').value = '{}'; document.querySelector('{}').click()"
CHOSEN = "document.querySelector('[data-all]').click(); document.querySelector('#bulk [value={}]').click()"
SENT = "document.querySelector('{}').click()"
REWRITTEN = "const json = document.getElementById('template'); json.value = json.value.replace('Working', 'Home');"
REWRITTEN += SENT.format("[value=review]")


@pytest.mark.parametrize(
    ("path", "scripts"),
    [
        ("/nowhere", []),
        ("/runs", [CHOSEN.format("delete")]),
        ("/runs?state=completed", [CHOSEN.format("cancel"), SENT.format("main form .danger")]),
        ("/pools/new?type=docker", [WRITTEN.format("name", "/", "[value=save]")]),
        ("/pools/warehouse?tab=template", [WRITTEN.format("template", "{", "[value=review]")]),
        ("/pools/warehouse?tab=template", [REWRITTEN]),
        ("/pools/warehouse/new-queue", [WRITTEN.format("priority", "x", "main form .primary")]),
        ("/deployments/{id}/run", [WRITTEN.format("p.limit", "many", "main form .primary")]),
        ("/deployments/{id}/new-schedule", [WRITTEN.format("cron", "61 * * * *", "[value=save]")]),
        ("/variables/new", [WRITTEN.format("name", "A b", "main .primary")]),
        (
            "/limits/new",
            ["document.getElementById('name').value = 'x';" + WRITTEN.format("limit", "x", "main .primary")],
        ),
        ("/upgrade/apply", [SENT.format("main form .primary")]),
        ("/upgrade/rollback", [SENT.format("main form .danger")]),
    ],
)
async def test_a_page_that_asks_refuses_or_tells_can_be_used_by_everybody(
    desk: Desk, path: str, scripts: list[str]
) -> None:
    await desk.open(desk.atlas.at(path))
    for script in scripts:
        await desk.tab.go(script)
    assert await desk.faults() == [], path


async def test_the_help_can_be_read_by_everybody(desk: Desk) -> None:
    await desk.open("/runs")
    await desk.tab.key("?")
    assert await desk.faults() == []


async def test_the_sign_in_can_be_used_by_everybody(desk: Desk, tmp_path: Path) -> None:
    async with reachable(settings_in(tmp_path, SERVER_API_AUTH_STRING=AUTH)) as server:
        await desk.tab.open(server.url.removesuffix(server.app.root) + "/pools")
        assert await desk.faults() == []
        await desk.tab.open("about:blank")
