"""Things on their way to the server: queued, sent in batches by a thread, confirmed, flushed at the end.

One outbox carries events (`POST /events`), another logs (`POST /logs/`). A batch counts as sent when the
server has answered; until then it is sent again, so the server must know an event by its id, which it does.
Confirmed batches are why this is not the events socket that Prefect's client uses: a frame written to a
socket may be lost without anybody knowing.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from penstock.errors import PenstockError, ServerFault, ServerUnreachable, Unavailable

T = TypeVar("T")

MOST_WAITING = 50_000
MOST_IN_BATCH = 500
PATIENCE_SECONDS = 10.0

log = logging.getLogger("penstock.client.outbox")
_open: weakref.WeakSet[Outbox[Any]] = weakref.WeakSet()


class Outbox(Generic[T]):
    """Takes items from any thread at once and sends them in order.

    `send` is called in the outbox's own thread with up to `batch` items and raises a `PenstockError` when
    they did not arrive: one that may pass (no answer, 5xx) is tried again, of a refused batch the halves
    are tried, and a single refused item is logged and dropped. `pause` is how long the first item of a
    batch waits for company; a flush does not wait for it. With `MOST_WAITING` items queued a producer
    waits for room, and while the server can't be reached new items are dropped and counted in `lost`.
    """

    def __init__(self, name: str, send: Callable[[Sequence[T]], None], *, pause: float, batch: int = MOST_IN_BATCH):
        self._name = name
        self._send = send
        self._pause = pause
        self._batch = batch
        self.lost = 0
        self._prepare()
        _open.add(self)

    def _prepare(self) -> None:
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._hurry = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._sending = 0
        self._failing = False

    def put(self, item: T) -> None:
        """Queues one item. Nothing is sent any more once the outbox is closed."""
        self._waiting.append(item)  # atomic, and read by the thread after it has declared itself gone
        if self._thread is None or len(self._waiting) > MOST_WAITING:
            self._attend()

    def flush(self, timeout: float = PATIENCE_SECONDS) -> bool:
        """Waits until all that was put has been answered for; False when time ran out first."""
        with self._changed:
            if self._is_empty():
                return True
            self._start()
            self._hurry.set()
            return self._changed.wait_for(self._is_empty, timeout)

    def close(self, timeout: float = PATIENCE_SECONDS) -> bool:
        """Flushes and ends the thread; False when something was left unsent."""
        done = self.flush(timeout)
        self._stop.set()
        self._hurry.set()
        if not done:
            log.error("gave up sending", extra={"outbox": self._name, "unsent": len(self._waiting) + self._sending})
        return done

    def _attend(self) -> None:
        """Starts the thread; when the queue is full, waits for room or lets the newest item go."""
        with self._changed:
            self._start()
            while len(self._waiting) > MOST_WAITING and not self._stop.is_set():
                if self._failing:
                    self._waiting.pop()
                    self.lost += 1
                    return
                self._changed.wait(1.0)

    def _start(self) -> None:
        if self._thread is None and not self._stop.is_set():
            self._thread = threading.Thread(target=self._work, name=f"penstock-{self._name}", daemon=True)
            self._thread.start()

    def _is_empty(self) -> bool:
        return not self._waiting and not self._sending

    def _work(self) -> None:
        while not self._stop.is_set():
            self._hurry.wait(self._pause)
            batch = self._take()
            if batch:
                self._deliver(batch)
                self._delivered()
            elif self._rest():
                return

    def _take(self) -> list[T]:
        with self._changed:
            batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            self._sending = len(batch)
            return batch

    def _deliver(self, batch: Sequence[T]) -> None:
        wait = 0.5
        while not self._stop.is_set():
            try:
                self._send(batch)
                self._failing = False
                return
            except (ServerUnreachable, ServerFault, Unavailable) as error:
                self._failing = True
                log.warning("not sent, trying again", extra={"outbox": self._name, "error": str(error)})
                self._stop.wait(wait)
                wait = min(wait * 2, 30.0)
            except PenstockError as error:
                self._refused(batch, error)
                return

    def _refused(self, batch: Sequence[T], error: PenstockError) -> None:
        """The server will not have it: finds the one item it will not have."""
        if len(batch) == 1:
            self.lost += 1
            log.error("refused by the server", extra={"outbox": self._name, "error": str(error)})
            return
        middle = len(batch) // 2
        self._deliver(batch[:middle])
        self._deliver(batch[middle:])

    def _delivered(self) -> None:
        with self._changed:
            self._sending = 0
            self._changed.notify_all()

    def _rest(self) -> bool:
        """Nothing is waiting: ends the thread until the next item comes, unless that has come just now."""
        with self._changed:
            me, self._thread = self._thread, None
            if self._waiting:
                self._thread = me
                return False
            self._hurry.clear()
            self._changed.notify_all()
            return True


def _flush_all() -> None:
    for outbox in list(_open):
        outbox.flush()


def _forget_all() -> None:
    """A forked child has neither its parent's threads nor its parent's duty to send what is queued."""
    for outbox in list(_open):
        outbox._prepare()


atexit.register(_flush_all)
os.register_at_fork(after_in_child=_forget_all)
