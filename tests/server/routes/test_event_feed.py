"""The feed of events of some names: each name is looked up by itself, and the feed is as if it were not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock.store import event_lists
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


async def pages(api: Api, limit: int = 3, **filter: Any) -> list[str]:
    """The last digits of the ids of each page of what is found."""
    found: list[str] = []
    after = None
    while True:
        answer = await api.post("/penstock/events/feed", {"filter": filter, "after": after, "limit": limit})
        found.append("".join(one["id"][-1] for one in answer["events"]))
        after = answer["next"]
        if after is None:
            return found


async def feed(api: Api, wanted: dict[str, Any], limit: int = 3) -> list[str]:
    """The same of a filter of names, in one."""
    return list("".join(await pages(api, limit, event=wanted)))


async def test_names_prefixes_and_globs_are_found_over_pages_the_newest_first(told: Api) -> None:
    assert await feed(told, {"prefix": ["shop."]}) == list("521" + "4" + "0")
    assert await feed(told, {"prefix": ["shop.sold", "bank."]}, limit=2) == list("6521" + "3")
    assert await feed(told, {"name": ["shop.closed", "bank.*"]}) == list("643")
    assert await feed(told, {"prefix": ["shop"], "exclude_name": ["shop.sold"]}) == list("740")
    assert await feed(told, {"prefix": ["nothing.like.it"]}) == []


async def test_resources_are_found_over_pages_whether_there_are_few_or_many(
    told: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for few in (0, 100):
        monkeypatch.setattr(event_lists, "FEW", few)
        assert await pages(told, resource={"id_prefix": ["shop.1", "shop.5"], "id": ["shop.0"]}, limit=2) == ["51", "0"]
        assert await pages(told, resource={"id": ["shop.6", "shop.7", "x"]}) == ["76"]
        assert await pages(told, resource={"id_prefix": ["shop."]}, event={"prefix": ["bank."]}) == ["63"]
        assert await pages(told, resource={"id_prefix": ["shoppe"]}) == [""]
    assert await pages(told, resource={"id": ["shop.6"]}) == ["6"]


async def test_what_no_index_finds_is_looked_for_among_so_many_at_once(
    told: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"any_resource": {"id": ["shop.0", "shop.2", "shop.5", "shop.6"]}}
    assert await pages(told, **wanted) == ["652", "0"]
    monkeypatch.setattr(event_lists, "MOST_LOOKED_AT", 2)
    assert await pages(told, **wanted) == ["6", "52", "", "0"], "of 76, 521, 4 and 30 in the order of time"


async def test_very_many_names_are_found_by_time(told: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_lists, "MOST_NAMES", 1)
    assert await feed(told, {"prefix": ["shop."]}) == list("521" + "4" + "0")
