"""Tells those who wait: claims that a run is due, subscribers that an event or a log line came.

All of it is a hint. A waiter that missed one finds the same by looking at the database, so nothing
here ever blocks a writer: a subscriber that does not keep up is dropped (events, which it can have
again from the store) or loses lines with a count (logs). On PostgreSQL the hints reach the other
replicas through LISTEN/NOTIFY.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

import msgspec

from penstock.server.lines import Lines
from penstock.store.database import Database
from penstock.wire.events import ReceivedEvent
from penstock.wire.logs import Log

T = TypeVar("T")

RUNS_CHANNEL = "penstock_runs"
EVENTS_CHANNEL = "penstock_events"
SCHEDULES = "schedules"
"""The topic that is woken when a deployment or a schedule changed, so that its runs are planned at once."""
COLLISIONS = "collisions"
"""The topic that is woken when a run may have found its deployment full, which is not to wait."""
PUSH_POOLS = "push pools"
"""The topic that is woken when a push pool was made, changed or deleted."""
MOST_WAITING = 10_000
"""Items a subscriber may be behind."""

_decode_event = msgspec.json.Decoder(ReceivedEvent).decode


class Subscription(Generic[T]):
    """One subscriber's bounded queue; `lost` counts what it could not take, `dropped` ends it."""

    def __init__(self, wants: Callable[[T], bool], *, drop: bool, most: int = MOST_WAITING) -> None:
        self.lost = 0
        self.dropped = False
        self._wants = wants
        self._drop = drop
        self._most = most
        self._items: deque[T] = deque()
        self._news = asyncio.Event()

    def offer(self, items: Iterable[T]) -> None:
        """Takes those of the items that are wanted; never waits."""
        for item in items:
            if self.dropped or not self._wants(item):
                continue
            if len(self._items) < self._most:
                self._items.append(item)
            else:
                self.lost += 1
                self.dropped = self._drop
        if self._items or self.dropped:
            self._news.set()

    async def next(self) -> list[T]:
        """All that came since the last call, waiting for the first; empty once it was dropped or closed."""
        while not self._items and not self.dropped:
            self._news.clear()
            await self._news.wait()
        taken = list(self._items)
        self._items.clear()
        return taken

    def close(self) -> None:
        """Ends it: `next` gives what is left, then nothing."""
        self.dropped = True
        self._news.set()


