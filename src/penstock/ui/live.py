"""What comes while a page is open, as server-sent events: hints that something changed, and the lines of a run's log.

Each stream is bounded: in what may wait for it, in how long it lasts (then the browser asks again, through the gate),
and all together in their number.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from penstock.clock import utc_now
from penstock.core import log_filters
from penstock.errors import Unavailable
from penstock.server.bind import Headers
from penstock.server.broadcast import Subscription
from penstock.server.site import Stream
from penstock.ui.log_views import names_of_tasks
from penstock.ui.templating import rendered
from penstock.wire import events, logs
from penstock.wire.events import EventQuery, ReceivedEvent
from penstock.wire.logs import Log
from penstock.wire.model import Criteria

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.ui.site import Dashboard

MOST_STREAMS = 200
QUIET = 10.0
"""Seconds after which a silent stream says that it lives, and looks for what no hint told of."""
CALM, CALMER = 1.0, 4.0
"""Least seconds between two hints, about one thing and about many: a busy server should not make its readers busy."""
LASTS = timedelta(minutes=10)
REMEMBERED = 2_000
CHANGED = b"event: changed\ndata: 1\n\n"
HEADERS: Headers = [(b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]


def hints(site: Dashboard, about: str, since: datetime) -> Stream:
    """`changed`, soon after anything happened to what has this beginning of its id. Raises `Unavailable` when full.

    `since` is when the page was made: what happened before the stream began is told of at once.
    """
    _check_room(site)
    return Stream(_hints(site, about, since), HEADERS)


def log_lines(site: Dashboard, wanted: dict[str, Any], after: datetime) -> Stream:
    """`lines` of a run's log from a moment on, as they are shown on its page. Raises `Unavailable` when full."""
    _check_room(site)
    return Stream(_log_lines(site, wanted, after), HEADERS)


def touches(event: ReceivedEvent, about: str) -> bool:
    """Whether an event is about something, itself or as what it belongs to."""
    return any(str(one.get("prefect.resource.id", "")).startswith(about) for one in (event.resource, *event.related))


async def _hints(site: Dashboard, about: str, since: datetime) -> AsyncIterator[bytes]:
    subscription = site.hub.subscribe_events(lambda event: touches(event, about))
    ends = utc_now() + LASTS
    with _counted(site, subscription):
        yield CHANGED if await _happened(site, about, since) else b": here\n\n"
        while utc_now() < ends and not subscription.dropped:
            yield CHANGED if await _some(subscription) else b": still here\n\n"
            await asyncio.sleep(CALMER if about.endswith(".") else CALM)


async def _happened(site: Dashboard, about: str, since: datetime) -> bool:
    """Whether there is an event about something since a moment."""
    wanted = {"occurred": {"since": since.isoformat()}, "any_resource": {"id_prefix": [about]}}
    return bool((await site.api.call(events.filter_events, EventQuery(filter=wanted, limit=1))).events)


async def _log_lines(site: Dashboard, wanted: dict[str, Any], after: datetime) -> AsyncIterator[bytes]:
    subscription = site.hub.subscribe_logs(log_filters.matcher(log_filters.read_filter(wanted)))
    shown: deque[UUID] = deque(maxlen=REMEMBERED)
    names: dict[UUID | None, str] = {}
    ends = utc_now() + LASTS
    with _counted(site, subscription):
        yield b": here\n\n"
        lines = await _stored(site, wanted, after)
        while utc_now() < ends and not subscription.dropped:
            fresh = [line for line in lines if line.id not in shown]
            shown.extend(line.id for line in fresh)
            after = max([after, *(line.timestamp for line in fresh)])
            if "task_run_id" not in wanted:
                names |= await names_of_tasks(site.api, [one for one in fresh if one.task_run_id not in names])
            yield _lines_event(site, fresh, names) if fresh else b": still here\n\n"
            lines = await _some(subscription) or await _stored(site, wanted, after)


def _lines_event(site: Dashboard, lines: list[Log], names: Mapping[UUID | None, str]) -> bytes:
    """The lines as the page shows them, each line of the markup as data of one event."""
    markup = rendered("log_lines.html", lines=lines, names=names, base=site.base)
    return b"event: lines\n" + b"".join(b"data: %s\n" % part.encode() for part in markup.splitlines()) + b"\n"


async def _stored(site: Dashboard, wanted: dict[str, Any], after: datetime) -> list[Log]:
    """What the database has: written before the stream began, or through another server."""
    since = {**wanted, "timestamp": {"after_": after.isoformat()}}
    return await site.api.call(logs.filter_logs, Criteria(logs=since, sort="TIMESTAMP_ASC", limit=200))


async def _some(subscription: Subscription[Any]) -> list[Any]:
    """What came, or nothing after a while of silence."""
    try:
        return await asyncio.wait_for(subscription.next(), QUIET)
    except TimeoutError:
        return []


def _check_room(site: Dashboard) -> None:
    if site.streams >= MOST_STREAMS or site.hub.stopping:
        raise Unavailable("Too many pages are followed live just now; this one shows what was when it was loaded.")


@contextmanager
def _counted(site: Dashboard, subscription: Subscription[Any]) -> Iterator[None]:
    site.streams += 1
    try:
        yield
    finally:
        site.streams -= 1
        site.hub.unsubscribe(subscription)
