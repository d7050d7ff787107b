"""The feed of events of some names: each name is looked up by itself, and the feed is as if it were not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock.store import events
from tests.server.routes.conftest import Api

NOW = datetime.now(UTC).replace(microsecond=0)
NAMES = ("shop.opened", "shop.sold", "shop.sold", "bank.paid", "shop.closed", "shop.sold", "bank.shut", "shop_x.sold")


@pytest.fixture
async def told(api: Api) -> Api:
    """Events of a minute each, the first the oldest; the sales at one moment."""
    minutes = (0, 5, 5, 2, 3, 5, 6, 7)
    body = [
        {
            "id": f"00000000-0000-0000-0000-{number:012}",
            "event": name,
            "occurred": (NOW - timedelta(hours=1) + timedelta(minutes=minute)).isoformat(),
            "resource": {"prefect.resource.id": f"shop.{number}"},
        }
        for number, (name, minute) in enumerate(zip(NAMES, minutes, strict=True))
    ]
    await api.post("/events", body, 204)
    return api


async def feed(api: Api, wanted: dict[str, Any], limit: int = 3) -> list[str]:
    """The last digits of the ids of all that is found, page by page."""
    found: list[str] = []
    after = None
    while True:
        answer = await api.post("/penstock/events/feed", {"filter": {"event": wanted}, "after": after, "limit": limit})
        found += [one["id"][-1] for one in answer["events"]]
        after = answer["next"]
        if after is None:
            return found


async def test_names_prefixes_and_globs_are_found_over_pages_the_newest_first(told: Api) -> None:
    assert await feed(told, {"prefix": ["shop."]}) == list("521" + "4" + "0")
    assert await feed(told, {"prefix": ["shop.sold", "bank."]}, limit=2) == list("6521" + "3")
    assert await feed(told, {"name": ["shop.closed", "bank.*"]}) == list("643")
    assert await feed(told, {"prefix": ["shop"], "exclude_name": ["shop.sold"]}) == list("740")
    assert await feed(told, {"prefix": ["nothing.like.it"]}) == []


async def test_very_many_names_are_found_by_time(told: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_NAMES", 1)
    assert await feed(told, {"prefix": ["shop."]}) == list("521" + "4" + "0")
