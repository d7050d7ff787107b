"""A browser at a server of its own: what journeys through the pages are made of."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.live.chromium import Tab, tab
from tests.server.conftest import reachable, settings_in
from tests.ui.lifelike import Day

SCREEN = (1440, 900)


@dataclass(frozen=True)
class Desk:
    """A browser at a server, what there is on it, and what addresses of pages are written after."""

    tab: Tab
    day: Day
    home: str

    async def open(self, path: str) -> None:
        await self.tab.open(self.home + path)

    async def click(self, selector: str) -> None:
        """Follows a link or sends a form, and waits for the whole page that comes."""
        await self.tab.go(f"document.querySelector({json.dumps(selector)}).click()")

    async def write(self, id: str, text: str) -> None:
        """Writes into a field as a person does: what listens for changes hears of it."""
        field = f"document.getElementById({json.dumps(id)})"
        await self.tab.value(f"{field}.value = {json.dumps(text)}")
        await self.tab.value(f"{field}.dispatchEvent(new Event('change', {{bubbles: true}}))")

    async def text(self) -> str:
        shown: str = await self.tab.value("document.querySelector('main').innerText")
        return shown


@asynccontextmanager
async def open_desk(folder: Path) -> AsyncIterator[Desk]:
    """A browser at an empty server."""
    async with reachable(settings_in(folder)) as server, tab(folder) as one:
        await one.size(*SCREEN)
        yield Desk(one, Day(server.app), server.url.removesuffix(server.app.root))
        await one.open("about:blank")  # no page should miss its server
