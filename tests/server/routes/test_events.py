"""Events: filters, pages, counts."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from penstock.core.event_filters import matcher, read_filter
from penstock.wire.events import ReceivedEvent
from tests.server.routes.conftest import Api

NOON = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=12)


def event(number: int, name: str = "my.event", resource: str = "my.thing.1", **more: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "occurred": (NOON + timedelta(minutes=number)).isoformat(),
        "event": name,
        "resource": {"prefect.resource.id": resource, **more.pop("labels", {})},
        **more,
    }


RELATED = [
    {"prefect.resource.id": "prefect.flow-run.1", "prefect.resource.role": "flow-run", "size": "big"},
    {"prefect.resource.id": "prefect.tag.a", "prefect.resource.role": "tag"},
]
SAMPLE = [
    event(0, "a.one", "r.1", labels={"color": "red"}),
    event(1, "a.two", "r.2", labels={"color": "dark blue"}, payload={"text": "Hello World"}),
    event(2, "b.one", "r.1", related=RELATED),
    event(3, "b.two", "s.3", related=[RELATED[1]], follows=str(uuid.uuid4())),
]


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({}, [0, 1, 2, 3]),
        ({"event": {"prefix": ["a."]}}, [0, 1]),
        ({"event": {"prefix": ["a."], "exclude_name": ["a.two"]}}, [0]),
        ({"event": {"name": ["a.one", "b.two"]}}, [0, 3]),
        ({"event": {"exclude_prefix": ["a."]}}, [2, 3]),
        ({"resource": {"id": ["r.1"]}}, [0, 2]),
        ({"resource": {"id_prefix": ["r."]}}, [0, 1, 2]),
        ({"resource": {"id_prefix": ["r."], "distinct": True}}, [1, 2]),
        ({"resource": {"labels": {"color": "red"}}}, [0]),
        ({"resource": {"labels": {"color": ["dark*", "x"]}}}, [1]),
        ({"resource": {"labels": {"color": "!red"}}}, [1]),
        ({"related": {"id": ["prefect.tag.a"]}}, [2, 3]),
        ({"related": {"role": ["flow-run"]}}, [2]),
        ({"related": {"id": ["prefect.tag.a"], "role": ["flow-run"]}}, []),
        ({"related": {"resources_in_roles": [["prefect.flow-run.1", "flow-run"]]}}, [2]),
        ({"related": [{"labels": {"size": "big"}}, {"role": ["tag"]}]}, [2]),
        ({"any_resource": {"id": ["r.1"]}}, [0, 2]),
        ({"any_resource": {"id_prefix": ["prefect.tag"]}}, [2, 3]),
        ({"any_resource": [{"id": ["s.3"]}, {"id": ["prefect.tag.a"]}]}, [3]),
        ({"id": {"id": [SAMPLE[1]["id"]]}}, [1]),
        ({"text": {"query": "hello"}}, [1]),
        ({"occurred": {"since": (NOON + timedelta(minutes=2)).isoformat()}}, [2, 3]),
    ],
)
async def test_filters(api: Api, filter: dict[str, Any], found: list[int]) -> None:
    await api.post("/events", SAMPLE, 204)
    names = [one["event"] for one in await api.events(**filter)]
    assert names == [SAMPLE[index]["event"] for index in found]


async def test_an_event_sent_twice_is_kept_once_and_as_it_was(api: Api) -> None:
    for _ in range(2):
        await api.post("/events", [SAMPLE[2]], 204)
    [found] = await api.events()
    assert (found["id"], found["related"], found["payload"]) == (SAMPLE[2]["id"], RELATED, {})
    assert found["received"]


async def test_pages_follow_each_other(api: Api) -> None:
    await api.post("/events", [event(number, f"e{number}") for number in range(7)], 204)
    page = await api.post("/events/filter", {"filter": {}, "limit": 3})
    assert page["total"] == 7
    seen = [one["event"] for one in page["events"]]
    while page["next_page"]:
        page = await api.get(page["next_page"].partition("/api")[2])
        seen += [one["event"] for one in page["events"]]
    assert seen == [f"e{number}" for number in range(6, -1, -1)]
    await api.get("/events/filter/next?page-token=nonsense", 400)
    await api.post("/events/filter", {"limit": 51}, 422)
    await api.post("/events/filter", {"filter": {"colour": 1}}, 422)


async def test_counts(api: Api) -> None:
    await api.post("/events", SAMPLE, 204)
    window = {"occurred": {"since": NOON.isoformat(), "until": (NOON + timedelta(minutes=5)).isoformat()}}
    by_name = await api.post("/events/count-by/event", {"filter": window})
    assert [(one["value"], one["count"]) for one in by_name] == [("a.one", 1), ("a.two", 1), ("b.one", 1), ("b.two", 1)]
    by_resource = await api.post("/events/count-by/resource", {"filter": window})
    assert next((one["value"], one["label"], one["count"]) for one in by_resource) == ("r.1", "r.1", 2)
    spans = await api.post("/events/count-by/time", {"filter": window, "time_unit": "minute", "time_interval": 2})
    assert [one["count"] for one in spans] == [2, 2, 0]
    assert spans[0]["start_time"] == NOON.strftime("%Y-%m-%dT%H:%M:%SZ")
    days = await api.post("/events/count-by/day", {"filter": window})
    assert [one["count"] for one in days] == [4]
    await api.post("/events/count-by/time", {"filter": {}, "time_unit": "second"}, 422)
    await api.post("/events/count-by/label", {"filter": {}}, 422)


@pytest.mark.parametrize(
    "id", ['with "quotes"', "ünï-東京", "back\\slash", "100%_of"], ids=["quotes", "letters", "slash", "like"]
)
async def test_an_odd_id_among_the_related_is_found(api: Api, id: str) -> None:
    related = [{"prefect.resource.id": id, "prefect.resource.role": "thing"}]
    sent = [event(0, related=related), event(1, related=RELATED), event(2, resource=id)]
    await api.post("/events", sent, 204)
    for asked in ({"id": [id]}, {"id_prefix": [id[:-1]]}, {"id": ["other"], "id_prefix": [id]}):
        found = await api.events(any_resource=asked)
        assert [one["id"] for one in found] == [sent[0]["id"], sent[2]["id"]], asked


ODD_IDS = ["a%b", "a_b", "axb", "A%B", "aé", "aê", "b\ud7ff!", "b\ue000", "c\U0010ffff", "c\U0010ffffd", "ca", "d"]
BEGINNINGS = {
    "": ODD_IDS,
    "a": ["a%b", "a_b", "axb", "aé", "aê"],
    "a%": ["a%b"],
    "a_": ["a_b"],
    "A": ["A%B"],
    "aé": ["aé"],
    "b\ud7ff": ["b\ud7ff!"],
    "c\U0010ffff": ["c\U0010ffff", "c\U0010ffffd"],
    "c": ["c\U0010ffff", "c\U0010ffffd", "ca"],
    "\U0010ffff": [],
    "dd": [],
}


async def test_ids_and_names_are_found_by_how_they_begin_letter_by_letter(api: Api) -> None:
    await api.post("/events", [event(number, id, id) for number, id in enumerate(ODD_IDS)], 204)
    for prefix, ids in BEGINNINGS.items():
        for asked in ({"resource": {"id_prefix": [prefix]}}, {"event": {"prefix": [prefix]}}):
            assert [one["event"] for one in await api.events(**asked)] == ids, asked
            feed = await api.post("/penstock/events/feed", {"filter": asked})
            assert [one["event"] for one in feed["events"]] == ids[::-1], asked
        beginning = matcher(read_filter({"resource": {"id_prefix": [prefix]}}))
        kept = (await api.post("/penstock/events/feed", {}))["events"]
        assert [one["event"] for one in kept if beginning(msgspec.convert(one, ReceivedEvent))] == ids[::-1]


async def test_a_star_in_a_name_stands_for_any_text_and_nothing_else_does(api: Api) -> None:
    names = ["my.thing", "My.thing", "my_thing", "my%thing", "my?[a]\\thing", "mything"]
    await api.post("/events", [event(number, name) for number, name in enumerate(names)], 204)
    for asked, found in {
        "my*thing": ["my.thing", "my_thing", "my%thing", "my?[a]\\thing", "mything"],
        "my_*": ["my_thing"],
        "*%*": ["my%thing"],
        "my?[a]\\*": ["my?[a]\\thing"],
        "M*": ["My.thing"],
    }.items():
        assert [one["event"] for one in await api.events(event={"name": [asked]})] == found, asked


async def test_a_feed_goes_on_by_key_through_events_of_one_moment(api: Api) -> None:
    sent = [event(0, "same.moment", f"r.{number}") for number in range(5)] + [event(1, "other", "r.9")]
    await api.post("/events", sent, 204)
    seen: list[str] = []
    after = None
    while True:
        body = {"filter": {"event": {"prefix": ["same."]}}, "limit": 2, "after": after}
        page = await api.post("/penstock/events/feed", body)
        seen += [one["id"] for one in page["events"]]
        after = page["next"]
        if after is None:
            break
    assert sorted(seen) == sorted(one["id"] for one in sent[:5])
    assert seen == sorted(seen, reverse=True), "the newest first"
    assert (await api.post("/penstock/events/feed", {"limit": 0})) == {"events": [], "next": None}
    await api.post("/penstock/events/feed", {"limit": 201}, 422)
