"""The events: a feed that goes on by key, how many there were, and one of them with all that it says."""

from __future__ import annotations

import msgspec

from penstock.errors import NotFound
from penstock.server.bind import Reply
from penstock.ui.event_facts import USUAL, WINDOWS, Asked, counts, list_page, thing
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.templating import pretty
from penstock.wire import events as wire
from penstock.wire.events import FeedQuery

DRAWN_AT_ONCE = ("1h",)
"""The times whose histogram comes with the page; that of a longer one comes after it, where an index can count."""


@page("GET", "/events")
async def show_all(at: Reader) -> Reply:
    """A page of events, the newest first."""
    asked = asked_by(at)
    feed, older = await list_page(at.api, asked, at.asked("after"))
    is_short = asked.window in DRAWN_AT_ONCE
    return at.render(
        "events.html",
        asked=asked,
        chart=await counts(at.api, asked) if is_short else None,
        counts=is_short or not asked.involved,
        events=[(one, thing(one.resource)) for one in feed.events],
        older=older,
        windows={key: words for key, (words, _) in WINDOWS.items()},
    )


@page("GET", "/events/chart")
async def chart(at: Reader) -> Reply:
    """The histogram alone, of the same words in the address."""
    return at.render("events_chart.html", chart=await counts(at.api, asked_by(at)))


@page("GET", "/events/{id}")
async def show(at: Reader, id: str) -> Reply:
    """One event. Raises `NotFound` for one that is not kept any more."""
    feed = await at.api.call(wire.list_feed, FeedQuery(filter={"id": {"id": [str(id_in(id))]}}, limit=1))
    if not feed.events:
        raise NotFound(f"There is no event {id}; events are kept for a time only.")
    (event,) = feed.events
    return at.render(
        "event.html",
        event=event,
        about=thing(event.resource),
        related=[thing(one) for one in event.related],
        whole=pretty(msgspec.to_builtins(event)),
    )


def asked_by(at: Reader) -> Asked:
    """The selection that the address names; what it can't mean is left out."""
    window = at.asked("when", USUAL)
    return Asked(
        now=at.now,
        prefix=at.asked("name")[:200].rstrip("*"),
        resource=at.asked("resource")[:300],
        involved=at.asked("involved") == "yes",
        window=window if window in WINDOWS else USUAL,
    )