class Broadcast:
    """The hub of one server process."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self._me = uuid4().hex[:12]
        self._positions: dict[str, int] = {}
        self._waiters: dict[str, set[asyncio.Future[None]]] = {}
        self._callbacks: dict[str, list[Callable[[], None]]] = {}
        self._events: set[Subscription[ReceivedEvent]] = set()
        self._logs: set[Subscription[Log]] = set()
        self._to_tell: dict[str, set[str]] = {}
        self._telling: asyncio.Task[None] | None = None
        self.lines = Lines()
        """Those who wait for runs; a wake-up of their topic has one of each line look."""
        self.stopping = False
        """Whether the server ends, so that nobody should begin to wait."""
        self.on_foreign_events: Callable[[], None] | None = None
        """Called when another replica wrote events."""
        self.on_own_events: Callable[[list[UUID]], None] | None = None
        """Called with the ids of the events this process's subscribers are shown."""

    async def attach(self) -> None:
        """Begins to hear the other replicas."""
        if self._store.listens:
            await self._store.listen(RUNS_CHANNEL, self._heard_runs)
            await self._store.listen(EVENTS_CHANNEL, self._heard_events)

    def wake(self, pool_id: UUID | str) -> None:
        """Says that a run of a pool became due or may now be taken; here and on the other replicas."""
        pool = str(pool_id)
        self._wake_here(pool)
        self._tell(RUNS_CHANNEL, pool)

    def when(self, topic: str, callback: Callable[[], None]) -> None:
        """Calls back at each `wake` of a topic."""
        self._callbacks.setdefault(topic, []).append(callback)

    def position(self, pool_id: UUID | str) -> int:
        """Counts the wake-ups of a pool; taken before a look, it lets `wait_for_run` miss none."""
        return self._positions.get(str(pool_id), 0)

    async def wait_for_run(self, pool_id: UUID | str, seconds: float, *, since: int | None = None) -> bool:
        """Waits for the next wake-up of a pool; False when the time is over or the server stops."""
        pool = str(pool_id)
        if self.stopping or seconds <= 0:
            return False
        if since is not None and since != self._positions.get(pool, 0):
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(pool, set())
        waiters.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            return False
        finally:
            waiters.discard(waiter)
            if not waiters:
                self._waiters.pop(pool, None)
        return not self.stopping

    def publish_events(self, events: Sequence[ReceivedEvent | bytes]) -> None:
        """Hands events that are committed to the subscribers, and hints to the other replicas."""
        if events:
            self._tell(EVENTS_CHANNEL, "")
        self.show_events(events)

    def show_events(self, events: Sequence[ReceivedEvent | bytes]) -> None:
        """Hands events to the subscribers of this process only."""
        if self._events and events:
            read = [_decode_event(event) if isinstance(event, bytes) else event for event in events]
            if self._store.listens and self.on_own_events:
                self.on_own_events([event.id for event in read])
            for subscription in tuple(self._events):
                subscription.offer(read)

    def publish_logs(self, logs: Sequence[Log]) -> None:
        """Hands log lines to the subscribers of this process."""
        for subscription in tuple(self._logs):
            subscription.offer(logs)

    @property
    def has_log_subscribers(self) -> bool:
        """Whether anybody reads along; without, lines need not be made for them."""
        return bool(self._logs)

    def subscribe_events(self, wants: Callable[[ReceivedEvent], bool]) -> Subscription[ReceivedEvent]:
        """A subscription to events; `unsubscribe` ends it."""
        subscription = Subscription(wants, drop=True)
        self._events.add(subscription)
        return subscription

    def subscribe_logs(self, wants: Callable[[Log], bool]) -> Subscription[Log]:
        """A subscription to log lines; `unsubscribe` ends it."""
        subscription = Subscription(wants, drop=False)
        self._logs.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription[Any]) -> None:
        """Ends a subscription; a second time does nothing."""
        self._events.discard(subscription)
        self._logs.discard(subscription)
        subscription.close()

    def stop(self) -> None:
        """Ends every wait and subscription, so that the server can go."""
        self.stopping = True
        if self._telling:
            self._telling.cancel()  # a hint to the others, not worth the wait; the database is about to close
        for pool in list(self._waiters):
            self._wake_here(pool)
        self.lines.stop()
        everybody: list[Subscription[Any]] = [*self._events, *self._logs]
        for subscription in everybody:
            self.unsubscribe(subscription)

    def _wake_here(self, pool: str) -> None:
        self._positions[pool] = self._positions.get(pool, 0) + 1
        for waiter in self._waiters.get(pool, ()):
            if not waiter.done():
                waiter.set_result(None)
        self.lines.hint(pool)
        for callback in self._callbacks.get(pool, ()):
            callback()

    def _tell(self, channel: str, payload: str) -> None:
        """Tells the other replicas; what piles up while a message is under way goes with the next."""
        if not self._store.listens or self.stopping:
            return
        self._to_tell.setdefault(channel, set()).add(payload)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_all())

    async def _tell_all(self) -> None:
        while self._to_tell:
            channel, payloads = self._to_tell.popitem()
            for payload in payloads:
                await self._store.notify(channel, f"{self._me} {payload}")

    def _heard_runs(self, message: str) -> None:
        sender, _, pool = message.partition(" ")
        if sender != self._me:
            self._wake_here(pool)

    def _heard_events(self, message: str) -> None:
        if message.partition(" ")[0] != self._me and self.on_foreign_events and self._events:
            self.on_foreign_events()
