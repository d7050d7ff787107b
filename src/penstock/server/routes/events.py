"""Events: taken in, listed page by page, counted."""

from __future__ import annotations

import base64
import binascii
import math
from datetime import UTC, datetime, timedelta

import msgspec

from penstock.core.event_filters import EventFilter, Occurred, read_filter
from penstock.errors import BadRequest, InvalidRequest
from penstock.server.bind import Encoded, Request, handles
from penstock.server.bodies import BodyInvalid
from penstock.server.intake import received
from penstock.store.event_counts import count_by_name, count_by_resource, count_by_time, count_events
from penstock.store.event_lists import list_events, list_feed
from penstock.store.event_selection import EventSelection, select_events
from penstock.store.filters import bounded
from penstock.wire import events as wire
from penstock.wire.events import Event, EventCount, EventCountQuery, EventFeed, EventQuery, FeedQuery
from penstock.wire.model import encode

MOST = 50
"""Default and highest number of events on a page."""
MOST_BUCKETS = 1_000
LOOKED_BACK = timedelta(days=180)
UNITS = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
COUNTABLE = ("day", "time", "event", "resource")


class PageToken(msgspec.Struct, frozen=True):
    """What the address of a following page holds; the total is counted once, for the first page."""

    filter: EventFilter
    count: int
    page_size: int
    offset: int


@handles(wire.create_events)
async def create(at: Request, body: list[Event]) -> None:
    """Takes events; they are written when this returns."""
    limits = at.settings.server.events
    await at.recorder.record([received(event, limits, at.now) for event in body])


@handles(wire.filter_events)
async def list_first(at: Request, body: EventQuery) -> Encoded:
    """The first page of the events a filter finds, the newest first unless asked otherwise."""
    if not 0 <= body.limit <= MOST:
        raise InvalidRequest(f"Input should be between 0 and {MOST}", loc=("body", "limit"))
    wanted = read_filter(body.filter or {})
    since, until = _window(wanted, at.now)  # closed, so that all pages show the same events
    wanted = msgspec.structs.replace(wanted, occurred=Occurred(since=since, until=until))
    total = await at.store.scan(count_events(_select(at, wanted)))
    return await _page(at, PageToken(wanted, total, body.limit, 0))


@handles(wire.next_events)
async def list_next(at: Request) -> Encoded:
    """A following page, by the token that the page before gave."""
    try:
        raw = base64.b64decode(at.query.get("page-token", ""), validate=True)
        token = msgspec.json.decode(base64.b64decode(raw, validate=True), type=PageToken)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise BadRequest("The page token can't be understood; ask for the first page again.") from None
    return await _page(at, token)


@handles(wire.list_feed)
async def list_some(at: Request, body: FeedQuery) -> EventFeed:
    """Events by key, without their number."""
    return await at.store.scan(list_feed(_select(at, read_filter(body.filter or {})), body.after, bounded(body.limit)))


@handles(wire.count_events)
async def count(at: Request, body: EventCountQuery, countable: str) -> list[EventCount]:
    """Events counted by day, span of time, name or resource."""
    if countable not in COUNTABLE:
        raise BodyInvalid("enum", ("countable",), "Input should be 'day', 'time', 'event' or 'resource'", countable)
    wanted = read_filter(body.filter)
    selection = _select(at, wanted)
    if countable == "event":
        return await at.store.scan(count_by_name(selection))
    if countable == "resource":
        return await at.store.scan(count_by_resource(selection))
    unit, interval = (body.time_unit, body.time_interval) if countable == "time" else ("day", 1.0)
    start, span, spans = _spans(*_window(wanted, at.now), unit, interval)
    return await at.store.scan(count_by_time(selection, start, span, spans))


async def _page(at: Request, token: PageToken) -> Encoded:
    events = await at.store.scan(list_events(_select(at, token.filter), token.page_size, token.offset))
    following = token.offset + token.page_size
    link = None
    if token.page_size and following < token.count:
        link = _link(at, msgspec.structs.replace(token, offset=following))
    tail = encode({"total": token.count, "next_page": link})
    return Encoded(b'{"events":' + events + b"," + tail[1:])


def _link(at: Request, token: PageToken) -> str:
    text = base64.b64encode(base64.b64encode(encode(token))).decode()
    host = at.header("host") or "localhost"
    scheme = at.header("x-forwarded-proto") or "http"
    return f"{scheme}://{host}/api/events/filter/next?page-token={text.replace('+', '%2B').replace('=', '%3D')}"


def _select(at: Request, wanted: EventFilter) -> EventSelection:
    return select_events(wanted, at.store.dialect, at.now - LOOKED_BACK, at.now)


def _window(wanted: EventFilter, now: datetime) -> tuple[datetime, datetime]:
    window = wanted.occurred or Occurred()
    return window.since or now - LOOKED_BACK, window.until or now


def _spans(since: datetime, until: datetime, unit: str, interval: float) -> tuple[datetime, timedelta, int]:
    """The first span's beginning (a round one), the length of a span, and how many there are."""
    if unit not in UNITS:
        raise InvalidRequest("Input should be 'week', 'day', 'hour', 'minute' or 'second'", loc=("body", "time_unit"))
    if interval < 0.01:
        raise InvalidRequest("Input should be greater than or equal to 0.01", loc=("body", "time_interval"))
    seconds = UNITS[unit] * interval
    start = datetime.fromtimestamp(since.timestamp() // seconds * seconds, UTC)
    spans = max(math.ceil((until - start).total_seconds() / seconds), 1)
    if spans > MOST_BUCKETS:
        raise InvalidRequest(
            f"That makes {spans} spans and {MOST_BUCKETS} are the most: ask for longer ones, or a shorter time."
        )
    return start, timedelta(seconds=seconds), spans
