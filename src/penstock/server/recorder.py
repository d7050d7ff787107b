"""Keeps the events that clients report, in batches, and tells those who listen.

A lone event is written at once; what comes while a write is under way goes with the next one. The
queue is bounded: who brings more waits. While the database is away events wait too, in order. An
event that can't be written alone either is put aside after a few tries, said once, and holds up
nobody else.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from uuid import UUID

from penstock.errors import InvalidRequest, Unavailable
from penstock.server.broadcast import Broadcast
from penstock.store.database import Database, Intent
from penstock.wire.events import ReceivedEvent

MOST_WAITING = 20_000
BATCH = 1_000
REMEMBERED = 20_000
"""Ids by which an event that is sent twice is known."""
POISON_TRIES = 3
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0
STOP_WITHIN = 20.0

Sink = Callable[[Sequence[ReceivedEvent]], Intent[None]]
"""The intent that writes events; to be harmless for events that are there already."""

_log = logging.getLogger("penstock.server.recorder")


class Recorder:
    """The queue between those who report events and the store."""

    def __init__(self, store: Database, hub: Broadcast, sink: Sink) -> None:
        self._store = store
        self._hub = hub
        self._sink = sink
        self._queue: deque[ReceivedEvent] = deque()
        self._receipts: dict[UUID, asyncio.Future[None] | None] = {}
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._settled = asyncio.Event()
        self._seen: OrderedDict[UUID, None] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.set_aside: deque[UUID] = deque(maxlen=1_000)
        """Ids of the events that could not be written."""
        self.recorded = 0
        """Events written so far."""

    def start(self) -> None:
        """Begins to write."""
        self._task = asyncio.create_task(self._run(), name="recorder")

    async def stop(self) -> None:
        """Writes what waits, for a while at most, and ends."""
        self._stopping = True
        self._news.set()
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=STOP_WITHIN)
        if not done:
            self._task.cancel()
            _log.error("events were lost because the database stayed away", extra={"events": len(self._queue)})

    @property
    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        if self._task is not None and self._task.done() and not self._stopping:
            return "the event recorder has died"
        return None

    @property
    def waiting(self) -> int:
        """Events not written yet."""
        return len(self._queue)

    async def accept(self, event: ReceivedEvent) -> None:
        """Takes an event; waits while the queue is full. One that was taken before is left out."""
        if not self._room.is_set():
            await self._room.wait()
        if self._is_new(event.id):
            self._put(event)

    async def record(self, events: Sequence[ReceivedEvent]) -> None:
        """Takes events and returns when all of them are written, also those that were taken before.

        Raises `InvalidRequest` when one can't be.
        """
        await self._room.wait()
        for event in events:
            if self._is_new(event.id):
                self._put(event)
        waiting = [event.id for event in events if event.id in self._receipts]
        await asyncio.gather(*[asyncio.shield(self._receipt(event_id)) for event_id in waiting])

    def _receipt(self, event_id: UUID) -> asyncio.Future[None]:
        """What is done when a waiting event is written; one for all who ask."""
        receipt = self._receipts[event_id]
        if receipt is None:
            receipt = self._receipts[event_id] = asyncio.get_running_loop().create_future()
        return receipt

    async def settled(self) -> None:
        """Returns when nothing waits; for tests and orderly ends."""
        while self._queue or not self._settled.is_set():
            self._settled.clear()
            self._news.set()
            await self._settled.wait()

    def _is_new(self, event_id: UUID) -> bool:
        if event_id in self._seen:
            return False
        self._seen[event_id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _put(self, event: ReceivedEvent) -> None:
        self._queue.append(event)
        self._receipts[event.id] = None
        self._news.set()
        if len(self._queue) >= MOST_WAITING:
            self._room.clear()

    async def _run(self) -> None:
        while self._queue or not self._stopping:
            if not self._queue:
                self._settled.set()
                self._news.clear()
                await self._news.wait()
                continue
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            await self._keep(batch)
            if len(self._queue) < MOST_WAITING // 2:
                self._room.set()
        self._settled.set()

    async def _keep(self, batch: list[ReceivedEvent]) -> None:
        """Writes a batch; one that fails is halved until the bad event stands alone."""
        try:
            await self._write(batch, tries=POISON_TRIES if len(batch) == 1 else 1)
        except Exception as error:
            if len(batch) == 1:
                self._put_aside(batch[0], error)
                return
            middle = len(batch) // 2
            await self._keep(batch[:middle])
            await self._keep(batch[middle:])
            return
        self.recorded += len(batch)
        for event in batch:
            receipt = self._receipts.pop(event.id, None)
            if receipt is not None:
                receipt.set_result(None)
        self._hub.publish_events(batch)

    async def _write(self, events: list[ReceivedEvent], tries: int) -> None:
        """Writes events; as long as the database is away it tries again, other errors only count down."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._store.write(self._sink(events))
            except Unavailable as error:
                _log.warning("events wait for the database", extra={"reason": error.message})
            except Exception:
                tries -= 1
                if tries <= 0:
                    raise
            else:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _put_aside(self, event: ReceivedEvent, error: Exception) -> None:
        self.set_aside.append(event.id)
        self._seen.pop(event.id, None)  # who sends it again is told again
        _log.error(
            "an event could not be written and was put aside",
            extra={"event_id": str(event.id), "event": event.event},
            exc_info=error,
        )
        receipt = self._receipts.pop(event.id, None)
        if receipt is not None:
            receipt.set_exception(InvalidRequest(f"The event {event.id} could not be written: {error}"))
