"""Events from the store for those who listen: what they missed, and what other replicas wrote."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from penstock.clock import to_micros, utc_now
from penstock.core.event_filters import EventFilter, matcher
from penstock.errors import PenstockError
from penstock.server.bind import Services
from penstock.server.broadcast import Broadcast
from penstock.store.database import Database
from penstock.store.event_feed import Place, read_after
from penstock.wire.events import ReceivedEvent

PAGE = 500
GATHER_FOR = 0.02
"""Seconds in which hints of other replicas become one look."""
LOOK_BACK = timedelta(seconds=2)
"""How far clocks and commits of replicas may be apart."""
REMEMBERED = 20_000

_decode = msgspec.json.Decoder(ReceivedEvent).decode
_log = logging.getLogger("penstock.server.backfill")


async def stored_events(services: Services, wanted: EventFilter, since: datetime) -> AsyncIterator[ReceivedEvent]:
    """The stored events since a time that a filter wants, oldest first."""
    wants = matcher(wanted)
    size = services.settings.server.events.websocket_backfill_page_size
    place = Place(to_micros(since) - 1)
    while True:
        docs, place = await services.store.scan(read_after(place, size))
        for doc in docs:
            event = _decode(doc)
            if wants(event):
                yield event
        if len(docs) < size:
            return


class Tail:
    """Shows this process's subscribers the events that other replicas wrote.

    A replica's hint says that there are some; the store says which. Those shown here already are left out.
    """

    def __init__(self, store: Database, hub: Broadcast) -> None:
        self._store = store
        self._hub = hub
        self._place = Place(to_micros(utc_now()))
        self._seen: OrderedDict[UUID, None] = OrderedDict()
        self._looking: asyncio.Task[None] | None = None
        self._again = False
        hub.on_foreign_events = self.look
        hub.on_own_events = self.remember

    def look(self) -> None:
        """Looks soon; while it looks, once more afterwards."""
        self._again = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="tail")

    def remember(self, ids: list[UUID]) -> None:
        """Notes events that this process's subscribers have seen."""
        for event_id in ids:
            self._seen[event_id] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    async def _look(self) -> None:
        while self._again:
            await asyncio.sleep(GATHER_FOR)
            self._again = False
            try:
                await self._read_new()
            except PenstockError as error:
                _log.warning("events of other replicas could not be read", extra={"reason": error.message})

    async def _read_new(self) -> None:
        back = LOOK_BACK // timedelta(microseconds=1)
        place, full = Place(max(self._place.occurred - back, to_micros(utc_now()) - 15 * back)), True
        while full:
            docs, place = await self._store.scan(read_after(place, PAGE))
            full = len(docs) == PAGE
            events = [event for event in map(_decode, docs) if event.id not in self._seen]
            self.remember([event.id for event in events])
            self._hub.show_events(events)
        self._place = Place(max(place.occurred, self._place.occurred))
