"""The dashboard's guide has every page with its address, every key, and every address that leads elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.ui import routes
from penstock.ui.pages import elsewhere
from penstock.ui.sections import SECTIONS, Section
from tests.server.conftest import running, settings_in
from tests.ui.conftest import Browser

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "dashboard.md"
PARTS = {
    *("/live", "/runs/chart", "/runs/new", "/runs/{id}/graph", "/runs/{id}/log", "/runs/{id}/log/live"),
    *("/runs/{id}/tasks/{task}", "/task-runs/{id}/log", "/task-runs/{id}/log/live", "/events/chart"),
    *("/upgrade/of-pool", "/upgrade/{id}/state"),
}
"""What pages fetch for themselves."""
QUESTIONS = re.compile(r"/(delete|rollback)$")
"""The ends of addresses that ask once more before something is done."""
PLACE = re.compile(r"\{\w+\}")

routes.load()


def addresses() -> set[str]:
    """All that stands in the first cell of a row."""
    rows = re.findall(r"^\| (`/.*?) \|", PAGE.read_text(), re.M)
    return {found for row in rows for found in re.findall(r"`(/[^`]*)`", row)} | {"/sign-in"}


def pages() -> set[str]:
    return {path for method, path in routes.every() if method == "GET"} - PARTS


def test_each_address_in_the_guide_is_one_of_a_page() -> None:
    assert addresses() - pages() == set()


def test_each_page_is_in_the_guide() -> None:
    missing = {path for path in pages() - addresses() if path == "/upgrade/rollback" or not QUESTIONS.search(path)}
    assert missing == set()


async def test_each_address_of_prefect_leads_where_the_guide_says(tmp_path: Path) -> None:
    table = PAGE.read_text().partition("| address | leads to |")[2].partition("\n\n")[0]
    led: dict[str, str] = {}
    for left, right in re.findall(r"^\| (`.*) \| (`.*) \|$", table, re.M):
        targets = re.findall(r"`([^`]+)`", right)
        led |= paired(re.findall(r"`([^`]+)`", left), targets)
    assert set(led) == {path for _, path in routes.every() if leads_elsewhere(path)}
    async with running(settings_in(tmp_path)) as app:
        for address, target in led.items():
            shown = await Browser(app).get(PLACE.sub("x", address))
            assert shown.headers["location"] == PLACE.sub("x", target), address


def paired(addresses: list[str], targets: list[str]) -> dict[str, str]:
    """Each address with its target; the last target is that of all further ones."""
    return {address: targets[min(at, len(targets) - 1)] for at, address in enumerate(addresses)}


def leads_elsewhere(path: str) -> bool:
    handler, _, _ = routes.find("GET", PLACE.sub("x", path))
    return handler is not None and handler.__module__ == elsewhere.__name__


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.name)
def test_each_section_is_there_with_its_key(section: Section) -> None:
    assert f"`{section.key}` {section.name.lower()}" in PAGE.read_text()
