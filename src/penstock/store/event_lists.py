"""Lists of events. Indexes know events by time, by name, and by the id of what they are about, and find such lists at
once. For all else each event has to be looked at, and a page of the feed looks at so many and no more.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from penstock.clock import from_micros, to_micros
from penstock.store.database import Steps, intent
from penstock.store.documents import as_array
from penstock.store.event_selection import NEWEST, EventSelection
from penstock.wire.events import EventFeed, EventPlace, ReceivedEvent

FEW = 2_000
"""So many events about something are found by that; where there are more, the newest are soon found by time."""
MOST_LOOKED_AT = 10_000
"""Events that a page of the feed looks at where no index finds them."""
MOST_NAMES = 500
"""Names of events that are looked for one by one."""

_LIST = "select doc from events where {where} order by {order} limit :limit offset :offset"
_SOME = "order by {order} limit :limit"
_FEED = f"select doc from events where {{where}} and {{place}} {_SOME}"
_FEED_BY_TIME = {"sqlite": _FEED.replace("events where", "events indexed by events_by_time where"), "postgres": _FEED}
_OF_NAME = f"from events where events.event = k.value and {{timed}} and {{place}} {_SOME}"
_FEED_OF_NAMES = {
    "sqlite": "select events.doc from json_each(:names) k cross join events"
    f" where events.id in (select events.id {_OF_NAME}) {_SOME}",
    "postgres": "select events.doc from json_array_elements_text(cast(cast(:names as text) as json)) k (value)"
    f" cross join lateral (select events.* {_OF_NAME}) events {_SOME}",
}
# From name to name by the index: there are few of them, and many events of each.
_NAMES = (
    "with recursive names (event) as (select min(event) from events union all"
    " select (select min(e.event) from events e where e.event > names.event) from names where names.event is not null)"
    " select events.event from names events where events.event is not null and {named} limit :most"
)
_ABOUT = "select count(*) from (select 1 from events where {about} limit :most) x"
_END = "select events.occurred, events.id from events where {timed} and {place} order by {order} limit 2 offset :most"
_decode = msgspec.json.Decoder(ReceivedEvent).decode


@intent
def list_events(selection: EventSelection, limit: int, offset: int) -> Steps[bytes]:
    """The JSON array of some of the events, in the selection's order."""
    by_time = not (yield from _is_about_few(selection))
    return as_array((yield selection.query(_LIST, by_time=by_time, limit=limit, offset=offset)))


@intent
def list_feed(selection: EventSelection, after: EventPlace | None, most: int) -> Steps[EventFeed]:
    """Some of the events, the newest first, of those that come after a place; and where the following ones begin.

    Of what no index finds there may be fewer events than `most`, or none, and yet a place to go on from.
    """
    selection, place, key = replace(selection, order=NEWEST), "true", {}
    if after is not None:
        selection, place = selection.within(until=after.occurred), f"{_PLACE} < (:after_occurred, :after_id)"
        key = _key("after", after)
    text, by_time, end = _FEED, True, None
    if selection.named and (names := (yield from _names_in(selection))) is not None:
        text, key = _FEED_OF_NAMES[selection.dialect], {**key, "names": json.dumps(names)}
    elif (yield from _is_about_few(selection)):
        by_time = False
    elif not selection.is_found:
        text, end = _FEED_BY_TIME[selection.dialect], (yield from _end(selection, place, key))
    if end is not None:
        selection, place = selection.within(since=end.occurred), f"{place} and {_PLACE} >= (:end_occurred, :end_id)"
        key |= _key("end", end)
    rows = yield selection.query(text.replace("{place}", place), by_time=by_time, limit=most + 1, **key)
    found = [_decode(row[0]) for row in rows]
    if 0 < most < len(found):
        end = EventPlace(occurred=found[most - 1].occurred, id=found[most - 1].id)
    return EventFeed(events=found[:most], next=end)


_PLACE = "(events.occurred, events.id)"


def _key(name: str, place: EventPlace) -> dict[str, Any]:
    return {f"{name}_occurred": to_micros(place.occurred), f"{name}_id": str(place.id)}


def _names_in(selection: EventSelection) -> Steps[list[str] | None]:
    """The names of events that fit, whenever they occurred; None where there are too many to look for one by one."""
    names = [row[0] for row in (yield selection.query(_NAMES, most=MOST_NAMES + 1))]
    return names if len(names) <= MOST_NAMES else None


def _is_about_few(selection: EventSelection) -> Steps[bool]:
    """Whether there are few events, whenever they occurred, about what may be one of many."""
    if not selection.about:
        return False
    return bool((yield selection.query(_ABOUT, most=FEW + 1))[0][0] <= FEW)


def _end(selection: EventSelection, place: str, key: dict[str, Any]) -> Steps[EventPlace | None]:
    """The place of the last event that is looked at; None where all are."""
    rows = yield selection.query(_END.replace("{place}", place), **key, most=MOST_LOOKED_AT - 1)
    return EventPlace(occurred=from_micros(rows[0][0]), id=UUID(rows[0][1])) if len(rows) == 2 else None
