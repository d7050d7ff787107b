"""What holds for each page, in a real Chromium: it loads without a complaint, fits every screen, names what is used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.ui.atlas import Atlas, atlas, patterns
from tests.ui.desk import SCREEN, Desk, open_desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCREENS = ((390, 844), (1000, 800), (3840, 2160), SCREEN)
CUT = "[...document.querySelectorAll('.card.flush')].filter(one => one.scrollWidth > one.clientWidth).length"
NAMELESS = """[...document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea')].filter(one =>
    !(one.labels?.length || one.getAttribute('aria-label') || !one.labels && one.textContent.trim()
    || one.tagName == 'BUTTON' && one.textContent.trim())).map(one => one.outerHTML)"""
TWICE = "[...document.querySelectorAll('[id]')].map(one => one.id).filter((id, at, all) => all.indexOf(id) != at)"
WEIGHED = """(entries => [entries.filter(one => !one.name.includes('/static/')).length,
    entries.reduce((sum, one) => sum + one.encodedBodySize, 0)])(
    [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter(one => !one.name.includes('/live')))"""
MOST_REQUESTS = 5
"""Beside the static files."""
MOST_BYTES = 150 * 1024


@dataclass(frozen=True)
class Visit:
    """A browser at a server with a bit of everything."""

    desk: Desk
    atlas: Atlas


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def visit(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Visit]:
    async with open_desk(tmp_path_factory.mktemp("desk")) as desk:
        yield Visit(desk, await atlas(desk.day.app))


@pytest.mark.parametrize("pattern", patterns())
async def test_a_page_fits_every_screen_is_light_and_names_what_is_used(visit: Visit, pattern: str) -> None:
    tab = visit.desk.tab
    for path in visit.atlas.looks(pattern):
        await visit.desk.open(path)
        requests, size = await tab.value(WEIGHED)
        assert requests <= MOST_REQUESTS, (path, requests)
        assert size <= MOST_BYTES, (path, size)
        assert await tab.value(NAMELESS) == [], path
        assert await tab.value(TWICE) == [], path
        assert await tab.value("document.querySelectorAll('h1').length") == 1, path
        for width, height in SCREENS:
            await tab.size(width, height)
            assert await tab.value("document.documentElement.scrollWidth") <= width, (path, width)
            assert await tab.value(CUT) == 0, (path, width)
    assert tab.complaints == []
